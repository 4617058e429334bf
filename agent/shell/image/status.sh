# status.sh: what happened last time, for a person or (--json) for a program.

# status_show
status_show() {
	place_of "$state_directory/status"
	if [ ! -e "$_path" ]; then
		{
			if [ "$json" = yes ]; then status_never='{"outcome": "never"}'; else
				status_never='provision has never run here'
			fi
			printf '%s\n' "$status_never"
		} 2>/dev/null
		exit 1
	fi
	if [ ! -r "$_path" ] || [ -d "$_path" ]; then
		log_die "$state_directory/status: cannot be read" 'run as root'
	fi
	program_need_awk
	{
		if [ "$json" = yes ]; then program_awk "$awk_status_json"; else program_awk "$awk_status"; fi
	} <"$_path" 2>/dev/null
	grep -q '^OUTCOME=ready$' "$_path"
	exit
}
