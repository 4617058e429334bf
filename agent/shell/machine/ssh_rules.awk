# What the rules of sshd say of one user. usage: awk PROGRAM WHAT ARGUMENT .., behind edit.awk, groups.awk and sshd.awk;
# ssh_rules.py has the same rules. GROUPS is what accounts.awk puts.
# plain      FILE: the lines of an sshd_config that matter: keyword, words, with a TAB between each
# holds      WORDS USER GROUPS: the verdict is yes if a Match line is about the user; WORDS with a TAB between
# order      USER GROUPS FILE [PATTERN FILES] ..: the lines that count for the user, keyword and words, those of Match blocks
#            first; FILES are those that a pattern of Include means, one a line. The verdict `more` asks for the files of the
#            patterns that were put; else `-` follows, and the lines of FILE that matter, with their numbers in front.
# everybody  of the same those outside of Match blocks
# sshd       SETTINGS USER GROUPS TYPES KEY LOCKED USABLE: what is against the ways in by sshd, and the ways that are left

BEGIN {
	what = ARGV[1]
	answer = "done"
	know_keywords()
	if (what == "plain") put_lines(ARGV[2], 0)
	else if (what == "sshd") judge_sshd()
	else if (what == "holds") {
		read_groups(ARGV[4])
		answer = holds(ARGV[2], ARGV[3]) ? "yes" : "no"
	} else {
		USER = ARGV[2]
		read_groups(ARGV[3])
		for (at = 5; at < ARGC; at += 2) FILES[ARGV[at]] = ARGV[at + 1]
		read_config(ARGV[4], 1, 0)
		for (at in WANTED) answer = "more"
		if (answer == "done") {
			put_in_order(what == "order")
			put("-")
			put_lines(ARGV[4], 1)
		}
	}
	verdict(answer)
}

# As match_pattern of sshd: `*` and `?`, nothing else.
function fits(s, pattern,    c, i) {
	for (; pattern != ""; s = substr(s, 2)) {
		c = substr(pattern, 1, 1)
		pattern = substr(pattern, 2)
		if (c == "*") {
			for (i = 1; i <= length(s) + 1; i++) if (fits(substr(s, i), pattern)) return 1
			return 0
		}
		if (s == "" || c != "?" && c != substr(s, 1, 1)) return 0
	}
	return s == ""
}

# As match_pattern_list of sshd: -1 where a pattern with `!` fits, else 1 where one without does, else 0.
function fits_list(s, patterns,    part, n, i, found, not) {
	n = split(patterns, part, /[,]/)
	for (i = 1; i <= n; i++) {
		not = substr(part[i], 1, 1) == "!"
		if (!fits(s, substr(part[i], 1 + not))) continue
		if (not) return -1
		found = 1
	}
	return found + 0
}

function holds(words, user,    word, n, i, j, said, yes, kind) {
	n = split(words, word, /[\t]/)
	if (n == 1 && tolower(word[1]) == "all") return 1
	if (n == 0 || n % 2) return 0
	for (i = 1; i < n; i += 2) {
		kind = tolower(word[i])
		if (kind == "user") yes = fits_list(user, word[i + 1])
		else if (kind == "group") {
			yes = 0
			for (j = 1; j <= groups && yes >= 0; j++) {
				said = fits_list(group[j], word[i + 1])
				if (said) yes = said
			}
		# An address, a port, a command: nobody can know that before somebody comes.
		} else return 0
		if (yes != 1) return 0
	}
	return 1
}

# The words behind these count all together.
function is_list(key) {
	return key ~ /^(Allow|Deny)(Users|Groups)$/
}

function read_settings(text,    f, n, i, k) {
	take_text(text)
	for (k = 1; k <= count; k++) {
		n = split(row[k], f, /[\t]/)
		if (f[1] in words && !is_list(f[1])) continue
		for (i = 2; i <= n; i++) words[f[1]] = words[f[1]] (words[f[1]] == "" ? "" : " ") f[i]
	}
}

function against(way, error, value) {
	put(way "\t" error "\t" value)
	hits[way]++
}

function first(key, otherwise) {
	return key in words ? words[key] : otherwise
}

function judge_sshd(    user, i, value, keyboard) {
	read_settings(ARGV[2])
	user = ARGV[3]
	read_groups(ARGV[4])
	judge_users(user)
	judge_groups()
	# With PAM the lock is on the password alone.
	if (ARGV[7] == "yes" && first("UsePAM", "no") != "yes") against("ssh", "locked", "/etc/shadow")
	take_text(ARGV[6])
	for (i = 1; i <= count; i++) against("key", substr(row[i], 1, index(row[i], "\t") - 1), substr(row[i], index(row[i], "\t") + 1))
	judge_keys(ARGV[5])
	if (ARGV[8] != "yes") against("password", "no_password", "/etc/shadow")
	value = first("PasswordAuthentication", "yes")
	# Old name and new name of one thing; without PAM there is nobody who would ask.
	keyboard = first("KbdInteractiveAuthentication", first("ChallengeResponseAuthentication", "yes"))
	if (value != "yes" && !(keyboard == "yes" && first("UsePAM", "no") == "yes")) against("password", "PasswordAuthentication", value)
	judge_methods(!hits["ssh"] && !hits["key"], !hits["ssh"] && !hits["password"])
}

function everywhere(pattern) {
	return pattern !~ /@/ || pattern ~ /^[^@]*@[*]$/
}

function judge_users(user,    part, n, i, name, denied, let_in, all) {
	n = split(first("DenyUsers", ""), part, /[ ]/)
	for (i = 1; i <= n; i++) {
		name = part[i]
		sub(/@.*/, "", name)
		if (!fits(user, name)) continue
		denied = (denied == "" ? "" : denied " ") part[i]
		all += everywhere(part[i])
	}
	if (denied != "") against(all ? "ssh" : "note", "DenyUsers", denied)
	n = split(first("AllowUsers", ""), part, /[ ]/)
	all = 0
	for (i = 1; i <= n; i++) {
		name = part[i]
		sub(/@.*/, "", name)
		if (!fits(user, name)) continue
		let_in = (let_in == "" ? "" : let_in " ") part[i]
		all += everywhere(part[i])
	}
	if (n && let_in == "") against("ssh", "AllowUsers", words["AllowUsers"])
	else if (n && !all) against("note", "AllowUsers", let_in)
}

function first_group(patterns,    part, n, i, j) {
	n = split(patterns, part, /[ ]/)
	for (i = 1; i <= n; i++) for (j = 1; j <= groups; j++) if (fits(group[j], part[i])) return part[i]
	return ""
}

function judge_groups(    denied) {
	denied = first_group(first("DenyGroups", ""))
	if (denied != "") against("ssh", "DenyGroups", denied)
	if ("AllowGroups" in words && first_group(words["AllowGroups"]) == "") against("ssh", "AllowGroups", words["AllowGroups"])
}

function judge_keys(text,    i, types, good, value, accepted) {
	value = first("PubkeyAuthentication", "yes")
	if (value != "yes") {
		against("key", "PubkeyAuthentication", value)
		return
	}
	accepted = first("PubkeyAcceptedAlgorithms", first("PubkeyAcceptedKeyTypes", ""))
	sub(/ .*/, "", accepted)
	take_text(text)
	for (i = 1; i <= count; i++) {
		types = (types == "" ? "" : types " ") row[i]
		good += accepts(accepted, row[i])
	}
	if (accepted != "" && types != "" && !good) against("key", "PubkeyAcceptedAlgorithms", types)
}

# Since OpenSSH 7.2 an RSA key may sign by any of three.
function accepts(accepted, type,    sign, name, n, i, part, parts, j, hit, hits) {
	sign = substr(accepted, 1, 1)
	if (sign == "+" || sign == "^") return 1
	sub(/^-+/, "", accepted)
	n = split(type == "ssh-rsa" ? "ssh-rsa rsa-sha2-256 rsa-sha2-512" : type, name, /[ ]/)
	parts = split(accepted, part, /[,]/)
	for (i = 1; i <= n; i++) {
		hit = 0
		for (j = 1; j <= parts; j++) if (fits(name[i], part[j])) hit = 1
		hits += hit
	}
	return sign == "-" ? hits < n : hits > 0
}

# The ways that AuthenticationMethods leaves to somebody with a key, or a password.
function judge_methods(key, password,    methods, part, n, i, way) {
	methods = first("AuthenticationMethods", "any")
	if (methods == "any") {
		if (key) put("way\tssh-key")
		if (password) put("way\tssh-password")
		return
	}
	n = split(methods, part, /[ ]/)
	for (i = 1; i <= n; i++) way[way_of(part[i], key, password)] = 1
	if (key && !("ssh-key" in way)) against("key", "AuthenticationMethods", methods)
	if (password && !("ssh-password" in way)) against("password", "AuthenticationMethods", methods)
	for (i in way) if (i != "") put("way\t" i)
}

function way_of(methods, key, password,    part, n, i, keys, passwords) {
	n = split(methods, part, /[,]/)
	for (i = 1; i <= n; i++) {
		sub(/:.*/, "", part[i])
		if (part[i] == "publickey") keys = 1
		else if (part[i] == "password" || part[i] == "keyboard-interactive") passwords = 1
		else return ""
	}
	if (keys && !key || passwords && !password) return ""
	return keys && passwords ? "ssh-key-and-password" : keys ? "ssh-key" : "ssh-password"
}
