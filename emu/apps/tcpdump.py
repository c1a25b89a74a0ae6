"""tcpdump: frames of a device as lines of text in tcpdump 4.99's words, or into a pcap file."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from struct import pack, unpack_from
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol

from emu.aio.context import netns
from emu.apps.capture_filter import Test, compile_filter, everything
from emu.apps.libpcap import EN10MB, LINUX_SLL2
from emu.apps.stdio import Stdio
from emu.apps.tcpdump_text import Printer, Style
from emu.pcap.file import EPOCH_NS, SNAPLEN, CaptureError
from emu.pcap.reader import CaptureReader

if TYPE_CHECKING:
    from emu.wire.frame import Frame

NS = 1_000_000_000
LOOPBACK = "lo"
LINK_TYPES = {EN10MB: "EN10MB (Ethernet)", LINUX_SLL2: "LINUX_SLL2 (Linux cooked v2)"}
SLL2_HEADER = 20
KINDS = {0: "rx", 1: "broadcast", 2: "multicast", 3: "other", 4: "tx"}
Found = tuple[int, Any, str, bytes]


@dataclass(frozen=True, slots=True)
class Options:
    """`interface`: a device's name, `any`, or "" for the first that is up. `count`: frames after which it ends, 0 for none. `direction`: "", in, out.
    `promiscuous`: off with -p; it changes what a bridge delivers."""

    interface: str = ""
    write: str = ""
    count: int = 0
    direction: str = ""
    snaplen: int = SNAPLEN
    promiscuous: bool = True
    style: Style = field(default_factory=Style)


class Sink(Protocol):
    """Where -w writes."""

    def write(self, data: bytes) -> object:
        """A file header or a record."""


class Tcpdump:
    """One capture, from `run` until `count` frames, `stop()`, or the end of its process."""

    def __init__(self, stdio: Stdio, options: Options) -> None:
        self.stdio, self.options = stdio, options
        self.wanted: Test = everything
        self.captured = 0
        self.queue: asyncio.Queue[Found | None] = asyncio.Queue()

    def stop(self) -> None:
        """As SIGINT and SIGTERM do: the summary, and the end."""
        self.queue.put_nowait(None)

    @property
    def link_type(self) -> int:
        """What the frames of the capture begin with."""
        return LINUX_SLL2 if self.device_name() == "any" else EN10MB

    def device_name(self) -> str:
        """Where it captures."""
        return self.options.interface or next((device.name for device in netns().devices.values() if device.up and device.name != LOOPBACK), "any")

    async def run(self, wanted: Test) -> int:
        """The exit status."""
        ns, options = netns(), self.options
        self.wanted = wanted
        device = self._device(ns)
        if device is None:
            return 1
        detach = ns.tp.attach("frame", self._tap(ns, device))
        watched = ns.devices.get(device) if options.promiscuous else None
        if watched is not None:
            watched.set_promiscuity(1)
        file: BinaryIO | None = None
        sink: Sink | None = None
        try:
            if options.write == "-":
                sink = self.stdio
            elif options.write:
                sink = file = _create(self.stdio.path(options.write))
            if sink is not None:
                sink.write(pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, options.snaplen, self.link_type))
            self._announce(device)
            await self._take(sink, Printer(device == "any", options.style))
        except OSError as error:
            self.stdio.error(f"tcpdump: {options.write}: {error.strerror}\n".encode())
            return 1
        finally:
            detach()
            if watched is not None:
                watched.set_promiscuity(-1)
            if file is not None:
                file.close()
        waiting = sum(one is not None for one in self.queue._queue)  # type: ignore[attr-defined]  # came, and was not taken any more
        summary = f"{_packets(self.captured)} captured\n{_packets(self.captured + waiting)} received by filter\n0 packets dropped by kernel\n"
        self.stdio.error(summary.encode())
        return 0

    def _announce(self, device: str) -> None:
        options = self.options
        lines = "tcpdump: data link type LINUX_SLL2\n" if device == "any" else ""
        if options.write or options.style.verbose:
            lines += "tcpdump: "
        else:
            lines += "tcpdump: verbose output suppressed, use -v[v]... for full protocol decode\n"
        self.stdio.error(f"{lines}listening on {device}, link-type {LINK_TYPES[self.link_type]}, snapshot length {options.snaplen} bytes\n".encode())

    async def _take(self, sink: Sink | None, printer: Printer) -> None:
        cooked_capture = printer.any_device
        while (found := await self.queue.get()) is not None:
            t_ns, device, direction, wire = found
            if sink is not None:
                now = t_ns + EPOCH_NS
                packet = cooked(wire, device, direction) if cooked_capture else wire
                kept = packet[: self.options.snaplen]
                sink.write(pack("<IIII", now // NS, now % NS // 1000, len(kept), len(packet)) + kept)
            else:
                if cooked_capture:
                    direction = KINDS[kind_of(wire, device, direction)]
                self.stdio.write(f"{printer.line(t_ns, device.name, direction, wire, device.ifindex)}\n".encode())
            self.captured += 1
            if self.captured == self.options.count:
                return

    def read(self, name: str, file: str, words: list[str]) -> int:
        """-r: what a file holds. `file`: where it lies; `words`: the filter. Raises FilterError, NotEmulated."""
        options = self.options
        try:
            os.stat(file)
            records = list(CaptureReader(file))
        except CaptureError:
            self.stdio.error(b"tcpdump: unknown file format\n")
            return 1
        except OSError as error:
            self.stdio.error(f"tcpdump: {name}: {error.strerror}\n".encode())
            return 1
        link_type = records[0].linktype if records else EN10MB
        wanted = compile_filter(words, link_type)
        records = [record for record in records if wanted(record.data, False)]
        if link_type not in LINK_TYPES:
            self.stdio.error(f"emu: not emulated: capture files of link type {link_type}\n".encode())
            return 1
        warning = "Warning: interface names might be incorrect\n" if link_type == LINUX_SLL2 else ""
        self.stdio.error(f"reading from file {name}, link-type {LINK_TYPES[link_type]}, snapshot length {SNAPLEN}\n{warning}".encode())
        printer = Printer(link_type == LINUX_SLL2, options.style)
        names = {device.ifindex: device.name for device in netns().devices.values()}
        for record in records[: options.count or None]:
            index, direction, wire = uncooked(record.data) if link_type == LINUX_SLL2 else (0, "rx", record.data)
            line = printer.line(record.t_ns - EPOCH_NS, names.get(index, f"if{index}"), direction, wire, index)
            self.stdio.write(f"{line}\n".encode())
        return 0

    def _device(self, ns: Any) -> str | None:
        name = self.device_name()
        if name == "any":
            return name
        if name not in ns.devices:
            self.stdio.error(f"tcpdump: {name}: No such device exists\n(No such device exists)\n".encode())
            return None
        if not ns.devices[name].up:
            self.stdio.error(f"tcpdump: {name}: That device is not up\n".encode())
            return None
        return name

    def _tap(self, ns: Any, wanted: str) -> Callable[[int, Any, str, Frame], None]:
        direction_wanted = {"in": "rx", "out": "tx"}.get(self.options.direction, "")
        put, test = self.queue.put_nowait, self.wanted

        def tap(t_ns: int, device: Any, direction: str, frame: Frame) -> None:
            if device.netns is not ns or (wanted not in ("any", device.name)) or (direction_wanted and direction != direction_wanted):
                return
            if device.name == LOOPBACK and direction == "tx":
                return  # libpcap leaves out what goes out of the loopback device: it comes in again
            wire = frame.wire
            if test(cooked(wire, device, direction) if wanted == "any" else wire, direction == "tx"):
                put((t_ns, device, direction, wire))

        return tap


def _create(path: str) -> BinaryIO:
    return open(path, "wb", buffering=0)


def kind_of(wire: bytes, device: Any, direction: str) -> int:
    """sll_pkttype: 0 for us, 1 broadcast, 2 multicast, 3 for somebody else, 4 from us."""
    if direction == "tx":
        return 4
    if wire[:1] and wire[0] & 1:
        return 1 if wire[:6] == b"\xff" * 6 else 2
    return 0 if wire[:6] == device.mac else 3


def cooked(wire: bytes, device: Any, direction: str) -> bytes:
    """The packet as `-i any` has it: a header of protocol, device, who it was for, sender's MAC (LINKTYPE_LINUX_SLL2)."""
    hardware = 772 if device.name == LOOPBACK else 1
    return wire[12:14] + pack("!HIHBB", 0, device.ifindex, hardware, kind_of(wire, device, direction), 6) + wire[6:12] + b"\0\0" + wire[14:]


def uncooked(packet: bytes) -> tuple[int, str, bytes]:
    """The device's index, the direction, and a frame of what is known."""
    if len(packet) < SLL2_HEADER:
        return 0, "rx", b""
    index, kind = unpack_from("!I", packet, 4)[0], packet[10]
    return index, KINDS.get(kind, "rx"), bytes(6) + packet[12:18] + packet[:2] + packet[SLL2_HEADER:]


def _packets(count: int) -> str:
    return f"{count} packet{'' if count == 1 else 's'}"


def list_devices(ns: Any) -> list[str]:
    """-D: the devices one can capture on, as tcpdump lists them."""
    lines = []
    others = [device for device in ns.devices.values() if device.name != LOOPBACK]
    up = [device for device in others if device.up]
    entries = [(device.name, _state(device)) for device in up]
    entries.append(("any (Pseudo-device that captures on all interfaces)", "Up, Running"))
    loopback = ns.devices.get(LOOPBACK)
    if loopback is not None:
        entries.append((LOOPBACK, "Up, Running, Loopback" if loopback.up else "Loopback"))
    entries += [(device.name, "none, Disconnected") for device in others if not device.up]
    for number, (name, state) in enumerate(entries, 1):
        lines.append(f"{number}.{name} [{state}]")
    return lines


def _state(device: Any) -> str:
    return "Up, Running, Connected" if getattr(device, "carrier", True) else "Up, Disconnected"
