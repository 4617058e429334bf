# The lines of an sshd_config on stdin that matter: LINE NUMBER, keyword, words, with a TAB between each;
# for Include one line a word. sshd.py has the same rules.

BEGIN {
	n = split("Include Match AuthorizedKeysFile AllowUsers DenyUsers AllowGroups DenyGroups PasswordAuthentication KbdInteractiveAuthentication ChallengeResponseAuthentication PubkeyAuthentication PubkeyAcceptedAlgorithms PubkeyAcceptedKeyTypes AuthenticationMethods StrictModes UsePAM", part, /[ ]/)
	for (i = 1; i <= n; i++) NAME[tolower(part[i])] = part[i]
	# Their words keep the case of their letters: paths, patterns of names.
	for (i = 1; i < 8; i++) WITH_CASE[part[i]] = 1
}

{
	sub(/[ \t\r\f]+$/, "")
	if (!match($0, /^[ \t\r\f]*[A-Za-z]+/)) next
	key = tolower(substr($0, 1, RLENGTH))
	sub(/^[ \t\r\f]+/, "", key)
	if (!(key in NAME)) next
	key = NAME[key]
	rest = substr($0, RLENGTH + 1)
	sub(/^[ \t]*=?[ \t]*/, "", rest)
	for (words = ""; match(rest, /^("[^"]*"|[^" \t#][^ \t]*)/); sub(/^[ \t]+/, "", rest)) {
		word = substr(rest, 1, RLENGTH)
		rest = substr(rest, RLENGTH + 1)
		if (substr(word, 1, 1) == "\"") word = substr(word, 2, length(word) - 2)
		if (word == "") continue
		if (key == "Include") print NR "\t" key "\t" word
		else words = words "\t" (key in WITH_CASE ? word : tolower(word))
	}
	if (words != "") print NR "\t" key words
}
