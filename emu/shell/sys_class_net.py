"""/sys/class/net as files: a namespace's devices. (They are folders here, where Linux has links to folders.)

What is written there is done as `ip link` and `bridge link` do it.
"""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Callable
from errno import EINVAL
from functools import partial
from typing import TYPE_CHECKING

from emu.iproute import commands
from emu.iproute.link_text import operstate, peer_of
from emu.net.bridge import Bridge
from emu.net.netns import NetError
from emu.sim import NS_PER_MS
from emu.wire.addr import mac_text

if TYPE_CHECKING:
    from emu.fabric import Machine
    from emu.net.device import NetDevice
    from emu.net.netns import Namespace
    from emu.shell.fuse import Path

FOLDER, READABLE, WRITABLE, WRITE_ONLY = stat.S_IFDIR | 0o755, stat.S_IFREG | 0o444, stat.S_IFREG | 0o644, stat.S_IFREG | 0o200
IFF_UP, IFF_BROADCAST, IFF_LOOPBACK, IFF_NOARP, IFF_PROMISC, IFF_MULTICAST = 1, 2, 8, 0x80, 0x100, 0x1000
COUNTED = ("rx_bytes", "rx_dropped", "rx_packets", "tx_bytes", "tx_dropped", "tx_packets")
NEVER = ("collisions", "multicast", "rx_errors", "tx_errors")
Show = Callable[["NetDevice"], object]


def _up(dev: NetDevice, value: object) -> object:
    """What a device that is down does not tell."""
    if not dev.up:
        raise NetError(EINVAL, f"{dev.name} is down")
    return value


def _flags(dev: NetDevice) -> str:
    """What was asked for (dev_get_flags without what the driver says)."""
    loopback = dev.kind == "loopback"
    flags = IFF_LOOPBACK if loopback else IFF_BROADCAST if dev.kind == "dummy" else IFF_BROADCAST | IFF_MULTICAST
    flags |= (IFF_UP if dev.up else 0) | (0 if dev.arp else IFF_NOARP) | (IFF_PROMISC if dev.promiscuity else 0)
    return hex(flags)


def _iflink(dev: NetDevice) -> int:
    peer = peer_of(dev)
    return dev.ifindex if peer is None else peer.ifindex


def _counter(dev: NetDevice, name: str) -> int:
    return dev.statistics().get(name, 0)


def _bridge_id(bridge: Bridge) -> str:
    return f"8000.{bridge.mac.hex()}"


DEVICE: dict[str, Show] = {
    "addr_assign_type": lambda dev: 0 if dev.kind == "loopback" else 3 if dev.mac_set else 1,
    "addr_len": lambda dev: 6,
    "address": lambda dev: mac_text(dev.mac),
    "broadcast": lambda dev: "00:00:00:00:00:00" if dev.kind == "loopback" else "ff:ff:ff:ff:ff:ff",
    "carrier": lambda dev: _up(dev, int(dev.carrier)),
    "dev_id": lambda dev: "0x0",
    "dev_port": lambda dev: 0,
    "dormant": lambda dev: _up(dev, 0),
    "flags": _flags,
    "ifalias": lambda dev: "",
    "ifindex": lambda dev: dev.ifindex,
    "iflink": _iflink,
    "link_mode": lambda dev: 0,
    "mtu": lambda dev: dev.mtu,
    "operstate": lambda dev: operstate(dev).lower(),
    "tx_queue_len": lambda dev: 1000,
    "type": lambda dev: 772 if dev.kind == "loopback" else 1,
    "uevent": lambda dev: (f"DEVTYPE={dev.kind}\n" if dev.kind in ("bridge", "vxlan") else "") + f"INTERFACE={dev.name}\nIFINDEX={dev.ifindex}",
}
BRIDGE: dict[str, Callable[[Bridge], object]] = {
    "ageing_time": lambda bridge: bridge.fdb.ageing_ns // (10 * NS_PER_MS),
    "bridge_id": _bridge_id,
    "forward_delay": lambda bridge: 1500,
    "group_fwd_mask": lambda bridge: hex(bridge.group_fwd_mask),
    "hello_time": lambda bridge: 200,
    "max_age": lambda bridge: 2000,
    "multicast_snooping": lambda bridge: 0,
    "priority": lambda bridge: 32768,
    "root_id": _bridge_id,
    "stp_state": lambda bridge: 0,
    "vlan_filtering": lambda bridge: 0,
}
PORT: dict[str, Show] = {
    "broadcast_flood": lambda dev: int(dev.port.bcast_flood),
    "hairpin_mode": lambda dev: int(dev.port.hairpin),
    "isolated": lambda dev: int(dev.port.isolated),
    "learning": lambda dev: int(dev.port.learning),
    "multicast_flood": lambda dev: int(dev.port.mcast_flood),
    "path_cost": lambda dev: 2,
    "port_id": lambda dev: hex(0x8000 | dev.port.number),
    "port_no": lambda dev: hex(dev.port.number),
    "priority": lambda dev: 32,
    "state": lambda dev: dev.port.state,
    "unicast_flood": lambda dev: int(dev.port.flood),
}
# What can be written: the command that does it; {} is the device, the value follows.
ON_OFF = {"0": "off", "1": "on"}
WRITE: dict[tuple[str, ...], str] = {
    ("mtu",): "ip link set dev {} mtu", ("tx_queue_len",): "ip link set dev {} txqueuelen", ("ifalias",): "ip link set dev {} alias",
    **{("bridge", name): f"ip link set dev {{}} type bridge {option}" for name, option in {
        "ageing_time": "ageing_time", "stp_state": "stp_state", "forward_delay": "forward_delay", "group_fwd_mask": "group_fwd_mask",
        "multicast_snooping": "mcast_snooping", "vlan_filtering": "vlan_filtering",
    }.items()},
    **{("brport", name): f"bridge link set dev {{}} {option}" for name, option in {
        "hairpin_mode": "hairpin", "learning": "learning", "unicast_flood": "flood", "multicast_flood": "mcast_flood", "broadcast_flood": "bcast_flood",
        "isolated": "isolated",
    }.items()},
}  # fmt: skip


class SysClassNet:
    """See emu.shell.fuse.Tree."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self._told: dict[str, None] = {}

    def mode(self, netns: Namespace, path: Path) -> int | None:
        """See Tree."""
        if len(path) < 2:
            return FOLDER if not path or path[0] in netns.devices else None
        below = self._below(netns, path[:-1])
        if path[-1] not in below:
            return None
        if below[path[-1]] is None:
            return FOLDER
        return WRITABLE if path[1:] in WRITE else READABLE

    def names(self, netns: Namespace, path: Path) -> list[str]:
        """See Tree."""
        return list(self._below(netns, path)) if path else list(netns.devices)

    def read(self, netns: Namespace, path: Path) -> bytes:
        """See Tree."""
        show = self._below(netns, path[:-1])[path[-1]]
        return f"{show()}\n".encode() if show is not None else b""

    def write(self, netns: Namespace, path: Path, data: bytes) -> None:
        """See Tree."""
        value = data.decode("utf-8", "replace").strip()
        words = WRITE[path[1:]].split()
        if path[1] == "brport":
            value = ON_OFF.get(value, value)
        command = [*(path[0] if word == "{}" else word for word in words), value]
        result = commands.run(self.machine, netns, command)
        if result.stderr.startswith("emu: "):
            print(result.stderr, end="", file=sys.stderr, flush=True)
        if result.status:
            raise NetError(EINVAL, result.stderr)

    def absent(self, path: Path) -> None:
        """See Tree."""
        rest = "/".join(path[1:])
        if rest and rest not in self._told and os.path.exists(f"/sys/class/net/lo/{rest}"):  # Linux has it
            self._told[rest] = None
            print(f"emu: not emulated: /sys/class/net/{path[0]}/{rest}", file=sys.stderr, flush=True)

    def _below(self, netns: Namespace, path: Path) -> dict[str, Callable[[], object] | None]:
        """What a device's folder holds: name -> content, None for a folder. Nothing for what is no folder."""
        dev = netns.devices.get(path[0]) if path else None
        if dev is None:
            return {}
        if len(path) == 1:
            folders = ["statistics"] + (["bridge", "brif"] if isinstance(dev, Bridge) else []) + (["brport", "master"] if dev.port is not None else [])
            return {**{name: partial(show, dev) for name, show in DEVICE.items()}, **dict.fromkeys(folders)}
        where = path[1]
        if len(path) > 2:
            return self._through(netns, dev, path)
        if where == "statistics":
            return {name: partial(_counter, dev, name) for name in (*COUNTED, *NEVER)}
        if where == "bridge" and isinstance(dev, Bridge):
            return {name: partial(show, dev) for name, show in BRIDGE.items()}
        if where == "brif" and isinstance(dev, Bridge):
            return {port.dev.name: None for port in reversed(dev.ports)}
        if where == "brport" and dev.port is not None:
            return {name: partial(show, dev) for name, show in PORT.items()} | {"bridge": None}
        if where == "master" and dev.master is not None:
            return self._below(netns, (dev.master.name,))
        return {}

    def _through(self, netns: Namespace, dev: NetDevice, path: Path) -> dict[str, Callable[[], object] | None]:
        """Folders that stand for another device: master/..., brport/bridge/..., brif/PORT/... (the last being that port's brport)."""
        if path[1] == "master" and dev.master is not None:
            return self._below(netns, (dev.master.name, *path[2:]))
        if path[1:3] == ("brport", "bridge") and dev.master is not None:
            return self._below(netns, (dev.master.name, "bridge", *path[3:]))
        if path[1] == "brif" and isinstance(dev, Bridge):
            return self._below(netns, (path[2], "brport", *path[3:]))
        return {}
