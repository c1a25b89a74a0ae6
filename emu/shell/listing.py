"""The command lines of ss and hostname."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from emu.aio import context
from emu.apps import ss
from emu.shell.options import Usage, parse
from emu.wire.addr import ip_text

if TYPE_CHECKING:
    from emu.shell.call import Call

SS = {
    "tcp": "t", "udp": "u", "raw": "w", "unix": "x", "packet": "0", "all": "a", "listening": "l", "numeric": "n", "processes": "p", "no-header": "H",
    "oneline": "O", "summary": "s", "ipv4": "4", "ipv6": "6", "info": "i", "memory": "m", "extended": "e", "options": "o", "kill": "K", "events": "E",
    "resolve": "r", "version": "V", "query": "A", "socket": "A", "family": "f", "net": "N",
}  # fmt: skip
NOT_SHOWN = "xdMSZzbT0"  # kinds of sockets that no emulated program can have, and labels that none carries
QUERIES = {"all": "tuw", "inet": "tuw", "tcp": "t", "udp": "u", "raw": "w"}


async def run_ss(call: Call, words: list[str]) -> int:
    """ss [OPTIONS] [FILTER]."""
    flags, values, rest = parse("ss", words, "tuwxd0MSZzbTalnpHOs46imeoKErV", "AfNDF", SS)
    for letter in "imeoKEr":
        if letter in flags:
            raise Usage(f"emu: not emulated: ss -{letter}", 1)
    for letter in "NDF":
        if letter in values:
            raise Usage(f"emu: not emulated: ss -{letter} {values[letter]}", 1)
    if "V" in flags:
        call.write(b"ss utility, iproute2-6.1.0\n")
        return 0
    ns = context.netns()
    if "s" in flags:
        call.write(ss.summary(ns).encode())
        return 0
    kinds = "".join(letter for letter in "tuw" if letter in flags) or _query(values.get("A"))
    shown = [name for letter, name in (("t", "tcp"), ("u", "udp"), ("w", "raw")) if letter in kinds]
    others = ("6" in flags and "4" not in flags) or values.get("f", "inet") not in ("inet", "all")
    others = others or (not any(letter in flags for letter in "tuw") and any(letter in flags for letter in NOT_SHOWN))
    states = ss.ALL if "a" in flags else frozenset((ss.LISTEN, ss.CLOSE)) if "l" in flags else ss.DEFAULT
    try:
        states, wanted = ss.parse_filter(rest, states)
    except ss.FilterError as error:
        raise Usage(str(error), error.status) from None
    nothing: ss.Test = lambda row: False  # noqa: E731
    query = ss.Query(shown or ["tcp", "udp"], states, "n" in flags, "H" not in flags, "p" in flags, nothing if others else wanted)
    call.write(ss.show(ns, query, _users).encode())
    return 0


def _query(text: str | None, default: str = "tuw") -> str:
    if text is None:
        return default
    kinds = ""
    for word in text.split(","):
        if word not in QUERIES:
            raise Usage(f"emu: not emulated: ss -A {word}", 1)
        kinds += QUERIES[word]
    return kinds


def _users(owner: Any) -> str:
    """`users:(("nc",pid=5,fd=3))`."""
    process = getattr(owner, "_process", None)
    if process is None:
        return ""
    number = next((index for index, resource in enumerate(process.resources) if resource is owner), 0) + 3
    return f'users:(("{process.name}",pid={process.pid},fd={number}))'


def _in_hosts(call: Call) -> list[str]:
    """The line of /etc/hosts that has the machine's name: address, names; empty without one."""
    try:
        with open(call.path("/etc/hosts"), encoding="utf-8", errors="replace") as file:
            return next((words for line in file if call.hostname in (words := line.split("#")[0].split())[1:]), [])
    except OSError:
        return []


async def run_hostname(call: Call, words: list[str]) -> int:
    """hostname [-s|-f|-i|-I|-d|-A]."""
    flags, _, rest = parse("hostname", words, "sfiIdAyaF", "", {
        "short": "s", "fqdn": "f", "long": "f", "ip-address": "i", "all-ip-addresses": "I", "domain": "d", "all-fqdns": "A", "alias": "a",
    })  # fmt: skip
    if rest or "F" in flags or "y" in flags:
        raise Usage(f"emu: not emulated: hostname {' '.join(words)} (the machine is called {call.hostname})", 1)
    if "I" in flags:
        ns = context.netns()
        addresses = [ip_text(ifa.local) for device in ns.devices.values() if device.up and device is not ns.lo for ifa in device.addresses]
        call.write("".join(f"{address} " for address in addresses).encode() + b"\n")
    elif "i" in flags or "f" in flags:
        known = _in_hosts(call)
        if not known and "i" in flags:
            raise Usage("hostname: Name or service not known", 1)
        call.write(f"{(known or [call.hostname, call.hostname])[0 if 'i' in flags else 1]}\n".encode())
    elif "d" in flags or "a" in flags or "A" in flags:
        call.write(b"\n")
    else:
        call.write(f"{call.hostname}\n".encode())
    return 0
