# The lines of an sshd_config that matter: LINE NUMBER, keyword, words, with a TAB between each; for Include one line a
# word. usage: awk PROGRAM FILE, behind edit.awk; sshd_config.py has the same rules.

BEGIN {
	n = split("Include Match AuthorizedKeysFile AllowUsers DenyUsers AllowGroups DenyGroups PasswordAuthentication KbdInteractiveAuthentication ChallengeResponseAuthentication PubkeyAuthentication PubkeyAcceptedAlgorithms PubkeyAcceptedKeyTypes AuthenticationMethods StrictModes UsePAM", part, /[ ]/)
	for (i = 1; i <= n; i++) NAME[tolower(part[i])] = part[i]
	# Their words keep the case of their letters: paths, patterns of names.
	for (i = 1; i < 8; i++) WITH_CASE[part[i]] = 1
	take(ARGV[1])
	for (at = 1; at <= count; at++) matters(row[at])
	verdict("done")
}

function matters(line,    key, rest, words, word) {
	sub(/[ \t\r\f]+$/, "", line)
	if (!match(line, /^[ \t\r\f]*[A-Za-z]+/)) return
	key = tolower(substr(line, 1, RLENGTH))
	rest = substr(line, RLENGTH + 1)
	sub(/^[ \t\r\f]+/, "", key)
	if (!(key in NAME)) return
	key = NAME[key]
	sub(/^[ \t]*=?[ \t]*/, "", rest)
	for (words = ""; match(rest, /^("[^"]*"|[^" \t#][^ \t]*)/); sub(/^[ \t]+/, "", rest)) {
		word = substr(rest, 1, RLENGTH)
		rest = substr(rest, RLENGTH + 1)
		if (substr(word, 1, 1) == "\"") word = substr(word, 2, length(word) - 2)
		if (word == "") continue
		if (key == "Include") put(at "\t" key "\t" word)
		else words = words "\t" (key in WITH_CASE ? word : tolower(word))
	}
	if (words != "") put(at "\t" key words)
}
