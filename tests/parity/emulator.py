"""A script in the emulator: `emu sh` as a user has it, watched."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from emu.iproute import commands as iproute
from emu.iproute.cmd import iptables
from emu.net.bridge import Bridge
from emu.net.conntrack.entry import CONFIRMED
from emu.net.conntrack.table import Conntrack
from emu.net.device import NetDevice
from emu.net.neigh import NeighTable
from emu.net.netns import Namespace
from emu.net.skb import Skb
from emu.observe.ledger import Ledger
from emu.shell import sh
from emu.shell.call import Call
from emu.shell.commands import Commands
from tests.kernel.lab import Captured
from tests.parity.lots import Played
from tests.parity.observed import KILLED, RECORDED, SETTLE_S, TABLES, Command, Observed, Owner, RunError, netns_exec
from tests.parity.script import Script

PACKET_HOST, PACKET_OUTGOING = 0, 4
GONE = 137  # what the server gives a stand-in that was killed


def observe(script: Script, played: Played, folder: Path, seed: int = 1) -> tuple[Observed, Played]:
    """Run it with the draws of `played`, which is returned with what it noted. Only in a process of its own (tests.parity.task): its standard
    output becomes the script's, whose files are put into an empty folder.
    """
    os.nice(5)  # the kernel's side has timers that run in real time
    observed = Observed()
    watch_connections(played)
    watch_neighbours(played)
    calls: list[tuple[int, str, Any]] = []
    made: list[Any] = []

    class Watched(Commands):
        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments)
            made.append(self)
            self.ledger = Ledger(self.machine.world.tp)
            self.machine.world.tp.attach("frame", self.frame)
            played.install(self.machine.world.sim)

        def frame(self, now: int, device: Any, direction: str, frame: Any) -> None:
            kind = PACKET_OUTGOING if direction == "tx" else PACKET_HOST
            observed.frames.append(Captured(now, device.netns.name, device.name, kind, False, frame.wire))

        def admit(self, call: Call) -> None:
            owners(self, observed)
            if all(known is not call for _, _, known in calls):
                inside = self.netns(call)
                if is_recorded(self, call):
                    calls.append((number_of(call.pid), inside.name if inside else "?", call))
            super().admit(call)

    began = time.monotonic()
    output, work = folder / "output", folder / "work"
    work.mkdir()
    path = str(script.path.absolute())
    descriptor = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for standard in (1, 2):
        os.dup2(descriptor, standard)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.chdir(work)
    os.environ.clear()
    os.environ.update(
        PATH="/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", HOME="/root", USER="root", LC_ALL="C.UTF-8", TERM="dumb", TMPDIR=str(work)
    )
    observed.status = sh.run(path, [], None, seed, make=Watched, settle_ns=round(SETTLE_S * 1e9))
    observed.output = output.read_text(errors="replace")
    commands = made[0]
    if commands.ledger.errors:
        raise RunError(f"the ledger does not balance: {'; '.join(commands.ledger.errors[:3])}")
    owners(commands, observed)
    observed.commands = [Command(order, netns, tuple(call.argv), KILLED if call.status in (None, GONE) else str(call.status)) for order, netns, call in calls]
    for ns in (commands.machine.netns, *commands.machine.namespaces.values()):
        for command, _ in TABLES:
            observed.tables[ns.name, command] = printed(commands, ns, command)
    observed.flows = played.flows
    observed.seconds = time.monotonic() - began
    return observed, played


def watch_connections(played: Played) -> None:
    """Hear of every tracked connection when it is confirmed, as the kernel tells it."""
    confirm = Conntrack.confirm

    def watched(self: Conntrack, skb: Skb) -> bool:
        ct = skb.ct
        was_new = ct is not None and not ct.status & CONFIRMED
        result = confirm(self, skb)
        if was_new and ct.status & CONFIRMED:
            played.began(self.ns.name, ct.orig, ct.reply)
        return result

    Conntrack.confirm = watched  # type: ignore[method-assign]


def watch_neighbours(played: Played) -> None:
    """Know for which device a time is drawn."""
    reachable_time = NeighTable.reachable_time

    def watched(self: NeighTable, dev: NetDevice) -> int:
        played.device = dev.name
        time = reachable_time(self, dev)
        played.device = ""
        return time

    NeighTable.reachable_time = watched  # type: ignore[method-assign]


def is_recorded(commands: Commands, call: Call) -> bool:
    if call.name not in RECORDED:
        return False
    name = netns_exec(call.argv) if call.name == "ip" else None
    return name is None or name not in commands.machine.namespaces


def owners(commands: Commands, observed: Observed) -> None:
    """Note whose every MAC is."""
    for ns, device in devices(commands):
        if any(device.mac):
            owner = Owner(device.mac.hex(":"), f"{ns.name}.{device.name}", isinstance(device, Bridge))
            if owner not in observed.owners[-200:]:
                observed.owners.append(owner)


def devices(commands: Commands) -> Iterator[tuple[Namespace, Any]]:
    for ns in (commands.machine.netns, *commands.machine.namespaces.values()):
        for device in ns.devices.values():
            yield ns, device


def number_of(pid: int) -> int:
    """The process's number in the script's own pid namespace, which goes up with every fork."""
    try:
        with open(f"/proc/{pid}/status") as file:
            return next((int(line.split()[-1]) for line in file if line.startswith("NSpid:")), pid)
    except OSError:
        return pid


def printed(commands: Commands, ns: Namespace, command: str) -> str:
    """What a command prints in a namespace."""
    def read(name: str) -> str:
        raise OSError(2, "No such file or directory", name)

    argv = command.split()
    if argv[0].startswith("iptables"):
        return iptables.run(ns, argv, "", read)[0]
    return iproute.run(commands.machine, ns, argv, "", read).stdout
