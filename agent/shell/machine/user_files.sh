# user_files.sh: files in a directory whose owner may change it meanwhile: no symlink of his leads anywhere.
# A directory that the shell is in stays the same one, whatever becomes of its names: hence all the `cd`, and
# the work is done on `.` and on names in a `.` that is seized: made root's and closed, so that nobody else
# can exchange anything in it until it is given back.

# Who stands for root: in a tree made without privileges its owner does.
user_roots=

# user_file_change BASE NAME UID GID FUNCTION [USER]: FUNCTION makes $work/user.new of $work/user.old, and
# that becomes the content of BASE/NAME unless it is the same. With a UID everything below BASE becomes his,
# the file 0600 and its directory 0700; without, the file keeps its owner and is 0644, and BASE must be root's
# or USER's, a uid. Sets _changed, yes or empty. Returns 1 and sets _unsafe, which says why not; 2 for a
# failure of azready's own, which is told already.
user_file_change() {
	user_foreign=
	_changed=
	[ ! -e "$work/user.changed" ] || rm -f "$work/user.changed"
	{ printf '' >"$work/err"; } 2>/dev/null
	# For the subshell, which could not hand it on to the next one.
	user_file_know_root
	place_of "$1" user_file_meets
	if [ -n "$user_foreign" ]; then
		_unsafe=${user_foreign#"$root"}
		_unsafe="$_unsafe is a symlink that is not root's"
		return 1
	fi
	(user_file_walk "$@") || {
		[ $? -eq 1 ] || return 2
		user_file_blame "$1/$2"
		return $?
	}
	[ ! -e "$work/user.changed" ] || _changed=yes
}

# user_file_blame NAME: sets _unsafe, of what was said in $work/err, and returns as user_file_change.
user_file_blame() {
	file_cause
	_unsafe=$_cause
	[ -z "$_cause" ] || ! work_has_room || return 1
	rm -f "$work/err"
	file_blame "$1"
	return 2
}

# user_file_meets LINK: of the links on the way only root's are followed.
user_file_meets() {
	user_file_know_root
	{ file_facts "$1" && [ "$_owner" = "$user_roots" ]; } || user_foreign=$1
}

# user_file_know_root: sets user_roots.
user_file_know_root() {
	[ -n "$user_roots" ] || ! file_facts "$root/" || user_roots=$_owner
}

# user_file_refuse TEXT: end the subshell of user_file_change.
user_file_refuse() {
	printf '%s\n' "$1" >"$work/err"
	exit 1
}

# user_file_walk BASE NAME UID GID FUNCTION [USER]: in a subshell, because it goes from directory to
# directory.
user_file_walk() {
	user_at=$1 user_file=$2 user_here=${_path:-/} user_seized=
	trap user_file_release EXIT
	trap 'exit 143' HUP INT TERM
	user_private=$3
	if [ -n "$3" ]; then umask 077; else umask 022; fi
	[ -d "$user_here" ] || user_file_make_base "$@"
	cd -P "$user_here" 2>"$work/err" || exit 1
	user_file_is_here || user_file_refuse "$user_at is a symlink"
	while case $user_file in */*) ;; *) false ;; esac do
		user_part=${user_file%%/*}
		user_file=${user_file#*/}
		case $user_part in '' | .) continue ;; esac
		# The last one becomes the user's when it is given back.
		[ -z "$3" ] || [ "$user_at" = "$1" ] || file_give_place . "$user_at" "$3" "$4" || exit 1
		user_at=$user_at/$user_part
		user_file_enter "$user_part"
	done
	user_file_belongs "${3:-${6-}}"
	user_file_seize "$3" "$4" "$1"
	user_at=$user_at/$user_file
	user_file_clear
	user_file_look "$3"
	"$5" || exit 2
	if [ -e "./$user_file" ] && file_same "$work/user.old" "$work/user.new"; then
		user_file_finish "./$user_file" "$3" "$4" || exit 1
	else
		user_file_put "$3" "$4"
	fi
	user_file_release || exit 1
}

# user_file_make_base BASE NAME UID GID ..: a missing directory, where nobody but root can exchange it.
user_file_make_base() {
	place_is_roots "${user_here%/*}" || user_file_refuse "others than root can change what leads to $1"
	{ [ -d "${user_here%/*}/" ] || (umask 022 && LC_ALL=C mkdir -p "${user_here%/*}/"); } 2>"$work/err" &&
		LC_ALL=C mkdir "$user_here" 2>"$work/err" || exit 1
	[ -z "$3" ] || file_give "$1" "$3" "$4" || exit 1
}

# user_file_is_here: whether `.` lies where it should; sets _mode, _owner and _group of it. A program is
# asked, because bash believes its own memory of the names.
user_file_is_here() {
	user_real=
	if [ -h /proc/self/cwd ]; then
		# Of itself: what it says of both is of one moment.
		LC_ALL=C ls -dn . /proc/self/cwd >"$work/here" 2>/dev/null || return $?
		while read -r user_letters _ user_uid user_gid user_rest; do
			case $user_rest in
			*' /proc/self/cwd -> '*) user_real=${user_rest#*' /proc/self/cwd -> '} ;;
			*) _mode=$user_letters _owner=$user_uid _group=$user_gid ;;
			esac
		done <"$work/here"
	else
		user_real=$(exec pwd -P 2>/dev/null) && file_facts .
	fi
	[ "$user_real" = "$user_here" ]
}

# user_file_enter NAME: into this directory of the current one, made if it is missing.
user_file_enter() {
	[ -e "./$1" ] || [ -h "./$1" ] || LC_ALL=C mkdir "./$1" 2>"$work/err" || exit 1
	[ ! -h "./$1" ] || user_file_refuse "$user_at is a symlink"
	[ -d "./$1" ] || user_file_refuse "$user_at is not a directory"
	user_here=${user_here%/}/$1
	cd -P "./$1" 2>"$work/err" || exit 1
	user_file_is_here || user_file_refuse "$user_at is a symlink"
}

# user_file_belongs UID: only root's own directories and those of the user are worked in.
user_file_belongs() {
	case $_owner in 0 | "$user_roots" | "$1") return 0 ;; esac
	[ "${sys_me:-$(id -u)}" -ne 0 ] || user_file_refuse "$user_at belongs to uid $_owner"
}

# user_file_seize UID GID BASE: make `.`, of which user_file_is_here has the facts, root's and close it; what
# belongs to root and can be written by nobody else is that.
user_file_seize() {
	[ "${sys_me:-$(id -u)}" -eq 0 ] || {
		[ -z "$1" ] || [ "$user_at" = "$3" ] ||
			{ file_give_place . "$user_at" "$1" "$2" && user_file_has_mode . 700 rwx------; } || exit 1
		return 0
	}
	text_octal "$_mode"
	user_owner=$_owner:$_group user_mode=$_octal
	# Below the base it is the user's and nobody else's. A base that he cannot enter was left so by a run that
	# was killed.
	if [ -n "$1" ] && { [ "$user_at" != "$3" ] || [ "$_owner$user_mode" = 000700 ]; }; then
		user_owner=$1:$2 user_mode=00700
	fi
	case $_owner$_mode in
	0d????-??-*)
		[ "$user_owner" != 0:0 ] || return 0
		user_seized=yes
		# Made just now, it is closed already.
		case $_group$_mode in 0drwx------*) return 0 ;; esac
		;;
	esac
	user_seized=yes
	user_file_close
}

# user_file_close: nobody but root enters or changes `.` from now on.
user_file_close() {
	LC_ALL=C chown 0:0 . 2>"$work/err" && LC_ALL=C chmod 00700 . 2>"$work/err" || exit 1
	file_facts .
	case $_owner$_mode in 0drwx------*) ;; *) user_file_refuse "$user_at cannot be closed" ;; esac
}

# user_file_release: give `.` back; on every way out of the subshell.
user_file_release() {
	[ -n "$user_seized" ] || return 0
	user_seized=
	[ "$user_mode" = 00700 ] || LC_ALL=C chmod "$user_mode" . 2>/dev/null || return $?
	LC_ALL=C chown "$user_owner" . 2>/dev/null
}

# user_file_clear: what a run that was cut off left here; earlier versions worked in a directory .azready.PID.
user_file_clear() {
	user_new=./.$user_file.azready
	{ [ ! -e "$user_new" ] && [ ! -h "$user_new" ]; } || rm -f "$user_new" 2>/dev/null
	for user_hit in ./.azready.[0-9]*; do
		[ ! -d "$user_hit" ] || [ -h "$user_hit" ] || { rm -f "$user_hit/.new" &&
			rmdir "$user_hit"; } 2>/dev/null
	done
	if [ -e "$user_new" ] || [ -h "$user_new" ]; then user_file_refuse "$user_new is in the way"; fi
}

# user_file_look [UID]: the plain file's content to $work/user.old. A name of a file elsewhere would have that
# one's content copied; so would a file that somebody else's once was, and that the user himself cannot read.
user_file_look() {
	{ printf '' >"$work/user.old"; } 2>"$work/err" || exit 1
	[ ! -h "./$user_file" ] || user_file_refuse "$user_at is a symlink"
	[ -e "./$user_file" ] || return 0
	[ -f "./$user_file" ] || user_file_refuse "$user_at is not a regular file"
	file_facts "./$user_file" || exit 1
	[ "$_links" = 1 ] || user_file_refuse "$user_at is a hard link"
	user_file_owner="$_owner $_group"
	user_hidden=
	case $1,$_mode in ,* | "$_owner",* | *,???????r*) ;; *) user_hidden=$_owner ;; esac
	# A rename of the user's may have begun before the directory was closed.
	for user_try in 1 2 3; do
		LC_ALL=C cat "./$user_file" 2>"$work/err" >"$work/user.old" || exit 1
		! file_same "./$user_file" "$work/user.old" || break
		[ "$user_try" != 3 ] || exit 1
	done
	if [ -n "$user_hidden" ] && [ "${sys_me:-$(id -u)}" -eq 0 ]; then
		program_awk "$awk_keys" "$work/user.old" '' '' only
		case $? in
		0) ;;
		2) user_file_refuse "$user_at belongs to uid $user_hidden and holds more than keys" ;;
		*)
			file_broken "$user_at" 'awk failed'
			exit 2
			;;
		esac
	fi
}

# user_file_put UID GID: $work/user.new becomes the file.
user_file_put() {
	if [ -z "$1" ] && [ -e "./$user_file" ]; then
		# shellcheck disable=SC2086  # two numbers
		set -- $user_file_owner
	fi
	{ printf '' >"$work/err"; } 2>/dev/null
	if (umask 077 && file_dd "$work/user.new" "$user_new") && file_same "$work/user.new" "$user_new" &&
		user_file_own "${1-}" "${2-}" &&
		[ ! -d "./$user_file" ] && LC_ALL=C mv -f "$user_new" "./$user_file" 2>"$work/err" &&
		[ ! -e "$user_new" ]; then
		printf '' >"$work/user.changed"
		sync . 2>/dev/null || sync
		return 0
	fi
	rm -f "$user_new"
	exit 1
}

# user_file_own UID GID: the new file, which is root's and private so far, gets its owner and mode.
user_file_own() {
	[ -n "$user_private" ] || LC_ALL=C chmod 00644 "$user_new" 2>"$work/err" || return $?
	if [ "${sys_me:-$(id -u)}" -ne 0 ]; then
		user_file_finish "$user_new" "$@"
	elif [ -n "$1" ] && [ "$1:$2" != 0:0 ]; then
		LC_ALL=C chown -h "$1:$2" "$user_new" 2>"$work/err"
	fi
}

# user_file_finish PLACE UID GID: the file's owner and mode, unless it has them.
user_file_finish() {
	[ -z "$2" ] || file_give_place "$1" "$user_at" "$2" "$3" || return $?
	if [ -n "$user_private" ]; then
		user_file_has_mode "$1" 600 rw-------
	else
		user_file_has_mode "$1" 644 rw-r--r--
	fi
}

# user_file_has_mode PLACE MODE LETTERS: without the zeros GNU chmod keeps the special bits of a directory.
user_file_has_mode() {
	file_facts "$1" || return $?
	case $_mode in
	?"$3"*) ;;
	*) LC_ALL=C chmod "00$2" "$1" 2>"$work/err" ;;
	esac
}

# user_file_take_tree PLACE: into a directory that is to go, and seize it and all that are in it, from the
# top: then its names are the same until they are gone. For a subshell of the caller's; fails where PLACE is
# not the directory that it was.
user_file_take_tree() {
	user_here=$1 user_at=$1
	[ ! -h "$1" ] && cd -P "$1" && user_file_is_here || return $?
	[ "${sys_me:-$(id -u)}" -eq 0 ] || return 0
	user_file_close
	find . -xdev -type d ! -name . -exec chown -h 0:0 {} \; -exec chmod 00700 {} \;
}
