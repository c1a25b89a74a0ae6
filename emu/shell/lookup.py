"""The command lines of dig, host, nslookup and getent, and the names that every other program of the script is given."""

from __future__ import annotations

import socket
from contextlib import suppress
from contextvars import ContextVar
from dataclasses import replace
from typing import TYPE_CHECKING

from emu.aio.context import netns
from emu.apps import dns, resolv
from emu.apps.dig import SECTIONS, Dig, Query
from emu.apps.host import host, nslookup
from emu.shell.call import NETNS, Call
from emu.shell.options import Usage, parse
from emu.wire.addr import ip_int

if TYPE_CHECKING:
    from emu.aio.loop import Loop
    from emu.net.netns import Namespace

current_call: ContextVar[Call | None] = ContextVar("current_call", default=None)
REFUSED = (
    "tcp", "vc", "trace", "dnssec", "multiline", "crypto", "nsid", "subnet", "identify", "rrcomments", "qr", "yaml", "tls", "https", "cd", "cdflag",
)  # fmt: skip
DATABASES = ("hosts", "ahosts", "ahostsv4", "ahostsv6")
DIG_USAGE = """\
Usage:  dig [@global-server] [domain] [q-type] [q-class] {q-opt}
            {global-d-opt} host [@local-server] {local-d-opt}
            [ host [@local-server] {local-d-opt} [...]]

Use "dig -h" (or "dig -h | more") for complete list of options"""


def resolver(call: Call) -> resolv.Resolver:
    """By the script's files; those in /etc/netns/NAME go before those in /etc, as `ip netns exec` mounts them."""
    ns = netns()
    conf = resolv.ResolvConf.parse(_read(call, "resolv.conf"))
    return resolv.Resolver(conf, ns.sim.stream(f"dns {ns.name}"), resolv.parse_hosts(_read(call, "hosts")), (dns.A, dns.AAAA))


def _read(call: Call, name: str) -> str:
    space = call.env.get(NETNS, "")
    for path in ([f"/etc/netns/{space}/{name}"] if space else []) + [f"/etc/{name}"]:
        try:
            with open(call.path(path), encoding="utf-8", errors="surrogateescape") as file:
                return file.read()
        except OSError:
            continue
    return ""


def install(loop: Loop, ns: Namespace) -> None:
    """Have programs in this namespace look names up as the C library does."""
    loop.resolver.lookups.setdefault(ns, _lookup)


async def _lookup(name: str) -> list[str]:
    call = current_call.get()
    return await resolver(call).lookup(name) if call is not None else []


def _server(call: Call, text: str) -> str:
    try:
        ip_int(text)
    except ValueError:
        known = resolver(call).in_hosts(text)
        if known is None:
            raise LookupError(text) from None
        return known[0][0]
    return text


# -- dig


async def run_dig(call: Call, words: list[str]) -> int:
    """dig [@SERVER] [OPTIONS] [NAME] [TYPE] [+FLAG...]."""
    query = Query()
    server_text, named, typed = "", False, False
    queue = list(words)

    def value(word: str, option: str) -> str:
        if rest := word.removeprefix(option):
            return rest
        if not queue:
            raise Usage(f"{option}: option requires an argument\n{DIG_USAGE}", 1)
        return queue.pop(0)

    while queue:
        word = queue.pop(0)
        if word.startswith("@"):
            server_text = word[1:]
        elif word.startswith("+"):
            _flag(query, word)
        elif word.startswith("-x"):
            try:
                query.name, query.type = dns.reverse_name(value(word, "-x")), dns.PTR
            except ValueError:
                raise Usage("Invalid IP address", 1) from None
            named = typed = True
        elif word.startswith("-p"):
            query.port = _whole(value(word, "-p"))
        elif word.startswith("-t"):
            query.type, typed = _type(value(word, "-t")), True
        elif word.startswith("-q"):
            query.name, named = value(word, "-q"), True
        elif word.startswith("-b"):
            address, _, port = value(word, "-b").partition("#")
            query.local = (address, _whole(port or "0"))
        elif word in ("-4", "-u", "-r"):
            pass
        elif word.startswith("-"):
            raise Usage(f"emu: not emulated: dig {word}", 1)
        elif word.upper() in dns.NUMBERS and (named or not typed) and word.upper() != "OPT":
            query.type, typed = dns.NUMBERS[word.upper()], True
        elif word.upper() in ("IN", "CH", "HS"):
            if word.upper() != "IN":
                raise Usage(f"emu: not emulated: dig of class {word}", 1)
        elif named:
            raise Usage("emu: not emulated: dig with several names", 1)
        else:
            query.name, named = word, True
    if named and not typed:
        query.type = dns.A
    if server_text:
        try:
            query.server = _server(call, server_text)
        except LookupError:
            raise Usage(f"dig: couldn't get address for '{server_text}': not found", 1) from None
    return await Dig(call, resolver(call), words).run(query, server_text)


def _flag(query: Query, word: str) -> None:
    name, _, value = word[1:].partition("=")
    on = not name.startswith("no") or name == "nonsense"
    base = name if on else name[2:]
    if base == "all":
        query.shown = dict.fromkeys(SECTIONS, on)
    elif base in SECTIONS:
        query.shown[base] = on
    elif base == "short":
        query.short = on
    elif base in ("search", "defname"):
        query.search = on
    elif base in ("recurse", "rec", "rdflag"):
        query.recurse = on
    elif base == "edns":
        query.edns = on
    elif base == "cookie":
        query.cookie = on
    elif base in ("time", "timeout"):
        query.timeout = float(_whole(value)) or 1.0
    elif base == "tries":
        query.tries = max(_whole(value), 1)
    elif base == "retry":
        query.tries = _whole(value) + 1
    elif base in ("ttlid", "class", "fail", "ignore", "ttlunits", "idnout", "idnin", "adflag", "bufsize") and on:
        pass
    elif base in REFUSED:
        raise Usage(f"emu: not emulated: dig {word}", 1)
    else:
        raise Usage(f"Invalid option: {word}\n{DIG_USAGE}", 1)


def _whole(text: str) -> int:
    if not text.isdigit():
        raise Usage(f"Couldn't parse port number '{text}'", 1)
    return int(text)


def _type(text: str) -> int:
    found = dns.NUMBERS.get(text.upper())
    if found is None:
        raise Usage(f";; Warning, ignoring invalid type {text}", 1)
    return found


# -- host, nslookup


async def run_host(call: Call, words: list[str]) -> int:
    """host [OPTIONS] NAME [SERVER]."""
    flags, values, rest = parse("host", words, "4rs", "tWRpN", {}, None)
    if not 1 <= len(rest) <= 2 or "s" in flags:
        raise Usage("Usage: host [-aCdilrTvVw] [-c class] [-N ndots] [-t type] [-W time]\n            [-R number] [-m flag] [-p port] hostname [server]", 1)
    found = resolver(call)
    if "W" in values:
        found.conf = replace(found.conf, timeout=values.number("W") or 1.0)
    if "R" in values:
        found.conf = replace(found.conf, attempts=values.whole("R") + 1)
    if "N" in values:
        found.conf = replace(found.conf, ndots=values.whole("N"))
    try:
        server = _server(call, rest[1]) if len(rest) > 1 else ""
    except LookupError:
        raise Usage(f"host: couldn't get address for '{rest[1]}': not found", 1) from None
    kind = _type(values["t"]) if "t" in values else None
    return await host(call, found, rest[0], kind, server, values.whole("p") or resolv.PORT)


async def run_nslookup(call: Call, words: list[str]) -> int:
    """nslookup [-OPTION=VALUE...] NAME [SERVER]."""
    kind: int | None = None
    rest: list[str] = []
    port = resolv.PORT
    found = resolver(call)
    for word in words:
        name, _, value = word[1:].partition("=")
        if not word.startswith("-"):
            rest.append(word)
        elif name in ("type", "querytype", "query", "ty", "q"):
            kind = _type(value)
        elif name == "port":
            port = _whole(value)
        elif name == "timeout":
            found.conf = replace(found.conf, timeout=float(_whole(value)) or 1.0)
        elif name == "retry":
            found.conf = replace(found.conf, attempts=_whole(value) or 1)
        elif name not in ("debug", "nodebug", "recurse", "search", "novc"):
            raise Usage(f"emu: not emulated: nslookup {word}", 1)
    if not 1 <= len(rest) <= 2:
        raise Usage("emu: not emulated: nslookup without a name (a conversation)", 1)
    try:
        server = _server(call, rest[1]) if len(rest) > 1 else ""
    except LookupError:
        raise Usage(f"nslookup: couldn't get address for '{rest[1]}': not found", 1) from None
    return await nslookup(call, found, rest[0], kind, server, port)


# -- getent


def is_emulated(argv: list[str]) -> bool:
    """Whether a getent's command line asks about the network."""
    return len(argv) > 1 and argv[1] in DATABASES


async def run_getent(call: Call, words: list[str]) -> int:
    """getent hosts|ahosts|ahostsv4 KEY...; other databases are the real one's business."""
    if len(words) < 2:
        lines = [f"{address:<15} {' '.join(names)}" for address, names in resolver(call).hosts]
        call.write("".join(f"{line}\n" for line in lines).encode())
        return 0
    status = 0
    for key in words[1:]:
        try:
            lines = await _entries(resolver(call), words[0], key)
        except socket.gaierror:
            lines = []
        call.write("".join(f"{line}\n" for line in lines).encode())
        status = status if lines else 2
    return status


async def _entries(found: resolv.Resolver, database: str, key: str) -> list[str]:
    try:
        ip_int(key)
    except ValueError:
        is_address = False
    else:
        is_address = True
    if database == "hosts":
        if is_address:
            names = await found.pointers(key)
            return [f"{key:<15} {' '.join(names)}"] if names else []
        if found.in_hosts(key) is None:
            with suppress(socket.gaierror):
                await found.addresses(key, (dns.AAAA,))  # gethostbyname2 for IPv6 first
        addresses, name = await found.addresses(key, (dns.A,))
        alias = key.rstrip(".")
        names = [name] if name == alias or name.startswith(f"{alias}.") else [name, alias]
        if (known := found.in_hosts(key)) is not None:
            names = found.names_in_hosts(known[0][0])
        return [f"{address:<15} {' '.join(names)}" for address in addresses]
    if database == "ahostsv6":
        return []
    addresses, name = ([key], key) if is_address else await found.addresses(key, (dns.A,) if database == "ahostsv4" else (dns.A, dns.AAAA))
    lines = []
    for index, address in enumerate(addresses):
        lines += [f"{address:<15} STREAM {name if not index else ''}", f"{address:<15} DGRAM  ", f"{address:<15} RAW    "]
    return lines
