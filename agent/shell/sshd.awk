# The lines of an sshd_config on stdin that matter: LINE NUMBER, keyword in lower case, words, with a TAB between each;
# for Include one line a word. sshd.py has the same rules.

{
	sub(/[ \t\r\f]+$/, "")
	if (!match($0, /^[ \t\r\f]*[A-Za-z]+/)) next
	key = tolower(substr($0, 1, RLENGTH))
	sub(/^[ \t\r\f]+/, "", key)
	if (key !~ /^(include|match|authorizedkeysfile|passwordauthentication|kbdinteractiveauthentication|challengeresponseauthentication)$/) next
	rest = substr($0, RLENGTH + 1)
	sub(/^[ \t]*=?[ \t]*/, "", rest)
	for (words = ""; match(rest, /^("[^"]*"|[^" \t#][^ \t]*)/); sub(/^[ \t]+/, "", rest)) {
		word = substr(rest, 1, RLENGTH)
		rest = substr(rest, RLENGTH + 1)
		if (substr(word, 1, 1) == "\"") word = substr(word, 2, length(word) - 2)
		if (word == "") continue
		if (key == "include") print NR "\t" key "\t" word
		else words = words "\t" (key == "authorizedkeysfile" ? word : tolower(word))
	}
	if (words != "") print NR "\t" key words
}
