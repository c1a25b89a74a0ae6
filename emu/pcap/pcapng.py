"""pcapng: every interface in one file, by name, with nanoseconds, directions and comments (draft-ietf-opsawg-pcapng)."""

from __future__ import annotations

from functools import lru_cache
from struct import Struct, pack

from emu.pcap.file import EPOCH_NS, LINKTYPE_ETHERNET, SNAPLEN, CaptureFile

SECTION_HEADER = 0x0A0D0D0A
BYTE_ORDER_MAGIC = 0x1A2B3C4D
INTERFACE_DESCRIPTION = 1
ENHANCED_PACKET = 6

# Options. Comments may stand in any block; the others belong to the block that their prefix names.
OPT_END = 0
OPT_COMMENT = 1
SHB_USERAPPL = 4
IF_NAME = 2
IF_DESCRIPTION = 3
IF_TSRESOL = 9
IF_TSOFFSET = 14
EPB_FLAGS = 2

# Directions: the two low bits of epb_flags.
UNKNOWN, INBOUND, OUTBOUND = 0, 1, 2

_END = b"\0\0\0\0"
_PAD = (b"", b"\0\0\0", b"\0\0", b"\0")  # by length & 3
_MAX_OPTION = 0xFFFF
_packet = Struct("<IIIIIII").pack  # type, block length, interface, time high, time low, bytes here, bytes on the wire
_u32 = Struct("<I").pack
_option = Struct("<HH").pack
# What ends the options of a packet, by direction.
_ENDINGS = (_END, *(pack("<HHI", EPB_FLAGS, 4, direction) + _END for direction in (INBOUND, OUTBOUND)))
# The same after the padding of a frame without comment, by direction and length & 3.
_TAILS = tuple(tuple(pad + (ending if direction else b"") for pad in _PAD) for direction, ending in enumerate(_ENDINGS))


def option(code: int, value: bytes) -> bytes:
    """One option, padded to four bytes. A value over 65,535 bytes is cut (between characters, if it is UTF-8)."""
    if len(value) > _MAX_OPTION:
        value = value[:_MAX_OPTION].decode("utf-8", "ignore").encode()
    return _option(code, len(value)) + value + _PAD[len(value) & 3]


def block(kind: int, body: bytes) -> bytes:
    """A block of this type; its length stands before and after the body, which is a multiple of four bytes."""
    length = _u32(len(body) + 12)
    return _u32(kind) + length + body + length


def section_header(application: str) -> bytes:
    body = pack("<IHHq", BYTE_ORDER_MAGIC, 1, 0, -1)  # version 1.0, length of the section not known
    return block(SECTION_HEADER, body + option(SHB_USERAPPL, application.encode()) + _END)


class PcapngWriter(CaptureFile):
    """Writes the frames of many interfaces. Interfaces may be added at any time, also between frames. The file is made by the first frame."""

    __slots__ = ("_interfaces",)

    def __init__(self, path: str, siblings: list[CaptureFile] | None = None, application: str = "emu") -> None:
        super().__init__(path, section_header(application), siblings)
        self._interfaces = 0

    def add_interface(self, name: str, description: str = "", linktype: int = LINKTYPE_ETHERNET) -> int:
        """Describe an interface; the number returned is what write() takes. Wireshark shows the name as frame.interface_name."""
        body = pack("<HHI", linktype, 0, SNAPLEN) + option(IF_NAME, text(name))
        if description:
            body += option(IF_DESCRIPTION, text(description))
        self.buf += block(INTERFACE_DESCRIPTION, body + option(IF_TSRESOL, b"\x09") + _END)
        self._interfaces += 1
        return self._interfaces - 1

    def write(self, t_ns: int, interface: int, wire: bytes, comment: str = "", direction: int = UNKNOWN) -> None:
        """Add a frame seen at an interface at virtual time `t_ns`; `direction` is INBOUND (received) or OUTBOUND (sent)."""
        length = len(wire)
        if length > SNAPLEN:
            wire = wire[:SNAPLEN]
        here = len(wire)
        if comment:
            tail = _PAD[here & 3] + _comment_option(comment) + _ENDINGS[direction]
        else:
            tail = _TAILS[direction][here & 3]
        total = 32 + here + len(tail)
        stamp = t_ns + EPOCH_NS
        buf = self.buf
        # In one step, so that Ctrl-C cannot come between the parts of a block.
        buf += _packet(ENHANCED_PACKET, total, interface, stamp >> 32, stamp & 0xFFFFFFFF, here, length) + wire + tail + _u32(total)
        if len(buf) >= self.limit:
            self.flush()


@lru_cache(maxsize=8192)
def _comment_option(comment: str) -> bytes:
    """A comment as an option. The packets of a connection have the same few comments."""
    return option(OPT_COMMENT, text(comment))


def text(value: str) -> bytes:
    """UTF-8, whatever the string holds (half a surrogate pair becomes a question mark)."""
    return value.encode("utf-8", "replace")
