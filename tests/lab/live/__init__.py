"""azready, live in any unpacked root file system: namespaces of its own, Azure's addresses, a boot, another boot."""
