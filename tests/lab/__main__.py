"""`python3 -m lab`, and `python3 azready-lab.pyz`: the command line."""

from __future__ import annotations

import sys

from lab.cli import main

if __name__ == "__main__":
    sys.exit(main())
