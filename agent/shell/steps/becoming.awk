# What sudo and doas say of one user. usage: awk PROGRAM WHAT ARGUMENT .., behind edit.awk and groups.awk; becoming.py has
# the same rules. Prints an answer (free, asks, no), TAB, the rule that counts.
# sudo       FILE: what `sudo -l` prints
# doas       USER UID GROUPS FILE ..: rules of doas; GROUPS as put_groups prints them

BEGIN {
	if (ARGV[1] == "sudo") judge_sudo(ARGV[2])
	else judge_doas(ARGV[2], ARGV[3])
	verdict("done")
}

# The last rule for all commands as root is the one that counts.
function judge_sudo(file,    i, rule, rest, tag, listed) {
	take(file)
	for (i = 1; i <= count; i++) {
		if (row[i] ~ /^ +[(](ALL|root)([ ,:][^)]*)?[)] (.*[ ,:])?ALL$/) rule = trimmed(row[i])
		if (row[i] ~ /^User .* (is not allowed to run sudo|may run the following commands) /) listed = 1
	}
	if (rule != "") {
		for (rest = rule; match(rest, /(NO)?PASSWD:/); rest = substr(rest, RSTART + RLENGTH)) tag = substr(rest, RSTART, RLENGTH)
		put((tag == "NOPASSWD:" ? "free" : "asks") "\t" rule)
	} else if (listed) put("no\t")
}

function judge_doas(user, uid,    i, k, rule, said, found, whole) {
	read_groups(ARGV[4])
	found = "no"
	for (i = 5; i < ARGC; i++) {
		take(ARGV[i])
		whole = ""
		for (k = 1; k <= count; k++) {
			if (row[k] ~ /[\\]$/) {
				whole = whole substr(row[k], 1, length(row[k]) - 1) " "
				continue
			}
			whole = whole row[k]
			said = doas_rule(whole, user, uid)
			if (said != "") {
				found = said
				rule = trimmed(whole)
			}
			whole = ""
		}
	}
	put(found "\t" rule)
}

# A word in quotes keeps the first of them: it is never a keyword.
function doas_words(line,    n, w) {
	split("", word)
	while (match(line, /"[^"]*"|[{}]|#|[^ \t\r"{}#]+/)) {
		w = substr(line, RSTART, RLENGTH)
		line = substr(line, RSTART + RLENGTH)
		if (w == "#") break
		if (substr(w, 1, 1) == "\"") w = substr(w, 1, length(w) - 1)
		word[++n] = w
	}
	return n + 0
}

function unquoted(w) {
	sub(/^"/, "", w)
	return w
}

function doas_rule(line, user, uid,    n, i, j, free, who) {
	n = doas_words(line)
	if (n < 2 || word[1] != "permit" && word[1] != "deny") return ""
	for (i = 2; i <= n && index(" @DOAS_OPTIONS@ ", " " word[i] " "); i++) {
		if (word[i] == "nopass") free = 1
		if (word[i] == "setenv") while (i < n && word[i] != "}") i++
	}
	if (i > n) return ""
	who = unquoted(word[i])
	if (who != user && who != uid "") {
		for (j = 1; j <= groups; j++) if (who == ":" group[j] || who == ":" number[j]) break
		if (j > groups) return ""
	}
	for (j = i + 1; j <= n; j++) if (word[j] == "cmd") return ""
	if (word[i + 1] == "as" && i < n && unquoted(word[i + 2]) != "root" && unquoted(word[i + 2]) != "0") return ""
	return word[1] == "deny" ? "no" : free ? "free" : "asks"
}
