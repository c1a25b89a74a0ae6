"""The command line of socat."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emu.apps.socat import Options, Socat
from emu.shell.options import Usage

if TYPE_CHECKING:
    from emu.shell.call import Call

IGNORED = ("-d", "-dd", "-ddd", "-d0", "-ly", "-lf", "-ls", "-4")


async def run_socat(call: Call, words: list[str]) -> int:
    """socat [OPTIONS] ADDRESS ADDRESS."""
    left, right, linger = True, True, 0.5
    inactivity: float | None = None
    queue = list(words)
    while queue and queue[0].startswith("-") and queue[0] != "-":
        word = queue.pop(0)
        if word == "-u":
            right = False
        elif word == "-U":
            left = False
        elif word[:2] in ("-t", "-T", "-b"):
            value = word[2:] or (queue.pop(0) if queue else "")
            try:
                number = float(value)
            except ValueError:
                raise Usage(f"emu: not emulated: socat {word} {value}", 1) from None
            if word[1] == "t":
                linger = number
            elif word[1] == "T":
                inactivity = number or None
        elif word == "-V":
            call.write(b"socat by Gerhard Rieger and contributors - see www.dest-unreach.org\nsocat version 1.7.4.4\n")
            return 0
        elif word not in IGNORED:
            raise Usage(f"emu: not emulated: socat {word}", 1)

    def end(number: int) -> None:
        call.exit(128 + number)  # it catches the signal and exits
        if call.process is not None:
            call.process.kill()

    call.on_signal = end
    return await Socat(call, Options(left, right, linger, inactivity)).run(queue)
