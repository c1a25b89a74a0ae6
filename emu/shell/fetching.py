"""The command lines of wget and tracepath."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emu.apps.tracepath import tracepath
from emu.apps.wget import Request, Wget
from emu.shell.options import Usage, parse

if TYPE_CHECKING:
    from emu.shell.call import Call

WGET = {
    "quiet": "q", "no-verbose": "#", "output-document": "O", "timeout": "T", "connect-timeout": "T", "read-timeout": "T", "dns-timeout": "5", "tries": "t",
    "spider": "0", "server-response": "S", "header": "1", "post-data": "2", "method": "3", "bind-address": "4", "max-redirect": "6", "no-proxy": "7",
    "no-check-certificate": "7", "no-cache": "7", "verbose": "v", "inet4-only": "g", "user-agent": "U", "body-data": "2", "waitretry": "5", "wait": "5",
    "retry-connrefused": "7", "no-hsts": "7", "show-progress": "7", "progress": "5",
}  # fmt: skip


async def run_wget(call: Call, words: list[str]) -> int:
    """wget [OPTIONS] URL..."""
    many: list[tuple[str, str]] = []
    terse = "-nv" in words
    flags, values, urls = parse("wget", [word for word in words if word != "-nv"], "q#0S7vg4", "OT12345t6U", WGET, many)
    if not urls:
        raise Usage("wget: missing URL\nUsage: wget [OPTION]... [URL]...\n\nTry `wget --help' for more options.", 1)
    request = Request(
        values.text("O", ""), "q" in flags, terse or "#" in flags, "0" in flags, "S" in flags, values.number("T") or None, values.whole("t", 20),
        values.text("3", ""), [], values["2"].encode("utf-8", "surrogateescape") if "2" in values else None, values.text("4", ""), values.whole("6", 20),
    )  # fmt: skip
    for letter, value in many:
        if letter == "1":
            name, _, content = value.partition(":")
            request.headers.append((name.strip(), content.strip()))
        elif letter == "U":
            request.headers.append(("User-Agent", value))
    status = 0
    for url in urls:
        status = max(status, await Wget(call, request).run(url))
    return status


async def run_tracepath(call: Call, words: list[str]) -> int:
    """tracepath [OPTIONS] HOST. Names of addresses are not looked up: as with -n."""
    flags, values, rest = parse("tracepath", words, "4nb", "lmp")
    if not 1 <= len(rest) <= 2:
        raise Usage("tracepath: wrong number of arguments\nemu: not emulated: tracepath's list of its options", 255)
    host, slash, port = rest[0].partition("/")
    port_text = port if slash else rest[1] if len(rest) > 1 else ""
    if port_text and not port_text.isdigit():
        raise Usage(f"tracepath: invalid argument: '{port_text}'", 1)
    if "b" in flags:
        raise Usage("emu: not emulated: tracepath -b", 1)
    length = values.whole("l")
    if "l" in values and not 28 <= length <= 65535:
        raise Usage(f"tracepath: invalid argument: '{values['l']}': out of range: 28 <= value <= 65535", 1)
    return await tracepath(host, values.whole("m", 30), length, int(port_text) if port_text else values.whole("p"))
