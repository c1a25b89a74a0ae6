"""TCP, UDP and ICMP in tcpdump 4.99's words."""

from __future__ import annotations

from collections.abc import Callable
from struct import pack, unpack_from

from emu.apps.services import service
from emu.wire.addr import ip_text
from emu.wire.checksum import checksum

TCP_FLAGS = ((0x01, "F"), (0x02, "S"), (0x04, "R"), (0x08, "P"), (0x10, "."), (0x20, "U"), (0x40, "E"), (0x80, "W"))
UNREACHABLE = {
    0: "net {0} unreachable", 1: "host {0} unreachable", 5: "{0} unreachable - source route failed", 6: "net {0} unreachable - unknown",
    7: "host {0} unreachable - unknown", 9: "net {0} unreachable - admin prohibited", 10: "host {0} unreachable - admin prohibited",
    13: "host {0} unreachable - admin prohibited filter",
}  # fmt: skip
HTTP_PORTS = (80, 3128, 8080)
DNS_PORTS = (53,)
VXLAN_PORTS = (4789, 8472)
HTTP = (b"HTTP/", b"GET ", b"HEAD ", b"POST ", b"PUT ", b"DELETE ", b"OPTIONS ", b"PATCH ")
TRANSPORTS = {6: "tcp", 17: "udp"}
Show = Callable[[bytes], str]


class Layer4:
    """`quoted`: shows a packet that an error quotes. `ethernet`: shows a frame that a tunnel carries."""

    def __init__(self, verbose: int, quiet: bool, absolute: bool, numeric: bool, quoted: Show, ethernet: Show) -> None:
        self.verbose, self.quiet, self.absolute, self.numeric, self.quoted, self.ethernet = verbose, quiet, absolute, numeric, quoted, ethernet
        self._first: dict[tuple[str, int, str, int], int] = {}

    def text(self, protocol: int, source: str, target: str, addresses: bytes, payload: bytes, length: int, more: bool) -> str:
        """`length`: of the payload as the IP header tells it; `more`: fragments follow."""
        if protocol == 1 and len(payload) >= 8:
            return f"{source} > {target}: {self._icmp(payload, length, more)}"
        if protocol in TRANSPORTS and len(payload) >= (20 if protocol == 6 else 8):
            sport, dport = unpack_from("!HH", payload)
            if protocol == 6:
                rest = self._tcp(source, sport, target, dport, payload, addresses, length)
            else:
                rest = self._udp(sport, dport, payload, addresses, length, more)
            name = TRANSPORTS[protocol]
            return f"{source}.{self._port(sport, name)} > {target}.{self._port(dport, name)}: {rest}"
        if protocol in TRANSPORTS and len(payload) >= 4:
            sport, dport = unpack_from("!HH", payload)
            return f"{source}.{sport} > {target}.{dport}:  [|{TRANSPORTS[protocol]}]"
        if protocol == 1:
            return f"{source} > {target}:  [|icmp]"
        return f"{source} > {target}: ip-proto-{protocol} {length}"

    def _port(self, number: int, protocol: str) -> str:
        return str(number) if self.numeric else service(number, protocol) or str(number)

    # -- UDP

    def _udp(self, sport: int, dport: int, payload: bytes, addresses: bytes, length: int, more: bool) -> str:
        size = max(unpack_from("!H", payload, 4)[0] - 8, 0)
        data = payload[8 : 8 + size]
        begin = ""
        if self.verbose > 1 and not self.quiet:
            said = unpack_from("!H", payload, 6)[0]
            if not said:
                begin = "[no cksum] "
            elif not more and len(payload) >= size + 8:
                right = _transport_checksum(addresses, 17, payload[: size + 8], 6)
                begin = "[udp sum ok] " if said == right else f"[bad udp cksum 0x{said:04x} -> 0x{right:04x}!] "
        if self.quiet:
            return f"UDP, length {size}"
        if sport in DNS_PORTS or dport in DNS_PORTS:
            from emu.apps.tcpdump_dns import dns

            return begin + dns(data, size, self.verbose)
        if (sport in VXLAN_PORTS or dport in VXLAN_PORTS) and len(data) >= 22:
            name = "VXLAN" if 4789 in (sport, dport) else "OTV"
            word = "vni" if name == "VXLAN" else "overlay 0, instance"
            flags = "I" if data[0] & 8 else "."
            return f"{begin}{name}, flags [{flags}] (0x{data[0]:02x}), {word} {int.from_bytes(data[4:7], 'big')}\n{self.ethernet(data[8:])}"
        return f"{begin}UDP, length {size}"

    # -- ICMP

    def _icmp(self, message: bytes, length: int, more: bool) -> str:
        kind, code = message[0], message[1]
        size = f", length {length}"
        wrong = self.verbose and not more and len(message) == length and checksum(message)
        if kind in (0, 8):
            number, sequence = unpack_from("!HH", message, 4)
            text = f"ICMP echo {'request' if kind == 8 else 'reply'}, id {number}, seq {sequence}{size}"
            return text + (_wrong_checksum(message) if wrong else "")
        inner = message[8:]
        text = f"ICMP {self._error(kind, code, message, inner)}{size}"
        if self.verbose and kind in (3, 4, 5, 11, 12) and len(inner) >= 20:
            if wrong:
                text += _wrong_checksum(message)
            text += f"\n\t{self.quoted(inner)}"
        return text

    def _error(self, kind: int, code: int, message: bytes, inner: bytes) -> str:
        target = _address(inner, 16) if len(inner) >= 20 else "?"
        if kind == 3 and code in UNREACHABLE:
            return UNREACHABLE[code].format(target)
        if kind == 3 and code == 3 and len(inner) >= 24:
            at = (inner[0] & 15) * 4 + 2
            port = unpack_from("!H", inner, at)[0] if len(inner) >= at + 2 else 0
            name = TRANSPORTS.get(inner[9])
            return f"{target} {name} port {self._port(port, name)} unreachable" if name else f"{target} protocol {inner[9]} port {port} unreachable"
        if kind == 3 and code == 4:
            return f"{target} unreachable - need to frag (mtu {unpack_from('!H', message, 6)[0]})"
        if kind == 3 and code == 2 and len(inner) >= 20:
            return f"{target} protocol {inner[9]} unreachable"
        if kind == 5 and code < 4:
            return f"redirect {target} to {('net', 'host', 'net', 'host')[code]} {_address(message, 4)}"
        if kind == 11:
            return "time exceeded in-transit" if code == 0 else "ip reassembly time exceeded"
        return f"type-#{kind}"

    # -- TCP

    def _tcp(self, source: str, sport: int, target: str, dport: int, segment: bytes, addresses: bytes, length: int) -> str:
        sequence, acknowledged = unpack_from("!II", segment, 4)
        offset, bits = max((segment[12] >> 4) * 4, 20), segment[13]
        size = max(length - offset, 0)
        if self.quiet:
            return f"tcp {size}"
        window, urgent = unpack_from("!H", segment, 14)[0], unpack_from("!H", segment, 18)[0]
        flags = "".join(letter for bit, letter in TCP_FLAGS if bits & bit) or "none"
        if not self.absolute:
            sequence, acknowledged = self._relative((source, sport, target, dport), sequence, acknowledged, bits)
        text = f"Flags [{flags}]"
        if self.verbose and len(segment) == length:
            said = unpack_from("!H", segment, 16)[0]
            right = _transport_checksum(addresses, 6, segment, 16)
            text += f", cksum 0x{said:04x} " + ("(correct)" if said == right else f"(incorrect -> 0x{right:04x})")
        if size or bits & 0x07 or self.verbose > 1:
            text += f", seq {sequence}:{(sequence + size) & 0xFFFFFFFF}" if size else f", seq {sequence}"
        if bits & 0x10:
            text += f", ack {acknowledged}"
        text += f", win {window}"
        if bits & 0x20:
            text += f", urg {urgent}"
        options = tcp_options(segment[20:offset])
        text += (f", options [{options}]" if options else "") + f", length {size}"
        return text + (http(segment[offset:], self.verbose) if sport in HTTP_PORTS or dport in HTTP_PORTS else "")

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


def _transport_checksum(addresses: bytes, protocol: int, segment: bytes, at: int) -> int:
    """What the checksum at offset `at` should be."""
    found = checksum(addresses + pack("!HH", protocol, len(segment)) + segment[:at] + b"\0\0" + segment[at + 2 :])
    return found or (0xFFFF if protocol == 17 else 0)


def _wrong_checksum(message: bytes) -> str:
    said = message[2] << 8 | message[3]
    return f" (wrong icmp cksum {said:x} (->{checksum(message[:2] + bytes(2) + message[4:]):x})!)"


def http(data: bytes, verbose: int) -> str:
    """The first line of an HTTP message, with -v all lines of its head."""
    if not data:
        return ""
    whole = b"\n" in data and data.startswith(HTTP)
    if verbose:
        if not whole:
            return ": HTTP"
        text = f": HTTP, length: {len(data)}"
        lines = data.split(b"\n")
        head: list[str] = []
        for line in lines[: len(lines) - (not lines[-1])]:
            head.append("\n\t" + _printable(line.removesuffix(b"\r")))
            if line in (b"\r", b""):
                break
        return text + "".join(head)
    return ": HTTP: " + _printable(data.split(b"\n")[0].removesuffix(b"\r")) if whole else ": HTTP"


def _printable(line: bytes) -> str:
    return "".join(chr(byte) if 32 <= byte < 127 else "." for byte in line)


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
