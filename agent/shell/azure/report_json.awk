# The report that needs no goal state. usage: awk PROGRAM DIRECTORY: from the files STATE and DESCRIPTION, without a
# newline.

BEGIN {
	description = slurp(ARGV[1] "/DESCRIPTION")
	printf "{\"state\":%s", json_string(slurp(ARGV[1] "/STATE"))
	if (description != "") printf ",\"details\":{\"subStatus\":\"ProvisioningFailed\",\"description\":%s}", json_string(description)
	printf "}"
}
