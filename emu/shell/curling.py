"""The command line of curl."""

from __future__ import annotations

import os
from base64 import b64encode
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from emu.aio.context import netns
from emu.apps.curl import Request, curl
from emu.shell.call import STDIN
from emu.shell.options import Usage, Values, parse
from emu.wire.addr import ip_int

if TYPE_CHECKING:
    from emu.shell.call import Call

FLAGS = "sSvifI#0gkNLOGj"
VALUES = "owm1234HXd5AbeuT6789RqUx"
LONG = {
    "silent": "s", "show-error": "S", "verbose": "v", "output": "o", "write-out": "w", "max-time": "m", "connect-timeout": "1", "interface": "2",
    "local-port": "3", "resolve": "4", "header": "H", "request": "X", "data": "d", "data-raw": "R", "data-binary": "9", "data-urlencode": "U", "include": "i",
    "head": "I", "fail": "f", "ipv4": "g", "user-agent": "A", "noproxy": "5", "no-progress-meter": "#", "http1.1": "0", "http1.0": "0", "location": "L",
    "insecure": "k", "no-buffer": "N", "remote-name": "O", "get": "G", "retry": "6", "retry-delay": "7", "retry-max-time": "5", "retry-connrefused": "j",
    "max-redirs": "8", "cookie": "b", "referer": "e", "user": "u", "upload-file": "T", "url": "q", "no-keepalive": "#", "compressed": "#",
}  # fmt: skip
HELP = "curl: try 'curl --help' or 'curl --manual' for more information"


async def run_curl(call: Call, words: list[str]) -> int:
    """curl [OPTIONS] URL..."""
    many: list[tuple[str, str]] = []
    flags, values, rest = parse("curl", words, FLAGS, VALUES, LONG, many)
    urls = rest + [value for letter, value in many if letter == "q"]
    if not urls:
        raise Usage(HELP, 2)
    if "x" in values:
        raise Usage("emu: not emulated: curl -x (a proxy)", 2)
    source, interface = _interface(values.text("2", ""))
    request = Request(
        "", values.text("X", ""), silent="s" in flags, show_error="S" in flags, verbose="v" in flags, include="i" in flags, head="I" in flags,
        fail="f" in flags, write_out=values.text("w", ""), limit=_seconds(values, "m", "max-time"), connect_limit=_seconds(values, "1", "connect-timeout"),
        source=source, interface=interface, local_ports=_local_ports(values.text("3", "")), follow="L" in flags, get="G" in flags,
        retries=values.whole("6"), retry_delay=values.number("7"), retry_refused="j" in flags, most_redirects=values.whole("8", 50),
    )  # fmt: skip
    if "u" in values:
        request.headers.append(("Authorization", "Basic " + b64encode(values["u"].encode()).decode()))
    for letter, name in (("A", "User-Agent"), ("e", "Referer"), ("b", "Cookie")):
        if letter in values:
            request.headers.append((name, values[letter]))
    for option, value in many:
        if option == "H":
            name, _, content = value.partition(":")
            request.headers.append((name.strip(), content.strip()))
        elif option == "4":
            parts = value.split(":")
            if len(parts) != 3 or not parts[1].isdigit():
                raise Usage(f"curl: (49) Couldn't parse CURLOPT_RESOLVE entry '{value}'", 49)
            request.resolve[parts[0], int(parts[1])] = parts[2]
        elif option in "dR9U":
            data = await _content(call, option, value)
            request.data = data if request.data is None else request.data + b"&" + data
    if "T" in values:
        request.upload = await _read(call, values["T"], "T")
    outputs = [value for letter, value in many if letter == "o"]
    status = 0
    for index, url in enumerate(urls):
        output = outputs[index] if index < len(outputs) else ""
        if "O" in flags and not output:
            output = os.path.basename(urlsplit(url).path)
            if not output:
                raise Usage("curl: Remote file name has no length!\ncurl: (23) Failed writing received data to disk/application", 23)
        status = await curl(call, replace(request, url=url, output="" if output == "-" else output))
    return status


def _interface(text: str) -> tuple[str, str]:
    """(address, device)."""
    name = text.removeprefix("if!").removeprefix("host!")
    if not name:
        return "", ""
    if name in netns().devices:
        return "", name
    try:
        ip_int(name)
    except ValueError:
        raise Usage(f"curl: (45) Couldn't bind to '{name}'", 45) from None
    return name, ""


def _local_ports(text: str) -> tuple[int, int]:
    first, dash, last = text.partition("-")
    if not text:
        return 0, 0
    if not first.isdigit() or (dash and not last.isdigit()):
        raise Usage(f"curl: option --local-port: expected a proper numerical parameter\n{HELP}", 2)
    return int(first), int(last) if dash else int(first)


def _seconds(values: Values, letter: str, name: str) -> float | None:
    try:
        return values.number(letter) or None
    except Usage:
        raise Usage(f"curl: option --{name}: expected a proper numerical parameter\n{HELP}", 2) from None


async def _content(call: Call, option: str, value: str) -> bytes:
    if option == "U":
        name, equals, content = value.partition("=")
        return (f"{name}={quote(content, safe='')}" if equals and name else quote(content if equals else value, safe="")).encode()
    if not value.startswith("@") or option == "R":
        return value.encode("utf-8", "surrogateescape")
    data = await _read(call, value[1:], "d")
    return data if option == "9" else data.replace(b"\r", b"").replace(b"\n", b"")


async def _read(call: Call, name: str, option: str) -> bytes:
    if name in STDIN:
        data = b""
        while more := await call.read():
            data += more
        return data
    try:
        return _file(call.path(name))
    except OSError:
        if option == "T":
            raise Usage(f"curl: Can't open '{name}'!\n{HELP}", 26) from None
        raise Usage(f"curl: Failed to open {name}\ncurl: option -d: error encountered when reading a file", 26) from None


def _file(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()
