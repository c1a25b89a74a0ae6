"""A machine: one kernel, a root namespace, named namespaces, network cards."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emu.net import sockets, stack
from emu.net.device import random_mac
from emu.net.netns import Kernel, Namespace, NetError
from emu.net.nic import Nic
from emu.trace.points import COMMAND, GONE, MACHINE

if TYPE_CHECKING:
    from emu.fabric.world import World

ENOENT, EEXIST, EINVAL = 2, 17, 22


class Machine:
    """`netns`: the root namespace, named like the machine. `namespaces`: the named ones by name. Made by `World.add_machine`."""

    __slots__ = ("kernel", "name", "namespaces", "netns", "nics", "world")

    def __init__(self, name: str, world: World) -> None:
        self.name = name
        self.world = world
        self.namespaces: dict[str, Namespace] = {}
        self.nics: list[Nic] = []
        self._boot()

    def __repr__(self) -> str:
        return f"<machine {self.name}>"

    def _boot(self) -> None:
        self.kernel = Kernel(self.name, self.world.sim, self.world.tp)
        self.netns = stack.new_namespace(self.name, self.kernel)
        if self.world.tp.journal:
            self.world.tp.on_journal(MACHINE, self.name)

    # -- namespaces ---------------------------------------------------------------------------------------------------------------

    def add_netns(self, name: str) -> Namespace:
        """A new namespace with a loopback device that is down (`ip netns add`). Its name must be new in the whole world."""
        if not name or "/" in name or name in (".", "..") or len(name) > 255:
            raise NetError(EINVAL, f"{name!r} cannot name a namespace on {self.name}")
        self.world.claim_name(name, self)
        self.namespaces[name] = ns = stack.new_namespace(name, self.kernel)
        if self.world.tp.journal:
            self.world.tp.on_journal(COMMAND, "", f"ip netns add {name}")
        return ns

    def delete_netns(self, name: str) -> None:
        """Remove a namespace: its devices go, with them their peers; cards come back to the root namespace, down (`ip netns del`)."""
        ns = self.namespaces.pop(name, None)
        if ns is None:
            raise NetError(ENOENT, f'Cannot remove namespace "{name}" on {self.name}: No such namespace')
        for nic in self.nics:
            if nic.netns is ns:
                nic.leave()
                nic.join(self.netns)
        _tear_down(ns)
        self.world.release_name(name)
        if self.world.tp.journal:
            self.world.tp.on_journal(COMMAND, "", f"ip netns del {name}")

    def namespace(self, name: str) -> Namespace:
        """The namespace of that name, the root namespace under the machine's. Raises NetError ENOENT."""
        if name == self.name:
            return self.netns
        try:
            return self.namespaces[name]
        except KeyError:
            raise NetError(ENOENT, f'No such namespace "{name}" on {self.name}') from None

    # -- cards --------------------------------------------------------------------------------------------------------------------

    def add_nic(self, name: str = "", mac: bytes | None = None, mtu: int = 1500) -> Nic:
        """A network card in the root namespace, down and without a cable; named eth0, eth1... unless it is given a name."""
        nic = Nic(name or f"eth{len(self.nics)}", mac or random_mac(self.world.sim), mtu)
        nic.mac_set = mac is not None
        self.netns.add_device(nic)
        self.nics.append(nic)
        return nic

    # -- power --------------------------------------------------------------------------------------------------------------------

    def shut_down(self) -> None:
        """Switch it off: every namespace with all in it is gone, the cards' links are down."""
        for name in list(self.namespaces):
            self.delete_netns(name)
        for nic in self.nics:
            nic.leave()
        _tear_down(self.netns)
        if self.world.tp.journal:
            self.world.tp.on_journal(GONE, self.name)

    def reboot(self) -> None:
        """Off and on again: a new kernel with an empty root namespace, the same cards with their MACs and cables, down."""
        if not self.netns.gone:
            self.shut_down()
        self._boot()
        for nic in self.nics:
            nic.ifindex = 0
            nic.join(self.netns)


def _tear_down(ns: Namespace) -> None:
    """Take down everything in a namespace (cleanup_net); frames on their way to it find nobody."""
    sockets.destroy(ns)
    if ns.ct is not None:
        ns.ct.flush()
    for dev in list(ns.devices.values()):
        dev.unregister()
    ns.gone = True
