# wanted.sh: what the platform asks for: the instance document of IMDS and the provisioning media in one.
# Everything as the platform gave it, unchecked, in files; an empty one is one that was not given:
# $work/wanted.hostname, wanted.admin-user, wanted.password, wanted.custom-data and wanted.user-data (base64), and the
# public keys, $wanted_keys of them, in wanted.keys, as save_key of lib.awk writes them. $wanted_password_login: whether SSH
# is to take passwords, yes, no, or empty where nobody said.

# read_wanted: fails when neither IMDS nor the media says anything.
read_wanted() {
	media_device=
	if read_metadata; then
		! needs_media || read_media "$(media_is_expected)" || [ $? -ne 2 ] || {
			log_warning "provisioning media: $(cat "$work/failure"); going on with IMDS alone"
			forgive
		}
	else
		case $(cat "$work/failure") in imds_*) ;; *) return 1 ;; esac
		fail_put_aside
		read_media yes || {
			[ $? -ne 2 ] || return 1
			fail_take_back
			return 1
		}
		log_warning "$(cat "$work/aside.failure"): going on with the provisioning media alone"
	fi
	merge_wanted && refuse_preprovisioned
}

# refuse_preprovisioned: a machine of a pool is made ahead and gets its owner's name, user and keys later, by ways of its
# own: what azready could set now belongs to nobody, and Ready would hand over such a machine. ppsType is Running, Savable,
# OSDisk, PreprovisionedOSDisk, Unknown, or what is yet to come.
refuse_preprovisioned() {
	printf '' >"$work/wanted.pool"
	text_is_blank "$work/extended.compute.ppsType" || trim_into wanted.pool extended.compute.ppsType || return
	case $(told_word wanted.pool) in
	'' | none)
		case " $fact_WORDS_YES " in *" $(told_word ovf.PreprovisionedVm | tr -d ' \t\r\n') "*) ;; *) return 0 ;; esac
		printf 'PreprovisionedVm' >"$work/wanted.pool"
		;;
	esac
	log_warning "this VM is pre-provisioned ($(cat "$work/wanted.pool")): its real identity comes later, and not to azready"
	fail_value=kind=$work/wanted.pool
	fail preprovisioned_vm 'use an agent that knows how to wait for it'
}

# trim_into TO FROM: a text without blanks around it.
trim_into() {
	program_awk 'BEGIN { printf "%s", trimmed(slurp(ARGV[1])) }' "$work/$2" >"$work/$1"
}

# needs_media: whether a chosen step wants what only the media may tell.
needs_media() {
	choose_steps
	case " $steps_chosen " in *' user '* | *' ssh-keys '* | *' password '* | *' custom-data '*) ;; *) return 1 ;; esac
}

# media_is_expected: prints yes or no: whether IMDS lets one think that there is more.
media_is_expected() {
	if [ "$(told_word extended.compute.hasCustomData)" = true ] || text_is_blank "$work/compute.osProfile.adminUsername" ||
		[ "$(told_word compute.osProfile.disablePasswordAuthentication)" = false ]; then
		printf yes
	else
		printf no
	fi
}

# told_word PATH: a word of IMDS in lower case.
told_word() {
	# shellcheck disable=SC2018,SC2019  # busybox can be built without classes
	[ ! -e "$work/$1" ] || tr 'A-Z' 'a-z' <"$work/$1"
}

# merge_wanted: IMDS wins where both speak; password and custom data come from the media, user data from IMDS.
merge_wanted() {
	want_first hostname compute.osProfile.computerName ovf.HostName compute.name
	want_first admin-user.given compute.osProfile.adminUsername ovf.UserName
	# Once, for all steps.
	trim_into wanted.admin-user wanted.admin-user.given || return
	want_first user-data compute.userData
	want_first password ovf.UserPassword
	want_first custom-data ovf.CustomData
	want_keys compute.publicKeys ovf.keys
	# shellcheck disable=SC2034  # the step password reads it
	case $(told_word compute.osProfile.disablePasswordAuthentication)/$(told_word ovf.DisableSshPasswordAuthentication | tr -d ' \t\r\n') in
	true/*) wanted_password_login=no ;;
	false/*) wanted_password_login=yes ;;
	*/true | */1 | */yes | */on) wanted_password_login=no ;;
	*/false | */0 | */no | */off) wanted_password_login=yes ;;
	*) wanted_password_login= ;;
	esac
}

# want_keys FILE ..: the first file that holds keys; blank ones are not in it.
want_keys() {
	printf '' >"$work/wanted.keys"
	for want_file; do
		[ -s "$work/$want_file" ] || continue
		cp "$work/$want_file" "$work/wanted.keys"
		break
	done
	wanted_keys=$(program_awk '/^=/ { n++ } END { print n + 0 }' "$work/wanted.keys")
}

# want_first NAME FILE ..: the first file that is not blank.
want_first() {
	want_name=$1
	shift
	printf '' >"$work/wanted.$want_name"
	for want_file; do
		text_is_blank "$work/$want_file" || {
			cp "$work/$want_file" "$work/wanted.$want_name"
			return
		}
	done
}
