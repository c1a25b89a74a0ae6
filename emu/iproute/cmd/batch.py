"""`-batch FILE` of `ip` and `bridge`."""

from __future__ import annotations

import shlex
from collections.abc import Callable

from emu.iproute.cmd.answers import refused
from emu.iproute.cmd.invocation import Invocation, Stop
from emu.iproute.cmd.options import Options
from emu.iproute.cmd.words import Words
from emu.net.netns import NetError


def run_batch(call: Invocation, options: Options, path: str, do: Callable[[Invocation, Options, Words], int], refusal: int = 2) -> int:
    """do_batch: `do` for one command a line; it ends at the first that fails, or with -force at the end, with status 1."""
    try:
        text = call.stdin if path == "-" else call.read(path)
    except OSError as error:
        raise Stop(f'Cannot open file "{path}" for reading: {error.strerror}\n', 1) from None
    ns, status = call.ns, 0
    for number, line in enumerate(text.replace("\\\n", " ").splitlines(), 1):
        try:
            words = shlex.split(line, comments=True)
        except ValueError:
            raise Stop("Unterminated quoted string\n", 1) from None
        if not words:
            continue
        call.ns = ns
        try:
            failed = do(call, options, Words(words))
        except NetError as error:
            call.err.append(refused(error).text)
            failed = refusal
        except Stop as stop:
            if stop.status == 255 and refusal == 2:  # a word nobody knows ends the program, whatever -force says
                raise
            call.err.append(stop.text)
            failed = stop.status
        if failed:
            call.err.append(f"Command failed {path}:{number}\n")
            status = 1
            if not options.force:
                break
    return status
