# Provision this Azure VM and report Ready: beside the file azready, in the imports of configuration.nix.
{ pkgs, ... }:
{
  systemd.services.azready = {
    wantedBy = [ "multi-user.target" ];
    # Whoever logs in finds the right hostname and the admin user.
    before = [ "sshd.service" ];
    path = [ pkgs.python3 pkgs.gawk ];
    # What is declared cannot disable itself.
    environment.AZREADY_RUN = "per-instance";
    serviceConfig = {
      Type = "oneshot";
      RemainAfterExit = true;
      ExecStart = "${pkgs.runtimeShell} ${./azready} provision";
      # azready keeps its own deadline (20 minutes by default) and always ends.
      TimeoutStartSec = "infinity";
    };
  };
}
