"""Names to addresses for emulated programs: numeric addresses, each namespace's /etc/hosts, and a resolver that may be plugged in. Never the host's."""

from __future__ import annotations

import socket
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from emu.wire.addr import ip_int

if TYPE_CHECKING:
    from emu.net.netns import Namespace

# name -> addresses in the order to be tried, none if the name does not exist; raises socket.gaierror (EAI_AGAIN ...) where it cannot tell
Lookup = Callable[[str], Awaitable[list[str]]]
AddrInfo = tuple[int, int, int, str, tuple[str, int]]

_SERVICES = {"domain": 53, "http": 80, "https": 443, "ssh": 22}
_PROTOCOLS = {socket.SOCK_STREAM: socket.IPPROTO_TCP, socket.SOCK_DGRAM: socket.IPPROTO_UDP, socket.SOCK_RAW: 0}


def gaierror(code: int) -> socket.gaierror:
    """As glibc words it."""
    words = {
        socket.EAI_NONAME: "Name or service not known",
        socket.EAI_AGAIN: "Temporary failure in name resolution",
        socket.EAI_FAMILY: "ai_family not supported",
        socket.EAI_SERVICE: "Servname not supported for ai_socktype",
        socket.EAI_NODATA: "No address associated with hostname",
        -9: "Address family for hostname not supported",
    }
    return socket.gaierror(code, words.get(code, "Unknown error"))


class Resolver:
    """`hosts[netns]`: name -> address, as in /etc/hosts. `lookups[netns]`: what to ask for other names."""

    def __init__(self) -> None:
        self.hosts: dict[Namespace, dict[str, str]] = {}
        self.lookups: dict[Namespace, Lookup] = {}

    def forget(self, netns: Namespace) -> None:
        """The namespace is gone."""
        self.hosts.pop(netns, None)
        self.lookups.pop(netns, None)

    async def addresses(self, netns: Namespace, host: str) -> list[str]:
        """IPv4 addresses of `host`, at least one. Raises socket.gaierror."""
        if ":" in host:
            raise gaierror(-9)
        try:
            ip_int(host)
        except ValueError:
            pass
        else:
            return [host]
        name = host.rstrip(".").lower()
        known = self.hosts.get(netns, {}).get(name)
        if known is not None:
            return [known]
        if name == "localhost":
            return ["127.0.0.1"]
        lookup = self.lookups.get(netns)
        found = await lookup(host) if lookup is not None and name else []
        if not found:
            raise gaierror(socket.EAI_NONAME)
        return found

    async def getaddrinfo(self, netns: Namespace, host: Any, port: Any, family: int, kind: int, proto: int, flags: int) -> list[AddrInfo]:
        """As socket.getaddrinfo, for IPv4."""
        if family not in (socket.AF_UNSPEC, socket.AF_INET):
            raise gaierror(-9 if family == socket.AF_INET6 else socket.EAI_FAMILY)
        number = port_number(port)
        if isinstance(host, bytes):
            host = host.decode("ascii")
        if not host:
            if host == "" and not flags & socket.AI_PASSIVE:
                raise gaierror(socket.EAI_NONAME)
            found = ["0.0.0.0" if flags & socket.AI_PASSIVE else "127.0.0.1"]
        elif flags & socket.AI_NUMERICHOST:
            try:
                ip_int(host)
            except ValueError:
                raise gaierror(socket.EAI_NONAME) from None
            found = [host]
        else:
            found = await self.addresses(netns, host)
        kinds = [kind] if kind else [socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_RAW]
        return [(socket.AF_INET, one, proto or _PROTOCOLS.get(one, 0), "", (address, number)) for address in found for one in kinds]  # type: ignore[call-overload]


def port_number(port: Any) -> int:
    """A port as programs give it: a number, digits, a service's name, None for 0. Raises socket.gaierror, OverflowError as Python does."""
    if port is None or port == "":
        return 0
    if isinstance(port, bytes):
        port = port.decode("ascii")
    if isinstance(port, str):
        if port in _SERVICES:
            return _SERVICES[port]
        if not port.isdigit():
            raise gaierror(socket.EAI_SERVICE)
        port = int(port)
    if not 0 <= port <= 65535:
        raise OverflowError("port must be 0-65535.")
    return int(port)
