# The lines of an sshd_config that matter, and what it includes; in front of ssh_rules.awk. sshd_config.py has the same rules.

function know_keywords(    n, i, part) {
	n = split("Include Match AuthorizedKeysFile AllowUsers DenyUsers AllowGroups DenyGroups PasswordAuthentication KbdInteractiveAuthentication ChallengeResponseAuthentication PubkeyAuthentication PubkeyAcceptedAlgorithms PubkeyAcceptedKeyTypes AuthenticationMethods StrictModes UsePAM", part, /[ ]/)
	for (i = 1; i <= n; i++) NAME[tolower(part[i])] = part[i]
	# Their words keep the case of their letters: paths, patterns of names.
	for (i = 1; i < 8; i++) WITH_CASE[part[i]] = 1
}

# Sets KEY and WORDS, with a TAB in front of each, and returns whether the line has any.
function matters(line,    key, words, word) {
	sub(/[ \t\r\f]+$/, "", line)
	if (!match(line, /^[ \t\r\f]*[A-Za-z]+/)) return 0
	key = tolower(substr(line, 1, RLENGTH))
	line = substr(line, RLENGTH + 1)
	sub(/^[ \t\r\f]+/, "", key)
	if (!(key in NAME)) return 0
	KEY = NAME[key]
	sub(/^[ \t]*=?[ \t]*/, "", line)
	for (words = ""; match(line, /^("[^"]*"|[^" \t#][^ \t]*)/); sub(/^[ \t]+/, "", line)) {
		word = substr(line, 1, RLENGTH)
		line = substr(line, RLENGTH + 1)
		if (substr(word, 1, 1) == "\"") word = substr(word, 2, length(word) - 2)
		if (word != "") words = words "\t" (KEY in WITH_CASE ? word : tolower(word))
	}
	WORDS = words
	return words != ""
}

# Those of one file; for Include one line a word; `at` puts the number of the line in front.
function put_lines(file, at,    i, k, n, word) {
	take(file)
	for (i = 1; i <= count; i++) if (matters(row[i])) {
		n = KEY == "Include" ? split(substr(WORDS, 2), word, /[\t]/) : 0
		for (k = 1; k <= n; k++) put((at ? i "\t" : "") KEY "\t" word[k])
		if (!n) put((at ? i "\t" : "") KEY WORDS)
	}
}

# Adds to setting[], level and line, what counts in a file and in those that it includes; the level is 0 in a Match block,
# else 1. An Include whose files the shell has not looked for yet is put.
function read_config(file, level, depth,    i, k, n, m, lines, line, word, counts) {
	take(file)
	lines = count
	for (i = 1; i <= lines; i++) line[i] = row[i]
	counts = 1
	for (i = 1; i <= lines; i++) {
		if (!matters(line[i])) continue
		if (KEY == "Match") {
			level = 0
			counts = holds(substr(WORDS, 2), USER)
		} else if (counts && KEY == "Include" && depth < 4) {
			n = split(substr(WORDS, 2), word, /[\t]/)
			for (k = 1; k <= n; k++) include(word[k], level, depth)
		} else if (counts && KEY != "Include") setting[++settings] = level "\t" KEY WORDS
	}
}

function include(pattern, level, depth,    i, n, file) {
	if (!(pattern in FILES)) {
		if (!(pattern in WANTED)) put(pattern)
		WANTED[pattern]
		return
	}
	n = split(FILES[pattern], file, /\n/)
	for (i = 1; i <= n; i++) if (file[i] != "") read_config(file[i], level, depth + 1)
}

# A Match block wins over what holds for everybody, wherever it stands.
function put_in_order(with_blocks,    f, i, over) {
	for (i = 1; i <= settings && with_blocks; i++) {
		split(setting[i], f, /[\t]/)
		if (f[1] != "0") continue
		put(substr(setting[i], 3))
		if (is_list(f[2])) over[f[2]] = 1
	}
	for (i = 1; i <= settings; i++) {
		split(setting[i], f, /[\t]/)
		if (f[1] == "1" && !(f[2] in over)) put(substr(setting[i], 3))
	}
}
