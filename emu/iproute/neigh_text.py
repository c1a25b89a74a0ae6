"""Neighbours as `ip neigh` prints them, text and JSON from one place (iproute2's print_neigh)."""

from __future__ import annotations

from emu.iproute.record import Record
from emu.net.device import NetDevice
from emu.net.fib_text import PROTO_NAMES, name_of
from emu.net.neigh_entry import IN_TIMER, NONE, NUD_NAMES, VALID, Neigh
from emu.sim import NS_PER_S
from emu.wire.addr import ZERO_MAC, ip_text, mac_text


def neigh_record(entry: Neigh, with_dev: bool, stats: bool = False) -> Record:
    """One entry; `stats`: with seconds since it was used, confirmed and updated."""
    record = Record()
    record.add("dst", ip_text(entry.ip), f"{ip_text(entry.ip)} ")
    if with_dev:
        record.add("dev", entry.dev.name, f"dev {entry.dev.name} ")
    if entry.mac != ZERO_MAC and entry.state & VALID:
        record.add("lladdr", mac_text(entry.mac), f"lladdr {mac_text(entry.mac)} ")
    router, protocol = entry.note
    if router:
        record.add("router", None, "router ")
    if stats:
        ref = ""
        if entry.state & IN_TIMER:
            record.add("refcnt", 1)
            ref = " ref 1"
        now = entry.dev.netns.sim.now
        times = [(now - then) // NS_PER_S for then in (entry.used, entry.confirmed, entry.updated)]
        for key, seconds in zip(("used", "confirmed", "updated"), times, strict=True):
            record.add(key, seconds)
        record.add("probes", entry.probes, f"{ref} used {times[0]}/{times[1]}/{times[2]}probes {entry.probes} ")
    state = [NUD_NAMES[entry.state]] if entry.state != NONE else []
    record.add("state", state, "".join(f"{name} " for name in state))
    if protocol:
        record.add("protocol", name_of(PROTO_NAMES, protocol), f"proto {name_of(PROTO_NAMES, protocol)} ")
    record.say("\n")
    return record


def brief_text(entry: Neigh) -> str:
    """A line of `ip -br neigh`."""
    known = mac_text(entry.mac) if entry.mac != ZERO_MAC and entry.state & VALID else ""
    return f"{ip_text(entry.ip):<39} {entry.dev.name:<16} {known}\n"


def proxy_record(ip: int, dev: NetDevice | None, with_dev: bool) -> Record:
    """An address that ARP is answered for by hand; on no device in particular: on all."""
    record = Record()
    record.add("dst", ip_text(ip), f"{ip_text(ip)} ")
    if with_dev and dev is not None:
        record.add("dev", dev.name, f"dev {dev.name} ")
    record.add("proxy", None, "proxy \n")
    return record
