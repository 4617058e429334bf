# Lines of the files of accounts, for those who read and edit them.

# The fields in f; a line end of CRLF stays apart.
function fields(s) {
	end = sub(/\r$/, "", s) ? "\r" : ""
	return split(s, f, /[:]/)
}

# Without the zeros in front, which mean octal to busybox; empty where it is no id: 4294967295 is -1 to the kernel.
function id(s) {
	if (s !~ /^[0-9]+$/) return ""
	sub(/^0+/, "", s)
	if (s == "") return "0"
	return length(s) > 10 || length(s) == 10 && (s "") > "4294967294" ? "" : s
}
