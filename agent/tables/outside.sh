# `sh -c TEXT FILE SECONDS COMMAND ..`: a hook or a script, started by systemd in a unit of its own, where the
# limits that azready.service has set itself do not hold. Its environment, output and status are as ever. FILE
# is made for that, for root alone. Both engines start hooks and scripts so, where the unit says that it limits.
file=$0 seconds=$1
shift
unset azready_confined
unit=azready-script-$$
# Some shells close or move a descriptor for as long as a command runs that has it redirected: these stay.
exec 3>&1 4>&2
{
	umask 077
	rm -f "$file" "$file.began" "$file.status"
	number=0 words='' names=''
	# shellcheck disable=SC2034  # by eval
	for word; do
		number=$((number + 1))
		eval "azready_word_$number=\$word"
		export "azready_word_$number"
		words="$words \"\$azready_word_$number\"" names="$names azready_word_$number"
	done
	{
		export -p
		echo "set --$words"
		echo "unset$names INVOCATION_ID JOURNAL_STREAM"
		# Of this process, whose files they are. What the shell itself says of a script goes nowhere.
		echo "exec </dev/null >>/proc/$$/fd/3 3>>/proc/$$/fd/4 2>/dev/null"
		echo "echo >'$file.began'"
		# shellcheck disable=SC2016  # for the other shell
		echo 'umask 022; (exec "$@" 2>&3 3>&-)'
		echo "echo \$? >'$file.status'"
	} >"$file"
	# What it leaves in the background is to stay, so the unit does. It ends with azready.service, and before
	# that is started again.
	systemd-run --quiet --unit="$unit" --service-type=oneshot --description="$1" \
		--property=RemainAfterExit=yes --property="TimeoutStartSec=$seconds" --property=TimeoutStopSec=5 \
		--property=BindsTo=azready.service --property=Before=azready.service -- sh "$file"
	# A systemd that starts itself anew, as after an upgrade, says nothing more to systemd-run.
	while [ -e "$file.began" ] && [ ! -s "$file.status" ]; do
		case $(systemctl show --property=ActiveState "$unit") in *=activating) sleep 1 ;; *) break ;; esac
	done
} >/dev/null 2>"$file.said" </dev/null
status=''
{ read -r status <"$file.status"; } 2>/dev/null || [ ! -e "$file.began" ] || status=137
{ read -r said <"$file.said"; } 2>/dev/null || said='it said nothing'
rm -f "$file" "$file.began" "$file.status" "$file.said"
[ -z "$status" ] || exit "$status"
echo "azready: limited as azready.service is, systemd did not start it: $said" >&2
# shellcheck disable=SC2086  # names
unset $names
umask 022
exec "$@" 3>&- 4>&-
