"""What `ip -d link` says of a VXLAN device (iproute2's vxlan_print_opt)."""

from __future__ import annotations

from emu.iproute.record import Record
from emu.net.vxlan import Vxlan
from emu.sim import NS_PER_S
from emu.wire.addr import ip_text


def vxlan_record(dev: Vxlan) -> Record:
    """Its options."""
    record = Record()
    record.add("id", dev.vni, f"id {dev.vni} ")
    for key, address in (("remote", dev.remote), ("local", dev.local)):
        if address:
            record.add(key, ip_text(address), f"{key} {ip_text(address)} ")
    if dev.lower is not None:
        record.add("link", dev.lower.name, f"dev {dev.lower.name} ")
    low, high = dev.ports
    record.add("port_range", {"low": low, "high": high}, f"srcport {low} {high} ")
    record.add("port", dev.udp_port, f"dstport {dev.udp_port} ")
    record.add("learning", dev.learning, "" if dev.learning else "nolearning ")
    for key, on in (("proxy", dev.proxy), ("l2miss", dev.l2miss), ("l3miss", dev.l3miss)):
        if on:
            record.add(key, True, f"{key} ")
    if dev.tos:
        record.add("tos", "inherit" if dev.tos == 1 else f"{dev.tos:#x}", f"tos {'inherit' if dev.tos == 1 else f'{dev.tos:#x}'} ")
    if dev.ttl == -1:
        record.add("ttl", "inherit", "ttl inherit ")
    else:
        record.add("ttl", dev.ttl, f"ttl {dev.ttl or 'auto'} ")
    record.add("df", dev.df, "" if dev.df == "unset" else f"df {dev.df} ")
    ageing = dev.fdb.ageing_ns // NS_PER_S
    if ageing:
        record.add("ageing", ageing, f"ageing {ageing} ")
    for key, word, on in (("udp_csum", "udpcsum", dev.csum), ("udp_zero_csum6_tx", "udp6zerocsumtx", False), ("udp_zero_csum6_rx", "udp6zerocsumrx", False)):
        record.add(key, on, f"{'' if on else 'no'}{word} ")
    return record
