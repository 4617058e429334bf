# userfiles.sh: files in a directory whose owner may change it meanwhile: no symlink of his leads anywhere. A part of
# system.sh. A directory that the shell is in stays the same one, whatever becomes of its names: hence all the `cd`.

# user_change BASE NAME UID GID FUNCTION: FUNCTION makes $work/user.new of $work/user.old, and that becomes the content of
# BASE/NAME unless it is the same. With a UID everything below BASE becomes his, the file 0600 and its directory 0700;
# without, the file keeps its owner and is 0644. Sets _changed, yes or empty; fails and sets _unsafe, which says why not.
user_change() {
	user_foreign=
	_changed=
	rm -f "$work/user.changed"
	sys_path "$1" user_meets
	: >"$work/err"
	if [ -n "$user_foreign" ]; then
		_unsafe=${user_foreign#"$root"}
		_unsafe="$_unsafe is a symlink that is not root's"
		return 1
	fi
	(user_walk "$@") || {
		_unsafe=$(tail -n 1 "$work/err")
		_unsafe=${_unsafe##*: }
		return 1
	}
	[ ! -e "$work/user.changed" ] || _changed=yes
}

# user_meets LINK: of the links on the way only root's are followed.
user_meets() {
	[ "$(sys_look "$1" 3)" = "$(sys_look "$root/" 3)" ] || user_foreign=$1
}

# user_refuse TEXT: end the subshell of user_change.
user_refuse() {
	printf '%s\n' "$1" >"$work/err"
	exit 1
}

# user_walk BASE NAME UID GID FUNCTION: in a subshell, because it goes from directory to directory.
user_walk() {
	user_at=$1
	user_file=$2
	if [ -n "$3" ]; then user_folders=700; else user_folders=755; fi
	user_base=$_path
	[ -d "$user_base" ] || {
		{ mkdir -p "${user_base%/*}/" && mkdir -m "$user_folders" "$user_base"; } 2>"$work/err" || exit 1
		[ -z "$3" ] || sys_give "$1" "$3" "$4" || exit 1
	}
	cd -P "${user_base:-/}" 2>"$work/err" || exit 1
	while case $user_file in */*) ;; *) false ;; esac do
		user_part=${user_file%%/*}
		user_file=${user_file#*/}
		case $user_part in '' | .) continue ;; esac
		user_at=$user_at/$user_part
		user_enter "$user_part"
		[ -z "$3" ] || sys_give_place . "$user_at" "$3" "$4" || exit 1
	done
	if [ -n "$3" ] && [ "$user_at" != "$1" ]; then user_has_mode . 700 rwx------ || exit 1; fi
	user_at=$user_at/$user_file
	user_look
	"$5" || exit 1
	if [ -e "./$user_file" ] && cmp -s "$work/user.old" "$work/user.new"; then
		user_finish "./$user_file" "$3" "$4"
	else
		user_put "$3" "$4"
	fi
}

# user_enter NAME: into this directory of the current one, made if it is missing.
user_enter() {
	[ -e "./$1" ] || [ -h "./$1" ] || mkdir -m "$user_folders" "./$1" 2>"$work/err" || exit 1
	[ ! -h "./$1" ] || user_refuse "$user_at is a symlink"
	[ -d "./$1" ] || user_refuse "$user_at is not a directory"
	user_from=$(pwd -P)
	cd -P "./$1" 2>"$work/err" || exit 1
	[ "$(pwd -P)" = "${user_from%/}/$1" ] || user_refuse "$user_at is a symlink"
}

# user_look: the plain file's content to $work/user.old; a name of a file elsewhere would have that one's content copied.
user_look() {
	: >"$work/user.old"
	[ ! -h "./$user_file" ] || user_refuse "$user_at is a symlink"
	[ -e "./$user_file" ] || return 0
	[ -f "./$user_file" ] || user_refuse "$user_at is not a regular file"
	[ "$(sys_look "./$user_file" 2)" = 1 ] || user_refuse "$user_at is a hard link"
	cat "./$user_file" >"$work/user.old" 2>"$work/err" || exit 1
}

# user_put UID GID: $work/user.new becomes the file; made in a directory of our own, where nobody can exchange it.
user_put() {
	# shellcheck disable=SC2046  # two numbers
	[ -n "$1" ] || [ ! -e "./$user_file" ] || set -- $(sys_look "./$user_file" 3 ' ')
	user_part=.azready.$$
	mkdir -m 700 "./$user_part" 2>"$work/err" || exit 1
	user_enter "$user_part"
	if (umask 077 && sys_dd .new <"$work/user.new") 2>"$work/err" && user_finish ./.new "${1-}" "${2-}" && [ ! -d "../$user_file" ] &&
		mv -f ./.new "../$user_file" 2>"$work/err"; then
		: >"$work/user.changed"
	fi
	rm -f ./.new
	cd -P .. && rmdir "./$user_part"
	sync . 2>/dev/null || sync
	[ -e "$work/user.changed" ]
}

# user_finish PLACE UID GID: the file's owner and mode, unless it has them.
user_finish() {
	[ -z "$2" ] || sys_give_place "$1" "$user_at" "$2" "$3" || return
	if [ "$user_folders" = 700 ]; then user_has_mode "$1" 600 rw-------; else user_has_mode "$1" 644 rw-r--r--; fi
}

# user_has_mode PLACE MODE LETTERS: without the zeros GNU chmod keeps the special bits of a directory.
user_has_mode() {
	# shellcheck disable=SC2012  # one file
	case $(ls -ld "$1") in
	?"$3"*) ;;
	*) chmod "00$2" "$1" 2>"$work/err" ;;
	esac
}
