"""`emu sh`: a script, or a shell to type in."""

from __future__ import annotations

import argparse
from pathlib import Path

from emu.cli.errors import UserError, one_line


def run_script(options: argparse.Namespace) -> int:
    """Run it; the script's exit status. Raises UserError."""
    script: str | None = options.script
    if script is not None and not Path(script).exists():
        raise UserError(f"{script}: No such file or directory")
    if script is not None and Path(script).is_dir():
        raise UserError(f"{script}: Is a directory")
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
