# identity.sh: who am I: the VM id, and whether this is Azure at all.

# identity_dmi NAME: sets _dmi; empty where there is no DMI. By what the shell itself can do: the fast path
# runs this at every boot.
identity_dmi() {
	_dmi=
	place_to_read "/sys/class/dmi/id/$1"
	{
		while IFS= read -r identity_line || [ -n "$identity_line" ]; do
			_dmi=$_dmi$identity_line
		done <"$_path"
	} 2>/dev/null
	log_plain "$_dmi"
	_dmi=$_plain
	while case $_dmi in ' '*) ;; *) false ;; esac do _dmi=${_dmi# }; done
	while case $_dmi in *' ') ;; *) false ;; esac do _dmi=${_dmi% }; done
}

# identity_is_not_azure: whether the chassis asset tag says so. No DMI at all: maybe Azure.
identity_is_not_azure() {
	identity_dmi chassis_asset_tag
	case $_dmi in '' | "$proto_AZURE_ASSET_TAG") return 1 ;; esac
	log_info "not an Azure VM (chassis asset tag '$_dmi'): nothing done; --force goes on all the same"
}

# identity_from_dmi: sets vm_id as Azure shows it; empty where DMI holds none.
identity_from_dmi() {
	identity_dmi product_uuid
	vm_id_of "$_dmi"
	[ -z "$vm_id" ] || place_exists /sys/firmware/efi || place_exists /dev/efi || vm_id_swap
}

# identify: the VM id from IMDS where DMI has none. Fails where neither has one.
identify() {
	[ -z "$vm_id" ] || return 0
	imds_read || return
	vm_id=$(tr 'A-F' 'a-f' <"$work/compute.vmId")
	vm_id_is "$vm_id" || {
		set -- "$vm_id"
		vm_id=
		fail vm_id_unknown '' "value=$1"
	}
}
