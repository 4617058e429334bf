# config.sh: settings: built-in defaults, then /etc/azready.conf, then AZREADY_KEY of the environment; all of
# them checked against one table. The value of KEY is in $set_KEY.

# config_rows FUNCTION: call FUNCTION KEY DEFAULT KIND MEANING for every row of the settings' table.
config_rows() {
	text_by_line
	for config_row in $settings_table; do
		text_by_word
		text_cells "$config_row"
		"$1" "$_cell_1" "$_cell_2" "$_cell_3" "$_cell_4"
	done
	text_by_word
}

# config_set_default KEY DEFAULT KIND: `@` stands for the protocol fact of the same name.
config_set_default() {
	if [ "$2" = @ ]; then eval "set_$1=\$proto_$1"; else eval "set_$1=\$2"; fi
}

# config_read_environment KEY DEFAULT KIND
config_read_environment() {
	config_given=''
	eval "config_given=\${AZREADY_$1-}"
	if eval "[ -n \"\${AZREADY_$1+x}\" ]"; then config_set "$1" "$config_given" "environment AZREADY_$1"; fi
}

# config_kind_of KEY: sets _kind; empty for an unknown key.
config_kind_of() {
	_kind=
	config_sought=$1
	config_rows config_match
}

# config_match KEY DEFAULT KIND: sets _kind if that is the one.
config_match() {
	[ "$1" != "$config_sought" ] || _kind=$3
}

# config_name_key KEY DEFAULT KIND
config_name_key() {
	config_names="${config_names:+$config_names }$1"
}

# config_set KEY VALUE WHERE: set it if the table allows it.
config_set() {
	config_kind_of "$1"
	case $_kind in
	'')
		config_names=
		config_rows config_name_key
		log_die "$3: unknown key $1" "known keys: $config_names"
		;;
	address) config_is_address "$2" || config_refuse "$@" "$hint_ADDRESS" ;;
	seconds) config_is_seconds "$2" || config_refuse "$@" "$hint_SECONDS" ;;
	steps) config_split_steps "$2" "$3" ;;
	media) config_is_media "$2" || config_refuse "$@" "$hint_MEDIA" ;;
	names) config_is_names "$2" || config_refuse "$@" "$hint_NAMES" ;;
	shell)
		config_is_shell "$2" || config_refuse "$@" "$hint_SHELL"
		;;
	one-of:*)
		config_allowed=${_kind#one-of:}
		case ,$config_allowed,/$2 in
		*/*,*) config_refuse "$@" "one of: $(printf '%s' "$config_allowed" | tr ',' ' ')" ;;
		*,"$2",*) ;;
		*) config_refuse "$@" "one of: $(printf '%s' "$config_allowed" | tr ',' ' ')" ;;
		esac
		;;
	esac
	eval "set_$1=\$2"
}

# config_refuse KEY VALUE WHERE EXPECTED
config_refuse() {
	log_die "$3: bad value '$2' for $1" "expected $4"
}

config_is_address() {
	case $1 in
	'' | *[!A-Za-z0-9.:-]* | :* | *: | *:*:* | *:*[!0-9]* | *:??????*) return 1 ;;
	esac
}

config_is_seconds() {
	case $1 in
	'' | *[!0-9]* | 0* | ???????*) return 1 ;;
	esac
}

config_is_media() {
	case $1 in
	auto | none) ;;
	*[[:cntrl:]]*) return 1 ;;
	/*) ;;
	*) return 1 ;;
	esac
}

config_is_names() {
	case ,$1, in
	,,) ;;
	*[!A-Za-z0-9_,-]* | *,,* | *,-*) return 1 ;;
	esac
}

config_is_shell() {
	case $1 in
	'') ;;
	*[[:cntrl:]]* | *[[:space:]:]*) return 1 ;;
	/*) ;;
	*) return 1 ;;
	esac
}

# config_read_file: read $config_file, or /etc/azready.conf where that was not given.
config_read_file() {
	config_name=${config_file:-/etc/azready.conf}
	config_place=$config_name
	case $config_name in
	/*)
		place_of "$config_name"
		config_place=$_path
		;;
	esac
	if [ ! -r "$config_place" ] || [ -d "$config_place" ]; then
		[ -n "$config_file" ] || [ -e "$config_place" ] || return 0
		log_die "$config_name: cannot be read" "$hint_CONFIG_FILE"
	fi
	text_holds_no_nul "$config_place" || log_die "$config_name: it holds NUL bytes" 'it must be a text'
	# As `install` writes it, comments alone: no awk is needed for that.
	LC_ALL=C grep -q -v -e '^#[ -~]*$' -e '^$' "$config_place" 2>/dev/null || [ $? -ne 1 ] || return 0
	program_need_awk
	config_lines=$(program_awk "$awk_config" <"$config_place") || {
		log_error "$config_name: awk does not work" 'the shell engine needs mawk, gawk or busybox awk'
		exit 3
	}
	[ -n "$config_lines" ] || return 0
	text_by_line
	for config_line in $config_lines; do
		text_by_word
		config_number=${config_line%% *}
		config_line=${config_line#* }
		config_key=${config_line%% *}
		config_line=${config_line#* }
		[ "$config_key" != '!' ] || log_die "$config_name:$config_number: not a setting: $config_line" \
			"$hint_CONFIG_LINE"
		config_set "$config_key" "$config_line" "$config_name:$config_number"
	done
	text_by_word
}

# config_read: all of it.
config_read() {
	config_rows config_set_default
	config_read_file
	config_rows config_read_environment
}

# config_steps_rows FUNCTION: call FUNCTION NAME NEEDS DOES for every row of the steps' table.
config_steps_rows() {
	text_by_line
	for steps_row in $steps_table; do
		text_by_word
		text_cells "$steps_row"
		"$1" "$_cell_1" "$_cell_2" "$_cell_3"
	done
	text_by_word
}

steps_all=

# config_add_step NAME ..
config_add_step() {
	steps_all="${steps_all:+$steps_all }$1"
}

# config_split_steps LIST WHERE: sets _steps, the steps that a list (commas or blanks) names. The list `all`
# means every one.
config_split_steps() {
	[ -n "$steps_all" ] || config_steps_rows config_add_step
	_steps=
	text_by ", $tab$sys_newline"
	for steps_name in $1; do _steps=$_steps${steps_name:+"$steps_name "}; done
	text_by_word
	case $_steps in 'all ') _steps=$steps_all ;; esac
	for steps_name in $_steps; do
		case " $steps_all " in
		*" $steps_name "*) ;;
		*) log_die "$2: unknown step '$steps_name'" "expected 'all', or steps out of: $steps_all" ;;
		esac
	done
}

# config_step_words NAME: sets _step, its name in that of a function, and _step_key, in that of a key of the
# status.
config_step_words() {
	_step=${step_words#*" $1:"}
	_step=${_step%% *}
	_step_key=${_step#*:}
	_step=${_step%:*}
}
