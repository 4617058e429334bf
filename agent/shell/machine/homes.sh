# homes.sh: somebody's directory, made and taken away where nobody else can exchange what lies there.

# home_need_roots NAME: fails where others could exchange NAME itself; sets _path.
home_need_roots() {
	user_foreign=
	place_of "$1" user_file_meets
	home_give_to_root "${_path%/*}"
	[ -z "$user_foreign" ] && place_is_roots "${_path%/*}" && return
	printf 'others than root can change what leads to it\n' >"$work/err"
	file_blame "$1"
}

# home_give_to_root PLACE: the directory of homes of an image that was packed without root's rights is
# nobody's (busybox' own image). Who is nobody to the system is no owner to be asked, and must not exchange
# what lies there.
home_give_to_root() {
	if [ "$sys_me" != 0 ] || [ -h "$1" ] || ! file_facts "$1" || [ "$_owner" != 65534 ] ||
		! place_is_roots "${1%/*}"; then
		return 0
	fi
	! chown -h 0:0 "$1" 2>/dev/null || log_info "user: ${1#"$root"} was nobody's: now it is root's"
}

# home_make NAME SKELETON MODE UID GID: make somebody's directory, with a copy of another's content if that is
# there; whole or not at all.
home_make() {
	home_need_roots "$1" || return
	home_at=$_path
	place_of "$2"
	home_skeleton=$_path
	home_new=${home_at%/*}/.${home_at##*/}.azready
	home_clear_tree "$home_new"
	{ home_fill "$3" "$4:$5" && LC_ALL=C mv "$home_new" "$home_at" 2>"$work/err" && [ -d "$home_at" ] &&
		[ ! -e "$home_new" ]; } || {
		# Before anything else writes to $work/err.
		file_blame "$1" "$?"
		home_clear_tree "$home_new"
		return 1
	}
	# Root has given it away already.
	[ "${sys_me:-$(id -u)}" -eq 0 ] || file_give "$1" "$4" "$5"
}

# home_fill MODE OWNER: $home_new like $home_skeleton. The directory itself comes last: nobody else enters it
# before.
home_fill() {
	{
		{ [ -d "${home_new%/*}" ] || (umask 022 && LC_ALL=C mkdir -p "${home_new%/*}"); } &&
			(umask 077 && LC_ALL=C mkdir "$home_new")
	} 2>"$work/err" || return
	# Not `$home_skeleton/.`: the directory would get the mode and the owner of the skeleton.
	[ ! -d "$home_skeleton" ] ||
		(cd "$home_skeleton" && home_each "$home_new" cp -pPR && home_all_in "$home_new") || return
	if [ "${sys_me:-$(id -u)}" -eq 0 ]; then
		(cd "$home_new" && home_each '' chown -hR "$2") &&
			LC_ALL=C chown -h "$2" "$home_new" 2>"$work/err" || return
	fi
	LC_ALL=C chmod "$1" "$home_new" 2>"$work/err"
}

# home_each LAST WORD ..: run this with all names of the current directory, and LAST behind them; nothing
# where there are none.
home_each() {
	home_last=$1
	shift
	home_words=$#
	set +f
	for home_hit in .[!.]* ..?* *; do
		if [ -e "./$home_hit" ] || [ -h "./$home_hit" ]; then set -- "$@" "./$home_hit"; fi
	done
	[ $# -gt "$home_words" ] || return 0
	LC_ALL=C "$@" ${home_last:+"$home_last"} 2>"$work/err"
}

# home_all_in DIRECTORY: whether it has every name of the current one.
home_all_in() {
	set +f
	for home_hit in .[!.]* ..?* *; do
		if [ -e "./$home_hit" ] || [ -h "./$home_hit" ]; then
			[ -e "$1/$home_hit" ] || [ -h "$1/$home_hit" ] || return
		fi
	done
}

# home_clear_tree PLACE: what a run that was cut off, or failed, left of a home in a directory of root's.
home_clear_tree() {
	[ -e "$1" ] || [ -h "$1" ] || return 0
	if [ -h "$1" ] || [ ! -d "$1" ]; then
		rm -f "$1" 2>/dev/null
	else
		(
			user_file_take_tree "$1" &&
				find . -depth ! -name . \( -type d -exec rmdir {} \; -o -exec rm -f {} \; \)
		) 2>/dev/null
		rmdir "$1" 2>/dev/null
	fi
}
