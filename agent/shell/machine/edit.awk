# In front of every awk program whose output becomes a file, so that the shell can tell a whole one from half a one: busybox
# awk does not fail on a short write, and one that was killed has printed what it had. The program reads with take() and
# edits, prints with put() and nothing else, and ends with verdict(): then $TALLY holds how many bytes were read and
# printed, and its last line that this is all, with the number in $ROUND. Without $TALLY the verdict is the last line of the
# output itself. A file that cannot be read is exit 3, and never an empty one.

# The lines of a file in row[1] to row[count], and once more in was.
function take(file,    line, got, size) {
	for (count = 0; (got = (getline line < file)) > 0; size += length(line) + 1) {
		row[++count] = line
		was[count] = line
	}
	if (got < 0) exit 3
	close(file)
	note(size, file)
}

# The lines of a text at hand, as those of a file.
function take_text(text) {
	count = split(text, row, /\n/)
}

# Its line end comes with what follows: the last line of a file may lack it, and shall where $UNENDED says so.
function put(line) {
	put_word(line)
	unended = 1
	last = line
	if (line != was[++puts]) differs = 1
}

function put_word(word) {
	wordy = 1
	if (unended) {
		printf "\n"
		printed++
		unended = 0
	}
	printf "%s", word
	printed += length(word)
}

# A file beside the output.
function keep(file, text) {
	printf "%s", text > file
	close(file)
	note_made(length(text), file)
}

# What was read may lack its last line end, what is written lacks nothing.
function note_made(size, file) {
	tally = tally sprintf("%d! %s\n", size, file)
}

function note(size, file) {
	tally = tally sprintf("%d %s\n", size, file)
}

# For an edit: `same` where what was put is what was taken; no more than `gone` lines less.
function verdict_of_edit(gone) {
	if (puts < count - gone) exit 3
	verdict(differs || puts != count ? "changed" : "same")
}

function verdict(word) {
	if (ENVIRON["TALLY"] == "") {
		printf "%s= %s end\n", wordy ? "\n" : "", word
		exit 0
	}
	if (unended && (ENVIRON["UNENDED"] == "" || last != was[count] && puts != count)) put_word("")
	printf "%s= %d %s end %s\n", tally, printed, word, ENVIRON["ROUND"] > ENVIRON["TALLY"]
	close(ENVIRON["TALLY"])
	exit 0
}
