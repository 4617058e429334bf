# read_only.sh: what a machine can do without: where the system lets nobody change such a file, that is no
# failure.

# read_only_spare COMMAND ..: run it; where it fails because the system lets nobody change a secondary file (a
# store that is read-only; not a disk that is full), that is a warning. Sets _spared, the file, or nothing.
read_only_spare() {
	_spared=
	[ ! -e "$work/blamed" ] || rm -f "$work/blamed"
	"$@" && return
	{ IFS= read -r spare_file && IFS= read -r spare_cause; } 2>/dev/null <"$work/blamed" || return
	if ! read_only_is_secondary "$spare_file" || read_only_may_write "$spare_file"; then return 1; fi
	_spared=$spare_file
	log_warning "$_spared stays as it is: $spare_cause"
	forgive
}

# read_only_is_secondary FILE: whether a machine without a change of this file is still one that its user can
# enter. The name is kept for the next boot alone: the kernel has it already, but never with a root other than
# /.
read_only_is_secondary() {
	case " $fact_HOSTNAME_FILES " in *" $1 "*) [ -n "$root" ] || return 0 ;; esac
	text_by ' '
	for spare_pattern in $fact_SECONDARY_FILES; do
		text_by_word
		# shellcheck disable=SC2254  # a pattern
		case $1 in $spare_pattern) return 0 ;; esac
	done
	return 1
}

# read_only_may_write NAME: whether the file system lets us change this file and what lies beside it.
read_only_may_write() {
	# To busybox root may write everything.
	case $spare_cause in 'Read-only file system') return 1 ;; esac
	place_of "$1"
	[ ! -e "$_path" ] || [ -w "$_path" ] || return
	spare_directory=${_path%/*}
	while [ ! -e "$spare_directory/" ]; do spare_directory=${spare_directory%/*}; done
	[ -w "$spare_directory/" ]
}
