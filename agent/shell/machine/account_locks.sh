# account_locks.sh: keeps others off the account files while they are changed.

# account_lock NAME ..: files of /etc, as shadow's tools do: NAME.lock is a hard link to a file with our
# process id. That file, the partner .NAME.azready.lock, stays beside it: so a later run knows whose lock it
# is, whatever the number means by then. glibc's lock on /etc/.pwd.lock is out of reach: a shell cannot call
# fcntl.
account_lock() {
	account_lock_held=
	run_at_end account_lock_give_back
	clock_now
	# install and generalize have no deadline.
	account_lock_until=1500
	[ -z "${deadline-}" ] || account_lock_until=$(((deadline - _now) / 2))
	[ "$account_lock_until" -le 1500 ] || account_lock_until=1500
	account_lock_until=$((_now + account_lock_until))
	place_of /etc
	account_lock_place=$_path
	for account_lock_name; do
		account_lock_name=${account_lock_name##*/}
		until account_lock_link "$account_lock_place" "$account_lock_name"; do
			clock_now
			if [ -s "$work/err" ] || [ "$_now" -ge "$account_lock_until" ]; then
				[ -s "$work/err" ] || printf 'locked\n' >"$work/err"
				file_blame "/etc/$account_lock_name"
				account_lock_give_back
				return 1
			fi
			clock_seconds 25
			sleep "$_seconds"
		done
		account_lock_held="$account_lock_held $account_lock_name"
	done
}

# account_lock_link DIRECTORY NAME: take its lock; a stale one is taken away first. $work/err holds what else
# is in the way.
account_lock_link() {
	set -- "$1/$2.lock" "$1/.$2.azready.lock"
	{ printf '' >"$work/err"; } 2>/dev/null
	if [ -e "$2" ]; then
		# Of another run, where no lock for the run could be had.
		! account_lock_is_held "$2" || return $?
		rm -f "$2"
	fi
	# dd says why.
	{ printf '%s' "$$" >"$2"; } 2>/dev/null ||
		printf '%s' "$$" | LC_ALL=C dd of="$2" 2>"$work/err" || return $?
	account_lock_holder "$2"
	[ "$_holder" = "$$" ] || {
		printf 'No space left on device\n' >"$work/err"
		return 1
	}
	if LC_ALL=C ln "$2" "$1" 2>"$work/err"; then
		account_lock_holder "$1"
		[ "$_holder" != "$$" ] || return 0
	fi
	rm -f "$2"
	[ -e "$1" ] || return 1
	{ printf '' >"$work/err"; } 2>/dev/null
	account_lock_is_held "$1" || LC_ALL=C rm -f "$1" 2>"$work/err"
	return 1
}

# account_lock_holder LOCK: sets _holder, its text; fails where it cannot be read. Behind the number shadow
# puts a NUL byte, which only zsh reads as one.
account_lock_holder() {
	_holder=
	# Of two redirections zsh lets the one that fails speak: hence the outer braces.
	{ { read -r _holder || :; } <"$1"; } 2>/dev/null || return $?
	case $_holder in ?*[!0-9]) _holder=${_holder%?} ;; esac
}

# account_lock_is_held LOCK: whether the process that it names has it: it lives, is not this one, which knows
# its locks, and the lock is of this boot: the number of an older one may be anybody's by now.
account_lock_is_held() {
	account_lock_holder "$1" || return 0
	case $_holder in '' | *[!0-9]* | "$$") return 1 ;; esac
	kill -0 "$_holder" 2>/dev/null || [ -d "/proc/$_holder" ] || return 1
	! account_lock_is_of_an_older_boot "$1"
}

# account_lock_is_of_an_older_boot FILE: no where that cannot be told.
account_lock_is_of_an_older_boot() {
	read -r account_lock_up _ 2>/dev/null </proc/uptime || return $?
	account_lock_made_at=$(date -r "$1" +%s 2>/dev/null) ||
		account_lock_made_at=$(stat -c %Y "$1" 2>/dev/null)
	account_lock_today=$(date +%s)
	case $account_lock_made_at,$account_lock_today in *[!0-9,]* | ,* | *,) return 1 ;; esac
	# mksh counts with 32 bits, which suffice until 2038.
	[ "$((account_lock_today - account_lock_made_at))" -gt "$((${account_lock_up%.*} + 2))" ]
}

# account_lock_give_back: give back what account_lock took. All is done by then, so what stays is no failure;
# the next run clears it.
account_lock_give_back() {
	[ -n "$account_lock_held" ] || return 0
	set --
	for account_lock_name in $account_lock_held; do
		set -- "$@" "$account_lock_place/.$account_lock_name.azready.lock"
		if account_lock_holder "$account_lock_place/$account_lock_name.lock" && [ "$_holder" != "$$" ]; then
			continue
		fi
		set -- "$account_lock_place/$account_lock_name.lock" "$@"
	done
	own_drop "$@"
	for account_lock_name in $account_lock_held; do
		account_lock_holder "$account_lock_place/$account_lock_name.lock" && [ "$_holder" = "$$" ] &&
			log_warning "/etc/$account_lock_name.lock cannot be removed"
	done
	account_lock_held=
}
