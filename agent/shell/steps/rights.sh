# rights.sh: the right of the admin user to become root, by sudo and doas, whichever the image has.

# rights_give NAME: write what ADMIN_RIGHTS asks for, and take away what an earlier run wrote.
rights_give() {
	# Words that doas.conf and sudoers could take for their own; what is in quotes is always a name.
	case "$1 $fact_RIGHTS_WORDS " in
	*[[:upper:]]* | *" $1 "*) rights_word="\"$1\"" ;;
	*) rights_word=$1 ;;
	esac
	rights_sudo='' rights_doas='' rights_sudo_rule='' rights_doas_rule='' rights_how=''
	[ "$set_ADMIN_RIGHTS" != nopasswd ] || rights_how=', without a password'
	if [ "$set_ADMIN_RIGHTS" != none ]; then
		! rights_has sudo /etc/sudoers /etc/sudoers.d ||
			rights_sudo=sudo rights_sudo_rule="$rights_word ALL=(ALL:ALL) ${rights_how:+NOPASSWD: }ALL"
		! rights_has doas /etc/doas.conf /etc/doas.d ||
			rights_doas=doas rights_doas_rule="permit ${rights_how:+nopass }$rights_word as root"
	fi
	rights_lack='no sudo and no doas'
	read_only_spare rights_keep_sudo "$rights_sudo_rule" || return
	[ -z "$_spared" ] || rights_sudo='' rights_lack="no rule in $_spared"
	read_only_spare rights_keep_doas "$rights_doas_rule" || return
	[ -z "$_spared" ] || rights_doas='' rights_lack="no rule in $_spared"
	# What earlier versions wrote.
	read_only_spare rights_keep /etc/sudoers.d/azready '' '' &&
		read_only_spare rights_keep /etc/doas.d/azready.conf '' '' ||
		return
	case $rights_sudo$rights_doas in
	'') [ "$set_ADMIN_RIGHTS" = none ] || log_warning "$rights_lack: $1 cannot become root" ;;
	*)
		rights_both=$rights_sudo${rights_sudo:+${rights_doas:+ and }}$rights_doas
		log_info "user: $1 can become root with $rights_both$rights_how"
		;;
	esac
}

# rights_has PROGRAM FILE ..: whether the image has one of the files, or the program.
rights_has() {
	rights_program=$1
	shift
	for rights_file in "$@"; do ! place_exists "$rights_file" || return 0; done
	for rights_file in $fact_RIGHTS_FOLDERS; do
		! place_is_executable "$rights_file/$rights_program" || return 0
	done
	return 1
}

# rights_keep_sudo RULE: the last rule counts, so ours is behind the files of others; sudo passes over a name
# with a dot or a tilde.
rights_keep_sudo() {
	if [ -n "$1" ]; then
		rights_check "$1" || return
		place_exists /etc/sudoers.d || file_make_directory /etc/sudoers.d 0750 || return
	fi
	rights_keep /etc/sudoers.d/zz-azready "$1" 0440 || return
	[ -z "$1" ] || rights_include
}

# rights_check RULE: have visudo look at it: one rule that sudo cannot read makes sudo useless for everybody.
rights_check() {
	program_which visudo && ! rights_holds /etc/sudoers.d/zz-azready "$1" || return 0
	file_text "$work/rule" "$1$sys_newline" && file_write "$run_directory/sudoers" 0440 "$work/rule" || return
	place_of "$run_directory/sudoers"
	program_run 60 /dev/null "$_which" -c -f "$_path"
	file_remove "$run_directory/sudoers"
	[ "$_ended" -eq 0 ] || program_failed rights_not_set "visudo refuses: $1" visudo
}

# rights_include: have sudo read the directory. `#includedir` is what every version knows.
rights_include() {
	# openSUSE: ours would hide the distribution's own file, which includes the directory.
	place_exists /etc/sudoers || ! place_exists /usr/etc/sudoers || return 0
	# Without its rule for root, sudo would refuse even root.
	rights_root='root ALL=(ALL:ALL) ALL'
	! place_exists /etc/sudoers || rights_root=
	rights_edit /etc/sudoers 0440 'BEGIN {
		take(ARGV[1])
		if (ARGV[2] != "") put(ARGV[2])
		includes = "^[ \t]*[#@]includedir[ \t]+\"?(/etc/)?sudoers[.]d/?\"?[ \t\r\f\v]*([ \t]#.*)?$"
		for (i = 1; i <= count; i++) {
			if (row[i] ~ includes) there = 1
			put(row[i])
		}
		if (!there) put("#includedir /etc/sudoers.d")
		verdict_of_edit(0)
	}' "$rights_root"
}

# rights_keep_doas RULE: a file of its own where there is a directory, else a marked line.
rights_keep_doas() {
	if place_exists /etc/doas.d; then set -- "$1" ''; else set -- '' "$1"; fi
	rights_keep /etc/doas.d/zz-azready.conf "$1" 0600 || return
	# A file that is not there and gets no line is not made.
	[ -n "$2" ] || place_exists /etc/doas.conf || return 0
	rights_edit /etc/doas.conf 0600 'BEGIN {
		take(ARGV[1])
		for (i = 1; i <= count; i++) if (row[i] ~ / # azready$/) gone++; else put(row[i])
		if (ARGV[2] != "") put(ARGV[2] " # azready")
		verdict_of_edit(gone)
	}' "$2"
}

# rights_keep FILE RULE MODE: the file holds just this line; no rule means no file. What is right is not
# written again.
rights_keep() {
	if [ -z "$2" ]; then
		! place_exists "$1" || file_remove "$1"
	else
		rights_new=no
		place_exists "$1" || rights_new=$sys_me
		keep_text "$1" "$3" "$2$sys_newline" || return $?
		# What root has made is root's.
		[ "$rights_new" = 0 ] || rights_own "$1"
	fi
}

# rights_holds FILE RULE
rights_holds() {
	place_of "$1"
	file_has "$_path" "$2$sys_newline"
}

# rights_edit FILE MODE PROGRAM [ARG ..]: as edit_keep.
rights_edit() {
	edit_keep "$@" && rights_own "$1"
}

# rights_own FILE: what was written is root's: sudo and doas obey nobody else.
rights_own() {
	[ -z "$_changed" ] || file_give "$1" 0 0
}
