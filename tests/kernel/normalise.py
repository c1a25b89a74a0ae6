"""Frames as lines of text that are equal whenever Linux would call them equal.

A `Normaliser` turns the bytes of frames into lines such as

    arp request who-has 10.244.1.3 tell 10.244.1.2 web-0.eth0>ff
    web-0.eth0>node1.cbr0 ip 10.244.1.2>10.244.2.2 ttl 64 df id x | icmp echo request id i1 seq 1 data 56

and takes out only what cannot be the same twice: the IP id (0 stays 0; the fragments of one packet share a number), TCP's initial
sequence numbers and clock values, ports and ICMP ids chosen by a program's kernel (numbered by appearance), MACs (named by
their device), the date and a client's port in an HTTP answer. Checksums are checked and a wrong one is written out. Works on any bytes;
knows nothing of where they come from.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable
from functools import partial

BROADCAST = b"\xff" * 6
VXLAN_PORTS = (8472, 4789)  # Linux's own and RFC 7348's
ICMP_NAMES = {
    (3, 0): "net unreachable", (3, 1): "host unreachable", (3, 2): "protocol unreachable", (3, 3): "port unreachable", (3, 4): "frag needed",
    (3, 9): "net prohibited", (3, 10): "host prohibited", (3, 13): "admin prohibited", (5, 0): "redirect net", (5, 1): "redirect host",
    (11, 0): "ttl exceeded", (11, 1): "reassembly time exceeded", (12, 0): "parameter problem",
}  # fmt: skip
TCP_FLAGS = "FSRPAUEC"
END = re.compile(r"src=([\d.]+) dst=([\d.]+) sport=(\d+) dport=(\d+)")


def dotted(raw: bytes) -> str:
    return ".".join(str(byte) for byte in raw)


def checksum(raw: bytes) -> int:
    """The internet checksum (RFC 1071): 0 over a block that carries its own right checksum."""
    if len(raw) % 2:
        raw += b"\0"
    total = sum(int.from_bytes(raw[i : i + 2], "big") for i in range(0, len(raw), 2))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total ^ 0xFFFF


class Normaliser:
    """Lines for the frames of one run; one instance sees all its frames, in order of time.

    `macs` names MACs ("aa:bb:cc:dd:ee:ff" -> "node1.cbr0"), `ports` are the port numbers that are written as they are.
    """

    def __init__(self, macs: dict[str, str], ports: Callable[[int], bool] | None = None) -> None:
        self.mac_names = {bytes.fromhex(mac.replace(":", "")): name for mac, name in macs.items() if mac}
        self.is_fixed_port = ports or (lambda port: port < 1024)
        self.port_names: dict[tuple[str, int], str] = {}  # protocol and number -> the latest it was called
        self.ports_named = 0
        self.syn_names: dict[tuple[int, int], str] = {}  # number and initial sequence number of a connection -> its client's port
        self.flow_names: dict[tuple[bytes, bytes, int, int], str] = {}  # ... by how its packets look, here and there
        self.icmp_ids: dict[int, str] = {}
        self.fragment_ids: dict[tuple[bytes, int], str] = {}
        self.first_seq: dict[tuple[bytes, bytes, int, int], int] = {}
        self.clocks: dict[tuple[bytes, bytes, int, int], set[int]] = {}

    def line(self, frame: bytes, partial: bool = False) -> str:
        """One frame as text. `partial`: its TCP or UDP checksum is not filled in yet (Linux's lo), do not judge it."""
        if len(frame) < 14:
            return f"short {frame.hex()}"
        path = f"{self.mac(frame[6:12])}>{self.mac(frame[:6])}"
        ethertype = int.from_bytes(frame[12:14], "big")
        body = frame[14:]
        if ethertype == 0x0806 and len(body) >= 28:
            return self.arp(path, body)
        if ethertype == 0x0800:
            return f"{path} {self.ip(body, partial)}"
        return f"{path} ethertype {ethertype:04x} {self.payload(body)}"

    def mac(self, raw: bytes) -> str:
        if raw == BROADCAST:
            return "ff"
        return self.mac_names.get(raw) or raw.hex(":")

    def port(self, number: int, proto: str = "tcp") -> str:
        if self.is_fixed_port(number):
            return str(number)
        return self.port_names.get((proto, number)) or self.new_port(number, proto)

    def new_port(self, number: int, proto: str) -> str:
        self.ports_named += 1
        name = self.port_names[proto, number] = f"p{self.ports_named}"
        return name

    def client_port(self, flow: tuple[bytes, bytes, int, int], isn: int) -> None:
        """A SYN. The same number may be drawn twice, by two hosts or one after the other; the connection is the same wherever its sequence numbers are."""
        number = flow[2]
        if self.is_fixed_port(number):
            return
        name = self.syn_names.get((number, isn))
        if name is None:
            name = self.syn_names[number, isn] = self.new_port(number, "tcp")
        self.flow_names[flow] = name

    def tcp_port(self, flow: tuple[bytes, bytes, int, int]) -> str:
        """The first port of the two, of a connection's packets one way."""
        return self.flow_names.get(flow) or self.port(flow[2])

    def ends(self, proto: str, found: re.Match[str]) -> str:
        """One direction of a connection as conntrack prints it."""
        src, dst = (bytes(map(int, address.split("."))) for address in found.group(1, 2))
        sport, dport = int(found[3]), int(found[4])
        if proto == "tcp":
            names = self.tcp_port((src, dst, sport, dport)), self.tcp_port((dst, src, dport, sport))
        else:
            names = self.port(sport, proto), self.port(dport, proto)
        return f"src={found[1]} dst={found[2]} sport={names[0]} dport={names[1]}"

    def icmp_id(self, number: int) -> str:
        return self.icmp_ids.setdefault(number, f"i{len(self.icmp_ids) + 1}")

    def arp(self, path: str, body: bytes) -> str:
        operation = int.from_bytes(body[6:8], "big")
        sha, spa, tha, tpa, rest = body[8:14], dotted(body[14:18]), body[18:24], dotted(body[24:28]), body[28:]
        if operation == 1:
            text = f"arp who-has {tpa} tell {spa} {path}"
        elif operation == 2:
            text = f"arp reply {spa} is-at {self.mac(sha)} to {tpa} {path}"
        else:
            text = f"arp op {operation} {spa}>{tpa} {path}"
        if sha.hex(":") and self.mac(sha) != path.partition(">")[0]:
            text += f" sha {self.mac(sha)}"
        if tha != bytes(6) and (operation != 2 or self.mac(tha) != path.partition(">")[2]):
            text += f" tha {self.mac(tha)}"
        if body[:6] != b"\0\1\x08\0\6\4":
            text += f" header {body[:6].hex()}"
        return text + (f" trailer {rest.hex()}" if rest else "")

    def ip(self, packet: bytes, partial: bool, quoted: bool = False) -> str:
        """An IPv4 packet; `quoted` inside an ICMP error, where it may be cut short."""
        if len(packet) < 20 or packet[0] >> 4 != 4:
            return f"ip? {packet.hex()}"
        header = (packet[0] & 15) * 4
        tos, total = packet[1], int.from_bytes(packet[2:4], "big")
        ident, fragment = int.from_bytes(packet[4:6], "big"), int.from_bytes(packet[6:8], "big")
        src, dst = packet[12:16], packet[16:20]
        text = f"ip {dotted(src)}>{dotted(dst)} ttl {packet[8]}"
        text += f" tos {tos:02x}" if tos else ""
        text += " df" if fragment & 0x4000 else ""
        fragmented = fragment & 0x3FFF
        if fragmented:
            name = self.fragment_ids.setdefault((src + dst + packet[9:10], ident), f"f{len(self.fragment_ids) + 1}")
            text += f" id {name} frag {(fragment & 0x1FFF) * 8}{'+' if fragment & 0x2000 else ''}"
        else:
            text += " id x" if ident else " id 0"
        if header > 20:
            text += f" options {packet[20:header].hex()}"
        if checksum(packet[:header]):
            text += " BAD-IP-CHECKSUM"
        if not quoted and total != len(packet):
            text += f" length {total} of {len(packet)}"
        body = packet[header:] if quoted else packet[header:total]
        if fragment & 0x1FFF:
            return f"{text} | proto {packet[9]} {self.payload(body)}"
        # what a quoted packet's transport checksum is depends on how far it had come when the error was made
        whole = not fragmented and not quoted
        pseudo = src + dst + bytes((0, packet[9])) + len(body).to_bytes(2, "big") if whole and not partial else b""
        if packet[9] == 1 and len(body) >= 8:
            return f"{text} | {self.icmp(body, whole)}"
        if packet[9] == 17 and len(body) >= 8:
            return f"{text} | {self.udp(body, pseudo)}"
        if packet[9] == 6 and (len(body) >= 20 or (quoted and len(body) >= 8)):
            return f"{text} | {self.tcp(src, dst, body, pseudo)}"
        return f"{text} | proto {packet[9]} {self.payload(body)}"

    def icmp(self, body: bytes, whole: bool) -> str:
        kind, code = body[0], body[1]
        bad = " BAD-CHECKSUM" if whole and checksum(body) else ""
        if kind in (0, 8):
            name = self.icmp_id(int.from_bytes(body[4:6], "big"))
            word = "request" if kind == 8 else "reply"
            # the first 16 bytes are the clock of the ping program
            return f"icmp echo {word} id {name} seq {int.from_bytes(body[6:8], 'big')} data {len(body) - 8}{digest(body[24:])}{bad}"
        title = ICMP_NAMES.get((kind, code))
        if title is None:
            return f"icmp {kind}/{code} {self.payload(body[4:])}{bad}"
        rest = int.from_bytes(body[4:8], "big")
        text = f"icmp {kind}/{code} {title}"
        if kind == 5:
            text += f" to {dotted(body[4:8])}"
        elif rest:
            text += f" mtu {rest}" if (kind, code) == (3, 4) else f" rest {rest:08x}"
        return f"{text}{bad} quote {len(body) - 8} [{self.ip(body[8:], False, quoted=True)}]"

    def udp(self, body: bytes, pseudo: bytes) -> str:
        sport, dport, length, check = (int.from_bytes(body[i : i + 2], "big") for i in (0, 2, 4, 6))
        tunnel = dport in VXLAN_PORTS and body[8:9] == b"\x08"
        # its source port is a hash of the flow inside with a secret of the machine's
        text = f"udp hash>{dport}" if tunnel else f"udp {self.port(sport, 'udp')}>{self.port(dport, 'udp')}"
        if not check:
            text += " no-checksum"
        elif pseudo and checksum(pseudo + body):
            text += " BAD-CHECKSUM"
        if length != len(body):
            text += f" length {length} of {len(body)}"
        if tunnel:
            whole = length == len(body)
            return f"{text} vxlan {int.from_bytes(body[12:15], 'big')} [{self.line(body[16:]) if whole else f'data {len(body) - 16}'}]"
        return f"{text} {self.payload(without_dns_lot(body[8:]) if 53 in (sport, dport) else body[8:])}"

    def tcp(self, src: bytes, dst: bytes, body: bytes, pseudo: bytes) -> str:
        sport, dport = int.from_bytes(body[:2], "big"), int.from_bytes(body[2:4], "big")
        seq = int.from_bytes(body[4:8], "big")
        here, there = (src, dst, sport, dport), (dst, src, dport, sport)
        if len(body) >= 20 and body[13] & 18 == 2:
            self.client_port(here, seq)
        text = f"tcp {self.tcp_port(here)}>{self.tcp_port(there)}"
        if len(body) < 20:
            return f"{text} seq {self.relative(here, seq)}"
        ack, flags, window = int.from_bytes(body[8:12], "big"), body[13], int.from_bytes(body[14:16], "big")
        header = (body[12] >> 4) * 4
        if flags & 2:
            self.first_seq[here] = seq
            if not flags & 16:
                self.first_seq.pop(there, None)
        letters = "".join(letter for bit, letter in enumerate(TCP_FLAGS) if flags >> bit & 1)
        text += f" {letters or '.'} seq {self.relative(here, seq)}"
        if flags & 16:
            text += f" ack {self.relative(there, ack)}"
        elif ack:
            text += f" ack! {ack}"
        text += f" win {window}"
        options = self.options(body[20:header], here, there)
        text += f" [{options}]" if options else ""
        if pseudo and checksum(pseudo + body):
            text += " BAD-CHECKSUM"
        data = body[header:]
        return f"{text} {self.payload(data)}" if data else text

    def relative(self, flow: tuple[bytes, bytes, int, int], seq: int) -> str:
        """A sequence number counted from the flow's own beginning."""
        if seq == 0 and flow not in self.first_seq:
            return "zero"
        return str((seq - self.first_seq.setdefault(flow, seq)) % 2**32)

    def options(self, raw: bytes, here: tuple[bytes, bytes, int, int], there: tuple[bytes, bytes, int, int]) -> str:
        words, i = [], 0
        while i < len(raw):
            kind = raw[i]
            if kind in (0, 1):
                words.append("eol" if kind == 0 else "nop")
                i += 1
                continue
            size = raw[i + 1] if i + 1 < len(raw) else 0
            value = raw[i + 2 : i + size]
            if size < 2:
                words.append("cut")
                break
            if kind == 2:
                words.append(f"mss {int.from_bytes(value, 'big')}")
            elif kind == 3:
                words.append(f"wscale {value[0]}")
            elif kind == 4:
                words.append("sackok")
            elif kind == 8 and size == 10:
                clock, echo = int.from_bytes(value[:4], "big"), int.from_bytes(value[4:], "big")
                self.clocks.setdefault(here, set()).add(clock)
                words.append("ts" if echo in self.clocks.get(there, ()) else "ts ecr 0" if not echo else "ts ecr x")
            elif kind == 5:
                edges = [int.from_bytes(value[j : j + 4], "big") for j in range(0, len(value), 4)]
                words.append("sack " + " ".join(self.relative(there, edge) for edge in edges))
            else:
                words.append(f"option {kind} {value.hex()}")
            i += size
        return ",".join(words)

    def payload(self, data: bytes) -> str:
        if data.startswith((b"HTTP/1.1 ", b"HTTP/1.0 ")):
            data = re.sub(rb"(?i)(\r\n(?:date|last-modified): )[^\r]*", rb"\1T", data)
            data = re.sub(rb"(\r\nServer: SimpleHTTP/\S+ Python/)[^\r]*", rb"\1V", data)  # whatever python3 is here
            data = re.sub(rb"(\d+\.\d+\.\d+\.\d+:)(\d{1,5})", lambda found: found[1] + self.port(int(found[2])).encode(), data)  # /clientip
        return f"data {len(data)}{digest(data)}" if data else "data 0"


def without_dns_lot(data: bytes) -> bytes:
    """A DNS message without what is drawn by lot: its id, and the client's cookie. Anything else (it has no single question) as it is."""
    if data[4:6] != b"\0\1":
        return data
    return b"\0\0" + re.sub(rb"(?s)(\0\x0a\0\x08).{8}\Z", rb"\1" + bytes(8), data[2:])


def digest(data: bytes) -> str:
    """Short text as it is, anything else by its CRC, so that two payloads are equal only if their words are."""
    if not data:
        return ""
    if len(data) <= 32 and all(32 <= byte < 127 for byte in data):
        return f" {data.decode()!r}"
    return f" crc {zlib.crc32(data):08x}"


def without_clock(text: str) -> str:
    """`iptables-save` without its dates."""
    return re.sub(r"^# (Generated|Completed).*\n", "", text, flags=re.M)


def conntrack_lines(text: str, normaliser: Normaliser) -> str:
    """`conntrack -L` without remaining seconds and counts of users, ports and ids named as in the frames, sorted (the table is a hash)."""
    text = re.sub(r" use=\d+", "", text)
    text = re.sub(r"^(\S+ +\d+ )\d+ ", r"\1- ", text, flags=re.M)
    for port in VXLAN_PORTS:  # the other port is a hash of what is in the tunnel; it is in no frame's line either
        text = re.sub(rf"sport=\d+ dport={port}\b(.*)sport={port} dport=\d+", rf"sport=x dport={port}\1sport={port} dport=x", text)
    text = "\n".join(END.sub(partial(normaliser.ends, line.split(" ", 1)[0]), line) for line in text.splitlines())
    text = re.sub(r"id=(\d+)", lambda found: f"id={normaliser.icmp_id(int(found[1]))}", text)
    return "\n".join(sorted(text.splitlines()))
