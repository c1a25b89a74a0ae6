"""`brctl`: bridges the old way (bridge-utils)."""

from __future__ import annotations

from collections.abc import Callable

from emu.iproute import bridge, link
from emu.iproute.cmd.invocation import Invocation, Stop, not_emulated
from emu.net.bridge import Bridge
from emu.net.bridge_port import BridgePort
from emu.net.device import NetDevice
from emu.sim import NS_PER_MS
from emu.wire.addr import mac_text

# Command -> (how few, how many arguments, what the usage says of them).
USAGE = {
    "addbr": (1, 1, "<bridge>\t\tadd bridge"), "delbr": (1, 1, "<bridge>\t\tdelete bridge"),
    "addif": (2, 999, "<bridge> <device>\tadd interface to bridge"), "delif": (2, 999, "<bridge> <device>\tdelete interface from bridge"),
    "hairpin": (3, 3, "<bridge> <port> {on|off}\tturn hairpin on/off"), "setageing": (2, 2, "<bridge> <time>\t\tset ageing time"),
    "setbridgeprio": (2, 2, "<bridge> <prio>\t\tset bridge priority"), "setfd": (2, 2, "<bridge> <time>\t\tset bridge forward delay"),
    "sethello": (2, 2, "<bridge> <time>\t\tset hello time"), "setmaxage": (2, 2, "<bridge> <time>\t\tset max message age"),
    "setpathcost": (3, 3, "<bridge> <port> <cost>\tset path cost"), "setportprio": (3, 3, "<bridge> <port> <prio>\tset port priority"),
    "show": (0, 999, "[ <bridge> ]\t\tshow a list of bridges"), "showmacs": (1, 1, "<bridge>\t\tshow a list of mac addrs"),
    "showstp": (1, 1, "<bridge>\t\tshow bridge stp info"), "stp": (2, 2, "<bridge> {on|off}\tturn stp on/off"),
}  # fmt: skip
IDLE = ("setbridgeprio", "setfd", "sethello", "setmaxage", "setpathcost", "setportprio")  # numbers of STP, which is off
HEAD = "bridge name\tbridge id\t\tSTP enabled\tinterfaces\n"


def run(call: Invocation) -> int:
    """The command line of `brctl`."""
    if call.argv[:1] in (["-V"], ["--version"]):
        call.out.append("bridge-utils, 1.7\n")
        return 0
    if not call.argv or call.argv[0] not in USAGE:
        call.out.append("Usage: brctl [commands]\ncommands:\n" + "".join(f"\t{name:<10}\t{text}\n" for name, (_, _, text) in USAGE.items()))
        if call.argv and call.argv[0] not in ("-h", "--help"):
            raise Stop(f"never heard of command [{call.argv[0]}]\n", 1)
        return 1
    name, *words = call.argv
    least, most, text = USAGE[name]
    if not least <= len(words) <= most:
        call.out.append(f"Incorrect number of arguments for command\nUsage: brctl {name} {text}\n")
        return 1
    if name in IDLE:
        _bridge(call, words[0])
    else:
        COMMANDS[name](call, words)
    return 0


def _fail(text: str) -> Stop:
    return Stop(f"{text}\n", 1)


def _bridge(call: Invocation, name: str) -> Bridge:
    dev = call.ns.devices.get(name)
    if dev is None:
        raise _fail(f"bridge {name} does not exist!")
    if not isinstance(dev, Bridge):
        raise _fail(f"device {name} is not a bridge!")
    return dev


def _port(call: Invocation, name: str) -> NetDevice:
    dev = call.ns.devices.get(name)
    if dev is None:
        raise _fail(f"interface {name} does not exist!")
    return dev


def _addbr(call: Invocation, words: list[str]) -> None:
    if words[0] in call.ns.devices:
        raise _fail(f"device {words[0]} already exists; can't create bridge with the same name")
    link.add_bridge(call.ns, words[0])


def _delbr(call: Invocation, words: list[str]) -> None:
    dev = call.ns.devices.get(words[0])
    if dev is None:
        raise _fail(f"bridge {words[0]} doesn't exist; can't delete it")
    if not isinstance(dev, Bridge):
        raise _fail(f"can't delete bridge {words[0]}: Operation not permitted")
    if dev.up:
        raise _fail(f"bridge {words[0]} is still up; can't delete it")
    link.delete(call.ns, words[0])


def _addif(call: Invocation, words: list[str]) -> None:
    for name in words[1:]:
        where = call.ns.devices.get(words[0])
        if where is None:
            raise _fail(f"bridge {words[0]} does not exist!")
        dev = _port(call, name)
        if isinstance(dev.port, BridgePort):
            raise _fail(f"device {name} is already a member of a bridge; can't add it to bridge {words[0]}.")
        if isinstance(dev, Bridge):
            raise _fail(f"device {name} is a bridge device itself; can't add a bridge device to a bridge device.")
        if dev.kind == "loopback":
            raise _fail(f"can't add {name} to bridge {words[0]}: Invalid argument")
        if not isinstance(where, Bridge):
            raise _fail(f"can't add {name} to bridge {words[0]}: Operation not supported")
        link.set_master(call.ns, name, words[0])


def _delif(call: Invocation, words: list[str]) -> None:
    for name in words[1:]:
        if words[0] not in call.ns.devices:
            raise _fail(f"bridge {words[0]} does not exist!")
        dev = _port(call, name)
        if not isinstance(dev.port, BridgePort) or dev.port.bridge.name != words[0]:
            raise _fail(f"device {name} is not a port of {words[0]}")
        link.set_master(call.ns, name, None)


def _hairpin(call: Invocation, words: list[str]) -> None:
    on = _switch(words[2])
    dev = _port(call, words[1])
    if not isinstance(dev.port, BridgePort) or dev.port.bridge.name != words[0]:
        raise _fail(f"can't set {words[1]} to hairpin on bridge {words[0]}: No such file or directory")
    bridge.link_set(call.ns, words[1], hairpin=on)


def _switch(word: str) -> bool:
    if word not in ("on", "yes", "1", "off", "no", "0"):
        raise _fail("expect on/off for argument")
    return word in ("on", "yes", "1")


def _setageing(call: Invocation, words: list[str]) -> None:
    try:
        seconds = float(words[1])
    except ValueError:
        raise _fail("bad ageing time value") from None
    if not isinstance(call.ns.devices.get(words[0]), Bridge):
        raise _fail("set ageing time failed: No such device")
    bridge.set_ageing_time(call.ns, words[0], seconds)


def _stp(call: Invocation, words: list[str]) -> None:
    _bridge(call, words[0])
    if _switch(words[1]):
        raise not_emulated("STP (brctl stp on)")


def _show(call: Invocation, words: list[str]) -> None:
    bridges = [_bridge(call, name) for name in words] if words else [dev for dev in call.ns.by_index.values() if isinstance(dev, Bridge)]
    call.out.append(HEAD if bridges else "")
    for one in sorted(bridges, key=lambda dev: dev.name) if not words else bridges:
        ports = sorted(port.dev.name for port in one.ports)
        call.out.append(f"{one.name}\t\t8000.{one.mac.hex()}\tno\t\t{ports[0] if ports else ''}\n")
        call.out.append("".join(f"\t\t\t\t\t\t\t{name}\n" for name in ports[1:]))


def _showmacs(call: Invocation, words: list[str]) -> None:
    dev = call.ns.devices.get(words[0])
    if not isinstance(dev, Bridge):
        raise _fail(f"read of forward table failed: {'No such device' if dev is None else 'Operation not supported'}")
    call.out.append("port no\tmac addr\t\tis local?\tageing timer\n")
    for entry in sorted(dev.fdb.entries.values(), key=lambda entry: entry.mac):
        if entry.port is not None:
            age = 0 if entry.static else (call.ns.sim.now - entry.updated) // (10 * NS_PER_MS)
            call.out.append(f"{entry.port.number:3}\t{mac_text(entry.mac)}\t{'yes' if entry.local else 'no'}\t\t{age // 100:4}.{age % 100:02}\n")


def _showstp(call: Invocation, words: list[str]) -> None:
    raise not_emulated("brctl showstp")


COMMANDS: dict[str, Callable[[Invocation, list[str]], None]] = {
    "addbr": _addbr, "delbr": _delbr, "addif": _addif, "delif": _delif, "hairpin": _hairpin, "setageing": _setageing, "stp": _stp, "show": _show,
    "showmacs": _showmacs, "showstp": _showstp,
}  # fmt: skip
