"""`emu sh`: a script, or a shell to type in."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from emu.cli.errors import UserError, one_line


def run_script(options: argparse.Namespace) -> int:
    """Run it; the script's exit status. Raises UserError."""
    script: str | None = options.script
    if script is not None and (refused := _why_not(script)) is not None:
        print(f"emu: {script}: {refused[0]}", file=sys.stderr)
        return refused[1]
    captures = None
    if not options.no_captures:
        captures = Path(options.captures or Path("captures", Path(script).stem if script is not None else "sh"))
    # The emulator takes a moment to import.
    from emu.net.bridge_loop import BridgeLoop
    from emu.pcap.file import CaptureError
    from emu.shell.sh import FenceError, run

    try:
        return run(script, options.arguments, captures, options.seed, options.hops)
    except (CaptureError, FenceError, BridgeLoop) as error:
        raise UserError(one_line(error)) from None


def _why_not(script: str) -> tuple[str, int] | None:
    """Why the file cannot be run, and the status that bash gives for that."""
    try:
        os.close(os.open(script, os.O_RDONLY | os.O_NONBLOCK))
    except FileNotFoundError as error:
        return str(error.strerror), 127
    except OSError as error:
        return str(error.strerror), 126
    return ("Is a directory", 126) if Path(script).is_dir() else None
