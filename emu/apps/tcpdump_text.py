"""A frame as tcpdump -n prints it, without -v."""

from __future__ import annotations

from struct import unpack_from
from time import gmtime, strftime

from emu.wire.addr import ip_text, mac_text

EPOCH_S = 1_735_689_600
FLAGS = ((0x01, "F"), (0x02, "S"), (0x04, "R"), (0x08, "P"), (0x10, "."), (0x20, "U"), (0x40, "E"), (0x80, "W"))
UNREACHABLE = {
    0: "net {0} unreachable", 1: "host {0} unreachable", 10: "host {0} unreachable - admin prohibited",
    13: "host {0} unreachable - admin prohibited filter",
}  # fmt: skip
HTTP_PORTS = (80, 3128, 8080)
HTTP = (b"HTTP/", b"GET ", b"HEAD ", b"POST ", b"PUT ", b"DELETE ", b"OPTIONS ", b"PATCH ")
TRANSPORTS = {6: "tcp", 17: "udp"}


class Printer:
    """`any_device`: the device and direction stand in the line (-i any). Sequence numbers count from each direction's first (not with `absolute`)."""

    def __init__(self, any_device: bool, ethernet: bool, stamps: bool, quiet: bool, absolute: bool) -> None:
        self.any_device, self.ethernet, self.stamps, self.quiet, self.absolute = any_device, ethernet, stamps, quiet, absolute
        self._first: dict[tuple[str, int, str, int], int] = {}

    def line(self, t_ns: int, device: str, direction: str, wire: bytes) -> str:
        """One line without its end. Never raises for any bytes."""
        begin = ""
        if self.stamps:
            begin = strftime("%H:%M:%S", gmtime(EPOCH_S + t_ns // 1_000_000_000)) + f".{t_ns % 1_000_000_000 // 1000:06d} "
        if self.any_device:
            begin += f"{device:5} {'Out' if direction == 'tx' else 'In '} "
        if len(wire) < 14:
            return f"{begin}[|ether]"
        ethertype = wire[12] << 8 | wire[13]
        if self.ethernet:
            kind = {0x0800: "IPv4 (0x0800)", 0x0806: "ARP (0x0806)", 0x86DD: "IPv6 (0x86dd)"}.get(ethertype, f"Unknown (0x{ethertype:04x})")
            begin += f"{mac_text(wire[6:12])} > {mac_text(wire[:6])}, ethertype {kind}, length {len(wire)}: "
        if ethertype == 0x0806:
            return begin + ("" if self.ethernet else "ARP, ") + self._arp(wire)
        if ethertype == 0x0800:
            return begin + ("" if self.ethernet else "IP ") + self._ip(wire[14:])
        return f"{begin}ethertype 0x{ethertype:04x}, length {len(wire) - 14}"

    def _arp(self, wire: bytes) -> str:
        if len(wire) < 42:
            return "[|arp]"
        sender, target = _address(wire, 28), _address(wire, 38)
        if wire[21] == 1:
            whom = "" if wire[32:38] == bytes(6) else f" ({mac_text(wire[32:38])})"
            return f"Request who-has {target}{whom} tell {sender}, length {len(wire) - 14}"
        return f"Reply {sender} is-at {mac_text(wire[22:28])}, length {len(wire) - 14}"

    def _ip(self, packet: bytes) -> str:
        header = (packet[0] & 15) * 4 if packet else 0
        if len(packet) < 20 or header < 20 or packet[0] >> 4 != 4 or len(packet) < header:
            return "[|ip]"
        total, _, fragment = unpack_from("!HHH", packet, 2)
        source, target, protocol = _address(packet, 12), _address(packet, 16), packet[9]
        payload = packet[header : max(total, header)]
        if fragment & 0x1FFF:
            return f"{source} > {target}: ip-proto-{protocol}"
        if protocol == 1 and len(payload) >= 8:
            return f"{source} > {target}: {self._icmp(payload)}"
        if protocol in TRANSPORTS and len(payload) >= (20 if protocol == 6 else 8):
            sport, dport = unpack_from("!HH", payload)
            text = self._tcp(source, sport, target, dport, payload) if protocol == 6 else f"UDP, length {max(unpack_from('!H', payload, 4)[0] - 8, 0)}"
            return f"{source}.{sport} > {target}.{dport}: {text}"
        return f"{source} > {target}: ip-proto-{protocol} {len(payload)}"

    def _icmp(self, message: bytes) -> str:
        kind, code = message[0], message[1]
        size = f", length {len(message)}"
        if kind in (0, 8):
            number, sequence = unpack_from("!HH", message, 4)
            return f"ICMP echo {'request' if kind == 8 else 'reply'}, id {number}, seq {sequence}{size}"
        inner = message[8:]
        target = _address(inner, 16) if len(inner) >= 20 else "?"
        if kind == 3 and code in UNREACHABLE:
            return f"ICMP {UNREACHABLE[code].format(target)}{size}"
        if kind == 3 and code == 3 and len(inner) >= 24:
            port = unpack_from("!H", inner, (inner[0] & 15) * 4 + 2)[0] if len(inner) >= (inner[0] & 15) * 4 + 4 else 0
            return f"ICMP {target} {TRANSPORTS.get(inner[9], 'protocol')} port {port} unreachable{size}"
        if kind == 3 and code == 4:
            return f"ICMP {target} unreachable - need to frag (mtu {unpack_from('!H', message, 6)[0]}){size}"
        if kind == 3 and code == 2 and len(inner) >= 20:
            return f"ICMP {target} protocol {inner[9]} unreachable{size}"
        if kind == 5 and code < 4:
            return f"ICMP redirect {target} to {('net', 'host', 'net', 'host')[code]} {_address(message, 4)}{size}"
        if kind == 11:
            return f"ICMP {'time exceeded in-transit' if code == 0 else 'ip reassembly time exceeded'}{size}"
        return f"ICMP type-#{kind}{size}"

    def _tcp(self, source: str, sport: int, target: str, dport: int, segment: bytes) -> str:
        sequence, acknowledged = unpack_from("!II", segment, 4)
        offset, bits = (segment[12] >> 4) * 4, segment[13]
        window, urgent = unpack_from("!H", segment, 14)[0], unpack_from("!H", segment, 18)[0]
        size = max(len(segment) - max(offset, 20), 0)
        flags = "".join(letter for bit, letter in FLAGS if bits & bit) or "none"
        if not self.absolute:
            sequence, acknowledged = self._relative((source, sport, target, dport), sequence, acknowledged, bits)
        text = f"Flags [{flags}]"
        if size or bits & 0x07:
            text += f", seq {sequence}:{(sequence + size) & 0xFFFFFFFF}" if size else f", seq {sequence}"
        if bits & 0x10:
            text += f", ack {acknowledged}"
        text += f", win {window}"
        if bits & 0x20:
            text += f", urg {urgent}"
        options = tcp_options(segment[20:offset])
        return text + (f", options [{options}]" if options else "") + f", length {size}" + http(segment[max(offset, 20) :], sport, dport)

    def _relative(self, key: tuple[str, int, str, int], sequence: int, acknowledged: int, bits: int) -> tuple[int, int]:
        """As tcp_print(): a SYN shows its number, all else counts from the first one seen."""
        back = (key[2], key[3], key[0], key[1])
        if bits & 0x02:
            self._first[key] = sequence
            return sequence, acknowledged
        if key not in self._first:
            self._first[key] = sequence
            if bits & 0x10:
                self._first.setdefault(back, acknowledged)
            return sequence, acknowledged
        sequence = (sequence - self._first[key]) & 0xFFFFFFFF
        if bits & 0x10 and back in self._first:
            acknowledged = (acknowledged - self._first[back]) & 0xFFFFFFFF
        return sequence, acknowledged


def http(data: bytes, sport: int, dport: int) -> str:
    """The first line of an HTTP message, on the ports where tcpdump looks for one."""
    if not data or (sport not in HTTP_PORTS and dport not in HTTP_PORTS):
        return ""
    line = data.split(b"\r\n")[0].split(b"\n")[0]
    if not line.startswith(HTTP) or b"\n" not in data:
        return ": HTTP"
    return ": HTTP: " + "".join(chr(byte) if 32 <= byte < 127 else "." for byte in line)


def tcp_options(data: bytes) -> str:
    """`mss 1460,sackOK,TS val 1 ecr 0,nop,wscale 7`."""
    words: list[str] = []
    at = 0
    while at < len(data):
        kind = data[at]
        if kind in (0, 1):
            words.append("eol" if kind == 0 else "nop")
            at += 1
            if kind == 0:
                break
            continue
        size = data[at + 1] if at + 1 < len(data) else 0
        value = data[at + 2 : at + size]
        if size < 2 or len(value) != size - 2:
            break
        if kind == 2 and size == 4:
            words.append(f"mss {int.from_bytes(value, 'big')}")
        elif kind == 3 and size == 3:
            words.append(f"wscale {value[0]}")
        elif kind == 4:
            words.append("sackOK")
        elif kind == 5 and size >= 10:
            pairs = [unpack_from("!II", value, start) for start in range(0, len(value) - 7, 8)]
            words.append(f"sack {len(pairs)} " + "".join(f"{{{left}:{right}}}" for left, right in pairs))
        elif kind == 8 and size == 10:
            words.append("TS val {} ecr {}".format(*unpack_from("!II", value)))
        else:
            words.append(f"unknown-{kind}")
        at += size
    return ",".join(words)


def _address(data: bytes, at: int) -> str:
    return ip_text(int.from_bytes(data[at : at + 4], "big"))
