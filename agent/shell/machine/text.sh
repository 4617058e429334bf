# text.sh: lines, words and the cells of a table, in texts that a variable or a file holds.

sys_newline='
'
# A tab itself where awk would want \t: busybox awk does not know it in a pattern that comes from outside. And
# to ask printf for it would be a fork.
tab='	'

# text_by_line: for `for LINE in $TEXT`, with text_by_word first in the loop and behind it. No `while read`
# with a here-document: with one inside another, ash of busybox 1.26 at times finds the inner one empty.
text_by_line() {
	text_by "$sys_newline"
}

# text_by CHARACTER: the same for a text whose parts are divided by this one; no part is taken for a pattern.
text_by() {
	case $- in *f*) text_globs=no ;; *) text_globs=yes ;; esac
	set -f
	IFS=$1
}

# text_by_word: words are as usual again.
text_by_word() {
	IFS=" $tab$sys_newline"
	[ "$text_globs" = no ] || set +f
}

# text_cells ROW: sets _cell_1 .. _cell_6, what stands between the `|` of a table's row, without blanks around
# it.
text_cells() {
	# Without a blank in IFS: posh would split "a | b" into three.
	text_by '|'
	# shellcheck disable=SC2086  # cells
	set -- $1
	text_by_word
	_cell_1=${1-} _cell_2=${2-} _cell_3=${3-} _cell_4=${4-} _cell_5=${5-} _cell_6=${6-}
	_cell_1=${_cell_1% } _cell_2=${_cell_2# } _cell_3=${_cell_3# } _cell_4=${_cell_4# } _cell_5=${_cell_5# } \
		_cell_6=${_cell_6# }
	_cell_2=${_cell_2% } _cell_3=${_cell_3% } _cell_4=${_cell_4% } _cell_5=${_cell_5% }
}

# text_replaced TEXT PART OTHER: sets _replaced, the text with the other instead of each such part.
text_replaced() {
	_replaced=
	text_rest=$1
	while case $text_rest in *"$2"*) ;; *) false ;; esac do
		_replaced=$_replaced${text_rest%%"$2"*}$3
		text_rest=${text_rest#*"$2"}
	done
	_replaced=$_replaced$text_rest
}

# text_size FILE: sets _size, its bytes; 0 where it cannot be read, and fails then. The wc of BSD and of old
# busybox pads.
text_size() {
	_size=$({ wc -c <"$1"; } 2>/dev/null)
	case $_size in
	*[0-9]) _size=$((_size)) ;;
	*)
		_size=0
		return 1
		;;
	esac
}

# text_holds_no_nul FILE: awk cannot see NUL bytes.
text_holds_no_nul() {
	# A second time: the first may have been killed.
	# shellcheck disable=SC2094  # cmp only reads
	tr -d '\000' <"$1" | cmp -s - "$1" || tr -d '\000' <"$1" | cmp -s - "$1"
}

# text_matches FILE OPTION ..: whether grep finds it there: 0 or 1; more where nobody can tell. A second time
# where the first was killed, and knew nothing.
text_matches() {
	text_file=$1
	shift
	for _ in 1 2; do
		LC_ALL=C grep -q "$@" "$text_file" 2>/dev/null
		text_status=$?
		[ "$text_status" -gt 1 ] || break
	done
	return "$text_status"
}

# text_head FILE COUNT: sets _head, its first bytes, NUL left out. Nothing of a file that holds something may
# be a tool that was killed: then once more.
text_head() {
	for _ in 1 2; do
		_head=$(dd if="$1" bs="$2" count=1 2>/dev/null | tr -d '\000')
		[ -z "$_head" ] && [ -s "$1" ] || return 0
	done
}

# text_octal MODE: sets _octal, of the letters of ls the number, with a zero more: so GNU chmod sets the
# special bits of a directory, too.
text_octal() {
	text_letters=${1#?}
	text_special=0
	text_digits=
	for text_bit in 4 2 1; do
		text_rest=${text_letters#???}
		text_three=${text_letters%"$text_rest"}
		text_letters=$text_rest
		text_digit=0
		case $text_three in r*) text_digit=4 ;; esac
		case $text_three in ?w*) text_digit=$((text_digit + 2)) ;; esac
		case $text_three in ??[xst]*) text_digit=$((text_digit + 1)) ;; esac
		case $text_three in ??[sStT]*) text_special=$((text_special + text_bit)) ;; esac
		text_digits=$text_digits$text_digit
		# After the others only a sign for ACLs is left.
		case $text_letters in ???*) ;; *) text_letters= ;; esac
	done
	_octal=0$text_special$text_digits
}
