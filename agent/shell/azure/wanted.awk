# What the platform asks for, of IMDS and media. usage: awk PROGRAM DIRECTORY: reads the files of wanted_sources there. Writes
# wanted.NAME, a copy of the file that something comes from, wanted.hostname, wanted.admin-user and wanted.pool, which are
# trimmed, and wanted.facts, lines NAME FACT. wanted.py does the same.

BEGIN {
	at = ARGV[1]
	# IMDS wins where both speak; password and custom data come from the media, user data from IMDS.
	named = want_chosen("compute.osProfile.computerName ovf.HostName compute.name")
	save(at, "wanted.hostname", trimmed(want_text(named)))
	save(at, "wanted.admin-user", trimmed(want_text(want_chosen("compute.osProfile.adminUsername ovf.UserName"))))
	want_first("user-data", "compute.userData")
	want_first("password", "ovf.UserPassword")
	want_first("custom-data", "ovf.CustomData")
	keys = want_first("keys", "compute.publicKeys ovf.keys")
	fact("key-count", want_count(keys))
	fact("key-bytes", length(want_bytes(keys)))
	told = want_word("compute.osProfile.disablePasswordAuthentication")
	fact("password-login", want_login(told, want_word("ovf.DisableSshPasswordAuthentication")))
	given = trimmed(want_text("ovf.UserPassword"))
	fact("password-given", given == "" ? "no" : given == "REDACTED" ? "redacted" : "yes")
	fact("names-user", want_bytes("compute.osProfile.adminUsername") == "" ? "no" : "yes")
	save(at, "wanted.pool", want_pool())
	save(at, "wanted.facts", facts)
	saved()
}

function fact(name, said) {
	facts = facts name " " said "\n"
}

# A file's text; none of the source `none`.
function want_text(file) {
	return file == "none" ? "" : slurp(at "/" file)
}

# The same with the line end that a file may end in. By another separator a file has a byte more behind its last record.
function want_bytes(file,    text, line, got, count) {
	text = want_text(file)
	if (file == "none") return ""
	RS = "/"
	while ((got = (getline line < (at "/" file))) > 0) count += length(line) + 1
	RS = "\n"
	close(at "/" file)
	if (got < 0) exit 3
	return count > length(text) + 1 ? text "\n" : text
}

# The first of these files that is not blank.
function want_chosen(files,    n, name, i) {
	n = split(files, name, / /)
	for (i = 1; i <= n; i++) if (want_text(name[i]) ~ /[^ \t\r\n]/) return name[i]
	return "none"
}

# A copy of it; returns which.
function want_first(what, files,    file) {
	file = want_chosen(files)
	save(at, "wanted." what, want_bytes(file))
	return file
}

function want_count(file,    line, got, n) {
	if (file == "none") return 0
	while ((got = (getline line < (at "/" file))) > 0) n += line ~ /^=/
	if (got < 0) exit 3
	close(at "/" file)
	return n + 0
}

function want_word(file) {
	return tolower(trimmed(want_text(file)))
}

function want_login(told, on_media) {
	if (told == "true") return "no"
	if (told == "false") return "yes"
	if (on_media == "") return "none"
	if (index(" @WORDS_YES@ ", " " on_media " ")) return "no"
	return index(" @WORDS_NO@ ", " " on_media " ") ? "yes" : "none"
}

# ppsType is None, Running, Savable, OSDisk, PreprovisionedOSDisk, Unknown, or what is yet to come.
function want_pool(    kind) {
	kind = trimmed(want_text("extended.compute.ppsType"))
	if (kind != "" && tolower(kind) != "none") return kind
	kind = want_word("ovf.PreprovisionedVm")
	return kind != "" && index(" @WORDS_YES@ ", " " kind " ") ? "PreprovisionedVm" : ""
}
