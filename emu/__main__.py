"""`python -m emu`: the command line."""

from __future__ import annotations

import sys

if __name__ == "__main__":
    from emu.cli import main

    sys.exit(main())
