"""arping, as iputils has it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from emu.aio.context import netns
from emu.aio.process import echo
from emu.net import addr, arp, route
from emu.net.fib import RTN_LOCAL
from emu.wire.addr import ip_int, ip_text, mac_text

if TYPE_CHECKING:
    from emu.wire.frame import Frame

BROADCAST = b"\xff" * 6
REQUEST, REPLY = 1, 2


@dataclass(frozen=True, slots=True)
class Options:
    """`count`: 0 for no end. `deadline`: -w. `detect`: -D. `first`: -f. `keep_broadcasting`: -b. `unsolicited`: -U. `answer`: -A."""

    interface: str
    count: int = 0
    deadline: float | None = None
    interval: float = 1.0
    source: str = ""
    detect: bool = False
    first: bool = False
    keep_broadcasting: bool = False
    unsolicited: bool = False
    answer: bool = False
    quiet: bool = False


class Arping:
    """One run; `stop()` ends it as SIGINT does."""

    def __init__(self, target: str, options: Options) -> None:
        self.options = options
        self.target = ip_int(target)
        self.heard: asyncio.Queue[tuple[int, bytes] | None] = asyncio.Queue()
        self.sent = self.broadcasts = self.received = 0
        self.mac = BROADCAST

    def stop(self) -> None:
        """End now, with the summary."""
        self.heard.put_nowait(None)

    async def run(self) -> int:
        """The exit status: 0 for as many answers as questions (with -D: for none, and always for -U and -A)."""
        ns, options = netns(), self.options
        device = ns.devices.get(options.interface)
        if device is None:
            return self._failed(f"arping: Device {options.interface} not available.")
        if not device.up:
            return self._failed(f'arping: Interface "{options.interface}" is down')
        if device is ns.lo:
            return self._failed(f'Interface "{options.interface}" is not ARPable')
        announcing = options.unsolicited or options.answer
        if options.source:
            source = ip_int(options.source)
        elif options.detect:
            source = 0
        else:
            source = self.target if announcing else addr.select_source(ns, device, self.target, 0)
        if source and route.addr_type(ns, source) != RTN_LOCAL:
            return self._failed("arping: bind: Cannot assign requested address")
        detach = ns.tp.attach("frame", self._tap(ns, device, source))
        self._say(f"ARPING {ip_text(self.target)} from {ip_text(source)} {device.name}")
        try:
            await self._probe(ns, device, source)
        finally:
            detach()
        self._say(f"Sent {self.sent} probes ({self.broadcasts} broadcast(s))")
        self._say(f"Received {self.received} response(s)")
        if announcing:
            return 0
        return int(bool(self.received)) if options.detect else int(self.sent != self.received)

    def _say(self, text: str) -> None:
        if not self.options.quiet:
            echo(text)

    def _failed(self, text: str) -> int:
        echo(text)
        return 2

    def _tap(self, ns: Any, device: Any, source: int) -> Any:
        def tap(t_ns: int, seen: Any, direction: str, frame: Frame) -> None:
            wire = frame.wire
            if seen is not device or direction != "rx" or wire[12:14] != b"\x08\x06" or len(wire) < 42 or wire[20:22] not in (b"\0\1", b"\0\2"):
                return
            if int.from_bytes(wire[28:32], "big") != self.target:
                return
            if int.from_bytes(wire[38:42], "big") != source and not self.options.detect:
                return
            self.heard.put_nowait((t_ns, wire))

        return tap

    async def _probe(self, ns: Any, device: Any, source: int) -> None:
        loop, options = asyncio.get_running_loop(), self.options
        end = loop.time() + options.deadline if options.deadline is not None else None
        while not options.count or self.sent < options.count:
            started = loop.time()
            if end is not None and started >= end - 1e-9:
                return
            self.broadcasts += self.mac == BROADCAST
            self.sent += 1
            tha = device.mac if options.answer else self.mac
            arp.send(ns, device, REPLY if options.answer else REQUEST, source, self.target, eth_dst=self.mac, tha=tha)
            while (left := min(started + options.interval, end or 1e18) - loop.time()) > 1e-9:
                try:
                    async with asyncio.timeout(left):
                        found = await self.heard.get()
                except TimeoutError:
                    break
                if found is None or self._answered(found, started):
                    return

    def _answered(self, found: tuple[int, bytes], started: float) -> bool:
        """An answer came; whether that is the end."""
        t_ns, wire = found
        options = self.options
        self.received += 1
        kind = "Unicast" if wire[:6] != BROADCAST else "Broadcast"
        word = "reply" if wire[21] == REPLY else "request"
        took = max(t_ns - round(started * 1e9), 0) // 1000
        self._say(f"{kind} {word} from {ip_text(self.target)} [{mac_text(wire[22:28]).upper()}]  {took // 1000}.{took % 1000:03d}ms")
        if not options.keep_broadcasting and not options.unsolicited and not options.answer:
            self.mac = bytes(wire[22:28])
        # recv_pack: with -w, as many answers as -c asked for are enough, whoever gave them
        return options.first or options.detect or (options.deadline is not None and self.received == options.count)
