"""Real machines in an Azure of their own: QEMU, Debian's kernel, the inits as process 1, real DHCP, real addresses."""
