# Read a configuration file's lines: prints the lines `NUMBER KEY VALUE`, or `NUMBER !` and the line itself where it is no setting.
# Nothing is ever executed or expanded. config.py reads the same grammar.

{
	# An editor of Windows puts a byte order mark in front.
	if (NR == 1) $0 = without_bom($0)
	sub(/\r$/, "")
	if ($0 ~ /^[ \t]*(#.*)?$/) next
	if ($0 !~ /^[ \t]*[A-Za-z_][A-Za-z0-9_]*=('[^']*'|"[^"]*"|[^'" \t#]*)([ \t]+#.*|[ \t]*)$/) {
		print NR, "!", trimmed($0)
		exit
	}
	key = value = trimmed($0)
	sub(/=.*/, "", key)
	value = substr(value, length(key) + 2)
	quote = substr(value, 1, 1)
	if (quote == "'" || quote == "\"") value = substr(value, 2, index(substr(value, 2), quote) - 1)
	else sub(/[ \t].*/, "", value)
	print NR, key, value
}
