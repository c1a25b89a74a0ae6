"""`emu trace`: the hop table of one exchange, its verdict, and what to change."""

from __future__ import annotations

import argparse
import json
import sys

from rich.text import Text

from emu.cli.cluster import build
from emu.cli.console import make_console
from emu.cli.errors import UserError, one_line
from emu.lab.ask.question import ask


def trace(options: argparse.Namespace) -> bool:
    """Ask, and print. Whether it was delivered. Raises UserError."""
    protocol = options.proto or ("http" if options.path is not None else "")
    path = options.path or "/"
    if not path.startswith("/"):
        raise UserError(f"--path {path!r} does not begin with /")
    with build(options, options.captures) as cluster:
        try:
            answer = ask(cluster, options.sender, options.receiver, protocol=protocol, path=path, namespace=options.namespace)
        except ValueError as error:
            raise UserError(one_line(error)) from None
    if options.json:
        print(json.dumps(answer.to_dict()))
        return answer.delivered
    console = make_console()
    if not options.quiet:
        answer.trace.show(console)
        sys.stdout.flush()
    console.print(Text(answer.verdict, "bold green" if answer.delivered else "bold red"))
    if answer.body and not options.quiet:
        console.print(Text(answer.body.rstrip("\n")))
    if answer.why is not None and answer.why.advice:
        console.print(Text(f"What to change: {answer.why.advice}"))
    return answer.delivered
