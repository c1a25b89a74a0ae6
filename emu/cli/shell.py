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
    if options.filename or options.nodes is not None:
        return in_cluster(options, script, options.arguments, captures)
    # The emulator takes a moment to import.
    from emu.net.bridge_loop import BridgeLoop
    from emu.pcap.file import CaptureError
    from emu.shell.sh import FenceError, run

    try:
        return run(script, options.arguments, captures, options.seed, options.hops)
    except (CaptureError, FenceError, BridgeLoop) as error:
        raise UserError(one_line(error)) from None


def run_shell(options: argparse.Namespace) -> int:
    """`emu shell`: a shell in a cluster; its exit status. Raises UserError."""
    return in_cluster(options, None, [], None if options.no_captures else Path(options.captures or "captures/shell"))


def in_cluster(options: argparse.Namespace, script: str | None, arguments: list[str], captures: Path | None) -> int:
    """Run a script, or a shell, in the cluster of the options. Raises UserError."""
    from emu.cli.cluster import build
    from emu.net.bridge_loop import BridgeLoop
    from emu.net.netns import NetError
    from emu.pcap.file import CaptureError
    from emu.shell.in_cluster import ClusterCommands
    from emu.shell.sh import FenceError, serve

    cluster = build(options, str(captures) if captures is not None else None)
    try:
        with ClusterCommands(cluster, options.hops, options.namespace) as commands:
            return serve(commands, script, arguments, cluster)
    except (CaptureError, FenceError, BridgeLoop, NetError) as error:
        raise UserError(one_line(error)) from None
    finally:
        cluster.close()


def _why_not(script: str) -> tuple[str, int] | None:
    """Why the file cannot be run, and the status that bash gives for that."""
    try:
        os.close(os.open(script, os.O_RDONLY | os.O_NONBLOCK))
    except FileNotFoundError as error:
        return str(error.strerror), 127
    except OSError as error:
        return str(error.strerror), 126
    return ("Is a directory", 126) if Path(script).is_dir() else None
