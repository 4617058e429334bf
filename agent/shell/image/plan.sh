# plan.sh: what `generalize` has to do, found while nothing has changed: a tool that fails then ends it all.
# The plan and what is left of it are in variables: there may be no room for a file. old_plan has a line for
# each thing: STAGE|HOW|KIND|PLACE; what is `last` only where nothing is left undone.

# plan_missed TEXT: what could not be done.
plan_missed() {
	old_left=$old_left$1$sys_newline
}

# plan_blind WHAT: it is not known whether there is something to do.
plan_blind() {
	log_error "cannot look at $1; nothing was changed" 'a program may have been killed: run generalize again'
	exit 1
}

# plan_all: all that is there and must not stay.
plan_all() {
	old_stage=first old_how=
	[ -z "$old_user" ] || plan_tree
	# A log in memory is not captured, and may be where this run works.
	if [ -n "$root" ] || ! place_is_memory /var/log; then plan_logs; fi
	text_by_line
	for old_row in $old_rows; do
		text_by_word
		text_cells "$old_row"
		old_how=${_cell_1%-last}
		if [ "$old_how" = "$_cell_1" ]; then old_stage=first; else old_stage=last; fi
		plan_row "$_cell_2" "$_cell_3"
	done
	text_by_word
	old_stage=last
	[ -n "$root" ] || [ "$old_name" = localhost ] || plan_note reset /proc/sys/kernel/hostname
}

# plan_logs: if there is something in one, or one is named for the machine.
plan_logs() {
	place_of /var/log
	[ -d "$_path" ] || return 0
	old_found=$(find "$_path" -xdev -type f \( -size +0 -o -name "$old_named" \) 2>/dev/null) ||
		old_found=perhaps
	[ -z "$old_found" ] || plan_note clear "$_path"
}

# plan_row DIRECTORY NAMES
plan_row() {
	place_of "$1"
	old_at=$_path
	# The names are patterns for that directory, not for this one.
	set -f
	# shellcheck disable=SC2086  # words
	set -- $2
	set +f
	for old_pattern; do
		for old_file in "$old_at"/$old_pattern; do plan_one; done
	done
}

# plan_one: $old_file, if it is there and of the kind that $old_how is for.
plan_one() {
	[ -e "$old_file" ] || [ -h "$old_file" ] || return 0
	# What the lock of this very run has made goes with it.
	case "$sys_newline${lock_made-}$sys_newline" in *"$sys_newline$old_file$sys_newline"*) return 0 ;; esac
	case $old_how in
	remove)
		plan_note remove "$old_file"
		return 0
		;;
	file | empty | mac) [ ! -h "$old_file" ] || return 0 ;;
	*)
		place_of "${old_file#"$root"}"
		old_file=$_path
		;;
	esac
	[ -f "$old_file" ] || return 0
	case $old_how in
	file) plan_note remove "$old_file" ;;
	empty) [ ! -s "$old_file" ] || plan_note empty "$old_file" ;;
	mac)
		grep -Eiq '([0-9a-f]{2}:){5}[0-9a-f]{2}' "$old_file"
		case $? in
		0) plan_note remove "$old_file" ;;
		1) ;;
		*) plan_blind "${old_file#"$root"}" ;;
		esac
		;;
	*) { plan_mended "$old_file" && [ "$_verdict" = same ]; } || plan_note mend "$old_file" ;;
	esac
}

# plan_mended FILE: $work/mended, the file without who leaves; sets _verdict.
plan_mended() {
	file_fetch_place "$1" "${1#"$root"}" "$work/old.text" &&
		edit_derive "${1#"$root"}" "$work/mended" "$awk_generalize" \
			"$work/old.text" "$old_how" "$old_user" "$old_uid" "$old_hosts"
}

# plan_tree: the user's home, unless it is more than that, and what the user has in /tmp.
plan_tree() {
	place_of "${old_home%/*}"
	old_file=$_path/${old_home##*/}
	if [ -h "$old_file" ] || { [ -d "$old_file" ] && plan_is_own; }; then
		plan_note remove "$old_file"
	elif [ -d "$old_file" ]; then
		log_warning "home '$old_home' stays: it is not $old_user's alone"
	fi
	for old_file in /tmp /var/tmp; do
		place_of "$old_file"
		[ ! -d "$_path" ] || plan_temporary
	done
}

# plan_temporary: what is the user's in $_path.
plan_temporary() {
	plan_find -name "*$sys_newline*"
	[ -z "$old_own" ] || plan_missed "remove what $old_user has in $old_file: a line break is in a name"
	plan_find ! -name "*$sys_newline*"
	text_by_line
	for old_line in $old_own; do
		text_by_word
		plan_note remove "${old_line%/./*}/${old_line##*/./}"
	done
	text_by_word
}

# plan_find CONDITION ..: sets old_own, what is the user's there and meets it. A second time where the first
# was killed, or something went away under its eyes.
plan_find() {
	for _ in 1 2; do
		old_own=$(find "$_path/." ! -name . -prune -user "$old_uid" "$@" -print 2>/dev/null) && return
	done
	plan_blind "$old_file"
}

# plan_is_own: whether $old_home lies in /home or belongs to the user, and nobody else's home is in it.
plan_is_own() {
	case $old_home in
	*/..*) return 1 ;;
	/home/?*) ;;
	*)
		file_facts "$old_file"
		[ -n "$_owner" ] || plan_blind "$old_home"
		[ "$_owner" = "$old_uid" ] || return
		;;
	esac
	edit_look /etc/passwd 'BEGIN {
		take(ARGV[1])
		for (i = 1; i <= count; i++) {
			split(row[i], f, /[:]/)
			if (f[1] != ARGV[2] && index(f[6] "/", ARGV[3]) == 1) shared = 1
		}
		verdict(shared ? "shared" : "own")
	}' "$old_user" "$old_home/" || plan_blind /etc/passwd
	[ "$_verdict" = own ]
}

# plan_note HOW PLACE: it is to be done.
plan_note() {
	old_shown="$1 ${2#"$root"}"
	case $2 in *"$sys_newline"*)
		text_replaced "$old_shown" "$sys_newline" '?'
		plan_missed "$_replaced: a line break is in its name"
		return 0
		;;
	esac
	# Two names may lead to one directory, as /var/spool/mail; and what is removed is not mended.
	case $old_plan in *"|$2$sys_newline"*) return 0 ;; esac
	old_plan="$old_plan$old_stage|$1|$old_how|$2$sys_newline"
	[ ! -h "$2" ] || old_shown="$old_shown, a link; $(readlink "$2") stays"
	log_info "$old_shown"
}
