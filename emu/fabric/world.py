"""One emulated world: its clock, its tracepoints, its machines, switches and cables."""

from __future__ import annotations

from emu.fabric.cable import DEFAULT_DELAY_NS, Cable
from emu.fabric.machine import Machine
from emu.fabric.switch import Switch
from emu.net.netns import Namespace, NetError
from emu.net.nic import Nic
from emu.sim import Sim
from emu.trace import Tracepoints
from emu.trace.points import CABLE, SWITCH

EEXIST, EINVAL = 17, 22


class World:
    """`seed` decides every choice in it. Names of machines, namespaces and switches are unique: captures are named after them."""

    def __init__(self, seed: int = 0) -> None:
        self.sim = Sim(seed)
        self.tp = Tracepoints(self.sim)
        self.machines: dict[str, Machine] = {}
        self.switches: dict[str, Switch] = {}
        self.cables: list[Cable] = []
        self._names: dict[str, object] = {}

    def claim_name(self, name: str, owner: object) -> None:
        """Take a name for a namespace. Raises NetError EEXIST naming who has it."""
        if name in self._names:
            raise NetError(EEXIST, f'File exists: the name "{name}" is in use by {self._names[name]!r}')
        self._names[name] = owner

    def owner_of(self, name: str) -> object | None:
        """Who has a name, None if it is free."""
        return self._names.get(name)

    def release_name(self, name: str) -> None:
        """Give a name back."""
        self._names.pop(name, None)

    def add_machine(self, name: str) -> Machine:
        """A machine with an empty root namespace."""
        if not name:
            raise NetError(EINVAL, "a machine needs a name")
        if name in self._names:
            self.claim_name(name, None)
        machine = Machine(name, self)
        self.claim_name(name, machine)
        self.machines[name] = machine
        return machine

    def add_switch(self, name: str) -> Switch:
        """A switch without ports."""
        if not name:
            raise NetError(EINVAL, "a switch needs a name")
        switch = Switch(name, self.sim, self.tp)
        self.claim_name(name, switch)
        self.switches[name] = switch
        if self.tp.journal:
            self.tp.on_journal(SWITCH, name)
        return switch

    def cable(self, a: Nic, b: Nic, delay_ns: int = DEFAULT_DELAY_NS) -> Cable:
        """Put a cable between two cards, or between a card and a switch's port."""
        cable = Cable(a, b, delay_ns)
        self.cables.append(cable)
        if self.tp.journal:
            self.tp.on_journal(CABLE, a.netns.name, f"{a.name} {a.mac.hex(':')}", f"{b.netns.name} {b.name} {b.mac.hex(':')}")
        return cable

    def cable_of(self, nic: Nic) -> Cable | None:
        """The cable in a card."""
        return next((cable for cable in self.cables if cable.a is nic or cable.b is nic), None)

    def namespaces(self) -> list[Namespace]:
        """Every namespace of every machine: machines in the order they were made, each with its root namespace first."""
        return [ns for machine in self.machines.values() for ns in (machine.netns, *machine.namespaces.values())]
