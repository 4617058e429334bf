# What the platform asks for, of IMDS and media. usage: awk PROGRAM DIRECTORY, behind edit.awk: reads the files of
# wanted_sources there; prints lines NAME SOURCE, the file that something comes from or `none`, and NAME FACT. What is
# trimmed is written: wanted.admin-user and wanted.pool. wanted.py does the same.

BEGIN {
	at = ARGV[1] "/"
	# IMDS wins where both speak; password and custom data come from the media, user data from IMDS.
	want_first("hostname", "compute.osProfile.computerName ovf.HostName compute.name")
	user = want_chosen("compute.osProfile.adminUsername ovf.UserName")
	keep(at "wanted.admin-user", user == "none" ? "" : trimmed(want_text(user)))
	want_first("user-data", "compute.userData")
	want_first("password", "ovf.UserPassword")
	want_first("custom-data", "ovf.CustomData")
	want_count(want_first("keys", "compute.publicKeys ovf.keys"))
	told = want_word("compute.osProfile.disablePasswordAuthentication")
	put("password-login " want_login(told, want_word("ovf.DisableSshPasswordAuthentication")))
	given = trimmed(want_text("ovf.UserPassword"))
	put("password-given " (given == "" ? "no" : given == "REDACTED" ? "redacted" : "yes"))
	take(at "compute.osProfile.adminUsername")
	put("names-user " (count ? "yes" : "no"))
	keep(at "wanted.pool", want_pool())
	verdict("done")
}

function want_text(file,    i, text) {
	take(at file)
	for (i = 1; i <= count; i++) text = i > 1 ? text "\n" row[i] : row[i]
	return text
}

# The first of these files that is not blank.
function want_chosen(files,    n, name, i, k) {
	n = split(files, name, / /)
	for (i = 1; i <= n; i++) {
		take(at name[i])
		for (k = 1; k <= count; k++) if (row[k] ~ /[^ \t\r]/) return name[i]
	}
	return "none"
}

function want_first(what, files,    file) {
	file = want_chosen(files)
	put(what " " file)
	return file
}

function want_count(file,    i, n) {
	if (file != "none") {
		take(at file)
		for (i = 1; i <= count; i++) n += row[i] ~ /^=/
	}
	put("key-count " n + 0)
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
