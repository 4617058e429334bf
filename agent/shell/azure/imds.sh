# imds.sh: the instance metadata service: one request for the whole instance document, taken apart by awk.

metadata=
# What the steps need of it; each string in a file $work/PATH, the keys in $work/compute.publicKeys.
imds_paths='compute.name compute.osProfile.adminUsername compute.osProfile.computerName compute.userData
compute.vmId compute.publicKeys.*.keyData +compute.osProfile.disablePasswordAuthentication
+extended.compute.hasCustomData extended.compute.ppsType'

# imds_read: the document, also saved for the hooks. Fails when IMDS is away too long or refuses for good.
imds_read() {
	[ -z "$metadata" ] || return 0
	imds_fetch || return
	metadata=known
	state_time METADATA
	imds_keep
}

# imds_keep: for the hooks. Where /run takes nothing they find it in the work directory; that is no reason
# to stop.
imds_keep() {
	place_of "$run_directory/instance.json"
	instance_json=$_path
	if file_make_directory "$run_directory" 0700 && own_copy "$work/body" "$run_directory/instance.json"; then
		return
	fi
	log_warning "$run_directory/instance.json not kept: $(fail_cause)"
	forgive
	instance_json=$work/instance.json
	cp "$work/body" "$instance_json" 2>/dev/null ||
		fail file_not_writable 'make room there' "file=${work%/*}" 'error=No space left on device'
}

imds_fetch() {
	clock_now
	# At most half of what is left: a dead IMDS must leave time to say so.
	imds_deadline=$((set_IMDS_DEADLINE * 100))
	[ "$imds_deadline" -le "$(((deadline - _now) / 2))" ] || imds_deadline=$(((deadline - _now) / 2))
	imds_deadline=$((_now + imds_deadline))
	imds_path=$proto_IMDS_PATH
	tries_begin imds "$imds_deadline"
	while ! imds_try; do
		if [ "$_problem" = http_status=400 ] && [ "$imds_path" != "$proto_IMDS_FALLBACK_PATH" ]; then
			imds_path=$proto_IMDS_FALLBACK_PATH
			continue
		fi
		! imds_is_final || {
			fail imds_refused '' "$_problem"
			return
		}
		[ "$_problem" != internal_error ] && [ "$_problem" != file_not_writable ] || return
		tries_another imds IMDS || {
			fail imds_unreachable '' "$_problem"
			return
		}
	done
}

imds_try() {
	tries_limit imds
	http_headers="$proto_IMDS_HEADER: $proto_IMDS_HEADER_VALUE"
	http_send GET "$set_IMDS" "$imds_path" "$_limit" '' && imds_parse "$work/body" && imds_has_compute
}

# imds_is_final: whether the same request can never be answered: a 4xx that does not pass.
imds_is_final() {
	case $_problem in
	http_status=4*) case " $proto_IMDS_PASSING " in *" ${_problem#*=} "*) return 1 ;; esac ;;
	*) return 1 ;;
	esac
}

# imds_parse FILE: sets _problem and _why where it is refused, and _retry_after, 0.
imds_parse() {
	_problem='error=not_json'
	_retry_after=0
	# shellcheck disable=SC2086  # several words; no file name fits the one with a star
	parse_document "$awk_json" "$1" $imds_paths || parse_failed
}

# imds_has_compute: what IMDS says while it starts, and what stands in for it, is JSON too, but describes no
# machine: sets _problem and _why then.
imds_has_compute() {
	[ ! -s "$work/compute" ] || return 0
	_problem='error=no_compute' _why='it holds no object compute'
	return 1
}
