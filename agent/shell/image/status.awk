# The status file for a person.
{
	key = value = $0
	sub(/=.*/, "", key)
	value = substr(value, length(key) + 2)
	gsub(/_/, " ", key)
	key = tolower(key)
	if (sub(/^step /, "", key)) {
		gsub(/ /, "-", key)
		n = split(value, word, " ")
		value = word[1] (n > 1 ? " (" word[2] " s)" : "")
		key = "step " key
	}
	if (sub(/^time /, "", key)) {
		key = key " at"
		value = value " s"
	}
	if (key == "outcome" && value == "running") value = "running, or interrupted (a power cut?)"
	printf "%-18s %s\n", key, value
}
