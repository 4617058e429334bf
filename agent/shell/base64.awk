# base64 without a tool. usage: awk PROGRAM FILE check|octal: exits 1 where the file, one line without blanks, is no
# base64; `octal` prints its bytes as \0ooo for printf %b.

BEGIN {
	s = slurp(ARGV[1])
	if (length(s) % 4 || s !~ /^[A-Za-z0-9+\/]*=?=?$/) exit 1
	if (ARGV[2] == "check") exit 0
	for (i = 1; i <= 64; i++) CODE[substr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", i, 1)] = i - 1
	while (s != "") {
		# In pieces, because busybox awk copies the string that substr cuts from.
		piece = substr(s, 1, 1024)
		s = substr(s, 1025)
		for (i = 1; i < length(piece); i += 4) {
			n = CODE[substr(piece, i, 1)] * 262144 + CODE[substr(piece, i + 1, 1)] * 4096 + CODE[substr(piece, i + 2, 1)] * 64 + CODE[substr(piece, i + 3, 1)]
			printf "\\0%03o", int(n / 65536)
			if (substr(piece, i + 2, 1) != "=") printf "\\0%03o", int(n / 256) % 256
			if (substr(piece, i + 3, 1) != "=") printf "\\0%03o", n % 256
		}
		printf "\n"
	}
}
