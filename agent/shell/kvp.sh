# kvp.sh: the outcome for the host: a record in the Hyper-V key-value pool, where a machine has one.

# tell_host ROW: append one record. A pool that cannot be written is a warning: the report is what counts. No shell can
# take the lock that the host's daemon takes (fcntl), so the record is appended in one write with O_APPEND, which no
# reader sees by halves.
tell_host() {
	[ "$set_KVP" != no ] && sys_exists "$proto_KVP_POOL" || return 0
	{
		kvp_field "$proto_KVP_KEY" "$proto_KVP_KEY_SIZE"
		kvp_field "$1" "$proto_KVP_VALUE_SIZE"
	} >"$work/kvp"
	# Of two redirections the failing one speaks for itself; a subshell keeps that out of the log.
	if (cat "$work/kvp" >>"$_path") 2>/dev/null; then
		log_debug "$proto_KVP_POOL: $1"
	else
		log_warning "$proto_KVP_POOL: not written"
	fi
}

# kvp_field TEXT SIZE: prints the text and as many NUL bytes as make it that long.
kvp_field() {
	printf '%s' "$1"
	dd if=/dev/zero bs="$(($2 - $(printf '%s' "$1" | wc -c)))" count=1 2>/dev/null
}
