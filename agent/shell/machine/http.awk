# The head of an answer. usage: awk PROGRAM FILE raw|told RETRY_AFTER_CAP: prints `SIZE CODE LENGTH WAIT`: how long the head
# is, with the interim ones (1xx) before it, 0 where it did not come whole; its status; Content-Length, -1 without one, -2
# where the body comes in chunks; Retry-After. raw: the bytes of the answer. told: what a wget says about it on stderr, where
# nothing tells the end of the head. busybox wget goes on to where a redirect points: so the first final status counts.

function print_head() {
	print ended + 0, code + 0, size, wait + 0
}

BEGIN {
	told = ARGV[2] == "told"
	size = -1
	while ((getline line < ARGV[1]) > 0) {
		bytes += length(line) + 1
		# Not even a hundred cookies are as long.
		if (bytes > 65536) break
		sub(/\r$/, "", line)
		lower = tolower(line)
		if (match(line, /HTTP\/[0-9.]+ [0-9][0-9][0-9]/) && (told || !code)) {
			if (code >= 200) break
			if (!told && RSTART > 1) break
			code = substr(line, RSTART + RLENGTH - 3, 3) + 0
		} else if (!told && !code) {
			break
		} else if (!told && line == "") {
			if (code >= 200 || code == 101) {
				ended = bytes
				break
			}
			code = wait = 0
			size = -1
		} else if (lower ~ /^[ \t]*retry-after:[ \t]*[0-9]+[ \t]*$/) {
			# Without its zeros: busybox awk takes 010 for octal. Only the form in seconds is used by these servers.
			sub(/^[^:]*:[ \t]*0*/, "", lower)
			wait = lower + 0 > ARGV[3] + 0 ? ARGV[3] + 0 : lower + 0
		} else if (lower ~ /^content-length:[ \t]*[0-9]+[ \t]*$/ && size == -1) {
			sub(/^[^:]*:[ \t]*0*/, "", lower)
			size = lower + 0
		} else if (lower ~ /^transfer-encoding:/) size = -2
	}
	if (told && code >= 200) ended = 1
	print_head()
}
