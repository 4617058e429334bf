# A VM of a marketplace image becomes a version of a Compute Gallery image, with azready in the place of its agents.
#   packer build -var-file=yours.pkrvars.hcl azure.pkr.hcl

variable "subscription_id" {
  type = string
}

variable "resource_group" {
  type = string
}

variable "gallery" {
  type = string
}

variable "image_version" {
  type    = string
  default = "0.1.0"
}

variable "azready" {
  type    = string
  default = "azready"
}

source "azure-arm" "debian" {
  use_azure_cli_auth                = true
  subscription_id                   = var.subscription_id
  build_resource_group_name         = var.resource_group
  managed_image_name                = "debian-azready-${var.image_version}"
  managed_image_resource_group_name = var.resource_group

  os_type         = "Linux"
  image_publisher = "Debian"
  image_offer     = "debian-12"
  image_sku       = "12-gen2"
  vm_size         = "Standard_D2s_v5"

  shared_image_gallery_destination {
    subscription        = var.subscription_id
    resource_group      = var.resource_group
    gallery_name        = var.gallery
    image_name          = "debian-azready"
    image_version       = var.image_version
    replication_regions = ["westeurope"]
  }
}

build {
  sources = ["source.azure-arm.debian"]

  provisioner "file" {
    source      = var.azready
    destination = "/tmp/azready"
  }

  # The last provisioner; `generalize` stands where waagent's -deprovision would.
  provisioner "shell" {
    execute_command = "chmod +x {{ .Path }}; sudo sh {{ .Path }}"
    inline = [
      "sh /tmp/azready install --replace-agents",
      "rm /tmp/azready",
      "/usr/sbin/azready generalize --yes"
    ]
  }
}
