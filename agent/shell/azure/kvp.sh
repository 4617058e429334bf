# kvp.sh: the outcome for the host: a record in the Hyper-V key-value pool, where a machine has one.

# kvp_tell ROW: append one record. A pool that cannot be written is a warning: the report is what counts. No
# shell can take the lock that the host's daemon takes (fcntl), so the record is appended in one write with
# O_APPEND, which no reader sees by halves.
kvp_tell() {
	[ "$set_KVP" != no ] && place_exists "$proto_KVP_POOL" || return 0
	if kvp_record "$1" && kvp_append "$_path"; then
		log_debug "$proto_KVP_POOL: $1"
	else
		log_warning "$proto_KVP_POOL: not written"
	fi
}

# kvp_record ROW: the record in $work/kvp; part of one would shift all that come behind it.
kvp_record() {
	kvp_size=$((proto_KVP_KEY_SIZE + proto_KVP_VALUE_SIZE))
	{
		kvp_field "$proto_KVP_KEY" "$proto_KVP_KEY_SIZE" && kvp_field "$1" "$proto_KVP_VALUE_SIZE"
	} >"$work/kvp" 2>/dev/null && text_size "$work/kvp" && [ "$_size" -eq "$kvp_size" ]
}

# kvp_append FILE: whole, or not at all: what a full disk took of it is cut off again.
kvp_append() {
	text_size "$1" || return
	kvp_before=$_size
	# Of two redirections the failing one speaks for itself; a subshell keeps that out of the log.
	(cat "$work/kvp" >>"$1") 2>/dev/null
	set -- "$1" "$?"
	text_size "$1" || return
	[ "$_size" -ne "$((kvp_before + kvp_size))" ] || return "$2"
	[ "$((_size % kvp_size))" -eq 0 ] || [ "$((kvp_before % kvp_size))" -ne 0 ] ||
		dd if=/dev/null of="$1" bs="$kvp_size" seek="$((_size / kvp_size))" count=0 2>/dev/null
	return 1
}

# kvp_field TEXT SIZE: prints the text and as many NUL bytes as make it that long; a machine may have no
# /dev/zero.
kvp_field() {
	printf '%s' "$1" >"$work/kvp.text" && text_size "$work/kvp.text" && [ "$_size" -le "$2" ] &&
		cat "$work/kvp.text" || return
	printf "%$(($2 - _size))s" '' | tr ' ' '\000'
}
