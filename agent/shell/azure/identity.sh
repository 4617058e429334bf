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

# identity_is_uuid TEXT: a UUID in lower case.
identity_is_uuid() {
	uuid_4='[0-9a-f][0-9a-f][0-9a-f][0-9a-f]'
	# shellcheck disable=SC2254  # a pattern
	case $1 in $uuid_4$uuid_4-$uuid_4-$uuid_4-$uuid_4-$uuid_4$uuid_4$uuid_4) ;; *) return 1 ;; esac
}

# identity_from_dmi: sets vm_id as Azure shows it; empty where DMI holds none: clones must not share a zero
# id.
identity_from_dmi() {
	vm_id=
	identity_dmi product_uuid
	for identity_letter in Aa Bb Cc Dd Ee Ff; do
		text_replaced "$_dmi" "${identity_letter%?}" "${identity_letter#?}"
		_dmi=$_replaced
	done
	identity_is_uuid "$_dmi" || return 0
	# One digit throughout is no id.
	text_replaced "$_dmi" "${_dmi%"${_dmi#?}"}" ''
	[ "$_replaced" != ---- ] || return 0
	vm_id=$_dmi
	place_exists /sys/firmware/efi || place_exists /dev/efi || identity_swap_fields
}

# identity_swap_fields: SMBIOS of a generation 1 VM keeps the first three fields of the id little-endian.
identity_swap_fields() {
	identity_rest=$vm_id
	vm_id=
	for _ in 1 2 3; do
		identity_field=${identity_rest%%-*}
		identity_rest=${identity_rest#*-}
		identity_swapped=
		while [ -n "$identity_field" ]; do
			identity_swapped=${identity_field%"${identity_field#??}"}$identity_swapped
			identity_field=${identity_field#??}
		done
		vm_id=$vm_id$identity_swapped-
	done
	vm_id=$vm_id$identity_rest
}

# identify: the VM id from IMDS where DMI has none. Fails where neither has one.
identify() {
	[ -z "$vm_id" ] || return 0
	imds_read || return
	vm_id=$(tr 'A-F' 'a-f' <"$work/compute.vmId")
	identity_is_uuid "$vm_id" || {
		set -- "$vm_id"
		vm_id=
		fail vm_id_unknown 'neither DMI nor IMDS holds a VM id' "value=$1"
	}
}
