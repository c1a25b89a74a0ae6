"""A frame as tcpdump 4.99 prints it: link, IP and ARP. (TCP, UDP and ICMP: tcpdump_layer4.)"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from struct import unpack_from
from time import gmtime, strftime

from emu.apps.tcpdump_layer4 import Layer4
from emu.wire.addr import ip_text, mac_text
from emu.wire.checksum import checksum

EPOCH_S = 1_735_689_600
ETHERTYPES = {0x0800: "IPv4", 0x0806: "ARP", 0x86DD: "IPv6", 0x8100: "802.1Q"}
PROTOCOLS = {1: "ICMP", 2: "IGMP", 4: "IPIP", 6: "TCP", 17: "UDP", 47: "GRE", 50: "ESP", 89: "OSPF"}
FLAGS = {0: "none", 1: "+", 2: "DF", 3: "+, DF", 4: "rsvd"}


@dataclass(frozen=True, slots=True)
class Style:
    """`stamps`: how often -t was given. `hexdump`: "", x, X or A; `link_too`: also of the link header. `numeric`: -n. `absolute`: -S."""

    stamps: int = 0
    ethernet: bool = False
    quiet: bool = False
    absolute: bool = False
    verbose: int = 0
    hexdump: str = ""
    link_too: bool = False
    numeric: bool = True
    number: bool = False


class Printer:
    """`any_device`: the device and direction stand in the line (-i any). Sequence numbers count from each direction's first (not with `absolute`)."""

    def __init__(self, any_device: bool, style: Style) -> None:
        self.any_device, self.style = any_device, style
        self.layer4 = Layer4(style.verbose, style.quiet, style.absolute, style.numeric, self._quoted, self.ethernet)
        self.count = 0
        self._before: int | None = None  # when the last frame came (-ttt), or the first (-ttttt)

    def line(self, t_ns: int, device: str, direction: str, wire: bytes, index: int = 0) -> str:
        """One frame, without the end of its last line. Never raises for any bytes. `direction`: a key of DIRECTIONS. `index`: the device's."""
        self.count += 1
        begin = (f"{self.count:5}  " if self.style.number else "") + self._stamp(t_ns)
        if self.any_device:
            begin += f"{device:5} {DIRECTIONS.get(direction, direction)} "
        text = begin + (self._cooked(wire, index) if self.any_device else self.frame(wire))
        style = self.style
        if not style.hexdump:
            return text
        shown = wire if style.link_too or len(wire) < 14 else wire[14:]
        return text + DUMPS[style.hexdump](shown)

    def _stamp(self, t_ns: int) -> str:
        how = self.style.stamps
        now = EPOCH_S + t_ns // 1_000_000_000
        micro = t_ns % 1_000_000_000 // 1000
        if how == 1:
            return ""
        if how == 2:
            return f"{now}.{micro:06d} "
        if how in (3, 5):
            base = t_ns if self._before is None else self._before
            if how == 3 or self._before is None:
                self._before = t_ns
            passed = t_ns // 1000 - base // 1000
            return strftime(" %H:%M:%S", gmtime(passed // 1_000_000)) + f".{passed % 1_000_000:06d} "
        return strftime("%Y-%m-%d %H:%M:%S" if how == 4 else "%H:%M:%S", gmtime(now)) + f".{micro:06d} "

    def _cooked(self, wire: bytes, index: int) -> str:
        if not self.style.ethernet or len(wire) < 14:
            return self.frame(wire, False)
        kind = ethertype_text(wire[12] << 8 | wire[13])
        return f"ifindex {index} {mac_text(wire[6:12])} ethertype {kind}, length {len(wire) + 6}: {self._network(wire, True)}"

    def frame(self, wire: bytes, ethernet: bool | None = None) -> str:
        """A whole frame, with its link header if that is wanted."""
        if len(wire) < 14:
            return "[|ether]"
        ethertype = wire[12] << 8 | wire[13]
        if ethernet is None:
            ethernet = self.style.ethernet
        if not ethernet:
            return self._network(wire, False)
        return f"{mac_text(wire[6:12])} > {mac_text(wire[:6])}, ethertype {ethertype_text(ethertype)}, length {len(wire)}: {self._network(wire, True)}"

    def _quoted(self, packet: bytes) -> str:
        return ("" if self.style.ethernet else "IP ") + self.ip(packet)

    def ethernet(self, wire: bytes) -> str:
        """What a tunnel carries: always with its link header only when asked for."""
        return self.frame(wire)

    def _network(self, wire: bytes, named: bool) -> str:
        """`named`: the link header said already what it is."""
        ethertype = wire[12] << 8 | wire[13]
        if ethertype == 0x0806:
            return ("" if named else "ARP, ") + self._arp(wire)
        if ethertype == 0x0800:
            return ("" if named else "IP ") + self.ip(wire[14:])
        if ethertype == 0x86DD:
            return ("" if named else "IP6 ") + "[not shown]"
        return f"ethertype 0x{ethertype:04x}, length {len(wire) - 14}" if not named else f"length {len(wire) - 14}"

    def _arp(self, wire: bytes) -> str:
        if len(wire) < 42:
            return "[|arp]"
        kind = "Ethernet (len 6), IPv4 (len 4), " if self.style.verbose else ""
        sender, target = address(wire, 28), address(wire, 38)
        if wire[21] == 1:
            whom = "" if wire[32:38] == bytes(6) else f" ({mac_text(wire[32:38])})"
            return f"{kind}Request who-has {target}{whom} tell {sender}, length {len(wire) - 14}"
        maker = "" if self.style.numeric else " (oui Unknown)"
        return f"{kind}Reply {sender} is-at {mac_text(wire[22:28])}{maker}, length {len(wire) - 14}"

    def ip(self, packet: bytes) -> str:
        """An IP packet, also one that an ICMP error quotes."""
        header = (packet[0] & 15) * 4 if packet else 0
        if len(packet) < 20 or header < 20 or packet[0] >> 4 != 4 or len(packet) < header:
            return "[|ip]"
        total, ident, fragment = unpack_from("!HHH", packet, 2)
        source, target, protocol = address(packet, 12), address(packet, 16), packet[9]
        begin = ""
        if self.style.verbose:
            name = f"{PROTOCOLS[protocol]} ({protocol})" if protocol in PROTOCOLS else f"unknown ({protocol})"
            begin = f"(tos 0x{packet[1]:x}{(', ECT(0)' if packet[1] & 3 == 2 else ',CE' if packet[1] & 3 == 3 else '')}, ttl {packet[8]}, id {ident}, "
            begin += f"offset {(fragment & 0x1FFF) * 8}, flags [{FLAGS[fragment >> 13]}], proto {name}, length {total}"
            if header > 20:
                begin += f", options ({ip_options(packet[20:header])})"
            if (found := checksum(packet[:header])) != 0:
                said = packet[10] << 8 | packet[11]
                right = checksum(packet[:10] + b"\0\0" + packet[12:header])
                begin += f", bad cksum {said:x} (->{right:x})!" if found else ""
            begin += ")\n    "
        payload = packet[header : max(total, header)]
        if fragment & 0x1FFF:
            name = f"ip-proto-{protocol}" if self.style.numeric else PROTOCOLS.get(protocol, f"ip-proto-{protocol}").lower()
            return f"{begin}{source} > {target}: {name}"
        return begin + self.layer4.text(protocol, source, target, packet[12:20], payload, total - header, bool(fragment & 0x2000))


DIRECTIONS = {"tx": "Out", "rx": "In ", "broadcast": "B  ", "multicast": "M  ", "other": "P  "}


def ethertype_text(number: int) -> str:
    """`IPv4 (0x0800)`."""
    return f"{ETHERTYPES.get(number, 'Unknown')} (0x{number:04x})"


def ip_options(data: bytes) -> str:
    """`RR 10.0.0.1, ...` in short: the names of the options."""
    names = {0: "EOL", 1: "NOP", 7: "RR", 68: "TS", 131: "LSRR", 137: "SSRR", 148: "RA"}
    words: list[str] = []
    at = 0
    while at < len(data):
        words.append(names.get(data[at], f"unknown {data[at]}"))
        if data[at] == 0:
            break
        at += 1 if data[at] == 1 else max(data[at + 1] if at + 1 < len(data) else 2, 2)
    return ",".join(words)


def address(data: bytes, at: int) -> str:
    """The address there."""
    return ip_text(int.from_bytes(data[at : at + 4], "big"))


# -- what is asked for by -x, -X and -A


def hex_dump(data: bytes) -> str:
    """-x."""
    return "".join(f"\n\t0x{at:04x}:  {_pairs(data[at : at + 16])}" for at in range(0, len(data), 16))


def hex_and_ascii(data: bytes) -> str:
    """-X."""
    lines = []
    for at in range(0, len(data), 16):
        row = data[at : at + 16]
        shown = "".join(chr(byte) if 33 <= byte < 127 else "." for byte in row)
        lines.append(f"\n\t0x{at:04x}:  {_pairs(row):39}  {shown}")
    return "".join(lines)


def ascii_only(data: bytes) -> str:
    """-A."""
    shown = "\n"
    for at, byte in enumerate(data):
        if byte == 13 and data[at + 1 : at + 2] == b"\n":
            continue
        shown += chr(byte) if 33 <= byte < 127 or byte in b"\t \n" else "."
    return shown


def _pairs(row: bytes) -> str:
    return " ".join(row[at : at + 2].hex() for at in range(0, len(row), 2))


DUMPS: dict[str, Callable[[bytes], str]] = {"x": hex_dump, "X": hex_and_ascii, "A": ascii_only}
