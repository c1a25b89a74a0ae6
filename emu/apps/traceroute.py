"""traceroute as Linux has it by default: UDP probes to ports from 33434 on, three for each hop, sixteen under way at a time."""

from __future__ import annotations

import asyncio
import socket
from dataclasses import dataclass, field

from emu.aio.icmp import ProbeSocket
from emu.aio.process import echo

FIRST_PORT = 33434
SIMULTANEOUS = 16
HERE_FACTOR, NEAR_FACTOR, PRECISION_S = 3.0, 10.0, 0.001
_MARKS = {0: "!N", 1: "!H", 2: "!P", 5: "!S", 6: "!N", 7: "!H", 8: "!N", 9: "!X", 10: "!X", 11: "!N", 12: "!H", 13: "!X", 14: "!V", 15: "!C"}


@dataclass(slots=True)
class Probe:
    """One probe. `address`: who answered, "" for nobody. `time_ns`: round trip. `mark`: `!H` and the like. `final`: the trace ends with this hop."""

    ttl: int
    port: int
    address: str = ""
    time_ns: int = 0
    mark: str = ""
    final: bool = False
    frame_id: int = 0
    sent: float = -1.0
    done: bool = False
    sock: ProbeSocket | None = None


@dataclass(slots=True)
class Hop:
    """What answered at one TTL: the probes in order; `addresses`: who answered, each once."""

    ttl: int
    probes: list[Probe]

    @property
    def addresses(self) -> list[str]:
        """In the order of the probes."""
        return list(dict.fromkeys(probe.address for probe in self.probes if probe.address))


@dataclass(slots=True)
class Result:
    """`hops` as printed; `reached`: the destination itself answered; `status`: exit status; `lines`: what was printed."""

    destination: str
    address: str = ""
    hops: list[Hop] = field(default_factory=list)
    reached: bool = False
    status: int = 0
    lines: list[str] = field(default_factory=list)


async def traceroute(
    destination: str, *, max_hops: int = 30, queries: int = 3, wait: float = 5.0, size: int = 60, first_hop: int = 1, numeric: bool = True, source: str = "",
    simultaneous: int = SIMULTANEOUS,
) -> Result:  # fmt: skip
    """Trace the way to `destination`. `wait`: seconds to wait for an answer; `size`: of the IP packets; `numeric`: -n;
    `simultaneous`: probes under way at once (-N). Never raises for the network.
    """
    result = Result(destination)

    def line(text: str) -> None:
        result.lines.append(text)
        echo(text)

    try:
        found = await asyncio.get_running_loop().getaddrinfo(destination, None, family=socket.AF_INET, type=socket.SOCK_DGRAM)
    except socket.gaierror as error:
        line(f"{destination}: {error.strerror}")
        result.status = 2
        return result
    result.address = str(found[0][4][0])
    line(f"traceroute to {destination} ({result.address}), {max_hops} hops max, {size} byte packets")
    probes = [Probe(index // queries + 1, FIRST_PORT + index) for index in range(max_hops * queries)]
    trace = _Trace(result.address, probes, queries, wait, bytes(0x40 + (index & 0x3F) for index in range(max(size - 28, 0))), source, simultaneous)
    try:
        await trace.run((first_hop - 1) * queries)
    except OSError as error:
        line(f"connect: {error.strerror}")
        result.status = 1
        return result
    finally:
        trace.close()
    for hop in range(first_hop, trace.end // queries + 1):
        row = probes[(hop - 1) * queries : hop * queries]
        result.hops.append(Hop(hop, row))
        line(_hop_line(hop, row, numeric))
    result.reached = any(probe.address == result.address for probe in probes[: trace.end])
    return result


class _Trace:
    """The probes under way (do_it)."""

    def __init__(self, address: str, probes: list[Probe], queries: int, wait: float, data: bytes, source: str, simultaneous: int) -> None:
        self.simultaneous = simultaneous
        self.address = address
        self.probes = probes
        self.queries = queries
        self.wait = wait
        self.data = data
        self.source = source
        self.end = len(probes)
        self._event = asyncio.Event()

    async def run(self, start: int) -> None:
        """Until every probe up to the last hop was answered or given up."""
        loop = asyncio.get_running_loop()
        while start < self.end:
            now = loop.time()
            under_way = 0
            due: float | None = None
            index = start
            while index < self.end and under_way < self.simultaneous:
                probe = self.probes[index]
                if not probe.done and probe.sent >= 0 and now - probe.sent >= self._timeout(index) - 1e-9:
                    self._finish(probe)
                if probe.done:
                    if index == start:
                        start += 1
                    if probe.final:
                        self.end = min(self.end, (index // self.queries + 1) * self.queries)
                else:
                    if probe.sent < 0:
                        self._send(probe, now)
                    until = probe.sent + self._timeout(index)
                    due = until if due is None else min(due, until)
                    under_way += 1
                index += 1
            if due is not None:
                self._event.clear()
                try:
                    async with asyncio.timeout_at(due):
                        await self._event.wait()
                except TimeoutError:
                    pass

    def _send(self, probe: Probe, now: float) -> None:
        sock = probe.sock = ProbeSocket(self.address, probe.port, ttl=probe.ttl, source=self.source)
        sock.on_event = lambda: self._answer(probe, sock)  # type: ignore[method-assign]
        probe.sent = now
        try:
            sock.send(self.data)
        except OSError:
            self._finish(probe)  # a firewall here: as if it were lost

    def _answer(self, probe: Probe, sock: ProbeSocket) -> None:
        now = asyncio.get_running_loop().time()
        for error in sock.take_errors():
            if error.local or probe.done:
                continue
            probe.address = error.offender
            probe.frame_id = error.frame_id
            if error.type == 3:
                probe.final = True
                probe.mark = f"!F-{error.info}" if error.code == 4 else "" if error.code == 3 else _MARKS.get(error.code, f"!<{error.code}>")
            self._got(probe, now)
        if not probe.done and sock.take_data():
            probe.address, probe.final = self.address, True
            self._got(probe, now)

    def _got(self, probe: Probe, now: float) -> None:
        probe.time_ns = round((now - probe.sent) * 1e9)
        self._finish(probe)
        self._event.set()

    def _finish(self, probe: Probe) -> None:
        probe.done = True
        if probe.sock is not None:
            probe.sock.close()
            probe.sock = None

    def _timeout(self, index: int) -> float:
        """Not longer than three times what another probe of this hop took, or ten times what one of a later hop took (get_timeout)."""
        first = index - index % self.queries
        for probe in self.probes[first : first + self.queries]:
            if probe.done and probe.time_ns:
                return min((probe.time_ns / 1e9 + PRECISION_S) * HERE_FACTOR, self.wait)
        for probe in self.probes[index + 1 :]:
            if probe.sent < 0:
                break
            if probe.done and probe.time_ns:
                return min((probe.time_ns / 1e9 + PRECISION_S) * NEAR_FACTOR, self.wait)
        return self.wait

    def close(self) -> None:
        """Give back the sockets that are left."""
        for probe in self.probes:
            if probe.sock is not None:
                probe.sock.close()
                probe.sock = None


def _hop_line(hop: int, row: list[Probe], numeric: bool) -> str:
    text = f"{hop:2d} "
    previous = ""
    for probe in row:
        if not probe.address:
            text += " *"
            continue
        if probe.address != previous:
            text += f" {probe.address}" if numeric else f" {probe.address} ({probe.address})"
            previous = probe.address
        text += f"  {probe.time_ns / 1e6:.3f} ms"
        if probe.mark:
            text += f" {probe.mark}"
    return text
