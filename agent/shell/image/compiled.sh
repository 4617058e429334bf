# compiled.sh: what spares Python the compiling of azready at a boot: a file beside the program, made by the
# Python that is going to run it. Where there is none, or it cannot be written, the source does as well.

# compiled_keep: the file for $prefix/sbin/azready is there and right, or it is not there.
compiled_keep() {
	compiled_name=$prefix/sbin/azready.pyc
	place_of "$compiled_name"
	compiled_place=$_path
	if ! compiled_is_wanted; then
		compiled_remove
	elif compiled_is_good; then
		made_say "$compiled_name is there already"
	else
		compiled_remove && fail_minor "install: no $compiled_name" '' compiled_make
	fi
}

# compiled_is_wanted: whether there is a Python for it, and a place that nobody else can write to.
compiled_is_wanted() {
	[ "$engine" != shell ] && [ "$azready_zip" = yes ] && compiled_find_python &&
		[ -w "${compiled_place%/*}" ] && place_is_roots "${compiled_place%/*}"
}

# compiled_find_python: sets compiled_python, the one that a service finds first. No program of a tree is
# started: for its python3.11 that of this machine compiles.
compiled_find_python() {
	for compiled_python in python3 python; do
		for compiled_folder in /usr/local/bin /usr/bin /bin; do
			place_is_executable "$compiled_folder/$compiled_python" || continue
			if [ -z "$root" ]; then
				compiled_python=$compiled_folder/$compiled_python
				return
			fi
			compiled_python=${_path##*/}
			case $compiled_python in python3.[0-9]*) program_has "$compiled_python" ;; *) false ;; esac
			return
		done
	done
	return 1
}

# compiled_is_good: whether the file is this program's and this Python's, and nobody but the program's owner
# can write it.
compiled_is_good() {
	[ -f "$compiled_place" ] && file_facts "${compiled_place%.pyc}" && compiled_owner=$_owner &&
		file_facts "$compiled_place" && [ "$_owner" = "$compiled_owner" ] || return
	case $_mode in -rw-r--r--*) ;; *) return 1 ;; esac
	program_run 60 /dev/null "$compiled_python" -I -S "$compiled_place" version &&
		[ "$(cat "$work/run.out")" = "azready $azready_version" ]
}

# compiled_make: of a Python that cannot do it no word is said: it could not run the engine either.
compiled_make() {
	set -- "$compiled_python" -I -S "${compiled_place%.pyc}" compile "${compiled_name%.pyc}"
	program_run 60 /dev/null "$@" || return 0
	made_put "$compiled_name" 0644 "$work/run.out" " (for ${compiled_python##*/})"
}

# compiled_remove: one that stays all the same is passed over when azready starts.
compiled_remove() {
	place_itself "$compiled_name"
	[ ! -e "$_path" ] && [ ! -h "$_path" ] || file_remove "$compiled_name" || forgive
}
