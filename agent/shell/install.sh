# install.sh: puts azready into an image and enables the service of the init that the image has; takes all of it out again.
# What it made stands in $install_list, one path a line: a directory ends in /, and ! is before what is gone for good.

install_list=/etc/azready.installed

main_install() {
	sys_need_awk
	set -f
	install_check
	find_init || exit 2
	install_program
	install_step install_unit
	install_step enable_service
	install_step install_config
	install_reload
	install_step look_for_agents
}

# install_step FUNCTION ..: what cannot be written ends it; a second try goes on where the first one ended.
install_step() {
	"$@" && return
	fail_log
	exit 2
}

# install_check: all that can be refused before anything is written.
install_check() {
	# `sh -s` and `sh -c` leave the shell's own name in $0.
	grep -q "^azready_version='" "$_self" 2>/dev/null || die_usage 'install copies its own file, and that was read from a pipe' 'save it, then run: sh azready install'
	case $prefix in
	*[!A-Za-z0-9/._-]* | *..* | [!/]*) die_usage "bad value '$prefix' for --prefix" 'expected an absolute path of letters, digits, . _ and -' ;;
	esac
	if sys_exists /etc/NIXOS || { sys_exists /nix/store && ! sys_exists /usr/sbin; }; then
		log_error 'NixOS declares its services, nothing was changed' 'add this to configuration.nix, with the file azready beside it'
		# shellcheck disable=SC2154  # embedded by the build
		printf '%s\n' "$unit_nixos_azready_nix" >&2
		exit 2
	fi
}

# find_init: the row of the image's init, in $units_...; $init_places holds its directories, one a line, $init_place the first.
find_init() {
	sys_path /sbin/init
	init_words=none
	init_by=
	if [ -e "$_path" ]; then
		init_words=${_path##*/}
		init_by="/sbin/init is ${_path#"$root"}"
		# A script: what it starts counts.
		[ "$(dd if="$_path" bs=2 count=1 2>/dev/null | tr -d '\000')" != '#!' ] || init_words="$init_words $(LC_ALL=C tr -c 'A-Za-z0-9-' ' ' <"$_path")"
	fi
	init_names=
	units_rows init_is_row || {
		if [ -n "$wanted_init" ]; then
			log_error "unknown init system '$wanted_init'" "expected one of:$init_names"
		else
			log_error "no init system that azready knows (${init_by:-no /sbin/init})" "--init NAME, one of:$init_names; or start 'azready provision' once at boot yourself"
		fi
		return 2
	}
	for init_place in $units_places; do
		if sys_glob "$init_place"; then
			init_places=$_found
			init_place=${_found%%"$sys_newline"*}
			log_info "install: init system $units_name ($init_by)"
			return
		fi
	done
	log_error "init system $units_name ($init_by): the image has none of $units_places" 'is it installed, and is its first service enabled?'
	return 2
}

# init_is_row: whether the row is the one wanted, or the one that the image's files speak for.
init_is_row() {
	units_name=${units_name% }
	init_names="$init_names $units_name"
	if [ -n "$wanted_init" ]; then
		init_by='--init'
		[ "$units_name" = "$wanted_init" ]
		return
	fi
	for init_sign in $units_found; do
		init_has "${init_sign%%&*}" && init_has "${init_sign#*&}" && return
	done
	return 1
}

# init_has SIGN: a path, PATH:TEXT, or a word that /sbin/init stands for.
init_has() {
	case $1 in
	/*:*) sys_read "${1%%:*}" | grep -qF -e "${1#*:}" || return ;;
	/*) sys_exists "$1" || return ;;
	*) case " $init_words " in *" $1 "*) return ;; *) return 1 ;; esac ;;
	esac
	init_by="$1 is there"
}

# install_program: without --prefix in /usr/sbin, and where that is missing or cannot be written in /usr/local/sbin.
install_program() {
	if [ -z "$prefix" ]; then
		prefix=/usr
		sys_path /usr/sbin
		if [ ! -d "$_path" ] || [ ! -w "$_path" ]; then
			log_info 'install: /usr/sbin is missing or read-only, trying /usr/local'
			prefix=/usr/local
		fi
	fi
	prefix=${prefix%/}
	install_put "$prefix/sbin/azready" 0755 "$_self" " ($azready_version)" && return
	fail_log
	die_usage "$prefix cannot be written" 'install --prefix DIR with a DIR that can be, or into the tree that the image is built from'
}

# install_unit: the files of the row, from the texts in $unit_NAME_FILE.
install_unit() {
	for unit_item in $units_files; do
		unit_path "${unit_item#*>}" "$init_place"
		install_text "$units_name" "${unit_item%%>*}" >"$work/new"
		unit_mode=0644
		case $(head -n 1 "$work/new") in '#!'*) unit_mode=0755 ;; esac
		install_put "$_item" "$unit_mode" "$work/new" || return
	done
}

# install_text INIT FILE: the text of a unit, with the path that azready has here.
install_text() {
	eval "printf '%s\n' \"\$unit_$(printf '%s_%s' "$1" "$2" | tr -c 'A-Za-z0-9\n' _)\"" | sed "s,/usr/sbin/azready,$prefix/sbin/azready,"
}

# enable_service: what has the init start it at boot, for the row that find_init found.
enable_service() {
	while IFS= read -r unit_place; do
		for unit_item in $units_enabled; do enable_item || return; done
		for unit_item in $units_disabled; do
			case $unit_item in +*) ;; *) continue ;; esac
			unit_path "${unit_item#?}" "$unit_place"
			! sys_exists "$_item/down" || sys_remove "$_item/down" || return
			log_info "install: service enabled: $_item"
		done
	done <<EOT
$init_places
EOT
}

# enable_item: $unit_item for $unit_place.
enable_item() {
	unit_path "${unit_item#\~}" "$unit_place"
	unit_link=${_item%%>*}
	case $unit_item in
	~*) enable_line ;;
	*'#'*)
		if sys_glob "${unit_link%#*}??${unit_link#*#}"; then
			log_info "install: service is enabled already: $_found"
			return
		fi
		unit_number
		install_link "${unit_link%#*}$_number${unit_link#*#}" "${unit_item#*>}" 'service enabled: '
		;;
	*'>'*) install_link "$unit_link" "${unit_item#*>}" 'service enabled: ' ;;
	*) install_put "$_item" 0644 /dev/null ;;
	esac
}

# enable_line: the unit's line at the top of a file, from where disable_service takes it without a trace.
enable_line() {
	if sys_read "$unit_link" | grep -q "$unit_line"; then
		log_info "install: service is enabled already: $unit_link"
	else
		{
			install_text "$units_name" "${unit_link##*/}" | grep -v '^#'
			sys_read "$unit_link"
		} >"$work/mended"
		keep_mended "$unit_link" && log_info "install: service enabled: line added to $unit_link"
	fi
}

# unit_number: sets _number, one behind whatever sets the network up in this runlevel.
unit_number() {
	_number=01
	for unit_network in 'network*' NetworkManager dhcpcd connman; do
		sys_glob "$unit_place/S??$unit_network" || continue
		unit_behind=${_found##*/S}
		unit_behind=${unit_behind%"${unit_behind#??}"}
		# 1 before it: 08 would be a bad octal number.
		[ "$unit_behind" -lt "$_number" ] || _number=$((1$unit_behind + 1)) _number=${_number#1}
	done
}

# install_link NAME TARGET [TEXT]
install_link() {
	sys_path "${1%/*}"
	if [ "$(readlink "$_path/${1##*/}" 2>/dev/null)" = "$2" ]; then
		log_info "install: ${3-}$1 is there already"
		return
	fi
	install_parents "$1" && install_note "$1" || return
	sys_path "${1%/*}"
	{ rm -f "$_path/${1##*/}" && ln -s "$2" "$_path/${1##*/}"; } 2>"$work/err" || sys_blame "$1" || return
	log_info "install: ${3-}$1"
}

# install_put NAME MODE FILE [TEXT]: a file with FILE's content.
install_put() {
	sys_path "$1"
	if cmp -s "$3" "$_path" && { [ "$2" != 0755 ] || [ -x "$_path" ]; }; then
		log_info "install: $1 is there already${4-}"
		return
	fi
	install_parents "$1" && install_note "$1" && sys_write "$1" "$2" <"$3" && chmod "$2" "$_path" || return
	log_info "install: $1 written${4-}"
}

# install_parents NAME: the directories that lead to it; those that are new are noted.
install_parents() {
	install_above=${1%/*}
	install_missing=
	while sys_path "$install_above" && [ ! -d "$_path" ]; do
		install_missing="$install_above $install_missing"
		install_above=${install_above%/*}
	done
	for install_above in $install_missing; do
		install_note "$install_above/" && sys_make_directory "$install_above" 0755 || return
	done
}

# install_note LINE: in the list of what uninstall takes away.
install_note() {
	sys_read "$install_list" | grep -qxF -e "$1" || {
		sys_read "$install_list"
		printf '%s\n' "$1"
	} | sys_write "$install_list" 0644
}

# install_config: every setting with its default, as comments; one that is there is somebody's.
install_config() {
	if sys_exists /etc/azready.conf; then
		log_info 'install: /etc/azready.conf is there already, left as it is'
	else
		config_text >"$work/new"
		install_put /etc/azready.conf 0644 "$work/new"
	fi
}

config_text() {
	printf '# Settings of azready, KEY=VALUE. These are the defaults: take a # away to change one.\n'
	while IFS='|' read -r config_key config_default config_kind config_means; do
		case $config_key in '' | '#'*) continue ;; esac
		config_key=${config_key% } config_default=${config_default# }
		config_set_default "$config_key" "${config_default% }"
		eval "config_default=\$set_$config_key"
		printf '\n#%s\n#%s=%s\n' "$config_means" "$config_key" "$config_default"
	done <<EOT
$settings_table
EOT
}

# install_reload: only a systemd that runs needs to be told.
install_reload() {
	[ -n "$root" ] || [ ! -d /run/systemd/system ] || ! sys_which systemctl || sys_run 60 /dev/null "$_which" daemon-reload || :
}

look_for_agents() {
	:
}

# main_uninstall: all that stands in the list, last thing first.
main_uninstall() {
	set -f
	sys_need_awk
	if ! sys_read "$install_list" >"$work/list"; then
		log_info "uninstall: nothing to do, there is no $install_list"
		return
	fi
	disable_service
	awk '{ line[NR] = $0 } END { while (NR) print line[NR--] }' "$work/list" >"$work/reverse"
	while IFS= read -r install_line; do install_step take_away "$install_line"; done <"$work/reverse"
	install_step sys_remove "$install_list"
	install_reload
	! sys_exists "$state_directory" || log_info "uninstall: $state_directory stays: it says that this machine is provisioned"
}

# take_away LINE
take_away() {
	sys_path "${1%/}"
	case $1 in
	!*) log_warning "uninstall: ${1#?} is gone for good, install --replace-agents removed it" ;;
	# Ours as a whole, with what the supervisor left in it.
	*/azready/) rm -rf "$_path" 2>"$work/err" || sys_blame "$1" ;;
	*/) rmdir "$_path" 2>/dev/null || : ;;
	/etc/azready.conf)
		config_text | cmp -s - "$_path" || {
			[ ! -e "$_path" ] || log_info "uninstall: $1 stays: it was edited"
			return 0
		}
		sys_remove "$1" && log_info "uninstall: $1 removed"
		;;
	*)
		sys_path "${1%/*}"
		[ -e "$_path/${1##*/}" ] || [ -h "$_path/${1##*/}" ] || return 0
		sys_remove "$1" && log_info "uninstall: $1 removed"
		;;
	esac
}
