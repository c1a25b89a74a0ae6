"""A frame in a few words, read from its bytes; any bytes."""

from __future__ import annotations

from struct import unpack_from
from typing import NamedTuple

from emu.wire.addr import ip_text, mac_text

PROTOCOLS = {1: "ICMP", 2: "IGMP", 4: "IPIP", 6: "TCP", 17: "UDP", 47: "GRE", 132: "SCTP"}
ETHERTYPES = {0x0800: "IPv4", 0x0806: "ARP", 0x86DD: "IPv6", 0x8100: "VLAN"}
TCP_FLAGS = ((0x02, "SYN"), (0x01, "FIN"), (0x04, "RST"), (0x08, "PSH"), (0x10, "ACK"), (0x20, "URG"))
HTTP = (b"HTTP/1.", b"GET ", b"HEAD ", b"POST ", b"PUT ", b"DELETE ", b"OPTIONS ", b"PATCH ")
VXLAN_PORTS = (4789, 8472)  # RFC 7348's, Linux's own
MAX_HTTP_LINE = 60  # bytes shown of a request's or a response's first line
ICMP_TEXT = {
    (0, 0): "echo reply", (8, 0): "echo request", (3, 0): "net unreachable", (3, 1): "host unreachable", (3, 2): "protocol unreachable",
    (3, 3): "port unreachable", (3, 4): "fragmentation needed", (3, 9): "net prohibited", (3, 10): "host prohibited", (3, 13): "admin prohibited",
    (5, 0): "redirect net", (5, 1): "redirect host", (11, 0): "TTL exceeded", (11, 1): "reassembly time exceeded", (12, 0): "parameter problem",
}  # fmt: skip


class FrameInfo(NamedTuple):
    """Fields as people name them; empty text and None where the frame has no such field. `len`: bytes on the wire."""

    src_mac: str = ""
    dst_mac: str = ""
    ethertype: int = 0
    src: str = ""
    dst: str = ""
    proto: str = ""
    sport: int | None = None
    dport: int | None = None
    ttl: int | None = None
    info: str = ""
    len: int = 0


def describe(wire: bytes, tunnels: bool = True) -> FrameInfo:
    """`wire`: a whole Ethernet frame without FCS. `tunnels`: look at the frame inside a VXLAN packet too. Never raises."""
    size = len(wire)
    if size < 14:
        return FrameInfo(info=f"{size} bytes, no Ethernet header", len=size)
    ethertype = wire[12] << 8 | wire[13]
    base = FrameInfo(mac_text(wire[6:12]), mac_text(wire[:6]), ethertype, len=size)
    if ethertype == 0x0806:
        return _arp(base, wire)
    if ethertype == 0x0800:
        return _ipv4(base, wire, tunnels)
    return base._replace(proto=ETHERTYPES.get(ethertype, f"0x{ethertype:04x}"), info=f"{size} bytes")


def _arp(base: FrameInfo, wire: bytes) -> FrameInfo:
    if len(wire) < 42 or wire[14:20] != b"\x00\x01\x08\x00\x06\x04":
        return base._replace(proto="ARP", info="not Ethernet/IPv4 ARP")
    operation = int.from_bytes(wire[20:22], "big")
    sender, target = _ip(wire, 28), _ip(wire, 38)
    if operation == 1:
        info = f"announces {sender}" if sender == target else f"who has {target}? tell {sender}"
    elif operation == 2:
        info = f"{sender} is at {mac_text(wire[22:28])}"
    else:
        info = f"operation {operation}"
    return base._replace(src=sender, dst=target, proto="ARP", info=info)


def _ipv4(base: FrameInfo, wire: bytes, tunnels: bool) -> FrameInfo:
    ihl = (wire[14] & 15) * 4 if len(wire) >= 34 and wire[14] >> 4 == 4 else 0
    if ihl < 20:
        return base._replace(proto="IPv4", info="malformed header")
    total, _, frag, ttl, proto = unpack_from("!HHHBB", wire, 16)
    base = base._replace(src=_ip(wire, 26), dst=_ip(wire, 30), ttl=ttl, proto=PROTOCOLS.get(proto, f"IP protocol {proto}"))
    offset = (frag & 0x1FFF) * 8
    if offset:
        return base._replace(info=f"fragment at {offset}{', more follow' if frag & 0x2000 else ''}")
    payload = wire[14 + ihl : 14 + max(total, ihl)]
    more = ", first fragment" if frag & 0x2000 else ""
    if proto == 6 and len(payload) >= 20:
        return _tcp(base, payload)
    if proto == 17 and len(payload) >= 8:
        sport, dport, length = unpack_from("!HHH", payload)
        info = _vxlan(payload[8:]) if tunnels and dport in VXLAN_PORTS else ""
        return base._replace(sport=sport, dport=dport, info=(info or f"{max(length - 8, 0)} bytes") + more)
    if proto == 1 and len(payload) >= 8:
        return base._replace(info=_icmp(payload) + more)
    return base._replace(info=f"{len(payload)} bytes{more}")


def _vxlan(data: bytes) -> str:
    """The frame inside, in a few words; empty if there is none (RFC 7348, section 5). What is inside that again is not looked at."""
    if len(data) < 8 + 14 or data[0] != 8:
        return ""
    inner = describe(data[8:], tunnels=False)
    way = f"{inner.src} → {inner.dst} ttl {inner.ttl} " if inner.ttl is not None else ""
    ports = f"{inner.sport} → {inner.dport} " if inner.sport is not None else ""
    return f"VXLAN {int.from_bytes(data[4:7], 'big')} [{way}{inner.proto} {ports}{inner.info}]"


def _tcp(base: FrameInfo, segment: bytes) -> FrameInfo:
    sport, dport, _, _, offset, flags = unpack_from("!HHIIBB", segment)
    info = "+".join(name for bit, name in TCP_FLAGS if flags & bit) or "no flags"
    data = segment[max(offset >> 4, 5) * 4 :]
    if data:
        info += f" {len(data)} bytes"
    if data.startswith(HTTP):
        line = data[:MAX_HTTP_LINE].split(b"\r\n")[0].decode("ascii", "replace")
        info += ": " + "".join(character if character.isprintable() else "?" for character in line.removesuffix(" HTTP/1.1"))
    return base._replace(sport=sport, dport=dport, info=info)


def _icmp(message: bytes) -> str:
    kind, code = message[0], message[1]
    text = ICMP_TEXT.get((kind, code), f"type {kind} code {code}")
    high, low = unpack_from("!HH", message, 4)
    if kind in (0, 8):
        return f"{text} id {high} seq {low}"
    if kind == 5:
        text += f" to {_ip(message, 4)}"
    elif (kind, code) == (3, 4):
        text += f", MTU {low}"
    if kind in (3, 4, 5, 11, 12) and len(message) >= 8 + 20:
        quoted = message[8:]
        ihl, proto = (quoted[0] & 15) * 4, quoted[9]
        sport = dport = ""
        if proto in (6, 17) and len(quoted) >= ihl + 4 and not int.from_bytes(quoted[6:8], "big") & 0x1FFF:
            sport, dport = (f":{port}" for port in unpack_from("!HH", quoted, ihl))
        text += f" about {PROTOCOLS.get(proto, f'protocol {proto}')} {_ip(quoted, 12)}{sport} → {_ip(quoted, 16)}{dport}"
    return text


def _ip(data: bytes, at: int) -> str:
    return ip_text(int.from_bytes(data[at : at + 4], "big"))
