# The status file for a program: one JSON object, the steps in an object of their own.
{
	key = value = $0
	sub(/=.*/, "", key)
	value = substr(value, length(key) + 2)
	key = tolower(key)
	if (sub(/^step_/, "", key)) {
		gsub(/_/, "-", key)
		split(value, word, " ")
		steps = steps "" (steps == "" ? "" : ", ") json_string(key) ": {\"result\": "
		steps = steps json_string(word[1]) ", \"seconds\": " word[2] + 0 "}"
	} else if (sub(/^time_/, "", key)) {
		gsub(/_/, "-", key)
		times = times "" (times == "" ? "" : ", ") json_string(key) ": " value + 0
	} else
		printf "%s%s: %s", (NR == 1 ? "{" : ", "), json_string(key), (key == "seconds" ? value + 0 : json_string(value))
}

END { printf ", \"times\": {%s}, \"steps\": {%s}}\n", times, steps }
