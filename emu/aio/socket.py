"""What `transport.get_extra_info("socket")` gives: an emulated socket seen through the calls of Python's socket module."""

from __future__ import annotations

import socket
from typing import Any

from emu.net.sock.base import Socket
from emu.net.sock.errno import ENOPROTOOPT, os_error
from emu.net.sock.tcp import TcpSocket
from emu.net.sock.tcp_listen import TcpListener
from emu.wire.addr import ip_text

# Linux's numbers, whatever system this runs on.
SOL_SOCKET, IPPROTO_IP, IPPROTO_TCP, IPPROTO_UDP = 1, 0, 6, 17
SO_REUSEADDR, SO_TYPE, SO_ERROR, SO_BROADCAST, SO_SNDBUF, SO_RCVBUF, SO_KEEPALIVE, SO_LINGER, SO_REUSEPORT = 2, 3, 4, 6, 7, 8, 9, 13, 15
SO_BINDTODEVICE, SO_MARK = 25, 36
IP_TOS, IP_TTL, IP_MTU_DISCOVER, IP_RECVERR = 1, 2, 10, 11
TCP_NODELAY = 1

_FLAGS = {
    (SOL_SOCKET, SO_REUSEADDR): "reuse_address",
    (SOL_SOCKET, SO_REUSEPORT): "reuse_port",
    (SOL_SOCKET, SO_BROADCAST): "broadcast",
    (SOL_SOCKET, SO_KEEPALIVE): "keepalive",
    (IPPROTO_IP, IP_RECVERR): "recverr",
}
_NUMBERS = {
    (SOL_SOCKET, SO_MARK): "mark",
    (IPPROTO_IP, IP_TOS): "tos",
    (IPPROTO_IP, IP_TTL): "ttl",
    (IPPROTO_IP, IP_MTU_DISCOVER): "pmtudisc",
}
# The constants of Python's socket module, where this host's differ from Linux's.
_LEVELS = {getattr(socket, "SOL_SOCKET", 1): SOL_SOCKET}
_OPTIONS = {
    (SOL_SOCKET, getattr(socket, name)): value
    for name, value in (
        ("SO_REUSEADDR", SO_REUSEADDR), ("SO_TYPE", SO_TYPE), ("SO_ERROR", SO_ERROR), ("SO_BROADCAST", SO_BROADCAST), ("SO_SNDBUF", SO_SNDBUF),
        ("SO_RCVBUF", SO_RCVBUF), ("SO_KEEPALIVE", SO_KEEPALIVE), ("SO_LINGER", SO_LINGER), ("SO_REUSEPORT", SO_REUSEPORT),
    )
    if hasattr(socket, name)
} | {(IPPROTO_IP, getattr(socket, name)): value for name, value in (("IP_TOS", IP_TOS), ("IP_TTL", IP_TTL)) if hasattr(socket, name)}  # fmt: skip


class TransportSocket:
    """Names, options and addresses of an emulated socket; reading and writing is the transport's."""

    __slots__ = ("sk",)

    def __init__(self, sk: Socket) -> None:
        self.sk = sk

    def __repr__(self) -> str:
        return f"<emu.TransportSocket {self.sk!r}>"

    @property
    def family(self) -> int:
        """AF_INET."""
        return socket.AF_INET

    @property
    def type(self) -> int:
        """SOCK_STREAM or SOCK_DGRAM."""
        return socket.SOCK_STREAM if isinstance(self.sk, TcpSocket | TcpListener) else socket.SOCK_DGRAM

    @property
    def proto(self) -> int:
        """IPPROTO_TCP or IPPROTO_UDP."""
        return IPPROTO_TCP if isinstance(self.sk, TcpSocket | TcpListener) else IPPROTO_UDP

    def fileno(self) -> int:
        """-1: there is no descriptor."""
        return -1

    def getsockname(self) -> tuple[str, int]:
        """(address, port)."""
        return ip_text(self.sk.saddr), self.sk.sport

    def getpeername(self) -> tuple[str, int]:
        """(address, port). Raises ENOTCONN."""
        addr, port = self.sk.peername()
        return ip_text(addr), port

    def setsockopt(self, level: int, option: int, value: Any, optlen: int | None = None) -> None:
        """SO_REUSEADDR, SO_REUSEPORT, SO_BROADCAST, SO_KEEPALIVE, SO_LINGER, SO_RCVBUF, SO_MARK, SO_BINDTODEVICE, IP_TTL, IP_TOS, IP_MTU_DISCOVER,
        IP_RECVERR, TCP_NODELAY. Raises ENOPROTOOPT for others.
        """
        key = _linux(level, option)
        sk: Any = self.sk
        if key in _FLAGS and hasattr(sk, _FLAGS[key]):
            setattr(sk, _FLAGS[key], bool(value))
            if key == (SOL_SOCKET, SO_KEEPALIVE):
                sk.set_keepalive(bool(value))
        elif key in _NUMBERS:
            setattr(sk, _NUMBERS[key], int(value))
            sk.options_changed()
        elif key == (SOL_SOCKET, SO_RCVBUF):
            sk.rcvbuf = max(2 * min(int(value), sk.ns.sysctl.core_rmem_max), 2304)
        elif key == (SOL_SOCKET, SO_BINDTODEVICE):
            sk.bind_to_device(bytes(value).rstrip(b"\0").decode())
            sk.options_changed()
        elif key == (SOL_SOCKET, SO_LINGER) and isinstance(sk, TcpSocket):
            on, seconds = (int.from_bytes(bytes(value)[at : at + 4], "little") for at in (0, 4))
            sk.linger_zero = bool(on) and seconds == 0
        elif key == (IPPROTO_TCP, TCP_NODELAY) and isinstance(sk, TcpSocket):
            sk.set_nodelay(bool(value))
        elif key not in ((SOL_SOCKET, SO_SNDBUF), (IPPROTO_TCP, TCP_NODELAY)):
            raise os_error(ENOPROTOOPT)

    def getsockopt(self, level: int, option: int, buflen: int = 0) -> Any:
        """The options of setsockopt, SO_ERROR (which is thereby taken) and SO_TYPE. Raises ENOPROTOOPT for others."""
        key = _linux(level, option)
        sk: Any = self.sk
        if key in _FLAGS and hasattr(sk, _FLAGS[key]):
            return int(getattr(sk, _FLAGS[key]))
        if key == (IPPROTO_IP, IP_TTL):
            return sk.ns.sysctl.ip_default_ttl if sk.ttl < 0 else sk.ttl
        if key in _NUMBERS:
            return getattr(sk, _NUMBERS[key])
        if key == (SOL_SOCKET, SO_RCVBUF):
            return sk.rcvbuf
        if key == (SOL_SOCKET, SO_ERROR):
            return sk.take_error()
        if key == (SOL_SOCKET, SO_TYPE):
            return int(self.type)
        if key == (IPPROTO_TCP, TCP_NODELAY) and isinstance(sk, TcpSocket):
            return int(sk.nodelay)
        raise os_error(ENOPROTOOPT)


def _linux(level: int, option: int) -> tuple[int, int]:
    level = _LEVELS.get(level, level)
    return level, _OPTIONS.get((level, option), option)
