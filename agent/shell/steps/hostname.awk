# The legal hostname nearest to the one in a file. usage: awk PROGRAM FILE NAME_MAX LABEL_MAX HOSTNAME_MAX
# Puts it; the verdict is `bad` where the file holds no name at all, as an error page. hostname.py has the rules. Behind
# edit.awk.

BEGIN {
	name = trimmed(slurp(ARGV[1]))
	if (length(name) > ARGV[2] + 0 || name ~ /[\001-\040<>]/ || index(name, sprintf("%c", 127))) verdict("bad")
	gsub(/[^A-Za-z0-9.-]+/, "-", name)
	count = split(name, label, /[.]/)
	for (i = 1; i <= count; i++) {
		sub(/^-+/, "", label[i])
		sub(/-+$/, "", label[i])
		label[i] = substr(label[i], 1, ARGV[3])
		sub(/-+$/, "", label[i])
		if (label[i] != "") kept[++n] = label[i]
	}
	for (; n > 0; n--) {
		legal = kept[1]
		for (i = 2; i <= n; i++) legal = legal "." kept[i]
		if (length(legal) <= ARGV[4] + 0) break
	}
	if (!n) verdict("bad")
	put_word(legal)
	verdict("good")
}
