# The report that needs no goal state. usage: awk PROGRAM DIRECTORY: DIRECTORY/report is made of the files STATE and
# DESCRIPTION, without a newline.

BEGIN {
	description = slurp(ARGV[1] "/DESCRIPTION")
	state = slurp(ARGV[1] "/STATE")
	if (state == "") exit 3
	report = "{\"state\":" json_string(state)
	if (description != "") report = report ",\"details\":{\"subStatus\":\"ProvisioningFailed\",\"description\":" json_string(description) "}"
	save(ARGV[1], "report", report "}")
	saved()
}
