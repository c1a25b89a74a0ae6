"""The command line: `emu list`, `run`, `trace`, `matrix`, `exec`, `shell`, `sh`, `export`. Only what a command needs is imported, and only when it runs."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from errno import ENOSPC

from emu.cli.arguments import parse
from emu.cli.errors import UserError

OK, FAILED, USAGE = 0, 1, 2
INTERRUPTED, BROKEN_PIPE = 128 + 2, 128 + 13  # what a shell reports for a program that SIGINT or SIGPIPE ended


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status. What a user did wrong is one line on stderr, what we did wrong is a traceback."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a terminal without UTF-8 gets question marks, not a traceback
    try:
        status = _dispatch(sys.argv[1:] if argv is None else argv)
        if sys.stdout is not None:  # `>&-`
            sys.stdout.flush()
    except UserError as error:
        print(f"emu: {error}", file=sys.stderr)
        return USAGE
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        _forget_output()
        return BROKEN_PIPE
    except OSError as error:
        if error.errno != ENOSPC or error.filename is not None:
            raise
        _forget_output()
        print(f"emu: cannot write the output: {error.strerror}", file=sys.stderr)
        return USAGE
    return status


def _forget_output() -> None:
    """Nobody gets what we print any more. The interpreter flushes stdout once more at its end, which must not complain."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _dispatch(argv: Sequence[str]) -> int:
    options = parse(argv)
    if options.command == "list":
        from emu.cli.catalog import list_stories

        list_stories()
        return OK
    if options.command == "sh":
        from emu.cli.shell import run_script

        return run_script(options)
    if options.command == "shell":
        from emu.cli.shell import run_shell

        return run_shell(options)
    if options.command == "exec":
        from emu.cli.exec import run_command

        return run_command(options)
    if options.command == "trace":
        from emu.cli.trace import trace

        return OK if trace(options) else FAILED
    if options.command == "matrix":
        from emu.cli.matrix import matrix

        return OK if matrix(options) else FAILED
    if options.command == "export":
        from emu.cli.export import export_story

        export_story(options)
        return OK
    from emu.cli.run import run_stories

    return OK if run_stories(options) else FAILED
