"""`emu exec`: one of Linux's commands on a node or in a pod."""

from __future__ import annotations

import argparse
import sys

from emu.cli.cluster import build
from emu.cli.errors import UserError, one_line
from emu.net.netns import NetError
from emu.shell import direct
from emu.shell.in_cluster import ClusterCommands


def run_command(options: argparse.Namespace) -> int:
    """Run it; its exit status. Raises UserError."""
    with build(options) as cluster:
        try:
            with ClusterCommands(cluster, namespace=options.namespace) as commands:
                netns = commands.place(options.place)
                sys.stdout.flush()
                return direct.run(commands, options.words, netns)
        except (NetError, ValueError) as error:
            raise UserError(one_line(error)) from None
