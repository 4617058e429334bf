# settle.sh: names on the disk: what a file was called lasts when its directory is written. While the steps
# are at work one call for all of them comes in the end, before the platform is told anything.

# yes where settle_all follows.
settles_late=no

# settle DIRECTORY: now or with settle_all, for which it is in a file: a subshell hands on no variable.
settle() {
	[ "$settles_late" = no ] || ! { printf '%s\n' "$1" >>"$work/unsettled"; } 2>/dev/null || return 0
	sync "$1" 2>/dev/null || sync
}

# settle_all: all that settle was told of.
settle_all() {
	settles_late=no
	[ -s "$work/unsettled" ] || return 0
	set --
	while IFS= read -r settle_line; do set -- "$@" "$settle_line"; done <"$work/unsettled"
	rm -f "$work/unsettled"
	sync "$@" 2>/dev/null || sync
}
