"""ICMP for programs: echo by ping sockets, and UDP probes that hear every ICMP error (what ping and traceroute are made of)."""

from __future__ import annotations

import asyncio
import contextvars
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from emu.aio import context
from emu.net.sock.base import ORIGIN_ICMP, PMTUDISC_DO, PMTUDISC_DONT, PMTUDISC_WANT, Socket
from emu.net.sock.ping import PingSocket
from emu.net.sock.udp import UdpSocket
from emu.wire.addr import ip_int, ip_text

if TYPE_CHECKING:
    from emu.aio.loop import Loop


class EchoReply(NamedTuple):
    """`message`: the ICMP message from its header on. `ttl`: as it arrived. `frame_id`: its frame."""

    message: bytes
    source: str
    ttl: int
    frame_id: int

    @property
    def sequence(self) -> int:
        """Of the echo."""
        return self.message[6] << 8 | self.message[7]


class IcmpError(NamedTuple):
    """One entry of a socket's error queue. `local`: the error was found here, not told by ICMP. `offender`: who sent the ICMP, "" when local.
    `info`: the MTU of a "too big". `quoted`: the part of our packet that came back, from its ICMP header on (echo) or its payload (UDP).
    """

    errno: int
    local: bool
    type: int
    code: int
    info: int
    offender: str
    destination: str
    port: int
    quoted: bytes
    ttl: int
    frame_id: int


class AsyncSocket:
    """An emulated socket whose events a program awaits."""

    def __init__(self, sk: Socket) -> None:
        self.sk = sk
        self._loop = cast("Loop", asyncio.get_running_loop())
        self._event: asyncio.Future[None] | None = None
        self._context = contextvars.copy_context()
        self._process = context.current_process.get()
        if self._process is not None:
            self._process.resources[self] = None
        sk.owner = self
        sk.on_event = self._on_event

    def _on_event(self) -> None:
        self._loop.enter(self._context.run, self._tell)

    def _tell(self) -> None:
        if self._event is not None and not self._event.done():
            self._event.set_result(None)
        self.on_event()

    def on_event(self) -> None:
        """For subclasses and users: called in the program's context."""

    async def event(self, timeout: float | None = None) -> bool:
        """Wait until something happens; False when `timeout` virtual seconds went by first."""
        self._event = self._loop.create_future()
        try:
            async with asyncio.timeout(timeout):
                await self._event
        except TimeoutError:
            return False
        finally:
            self._event = None
        return True

    def close(self) -> None:
        """Give the socket back."""
        self.process_exit()
        if self._process is not None:
            self._process.resources.pop(self, None)

    def process_exit(self) -> None:
        """Its process is gone."""
        self.sk.on_event = None
        self.sk.close()

    @property
    def sockname(self) -> tuple[str, int]:
        """(address, port); for echo the port is the identifier."""
        return ip_text(self.sk.saddr), self.sk.sport

    def take_errors(self) -> list[IcmpError]:
        """Everything in the error queue, oldest first."""
        sk: Any = self.sk
        found = []
        while (entry := sk.take_queued_error()) is not None:
            found.append(
                IcmpError(
                    entry.errno, entry.origin != ORIGIN_ICMP, entry.type, entry.code, entry.info, ip_text(entry.offender) if entry.offender else "",
                    ip_text(entry.daddr), entry.dport, entry.data, entry.ttl, entry.frame_id,
                )
            )  # fmt: skip
        sk.take_error()
        return found


def _options(sk: Socket, ttl: int | None, tos: int, df: str, interface: str) -> None:
    sk.recverr = True
    sk.ttl = -1 if ttl is None else ttl
    sk.tos = tos
    if df:
        sk.pmtudisc = {"want": PMTUDISC_WANT, "do": PMTUDISC_DO, "dont": PMTUDISC_DONT}[df]
    if interface:
        sk.bind_to_device(interface)


class EchoSocket(AsyncSocket):
    """ICMP echo. `df`: "want" (set where the packet fits), "do" (set, too big is refused), "dont", "": as the namespace has it.
        Raises OSError as socket calls do."""

    def __init__(
        self, *, source: str = "", ttl: int | None = None, tos: int = 0, df: str = "want", interface: str = "", broadcast: bool = False, mark: int = 0
    ) -> None:  # fmt: skip
        sk = PingSocket(context.netns())
        _options(sk, ttl, tos, df, interface)
        sk.broadcast = broadcast
        sk.mark = mark
        sk.bind(ip_int(source) if source else 0, 0)
        super().__init__(sk)

    def send(self, sequence: int, data: bytes, address: str) -> None:
        """Send an echo request."""
        cast("PingSocket", self.sk).sendto(bytes((8, 0, 0, 0, 0, 0, sequence >> 8 & 255, sequence & 255)) + data, ip_int(address))

    def take_replies(self) -> list[EchoReply]:
        """Echo replies that came, oldest first."""
        sk = cast("PingSocket", self.sk)
        found = []
        while (reply := sk.recv()) is not None:
            found.append(EchoReply(reply[0], ip_text(reply[1]), reply[2], reply[5]))
        return found


class ProbeSocket(AsyncSocket):
    """A UDP socket connected to one address and port, with its own TTL, that hears every ICMP error about what it sends."""

    def __init__(
        self, address: str, port: int, *, source: str = "", ttl: int | None = None, tos: int = 0, df: str = "dont", interface: str = "", mark: int = 0
    ) -> None:  # fmt: skip
        sk = UdpSocket(context.netns())
        sk.mark = mark
        _options(sk, ttl, tos, df, interface)
        try:
            if source:
                sk.bind(ip_int(source), 0)
            sk.connect(ip_int(address), port)
        except OSError:
            sk.close()
            raise
        super().__init__(sk)

    def send(self, data: bytes) -> None:
        """Send a datagram."""
        cast("UdpSocket", self.sk).send(data)

    def take_data(self) -> list[tuple[bytes, int]]:
        """Datagrams that came back from the peer: (payload, TTL)."""
        sk = cast("UdpSocket", self.sk)
        found = []
        while (datagram := sk.recv()) is not None:
            found.append((datagram[0], datagram[5]))
        return found
