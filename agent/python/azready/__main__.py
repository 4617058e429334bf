"""Entry of the zipapp. This file alone must parse on every Python there is: the launcher may meet 2.7 or 3.5."""

import os
import sys


def occupy_standard_descriptors():  # type: ignore[no-untyped-def]  # annotations do not parse on 2.7
    """Open 0, 1 and 2 where they are closed: else a file would get such a number, and our log written into it."""
    while True:
        try:
            handle = os.open(os.devnull, os.O_RDWR)
        except OSError:
            # A root without /dev.
            handle = os.open("/", os.O_RDONLY)
        if handle > 2:
            os.close(handle)
            return
        # Python 3 would close it in a program that is started.
        getattr(os, "set_inheritable", lambda *_: None)(handle, True)


def main():  # type: ignore[no-untyped-def]  # annotations do not parse on 2.7
    """Put the vendored urllib3 that suits this interpreter on the path, then run.

    What fails here fails before the engine has taken over: then the launcher goes on with the shell engine.
    """
    occupy_standard_descriptors()  # type: ignore[no-untyped-call]
    if sys.version_info < (3, 7):
        sys.exit("azready: error: this Python is %d.%d; 3.7 or newer is needed" % sys.version_info[:2])
    generation = "2" if sys.version_info >= (3, 10) else "1"
    sys.path.insert(1, "%s/urllib3-%s" % (sys.path[0], generation))
    # Nothing here speaks TLS or unpacks archives: so http.client does not load OpenSSL, nor shutil the others.
    sys.modules.update(dict.fromkeys(["ssl", "bz2", "lzma"]))  # type: ignore[arg-type]
    try:
        from azready.cli import main as run
    except ImportError as error:
        # Debian's python3-minimal, a Python that was built without zlib ...
        sys.exit("azready: error: this Python lacks a part of its standard library: %s" % error)
    return run(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())  # type: ignore[no-untyped-call]
