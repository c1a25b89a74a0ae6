"""tcpdump: frames of a device as lines of text in tcpdump 4.99's words, or into a pcap file."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from dataclasses import dataclass
from struct import pack
from typing import TYPE_CHECKING, Any, BinaryIO

from emu.aio.context import netns
from emu.apps.stdio import Stdio
from emu.apps.tcpdump_filter import Test
from emu.apps.tcpdump_text import Printer
from emu.pcap.file import EPOCH_NS, SNAPLEN, CaptureError
from emu.pcap.reader import CaptureReader
from emu.pcap.writer import file_header

if TYPE_CHECKING:
    from emu.wire.frame import Frame

NS = 1_000_000_000
LOOPBACK = "lo"


@dataclass(frozen=True, slots=True)
class Options:
    """`interface`: a device's name, `any`, or "" for the first that is up. `count`: frames after which it ends, 0 for none. `direction`: "", in, out."""

    interface: str = ""
    write: str = ""
    count: int = 0
    ethernet: bool = False
    stamps: bool = True
    direction: str = ""
    quiet: bool = False
    absolute: bool = False


class Tcpdump:
    """One capture, from `run` until `count` frames, `stop()`, or the end of its process."""

    def __init__(self, stdio: Stdio, options: Options, wanted: Test) -> None:
        self.stdio, self.options, self.wanted = stdio, options, wanted
        self.captured = 0
        self.queue: asyncio.Queue[tuple[int, Any, str, bytes] | None] = asyncio.Queue()

    def stop(self) -> None:
        """As SIGINT and SIGTERM do: the summary, and the end."""
        self.queue.put_nowait(None)

    async def run(self) -> int:
        """The exit status."""
        ns, options = netns(), self.options
        device = self._device(ns)
        if device is None:
            return 1
        detach = ns.tp.attach("frame", self._tap(ns, device))
        file: BinaryIO | None = None
        try:
            if options.write:
                file = self._open()
            note = "" if options.write else "verbose output suppressed, use -v[v]... for full protocol decode\n"
            kind = "LINUX_SLL2 (Linux cooked v2)" if device == "any" else "EN10MB (Ethernet)"
            self.stdio.error(f"tcpdump: {note}listening on {device}, link-type {kind}, snapshot length {SNAPLEN} bytes\n".encode())
            await self._take(file, Printer(device == "any", options.ethernet, options.stamps, options.quiet, options.absolute))
        except OSError as error:
            self.stdio.error(f"tcpdump: {options.write}: {error.strerror}\n".encode())
            return 1
        finally:
            detach()
            if file is not None:
                file.close()
        plural = "" if self.captured == 1 else "s"
        summary = f"{self.captured} packet{plural} captured\n{self.captured} packet{plural} received by filter\n0 packets dropped by kernel\n"
        self.stdio.error(summary.encode())
        return 0

    async def _take(self, file: BinaryIO | None, printer: Printer) -> None:
        while (found := await self.queue.get()) is not None:
            t_ns, device, direction, wire = found
            if file is not None:
                now = t_ns + EPOCH_NS
                file.write(pack("<IIII", now // NS, now % NS, len(wire), len(wire)) + wire)
                file.flush()
            else:
                self.stdio.write(f"{printer.line(t_ns, device.name, direction, wire)}\n".encode())
            self.captured += 1
            if self.captured == self.options.count:
                return

    def read(self, name: str) -> int:
        """-r: what a file holds."""
        options = self.options
        try:
            records = [record for record in CaptureReader(os.path.join(self.stdio.cwd, name)) if self.wanted(record.data)]
        except (CaptureError, OSError):
            self.stdio.error(f"tcpdump: {name}: no capture file that can be read\n".encode())
            return 1
        self.stdio.error(f"reading from file {name}, link-type EN10MB (Ethernet), snapshot length {SNAPLEN}\n".encode())
        printer = Printer(False, options.ethernet, options.stamps, options.quiet, options.absolute)
        for record in records[: options.count or None]:
            self.stdio.write(f"{printer.line(record.t_ns - EPOCH_NS, '', 'rx', record.data)}\n".encode())
        return 0

    def _device(self, ns: Any) -> str | None:
        name = self.options.interface or next((device.name for device in ns.devices.values() if device.up and device.name != LOOPBACK), "any")
        if name != "any" and name not in ns.devices:
            self.stdio.error(f"tcpdump: {name}: No such device exists\n(No such device exists)\n".encode())
            return None
        return str(name)

    def _tap(self, ns: Any, wanted: str) -> Callable[[int, Any, str, Frame], None]:
        direction_wanted = {"in": "rx", "out": "tx"}.get(self.options.direction, "")
        put, test = self.queue.put_nowait, self.wanted

        def tap(t_ns: int, device: Any, direction: str, frame: Frame) -> None:
            if device.netns is not ns or (wanted not in ("any", device.name)) or (direction_wanted and direction != direction_wanted):
                return
            if device.name == LOOPBACK and direction == "tx":
                return  # libpcap leaves out what goes out of the loopback device: it comes in again
            wire = frame.wire
            if test(wire):
                put((t_ns, device, direction, wire))

        return tap

    def _open(self) -> BinaryIO:
        file = open(os.path.join(self.stdio.cwd, self.options.write), "wb")  # noqa: SIM115 - closed by run
        file.write(file_header())
        file.flush()
        return file
