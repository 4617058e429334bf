# base64. usage: awk PROGRAM FILE octal, or FILE check NEW: says so and exits 1 where the file is none; line breaks and
# blanks mean nothing. `check` prints how many bytes it stands for, and NEW has it without them; `octal` prints them as
# \0ooo for printf %b, without a tool.

BEGIN {
	while ((got = (getline line < ARGV[1])) > 0) {
		gsub(/[ \t\r]+/, "", line)
		rope(line)
	}
	if (got < 0) exit 3
	s = roped()
	# The slash is \057: busybox awk takes a backslash before it for one more letter.
	if (length(s) % 4 || s !~ /^[A-Za-z0-9+\057]*=?=?$/) {
		print "not_base64"
		exit 1
	}
	if (ARGV[2] == "check") {
		printf "%s", s > ARGV[3]
		close(ARGV[3])
		print length(s) / 4 * 3 - (s ~ /=$/) - (s ~ /==$/)
		exit 0
	}
	for (i = 1; i <= 64; i++) CODE[substr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", i, 1)] = i - 1
	for (i = 0; i < 256; i++) OCTAL[i] = sprintf("\\0%03o", i)
	while (s != "") {
		# In pieces, because busybox awk copies the string that substr cuts from.
		piece = substr(s, 1, 1024)
		s = substr(s, 1025)
		for (i = 1; i < length(piece); i += 4) {
			n = CODE[substr(piece, i, 1)] * 262144 + CODE[substr(piece, i + 1, 1)] * 4096 + CODE[substr(piece, i + 2, 1)] * 64 + CODE[substr(piece, i + 3, 1)]
			printf "%s", OCTAL[int(n / 65536)]
			if (substr(piece, i + 2, 1) != "=") printf "%s", OCTAL[int(n / 256) % 256]
			if (substr(piece, i + 3, 1) != "=") printf "%s", OCTAL[n % 256]
		}
		printf "\n"
	}
}
