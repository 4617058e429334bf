{
  config,
  lib,
  pkgs,
  ...
}:

let
  cfg = config.services.azready;
  waagent = config.services.waagent or { enable = false; };
in
{
  options.services.azready = {
    enable = lib.mkEnableOption "azready, which provisions this VM on Azure and reports Ready";

    package = lib.mkOption {
      type = lib.types.package;
      default = pkgs.callPackage ./package.nix { };
      defaultText = lib.literalExpression "pkgs.callPackage ./package.nix { }";
      description = "The package of azready.";
    };

    settings = lib.mkOption {
      type = lib.types.attrsOf (
        lib.types.oneOf [
          lib.types.str
          lib.types.int
        ]
      );
      default = { };
      example = {
        STEPS = "hostname,ssh-keys,hooks";
        DEADLINE = 600;
      };
      description = "Settings as in azready.conf; `azready help settings` lists them.";
    };
  };

  config = lib.mkIf cfg.enable {
    assertions = [
      {
        assertion = !(waagent.enable && (waagent.settings.Provisioning.Enable or true));
        message = "services.azready and services.waagent would both provision: set services.waagent.settings.Provisioning.Enable = false";
      }
    ];

    # What is declared cannot disable itself.
    services.azready.settings.RUN = lib.mkDefault "per-instance";

    systemd.services.azready = {
      description = "Provision this Azure VM and report Ready";
      wantedBy = [ "multi-user.target" ];
      before = [ "sshd.service" ];
      after = [
        "systemd-networkd.service"
        "NetworkManager.service"
        "dhcpcd.service"
      ];
      path = [
        pkgs.gawk
        pkgs.python3
        pkgs.util-linux
      ];
      environment = lib.mapAttrs' (key: value: lib.nameValuePair "AZREADY_${key}" (toString value)) cfg.settings;
      serviceConfig = {
        Type = "oneshot";
        RemainAfterExit = true;
        TimeoutStartSec = "infinity";
        # The kernel finds no /bin/sh of its own there.
        ExecStart = "${pkgs.runtimeShell} ${lib.getExe cfg.package} provision";
      };
    };
  };
}
