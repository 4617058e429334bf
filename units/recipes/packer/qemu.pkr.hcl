# An image of your own, made at home: boot a cloud image, put azready in, generalize, and take the disk to Azure.
#   packer build -var disk=debian-12-generic-amd64.qcow2 -var key=~/.ssh/id_ed25519 qemu.pkr.hcl

variable "disk" {
  type = string
}

variable "key" {
  type = string
}

variable "seed" {
  type    = string
  default = "seed.iso"
}

variable "azready" {
  type    = string
  default = "azready"
}

source "qemu" "image" {
  disk_image           = true
  iso_url              = var.disk
  iso_checksum         = "none"
  format               = "raw"
  headless             = true
  memory               = 1024
  qemuargs             = [["-cdrom", var.seed]]
  ssh_username         = "root"
  ssh_private_key_file = var.key
  ssh_timeout          = "20m"
  shutdown_command     = "poweroff"
}

build {
  sources = ["source.qemu.image"]

  provisioner "file" {
    source      = var.azready
    destination = "/root/azready"
  }

  provisioner "shell" {
    inline = [
      "sh /root/azready install --replace-agents",
      "rm /root/azready",
      "/usr/sbin/azready generalize --yes"
    ]
  }

  # Azure takes a fixed VHD whose size is a whole number of MiB.
  post-processor "shell-local" {
    inline = [
      "qemu-img convert -f raw -O vpc -o subformat=fixed,force_size output-image/packer-image image.vhd"
    ]
  }
}
