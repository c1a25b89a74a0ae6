"""Reads pcap (micro- and nanoseconds) and pcapng, either byte order, one record at a time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from struct import Struct
from typing import BinaryIO, NamedTuple

from emu.pcap.file import SNAPLEN, CaptureError
from emu.pcap.pcapng import (
    BYTE_ORDER_MAGIC,
    ENHANCED_PACKET,
    IF_NAME,
    IF_TSOFFSET,
    IF_TSRESOL,
    INTERFACE_DESCRIPTION,
    OPT_COMMENT,
    OPT_END,
    SECTION_HEADER,
)
from emu.pcap.writer import MAGIC_NS

MAGIC_US = 0xA1B2C3D4
SIMPLE_PACKET = 3
PACKET = 2  # obsolete, still found
_MAX_RECORD = 256 << 20  # a longer record or block is not one; memory is not asked for it


class Record(NamedTuple):
    """A captured frame. `t_ns` counts from 1970; subtract EPOCH_NS for virtual time. Several comments are joined by newlines."""

    t_ns: int
    linktype: int
    interface: str | None
    data: bytes
    comment: str


class _Interface(NamedTuple):
    linktype: int
    name: str | None
    snaplen: int
    unit: tuple[int, int]  # a tick in nanoseconds, as a fraction
    offset_ns: int


class CaptureReader:
    """Iterate to get the records of a file. Raises CaptureError, naming file and place, where it is broken.

    A file that ends inside a record, as one does whose writer was stopped, ends the iteration and sets `truncated`.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.truncated = False

    def __iter__(self) -> Iterator[Record]:
        self.truncated = False
        try:
            with self.path.open("rb") as file:
                head = file.read(4)
                kind = self._kind(head)
                yield from self._pcapng(file, head) if kind is None else self._pcap(file, *kind)
        except OSError as error:
            raise CaptureError(f"cannot read {self.path}: {error.strerror}") from None

    def _broken(self, file: BinaryIO, what: str) -> CaptureError:
        return CaptureError(f"{self.path}: broken before byte {file.tell()}: {what}")

    def _kind(self, head: bytes) -> tuple[str, int] | None:
        """Byte order and nanoseconds a tick for classic pcap, None for pcapng."""
        if head == SECTION_HEADER.to_bytes(4, "big"):  # reads the same both ways
            return None
        for order in "<>":
            for magic, unit in ((MAGIC_US, 1000), (MAGIC_NS, 1)):
                if head == Struct(order + "I").pack(magic):
                    return order, unit
        if not head:
            raise CaptureError(f"{self.path}: empty, not a capture")
        if head.startswith(b"\x1f\x8b"):
            raise CaptureError(f"{self.path}: compressed with gzip, uncompress it first")
        raise CaptureError(f"{self.path}: neither pcap nor pcapng")

    # -- classic pcap

    def _pcap(self, file: BinaryIO, order: str, unit: int) -> Iterator[Record]:
        header = file.read(20)
        if len(header) < 20:
            self.truncated = True
            return
        major, _minor, _zone, _sigfigs, snaplen, linktype = Struct(order + "HHiIII").unpack(header)
        if major != 2:
            raise self._broken(file, f"pcap version {major}, only 2 is known")
        linktype &= 0xFFFF  # above it: length of the frame check sequence
        longest = max(min(snaplen, _MAX_RECORD), SNAPLEN)
        parts = Struct(order + "IIII")
        while len(head := file.read(16)) == 16:
            seconds, ticks, here, _length = parts.unpack(head)
            if here > longest:
                raise self._broken(file, f"a record of {here} bytes where {longest} is the most")
            data = file.read(here)
            if len(data) < here:
                self.truncated = True
                return
            yield Record(seconds * 1_000_000_000 + ticks * unit, linktype, None, data, "")
        self.truncated = len(head) > 0

    # -- pcapng

    def _pcapng(self, file: BinaryIO, head: bytes) -> Iterator[Record]:
        order = "<"
        interfaces: list[_Interface] = []
        while head:
            head += file.read(8)
            if len(head) < 12:
                self.truncated = True
                return
            if head[:4] == b"\x0a\x0d\x0d\x0a":  # a section has its own byte order and its own interfaces
                order = self._order(file, head[8:])
                interfaces = []
            kind, length = Struct(order + "II").unpack(head[:8])
            if length % 4 or length < 12 or length > _MAX_RECORD:
                raise self._broken(file, f"a block of {length} bytes")
            rest = head[8:] + file.read(length - 12)
            if len(rest) < length - 8:
                self.truncated = True
                return
            if Struct(order + "I").unpack(rest[-4:])[0] != length:
                raise self._broken(file, "a block whose two lengths differ")
            try:
                if kind == INTERFACE_DESCRIPTION:
                    interfaces.append(_interface(rest[:-4], order))
                elif kind in (ENHANCED_PACKET, PACKET, SIMPLE_PACKET):
                    yield _record(kind, rest[:-4], order, interfaces)
            except _Broken as error:
                raise self._broken(file, str(error)) from None
            head = file.read(4)

    def _order(self, file: BinaryIO, magic: bytes) -> str:
        if magic == BYTE_ORDER_MAGIC.to_bytes(4, "little"):
            return "<"
        if magic == BYTE_ORDER_MAGIC.to_bytes(4, "big"):
            return ">"
        raise self._broken(file, "a section without a byte order")


class _Broken(Exception):
    """What is wrong with a block."""


def _options(body: bytes, at: int, order: str) -> Iterator[tuple[int, bytes]]:
    head = Struct(order + "HH")
    while at + 4 <= len(body):
        code, length = head.unpack_from(body, at)
        at += 4
        if code == OPT_END:
            return
        if at + length > len(body):
            raise _Broken("an option longer than its block")
        yield code, body[at : at + length]
        at += length + (-length & 3)


def _interface(body: bytes, order: str) -> _Interface:
    if len(body) < 8:
        raise _Broken("an interface block too short")
    linktype, _reserved, snaplen = Struct(order + "HHI").unpack_from(body)
    name, unit, offset = None, (1000, 1), 0
    for code, value in _options(body, 8, order):
        if code == IF_NAME:
            name = value.decode("utf-8", "replace")
        elif code == IF_TSRESOL and value:
            exponent = value[0] & 0x7F
            unit = (1_000_000_000, 2**exponent if value[0] & 0x80 else 10**exponent)
        elif code == IF_TSOFFSET and len(value) == 8:
            offset = Struct(order + "q").unpack(value)[0] * 1_000_000_000
    return _Interface(linktype, name, snaplen, unit, offset)


def _record(kind: int, body: bytes, order: str, interfaces: list[_Interface]) -> Record:
    """A packet block. A simple one has no time and belongs to the first interface; its time is given as 0."""
    start = 4 if kind == SIMPLE_PACKET else 20
    if len(body) < start:
        raise _Broken("a packet block too short")
    if kind == SIMPLE_PACKET:
        index = high = low = 0
        here = Struct(order + "I").unpack_from(body)[0]
    elif kind == PACKET:
        index, _drops, high, low, here, _length = Struct(order + "HHIIII").unpack_from(body)
    else:
        index, high, low, here, _length = Struct(order + "IIIII").unpack_from(body)
    if index >= len(interfaces):
        raise _Broken(f"a packet of interface {index}, of {len(interfaces)} described")
    linktype, name, snaplen, (numerator, denominator), offset = interfaces[index]
    if kind == SIMPLE_PACKET:
        return Record(0, linktype, name, body[4 : 4 + min(here, snaplen or here)], "")
    if start + here > len(body):
        raise _Broken("a packet longer than its block")
    end = start + here + (-here & 3)
    comments = [value.decode("utf-8", "replace") for code, value in _options(body, end, order) if code == OPT_COMMENT]
    return Record(((high << 32) | low) * numerator // denominator + offset, linktype, name, body[start : start + here], "\n".join(comments))
