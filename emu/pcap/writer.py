"""Classic pcap with nanoseconds: one file for one interface (draft-ietf-opsawg-pcap)."""

from __future__ import annotations

from struct import Struct, error, pack

from emu.pcap.file import EPOCH_NS, LINKTYPE_ETHERNET, SNAPLEN, CaptureError, CaptureFile

MAGIC_NS = 0xA1B23C4D  # times are seconds and nanoseconds

_NS = 1_000_000_000
_EPOCH_S = EPOCH_NS // _NS
_record = Struct("<IIII").pack  # seconds, nanoseconds, bytes here, bytes on the wire


def file_header(linktype: int = LINKTYPE_ETHERNET) -> bytes:
    """The 24 bytes before the first record: magic, version 2.4, two zeros, snaplen, link type."""
    return pack("<IHHiIII", MAGIC_NS, 2, 4, 0, 0, SNAPLEN, linktype)


_ETHERNET = file_header()


class PcapWriter(CaptureFile):
    """Writes the frames of one interface. The file is made by the first frame."""

    __slots__ = ()

    def __init__(self, path: str, siblings: list[CaptureFile] | None = None) -> None:
        super().__init__(path, _ETHERNET, siblings)

    def write(self, t_ns: int, wire: bytes) -> None:
        """Add a frame, as bytes from the destination MAC on, seen at virtual time `t_ns`."""
        here = length = len(wire)
        if length > SNAPLEN:
            wire = wire[:SNAPLEN]
            here = SNAPLEN
        buf = self.buf
        try:
            # In one step, so that Ctrl-C cannot come between a header and its frame.
            buf += _record(t_ns // _NS + _EPOCH_S, t_ns % _NS, here, length) + wire
        except error:
            raise CaptureError(f"{self.path}: virtual time {t_ns} ns does not fit a pcap file, which ends in 2106") from None
        if len(buf) >= self.limit:
            self.flush()
