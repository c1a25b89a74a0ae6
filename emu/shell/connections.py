"""The command lines of arping, nc and python3 -m http.server."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emu.apps import arping
from emu.apps.file_server import FileServer
from emu.apps.nc import Options, nc
from emu.shell.options import Usage, parse

if TYPE_CHECKING:
    from emu.shell.call import Call

async def run_nc(call: Call, words: list[str]) -> int:
    """nc [OPTIONS] [HOST] [PORT[-PORT]]."""
    flags, values, rest = parse("nc", words, "ulkNzvndh4Cb", "pswqiT")
    listen = "l" in flags
    quit_after = float(values["q"]) if "q" in values else None
    options = Options(
        udp="u" in flags, listen=listen, keep="k" in flags, shut="N" in flags, scan="z" in flags, verbose="v" in flags, source=values.text("s", ""),
        port=0 if listen else values.whole("p"), wait=values.number("w") or None, quit_after=quit_after if quit_after is None or quit_after >= 0 else None,
        closed_input="d" in flags or "z" in flags, broadcast="b" in flags,
    )  # fmt: skip
    if listen:
        host, port = values.text("s", ""), values.text("p", "")
        if rest and not port:
            port = rest.pop()
        if rest:
            host = rest.pop()
        return await nc(call, host, _ports(port), options)
    if len(rest) != 2:
        raise Usage("usage: nc [-46CDdFhklNnrStUuvZz] [-I length] [-i interval] [-M ttl] [destination] [port]", 1)
    return await nc(call, rest[0], _ports(rest[1]), options)


def _ports(text: str) -> list[int]:
    first, dash, last = text.partition("-")
    if not first.isdigit() or (dash and not last.isdigit()):
        raise Usage(f"nc: port number invalid: {text}" if text else "nc: missing port with option -l", 1)
    ports = list(range(int(first), int(last or first) + 1))
    if not ports or ports[-1] > 65535:
        raise Usage(f"nc: port number too large: {text}", 1)
    return ports


def is_file_server(argv: list[str]) -> bool:
    """Whether a python's command line is one that is emulated."""
    words = [word for word in argv[1:] if word not in ("-u", "-I", "-E", "-B")]
    return words[:2] == ["-m", "http.server"] or words[:1] == ["-mhttp.server"]


async def run_file_server(call: Call, words: list[str]) -> int:
    """python3 -m http.server [-b ADDRESS] [-d FOLDER] [PORT]."""
    words = words[words.index("http.server") + 1 :] if "http.server" in words else words[1:]
    _, values, rest = parse("http.server", words, "", "bdp", {"bind": "b", "directory": "d", "protocol": "p"})
    port = rest[0] if rest else "8000"
    if not port.isdigit():
        raise Usage(f"server.py: error: argument port: invalid int value: '{port}'", 2)
    try:
        return await FileServer(call, values.text("b", "0.0.0.0"), int(port), call.path(values.text("d", "."))).serve()
    except OSError as error:
        raise Usage(f"OSError: [Errno {error.errno}] {error.strerror}", 1) from None


async def run_arping(call: Call, words: list[str]) -> int:
    """arping [OPTIONS] ADDRESS."""
    flags, values, rest = parse("arping", words, "DUAfqb", "cwIis")
    if len(rest) != 1 or not rest[0].replace(".", "").isdigit():
        raise Usage(f"arping: {rest[0]}: Name or service not known" if rest else "arping: destination address required", 2)
    if "I" not in values:
        raise Usage("emu: not emulated: arping without -I", 2)
    options = arping.Options(
        values["I"], values.whole("c"), values.number("w") if "w" in values else None, values.number("i", 1.0), values.text("s", ""), "D" in flags,
        "f" in flags, "b" in flags, "U" in flags, "A" in flags, "q" in flags,
    )  # fmt: skip
    try:
        probe = arping.Arping(rest[0], options)
    except ValueError:
        raise Usage(f"arping: {rest[0]}: Name or service not known", 2) from None
    call.on_signal = lambda number: probe.stop()
    return await probe.run()
