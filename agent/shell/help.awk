# One section of the help text. usage: awk PROGRAM COMMAND, in the environment TEXT and the tables STEPS, SETTINGS, REASONS.

function table(text,    rows, n, i, cells) {
	n = split(text, rows, "\n")
	for (i = 1; i <= n; i++) {
		if (rows[i] == "" || rows[i] ~ /^#/) continue
		split(rows[i], cells, " *[|] *")
		if (4 in cells) printf "  %-16s %s (default: %s)\n", cells[1], cells[4], (cells[2] == "@" ? "Azure's address" : cells[2])
		else printf "  %-12s %s; needs %s\n", cells[1], cells[3], cells[2]
		split("", cells)
	}
}

function reasons(text,    rows, n, i, cells) {
	n = split(text, rows, "\n")
	for (i = 1; i <= n; i++) {
		split(rows[i], cells, "[|]")
		printf "%s%s\n    %s\n    what to do: %s\n", cells[1], (cells[2] == "" ? "" : "  " cells[2]), cells[3], cells[4]
	}
}

BEGIN {
	wanted = ARGV[1]
	section = "azready"
	n = split(ENVIRON["TEXT"], line, "\n")
	for (i = 1; i <= n; i++) {
		if (line[i] ~ /^== /) section = substr(line[i], 4)
		else if (section == wanted) {
			found = 1
			if (line[i] == "@STEPS@") table(ENVIRON["STEPS"])
			else if (line[i] == "@SETTINGS@") table(ENVIRON["SETTINGS"])
			else if (line[i] == "@REASONS@") reasons(ENVIRON["REASONS"])
			else print line[i]
		}
	}
	exit found ? 0 : 3
}
