"""Addresses as `ip addr` prints them, text and JSON from one place (iproute2's print_addrinfo)."""

from __future__ import annotations

from collections.abc import Sequence

from emu.iproute.record import Record
from emu.net.addr import IfAddr
from emu.net.device import NetDevice
from emu.net.fib_text import SCOPE_NAMES
from emu.sim import NS_PER_S
from emu.wire.addr import cidr_text, ip_text

FOREVER = 0xFFFFFFFF


def where(ifa: IfAddr) -> str:
    """`10.0.0.1/24`, `10.0.0.1 peer 10.0.0.2/32`."""
    return cidr_text(ifa.local, ifa.length) if ifa.address == ifa.local else f"{ip_text(ifa.local)} peer {cidr_text(ifa.address, ifa.length)}"


def _seconds_left(dev: NetDevice, ifa: IfAddr) -> tuple[int, int]:
    """Until it goes, and until it is deprecated."""
    if ifa.lifetime is None or ifa.lifetime[0] is None:
        return FOREVER, FOREVER
    now = dev.netns.sim.now
    valid, preferred = (FOREVER if end is None else max(0, -((now - end) // NS_PER_S)) for end in ifa.lifetime)
    return valid, preferred


def is_deprecated(dev: NetDevice, ifa: IfAddr) -> bool:
    """Whether its preferred lifetime is over."""
    end = ifa.lifetime[1] if ifa.lifetime is not None else None
    return end is not None and dev.netns.sim.now >= end


def _record(dev: NetDevice, ifa: IfAddr) -> Record:
    record = Record()
    record.add("family", "inet", f"    inet {where(ifa)} ")
    record.add("local", ip_text(ifa.local))
    if ifa.address != ifa.local:
        record.add("address", ip_text(ifa.address))
    record.add("prefixlen", ifa.length)
    if ifa.metric:
        record.add("metric", ifa.metric, f"metric {ifa.metric} ")
    if ifa.broadcast:
        record.add("broadcast", ip_text(ifa.broadcast), f"brd {ip_text(ifa.broadcast)} ")
    scope = SCOPE_NAMES.get(ifa.scope, str(ifa.scope))
    record.add("scope", scope, f"scope {scope} ")
    if ifa.secondary:
        record.add("secondary", True, "secondary ")
    if ifa.noprefixroute:
        record.add("noprefixroute", True, "noprefixroute ")
    valid, preferred = _seconds_left(dev, ifa)
    if is_deprecated(dev, ifa):
        record.add("deprecated", True, "deprecated ")
    if valid != FOREVER:
        record.add("dynamic", True, "dynamic ")
    label = ifa.label or dev.name
    record.add("label", label, label)
    record.add("valid_life_time", valid, f"\n       valid_lft {'forever' if valid == FOREVER else f'{valid}sec'} ")
    record.add("preferred_life_time", preferred, f"preferred_lft {'forever' if preferred == FOREVER else f'{preferred}sec'}")
    return record


def add_addresses(record: Record, dev: NetDevice, addresses: Sequence[IfAddr], brief: bool = False) -> None:
    """`addr_info` of a device, and the lines of its addresses (not with `brief`)."""
    shown = [_record(dev, ifa) for ifa in addresses]
    if brief:
        record.add("addr_info", [{key: one.data[key] for key in ("local", "address", "prefixlen", "metric") if key in one.data} for one in shown])
    else:
        record.add("addr_info", [one.data for one in shown], "".join(f"{one.text}\n" for one in shown))


def brief_text(addresses: Sequence[IfAddr]) -> str:
    """What `ip -br addr` has after the state."""
    return "".join(f"{where(ifa)} " + (f"metric {ifa.metric} " if ifa.metric else "") for ifa in addresses)


def flushed_text(dev: NetDevice, ifa: IfAddr) -> str:
    """An address as `ip -s -s addr flush` names it."""
    return f"{dev.ifindex}: {dev.name}" + _record(dev, ifa).text + "\n"


def one_line(dev: NetDevice, ifa: IfAddr) -> str:
    """A line of `ip -o addr`."""
    return f"{dev.ifindex}: {dev.name}" + _record(dev, ifa).text.replace("\n", "\\") + "\n"
