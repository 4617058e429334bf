# bash completion for azready, made of the tables of its help; it needs nothing but bash.

# Bash 3.2 has no mapfile and no compopt; what is asked for holds no blanks, but for paths.
_azready_words() {
	# shellcheck disable=SC2207
	COMPREPLY=($(compgen -W "$1${2+ $2}" -- "$cur"))
}

# _azready_list WORDS: one of them, behind those that stand there with commas.
_azready_list() {
	local head=
	case $cur in *,*) head=${cur%,*}, ;; esac
	# shellcheck disable=SC2207
	COMPREPLY=($(compgen -P "$head" -W "$1" -- "${cur##*,}"))
}

# _azready_paths -d|-f
_azready_paths() {
	local IFS=$'\n'
	# shellcheck disable=SC2207
	COMPREPLY=($(compgen "$1" -- "$cur"))
	compopt -o filenames 2>/dev/null
}

# _azready_value OPTION: fails if it takes none.
_azready_value() {
	case $1 in
	@VALUES@
	*) return 1 ;;
	esac
}

_azready() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} said='' i=1
	# `--option=value` comes as three words.
	if [[ $cur == '=' ]]; then
		cur=
	elif [[ $prev == '=' ]]; then
		prev=${COMP_WORDS[COMP_CWORD - 2]}
	fi
	_azready_value "$prev" && return
	while ((i < COMP_CWORD)); do
		case ${COMP_WORDS[i]} in
		@TAKING@
		-* | '=') ;;
		*) said="$said ${COMP_WORDS[i]}" ;;
		esac
		i=$((i + 1))
	done
	case ${said# } in
	@ARGUMENTS@
	esac
}

complete -F _azready azready
