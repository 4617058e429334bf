# places.sh: where the names of an image lead. $root is empty for / and the image's directory otherwise; paths
# given here are absolute and mean the image's.

# place_of NAME [FUNCTION]: sets _path, where the image's NAME really is: an absolute symlink of the image
# stays inside the image. Calls FUNCTION with the place of each link that it follows.
place_of() {
	sys_todo=$1
	sys_done=
	sys_links=0
	while [ -n "$sys_todo" ]; do
		sys_part=${sys_todo%%/*}
		case $sys_todo in */*) sys_todo=${sys_todo#*/} ;; *) sys_todo= ;; esac
		case $sys_part in
		'' | .) continue ;;
		..)
			sys_done=${sys_done%/*}
			continue
			;;
		esac
		if [ -h "$root$sys_done/$sys_part" ] && [ "$sys_links" -lt 40 ]; then
			sys_links=$((sys_links + 1))
			[ -z "${2-}" ] || "$2" "$root$sys_done/$sys_part"
			sys_target=$(readlink "$root$sys_done/$sys_part")
			case $sys_target in /*) sys_done= ;; esac
			sys_todo=$sys_target/$sys_todo
		else
			sys_done=$sys_done/$sys_part
		fi
	done
	_path=$root$sys_done
}

# place_itself NAME: sets _path, as place_of, but of a symlink itself and not of what it points to.
place_itself() {
	place_of "${1%/*}"
	_path=$_path/${1##*/}
}

# place_own: sets $state_directory, what azready keeps, and $run_directory, what is for this boot alone. Where
# /var is in memory, as OpenWrt has it, nothing there outlives a boot; and it has no /run.
place_own() {
	state_directory=/var/lib/azready run_directory=/run/azready
	! place_is_memory /var/lib || state_directory=/etc/azready
	[ -e "$root/run" ] || ! place_is_memory /var/run || run_directory=/var/run/azready
}

# place_is_memory NAME: whether its name leads to where images have memory. What is mounted there says less:
# an image that is given by --root has nothing mounted.
place_is_memory() {
	place_of "$1"
	case ${_path#"$root"}/ in /tmp/* | /run/* | /dev/shm/*) ;; *) return 1 ;; esac
}

# place_exists NAME: whether the image has this file or directory.
place_exists() {
	place_of "$1"
	[ -e "$_path" ]
}

# place_is_executable NAME: whether the image has this file, and it can be run.
place_is_executable() {
	place_of "$1"
	[ -f "$_path" ] && [ -x "$_path" ]
}

# place_glob PATTERN: sets _found, the paths of the image that match, one a line, dangling links too; fails
# where there is none.
place_glob() {
	_found=
	sys_pattern=${1#/}/
	while [ -n "$sys_pattern" ]; do
		sys_match=${sys_pattern%%/*}
		sys_pattern=${sys_pattern#*/}
		sys_above=$_found
		_found=
		if [ -z "$sys_above" ]; then
			place_match ''
		else
			text_by_line
			for sys_hit in $sys_above; do
				text_by_word
				place_match "$sys_hit"
			done
			text_by_word
		fi
		[ -n "$_found" ] || return
	done
}

# place_match DIRECTORY: add what matches $sys_match in it to _found.
place_match() {
	place_of "$1"
	sys_flags=$-
	set +f
	for sys_hit in "$_path"/$sys_match; do
		if [ -e "$sys_hit" ] || [ -h "$sys_hit" ]; then _found=$_found${_found:+$sys_newline}$1/${sys_hit##*/}; fi
	done
	case $sys_flags in *f*) set -f ;; esac
}
