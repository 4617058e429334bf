# cli.sh: the command line. `provision` and `report` exist in both engines, everything else only here.

# cli_parse ARGUMENT ..: sets the options' variables and $words_count; the words (command and arguments) are
# in $word_N.
cli_parse() {
	root='' config_file='' engine=auto force=no json=no only='' skip='' has_only=no has_skip=no yes=no \
		replace_agents=no init_asked='' prefix='' leaving_user='' words_count=0 word_1='' word_2='' word_3=''
	while [ $# -gt 0 ]; do
		case $1 in
		--)
			shift
			while [ $# -gt 0 ]; do
				cli_add_word "$1"
				shift
			done
			return
			;;
		--root=* | --config=* | --engine=* | --only=* | --skip=* | --init=* | --prefix=* | --user=*)
			cli_parse_value "${1%%=*}" "${1#*=}"
			;;
		--root | --config | --engine | --only | --skip | --init | --prefix | --user)
			[ $# -gt 1 ] || log_die "$1 needs a value" 'run azready help'
			cli_parse_value "$1" "$2"
			shift
			;;
		-q) log_level=0 ;;
		-v) log_level=2 ;;
		--force) force=yes ;;
		--json) json=yes ;;
		--yes) yes=yes ;;
		--replace-agents) replace_agents=yes ;;
		-h | --help) wants_help=yes ;;
		--version) wants_version=yes ;;
		-*) log_die "unknown option '$1'" 'run azready help' ;;
		*) cli_add_word "$1" ;;
		esac
		shift
	done
}

# cli_parse_value OPTION VALUE
cli_parse_value() {
	case $1 in
	--root)
		[ -d "$2" ] || log_die "--root $2: not a directory" "$hint_ROOT"
		# Of a shell that was killed nothing comes, which would be this machine itself.
		root=$(cd "$2" 2>/dev/null && pwd -P) || root=$(cd "$2" && pwd -P) || root=
		[ -n "$root" ] || log_die "--root $2: it cannot be entered" "$hint_ROOT"
		root=${root%/}
		;;
	--config) config_file=$2 ;;
	--engine)
		case $2 in
		auto | python | shell) engine=$2 ;;
		*) log_die "unknown engine '$2'" 'expected one of: auto python shell' ;;
		esac
		;;
	--only) only=$2 has_only=yes ;;
	--skip) skip=$2 has_skip=yes ;;
	--init) init_asked=$2 ;;
	--prefix) prefix=$2 ;;
	--user) leaving_user=$2 ;;
	esac
}

cli_add_word() {
	words_count=$((words_count + 1))
	eval "word_$words_count=\$1"
}

# cli_check_options COMMAND: what belongs to another command is a mistake, not a no-op.
cli_check_options() {
	[ "$force$has_only$has_skip" = nonono ] || [ "$1" = provision ] ||
		log_die '--only, --skip and --force belong to provision' 'run azready help'
	[ "$json" = no ] || [ "$1" = status ] || log_die '--json belongs to status' 'run azready help'
	[ "$init_asked$prefix$replace_agents" = no ] || [ "$1" = install ] ||
		log_die '--init, --prefix and --replace-agents belong to install' 'run azready help'
	[ "$leaving_user$yes" = no ] || [ "$1" = generalize ] ||
		log_die '--user and --yes belong to generalize' 'run azready help'
	case $1 in
	provision | status | version | install | uninstall | generalize)
		[ "$words_count" -le 1 ] || log_die "$1 takes no argument: '$word_2'" "run azready help $1"
		;;
	report) cli_check_report ;;
	esac
}

cli_check_report() {
	case $words_count,${word_2-} in
	2,ready) return ;;
	[3-9],failed | ??*,failed) ;;
	*) log_die 'report what?' "$hint_REPORT" ;;
	esac
	[ -n "$word_3" ] || log_die 'report what?' "$hint_REPORT"
	word_number=4
	word_keys=
	while [ "$word_number" -le "$words_count" ]; do
		word_pair=''
		eval "word_pair=\$word_$word_number"
		case ${word_pair%%=*} in
		"$word_pair" | '' | [0-9]* | *[!A-Za-z0-9_]*)
			log_die "not KEY=VALUE: '$word_pair'" 'run azready help report'
			;;
		esac
		case " $word_keys " in
		*" ${word_pair%%=*} "*) log_die 'a key was given twice' 'run azready help report' ;;
		esac
		word_keys="$word_keys ${word_pair%%=*}"
		word_number=$((word_number + 1))
	done
}

# cli_start: what the run needs, and its deadline, for provision and report in this engine.
cli_start() {
	program_need_all
	work_need_room
	clock_now
	started=$_now
	state_time_of_start
	state_time ENGINE
	deadline=$((started + set_DEADLINE * 100))
}

# cli_provision: a machine without any HTTP client cannot tell anybody why it failed.
cli_provision() {
	cli_choose_steps
	cli_start
	program_need_awk
	clock_timestamp
	started_at=$_timestamp
	cli_lock
	# Another run may have done it meanwhile.
	[ "$force" = yes ] || ! state_is_done || do_the_rest
	http_begin || {
		state_begin
		fail_log
		provision_end not-told 3
	}
	provision
}

# cli_host_keys: the run that an earlier one has left the other host keys to.
cli_host_keys() {
	cli_start
	lock_wait "$deadline" || exit 0
	make_other_host_keys
	exit 0
}

# cli_lock: however long another run needs: it reports, and this one would only disturb it.
cli_lock() {
	if [ "$force" = no ] && state_is_done; then
		# Something is left to do, or the machine is done.
		lock_take
		while [ $? -eq 2 ]; do lock_take; done
		[ -z "${lock_holder-}" ] || {
			cli_other="another azready (process $lock_holder)"
			log_info "VM $vm_id is provisioned already, and $cli_other does what is left to do"
			exit 0
		}
		sweep
		return
	fi
	lock_wait "$deadline" && return
	log_error "locked: another azready (process $lock_holder) is at work" 'the next boot tries again'
	exit 3
}

# cli_report
cli_report() {
	identity_from_dmi
	cli_start
	if ! http_begin; then
		fail_log
		exit 3
	elif [ "$word_2" = ready ]; then
		report_ready
	else
		cli_collect_failure
		report_failed
	fi || {
		# Only now: to try it first would cost as much as to use it.
		program_need_awk
		printf 'the platform could not be told: %s %s' "$untold" "$_problem" | log_emit 'error: '
		exit 3
	}
	exit 0
}

# cli_collect_failure: the words of `report failed` become a failure.
cli_collect_failure() {
	set --
	word_number=4
	while [ "$word_number" -le "$words_count" ]; do
		eval "set -- \"\$@\" \"\$word_$word_number\""
		word_number=$((word_number + 1))
	done
	fail "$word_3" '' "$@"
	:
}

# cli_help [COMMAND]: sections of the embedded text.
cli_help() {
	{ LC_ALL=C STEPS=$steps_table SETTINGS=$settings_table REASONS=$reasons_table TEXT=$help_text awk \
		"$awk_help" "${1:-azready}"; } 2>/dev/null && return
	# Nobody may be reading.
	[ $? -eq 3 ] || return 1
	log_die "no help for '$1'" 'run azready help'
}

# cli_choose_steps: sets steps_chosen, in the order of the table.
cli_choose_steps() {
	config_split_steps "$set_STEPS" STEPS
	steps_wanted=$_steps
	config_split_steps "$skip" --skip
	steps_skipped=$_steps
	steps_chosen=
	for steps_asked in $steps_all; do
		case " $steps_wanted " in *" $steps_asked "*) ;; *) continue ;; esac
		case " $steps_skipped " in *" $steps_asked "*) ;; *) steps_chosen="$steps_chosen $steps_asked" ;; esac
	done
}
