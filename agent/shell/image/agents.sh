# agents.sh: the other agents of an image: names those that are enabled; --replace-agents takes them out.

# The other agents: name:services of each. Of the package managers: command,option,package.
agents_known='cloud-init:cloud-init*,cloud-config,cloud-final waagent:waagent*,walinuxagent*
azure-init:azure-init*,azure-provisioning-agent* afterburn:afterburn*,coreos-metadata*'
agents_removed_by='/usr/bin/apt-get,purge,walinuxagent /usr/bin/dnf,remove,WALinuxAgent
/usr/bin/zypper,remove,python-azure-agent /sbin/apk,del,walinuxagent
/usr/bin/xbps-remove,-R,walinuxagent /usr/bin/pacman,-Rns,walinuxagent'

# agents_look_for: name those that are enabled; --replace-agents disables them and removes what they keep.
agents_look_for() {
	agents_found=
	for agent in $agents_known; do
		text_replaced "${agent#*:}" , ' '
		agent_services=$_replaced
		agent=${agent%%:*}
		agent_links=
		[ "$agent" != cloud-init ] || ! place_exists /etc/cloud/cloud-init.disabled ||
			[ "$replace_agents" = yes ] || continue
		for service_name in $agent_services; do service_rows service_row agents_item || :; done
		if [ -z "$agent_links" ]; then
			continue
		elif [ "$replace_agents" = no ]; then
			log_warning "install: another agent is enabled: $agent ($agent_links), --replace-agents disables it"
		else
			agents_found="$agents_found $agent"
			agents_replace || return
		fi
	done
	[ "$replace_agents" = no ] || agents_remove
}

# agents_item: add $unit_link to $agent_links, unless it is disabled.
agents_item() {
	case $unit_item in +*) ! place_exists "$unit_link/down" || return 0 ;; esac
	agent_links="$agent_links${agent_links:+ }$unit_link"
}

# agents_replace: nothing starts $agent any more. systemd's units are masked: an update of the package would
# enable them.
agents_replace() {
	for agent_link in $agent_links; do
		place_of "$agent_link"
		if [ -d "$_path" ]; then
			made_note file "$agent_link/down"
		else
			place_itself "$agent_link"
			made_note replaced "$agent_link" "$(readlink "$_path")"
		fi || return
	done
	for service_name in $agent_services; do
		service_rows service_row service_disable_item || :
		place_glob "/usr/lib/systemd/system/$service_name.service" ||
			place_glob "/lib/systemd/system/$service_name.service" || continue
		for agent_link in $_found; do
			agent_link=/etc/systemd/system/${agent_link##*/}
			place_glob "$agent_link" || made_link "$agent_link" /dev/null 'masked: ' || return
		done
	done
	[ "$agent" != cloud-init ] || made_put /etc/cloud/cloud-init.disabled 0644 /dev/null
}

# agents_remove: their files, and the command that removes their packages.
agents_remove() {
	for agent_file in /var/lib/waagent /etc/waagent.conf /var/log/waagent.log; do
		place_glob "$agent_file" || continue
		made_note gone "$agent_file" || return
		place_itself "$agent_file"
		rm -rf "$_path" 2>"$work/err" || file_blame "$agent_file" || return
		made_say "$agent_file removed"
	done
	[ -n "$agents_found" ] || return 0
	for agent in $agents_removed_by; do
		place_exists "${agent%%,*}" || continue
		# Debian's name; Ubuntu's is the other.
		! place_exists /var/lib/dpkg/info/waagent.list || agent=${agent%,*},waagent
		agent_file=${agent##*/}
		agent_file=$(printf '%s' "${agent_file%,*}$agents_found" | sed "s/,/ /;s/waagent/${agent##*,}/")
		made_say "to remove the packages: $agent_file"
	done
}
