"""`ip neighbour`: the neighbour table as text, and changes by hand."""

from __future__ import annotations

from emu.iproute.neigh_text import neigh_record
from emu.iproute.record import render
from emu.net import arp
from emu.net import neigh_entry as neigh
from emu.net.device import NetDevice
from emu.net.netns import Namespace, NetError
from emu.trace.points import COMMAND
from emu.wire.addr import ip_int, mac_bytes

ENOENT, EEXIST, EINVAL, ENOBUFS = 2, 17, 22, 105


def add(ns: Namespace, ip: str, dev: str, lladdr: bytes | str | None = None, nud: str = "permanent") -> None:
    """`ip neigh add IP lladdr MAC dev DEV nud STATE`. Raises NetError EEXIST if there is an entry."""
    if ns.neigh.lookup(ns.device(dev), ip_int(ip)) is not None:
        raise NetError(EEXIST, f"File exists: neighbour {ip} on {dev} in {ns.name}")
    replace(ns, ip, dev, lladdr, nud)


def replace(ns: Namespace, ip: str, dev: str, lladdr: bytes | str | None = None, nud: str = "permanent") -> None:
    """`ip neigh replace IP lladdr MAC dev DEV nud STATE`."""
    device = ns.device(dev)
    state = neigh.NUD.get(nud.upper())
    if state is None:
        raise NetError(EINVAL, f'Invalid argument: "{nud}" is not a neighbour state, for {ip} on {dev} in {ns.name}')
    if device.kind == "loopback":
        raise NetError(EINVAL, f"Invalid argument: {dev} in {ns.name} has no neighbours")
    mac = mac_bytes(lladdr) if isinstance(lladdr, str) else lladdr
    entry = ns.neigh.lookup(device, ip_int(ip))
    if mac is None and state & neigh.VALID and (entry is None or not entry.state & neigh.VALID):
        raise NetError(EINVAL, f"Invalid argument: neighbour {ip} on {dev} in {ns.name} needs an lladdr to be {nud}")
    if ns.neigh.replace(device, ip_int(ip), mac, state) is None:
        raise NetError(ENOBUFS, f"No buffer space available: the neighbour table of {ns.kernel.name} is full")
    if ns.tp.journal:
        words = f" lladdr {mac.hex(':')}" if mac is not None else ""
        ns.tp.on_journal(COMMAND, ns.name, f"ip neigh replace {ip}{words} dev {dev} nud {nud}")


def delete(ns: Namespace, ip: str, dev: str) -> None:
    """`ip neigh del IP dev DEV`."""
    if not ns.neigh.delete(ns.device(dev), ip_int(ip)):
        raise NetError(ENOENT, f"No such file or directory: neighbour {ip} on {dev} in {ns.name}")
    if ns.tp.journal:
        ns.tp.on_journal(COMMAND, ns.name, f"ip neigh del {ip} dev {dev}")


def flush(ns: Namespace, dev: str) -> None:
    """`ip neigh flush dev DEV`: all entries but permanent and NOARP ones."""
    device = ns.device(dev)
    for entry in ns.neigh:
        if entry.dev is device and not entry.state & (neigh.PERMANENT | neigh.NOARP):
            ns.neigh.delete(device, entry.ip)
    if ns.tp.journal:
        ns.tp.on_journal(COMMAND, ns.name, f"ip neigh flush dev {dev}")


def add_proxy(ns: Namespace, ip: str, dev: str | None = None) -> None:
    """`ip neigh add proxy IP [dev DEV]`: answer ARP for that address on that device, or on all."""
    arp.add_proxy(ns, ns.device(dev) if dev is not None else None, ip_int(ip))
    if ns.tp.journal:
        ns.tp.on_journal(COMMAND, ns.name, f"ip neigh add proxy {ip}{f' dev {dev}' if dev else ''}")


def delete_proxy(ns: Namespace, ip: str, dev: str | None = None) -> None:
    """`ip neigh del proxy IP [dev DEV]`."""
    if not arp.delete_proxy(ns, ns.device(dev) if dev is not None else None, ip_int(ip)):
        raise NetError(ENOENT, f"No such file or directory: proxy {ip} on {dev or 'all devices'} in {ns.name}")
    if ns.tp.journal:
        ns.tp.on_journal(COMMAND, ns.name, f"ip neigh del proxy {ip}{f' dev {dev}' if dev else ''}")


def show(ns: Namespace, dev: str | None = None, nud: str | None = None) -> str:
    """`ip neigh show [dev DEV] [nud STATE|all]`: one line an entry, in the order they were made. NOARP and NONE are shown only when asked for."""
    device = ns.device(dev) if dev is not None else None
    if nud is not None and nud != "all" and nud.upper() not in neigh.NUD:
        raise NetError(EINVAL, f'Invalid argument: "{nud}" is not a neighbour state, in {ns.name}')
    wanted = 255 & ~neigh.NOARP if nud is None else 255 if nud == "all" else neigh.NUD[nud.upper()]
    shown = [entry for entry in ns.neigh if (device is None or entry.dev is device) and entry.state & wanted]
    return render([neigh_record(entry, device is None) for entry in shown])


def proxies(ns: Namespace) -> list[tuple[int, NetDevice | None]]:
    """The addresses that ARP is answered for by hand, oldest first, each with its device (None: on all)."""
    return [(key & 0xFFFFFFFF, ns.by_index.get(key >> 32)) for key in ns.neigh.proxies or () if not key >> 32 or key >> 32 in ns.by_index]
