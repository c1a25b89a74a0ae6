"""What may stand on the command line."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import NoReturn

from emu import __version__
from emu.cli.cluster_arguments import add_cluster, add_exec, add_matrix, add_shell, add_trace, seed
from emu.cli.errors import UserError

EPILOG = """\
examples:
  emu run tour                          all stories, captures in captures/<name>/
  emu run pod-to-service --seed 7       the same story with other random choices
  emu run pod-to-service --json | jq    the hops as data
  emu run tour --quiet --no-captures    only the verdicts
  emu export pod-to-service -o s.sh     the story as a shell script, for `emu sh` or a real Linux machine
  emu trace -f app.yaml pod/client svc/web:80     who takes it, by what way, or why nobody does
  emu matrix -f app.yaml                who reaches whom, and why not
  emu exec -f app.yaml node1 -- iptables-save     one of Linux's commands on a node or in a pod
  emu shell -f app.yaml                 a shell in the live cluster, with kubectl
  emu sh script.sh                      an ordinary shell script with ip, iptables, ping..., on the emulated network
  emu sh --cluster app.yaml script.sh   the same in a cluster, with kubectl

exit status: 0 the stories went as told, 1 one did not, 2 bad usage or input; of `emu sh`, `shell` and `exec`: the script's, the command's
"""


class Parser(argparse.ArgumentParser):
    """An ArgumentParser whose complaints are one line, and ours to print."""

    def error(self, message: str) -> NoReturn:
        """Raise UserError instead of printing the usage."""
        raise UserError(f"{' '.join(message.split())} (see {self.prog} --help)")


def folder(text: str) -> str:
    """A path that is not empty."""
    if not text or "\0" in text:
        raise argparse.ArgumentTypeError(f"{text!r} is not a folder's name")
    return text


def file(text: str) -> str:
    """A path that is not empty."""
    if not text or "\0" in text:
        raise argparse.ArgumentTypeError(f"{text!r} is not a file's name")
    return text


def parser() -> Parser:
    """The whole command line."""
    raw = argparse.RawDescriptionHelpFormatter
    about = "A Kubernetes cluster's network, frame by frame, captured and explained."
    top = Parser(prog="emu", description=about, epilog=EPILOG, formatter_class=raw, allow_abbrev=False)
    top.add_argument("--version", action="version", version=f"emu {__version__}")
    commands = top.add_subparsers(dest="command", metavar="COMMAND", title="commands", parser_class=Parser)
    commands.add_parser("list", help="the stories that can be run", description="List the stories that can be run.", allow_abbrev=False)
    about = "Run stories and tell them hop by hop."
    run = commands.add_parser("run", help="tell one story or several", description=about, epilog=EPILOG, formatter_class=raw, allow_abbrev=False)
    run.add_argument("names", nargs="+", metavar="NAME", help="a story's name (see `emu list`), or `tour` for all")
    captures = run.add_mutually_exclusive_group()
    captures.add_argument("--captures", metavar="DIR", type=folder, help="where captures go (default: captures/NAME); with several stories DIR/NAME each")
    captures.add_argument("--no-captures", action="store_true", help="write no captures")
    run.add_argument("--seed", metavar="N", type=seed, default=0, help="what all random choices follow from (default: 0)")
    run.add_argument("--json", action="store_true", help="print one JSON document and nothing else")
    run.add_argument("--quiet", action="store_true", help="print the verdicts only")
    about = "Run a shell script: bash is the real one, ip, bridge, iptables, ping and all else that has to do with the network is emulated."
    sh = commands.add_parser("sh", help="run a shell script on the emulated network", description=about, allow_abbrev=False)
    sh.add_argument("--captures", metavar="DIR", type=folder, help="where captures go (default: captures/SCRIPT without its suffix, captures/sh for a shell)")
    sh.add_argument("--no-captures", action="store_true", help="write no captures")
    add_cluster(sh, "--cluster")
    sh.add_argument("--hops", action="store_true", help="print the hop table of each command that sends")
    sh.add_argument("script", nargs="?", metavar="SCRIPT", help="none: an interactive shell")
    sh.add_argument("arguments", nargs=argparse.REMAINDER, metavar="ARGS", help="the script's arguments")
    about = "Print a story as a shell script: the cluster built step by step as Kubernetes' parts build it, then everything that is done in it."
    export = commands.add_parser("export", help="print a story as a shell script", description=about, allow_abbrev=False)
    export.add_argument("name", metavar="NAME", help="a story's name (see `emu list`)")
    export.add_argument("-o", "--output", metavar="FILE", type=file, help="write it there, ready to run, instead of printing it")
    export.add_argument("--seed", metavar="N", type=seed, default=0, help="what all random choices follow from (default: 0)")
    add_trace(commands)
    add_matrix(commands)
    add_exec(commands)
    add_shell(commands)
    return top


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """The options. Raises UserError; `--help` and `--version` print and raise SystemExit, as argparse does."""
    top = parser()
    words: list[str] | None = None
    if argv[:1] == ["exec"] and "--" in argv:
        cut = list(argv).index("--")
        argv, words = argv[:cut], list(argv[cut + 1 :])
    options = top.parse_args(argv)
    if options.command == "exec":
        if not words:
            top.error("a command is missing: emu exec NODE|POD -- COMMAND...")
        options.words = words
    if options.command is None:
        top.error("a command is missing: list, run, trace, matrix, exec, shell, export or sh")
    return options
