"""DNS messages (RFC 1035): queries and answers as values, and as the bytes that travel. No I/O; servers and clients share it."""

from __future__ import annotations

from dataclasses import dataclass, field
from struct import error as StructError  # noqa: N812
from struct import pack, unpack_from

from emu.wire.addr import ip_int, ip_text

A, NS, CNAME, SOA, PTR, MX, TXT, AAAA, SRV, OPT, ANY = 1, 2, 5, 6, 12, 15, 16, 28, 33, 41, 255
TYPES = {A: "A", NS: "NS", CNAME: "CNAME", SOA: "SOA", PTR: "PTR", MX: "MX", TXT: "TXT", AAAA: "AAAA", SRV: "SRV", OPT: "OPT", ANY: "ANY"}
NUMBERS = {name: number for number, name in TYPES.items()}
IN = 1
NOERROR, FORMERR, SERVFAIL, NXDOMAIN, NOTIMP, REFUSED = range(6)
RCODES = {NOERROR: "NOERROR", FORMERR: "FORMERR", SERVFAIL: "SERVFAIL", NXDOMAIN: "NXDOMAIN", NOTIMP: "NOTIMP", REFUSED: "REFUSED"}
UDP_SIZE = 512  # of a client that did not say it takes more (EDNS)


class MessageError(ValueError):
    """Bytes that are no DNS message, or a name that is none."""


@dataclass(frozen=True, slots=True)
class Question:
    """`name`: with its dot at the end."""

    name: str
    type: int = A
    rclass: int = IN


@dataclass(frozen=True, slots=True)
class Record:
    """`data`: as zone files write it: an address, a name, `preference name`, `priority weight port name`, a quoted text. OPT: empty."""

    name: str
    type: int
    ttl: int
    data: str
    rclass: int = IN


@dataclass(frozen=True, slots=True)
class Message:
    """`udp_size`: what the sender takes over UDP (EDNS), 0 if it did not say. `recursion_available`, `authoritative`, `truncated`: of answers."""

    id: int
    questions: tuple[Question, ...] = ()
    answers: tuple[Record, ...] = ()
    authorities: tuple[Record, ...] = ()
    additionals: tuple[Record, ...] = ()
    response: bool = False
    opcode: int = 0
    rcode: int = NOERROR
    recursion_desired: bool = True
    recursion_available: bool = False
    authoritative: bool = False
    truncated: bool = False
    authentic_data: bool = False
    checking_disabled: bool = False
    udp_size: int = 0
    cookie: bytes = b""
    length: int = field(default=0, compare=False)  # of the bytes it was decoded from

    def reply(
        self, rcode: int = NOERROR, answers: tuple[Record, ...] = (), authorities: tuple[Record, ...] = (), additionals: tuple[Record, ...] = (),
    ) -> Message:  # fmt: skip
        """An answer to this query, by a server that answers for others."""
        return Message(
            self.id, self.questions, answers, authorities, additionals, True, self.opcode, rcode, self.recursion_desired, True,
            udp_size=1232 if self.udp_size else 0,
        )  # fmt: skip


# -- names


def absolute(name: str) -> str:
    """With its dot."""
    return name if name.endswith(".") else name + "."


def reverse_name(address: str) -> str:
    """`2.0.0.10.in-addr.arpa.` Raises ValueError."""
    return ".".join(reversed(ip_text(ip_int(address)).split("."))) + ".in-addr.arpa."


def encode_name(name: str) -> bytes:
    """Labels with their lengths, not compressed. Raises MessageError."""
    wire = b""
    for label in absolute(name)[:-1].split(".") if name not in ("", ".") else ():
        data = label.encode("utf-8", "surrogateescape")
        if not data or len(data) > 63:
            raise MessageError(f"'{name}' is not a legal name ({'empty label' if not data else 'label too long'})")
        wire += bytes((len(data),)) + data
    if len(wire) > 254:
        raise MessageError(f"'{name}' is not a legal name (name too long)")
    return wire + b"\0"


def decode_name(message: bytes, at: int) -> tuple[str, int]:
    """The name there and where it ends. Raises MessageError."""
    labels: list[str] = []
    end = -1
    jumps = 0
    while True:
        if at >= len(message):
            raise MessageError("a name runs beyond the message")
        size = message[at]
        if size >= 0xC0:
            if at + 1 >= len(message) or jumps > 64:
                raise MessageError("a name points nowhere")
            end = at + 2 if end < 0 else end
            at = (size & 0x3F) << 8 | message[at + 1]
            jumps += 1
        elif size > 63:
            raise MessageError("a label that is none")
        elif not size:
            return ".".join(labels) + ".", at + 1 if end < 0 else end
        else:
            labels.append("".join(chr(byte) if 33 <= byte < 127 else f"\\{byte:03d}" for byte in message[at + 1 : at + 1 + size]))
            at += 1 + size


# -- messages


def encode(message: Message) -> bytes:
    """The bytes; names that came before are pointed at. Raises MessageError."""
    flags = (
        message.response << 15 | message.opcode << 11 | message.authoritative << 10 | message.truncated << 9 | message.recursion_desired << 8
        | message.recursion_available << 7 | message.authentic_data << 5 | message.checking_disabled << 4 | message.rcode & 15
    )  # fmt: skip
    additionals = len(message.additionals) + (message.udp_size > 0)
    wire = bytearray(pack("!6H", message.id, flags, len(message.questions), len(message.answers), len(message.authorities), additionals))
    known: dict[str, int] = {}
    for question in message.questions:
        _put_name(wire, question.name, known)
        wire += pack("!HH", question.type, question.rclass)
    for record in (*message.answers, *message.authorities, *message.additionals):
        _put_name(wire, record.name, known)
        wire += pack("!HHI", record.type, record.rclass, record.ttl)
        at = len(wire)
        wire += b"\0\0"
        _put_data(wire, record, known)
        wire[at : at + 2] = pack("!H", len(wire) - at - 2)
    if message.udp_size:
        option = pack("!HH", 10, len(message.cookie)) + message.cookie if message.cookie else b""
        wire += b"\0" + pack("!HHIH", OPT, message.udp_size, 0, len(option)) + option
    return bytes(wire)


def _put_name(wire: bytearray, name: str, known: dict[str, int]) -> None:
    rest = absolute(name) if name not in ("", ".") else "."
    while rest != ".":
        if (place := known.get(rest.lower())) is not None:
            wire += pack("!H", 0xC000 | place)
            return
        if len(wire) < 0x4000:
            known[rest.lower()] = len(wire)
        label, _, rest = rest.partition(".")
        rest = rest or "."
        wire += encode_name(label)[:-1]
    wire += b"\0"


def _put_data(wire: bytearray, record: Record, known: dict[str, int]) -> None:
    kind, data = record.type, record.data
    try:
        if kind == A:
            wire += ip_int(data).to_bytes(4, "big")
        elif kind == AAAA:
            wire += _ipv6_bytes(data)
        elif kind in (NS, CNAME, PTR):
            _put_name(wire, data, known)
        elif kind == MX:
            preference, name = data.split()
            wire += pack("!H", int(preference))
            _put_name(wire, name, known)
        elif kind == SRV:
            *numbers, name = data.split()
            wire += pack("!3H", *map(int, numbers)) + encode_name(name)
        elif kind == SOA:
            server, mailbox, *numbers = data.split()
            _put_name(wire, server, known)
            _put_name(wire, mailbox, known)
            wire += pack("!5I", *map(int, numbers))
        elif kind == TXT:
            text = data.strip('"').encode("utf-8", "surrogateescape")
            for start in range(0, len(text) or 1, 255):
                piece = text[start : start + 255]
                wire += bytes((len(piece),)) + piece
    except (ValueError, StructError):
        raise MessageError(f"{record.name} {TYPES.get(kind, kind)}: {data!r}") from None


def _ipv6_bytes(text: str) -> bytes:
    import ipaddress

    return ipaddress.IPv6Address(text).packed


def decode(data: bytes) -> Message:
    """A message. Raises MessageError, never anything else, for any bytes."""
    try:
        return _decode(data)
    except (StructError, IndexError):
        raise MessageError("the message ends too early") from None


def _decode(data: bytes) -> Message:
    ident, flags, *counts = unpack_from("!6H", data)
    at = 12
    questions = []
    for _ in range(counts[0]):
        name, at = decode_name(data, at)
        kind, rclass = unpack_from("!HH", data, at)
        questions.append(Question(name, kind, rclass))
        at += 4
    sections: list[list[Record]] = [[], [], []]
    udp_size = 0
    for section, count in zip(sections, counts[1:], strict=True):
        for _ in range(count):
            name, at = decode_name(data, at)
            kind, rclass, ttl, size = unpack_from("!HHIH", data, at)
            at += 10
            if at + size > len(data):
                raise MessageError("a record runs beyond the message")
            if kind == OPT:
                udp_size = rclass
            else:
                section.append(Record(name, kind, ttl, _data(data, at, size, kind), rclass))
            at += size
    answers, authorities, additionals = map(tuple, sections)
    return Message(
        ident, tuple(questions), answers, authorities, additionals, bool(flags & 0x8000), flags >> 11 & 15, flags & 15, bool(flags & 0x100),
        bool(flags & 0x80), bool(flags & 0x400), bool(flags & 0x200), bool(flags & 0x20), bool(flags & 0x10), udp_size, length=len(data),
    )  # fmt: skip


def _data(message: bytes, at: int, size: int, kind: int) -> str:
    raw = message[at : at + size]
    if kind == A and size == 4:
        return ip_text(int.from_bytes(raw, "big"))
    if kind == AAAA and size == 16:
        import ipaddress

        return str(ipaddress.IPv6Address(raw))
    if kind in (NS, CNAME, PTR):
        return decode_name(message, at)[0]
    if kind == MX:
        return f"{unpack_from('!H', raw)[0]} {decode_name(message, at + 2)[0]}"
    if kind == SRV:
        priority, weight, port = unpack_from("!3H", raw)
        return f"{priority} {weight} {port} {decode_name(message, at + 6)[0]}"
    if kind == SOA:
        server, end = decode_name(message, at)
        mailbox, end = decode_name(message, end)
        return " ".join((server, mailbox, *map(str, unpack_from("!5I", message, end))))
    if kind == TXT:
        pieces = []
        place = 0
        while place < size:
            pieces.append('"' + raw[place + 1 : place + 1 + raw[place]].decode("utf-8", "backslashreplace") + '"')
            place += 1 + raw[place]
        return " ".join(pieces)
    return f"\\# {size} {raw.hex().upper()}"
