# plan.sh: what `generalize` has to do, found while nothing has changed: a tool that fails then ends it all.
# The plan and what is left of it are in variables: there may be no room for a file. plan_items has a line for
# each thing: STAGE|HOW|KIND|PLACE; what is `last` only where nothing is left undone.

plan_items='' plan_left=''

# plan_missed TEXT: what could not be done.
plan_missed() {
	plan_left=$plan_left$1$sys_newline
}

# plan_blind WHAT: it is not known whether there is something to do.
plan_blind() {
	log_error "cannot look at $1; nothing was changed" 'a program may have been killed: run generalize again'
	exit 1
}

# plan_all: all that is there and must not stay. dbus of an image without systemd does not fill an empty
# machine-id.
plan_all() {
	plan_stage=first plan_kind=
	[ -z "$old_user" ] || plan_tree
	# A log in memory is not captured, and may be where this run works.
	if [ -n "$root" ] || ! place_is_memory /var/log; then plan_logs; fi
	if place_exists /lib/systemd/systemd; then plan_id=empty; else plan_id=remove; fi
	if account_find root 2>/dev/null; then plan_roots=$_home; else plan_roots=/root; fi
	text_by_line
	# Last what tells who leaves, to a run after one that was cut off.
	for plan_text in $generalize_table "remove-last|${state_directory%/*}|azready" \
		"remove-last|${run_directory%/*}|azready"; do
		text_by_word
		plan_row "$plan_text"
	done
	text_by_word
	plan_stage=last
	[ -n "$root" ] || [ "$old_name" = localhost ] || plan_note reset /proc/sys/kernel/hostname
}

# plan_logs: if there is something in one, or one is named for the machine.
plan_logs() {
	place_of /var/log
	[ -d "$_path" ] || return 0
	plan_found=$(find "$_path" -xdev -type f \( -size +0 -o -name "$old_named" \) 2>/dev/null) ||
		plan_found=perhaps
	[ -z "$plan_found" ] || plan_note clear "$_path"
}

# plan_row ROW: of the table, for this image: by the shell itself, a program may be killed.
plan_row() {
	text_cells "$1"
	plan_kind=${_cell_1%-last}
	if [ "$plan_kind" = "$_cell_1" ]; then plan_stage=first; else plan_stage=last; fi
	[ "$plan_kind" != id ] || plan_kind=$plan_id
	plan_rest=${_cell_2#'~'}
	if [ "$plan_rest" = "$_cell_2" ]; then place_of "$_cell_2"; else place_of "${plan_roots:-/}$plan_rest"; fi
	plan_at=$_path
	text_replaced "$_cell_3" @ "$old_user"
	text_replaced "$_replaced" % "$old_uid"
	# The names are patterns for that directory, not for this one.
	set -f
	# shellcheck disable=SC2086  # words
	set -- $_replaced
	set +f
	for plan_pattern; do
		for plan_file in "$plan_at"/$plan_pattern; do plan_one; done
	done
}

# plan_one: $plan_file, if it is there and of the kind that $plan_kind is for.
plan_one() {
	[ -e "$plan_file" ] || [ -h "$plan_file" ] || return 0
	# What the lock of this very run has made goes with it.
	case "$sys_newline${lock_made-}$sys_newline" in *"$sys_newline$plan_file$sys_newline"*) return 0 ;; esac
	case $plan_kind in
	remove)
		plan_note remove "$plan_file"
		return 0
		;;
	file | empty | mac) [ ! -h "$plan_file" ] || return 0 ;;
	*)
		place_of "${plan_file#"$root"}"
		plan_file=$_path
		;;
	esac
	[ -f "$plan_file" ] || return 0
	case $plan_kind in
	file) plan_note remove "$plan_file" ;;
	empty) [ ! -s "$plan_file" ] || plan_note empty "$plan_file" ;;
	mac)
		text_matches "$plan_file" -Ei -e '([0-9a-f]{2}:){5}[0-9a-f]{2}'
		case $? in
		0) plan_note remove "$plan_file" ;;
		1) ;;
		*) plan_blind "${plan_file#"$root"}" ;;
		esac
		;;
	*) { plan_mended "$plan_file" && [ "$_verdict" = same ]; } || plan_note mend "$plan_file" ;;
	esac
}

# plan_mended FILE: $work/mended, the file without who leaves; sets _verdict.
plan_mended() {
	file_fetch_place "$1" "${1#"$root"}" "$work/old.text" &&
		edit_derive "${1#"$root"}" "$work/mended" "$awk_generalize" \
			"$work/old.text" "$plan_kind" "$old_user" "$old_uid" "$old_hosts"
}

# plan_tree: the user's home, unless it is more than that, and what the user has in /tmp.
plan_tree() {
	place_of "${old_home%/*}"
	plan_file=$_path/${old_home##*/}
	if [ -h "$plan_file" ] || { [ -d "$plan_file" ] && plan_is_own; }; then
		plan_note remove "$plan_file"
	elif [ -d "$plan_file" ]; then
		log_warning "home '$old_home' stays: it is not $old_user's alone"
	fi
	for plan_file in /tmp /var/tmp; do
		place_of "$plan_file"
		[ ! -d "$_path" ] || plan_temporary
	done
}

# plan_temporary: what is the user's in $_path.
plan_temporary() {
	plan_find -name "*$sys_newline*"
	[ -z "$plan_own" ] || plan_missed "remove what $old_user has in $plan_file: a line break is in a name"
	plan_find ! -name "*$sys_newline*"
	text_by_line
	for plan_line in $plan_own; do
		text_by_word
		plan_note remove "${plan_line%/./*}/${plan_line##*/./}"
	done
	text_by_word
}

# plan_find CONDITION ..: sets plan_own, what is the user's there and meets it. A second time where the first
# was killed, or something went away under its eyes.
plan_find() {
	for _ in 1 2; do
		plan_own=$(find "$_path/." ! -name . -prune -user "$old_uid" "$@" -print 2>/dev/null) && return
	done
	plan_blind "$plan_file"
}

# plan_is_own: whether $old_home lies in /home or belongs to the user, and nobody else's home is in it.
plan_is_own() {
	case $old_home in
	*/..*) return 1 ;;
	/home/?*) ;;
	*)
		file_facts "$plan_file"
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
	plan_shown="$1 ${2#"$root"}"
	case $2 in *"$sys_newline"*)
		text_replaced "$plan_shown" "$sys_newline" '?'
		plan_missed "$_replaced: a line break is in its name"
		return 0
		;;
	esac
	# Two names may lead to one directory, as /var/spool/mail; and what is removed is not mended.
	case $plan_items in *"|$2$sys_newline"*) return 0 ;; esac
	plan_items="$plan_items$plan_stage|$1|$plan_kind|$2$sys_newline"
	[ ! -h "$2" ] || plan_shown="$plan_shown, a link; $(readlink "$2") stays"
	log_info "$plan_shown"
}
