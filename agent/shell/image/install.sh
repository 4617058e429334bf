# install.sh: puts azready into an image: program, service, settings.

main_install() {
	program_need_awk
	set -f
	install_check
	enable_find_init || exit 2
	install_step install_program
	install_step compiled_keep
	install_step install_unit
	install_step enable_service
	install_step install_config
	install_labels
	install_reload
	install_step agents_look_for
}

# install_step FUNCTION ..: what cannot be written ends it; the next try goes on from there.
install_step() {
	"$@" && return
	fail_log
	exit 2
}

# install_check: all that can be refused before anything is written.
install_check() {
	# `sh -s` and `sh -c` leave the shell's own name in $0.
	grep -q "^azready_version='" "$_self" 2>/dev/null ||
		log_die 'install copies its own file, and that was read from a pipe' \
			'save it, then run: sh azready install'
	case $prefix in
	*[!A-Za-z0-9/._-]* | *..* | [!/]*)
		log_die "bad value '$prefix' for --prefix" 'expected an absolute path of letters, digits, . _ and -'
		;;
	esac
	# Elsewhere a /nix/store is only a package manager's.
	if place_exists /etc/NIXOS || { place_exists /nix/store && ! place_exists /usr/sbin; }; then
		# shellcheck disable=SC2016  # Nix expands it
		log_die 'NixOS declares its services' \
			'add to configuration.nix, with the file azready beside it: systemd.services.azready = { wantedBy = [ "multi-user.target" ]; path = [ pkgs.python3 pkgs.gawk ]; environment.AZREADY_RUN = "per-instance"; serviceConfig = { Type = "oneshot"; ExecStart = "${pkgs.runtimeShell} ${./azready} provision"; }; };'
	fi
}

# install_program: without --prefix in /usr/sbin, and where that is missing or read-only in /usr/local/sbin.
install_program() {
	if [ -z "$prefix" ]; then
		prefix=/usr
		place_of /usr/sbin
		if [ ! -d "$_path" ] || [ ! -w "$_path" ]; then
			made_say '/usr/sbin is missing or read-only, trying /usr/local'
			prefix=/usr/local
		fi
	fi
	prefix=${prefix%/}
	install_source=$_self
	if [ "$engine" = shell ]; then
		# The text alone; the zip begins behind its last line.
		install_source=$work/program
		{
			LC_ALL=C sed "s/^azready_zip='yes'\$/azready_zip='no'/; /^exit \\\$?\$/q" "$_self" \
				>"$install_source" &&
				[ "$(tail -n 1 "$install_source")" = 'exit $?' ]
		} || {
			file_broken "$_self" 'its text could not be taken out'
			return
		}
	fi
	made_put "$prefix/sbin/azready" 0755 "$install_source" " ($azready_version)" && return
	fail_log
	log_die "$prefix cannot be written" 'use --prefix DIR, or install into the tree that becomes the image'
}

# install_unit: the files of the row, from the texts in $unit_NAME_FILE.
install_unit() {
	for unit_item in $units_files; do
		service_path "${unit_item#*>}" "$init_place"
		enable_text "${unit_item%%>*}" || return
		unit_mode=0644
		case $(head -n 1 "$work/new") in '#!'*) unit_mode=0755 ;; esac
		made_put "$_item" "$unit_mode" "$work/new" || return
	done
}

# install_config: every setting with its default, as comments; one that is there is somebody's.
install_config() {
	install_config_text
	file_text "$work/new" "$install_settings" || return
	if place_exists /etc/azready.conf; then
		made_say '/etc/azready.conf is there already, left as it is'
	else
		made_put /etc/azready.conf 0644 "$work/new"
	fi
}

# install_config_text: sets install_settings, the text that comes: in no subshell, which could be killed.
install_config_text() {
	install_settings='# Settings of azready, KEY=VALUE. These are the defaults: take a # away to change one.'
	install_settings=$install_settings$sys_newline
	config_rows install_config_line
}

# install_config_line KEY DEFAULT KIND MEANING
install_config_line() {
	config_set_default "$@"
	eval "install_settings=\"\$install_settings\$sys_newline# \$4\$sys_newline#\$1=\$set_$1\$sys_newline\""
}

# install_labels: of all that the list names and is there still.
install_labels() {
	# shellcheck disable=SC2046  # paths without blanks
	selinux_label "$install_list" /etc/inittab \
		$(file_read "$install_list" | sed -n 's/^%//; s/^[efd][a-z]* //; /^[/]/p')
}

# install_reload: only a systemd that runs needs to be told.
install_reload() {
	[ ! -d /run/systemd/system ] || ! program_which systemctl ||
		program_run 60 /dev/null "$_which" daemon-reload || :
}
