# The provisioning media's ovf-env.xml. usage: awk PROGRAM DOCUMENT SIZE DIRECTORY NAMESPACE..: writes the text of each
# element below to DIRECTORY/ovf.NAME, and the public keys to DIRECTORY/ovf.keys; or prints why the document is refused and
# exits 1. Stands behind xml.awk; media.py reads the same.

BEGIN {
	for (i = 4; i < ARGC; i++) NAMESPACES[ARGV[i]]
	namespaces = 1
	REQUIRED = "Environment/ProvisioningSection/LinuxProvisioningConfigurationSet"
	set = REQUIRED "/"
	pool = "Environment/PlatformSettingsSection/PlatformSettings/PreprovisionedVm"
	n = split("HostName UserName UserPassword DisableSshPasswordAuthentication CustomData SSH/PublicKeys/PublicKey/Value", name, " ")
	for (i = 1; i <= n; i++) want(set name[i])
	want(pool)
	read_elements(ARGV[1], ARGV[2] + 0)
	save(ARGV[3], "ovf.PreprovisionedVm", FOUND[pool, 1])
	for (i = 1; i < n; i++) save(ARGV[3], "ovf." name[i], FOUND[set name[i], 1])
	for (i = 1; i <= COUNT[set name[n]]; i++) save_key(ARGV[3], "ovf.keys", FOUND[set name[n], i])
	end_keys(ARGV[3], "ovf.keys")
	saved()
}
