"""Entry of the zipapp. This file alone must parse on every Python there is: the launcher may meet 2.7 or 3.5."""

import gc
import os
import sys
import zipimport


class Importer(zipimport.zipimporter):
    """Python's own compiles each module twice, the first time only to tell its file's name."""

    def get_filename(self, fullname):  # type: ignore[no-untyped-def]  # annotations do not parse on 2.7
        """The same name, from nothing but the zip's directory."""
        end = "/__init__.py" if self.is_package(fullname) else ".py"
        return "%s/%s%s%s" % (self.archive, self.prefix, fullname.rpartition(".")[2], end)


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


def import_from_zip():  # type: ignore[no-untyped-def]  # annotations do not parse on 2.7
    """Put the vendored urllib3 that suits this interpreter on the path, and our importer in front."""
    sys.path_hooks.insert(0, Importer)
    sys.path_importer_cache.pop(sys.path[0], None)
    generation = "2" if sys.version_info >= (3, 10) else "1"
    sys.path.insert(1, "%s/urllib3-%s" % (sys.path[0], generation))


def main():  # type: ignore[no-untyped-def]  # annotations do not parse on 2.7
    """Run.

    What fails here fails before the engine has taken over: then the launcher goes on with the shell engine.
    """
    occupy_standard_descriptors()  # type: ignore[no-untyped-call]
    if sys.version_info < (3, 7):
        sys.exit("azready: error: this Python is %d.%d; 3.7 or newer is needed" % sys.version_info[:2])
    # A run is over before garbage could be worth a search.
    gc.disable()
    # Nothing here speaks TLS or unpacks archives: so http.client does not load OpenSSL, nor shutil the others.
    sys.modules.update(dict.fromkeys(["ssl", "bz2", "lzma"]))  # type: ignore[arg-type]
    try:
        from azready.cli import main as run
    except ImportError as error:
        # Debian's python3-minimal, a Python that was built without zlib ...
        sys.exit("azready: error: this Python lacks a part of its standard library: %s" % error)
    # Nothing waits in a buffer, and to take all modules apart again would cost a tenth of the run.
    os._exit(run(sys.argv[1:]))


if __name__ == "__main__":
    import_from_zip()  # type: ignore[no-untyped-call]
    main()  # type: ignore[no-untyped-call]
