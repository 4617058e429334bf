# Goal state. usage: awk PROGRAM DOCUMENT DIRECTORY MAX: writes INCARNATION, CONTAINER_ID and INSTANCE_ID into the
# directory, or prints why the document is refused and exits 1. Stands behind xml.awk.

function keep(path, file,    value) {
	value = trimmed(FOUND[path, 1])
	if (value == "") refuse(tolower(file) " is missing")
	if (length(value) > max || value ~ /[\001-\037]/ || index(value, sprintf("%c", 127))) refuse(tolower(file) " is too long or has control characters")
	if (file == "INCARNATION" && value !~ /^[0-9]+$/) refuse("incarnation is not a number")
	save(directory "/" file, value)
}

BEGIN {
	directory = ARGV[2]
	max = ARGV[3]
	container = "GoalState/Container"
	instance = container "/RoleInstanceList/RoleInstance/InstanceId"
	WANTED["GoalState/Incarnation"]; WANTED[container "/ContainerId"]; WANTED[instance]
	read_elements(ARGV[1])
	keep("GoalState/Incarnation", "INCARNATION")
	keep(container "/ContainerId", "CONTAINER_ID")
	keep(instance, "INSTANCE_ID")
}
