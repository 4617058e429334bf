# Copyright 2026 Gentoo Authors
# Distributed under the terms of the GNU General Public License v2

EAPI=8

inherit shell-completion systemd

DESCRIPTION="Provision a Linux VM on Azure and report Ready"
HOMEPAGE="https://azready.example"
SRC_URI="https://azready.example/releases/${PV}/${P}.tar.gz"

LICENSE="Apache-2.0"
SLOT="0"
KEYWORDS="~amd64 ~arm64"

RDEPEND="
	app-alternatives/awk
	net-misc/curl
"

src_install() {
	dosbin dist/azready
	newinitd units/openrc/azready azready
	systemd_dounit units/systemd/azready.service
	doman agent/manual/azready.8
	newbashcomp dist/completions/azready.bash azready
	dozshcomp dist/completions/_azready
	dofishcomp dist/completions/azready.fish
}
