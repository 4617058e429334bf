# install.sh: puts azready into an image and enables the service of the init that the image has; takes all of it out again.
# What it made stands in $install_list, one path a line: a directory ends in /, ! is before what is gone for good, % before
# a file that it only edited, = before another agent's link that it took away, with the link's text behind it.

install_list=/etc/azready.installed

main_install() {
	program_need_awk
	set -f
	install_check
	find_init || exit 2
	install_step install_program
	install_step install_unit
	install_step enable_service
	install_step install_config
	install_labels
	install_reload
	install_step look_for_agents
}

# install_step FUNCTION ..: what cannot be written ends it; the next try goes on from there.
install_step() {
	"$@" && return
	fail_log
	exit 2
}

did() {
	log_info "install: $1"
}

# install_check: all that can be refused before anything is written.
install_check() {
	# `sh -s` and `sh -c` leave the shell's own name in $0.
	grep -q "^azready_version='" "$_self" 2>/dev/null || log_die 'install copies its own file, and that was read from a pipe' 'save it, then run: sh azready install'
	case $prefix in
	*[!A-Za-z0-9/._-]* | *..* | [!/]*) log_die "bad value '$prefix' for --prefix" 'expected an absolute path of letters, digits, . _ and -' ;;
	esac
	# Elsewhere a /nix/store is only a package manager's.
	if place_exists /etc/NIXOS || { place_exists /nix/store && ! place_exists /usr/sbin; }; then
		# shellcheck disable=SC2016  # Nix expands it
		log_die 'NixOS declares its services' 'add to configuration.nix, with the file azready beside it: systemd.services.azready = { wantedBy = [ "multi-user.target" ]; path = [ pkgs.python3 pkgs.gawk ]; environment.AZREADY_RUN = "per-instance"; serviceConfig = { Type = "oneshot"; ExecStart = "${pkgs.runtimeShell} ${./azready} provision"; }; };'
	fi
}

# find_init: the row of the image's init in $units_..., its directories in $init_places, one a line, the first in $init_place.
find_init() {
	place_of /sbin/init
	init_words=none
	init_by='no /sbin/init'
	if [ -e "$_path" ]; then
		init_words=${_path##*/}
		init_by="/sbin/init is ${_path#"$root"}"
		# A script: what it starts counts.
		[ "$(dd if="$_path" bs=2 count=1 2>/dev/null | tr -d '\000')" != '#!' ] || init_words="$init_words $(LC_ALL=C tr -c 'A-Za-z0-9-' ' ' <"$_path")"
	fi
	init_names=
	service_rows init_is_row || {
		log_error "no init system that azready knows: ${wanted_init:-$init_by}" "--init NAME, one of:$init_names; or have 'azready provision' started once at boot"
		return 2
	}
	for init_place in $units_places; do
		place_glob "$init_place" || continue
		init_places=$_found
		init_place=${_found%%"$sys_newline"*}
		did "init system $units_name ($init_by)"
		return
	done
	log_error "init system $units_name ($init_by), but none of its directories:$units_places" 'is it installed?'
	return 2
}

# init_is_row: whether the row is the one wanted, or the one that the image's files speak for.
init_is_row() {
	init_names="$init_names $units_name"
	if [ -n "$wanted_init" ]; then
		[ "$units_name" = "$wanted_init" ] && init_by='--init'
		return
	fi
	for init_sign in $units_found; do
		init_has "${init_sign%%,*}" && init_has "${init_sign#*,}" && return
	done
	return 1
}

# init_has SIGN: a path, PATH:TEXT, or a word that /sbin/init stands for.
init_has() {
	case $1 in
	/*:*) file_read "${1%%:*}" | grep -qF -e "${1#*:}" || return ;;
	/*) place_exists "$1" || return ;;
	*) case " $init_words " in *" $1 "*) return 0 ;; *) return 1 ;; esac ;;
	esac
	init_by="$1 is there"
}

# install_program: without --prefix in /usr/sbin, and where that is missing or cannot be written in /usr/local/sbin.
install_program() {
	if [ -z "$prefix" ]; then
		prefix=/usr
		place_of /usr/sbin
		if [ ! -d "$_path" ] || [ ! -w "$_path" ]; then
			did '/usr/sbin is missing or read-only, trying /usr/local'
			prefix=/usr/local
		fi
	fi
	prefix=${prefix%/}
	install_source=$_self
	if [ "$engine" = shell ]; then
		# The text alone; the zip begins behind its last line.
		install_source=$work/program
		{ LC_ALL=C sed "s/^azready_zip='yes'\$/azready_zip='no'/; /^exit \\\$?\$/q" "$_self" >"$install_source" && [ "$(tail -n 1 "$install_source")" = 'exit $?' ]; } || {
			file_broken "$_self" 'its text could not be taken out'
			return
		}
	fi
	install_put "$prefix/sbin/azready" 0755 "$install_source" " ($azready_version)" && return
	fail_log
	log_die "$prefix cannot be written" 'use --prefix DIR, or install into the tree that becomes the image'
}

# install_unit: the files of the row, from the texts in $unit_NAME_FILE.
install_unit() {
	for unit_item in $units_files; do
		service_path "${unit_item#*>}" "$init_place"
		unit_text "${unit_item%%>*}" || return
		unit_mode=0644
		case $(head -n 1 "$work/new") in '#!'*) unit_mode=0755 ;; esac
		install_put "$_item" "$unit_mode" "$work/new" || return
	done
}

# unit_text FILE: $work/new with the path that azready has here.
unit_text() {
	unit_text=
	eval "unit_text=\$unit_$(printf '%s_%s' "$units_name" "$1" | tr -c 'a-z0-9' _)"
	file_text "$work/unit" "$unit_text$sys_newline" && edit_derive "$1" "$work/new" 'BEGIN {
		take(ARGV[1])
		for (i = 1; i <= count; i++) put((at = index(row[i], "/usr/sbin")) ? substr(row[i], 1, at - 1) ARGV[2] "/sbin" substr(row[i], at + 9) : row[i])
		verdict("done")
	}' "$work/unit" "$prefix"
}

# enable_service: what has the init start it at boot, for the row that find_init found.
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

# rearm_service: for `generalize`: enable again what `install` enabled and RUN=once disabled; fails where that cannot be.
rearm_service() {
	place_exists "$install_list" || {
		log_warning 'azready was not installed here by install: see that it starts at boot'
		return 0
	}
	set -f
	prefix=$(file_read "$install_list" | sed -n 's,/sbin/azready$,,p')
	[ -n "$prefix" ] && find_init && enable_service
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
		if place_glob "${unit_link%#*}??${unit_link#*#}"; then unit_link=$_found; else unit_number; fi
		install_link "$unit_link" "$unit_target" 'service enabled: '
		;;
	*'>'*) install_link "$unit_link" "$unit_target" 'service enabled: ' ;;
	*) install_put "$_item" 0644 /dev/null ;;
	esac
}

# enable_line: the unit's line at the top of a file, from where service_disable takes it without a trace.
enable_line() {
	place_exists "$unit_link" || return 0
	unit_text "${unit_link##*/}" || return
	keep_timed "$unit_link" 'BEGIN {
		take(ARGV[2])
		for (i = 1; i <= count; i++) if (row[i] !~ /^#/) ours[++n] = row[i]
		take(ARGV[1])
		for (i = 1; i <= count; i++) if (row[i] ~ /^[^#].*\/azready provision/) n = 0
		for (i = 1; i <= n; i++) put(ours[i])
		for (i = 1; i <= count; i++) put(row[i])
		verdict_of_edit(0)
	}' "$work/new" || return
	if [ -n "$_changed" ]; then did "service enabled: line added to $unit_link"; else did "service enabled: the line in $unit_link is there already"; fi
}

# enable_startpar: Debian's startpar starts no link of which insserv did not tell it, and waits for nothing that a line
# does not name; a server that needs nothing has no line. The next insserv writes it anew.
enable_startpar() {
	edit_file "$unit_link" "$install_startpar" || return
	[ "$_verdict" = changed ] || return 0
	install_note "%$unit_link" && keep_timed "$unit_link" "$install_startpar" && did "azready added to $unit_link"
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

# unit_number: put a number into $unit_link, one behind whatever sets the network up in this runlevel.
unit_number() {
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

# install_link NAME TARGET [TEXT]
install_link() {
	place_itself "$1"
	if [ "$(readlink "$_path")" = "$2" ]; then
		did "${3-}$1 is there already"
		return
	fi
	install_parents "$1" && install_note "$1" && file_remove "$1" || return
	place_itself "$1"
	ln -s "$2" "$_path" 2>"$work/err" || file_blame "$1" || return
	did "${3-}$1"
}

# install_put NAME MODE FILE [TEXT]: a file with FILE's content.
install_put() {
	place_of "$1"
	if cmp -s "$3" "$_path" && { [ "$2" != 0755 ] || [ -x "$_path" ]; }; then
		did "$1 is there already${4-}"
		return
	fi
	install_parents "$1" && install_note "$1" && file_write "$1" "$2" "$3" && chmod "$2" "$_path" && did "$1 written${4-}"
}

# install_parents NAME: the directories that lead to it; those that are new are noted.
install_parents() {
	install_above=${1%/*}
	install_missing=
	while ! place_exists "$install_above"; do
		install_missing="$install_above $install_missing"
		install_above=${install_above%/*}
	done
	for install_above in $install_missing; do
		install_note "$install_above/" && file_make_directory "$install_above" 0755 || return
	done
}

# install_note LINE: in the list of what uninstall takes away.
install_note() {
	edit_keep "$install_list" 0644 'BEGIN {
		take(ARGV[1])
		for (i = 1; i <= count; i++) {
			if (row[i] == ARGV[2]) there = 1
			put(row[i])
		}
		if (!there) put(ARGV[2])
		verdict_of_edit(0)
	}' "$1"
}

# install_config: every setting with its default, as comments; one that is there is somebody's.
install_config() {
	file_text "$work/new" "$(config_text)$sys_newline" || return
	if place_exists /etc/azready.conf; then
		did '/etc/azready.conf is there already, left as it is'
	else
		install_put /etc/azready.conf 0644 "$work/new"
	fi
}

config_text() {
	printf '# Settings of azready, KEY=VALUE. These are the defaults: take a # away to change one.\n'
	config_rows config_line
}

# config_line KEY DEFAULT KIND MEANING
config_line() {
	config_set_default "$@"
	eval "printf '\n# %s\n#%s=%s\n' \"\$4\" \"\$1\" \"\$set_$1\""
}

# install_labels: of all that the list names and is there still.
install_labels() {
	# shellcheck disable=SC2046  # paths without blanks
	selinux_label "$install_list" $(file_read "$install_list" | sed -n 's/^%//; /^[/]/p') /etc/inittab
}

# install_reload: only a systemd that runs needs to be told.
install_reload() {
	[ ! -d /run/systemd/system ] || ! program_which systemctl || program_run 60 /dev/null "$_which" daemon-reload || :
}

# look_for_agents: name the other agents that are enabled; --replace-agents disables them and removes what they keep.
look_for_agents() {
	agents_found=
	for agent in cloud-init:cloud-init*,cloud-config,cloud-final waagent:waagent*,walinuxagent* azure-init:azure-init*,azure-provisioning-agent* afterburn:afterburn*,coreos-metadata*; do
		agent_services=$(printf '%s' "${agent#*:}" | tr , ' ')
		agent=${agent%%:*}
		agent_links=
		[ "$agent" != cloud-init ] || ! place_exists /etc/cloud/cloud-init.disabled || [ "$replace_agents" = yes ] || continue
		for service in $agent_services; do service_rows service_row agent_item || :; done
		if [ -z "$agent_links" ]; then
			continue
		elif [ "$replace_agents" = no ]; then
			log_warning "install: another agent is enabled: $agent ($agent_links), --replace-agents disables it"
		else
			agents_found="$agents_found $agent"
			replace_agent || return
		fi
	done
	[ "$replace_agents" = no ] || remove_agents
}

# agent_item: add $unit_link to $agent_links, unless it is disabled.
agent_item() {
	case $unit_item in +*) ! place_exists "$unit_link/down" || return 0 ;; esac
	agent_links="$agent_links${agent_links:+ }$unit_link"
}

# replace_agent: nothing starts $agent any more. systemd's units are masked: an update of the package would enable them.
replace_agent() {
	for agent_link in $agent_links; do
		place_of "$agent_link"
		if [ -d "$_path" ]; then
			install_note "$agent_link/down"
		else
			place_itself "$agent_link"
			install_note "=$agent_link $(readlink "$_path")"
		fi || return
	done
	for service in $agent_services; do
		service_rows service_row service_disable_item || :
		place_glob "/usr/lib/systemd/system/$service.service" || place_glob "/lib/systemd/system/$service.service" || continue
		for agent_link in $_found; do
			agent_link=/etc/systemd/system/${agent_link##*/}
			place_glob "$agent_link" || install_link "$agent_link" /dev/null 'masked: ' || return
		done
	done
	[ "$agent" != cloud-init ] || install_put /etc/cloud/cloud-init.disabled 0644 /dev/null
}

# remove_agents: their files, and the command that removes their packages.
remove_agents() {
	for agent_file in /var/lib/waagent /etc/waagent.conf /var/log/waagent.log; do
		place_glob "$agent_file" || continue
		install_note "!$agent_file" || return
		place_itself "$agent_file"
		rm -rf "$_path" 2>"$work/err" || file_blame "$agent_file" || return
		did "$agent_file removed"
	done
	[ -n "$agents_found" ] || return 0
	for agent in /usr/bin/apt-get,purge,walinuxagent /usr/bin/dnf,remove,WALinuxAgent /usr/bin/zypper,remove,python-azure-agent /sbin/apk,del,walinuxagent /usr/bin/xbps-remove,-R,walinuxagent /usr/bin/pacman,-Rns,walinuxagent; do
		place_exists "${agent%%,*}" || continue
		# Debian's name; Ubuntu's is the other.
		! place_exists /var/lib/dpkg/info/waagent.list || agent=${agent%,*},waagent
		agent_file=${agent##*/}
		did "to remove the packages: $(printf '%s' "${agent_file%,*}$agents_found" | sed "s/,/ /;s/waagent/${agent##*,}/")"
	done
}

# main_uninstall: all that stands in the list, last thing first.
main_uninstall() {
	set -f
	program_need_awk
	place_exists "$install_list" || {
		log_info "uninstall: nothing to do, there is no $install_list"
		return
	}
	service_disable
	install_step edit_file "$install_list" 'BEGIN { take(ARGV[1]); for (i = count; i; i--) put(row[i]); verdict("done") }'
	install_step file_copy "$work/edited" "$work/reverse"
	while IFS= read -r install_line; do install_step take_away "$install_line"; done <"$work/reverse"
	install_step file_remove "$install_list"
	# shellcheck disable=SC2046  # paths without blanks
	selinux_label $(sed -n 's/^%//p' "$work/list") /etc/inittab
	install_reload
	! place_exists "$state_directory" || log_info "uninstall: $state_directory stays: what azready knows of this machine"
}

# install_put_back NAME TARGET: a link, or an empty file; nothing where there is one again.
install_put_back() {
	place_itself "$1"
	if [ -e "$_path" ] || [ -h "$_path" ]; then return; fi
	if [ -n "$2" ]; then ln -s "$2" "$_path"; else cp /dev/null "$_path"; fi 2>"$work/err" || file_blame "$1" || return
	log_info "uninstall: $1 is back"
}

# take_away LINE
take_away() {
	place_itself "${1%/}"
	case $1 in
	!*) log_warning "uninstall: ${1#?} is gone for good, install --replace-agents removed it" && return ;;
	=*)
		agent_link=${1#=}
		install_put_back "${agent_link%% *}" "${agent_link#* }"
		return
		;;
	%*)
		keep_timed "${1#?}" 'BEGIN {
			take(ARGV[1])
			for (i = 1; i <= count; i++) if (row[i] ~ /: azready$/) gone++; else {
				if (at = index(row[i] " ", " azready ")) row[i] = substr(row[i], 1, at - 1) substr(row[i], at + 8)
				put(row[i])
			}
			verdict_of_edit(gone)
		}'
		return
		;;
	# Ours as a whole, with what the supervisor left in it.
	*/azready/) rm -rf "$_path" 2>"$work/err" || file_blame "$1" && return ;;
	*/) rmdir "$_path" 2>/dev/null || : && return ;;
	esac
	[ -e "$_path" ] || [ -h "$_path" ] || return 0
	if [ "$1" = /etc/azready.conf ] && ! config_text | cmp -s - "$_path"; then
		log_info "uninstall: $1 stays: it was edited"
	else
		file_remove "$1" && log_info "uninstall: $1 removed"
	fi
}
