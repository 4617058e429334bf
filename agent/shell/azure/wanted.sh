# wanted.sh: what the platform asks for: the instance document of IMDS and the provisioning media in one.
# Read, trimmed and merged once, before the first step, which then only reads it. $work/wanted.hostname,
# wanted.admin-user, wanted.password, wanted.custom-data and wanted.user-data (base64) are empty where nothing
# was given; the public keys, $wanted_keys of them, are in wanted.keys, as save_key of lib.awk writes them.
# $wanted_password_login: whether SSH is to take passwords, yes, no, or empty where nobody said;
# $wanted_password: yes, no, or redacted; $wanted_names_user: whether IMDS has a name for the user, be it a
# blank one.

wanted_keys=0 wanted_password=no wanted_password_login='' wanted_names_user=no

# All that it is made of; what was not read is empty.
wanted_sources='compute.osProfile.computerName compute.name ovf.HostName compute.osProfile.adminUsername
ovf.UserName compute.userData ovf.UserPassword ovf.CustomData compute.publicKeys ovf.keys
compute.osProfile.disablePasswordAuthentication ovf.DisableSshPasswordAuthentication
extended.compute.ppsType ovf.PreprovisionedVm'

# read_wanted: fails when neither IMDS nor the media says anything.
read_wanted() {
	media_device=
	if imds_read; then
		! wanted_needs_media || media_read "$(wanted_expects_media)" || [ $? -ne 2 ] || {
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

# wanted_expects_media: prints yes or no: whether IMDS lets one think that there is more.
wanted_expects_media() {
	if [ "$(wanted_word extended.compute.hasCustomData)" = true ] ||
		text_is_blank "$work/compute.osProfile.adminUsername" ||
		[ "$(wanted_word compute.osProfile.disablePasswordAuthentication)" = false ]; then
		printf yes
	else
		printf no
	fi
}

# wanted_word PATH: a word of IMDS in lower case.
wanted_word() {
	# shellcheck disable=SC2018,SC2019  # busybox can be built without classes
	[ ! -e "$work/$1" ] || tr 'A-Z' 'a-z' <"$work/$1"
}

# wanted_merge: a program says which source each thing comes from, and the shell copies it, whole.
wanted_merge() {
	for want_source in $wanted_sources; do
		[ -e "$work/$want_source" ] || file_text "$work/$want_source" '' || return
	done
	edit_derive "$work" "$work/wanted.facts" "$awk_wanted" "$work" || return
	while read -r want_what want_said; do
		case $want_what in
		password-login) wanted_password_login=${want_said#none} ;;
		password-given) wanted_password=$want_said ;;
		names-user) wanted_names_user=$want_said ;;
		key-count) wanted_keys=$want_said ;;
		*) wanted_copy "$want_said" "$work/wanted.$want_what" || return ;;
		esac
	done <"$work/wanted.facts"
}

# wanted_copy SOURCE FILE
wanted_copy() {
	if [ "$1" = none ]; then file_text "$2" ''; else file_copy "$work/$1" "$2"; fi
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
	log_warning "this VM is pre-provisioned ($(cat "$work/wanted.pool")): its real identity comes later, and not to azready"
	fail_value=kind=$work/wanted.pool
	fail preprovisioned_vm 'use an agent that knows how to wait for it'
}
