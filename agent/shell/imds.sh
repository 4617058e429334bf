# imds.sh: the instance metadata service: one request for the whole instance document, taken apart by awk.

# What the steps need of it; each string in a file $work/PATH.
imds_paths='compute.name compute.osProfile.adminUsername compute.osProfile.computerName compute.userData compute.vmId
compute.publicKeys.*.keyData +compute.osProfile.disablePasswordAuthentication +extended.compute.hasCustomData
extended.compute.ppsType'

# read_metadata: the document, also saved for the hooks. Fails when IMDS is away too long or refuses for good.
read_metadata() {
	[ -z "$metadata" ] || return 0
	fetch_metadata || return
	sys_make_directory /run/azready 0700 || return
	sys_write /run/azready/instance.json 0600 <"$work/body" || return
	metadata=known
}

fetch_metadata() {
	sys_now
	# At most half of what is left: a dead IMDS must leave time to say so.
	imds_deadline=$((set_IMDS_DEADLINE * 100))
	[ "$imds_deadline" -le "$(((deadline - _now) / 2))" ] || imds_deadline=$(((deadline - _now) / 2))
	imds_deadline=$((_now + imds_deadline))
	imds_path=$proto_IMDS_PATH
	tries_begin imds "$imds_deadline"
	while ! try_metadata; do
		if [ "$_problem" = http_status=400 ] && [ "$imds_path" != "$proto_IMDS_FALLBACK_PATH" ]; then
			imds_path=$proto_IMDS_FALLBACK_PATH
			continue
		fi
		! imds_is_final || {
			fail imds_refused '' "$_problem"
			return
		}
		tries_another imds IMDS || {
			fail imds_unreachable '' "$_problem"
			return
		}
	done
}

try_metadata() {
	tries_limit "$imds_deadline"
	http_headers="$proto_IMDS_HEADER: $proto_IMDS_HEADER_VALUE"
	http_send GET "$set_IMDS" "$imds_path" "$_limit" '' && parse_metadata "$work/body"
}

# imds_is_final: whether the same request can never be answered: a 4xx that does not pass.
imds_is_final() {
	case $_problem in
	http_status=4*) case " $proto_IMDS_PASSING " in *" ${_problem#*=} "*) return 1 ;; esac ;;
	*) return 1 ;;
	esac
}

# parse_metadata FILE: sets _problem and _why where it is refused.
parse_metadata() {
	_problem='error=not_json'
	_retry_after=0
	_why='it holds NUL bytes'
	holds_no_nul "$1" || return 1
	# shellcheck disable=SC2086  # several words; no file name fits the one with a star
	_why=$(sys_awk "$awk_json" "$1" "$work" $imds_paths)
}
