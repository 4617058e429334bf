# own.sh: what azready keeps for itself, in directories that it has made: short texts, by what the shell can
# do itself. Nobody else writes there, so there is no mode, owner or label of an old file to be kept.

# own_write NAME TEXT [durable]: replace a file by one with this text, in one step; `durable`: it is on the
# disk before it takes the place of the old one. Where that does not work, other tools do it, or say why not.
own_write() {
	own_replace "$1" own_put "$2" "${3-}" || {
		file_text "$work/own" "$2" && file_write "$1" 0600 "$work/own"
	}
}

# own_copy FILE NAME: the same with the content of a file of the work directory.
own_copy() {
	own_replace "$2" own_put_file "$1" || file_write "$2" 0600 "$1"
}

# own_replace NAME FUNCTION [ARG ..]: what the function makes as $own_new takes the place of the file. A
# signal waits until then: a message of it would be lost with those of the tools.
own_replace() {
	place_of "$1"
	own_new=${_path%/*}/.${_path##*/}.azready
	shift
	run_hold
	umask 077
	{
		[ ! -d "$_path" ] && [ ! -h "$own_new" ] && "$@" && mv -f "$own_new" "$_path" && [ ! -e "$own_new" ]
	} 2>/dev/null
	set -- $?
	umask 022
	[ "$1" -eq 0 ] || { rm -f "$own_new"; } 2>/dev/null
	run_release
	return "$1"
}

# own_put TEXT DURABLE
own_put() {
	printf '%s' "$1" >"$own_new" && file_has "$own_new" "$1" || return $?
	[ -z "$2" ] || sync "$own_new" || sync
}

own_put_file() {
	cp "$1" "$own_new"
}

# own_drop PLACE ..: take them away. A rm that was killed must not be the end.
own_drop() {
	rm -f "$@" 2>/dev/null || rm -f "$@" 2>/dev/null
}
