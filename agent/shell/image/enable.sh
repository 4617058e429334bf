# enable.sh: which init the image has, and what has it start azready at boot.

# enable_find_init: the row of the image's init in $units_..., its directories in $init_places, one a line,
# the first in $init_place.
enable_find_init() {
	place_of /sbin/init
	init_words=none
	init_by='no /sbin/init'
	if [ -e "$_path" ]; then
		init_words=${_path##*/}
		init_by="/sbin/init is ${_path#"$root"}"
		# A script: what it starts counts.
		text_head "$_path" 2
		if [ "$_head" = '#!' ]; then
			# A second time: the first was killed, and knew of none.
			init_said=$(LC_ALL=C tr -c 'A-Za-z0-9-' ' ' <"$_path") ||
				init_said=$(LC_ALL=C tr -c 'A-Za-z0-9-' ' ' <"$_path") || return
			init_words="$init_words $init_said"
		fi
	fi
	init_names=
	service_rows enable_is_row || {
		log_error "no init system that azready knows: ${init_asked:-$init_by}" \
			"--init NAME, one of:$init_names; or have 'azready provision' started once at boot"
		return 2
	}
	for init_place in $units_places; do
		place_glob "$init_place" || continue
		init_places=$_found
		init_place=${_found%%"$sys_newline"*}
		made_say "init system $units_name ($init_by)"
		return
	done
	log_error "init system $units_name ($init_by), but none of its directories:$units_places" \
		'is it installed?'
	return 2
}

# enable_is_row: whether the row is the one wanted, or the one that the image's files speak for.
enable_is_row() {
	init_names="$init_names $units_name"
	if [ -n "$init_asked" ]; then
		[ "$units_name" = "$init_asked" ] && init_by='--init'
		return
	fi
	for init_sign in $units_found; do
		enable_has "${init_sign%%,*}" && enable_has "${init_sign#*,}" && return
	done
	return 1
}

# enable_has SIGN: a path, PATH:TEXT, or a word that /sbin/init stands for.
enable_has() {
	case $1 in
	/*:*)
		place_to_read "${1%%:*}"
		[ -f "$_path" ] && text_matches "$_path" -F -e "${1#*:}" || return
		;;
	/*) place_exists "$1" || return ;;
	*) case " $init_words " in *" $1 "*) return 0 ;; *) return 1 ;; esac ;;
	esac
	init_by="$1 is there"
}

# enable_service: what has the init start it at boot, for the row that enable_find_init found.
enable_service() {
	text_by_line
	for unit_place in $init_places; do
		text_by_word
		for unit_item in $units_enabled; do enable_item || return; done
		for unit_item in $units_disabled; do
			service_path "${unit_item#?}" "$unit_place"
			case $unit_item in +*) ! place_exists "$_item/down" || file_remove "$_item/down" || return ;; esac
		done
	done
	text_by_word
}

# enable_again: for `generalize`: enable again what `install` enabled and RUN=once disabled; fails where that
# cannot be.
enable_again() {
	place_exists "$install_list" || {
		log_warning 'azready was not installed here by install: see that it starts at boot'
		return 0
	}
	set -f
	prefix=$(file_read "$install_list" | sed -n 's|^file ||; s|^\(/.*\)/sbin/azready$|\1|p')
	[ -n "$prefix" ] && enable_find_init && enable_service
	rearm_status=$?
	set +f
	return "$rearm_status"
}

# enable_item: $unit_item for $unit_place.
enable_item() {
	service_path "${unit_item#[~%]}" "$unit_place"
	unit_link=${_item%%>*}
	unit_target=${unit_item#*>}
	case $unit_item in
	~*) enable_line ;;
	%*) ! place_exists "$_item" || enable_startpar ;;
	*'#'*)
		# insserv may have given it another number.
		if place_glob "${unit_link%#*}??${unit_link#*#}"; then unit_link=$_found; else enable_number; fi
		made_link "$unit_link" "$unit_target" 'service enabled: '
		;;
	*'>'*) made_link "$unit_link" "$unit_target" 'service enabled: ' ;;
	*) made_put "$_item" 0644 /dev/null ;;
	esac
}

# enable_text FILE: $work/new with the path that azready has here.
enable_text() {
	text_replaced "${units_name}_$1" - _
	text_replaced "$_replaced" . _
	unit_text=
	eval "unit_text=\$unit_$_replaced"
	file_text "$work/unit" "$unit_text$sys_newline" && edit_derive "$1" "$work/new" 'BEGIN {
		take(ARGV[1])
		for (i = 1; i <= count; i++) {
			if (at = index(row[i], "/usr/sbin"))
				row[i] = substr(row[i], 1, at - 1) ARGV[2] "/sbin" substr(row[i], at + 9)
			put(row[i])
		}
		verdict("done")
	}' "$work/unit" "$prefix"
}

# enable_line: the unit's line at the top of a file, from where service_disable takes it without a trace.
enable_line() {
	place_exists "$unit_link" || return 0
	enable_text "${unit_link##*/}" || return
	keep_timed "$unit_link" 'BEGIN {
		take(ARGV[2])
		for (i = 1; i <= count; i++) if (row[i] !~ /^#/) ours[++n] = row[i]
		take(ARGV[1])
		for (i = 1; i <= count; i++) if (row[i] ~ /^[^#].*\/azready provision/) n = 0
		for (i = 1; i <= n; i++) put(ours[i])
		for (i = 1; i <= count; i++) put(row[i])
		verdict_of_edit(0)
	}' "$work/new" || return
	if [ -n "$_changed" ]; then
		made_say "service enabled: line added to $unit_link"
	else
		made_say "service enabled: the line in $unit_link is there already"
	fi
}

# enable_startpar: Debian's startpar starts no link of which insserv did not tell it, and waits for nothing
# that a line does not name; a server that needs nothing has no line. The next insserv writes it anew.
enable_startpar() {
	edit_file "$unit_link" "$install_startpar" || return
	[ "$_verdict" = changed ] || return 0
	made_note edited "$unit_link" && keep_timed "$unit_link" "$install_startpar" &&
		made_say "azready added to $unit_link"
}

install_startpar='BEGIN {
	take(ARGV[1])
	for (i = 1; i <= count; i++) if (row[i] ~ /[ =]azready/) verdict("same")
	for (i = 1; i <= count; i++) {
		if (sub(/^TARGETS =/, "& azready", row[i])) targets = row[i] " "
		if (sub(/^(sshd?|dropbear):/, "& azready", row[i])) {
			split(row[i], word, /[ ]/)
			waits[word[1]]
		}
		put(row[i])
	}
	for (i = split("ssh sshd dropbear", server, /[ ]/); i; i--)
		if (!(server[i] ":" in waits) && index(targets, " " server[i] " ")) put(server[i] ": azready")
	verdict_of_edit(0)
}'

# enable_number: put a number into $unit_link, one behind whatever sets the network up in this runlevel.
enable_number() {
	_number=01
	for unit_network in 'network*' NetworkManager dhcpcd connman; do
		place_glob "$unit_place/S??$unit_network" || continue
		unit_behind=${_found##*/S}
		unit_behind=${unit_behind%"${unit_behind#??}"}
		# 1 before it: 08 would be a bad octal number.
		[ "$unit_behind" -lt "$_number" ] || _number=$((1$unit_behind + 1)) _number=${_number#1}
	done
	unit_link=${unit_link%#*}$_number${unit_link#*#}
}
