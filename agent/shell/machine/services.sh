# services.sh: what starts azready, or another service, at boot, by the table of init systems.

# A line of an inittab that starts azready.
unit_line='^[^#].*/azready provision'

# disable_service: RUN=once: take away what starts azready at boot, whatever the init.
disable_service() {
	service=azready
	units_rows service_row disable_item || :
}

# units_rows FUNCTION [ARGUMENT]: read the table of init systems into $units_... until FUNCTION succeeds; fails where it never does.
units_rows() {
	units_flags=$-
	# The columns hold patterns that are not for this machine's files.
	set -f
	units_hit=no
	sys_by_line
	for units_row in $units_table; do
		sys_by_word
		sys_cells "$units_row"
		# shellcheck disable=SC2034  # install.sh reads the other columns
		units_name=$_cell_1 units_found=$_cell_2 units_places=$_cell_3 units_files=$_cell_4 units_enabled=$_cell_5 units_disabled=$_cell_6
		"$@" && units_hit=yes && break
	done
	sys_by_word
	case $units_flags in *f*) ;; *) set +f ;; esac
	[ "$units_hit" = yes ]
}

# unit_path ITEM PLACE: sets _item, a path of the table with the init's directory in it.
unit_path() {
	case $1 in
	@*) _item=$2${1#@} ;;
	'^'*) _item=${2%/*}${1#?} ;;
	*) _item=$1 ;;
	esac
}

# service_row FUNCTION: call it for all that starts $service at boot by the init of this row.
service_row() {
	for unit_place in $units_places; do
		for unit_item in $units_disabled; do
			unit_path "${unit_item#?}" "$unit_place"
			case $service$unit_item in
			azready~*) ;;
			# A line of a file is azready's alone.
			*~*) continue ;;
			*) _item=${_item%azready*}$service${_item##*azready} ;;
			esac
			sys_glob "$_item" || continue
			sys_by_line
			for unit_link in $_found; do
				sys_by_word
				"$1" || log_warning "service not disabled: $(fail_cause)"
			done
			sys_by_word
		done
	done
	return 1
}

# disable_item: $unit_link, as the first character of $unit_item says.
disable_item() {
	case $unit_item in
	-*)
		sys_place "$unit_link"
		# A script that somebody put there instead of a link would be lost.
		[ -h "$_path" ] || [ ! -s "$_path" ] || return 0
		sys_remove "$unit_link" && log_info "service disabled: removed $unit_link"
		;;
	+*)
		! sys_exists "$unit_link/down" || return 0
		sys_write "$unit_link/down" 0644 /dev/null && log_info "service disabled: made $unit_link/down"
		;;
	~*)
		sys_read "$unit_link" | grep -q "$unit_line" || return 0
		# sed leaves a last line without a newline as it is.
		sys_read "$unit_link" | LC_ALL=C sed "\\,$unit_line,d" >"$work/mended" && is_shorter "$unit_link" &&
			keep_edited "$unit_link" && log_info "service disabled: line removed from $unit_link"
		;;
	esac
}

# is_shorter FILE: whether $work/mended has all of its lines but those that start azready.
is_shorter() {
	sys_path "$1"
	[ "$(($(grep -vc "$unit_line" "$_path")))" -eq "$(($(grep -c '' "$work/mended")))" ] ||
		fail file_not_writable '' "file=$1" 'error=not copied whole'
}

# start_item: $unit_link is a service directory of runit or s6: its supervisor starts it, unless somebody wants it down.
start_item() {
	case $unit_item in +*) ! sys_exists "$unit_link/down" || return 0 ;; *) return 0 ;; esac
	sys_path "$unit_link/supervise/control"
	# Opened for both, it does not wait for a supervisor that is not there.
	[ ! -p "$_path" ] || printf u 1<>"$_path" || :
}
