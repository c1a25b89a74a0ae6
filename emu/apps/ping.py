"""ping, as iputils has it: the same packets, the same lines."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from math import isqrt

from emu.aio.icmp import EchoSocket, IcmpError, ProbeSocket
from emu.aio.process import echo
from emu.wire.addr import ip_int, ip_text, is_multicast_ip

EPOCH_S = 1_735_689_600  # virtual time 0 is 2025-01-01T00:00:00Z
MAXWAIT_S = 10.0
FOREVER = 1 << 62  # a count for no end
SAME_MOMENT_S = 1e-4
ENOBUFS = 105
EACCES = 13

UNREACH = (
    "Destination Net Unreachable", "Destination Host Unreachable", "Destination Protocol Unreachable", "Destination Port Unreachable", "",
    "Source Route Failed", "Destination Net Unknown", "Destination Host Unknown", "Source Host Isolated", "Destination Net Prohibited",
    "Destination Host Prohibited", "Destination Net Unreachable for Type of Service", "Destination Host Unreachable for Type of Service",
    "Packet filtered", "Precedence Violation", "Precedence Cutoff",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Reply:
    """One echo reply. `time_ns`: round trip. `ttl`: of the reply as it arrived. `frame_id`: its frame."""

    sequence: int
    source: str
    ttl: int
    time_ns: int
    size: int
    duplicate: bool = False
    frame_id: int = 0


@dataclass(frozen=True, slots=True)
class Failure:
    """An error instead of a reply: what ICMP `offender` told about packet `sequence`; offender "" when the error was found here."""

    sequence: int
    offender: str
    text: str
    type: int = 0
    code: int = 0
    frame_id: int = 0


@dataclass(slots=True)
class Result:
    """What happened. `status`: ping's exit status, 0 with a reply, 1 without, 2 when it could not begin."""

    destination: str
    address: str = ""
    transmitted: int = 0
    replies: list[Reply] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    status: int = 1

    @property
    def received(self) -> int:
        """Replies, duplicates not counted."""
        return sum(not reply.duplicate for reply in self.replies)

    @property
    def ttl(self) -> int | None:
        """TTL of the first reply, as ping prints it."""
        return self.replies[0].ttl if self.replies else None

    def __bool__(self) -> bool:
        return self.received > 0


async def ping(
    destination: str, count: int = 1, interval: float = 1.0, size: int = 56, *, timeout: float | None = None, ttl: int | None = None, tos: int = 0,
    df: str = "", source: str = "", interface: str = "", quiet: bool = False, broadcast: bool = False, mark: int = 0,
    deadline: float | None = None, on_interrupt: Callable[[Callable[[], None]], object] | None = None,
) -> Result:  # fmt: skip
    """Send `count` echo requests, one every `interval` seconds, `size` bytes of data each; `timeout`: to wait for the last (-W), 10 s unless given.

    `deadline`: seconds after which it ends whatever came (-w); until then it sends on until `count` answers came or an error.
    `on_interrupt` is given the function that ends it as SIGINT does, with statistics.
    Lines go to the process's output and into the result. Never raises for what the network does.
    """
    result = Result(destination)
    session = _Session(result, size, quiet)
    session.source, session.interface, session.mark, session.deadline = source, interface, mark, deadline is not None
    try:
        found = await asyncio.get_running_loop().getaddrinfo(destination, None, family=socket.AF_INET, type=socket.SOCK_DGRAM)
        result.address = str(found[0][4][0])
        if not df and (broadcast or is_multicast_ip(ip_int(result.address))):
            df = "do"
        sock = EchoSocket(source=source, ttl=ttl, tos=tos, df=df, interface=interface, broadcast=broadcast, mark=mark)
    except socket.gaierror as error:
        return session.fail(f"ping: {destination}: {error.strerror}")
    except OSError as error:
        return session.fail(f"ping: bind: {error.strerror}")
    timer = asyncio.get_running_loop().call_later(deadline, session.interrupt) if deadline is not None else None
    if on_interrupt is not None:
        on_interrupt(session.interrupt)
    try:
        if source or session.tries_to_connect(broadcast, interface):
            await session.run(sock, count, interval, timeout)
    except asyncio.CancelledError:
        if not session.interrupted:
            raise
        session.task.uncancel()
        session.collect_and_sum_up(sock)
    finally:
        if timer is not None:
            timer.cancel()
        sock.close()
    if deadline is not None and result.received < count < FOREVER:
        result.status = result.status or 1
    return result


class _Session:
    def __init__(self, result: Result, size: int, quiet: bool) -> None:
        self.result = result
        self.size = size
        self.quiet = quiet
        self.sent_ns: dict[int, int] = {}
        self.pipe = 0
        self.task: asyncio.Task[object] = asyncio.current_task()  # type: ignore[assignment]  # a program is a task
        self.interrupted = False
        self.first_s = self.last_s = 0.0
        self.source = self.interface = ""
        self.mark = 0
        self.deadline = False  # -w is given
        self.refused = 0  # times the device did not take a packet

    def interrupt(self) -> None:
        """End now, with the statistics."""
        if not self.interrupted:
            self.interrupted = True
            self.task.cancel()

    def collect_and_sum_up(self, sock: EchoSocket) -> None:
        """The last replies, and the statistics."""
        self._collect(sock)
        self._statistics(round((self.last_s - self.first_s) * 1000))

    def line(self, text: str) -> None:
        self.result.lines.append(text)
        echo(text)

    def fail(self, text: str) -> Result:
        self.line(text)
        self.result.status = 2
        return self.result

    def tries_to_connect(self, broadcast: bool, interface: str) -> bool:
        """What ping does first, to learn its own address: connect() a UDP socket, which sends nothing. False: there is no way, it is told."""
        try:
            probe = ProbeSocket(self.result.address, 1025, interface=interface, mark=self.mark)
            self.source = probe.sk.sockname()[0] if interface else ""
            probe.close()
        except OSError as error:
            if error.errno != EACCES:
                self.fail(f"ping: connect: {error.strerror}")
                return False
            if not broadcast:
                self.fail("ping: Do you want to ping broadcast? Then -b. If not, check your local firewall rules")
                return False
            self.line("WARNING: pinging broadcast address")
        return True

    async def run(self, sock: EchoSocket, count: int, interval: float, timeout: float | None) -> None:
        loop = asyncio.get_running_loop()
        result = self.result
        sequence = 0
        start = self.first_s = self.last_s = loop.time()
        while (sequence < count or self.deadline) and not self._enough(count):
            sequence += 1
            self.last_s = loop.time()
            due = start + interval * sequence
            await self._send(sock, sequence, min(interval / 2, 0.5), MAXWAIT_S if timeout is None else timeout)
            while (sequence < count or self.deadline) and not self._enough(count) and (left := due - loop.time()) > 1e-9:
                await sock.event(left)
                self._collect(sock)
        if self.deadline and result.failures:  # those of other packets come in the same moment, and all of them are told
            await asyncio.sleep(SAME_MOMENT_S)
            self._collect(sock)
        waited = self._linger(interval, timeout)
        end = loop.time() + waited
        while not self._enough(count) and (left := end - loop.time()) > 1e-9:
            await sock.event(left)
            self._collect(sock)
        self._statistics(round((self.last_s - start) * 1000))

    def _enough(self, count: int) -> bool:
        """Whether there are as many answers as packets to send. With -w an error is enough, and packets go on being sent until then (main_loop)."""
        failures = len(self.result.failures)
        return self.result.received + failures >= count or (self.deadline and failures > 0)

    def _linger(self, interval: float, timeout: float | None) -> float:
        """How long to wait after the last packet (__schedule_exit): twice the longest round trip, at least an interval; without replies -W or 10 s."""
        if self.result.replies:
            return max(2 * max(reply.time_ns for reply in self.result.replies) / 1e9, interval)
        return timeout if timeout is not None else MAXWAIT_S

    async def _send(self, sock: EchoSocket, sequence: int, again: float, linger: float) -> None:
        """Send a request. A device that does not take it (ENOBUFS) is asked again every `again` seconds, `linger` seconds in all (pinger)."""
        result = self.result
        now = _now_ns()
        data = bytearray(index & 255 for index in range(self.size))
        if self.size >= 16:
            data[0:8] = (EPOCH_S + now // 1_000_000_000).to_bytes(8, "little")
            data[8:16] = (now % 1_000_000_000 // 1000).to_bytes(8, "little")
        if sequence > 1:
            self._collect(sock)
        source = f"from {self.source} {self.interface}: " if self.source else ""
        header = f"PING {result.destination} ({result.address}) {source}{self.size}({self.size + 28}) bytes of data."
        if sequence == 1:
            self.line(header)
        while True:
            try:
                self.sent_ns[sequence] = _now_ns()
                sock.send(sequence, bytes(data), result.address)
                self.refused = 0
                result.transmitted += 1
            except OSError as error:
                if error.errno == ENOBUFS:
                    self.refused += 1
                    if self.refused * again < linger:
                        await asyncio.sleep(again)
                        continue
                result.transmitted += 1
                self._local_error(sock, sequence, error)
            return

    def _local_error(self, sock: EchoSocket, sequence: int, error: OSError) -> None:
        for entry in sock.take_errors():
            if entry.local:
                text = f"message too long, mtu={entry.info}" if entry.errno == 90 else str(error.strerror).lower()
                self._failed(Failure(sequence, "", text), f"ping: local error: {text}")
                return
        self._failed(Failure(sequence, "", str(error.strerror)), f"ping: sendmsg: {error.strerror}")

    def _failed(self, failure: Failure, line: str) -> None:
        self.result.failures.append(failure)
        self._acknowledge(failure.sequence)
        if not self.quiet:
            self.line(line)

    def _acknowledge(self, sequence: int) -> None:
        self.pipe = max(self.pipe, self.result.transmitted - sequence + 1)

    def _collect(self, sock: EchoSocket) -> None:
        for error in sock.take_errors():
            if error.local or len(error.quoted) < 8:
                continue
            sequence = error.quoted[6] << 8 | error.quoted[7]
            text = describe(error)
            if error.type == 5:  # news, not a failure
                if not self.quiet:
                    self.line(f"From {error.offender}: icmp_seq={sequence} {text}(New nexthop: {ip_text(error.info)})")
                continue
            failure = Failure(sequence, error.offender, text, error.type, error.code, error.frame_id)
            self._failed(failure, f"From {error.offender} icmp_seq={sequence} {text}")
        try:
            replies = sock.take_replies()
        except OSError as error:
            self.line(f"ping: recvmsg: {error.strerror}")
            return
        now = _now_ns()
        for reply in replies:
            sequence = reply.sequence
            if sequence not in self.sent_ns:
                continue
            trip = now - self.sent_ns[sequence]
            duplicate = any(other.sequence == sequence for other in self.result.replies)
            self.result.replies.append(Reply(sequence, reply.source, reply.ttl, trip, len(reply.message), duplicate, reply.frame_id))
            self.result.status = 0
            self._acknowledge(sequence)
            if self.quiet:
                continue
            text = f"{len(reply.message)} bytes from {reply.source}: icmp_seq={sequence} ttl={reply.ttl}"
            if self.size >= 16:
                text += f" time={milliseconds(trip)} ms"
            self.line(text + (" (DUP!)" if duplicate else ""))

    def _statistics(self, took_ms: int) -> None:
        result = self.result
        received, failures = result.received, len(result.failures)
        self.line("")
        self.line(f"--- {result.destination} ping statistics ---")
        text = f"{result.transmitted} packets transmitted, {received} received"
        if duplicates := len(result.replies) - received:
            text += f", +{duplicates} duplicates"
        if failures:
            text += f", +{failures} errors"
        if result.transmitted:
            text += f", {(result.transmitted - received) * 100 / result.transmitted:g}% packet loss, time {took_ms}ms"
        self.line(text)
        last = ""
        if result.replies and self.size >= 16:
            trips = [reply.time_ns // 1000 for reply in result.replies]
            mean = sum(trips) // len(trips)
            deviation = isqrt(max(sum(trip * trip for trip in trips) // len(trips) - mean * mean, 0))
            last = "rtt min/avg/max/mdev = " + "/".join(f"{value // 1000}.{value % 1000:03d}" for value in (min(trips), mean, max(trips), deviation)) + " ms"
        if self.pipe > 1:
            last += (", " if last else "") + f"pipe {self.pipe}"
        self.line(last)


def describe(error: IcmpError) -> str:
    """An ICMP error in ping's words (pr_icmph)."""
    if error.type == 3:
        if error.code == 4:
            return f"Frag needed and DF set (mtu = {error.info})"
        return UNREACH[error.code] if error.code < len(UNREACH) else f"Dest Unreachable, Bad Code: {error.code}"
    if error.type == 11:
        return "Time to live exceeded" if error.code == 0 else "Frag reassembly time exceeded"
    if error.type == 4:
        return "Source Quench"
    if error.type == 5:
        return ("Redirect Network", "Redirect Host", "Redirect Type of Service and Network", "Redirect Type of Service and Host")[error.code & 3]
    if error.type == 12:
        return f"Parameter problem: pointer = {error.info}"
    return f"Bad ICMP type: {error.type}"


def milliseconds(trip_ns: int) -> str:
    """A round trip with as many digits as ping shows."""
    micro = trip_ns // 1000
    if micro >= 100_000:
        return str((micro + 500) // 1000)
    if micro >= 10_000:
        return f"{(micro + 50) // 1000}.{(micro + 50) % 1000 // 100}"
    if micro >= 1000:
        return f"{(micro + 5) // 1000}.{(micro + 5) % 1000 // 10:02d}"
    return f"{micro // 1000}.{micro % 1000:03d}"


def _now_ns() -> int:
    return round(asyncio.get_running_loop().time() * 1e9)
