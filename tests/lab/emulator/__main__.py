"""`python3 -m lab.emulator`: the command line."""

from __future__ import annotations

import sys

from lab.emulator.cli import main

if __name__ == "__main__":
    sys.exit(main())
