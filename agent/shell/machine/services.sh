# services.sh: what starts azready, or another service, at boot, by the table of init systems.

# A line of an inittab that starts azready.
unit_line='^[^#].*/azready provision'

# service_disable: RUN=once: take away what starts azready at boot, whatever the init.
service_disable() {
	service_name=azready
	service_rows service_row service_disable_item || :
}

# service_rows FUNCTION [ARGUMENT]: read the table of init systems into $units_... until FUNCTION succeeds;
# fails where it never does.
service_rows() {
	units_flags=$-
	# The columns hold patterns that are not for this machine's files.
	set -f
	units_hit=no
	text_by_line
	for units_row in $units_table; do
		text_by_word
		text_cells "$units_row"
		# shellcheck disable=SC2034  # install.sh reads the other columns
		units_name=$_cell_1 units_found=$_cell_2 units_places=$_cell_3 units_files=$_cell_4 \
			units_enabled=$_cell_5 units_disabled=$_cell_6
		"$@" && units_hit=yes && break
	done
	text_by_word
	case $units_flags in *f*) ;; *) set +f ;; esac
	[ "$units_hit" = yes ]
}

# service_path ITEM PLACE: sets _item, a path of the table with the init's directory in it.
service_path() {
	case $1 in
	@*) _item=$2${1#@} ;;
	'^'*) _item=${2%/*}${1#?} ;;
	*) _item=$1 ;;
	esac
}

# service_row FUNCTION: sets _item and calls it, for all that starts $service_name at boot by the init of this
# row.
service_row() {
	for unit_place in $units_places; do
		for unit_item in $units_disabled; do
			service_path "${unit_item#?}" "$unit_place"
			case $service_name$unit_item in
			azready~*) ;;
			# A line of a file is azready's alone.
			*~*) continue ;;
			*) _item=${_item%azready*}$service_name${_item##*azready} ;;
			esac
			place_glob "$_item" || continue
			text_by_line
			for unit_link in $_found; do
				text_by_word
				fail_minor 'service not disabled' '' "$1"
			done
			text_by_word
		done
	done
	return 1
}

# service_disable_item: $unit_link, as the first character of $unit_item says.
service_disable_item() {
	case $unit_item in
	-*)
		place_itself "$unit_link"
		# A script that somebody put there instead of a link would be lost.
		[ -h "$_path" ] || [ ! -s "$_path" ] || return 0
		file_remove "$unit_link" && log_info "service disabled: removed $unit_link"
		;;
	+*)
		! place_exists "$unit_link/down" || return 0
		file_write "$unit_link/down" 0644 /dev/null && log_info "service disabled: made $unit_link/down"
		;;
	~*)
		place_to_read "$unit_link"
		text_matches "$_path" -e "$unit_line" || return 0
		# sed leaves a last line without a newline as it is.
		file_read "$unit_link" | LC_ALL=C sed "\\,$unit_line,d" >"$work/mended" &&
			service_is_shorter "$unit_link" &&
			keep_edited "$unit_link" && log_info "service disabled: line removed from $unit_link"
		;;
	esac
}

# service_is_shorter FILE: whether $work/mended has all of its lines but those that start azready.
service_is_shorter() {
	place_of "$1"
	[ "$(($(grep -vc "$unit_line" "$_path")))" -eq "$(($(grep -c '' "$work/mended")))" ] ||
		fail file_not_writable '' "file=$1" 'error=not copied whole'
}

# service_start_item: $unit_link is a service directory of runit or s6: its supervisor starts it, unless
# somebody wants it down.
service_start_item() {
	case $unit_item in +*) ! place_exists "$unit_link/down" || return 0 ;; *) return 0 ;; esac
	place_of "$unit_link/supervise/control"
	# Opened for both, it does not wait for a supervisor that is not there.
	[ ! -p "$_path" ] || printf u 1<>"$_path" || :
}
