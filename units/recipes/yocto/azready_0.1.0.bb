SUMMARY = "Provision a Linux VM on Azure and report Ready"
DESCRIPTION = "Sets hostname, admin user, SSH keys, password and custom data of a VM on Azure, and reports Ready."
HOMEPAGE = "https://azready.example"
BUGTRACKER = "https://azready.example/issues"
SECTION = "base"
CVE_PRODUCT = "azready"
LICENSE = "Apache-2.0"
LIC_FILES_CHKSUM = "file://LICENSE;md5=@LICENSE_MD5@"

SRC_URI = "https://azready.example/releases/${PV}/azready-${PV}.tar.gz"
SRC_URI[sha256sum] = "@SHA256@"

inherit allarch systemd update-rc.d

SYSTEMD_SERVICE:${PN} = "azready.service"
INITSCRIPT_NAME = "azready"
INITSCRIPT_PARAMS = "start 41 2 3 4 5 ."

do_configure[noexec] = "1"
do_compile[noexec] = "1"

do_install() {
    install -D -m 0755 ${S}/dist/azready ${D}${sbindir}/azready
    install -D -m 0755 ${S}/units/sysvinit/azready ${D}${sysconfdir}/init.d/azready
    install -D -m 0644 ${S}/units/systemd/azready.service ${D}${systemd_system_unitdir}/azready.service
    install -D -m 0644 ${S}/agent/manual/azready.8 ${D}${mandir}/man8/azready.8
}

FILES:${PN} += "${systemd_system_unitdir}"

RDEPENDS:${PN} = "busybox"
