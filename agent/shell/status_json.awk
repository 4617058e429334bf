# The status file for a program: one JSON object, the steps in an object of their own.
function quoted(s) {
	gsub(/\\/, "\\\\", s)
	gsub(/"/, "\\\"", s)
	return "\"" s "\""
}

{
	key = value = $0
	sub(/=.*/, "", key)
	value = substr(value, length(key) + 2)
	key = tolower(key)
	if (sub(/^step_/, "", key)) {
		gsub(/_/, "-", key)
		split(value, word, " ")
		steps = steps (steps == "" ? "" : ", ") quoted(key) ": {\"result\": " quoted(word[1]) ", \"seconds\": " word[2] + 0 "}"
	} else
		printf "%s%s: %s", (NR == 1 ? "{" : ", "), quoted(key), (key == "seconds" ? value + 0 : quoted(value))
}

END { printf ", \"steps\": {%s}}\n", steps }
