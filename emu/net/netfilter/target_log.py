"""LOG: one line in the kernel's log for each packet (nf_log_ipv4). The line is kept with its time in `Netfilter.log`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emu.net.netfilter.rule import CONTINUE, Rule, Target
from emu.wire.addr import ip_text

if TYPE_CHECKING:
    from emu.net.device import NetDevice
    from emu.net.netfilter.netfilter import Netfilter
    from emu.net.skb import Skb

TCP_SEQ, TCP_OPTIONS, IP_OPTIONS, UID, MAC_DECODE = 1, 2, 4, 8, 32


class Log(Target):
    """`level`: 0..7; `prefix`: up to 29 characters; `flags`: the bits above."""

    name = "LOG"
    cacheable = False
    __slots__ = ("flags", "level", "prefix")

    def __init__(self, level: int, prefix: str, flags: int) -> None:
        self.level = level
        self.prefix = prefix
        self.flags = flags

    def run(self, skb: Skb, indev: NetDevice | None, outdev: NetDevice | None, nf: Netfilter, rule: Rule) -> int:
        nf.log.append((nf.ns.sim.now, log_line(self, skb, indev, outdev)))
        return CONTINUE


def log_line(log: Log, skb: Skb, indev: NetDevice | None, outdev: NetDevice | None) -> str:
    """The line as `dmesg` shows it, without its time."""
    bridge = skb.nf_bridge
    line = f"{log.prefix}IN={indev.name if indev else ''} OUT={outdev.name if outdev else ''} "
    if bridge is not None:
        if bridge.physindev is not None and bridge.physindev is not indev:
            line += f"PHYSIN={bridge.physindev.name} "
        if bridge.physoutdev is not None and bridge.physoutdev is not outdev:
            line += f"PHYSOUT={bridge.physoutdev.name} "
    if indev is not None:
        if log.flags & MAC_DECODE and len(skb.eth) == 14:
            line += f"MACSRC={skb.eth[6:12].hex(':')} MACDST={skb.eth[:6].hex(':')} MACPROTO={skb.eth[12:].hex()} "
        else:
            line += f"MAC={skb.eth.hex(':')} "
    line += packet_text(log, skb.l3, False)
    return (line + (f"MARK=0x{skb.mark:x} " if skb.mark else "")).rstrip()


def packet_text(log: Log, l3: bytes, quoted: bool) -> str:
    """dump_ipv4_packet: the IP header and what follows it, quoted packets of ICMP errors in brackets."""
    if len(l3) < 20:
        return "TRUNCATED"
    frag = l3[6] << 8 | l3[7]
    header = (l3[0] & 15) * 4
    text = (
        f"SRC={ip_text(int.from_bytes(l3[12:16], 'big'))} DST={ip_text(int.from_bytes(l3[16:20], 'big'))} LEN={l3[2] << 8 | l3[3]} "
        f"TOS=0x{l3[1] & 0x1E:02X} PREC=0x{l3[1] & 0xE0:02X} TTL={l3[8]} ID={l3[4] << 8 | l3[5]} "
    )
    text += ("CE " if frag & 0x8000 else "") + ("DF " if frag & 0x4000 else "") + ("MF " if frag & 0x2000 else "")
    if frag & 0x1FFF:
        text += f"FRAG:{frag & 0x1FFF} "
    if log.flags & IP_OPTIONS and not quoted and header > 20:
        text += f"OPT ({l3[20:header].hex().upper()}) "
    proto, l4 = l3[9], l3[header:]
    name = {6: "TCP", 17: "UDP", 136: "UDPLITE", 1: "ICMP"}.get(proto)
    if name is None:
        return text + f"PROTO={proto} "
    text += f"PROTO={name} "
    if frag & 0x1FFF:
        return text
    least = {"TCP": 20, "ICMP": 4}.get(name, 8)
    if len(l4) < least:
        return text + f"INCOMPLETE [{len(l4)} bytes] "
    return text + {"TCP": _tcp_text, "ICMP": _icmp_text}.get(name, _udp_text)(log, l4, quoted)


def _udp_text(log: Log, l4: bytes, quoted: bool) -> str:
    return f"SPT={l4[0] << 8 | l4[1]} DPT={l4[2] << 8 | l4[3]} LEN={l4[4] << 8 | l4[5]} "


def _tcp_text(log: Log, l4: bytes, quoted: bool) -> str:
    text = f"SPT={l4[0] << 8 | l4[1]} DPT={l4[2] << 8 | l4[3]} "
    if log.flags & TCP_SEQ:
        text += f"SEQ={int.from_bytes(l4[4:8], 'big')} ACK={int.from_bytes(l4[8:12], 'big')} "
    text += f"WINDOW={l4[14] << 8 | l4[15]} RES=0x{(l4[12] << 2 & 0x3C) | l4[13] >> 6:02x} "
    for bit, name in ((0x80, "CWR"), (0x40, "ECE"), (0x20, "URG"), (0x10, "ACK"), (0x08, "PSH"), (0x04, "RST"), (0x02, "SYN"), (0x01, "FIN")):
        if l4[13] & bit:
            text += f"{name} "
    text += f"URGP={l4[18] << 8 | l4[19]} "
    end = (l4[12] >> 4) * 4
    if log.flags & TCP_OPTIONS and 20 < end <= len(l4):
        text += f"OPT ({l4[20:end].hex().upper()}) "
    return text


def _icmp_text(log: Log, l4: bytes, quoted: bool) -> str:
    kind, code = l4[0], l4[1]
    text = f"TYPE={kind} CODE={code} "
    if kind in (0, 8) and len(l4) >= 8:
        return text + f"ID={l4[4] << 8 | l4[5]} SEQ={l4[6] << 8 | l4[7]} "
    if kind == 12 and len(l4) >= 8:
        return text + f"PARAMETER={l4[4]} "
    if kind in (3, 4, 5, 11) and len(l4) >= 8:
        if kind == 5:
            text += f"GATEWAY={ip_text(int.from_bytes(l4[4:8], 'big'))} "
        if not quoted:
            text += f"[{packet_text(log, l4[8:], True)}] "
        if kind == 3 and code == 4:
            text += f"MTU={l4[6] << 8 | l4[7]} "
    return text
