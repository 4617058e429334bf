# status.sh: what happened last time, for a person or (--json) for a program.

# show_status
show_status() {
	sys_path "$state_directory/status"
	if [ ! -e "$_path" ]; then
		if [ "$json" = yes ]; then printf '{"outcome": "never"}\n'; else printf 'provision has never run here\n'; fi
		exit 1
	fi
	cp "$_path" "$work/status" 2>"$work/err" || die_usage "$state_directory/status: cannot be read" 'run as root'
	if [ "$json" = yes ]; then
		sys_awk "$awk_status_json" "$work/status"
	else
		sys_awk "$awk_status" "$work/status"
	fi
	grep -q '^OUTCOME=ready$' "$work/status"
	exit
}
