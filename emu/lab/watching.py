"""Looking at a cluster's frames, and interfering with them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from emu.fabric import Cable, World
from emu.lab import send
from emu.net.device import NetDevice
from emu.net.nic import Nic
from emu.sim import NS_PER_S, Sim
from emu.trace import Tracepoints
from emu.trace.points import OMITTED
from emu.wire.addr import mac_bytes

if TYPE_CHECKING:
    from scapy.packet import Packet


class Watching:
    """What a Cluster offers to those who look."""

    world: World
    sim: Sim
    tp: Tracepoints

    def tap(self, callback: Callable[[int, Any, str, Any], object], device: Any = None) -> Callable[[], None]:
        """Call `callback(t_ns, device, direction, frame)` for every frame at every device, or at one. Returns what ends it."""
        if not callable(callback):
            raise ValueError(f"tap: {callback!r} cannot be called")
        if device is None:
            return self.tp.attach("frame", callback)
        _check_device("tap", device)

        def only(t_ns: int, at: Any, direction: str, frame: Any) -> None:
            if at is device:
                callback(t_ns, at, direction, frame)

        return self.tp.attach("frame", only)

    def inject(self, device: Any, packet: Packet | bytes) -> None:
        """Have a device receive a frame, of any bytes, as if from its wire. Nothing happens before time runs."""
        _check_device("inject", device)
        if self.tp.journal:
            self.tp.on_journal(OMITTED, device.netns.name if device.netns is not None else "", f"a frame made by hand is received by {device.name}")
        send.inject(device, packet)

    def cable(self, node: str) -> Cable:
        """The cable between a node (or `router`, `lb`, `internet`) and its switch: `unplug()`, `plug()`, `delay_ns`, `lose(mask)`. Raises ValueError."""
        if node not in self.world.machines:
            raise ValueError(f"there is no machine {node!r}; there are {', '.join(self.world.machines)}")
        nic = self.world.machines[node].netns.devices.get("eth0")
        cable = self.world.cable_of(nic) if isinstance(nic, Nic) else None
        if cable is None:
            raise ValueError(f"{node} has no cable in eth0")
        return cable

    def age_fdb(self, node: str, mac: str) -> float:
        """Run until the bridge of `node` has forgotten `mac`. Returns how many seconds that took."""
        start = self.sim.now
        cluster: Any = self
        bridge = cluster.node(node).netns.devices["cbr0"]
        wanted = mac_bytes(mac)
        cluster.wait_for_seconds(lambda: wanted not in bridge.fdb.entries, 10.0, 1000.0, f"cbr0 of {node} to forget {mac}")
        return (self.sim.now - start) / NS_PER_S


def _check_device(what: str, device: Any) -> None:
    if not isinstance(device, NetDevice):
        raise ValueError(f"{what}: {device!r} is not a device: take one from netns.devices")
