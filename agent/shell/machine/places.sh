# places.sh: where the names of an image lead. $root is empty for / and the image's directory otherwise; paths
# given here are absolute and mean the image's.

# place_of NAME [FUNCTION]: sets _path, where the image's NAME really is: an absolute symlink of the image
# stays inside the image. Calls FUNCTION with the place of each link that it follows.
place_of() {
	place_todo=$1
	place_done=
	place_links=0
	while [ -n "$place_todo" ]; do
		place_part=${place_todo%%/*}
		case $place_todo in */*) place_todo=${place_todo#*/} ;; *) place_todo= ;; esac
		case $place_part in
		'' | .) continue ;;
		..)
			place_done=${place_done%/*}
			continue
			;;
		esac
		if [ -h "$root$place_done/$place_part" ] && [ "$place_links" -lt 40 ]; then
			place_links=$((place_links + 1))
			[ -z "${2-}" ] || "$2" "$root$place_done/$place_part"
			place_link "$root$place_done/$place_part"
			case $place_target in /*) place_done= ;; esac
			place_todo=$place_target/$place_todo
		else
			place_done=$place_done/$place_part
		fi
	done
	_path=$root$place_done
}

# place_link PLACE: sets place_target, what this symlink holds, which is never nothing. Of a readlink that was
# killed nothing is known: taken for an empty name it would lead elsewhere, to be read or written.
place_link() {
	for _ in 1 2; do
		place_target=$(readlink "$1" 2>/dev/null) || place_target=
		[ -z "$place_target" ] || return 0
	done
	# Not by log.sh, which looks for places too.
	printf 'azready: error: the link %s cannot be read (hint: is readlink missing, or out of memory?)\n' "$1" >&2
	exit 3
}

# place_itself NAME: sets _path, as place_of, but of a symlink itself and not of what it points to.
place_itself() {
	place_of "${1%/*}"
	_path=$_path/${1##*/}
}

# place_to_read NAME: sets _path, as place_of, for what is only read: with / as the root the kernel finds the
# way, and no link has to be asked where it leads.
place_to_read() {
	if [ -n "$root" ]; then place_of "$1"; else _path=$1; fi
}

# place_make_private PLACE: make a directory that nobody else may enter, from its first moment on.
place_make_private() {
	umask 077
	LC_ALL=C mkdir "$1"
	set -- $?
	umask 022
	return "$1"
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
	for place_memory in $fact_MEMORY_FOLDERS; do
		case $_path/ in "$root$place_memory"/*) return 0 ;; esac
	done
	return 1
}

# place_exists NAME: whether the image has this file or directory.
place_exists() {
	place_to_read "$1"
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
	place_pattern=${1#/}/
	while [ -n "$place_pattern" ]; do
		place_last=${place_pattern%%/*}
		place_pattern=${place_pattern#*/}
		place_above=$_found
		_found=
		if [ -z "$place_above" ]; then
			place_match ''
		else
			text_by_line
			for place_hit in $place_above; do
				text_by_word
				place_match "$place_hit"
			done
			text_by_word
		fi
		[ -n "$_found" ] || return 1
	done
}

# place_match DIRECTORY: add what matches $place_last in it to _found; of files only those at the end of the
# pattern.
place_match() {
	place_to_read "$1"
	place_flags=$-
	set +f
	for place_hit in "$_path"/$place_last; do
		if [ -d "$place_hit" ] || place_is_last "$place_hit"; then
			_found=$_found${_found:+$sys_newline}$1/${place_hit##*/}
		fi
	done
	case $place_flags in *f*) set -f ;; esac
}

# place_is_last PLACE: whether this can be what is looked for, without being a directory that it is in. Where
# a link of an image leads, the kernel does not know.
place_is_last() {
	if [ -n "$place_pattern" ]; then [ -n "$root" ] && [ -h "$1" ]; else [ -e "$1" ] || [ -h "$1" ]; fi
}

# place_is_roots PLACE: whether nobody but root can exchange what lies in this directory, or in one above it
# that is there: what is done there by name then happens there.
place_is_roots() {
	place_above_it=$1
	set -- "$root/."
	while :; do
		[ ! -e "$place_above_it/" ] || set -- "$@" "$place_above_it/."
		[ "${#place_above_it}" -gt "${#root}" ] || break
		place_above_it=${place_above_it%/*}
	done
	LC_ALL=C ls -dn "$@" 2>/dev/null >"$work/modes" || return $?
	place_roots='' place_owners=''
	while read -r place_mode _ place_owner place_rest; do
		case $place_mode in ????????w*) return 1 ;; esac
		case $place_rest in *" $root/.") place_roots=$place_owner ;; esac
		place_owners="$place_owners $place_owner"
	done <"$work/modes"
	for place_owner in $place_owners; do
		case $place_owner in 0 | "$place_roots") ;; *) return 1 ;; esac
	done
}
