"""`python3 -m emu.apps.NAME`: the emulator's own programs, which run on a real machine too, as emulated processes."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from importlib import import_module
from typing import TYPE_CHECKING, Any

from emu.shell.options import Usage

if TYPE_CHECKING:
    from emu.shell.call import Call

PACKAGE = "emu.apps."
NAMES = ("dns_server", "echo", "http_client", "http_server", "probe", "service_health")
PYTHON_FLAGS = ("-u", "-I", "-E", "-B", "-P")


def find(argv: list[str]) -> Callable[[Call, list[str]], Coroutine[Any, Any, int]] | None:
    """The program of a python's command line; None if it is not one of `emu.apps`. Raises Usage for one that is no program."""
    words = argv[1:]
    while words and words[0] in PYTHON_FLAGS:
        words = words[1:]
    if len(words) < 2 or words[0] != "-m" or not words[1].startswith(PACKAGE):
        return None
    name = words[1].removeprefix(PACKAGE)
    if name not in NAMES:
        raise Usage(f"emu: not emulated: python3 -m {words[1]}; there are {', '.join(NAMES)}", 1)
    main = import_module(words[1]).main

    async def program(call: Call, _: list[str]) -> int:
        return int(await main(words[2:], call))

    return program
