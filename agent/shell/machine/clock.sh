# clock.sh: the time of day, and a clock that nobody sets.

# clock_now: sets _now, hundredths of a second on a clock that NTP cannot set. Without /proc the time of day
# has to do: what it goes back counts as nothing, and what it leaps as 100 s.
clock_now() {
	if { read -r _now clock_rest </proc/uptime; } 2>/dev/null; then
		_now=${_now%.*}${_now#*.}
		# "0.08" must not become an octal number.
		while case $_now in 0?*) ;; *) false ;; esac do _now=${_now#0}; done
	else
		clock_date=$(date +%s)
		# Differences alone: mksh counts with 32 bits.
		clock_step=$((clock_date - ${clock_date_before:-$clock_date}))
		clock_date_before=$clock_date
		[ "$clock_step" -ge 0 ] || clock_step=0
		[ "$clock_step" -le 100 ] || clock_step=100
		clock_ticks=$((${clock_ticks:-0} + clock_step * 100))
		_now=$clock_ticks
	fi
}

# clock_timestamp: sets _timestamp, the time of day for reports.
clock_timestamp() {
	_timestamp=$(date -u +%Y-%m-%dT%H:%M:%SZ)
}

# clock_seconds HUNDREDTHS: sets _seconds for sleep: 0.25, 1; whole and rounded up where busybox was built
# without fractions.
clock_seconds() {
	clock_decimal "$1"
	[ "$clock_rest" != 0 ] || return 0
	if [ -z "${clock_fractions-}" ]; then
		clock_fractions=no
		! sleep 0.01 2>/dev/null || clock_fractions=yes
	fi
	[ "$clock_fractions" = yes ] || _seconds=$(($1 / 100 + 1))
}

# clock_decimal HUNDREDTHS: sets _seconds for people: 0.25, 1.
clock_decimal() {
	_seconds=$(($1 / 100))
	clock_rest=$(($1 % 100))
	case $clock_rest in
	0) ;;
	?) _seconds=$_seconds.0$clock_rest ;;
	?0) _seconds=$_seconds.${clock_rest%0} ;;
	*) _seconds=$_seconds.$clock_rest ;;
	esac
}
