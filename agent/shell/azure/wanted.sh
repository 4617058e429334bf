# wanted.sh: what the platform asks for: the instance document of IMDS and the provisioning media in one.
# Read, trimmed and merged once, before the first step, which then only reads it. $work/wanted.hostname,
# wanted.admin-user, wanted.password, wanted.custom-data and wanted.user-data (base64) are empty where nothing
# was given; the public keys, $wanted_keys of them, are in wanted.keys, as save_key of lib.awk writes them.
# $wanted_keys_bytes long. $wanted_password_login: whether SSH is to take passwords, yes, no, or empty where
# nobody said; $wanted_password: yes, no, or redacted; $wanted_names_user: whether IMDS has a name for the
# user, be it a blank one.

wanted_keys=0 wanted_keys_bytes=0 wanted_password=no wanted_password_login='' wanted_names_user=no

# All that it is made of; what was not read is empty.
wanted_sources='compute.osProfile.computerName compute.name ovf.HostName compute.osProfile.adminUsername
ovf.UserName compute.userData ovf.UserPassword ovf.CustomData compute.publicKeys ovf.keys
compute.osProfile.disablePasswordAuthentication ovf.DisableSshPasswordAuthentication
extended.compute.ppsType ovf.PreprovisionedVm'

# read_wanted: fails when neither IMDS nor the media says anything.
read_wanted() {
	media_device=
	if imds_read; then
		wanted_expects_media
		! wanted_needs_media || media_read "$_expected" || [ $? -ne 2 ] || {
			log_warning "provisioning media: $(fail_cause); going on with IMDS alone"
			forgive
		}
	else
		case $fail_reason in imds_*) ;; *) return 1 ;; esac
		wanted_from_media "$fail_reason" "$_problem" || return
	fi
	wanted_merge && wanted_refuse_preprovisioned
}

# wanted_from_media REASON KEY=VALUE: instead of an IMDS that failed for this.
wanted_from_media() {
	media_read yes || {
		[ $? -ne 2 ] || return 1
		fail "$1" '' "$2"
		return
	}
	log_warning "$1 $2: going on with the provisioning media alone"
	forgive
}

# wanted_needs_media: whether a chosen step wants what only the media may tell.
wanted_needs_media() {
	case " ${steps_chosen-} " in
	*' user '* | *' ssh-keys '* | *' password '* | *' custom-data '*) ;;
	*) return 1 ;;
	esac
}

# wanted_expects_media: sets _expected, yes or no: whether IMDS lets one think that there is more.
wanted_expects_media() {
	_expected=yes
	wanted_says extended.compute.hasCustomData true || ! wanted_holds compute.osProfile.adminUsername ||
		wanted_says compute.osProfile.disablePasswordAuthentication false || _expected=no
}

# wanted_says PATH true|false: whether IMDS has this word, in whatever letters.
wanted_says() {
	want_line=
	{ IFS= read -r want_line <"$work/$1"; } 2>/dev/null || :
	case $2,$want_line in true,[Tt][Rr][Uu][Ee] | false,[Ff][Aa][Ll][Ss][Ee]) ;; *) return 1 ;; esac
}

# wanted_holds PATH: whether IMDS has more than blanks there.
wanted_holds() {
	{
		while IFS= read -r want_line || [ -n "$want_line" ]; do
			case $want_line in *[![:space:]]*) return 0 ;; esac
		done <"$work/$1"
	} 2>/dev/null
	return 1
}

# wanted_merge: one program says which source each thing comes from, and copies it, without haste (_until).
wanted_merge() {
	for want_source in $wanted_sources; do
		[ -e "$work/$want_source" ] || { printf '' >"$work/$want_source"; } 2>/dev/null
	done
	_until=
	parse_save "$awk_wanted" "$work" 0 || {
		parse_failed
		return
	}
	while read -r want_what want_said; do
		case $want_what in
		password-login) wanted_password_login=${want_said#none} ;;
		password-given) wanted_password=$want_said ;;
		names-user) wanted_names_user=$want_said ;;
		key-count) wanted_keys=$want_said ;;
		key-bytes) wanted_keys_bytes=$want_said ;;
		esac
	done <"$work/wanted.facts"
}

# wanted_user: sets _wanted_user, the name of the admin user; empty where none was given.
wanted_user() {
	_wanted_user=
	while IFS= read -r want_line || [ -n "$want_line" ]; do
		_wanted_user=$_wanted_user${_wanted_user:+$sys_newline}$want_line
	done <"$work/wanted.admin-user"
}

# wanted_refuse_preprovisioned: a machine of a pool is made ahead and gets its owner's name, user and keys
# later, by ways of its own: what azready could set now belongs to nobody, and Ready would hand over such a
# machine.
wanted_refuse_preprovisioned() {
	[ -s "$work/wanted.pool" ] || return 0
	log_warning "this VM is pre-provisioned ($(cat "$work/wanted.pool")): its real identity comes later, and azready cannot wait for it"
	fail_value=kind=$work/wanted.pool
	fail preprovisioned_vm ''
}
