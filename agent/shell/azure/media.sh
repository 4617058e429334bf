# media.sh: the provisioning media: find the DVD, mount it where it is not mounted, and read what its
# ovf-env.xml asks for.

# media_read EXPECTED (yes, no): its texts in $work/ovf.NAME, the keys in ovf.keys, CustomData.bin in
# $work/ovf.bin. Returns 1 where there is none, 2 where it makes no sense. One that is expected, or named by
# MEDIA, is waited for: udev may be slower than azready.
media_read() {
	[ "$set_MEDIA" != none ] || return 1
	clock_now
	media_until=$_now
	if [ "$1" = yes ] || [ "$set_MEDIA" != auto ]; then
		media_wait=$(((deadline - _now) / 10))
		[ "$media_wait" -le "$((proto_MEDIA_WAIT * 100))" ] || media_wait=$((proto_MEDIA_WAIT * 100))
		media_until=$((_now + media_wait))
	fi
	# shellcheck disable=SC2086  # several words
	if [ "$set_MEDIA" = auto ]; then set -- "$1" $proto_MEDIA_DEVICES; else set -- "$1" "$set_MEDIA"; fi
	media_expected=$1
	shift
	media_why="none at $*"
	while :; do
		for media_candidate; do ! media_look_for "$media_candidate" || break 2; done
		clock_now
		[ "$_now" -lt "$media_until" ] || {
			[ "$media_expected$set_MEDIA" = noauto ] ||
				log_warning "provisioning media: $media_why; password and custom data are out of reach"
			return 1
		}
		clock_seconds 25
		sleep "$_seconds"
	done
	state_time MEDIA
	media_parse
}

# media_parse: $work/ovf-env.xml taken apart, without haste (_until). Returns 2 and fails where it makes no
# sense.
media_parse() {
	_until=
	text_size "$work/ovf-env.xml"
	[ "$_size" -le "$proto_RESPONSE_CAP" ] || {
		log_debug "ovf-env.xml: it is over $proto_RESPONSE_CAP bytes"
		fail media_malformed '' file=ovf-env.xml || return 2
	}
	parse_document "$awk_xml$awk_ovf" "$work/ovf-env.xml" "$proto_OVF_NAMESPACE" "$proto_AZURE_NAMESPACE" &&
		return
	if [ $? -eq 1 ]; then
		log_debug "ovf-env.xml: $_why"
		fail media_malformed '' file=ovf-env.xml
	else
		fail internal_error '' file=ovf-env.xml "error=$_why"
	fi
	return 2
}

# media_look_for PLACE: copy it where it is there.
media_look_for() {
	place_of "$1"
	if [ -d "$_path" ]; then
		media_take "$1"
		return
	fi
	media_place=$_path
	media_find_mounted "$1" "${media_place#"$root"}"
	if [ -n "$media_mounted" ]; then
		# Blanks and the like stand there as \040.
		media_take "$(printf '%b' "$(printf '%s' "$media_mounted" | sed 's/\\\([0-7]\)/\\0\1/g')")"
		return
	fi
	[ -e "$media_place" ] || return
	if [ -n "$root" ]; then
		media_why="$1 is not mounted with a root other than /: give a directory"
		return 1
	fi
	for media_folder in "$run_directory" "$run_directory/media"; do
		file_make_directory "$media_folder" 0700 || {
			media_why=$(fail_cause)
			forgive
			return 1
		}
	done
	media_status=1
	# Where nobody else looks: the password is on it.
	if media_mount "$1" udf || media_mount "$1" iso9660; then
		media_take "$run_directory/media"
		media_status=$?
		program_run 30 /dev/null umount "$run_directory/media" ||
			program_run 30 /dev/null umount -l "$run_directory/media" || {
			program_last_line
			log_warning "provisioning media: $run_directory/media cannot be unmounted: $(cat "$work/last")"
		}
	fi
	rmdir "$run_directory/media" 2>/dev/null
	[ "$media_status" -ne 0 ] || case $1 in /dev/*) media_device=$1 ;; esac
	return "$media_status"
}

# media_find_mounted DEVICE DEVICE: sets media_mounted, where one of them is mounted, as the kernel writes it.
media_find_mounted() {
	place_to_read /proc/mounts
	media_mounted=
	{
		while read -r media_from media_at _; do
			case $media_from in
			"$1" | "$2")
				media_mounted=$media_at
				return 0
				;;
			esac
		done <"$_path"
	} 2>/dev/null
}

# media_mount PLACE KIND
media_mount() {
	media_options=ro,nosuid,nodev,noexec
	case $1 in /dev/*) ;; *) media_options=$media_options,loop ;; esac
	program_run 30 /dev/null mount -t "$2" -o "$media_options" "$1" "$run_directory/media" && return
	# The last line of util-linux's mount only points to dmesg.
	media_why="$1 cannot be mounted as $2: $(head -n 1 "$work/run.err")"
	return 1
}

# media_take DIRECTORY: what it holds, into the work directory, which is in memory where a system has /run.
media_take() {
	place_of "$1/ovf-env.xml"
	media_copy "$_path" "$work/ovf-env.xml" || {
		media_why="$1 holds no ovf-env.xml"
		return 1
	}
	log_info "provisioning media: $1/ovf-env.xml"
	place_of "$1/CustomData.bin"
	[ -f "$_path" ] && media_copy "$_path" "$work/ovf.bin" || return 0
	[ "$(wc -c <"$work/ovf.bin")" -gt "$proto_RESPONSE_CAP" ] || return 0
	log_warning "provisioning media: CustomData.bin is left out, it is over $proto_RESPONSE_CAP bytes"
	rm -f "$work/ovf.bin"
}

# media_copy FROM TO: not more than shows that it is too large.
media_copy() {
	dd if="$1" of="$2" bs=65536 count="$((proto_RESPONSE_CAP / 65536 + 1))" 2>/dev/null
}

# media_eject: let go of the drive that the media was in. Only after Ready was accepted: a next try would need
# the media.
media_eject() {
	[ -z "$media_device" ] || ! program_which eject || program_run 30 /dev/null "$_which" "$media_device" || :
}
