# Goal state. usage: awk PROGRAM DOCUMENT SIZE DIRECTORY MAX TEMPLATE: writes INCARNATION, CONTAINER_ID and INSTANCE_ID into
# the directory, and `ready`, the report that most machines need next; or prints why the document is refused and exits 1.
# Stands behind xml.awk and fill.awk.

function keep(path, name,    value) {
	value = trimmed(FOUND[path, 1])
	if (value == "") refuse(tolower(name) " is missing")
	if (length(value) > max || value ~ /[\001-\037]/ || index(value, sprintf("%c", 127))) refuse(tolower(name) " is too long or has control characters")
	if (name == "INCARNATION" && value !~ /^[0-9]+$/) refuse("incarnation is not a number")
	save(directory, name, value)
	GIVEN[name] = value
}

BEGIN {
	directory = ARGV[3]
	max = ARGV[4] + 0
	container = "GoalState/Container"
	instance = container "/RoleInstanceList/RoleInstance/InstanceId"
	want("GoalState/Incarnation")
	want(container "/ContainerId")
	want(instance)
	read_elements(ARGV[1], ARGV[2] + 0)
	keep("GoalState/Incarnation", "INCARNATION")
	keep(container "/ContainerId", "CONTAINER_ID")
	keep(instance, "INSTANCE_ID")
	GIVEN["STATE"] = "Ready"
	GIVEN["DESCRIPTION"] = ""
	save(directory, "ready", fill(directory, ARGV[5]))
	saved()
}
