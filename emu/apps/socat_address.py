"""socat's addresses: `TYPE:PARAMETERS,OPTION,OPTION=VALUE`, and what can be read from and written to each."""

from __future__ import annotations

import asyncio
import os
import shlex
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from emu.aio.listener import Listener
from emu.apps.nc import ROUND_S
from emu.apps.services import number
from emu.apps.socat_endpoint import Datagrams, Echo, Endpoint, File, Says, Session, Standard, Stream
from emu.apps.stdio import Stdio

BACKLOG = 5
KINDS = {  # name -> (what it is, how many parameters)
    "-": ("STDIO", 0), "STDIO": ("STDIO", 0), "STDIN": ("STDIO", 0), "STDOUT": ("STDIO", 0), "PIPE": ("PIPE", 0), "ECHO": ("PIPE", 0),
    **dict.fromkeys(("TCP", "TCP4", "TCP-CONNECT", "TCP4-CONNECT"), ("TCP", 2)),
    **dict.fromkeys(("TCP-LISTEN", "TCP4-LISTEN", "TCP-L", "TCP4-L"), ("TCP-LISTEN", 1)),
    **dict.fromkeys(("UDP", "UDP4", "UDP-CONNECT", "UDP4-CONNECT"), ("UDP", 2)),
    **dict.fromkeys(("UDP-SENDTO", "UDP4-SENDTO"), ("UDP-SENDTO", 2)),
    **dict.fromkeys(("UDP-LISTEN", "UDP4-LISTEN", "UDP-L", "UDP4-L"), ("UDP-LISTEN", 1)),
    **dict.fromkeys(("UDP-RECVFROM", "UDP4-RECVFROM"), ("UDP-RECVFROM", 1)), **dict.fromkeys(("UDP-RECV", "UDP4-RECV"), ("UDP-RECV", 1)),
    "EXEC": ("EXEC", 1), "SYSTEM": ("EXEC", 1), "OPEN": ("OPEN", 1), "GOPEN": ("OPEN", 1), "CREATE": ("CREATE", 1), "CREAT": ("CREATE", 1),
}  # fmt: skip
LISTENERS = ("TCP-LISTEN", "UDP-LISTEN", "UDP-RECVFROM")
OPTIONS = (
    "fork", "reuseaddr", "reuseport", "bind", "sourceport", "sp", "connect-timeout", "nodelay", "keepalive", "pf", "broadcast", "creat", "append", "trunc",
    "crlf", "interface", "so-bindtodevice", "su", "nofork", "rdonly", "wronly", "max-children", "backlog", "o-nonblock", "ignoreeof",
)  # fmt: skip
REFUSED = ("crlf", "nofork", "max-children", "ignoreeof", "interface", "so-bindtodevice")


class AddressError(Exception):
    """What socat says of an address that it cannot open."""


@dataclass(frozen=True, slots=True)
class Address:
    """`kind`: a value of KINDS. `options`: name -> value, "" for those without."""

    name: str
    kind: str
    parameters: list[str]
    options: dict[str, str] = field(default_factory=dict)

    @property
    def listens(self) -> bool:
        """Whether it waits for somebody."""
        return self.kind in LISTENERS

    def has(self, option: str) -> bool:
        """`fork`, also as fork=1."""
        return self.options.get(option, "0") != "0"


def parse(text: str) -> Address:
    """Raises AddressError."""
    head, *options = text.split(",") if not text.upper().startswith(("EXEC:", "SYSTEM:")) else [text]
    name, colon, rest = head.partition(":")
    upper = name.upper()
    if upper not in KINDS:
        if not colon and "/" in name:
            upper, rest, colon = "GOPEN", name, ":"
        else:
            raise AddressError(f'unknown device/address "{name}"')
    kind, count = KINDS[upper]
    parameters = ([rest] if count == 1 else rest.split(":")) if colon else []
    if len(parameters) != count:
        raise AddressError(f"{name}: wrong number of parameters ({len(parameters)} instead of {count})")
    found: dict[str, str] = {}
    for option in options:
        key, equals, value = option.partition("=")
        if key.lower() not in OPTIONS:
            raise AddressError(f'parseopts_table(): unknown option "{key}"')
        if key.lower() in REFUSED:
            raise AddressError(f"emu: not emulated: socat option {key}")
        found[key.lower()] = value if equals else "1"
    address = Address(name, kind, parameters, found)
    if kind == "EXEC":
        _command(address)  # refused now rather than when the first client comes
    return address


# -- opening


async def open_address(address: Address, stdio: Stdio) -> Endpoint:
    """Raises AddressError."""
    kind = address.kind
    if kind == "STDIO":
        return Standard(stdio)
    if kind == "PIPE":
        return Echo()
    if kind == "EXEC":
        return _command(address)
    if kind in ("OPEN", "CREATE"):
        return _file(address, stdio)
    if kind == "UDP-RECV":
        return await _datagrams(_local(address, address.parameters[0]), None)
    host, port = address.parameters[0], _port(address.parameters[1])
    found = await _resolve(host, port)
    local = _local(address, address.options.get("sourceport", address.options.get("sp", "0")))
    if kind == "TCP":
        limit = address.options.get("connect-timeout")
        try:
            async with asyncio.timeout(float(limit) if limit else None):
                stream = Stream(*await asyncio.open_connection(*found, local_addr=local))
        except OSError as error:
            verb = f"bind(5, {{AF=2 {local[0]}:{local[1]}}}, 16)" if local and error.errno in (98, 99) else f"connect(5, AF=2 {found[0]}:{found[1]}, 16)"
            raise AddressError(f"{verb}: {_words(error)}") from None
        await asyncio.sleep(ROUND_S)
        return stream
    endpoint = await _datagrams(local, found if kind == "UDP" else None, broadcast=address.has("broadcast"))
    if kind == "UDP-SENDTO":
        endpoint.peer = found
    return endpoint


class Listening:
    """Waits for peers."""

    async def accept(self) -> Endpoint:
        """The next."""
        raise NotImplementedError

    def close(self) -> None:
        """No more."""

    def ended(self, endpoint: Endpoint) -> None:
        """A child is done with this one."""


class _TcpListening(Listening):
    def __init__(self, listener: Listener) -> None:
        self.listener = listener

    async def accept(self) -> Endpoint:
        stream = Stream(*await self.listener.accept())
        await asyncio.sleep(ROUND_S)
        return stream

    def close(self) -> None:
        self.listener.close()


class _UdpListening(Listening):
    """All peers of one socket; with `once` every datagram is a peer of its own."""

    def __init__(self, socket_: Datagrams, once: bool) -> None:
        self.socket, self.once = socket_, once
        self.sessions: dict[Any, Session] = {}
        self.last: Session | None = None
        self.task: asyncio.Task[None] | None = None

    async def accept(self) -> Endpoint:
        while True:
            session = await self._next()
            if session is not None:
                self.last = session
                return session

    async def _next(self) -> Session | None:
        """The session that a datagram begins; None if it belongs to one."""
        found = await self.socket.queue.get()
        if isinstance(found, Exception):
            return None
        data, peer = found
        known = None if self.once else self.sessions.get(peer)
        session = known or Session(self.socket, peer, self.once)
        if not self.once:
            self.sessions[peer] = session
        if data:
            session.queue.put_nowait(data)
        if self.once:
            session.queue.put_nowait(b"")
        return None if known else session

    def close(self) -> None:
        session = self.last
        assert session is not None
        session.alone = True
        self.task = asyncio.create_task(self._forward(session))

    async def _forward(self, session: Session) -> None:
        while True:
            found = await self.socket.queue.get()
            if not isinstance(found, Exception) and found[1] == session.peer and found[0] and not self.once:
                session.queue.put_nowait(found[0])

    def ended(self, endpoint: Endpoint) -> None:
        for peer, session in list(self.sessions.items()):
            if session is endpoint:
                del self.sessions[peer]


async def open_listener(address: Address) -> Listening:
    """Raises AddressError."""
    host, port = _local(address, address.parameters[0]) or ("0.0.0.0", 0)
    try:
        if address.kind == "TCP-LISTEN":
            backlog = address.options.get("backlog", "")
            return _TcpListening(Listener(host, port, int(backlog) if backlog.isdigit() else BACKLOG, reuse_address=address.has("reuseaddr")))
        return _UdpListening(await _datagrams((host, port), None), address.kind == "UDP-RECVFROM")
    except OSError as error:
        raise AddressError(f"bind(5, {{AF=2 {host}:{port}}}, 16): {_words(error)}") from None


async def _datagrams(local: tuple[str, int] | None, remote: tuple[str, int] | None, *, broadcast: bool = False) -> Datagrams:
    loop = asyncio.get_running_loop()
    try:
        _, protocol = await loop.create_datagram_endpoint(
            Datagrams, local_addr=local or (None if remote else ("0.0.0.0", 0)), remote_addr=remote, allow_broadcast=broadcast or None
        )
    except OSError as error:
        where = remote or local
        raise AddressError(f"{'connect' if remote else 'bind'}(5, AF=2 {where[0]}:{where[1]}, 16): {_words(error)}" if where else _words(error)) from None
    return protocol


def _local(address: Address, port_text: str) -> tuple[str, int] | None:
    host, _, port = address.options.get("bind", "").partition(":")
    port = port or port_text
    return (host or "0.0.0.0", _port(port)) if host or _port(port) else None


def _port(text: str) -> int:
    found = int(text) if text.isdigit() else number(text)
    if found is None or not 0 <= found <= 65535:
        raise AddressError(f'service "{text}" not found' if found is None else f'service "{text}": Servname not supported for ai_socktype')
    return found


async def _resolve(host: str, port: int) -> tuple[str, int]:
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, family=socket.AF_INET, type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        raise AddressError(f'getaddrinfo("{host}", "{port}", {{1,2,1,6}}, {{}}): {error.strerror}') from None
    return str(found[0][4][0]), int(found[0][4][1])


def _file(address: Address, stdio: Stdio) -> File:
    flags = os.O_RDWR
    if address.kind == "CREATE":
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    elif address.has("rdonly"):
        flags = os.O_RDONLY
    elif address.has("wronly"):
        flags = os.O_WRONLY
    for option, flag in (("creat", os.O_CREAT), ("append", os.O_APPEND), ("trunc", os.O_TRUNC)):
        flags |= flag if address.has(option) else 0
    if address.name.upper() not in ("OPEN", "CREATE", "CREAT"):
        flags |= os.O_CREAT | os.O_APPEND
    try:
        return File(stdio.path(address.parameters[0]), flags)
    except OSError as error:
        raise AddressError(f'open("{address.parameters[0]}", 0{flags:o}, 0666): {error.strerror}') from None


def _command(address: Address) -> Endpoint:
    """Commands whose whole effect is what they say: cat, echo, printf without formats, hostname, true. A stand-in cannot have others' input and output."""
    text = address.parameters[0]
    says: dict[str, Callable[[list[str]], str]] = {
        "echo": lambda words: " ".join(words) + "\n", "hostname": lambda words: "host\n", "true": lambda words: "", ":": lambda words: "",
    }  # fmt: skip
    try:
        words = shlex.split(text.strip("'\""))
    except ValueError:
        words = []
    name = os.path.basename(words[0]) if words else ""
    plain = not any(mark in text for mark in "|&;<>()$`\\*?[]{}~\n")
    if plain and words == [words[0] if words else ""] and name == "cat":
        return Echo()
    if plain and name in says and not (name == "hostname" and words[1:]) and not (name == "echo" and words[1:2] and words[1].startswith("-")):
        return Says(says[name](words[1:]).encode("utf-8", "surrogateescape"))
    raise AddressError(f"emu: not emulated: socat {address.name.upper()}:{text} (cat, echo TEXT and hostname are)")


def _words(error: OSError) -> str:
    return os.strerror(error.errno) if error.errno else str(error)
