{
  lib,
  stdenvNoCC,
  fetchurl,
  installShellFiles,
}:

stdenvNoCC.mkDerivation (finalAttrs: {
  pname = "azready";
  version = "0.1.0";

  src = fetchurl {
    url = "https://azready.example/releases/${finalAttrs.version}/azready-${finalAttrs.version}.tar.gz";
    hash = "@SRI256@";
  };

  nativeBuildInputs = [ installShellFiles ];

  dontConfigure = true;
  dontBuild = true;
  # A shell text with a zip behind it: a line more at its top would be right, a patched zip would not.
  dontPatchShebangs = true;

  installPhase = ''
    runHook preInstall
    install -Dm755 dist/azready $out/bin/azready
    installManPage agent/manual/azready.8
    installShellCompletion --cmd azready \
      --bash dist/completions/azready.bash \
      --zsh dist/completions/_azready \
      --fish dist/completions/azready.fish
    runHook postInstall
  '';

  meta = {
    description = "Provision a Linux VM on Azure and report Ready";
    homepage = "https://azready.example";
    license = lib.licenses.asl20;
    platforms = lib.platforms.linux;
    mainProgram = "azready";
  };
})
