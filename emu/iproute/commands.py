"""The configuration commands by name, and the one way to run them: on a machine, in one of its namespaces, with the words that were typed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from emu.fabric.machine import Machine
from emu.iproute.cmd import brctl, bridge, conntrack, ethtool, ip, sysctl
from emu.iproute.cmd.answers import refused
from emu.iproute.cmd.invocation import Invocation, Result, Stop
from emu.net.netns import Namespace, NetError

# Name -> what it does: prints into the invocation and returns the exit status; Stop and NetError end it.
COMMANDS: dict[str, Callable[[Invocation], int]] = {
    "ip": ip.run, "bridge": bridge.run, "brctl": brctl.run, "sysctl": sysctl.run, "conntrack": conntrack.run, "ethtool": ethtool.run,
}  # fmt: skip

# Programs that configure networks and that nobody emulates here.
NOT_EMULATED = ("nft", "tc", "ipvsadm", "ip6tables", "ip6tables-save", "ip6tables-restore", "ebtables", "arptables", "ifconfig", "route", "netstat", "arp")


def _read(path: str) -> str:
    return Path(path).read_text()


def run(machine: Machine, ns: Namespace, argv: Sequence[str], stdin: str = "", read: Callable[[str], str] = _read) -> Result:
    """Run one command line. `argv[0]`: its name, or a path that ends in it. Never raises for what a person can type."""
    name = argv[0].rsplit("/", 1)[-1]
    command = COMMANDS.get(name)
    if command is None:
        if name in NOT_EMULATED:
            return Result("", f"emu: not emulated: {name}\n", 1)
        return Result("", f"emu: {name}: command not found\n", 127)
    call = Invocation(machine, ns, [str(word) for word in argv[1:]], stdin, read)
    try:
        status = command(call)
    except NetError as error:
        stop = refused(error)
        call.err.append(stop.text)
        status = stop.status
    except Stop as stop:
        call.err.append(stop.text)
        status = stop.status
    return Result("".join(call.out), "".join(call.err), status)
