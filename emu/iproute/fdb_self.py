"""`bridge fdb ... self` on a VXLAN device: its own table of tunnel endpoints."""

from __future__ import annotations

from emu.net.netns import Namespace, NetError
from emu.net.vxlan import Vxlan
from emu.net.vxlan_fdb import Remote
from emu.wire.addr import ZERO_MAC, ip_int, mac_bytes, mac_text

ENOENT, EEXIST, EINVAL, EOPNOTSUPP = 2, 17, 22, 95


def device(ns: Namespace, name: str) -> Vxlan:
    """A VXLAN device. Raises NetError."""
    dev = ns.device(name)
    if not isinstance(dev, Vxlan):
        raise NetError(EOPNOTSUPP, f"Operation not supported: {name} in {ns.name} is a {dev.kind} and has no table of its own")
    return dev


def _remote(ns: Namespace, dst: str, port: int, vni: int, via: str | None) -> Remote:
    return Remote(ip_int(dst), port, vni, ns.device(via) if via is not None else None)


def _mac(mac: bytes | str) -> bytes:
    return mac_bytes(mac) if isinstance(mac, str) else mac


def add(ns: Namespace, mac: bytes | str, dev: str, dst: str | None, mode: str, state: str, port: int, vni: int, via: str | None) -> None:
    """`bridge fdb add|append|replace MAC dev DEV dst IP [port P] [vni V] [via DEV] [permanent|static|dynamic] self` (vxlan_fdb_add)."""
    vxlan, raw = device(ns, dev), _mac(mac)
    if dst is None:
        raise NetError(EINVAL, f"Invalid argument: {mac_text(raw)} on {dev} in {ns.name} needs the dst of its tunnel endpoint")
    remote = _remote(ns, dst, 0 if port == vxlan.udp_port else port, 0 if vni == vxlan.vni else vni, via)
    kept = "" if state == "dynamic" else state
    entry = vxlan.fdb.entries.get(raw)
    group = bool(raw[0] & 1) or raw == ZERO_MAC
    if entry is None:
        vxlan.fdb.set(raw, remote, kept)
    elif mode == "add":
        raise NetError(EEXIST, f"File exists: {mac_text(raw)} on {dev} in {ns.name}")
    elif mode == "replace":
        if group:
            raise NetError(EOPNOTSUPP, f"Cannot replace non-unicast fdb entries: {mac_text(raw)} on {dev} in {ns.name}")
        vxlan.fdb.set(raw, remote, kept)
    elif group:
        vxlan.fdb.append(entry, remote)  # a unicast MAC keeps the one endpoint it has, without a word


def delete(ns: Namespace, mac: bytes | str, dev: str, dst: str | None, port: int, vni: int, via: str | None) -> None:
    """`bridge fdb del MAC dev DEV [dst IP] self` (vxlan_fdb_delete). Raises NetError ENOENT."""
    vxlan, raw = device(ns, dev), _mac(mac)
    entry = vxlan.fdb.entries.get(raw)
    if entry is None:
        raise NetError(ENOENT, f"No such file or directory: {mac_text(raw)} on {dev} in {ns.name}")
    remote = None
    if dst is not None:
        asked = _remote(ns, dst, 0 if port == vxlan.udp_port else port, 0 if vni == vxlan.vni else vni, via)
        remote = next((known for known in entry.remotes if known.same(asked)), None)
        if remote is None:
            return  # the kernel does not complain of an endpoint that the entry does not have
    vxlan.fdb.remove(entry, remote)
