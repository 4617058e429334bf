# files.sh: reading and replacing the files of an image: nothing is used before it is known to be whole. A
# tool that is killed, a full disk or a full work directory end a step, and never a file.

# Those that were made in this run, or got their mode: a line each, MODE PLACE.
file_directories=

# file_same FILE FILE: whether they hold the same; no where that cannot be told.
file_same() {
	cmp -s "$1" "$2"
}

# file_facts PLACE: sets _mode (as ls has it), _links, _owner and _group of a file itself, all empty where
# there is none; busybox can be built without stat.
file_facts() {
	file_rest=$(LC_ALL=C ls -dn "$1" 2>/dev/null)
	for file_fact in _mode _links _owner _group; do
		eval "$file_fact=\${file_rest%% *}"
		file_rest=${file_rest#* }
		while case $file_rest in ' '*) ;; *) false ;; esac do file_rest=${file_rest# }; done
	done
	case $_owner$_group in '' | *[!0-9]*) _mode='' _links='' _owner='' _group='' ;; esac
	[ -n "$_group" ]
}

# file_cause: sets _cause, why the tool failed whose stderr is $work/err; empty where it did not say. dd has
# statistics behind its message, and uutils the number of the error.
file_cause() {
	_cause=
	file_said=
	[ -r "$work/err" ] || return 0
	while IFS= read -r file_line || [ -n "$file_line" ]; do
		case $file_line in
		[0-9]* | '') ;;
		*)
			file_said=$file_line
			_cause=${file_line##*: }
			;;
		esac
	done <"$work/err"
	_cause=${_cause%%" (os error "*}
}

# file_blame NAME [STATUS]: the failure of a tool that worked on NAME, by what it said in $work/err. What says
# nothing was killed, or had no room for its words; what is not there has nothing to do with the file.
# Sets _cause.
file_blame() {
	file_cause
	case $_cause in
	*'not found')
		file_broken "$1" "${file_said#*: }"
		return $?
		;;
	# What dash says of a printf of its own.
	'' | 'I/O error')
		if ! work_has_room; then
			_cause='No space left on device'
			set -- "$work"
		elif [ -z "$_cause" ]; then
			file_broken "$1" "a tool failed without a word${2:+, status $2}"
			return $?
		fi
		;;
	esac
	# For read_only_spare, which may be outside of the subshell that this is.
	{ printf '%s\n' "$1" "$_cause" >"$work/blamed"; } 2>/dev/null
	fail file_not_writable '' "file=$1" "error=$_cause"
}

# file_broken NAME ERROR: not the file is to blame, nor what the platform gave.
file_broken() {
	fail internal_error 'a program that azready needs is missing, broken or was killed (out of memory?)' \
		"error=$2" "where=$1"
}

# file_read NAME: a file's content on stdout; fails where it is missing or unreadable.
file_read() {
	place_to_read "$1"
	cat "$_path" 2>/dev/null
}

# file_fetch NAME FILE: a whole copy of the image's file, an empty one where it is missing; sets _path.
file_fetch() {
	place_of "$1"
	file_fetch_place "$_path" "$1" "$2"
}

# file_fetch_place PLACE NAME FILE
file_fetch_place() {
	{ printf '' >"$3"; } 2>"$work/err" || {
		file_blame "$work"
		return $?
	}
	[ -e "$1" ] || return 0
	# Somebody may write to it meanwhile.
	# shellcheck disable=SC2034  # a count
	for file_try in 1 2 3; do
		LC_ALL=C cat "$1" 2>"$work/err" >"$3" || {
			set -- "$?" "$2"
			file_cause
			case $_cause in 'No space left on device') set -- "$1" "$work" ;; esac
			file_blame "$2" "$1"
			return $?
		}
		! file_same "$1" "$3" || return 0
	done
	file_blame "$2"
}

# file_keep NAME MODE FILE: the image's file holds just what FILE holds; sets _changed, yes or empty. What is
# right is not written again.
file_keep() {
	_changed=
	place_of "$1"
	[ ! -e "$_path" ] || ! file_same "$_path" "$3" || return 0
	file_write "$@" || return $?
	_changed=yes
}

# file_text FILE TEXT: a file of the work directory with this text. Not for secrets: printf may be a program.
file_text() {
	{ printf '%s' "$2" >"$1" && file_has "$1" "$2"; } 2>"$work/err" || file_blame "$work"
}

# file_has PLACE TEXT: whether the file holds just that, read by the shell itself: for short ones.
file_has() {
	[ -f "$1" ] && [ -r "$1" ] || return 1
	file_held='' file_line=''
	while IFS= read -r file_line; do
		file_held=$file_held$file_line$sys_newline file_line=
		[ "${#file_held}" -le "${#2}" ] || return 1
	done <"$1"
	[ "$file_held$file_line" = "$2" ]
}

# file_copy FILE FILE: of the work directory.
file_copy() {
	{ LC_ALL=C cp "$1" "$2" 2>"$work/err" && file_same "$1" "$2"; } || file_blame "$work"
}

# file_make_directory NAME MODE: make a directory and what leads to it; an existing one gets the mode, once a
# run.
file_make_directory() {
	place_of "$1"
	case "$sys_newline$file_directories" in
	*"$sys_newline$2 $_path$sys_newline"*) [ ! -d "$_path" ] || return 0 ;;
	esac
	{
		[ -d "${_path%/*}" ] || LC_ALL=C mkdir -p "${_path%/*}"
		if [ ! -d "$_path" ] && [ "$2" = 0700 ]; then
			place_make_private "$_path"
		else
			{ [ -d "$_path" ] || LC_ALL=C mkdir "$_path"; } && LC_ALL=C chmod "$2" "$_path"
		fi && [ -d "$_path" ]
	} 2>"$work/err" || {
		file_blame "$1"
		return $?
	}
	file_directories="$file_directories$2 $_path$sys_newline"
}

# file_write NAME MODE FILE: replace a file in one step by one with FILE's content, or $file_given for `-`; a
# power cut leaves the old or the whole new content. A file that is there keeps its mode and owner, a symlink
# is followed, MODE is for a new file.
file_write() {
	place_of "$1"
	file_new=${_path%/*}/.${_path##*/}.azready
	file_put "$2" "$3"
	set -- "$1" "$?" "$file_new" "${_path%/*}"
	if [ "$2" -eq 0 ]; then
		settle "$4"
		return 0
	fi
	rm -f "$3" 2>/dev/null
	file_blame "$1"
}

# file_put MODE FILE: FILE's content to $_path by way of $file_new.
file_put() {
	# Of the last tool, which may have failed.
	{ [ ! -e "$file_new" ] && [ ! -h "$file_new" ] && printf '' >"$work/err"; } 2>/dev/null ||
		rm -f "$file_new" "$work/err" 2>/dev/null
	[ -d "${_path%/*}" ] || LC_ALL=C mkdir -p "${_path%/*}" 2>"$work/err" || return $?
	file_write_like "$_path" "$file_new" "$1" "$2" && file_replace "$2"
}

# file_replace FILE: put $file_new, which has FILE's content, in the place of $_path. One that is a mount of
# its own (a container's /etc/hostname) can only be written where it is; the new one lies beside it until that
# is done.
file_replace() {
	LC_ALL=C mv -f "$file_new" "$_path" 2>"$work/err" && [ ! -e "$file_new" ] && return $?
	grep -q -i busy "$work/err" && file_fill "$1" "$_path" && rm -f "$file_new"
}

# file_write_like OLD NEW MODE FILE: FILE's content on the disk in NEW, with OLD's mode and owner if it
# exists.
file_write_like() {
	if [ -d "$1" ]; then
		# As errno has it; cp would say it in words of its own.
		printf 'Is a directory\n' >"$work/err"
		return 1
	elif [ -e "$1" ]; then
		# cp -p into the new file and writing over it keeps what the old file had, ACLs of GNU cp included.
		(umask 077 && LC_ALL=C cp -p "$1" "$2") 2>"$work/err" && file_fill "$4" "$2" &&
			file_same_mode "$1" "$2"
	else
		# Private until the mode is set: the content may be a secret; a text at hand is none.
		case $4$3 in
		-0644) file_mask=022 ;;
		-0440) file_mask=0226 ;;
		*) file_mask=077 ;;
		esac
		(umask "$file_mask" && file_fill "$4" "$2") &&
			case $file_mask$3 in 022* | 0770600) ;; *) LC_ALL=C chmod "$3" "$2" 2>"$work/err" ;; esac
	fi
}

file_same_mode() {
	LC_ALL=C ls -dn "$1" "$2" 2>/dev/null >"$work/modes" || return $?
	{ read -r file_old _ && read -r file_mode _; } <"$work/modes"
	[ "${file_old%"${file_old#??????????}"}" = "${file_mode%"${file_mode#??????????}"}" ]
}

# file_fill FROM TO: all of it into the file and onto the disk; of $file_given where FROM is `-`.
file_fill() {
	if [ "$1" = - ]; then
		{ printf '%s' "$file_given" >"$2" && file_has "$2" "$file_given"; } 2>/dev/null || {
			# dd says why.
			printf '%s' "$file_given" | LC_ALL=C dd of="$2" 2>"$work/err" &&
				file_has "$2" "$file_given" || return $?
		}
		sync "$2" 2>/dev/null || sync
	else
		file_dd "$1" "$2" && file_same "$1" "$2"
	fi
}

file_fsyncs=

# file_know_dd: sets file_fsyncs: busybox can be built without conv=.
file_know_dd() {
	[ -z "$file_fsyncs" ] || return 0
	file_fsyncs=no
	! dd if=/dev/null of="$work/probe" conv=fsync 2>/dev/null || file_fsyncs=yes
}

# file_dd FROM TO: into the file and onto the disk.
file_dd() {
	[ "$file_fsyncs" = no ] || {
		LC_ALL=C dd if="$1" of="$2" bs=65536 conv=fsync 2>"$work/err" && return 0
		# Only now: a question costs as much as the work.
		file_know_dd
		[ "$file_fsyncs" = no ] || return 1
	}
	LC_ALL=C dd if="$1" of="$2" bs=65536 2>"$work/err" && sync
}

# file_remove NAME: remove a file or a symlink itself, not what it points to. A rm may be killed, but hardly
# two.
file_remove() {
	place_itself "$1"
	# The second time without its words, for which there may be no room.
	for file_words in "$work/err" /dev/null; do
		{ LC_ALL=C rm -f "$_path" 2>"$file_words"; } 2>/dev/null || :
		[ -e "$_path" ] || [ -h "$_path" ] || return 0
	done
	file_blame "$1"
}

# file_give NAME UID GID: make a file, a directory or a symlink itself somebody's. Without privileges it says
# so and goes on.
file_give() {
	place_itself "$1"
	file_give_place "$_path" "$@"
}

# file_give_place PLACE NAME UID GID: the same for a place that is known already.
file_give_place() {
	! file_facts "$1" || [ "$_owner:$_group" != "$3:$4" ] || return 0
	LC_ALL=C chown -h "$3:$4" "$1" 2>"$work/err" && return $?
	if [ "${sys_me:-$(id -u)}" -ne 0 ]; then
		log_warning "$2 cannot be given to $3:$4 without being root"
	else
		file_blame "$2"
	fi
}
