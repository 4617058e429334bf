# vm_id.sh: the VM id as Azure shows it. With again.sh at the top of the file, because a boot of a machine
# that is done needs it: builtins alone, and nothing of other files.

# vm_id_is TEXT: whether it is a UUID in lower case.
vm_id_is() {
	vm_id_4='[0-9a-f][0-9a-f][0-9a-f][0-9a-f]'
	# shellcheck disable=SC2254  # a pattern
	case $1 in
	$vm_id_4$vm_id_4-$vm_id_4-$vm_id_4-$vm_id_4-$vm_id_4$vm_id_4$vm_id_4) ;;
	*) return 1 ;;
	esac
}

# vm_id_of PRODUCT_UUID: sets vm_id, the same in lower case; empty where it is none: clones must not share a
# zero id.
vm_id_of() {
	vm_id=$1
	for vm_id_letter in Aa Bb Cc Dd Ee Ff; do
		vm_id_upper=${vm_id_letter%?}
		while case $vm_id in *"$vm_id_upper"*) ;; *) false ;; esac do
			vm_id=${vm_id%%"$vm_id_upper"*}${vm_id_letter#?}${vm_id#*"$vm_id_upper"}
		done
	done
	vm_id_is "$vm_id" || vm_id=
	# One digit throughout is no id.
	vm_id_first=${vm_id%"${vm_id#?}"}
	case $vm_id in *[!"$vm_id_first"-]*) ;; *) vm_id= ;; esac
}

# vm_id_swap: SMBIOS of a generation 1 VM keeps the first three fields little-endian.
vm_id_swap() {
	vm_id_rest=$vm_id
	vm_id=
	for _ in 1 2 3; do
		vm_id_field=${vm_id_rest%%-*}
		vm_id_rest=${vm_id_rest#*-}
		vm_id_swapped=
		while [ -n "$vm_id_field" ]; do
			vm_id_swapped=${vm_id_field%"${vm_id_field#??}"}$vm_id_swapped
			vm_id_field=${vm_id_field#??}
		done
		vm_id=$vm_id$vm_id_swapped-
	done
	vm_id=$vm_id$vm_id_rest
}
