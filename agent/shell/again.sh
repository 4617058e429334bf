# again.sh: a boot of a machine that is done. The first lines of the file, so that the shell need not read the
# rest at every boot: builtins alone, and nothing but the plain case. Whatever is different goes the long way.

# Called by their own names, yash keeps loop variables local and zsh does not split words.
# shellcheck disable=SC3040  # yash alone gets here
[ -z "${YASH_VERSION-}" ] || set -o posixlycorrect
[ -z "${ZSH_VERSION-}" ] || emulate sh

# again_boot ARGUMENT ..: ends the run where there is nothing to do; else it comes back.
again_boot() {
	again_root=
	case $#,${1-} in
	1,provision) ;;
	2,--root=?*) again_root=${1#--root=} ;;
	3,--root) again_root=$2 ;;
	*) return 0 ;;
	esac
	shift "$(($# - 1))"
	[ "$1" = provision ] && [ -c /dev/null ] && again_is_plain && again_knows_settings && again_is_done ||
		return 0
	# Not printf, which is a program where mksh is the shell.
	{ echo "azready: VM $vm_id is provisioned already: nothing to do"; } >&2 2>/dev/null || :
	exit 0
}

# again_is_plain: whether everything lies where it usually does. Links of an image lead inside of it, and /var
# may be in memory: both take more to find out.
again_is_plain() {
	[ -d "${again_root:-/}" ] || return
	again_root=${again_root%/}
	for again_name in var var/lib var/lib/azready var/lib/azready/provisioned etc/azready.conf; do
		[ ! -h "$again_root/$again_name" ] || return
	done
	[ -n "$again_root" ] || return 0
	for again_name in etc dev dev/efi sys sys/firmware sys/firmware/efi sys/class sys/class/dmi \
		sys/class/dmi/id sys/class/dmi/id/product_uuid sys/class/dmi/id/chassis_asset_tag; do
		[ ! -h "$again_root/$again_name" ] || return
	done
}

# again_knows_settings: whether they can be seen to be right.
again_knows_settings() {
	for again_name in $again_settings; do
		again_line='' again_name=${again_name%%=*}
		eval "[ -z \"\${AZREADY_$again_name+x}\" ] || again_line=$again_name=\$AZREADY_$again_name"
		[ -z "$again_line" ] || again_is_right "$again_line" || return
	done
	[ -e "$again_root/etc/azready.conf" ] || return 0
	[ -f "$again_root/etc/azready.conf" ] && [ -r "$again_root/etc/azready.conf" ] || return
	while IFS= read -r again_line || [ -n "$again_line" ]; do
		case $again_line in '' | '#'*) ;; *) again_is_right "$again_line" || return ;; esac
	done <"$again_root/etc/azready.conf"
}

# again_is_right KEY=VALUE: whether it is a setting of the plain kind.
again_is_right() {
	again_kind=${again_settings#*" ${1%%=*}="}
	again_kind=${again_kind%% *}
	set -- "${1#*=}"
	case $again_kind,$1 in
	one-of:*)
		case $1 in '' | *[!a-z-]*) return 1 ;; esac
		case ,${again_kind#*:}, in *",$1,"*) ;; *) return 1 ;; esac
		;;
	address,?*)
		case $1 in *[!A-Za-z0-9.:-]* | :* | *: | *:*:* | *:*[!0-9]* | *:??????*) return 1 ;; esac
		;;
	seconds,[1-9]*) case $1 in *[!0-9]* | ???????*) return 1 ;; esac ;;
	steps,all | media,auto | media,none | names, | shell,) ;;
	*) return 1 ;;
	esac
}

# again_is_done: whether the marker holds this machine's id, nothing is left to do, and this is Azure.
again_is_done() {
	[ ! -e "$again_root/var/lib/azready/pending" ] && [ ! -h "$again_root/var/lib/azready/pending" ] ||
		return
	again_read var/lib/azready/provisioned && [ -n "$again_line" ] || return
	again_marker=$again_line
	again_read sys/class/dmi/id/chassis_asset_tag || return
	case $again_line in '' | "$proto_AZURE_ASSET_TAG") ;; *) return 1 ;; esac
	again_read sys/class/dmi/id/product_uuid || return
	vm_id_of "$again_line"
	[ -z "$vm_id" ] || [ -e "$again_root/sys/firmware/efi" ] || [ -e "$again_root/dev/efi" ] || vm_id_swap
	[ "$vm_id" = "$again_marker" ]
}

# again_read NAME: sets again_line, all that a file holds, be it missing; fails where it is more than a line.
again_read() {
	again_line='' again_more=''
	[ -e "$again_root/$1" ] || return 0
	[ -f "$again_root/$1" ] && [ -r "$again_root/$1" ] || return
	{
		IFS= read -r again_line || :
		IFS= read -r again_more || :
	} <"$again_root/$1"
	[ -z "$again_more" ]
}

again_boot ${1+"$@"}
