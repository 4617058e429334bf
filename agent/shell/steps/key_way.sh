# key_way.sh: the way from the root to a file of keys, as sshd or dropbear walks it: what is in the way, and
# what can be mended.

# key_way_account: what account_find has found, and the user's groups: sets login_uid, login_gid, login_home,
# login_shell, login_gids, login_roots (who stands for root: in a tree made without privileges its owner does)
# and login_own_home.
key_way_account() {
	login_user=$_name login_uid=$_uid login_gid=$_gid login_home=${_home%/} login_shell=$_shell
	login_groups=$account_groups
	key_way_gids
	user_file_know_root
	login_roots=" 0 $user_roots "
	login_own_home=yes
	account_has_own_home '' || login_own_home=no
}

# key_way_gids: sets login_gids, the numbers of the user's groups, with a blank on each side.
key_way_gids() {
	login_gids=" $login_gid "
	text_by ,
	for login_group in $login_groups; do login_gids="$login_gids${login_group#*:} "; done
	text_by_word
}

# key_way_to: what is against the keys of $login_place: sets login_error, empty where nothing is, and
# login_value; and login_types, the types of the keys, one a line.
key_way_to() {
	login_error='' login_value='' login_types=''
	if ! key_way_is_clear "$login_place"; then
		file_text "$work/login.blocked" '' || return
		(key_way_go)
		case $? in
		0) ;;
		4) IFS=$tab read -r login_error login_value <"$work/login.blocked" || return ;;
		*)
			file_blame "$work"
			return
			;;
		esac
	fi
	[ -z "$login_error" ] || return 0
	place_of "$login_place"
	login_types=$(program_awk "$awk_keys" "$_path" '' '' types 2>"$work/err") || {
		file_blame "$login_place"
		return
	}
	[ -n "$login_types" ] || login_error=no_keys login_value=$login_place
}

# key_way_is_clear NAME: whether nothing is in the way to this file or folder and nothing has to be mended, as
# a rule: what one look at all that leads there can tell.
key_way_is_clear() {
	login_in_home=no
	case $1/ in
	"${login_home:-//}"/*) login_in_home=yes ;;
	esac
	place_of "${login_home:-/}"
	[ "$login_in_home" = yes ] && [ "$_path" = "$root$login_home" ] || return
	login_rest=${1#/}/
	set --
	[ -n "$root" ] || set -- /
	login_done=
	while [ -n "$login_rest" ]; do
		login_done=$login_done/${login_rest%%/*}
		login_rest=${login_rest#*/}
		set -- "$@" "$root$login_done"
	done
	LC_ALL=C ls -dn "$@" 2>/dev/null >"$work/login.stat" || return
	while read -r login_mode _ login_owner login_group login_line; do
		login_line=/${login_line#*/}
		key_way_is_fine "${login_line#"$root"}" || return
	done <"$work/login.stat"
}

# key_way_is_fine SHOWN: what was said of one part of the way.
key_way_is_fine() {
	case $login_mode in [d-]*) ;; *) return 1 ;; esac
	case $1 in
	"$login_home" | "$login_home"/*)
		[ "$login_owner" = "$login_uid" ] || [ "$login_own_home" = no ] || return
		[ "$login_strict" = no ] || ! key_way_is_open || return
		[ "$login_strict" = no ] || key_way_is_roots || [ "$login_owner" = "$login_uid" ] || return
		;;
	esac
	case $login_mode in -*) key_way_may r ;; *) key_way_may x ;; esac
}

# key_way_block ERROR VALUE: end the subshell of key_way_to with what is in the way.
key_way_block() {
	(printf '%s\t%s\n' "$1" "$2" >"$work/login.blocked") 2>"$work/err" && exit 4
	exit 5
}

# key_way_mend_home: the home alone, before keys go into it; of the account that account_find has found. What
# is in the way is the step's to say.
key_way_mend_home() {
	key_way_account || return
	login_strict=yes
	login_place=$login_home
	sshd_main
	if ! sshd_has dropbear && { place_exists "$_main" || sshd_has sshd; }; then
		sshd_first StrictModes yes
		login_strict=$_value
	fi
	! key_way_is_clear "$login_home" || return 0
	(key_way_enter_home)
	case $? in 0 | 4) ;; *) file_blame "$work" ;; esac
}

# key_way_go: to $login_place, in a subshell, because it goes from directory to directory as user_files.sh
# does: the one that the shell is in stays the same, whatever becomes of its names.
key_way_go() {
	login_in_home=no
	case $login_place in "${login_home:-//}"/*) login_in_home=yes ;; esac
	if [ "$login_in_home" = no ]; then
		login_folder=${login_place%/*}
		key_way_where "$login_folder"
		key_way_above "$_path" "$login_strict"
		key_way_check_above "${_path:-/}" "${login_folder:-/}" "$login_strict"
		cd -P "${_path:-/}" 2>/dev/null || key_way_block read "$login_place"
		key_way_read "${login_place##*/}" "$login_place"
		return
	fi
	key_way_enter_home
	login_at=$login_home
	login_rest=${login_place#"$login_home"/}
	while case $login_rest in */*) ;; *) false ;; esac do
		login_part=${login_rest%%/*}
		login_rest=${login_rest#*/}
		case $login_part in '' | .) continue ;; esac
		login_at=$login_at/$login_part
		key_way_enter "$login_part"
		key_way_check_folder "$login_at"
	done
	key_way_read "$login_rest" "$login_at/$login_rest"
}

# key_way_where NAME: sets _path; of the links on the way only root's are followed.
key_way_where() {
	login_link=
	place_of "$1" key_way_meets
	[ -z "$login_link" ] || key_way_block symlink "${login_link#"$root"}"
}

key_way_meets() {
	file_facts "$1"
	case $login_roots in *" $_owner "*) ;; *) login_link=$1 ;; esac
}

# key_way_enter_home
key_way_enter_home() {
	key_way_where "$login_home"
	key_way_above "$_path" no
	[ -e "${_path:-/}" ] || key_way_block no_keys "$login_place"
	cd -P "${_path:-/}" 2>/dev/null || key_way_block read "$login_place"
	[ "$(pwd -P)" = "${_path:-/}" ] || key_way_block symlink "$login_home"
	key_way_check_folder "$login_home"
}

# key_way_enter NAME: into this directory of the current one.
key_way_enter() {
	[ ! -h "./$1" ] || key_way_block symlink "$login_at"
	[ -e "./$1" ] || key_way_block no_keys "$login_place"
	login_from=$(pwd -P)
	cd -P "./$1" 2>/dev/null || key_way_block read "$login_place"
	[ "$(pwd -P)" = "${login_from%/}/$1" ] || key_way_block symlink "$login_at"
}

# key_way_above PLACE STRICT: what leads there from the root, which counts on the machine itself alone:
# elsewhere it is the builder's.
key_way_above() {
	login_todo=${1#"$root"}
	[ -n "$root" ] || [ -z "$login_todo" ] || key_way_check_above / / "$2"
	login_todo=${login_todo#/}
	login_done=
	while case $login_todo in */*) ;; *) false ;; esac do
		login_done=$login_done/${login_todo%%/*}
		login_todo=${login_todo#*/}
		key_way_check_above "$root$login_done" "$login_done" "$2"
	done
}

# key_way_check_above PLACE SHOWN STRICT: a directory of root; where it lets nobody through, it is made to.
key_way_check_above() {
	key_way_stat "$1" || key_way_block no_keys "$login_place"
	[ "$3" != yes ] || key_way_trust "$2"
	! key_way_may x || return 0
	case $login_gids in
	# Whom the group's bits hold up, o+x would not help.
	*" $login_group "*) ;;
	*)
		if key_way_is_roots && ! key_way_is_open && chmod o+x "$1" 2>/dev/null; then
			log_info "login: $2 let nobody through: now it does (o+x)"
			return
		fi
		;;
	esac
	key_way_block search "$2"
}

# key_way_check_folder SHOWN: the current directory, the home or one below it.
key_way_check_folder() {
	key_way_stat . || key_way_block read "$login_place"
	[ "$login_own_home" = no ] || key_way_mend "$1"
	[ "$login_strict" = no ] || key_way_trust "$1"
	key_way_may x || key_way_block search "$1"
}

# key_way_mend SHOWN: the current directory.
key_way_mend() {
	# What root owns stays, a home may be one's prison; unless its user cannot even enter it.
	if [ "$login_owner" != "$login_uid" ] && { ! key_way_is_roots || ! key_way_may x; } &&
		chown -h "$login_uid:$login_gid" . 2>/dev/null; then
		log_info "login: $1 belonged to uid $login_owner: now it is $login_user's"
		key_way_stat .
	fi
	login_change=
	[ "$login_strict" = no ] || ! key_way_is_open || login_change=go-w
	[ "$login_owner" != "$login_uid" ] || key_way_may x || login_change=${login_change:+$login_change,}u+rwx
	if [ -n "$login_change" ] && chmod "$login_change" . 2>/dev/null; then
		log_info "login: $1 was $login_mode: $login_change"
		key_way_stat .
	fi
}

# key_way_stat PLACE: sets login_mode, the letters, login_owner and login_group.
key_way_stat() {
	file_facts "$1" || return
	login_mode=${_mode%"${_mode#??????????}"} login_owner=$_owner login_group=$_group
}

key_way_is_roots() {
	case $login_roots in *" $login_owner "*) ;; *) return 1 ;; esac
}

# key_way_is_open: others than the owner may write there.
key_way_is_open() {
	case $login_mode in ?????w* | ????????w*) ;; *) return 1 ;; esac
}

# key_way_trust SHOWN: what sshd's StrictModes ask for.
key_way_trust() {
	key_way_is_roots || [ "$login_owner" = "$login_uid" ] || key_way_block owner "$1"
	! key_way_is_open || key_way_block mode "$1"
}

# key_way_may r|x: whether the user has this right, as the kernel has it: owner, else group, else others.
key_way_may() {
	login_class=others
	case $login_gids in *" $login_group "*) login_class=group ;; esac
	[ "$login_owner" != "$login_uid" ] || login_class=owner
	[ "$login_owner" = 0 ] || ! key_way_is_roots || login_class=owner
	case $1$login_class$login_mode in
	xowner???[xs]* | xgroup??????[xs]* | xothers?????????[xt]*) ;;
	rowner?r* | rgroup????r* | rothers???????r*) ;;
	*) return 1 ;;
	esac
}

# key_way_read NAME SHOWN: whether the keys file of the current directory can be read.
key_way_read() {
	[ ! -h "./$1" ] || key_way_block symlink "$2"
	[ -e "./$1" ] || key_way_block no_keys "$login_place"
	if [ ! -f "./$1" ] || ! key_way_stat "./$1"; then key_way_block read "$2"; fi
	[ "$login_strict" = no ] || key_way_trust "$2"
	key_way_may r || key_way_block read "$2"
}
