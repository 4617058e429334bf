# own.sh: what azready keeps for itself, in directories that it has made: short texts, by what the shell can
# do itself. Nobody else writes there, so there is no mode, owner or label of an old file to be kept.

# own_write NAME TEXT [durable]: replace a file by one with this text, in one step; `durable`: it is on the
# disk before it takes the place of the old one. Where that does not work, other tools do it, or say why not.
own_write() {
	place_of "$1"
	own_new=${_path%/*}/.${_path##*/}.azready
	umask 077
	own_put "$2" "${3-}" 2>/dev/null
	set -- "$?" "$@"
	umask 022
	[ "$1" -ne 0 ] || return 0
	{ rm -f "$own_new"; } 2>/dev/null
	file_text "$work/own" "$3" && file_write "$2" 0600 "$work/own"
}

# own_put TEXT DURABLE: $own_new, and then $_path.
own_put() {
	[ ! -d "$_path" ] && [ ! -h "$own_new" ] || return 1
	printf '%s' "$1" >"$own_new" && own_holds "$own_new" "$1" || return $?
	[ -z "$2" ] || sync "$own_new" || sync
	mv -f "$own_new" "$_path" && [ ! -e "$own_new" ]
}

# own_holds PLACE TEXT: whether the file holds just that; not every shell says that it could not write.
own_holds() {
	own_held='' own_line=''
	while IFS= read -r own_line; do own_held=$own_held$own_line$sys_newline; done <"$1"
	[ "$own_held$own_line" = "$2" ]
}

# own_copy FILE NAME: the same with the content of a file of the work directory.
own_copy() {
	place_of "$2"
	own_new=${_path%/*}/.${_path##*/}.azready
	umask 077
	{
		[ ! -d "$_path" ] && [ ! -h "$own_new" ] && cp "$1" "$own_new" && mv -f "$own_new" "$_path"
	} 2>/dev/null
	set -- "$?" "$@"
	umask 022
	[ "$1" -ne 0 ] || return 0
	{ rm -f "$own_new"; } 2>/dev/null
	file_write "$3" 0600 "$2"
}
