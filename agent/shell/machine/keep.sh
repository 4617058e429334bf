# keep.sh: small changes of the image's files, made only where something changes.

# keep_line FILE LINE: the file holds just this line.
keep_line() {
	keep_text "$1" 0644 "$2$sys_newline"
}

# keep_text NAME MODE TEXT: the file holds just this text, whose last line has its end; sets _changed, yes or
# empty.
keep_text() {
	_changed=
	place_of "$1"
	! file_has "$_path" "$3" || return 0
	file_given=$3
	file_write "$1" "$2" - || return $?
	_changed=yes
}

# keep_setting FILE PATTERN LINE: the first line that matches becomes LINE, indented as it was; or LINE is
# appended.
keep_setting() {
	edit_file "$1" 'BEGIN {
		take(ARGV[1])
		for (i = 1; i <= count; i++) {
			if (!found && row[i] ~ ARGV[2]) {
				found = 1
				match(row[i], /^[ \t]*/)
				row[i] = substr(row[i], 1, RLENGTH) ARGV[3]
			}
			put(row[i])
		}
		if (!found) put(ARGV[3])
		verdict_of_edit(0)
	}' "$2" "$3" && file_keep "$1" 0644 "$work/edited"
}

# keep_mended FILE: write $work/mended there, unless it holds just that.
keep_mended() {
	file_keep "$1" 0644 "$work/mended"
}

# keep_timed FILE PROGRAM [ARG]: as edit_keep_bytes for a file that is there, with the time that it had: so
# `uninstall` leaves no trace. Sets _changed.
keep_timed() {
	_changed=
	place_of "$1"
	[ -e "$_path" ] || return 0
	keep_place=$_path
	touch -r "$_path" "$work/time"
	edit_keep_bytes "$1" 0644 "$2" "${3-}" || return
	[ -z "$_changed" ] || touch -r "$work/time" "$keep_place"
}

# keep_edited FILE: as keep_mended, with the time that the file had: so `uninstall` leaves no trace.
keep_edited() {
	place_of "$1"
	touch -r "$_path" "$work/time"
	keep_mended "$1" && touch -r "$work/time" "$_path"
}
