# wanted.sh: what the platform asks for: the instance document of IMDS and the provisioning media in one.
# Everything as the platform gave it, unchecked, in files; an empty one is one that was not given:
# $work/wanted.hostname, wanted.admin-user, wanted.password, wanted.custom-data and wanted.user-data (base64), and the
# public keys in wanted.key.1 to wanted.key.$wanted_keys. $wanted_password_login: whether SSH is to take passwords,
# yes, no, or empty where nobody said.

# read_wanted: fails when nobody says.
read_wanted() {
	read_metadata || return
	want_first hostname compute.osProfile.computerName compute.name
	want_first admin-user compute.osProfile.adminUsername
	want_first user-data compute.userData
	want_first password
	want_first custom-data
	wanted_keys=0
	while [ -e "$work/compute.publicKeys.$((wanted_keys + 1)).keyData" ]; do
		wanted_keys=$((wanted_keys + 1))
		mv "$work/compute.publicKeys.$wanted_keys.keyData" "$work/wanted.key.$wanted_keys"
	done
	# shellcheck disable=SC2034  # the step password reads it
	case $(tr '[:upper:]' '[:lower:]' <"$work/compute.osProfile.disablePasswordAuthentication") in
	true) wanted_password_login=no ;;
	false) wanted_password_login=yes ;;
	*) wanted_password_login= ;;
	esac
}

# want_first NAME FILE ..: the first file that is not blank.
want_first() {
	want_name=$1
	shift
	: >"$work/wanted.$want_name"
	for want_file; do
		is_blank "$work/$want_file" || {
			cp "$work/$want_file" "$work/wanted.$want_name"
			return
		}
	done
}

# is_blank FILE: whether it is missing or holds nothing but blanks.
is_blank() {
	[ ! -e "$1" ] || [ -z "$(tr -d ' \t\r\n' <"$1")" ]
}
