"""`brctl`: bridges the old way (bridge-utils)."""

from __future__ import annotations

from collections.abc import Callable

from emu.iproute import bridge, link
from emu.iproute.cmd.answers import STRERROR
from emu.iproute.cmd.invocation import Invocation, Stop, not_emulated
from emu.iproute.cmd.words import integer
from emu.iproute.link_text import devices
from emu.net.bridge import Bridge
from emu.net.bridge_port import STATE_NAMES, BridgePort
from emu.net.device import NetDevice
from emu.net.netns import NetError
from emu.sim import NS_PER_MS
from emu.wire.addr import ZERO_MAC, mac_text

# Command -> (how many arguments at least, what the usage says of them). More are not looked at.
USAGE = {
    "addbr": (1, "<bridge>\t\tadd bridge"), "delbr": (1, "<bridge>\t\tdelete bridge"),
    "addif": (2, "<bridge> <device>\tadd interface to bridge"), "delif": (2, "<bridge> <device>\tdelete interface from bridge"),
    "hairpin": (3, "<bridge> <port> {on|off}\tturn hairpin on/off"), "setageing": (2, "<bridge> <time>\t\tset ageing time"),
    "setbridgeprio": (2, "<bridge> <prio>\t\tset bridge priority"), "setfd": (2, "<bridge> <time>\t\tset bridge forward delay"),
    "sethello": (2, "<bridge> <time>\t\tset hello time"), "setmaxage": (2, "<bridge> <time>\t\tset max message age"),
    "setpathcost": (3, "<bridge> <port> <cost>\tset path cost"), "setportprio": (3, "<bridge> <port> <prio>\tset port priority"),
    "show": (0, "[ <bridge> ]\t\tshow a list of bridges"), "showmacs": (1, "<bridge>\t\tshow a list of mac addrs"),
    "showstp": (1, "<bridge>\t\tshow bridge stp info"), "stp": (2, "<bridge> {on|off}\tturn stp on/off"),
}  # fmt: skip
# Numbers of STP: command -> (option of a bridge, what it is called in complaints, units in one of the number typed).
TIMES = {"setfd": ("forward_delay", "forward delay", "forward delay value"), "sethello": ("hello_time", "hello timer", "hello timer value"),
         "setmaxage": ("max_age", "max age", "max age value")}  # fmt: skip
PORT_NUMBERS = {"setpathcost": ("cost", "path cost", "path cost value"), "setportprio": ("priority", "port priority", "path priority value")}
HAIRPIN = "\n hairpin mode\t\t   1"
HEAD = "bridge name\tbridge id\t\tSTP enabled\tinterfaces\n"


def run(call: Invocation) -> int:
    """The command line of `brctl`."""
    if call.argv[:1] in (["-V"], ["--version"]):
        call.out.append("bridge-utils, 1.7\n")
        return 0
    if not call.argv or call.argv[0] not in USAGE:
        call.out.append("Usage: brctl [commands]\ncommands:\n" + "".join(f"\t{name:<10}\t{text}\n" for name, (_, text) in USAGE.items()))
        if call.argv and call.argv[0] not in ("-h", "--help"):
            raise Stop(f"never heard of command [{call.argv[0]}]\n", 1)
        return 1
    name, *words = call.argv
    least, text = USAGE[name]
    if len(words) < least:
        call.out.append(f"Incorrect number of arguments for command\nUsage: brctl {name} {text}\n")
        return 1
    if name in TIMES:
        _set_time(call, words, *TIMES[name])
    elif name in PORT_NUMBERS:
        _set_port(call, words, *PORT_NUMBERS[name])
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
    link.add_bridge(call.ns, words[0][: link.IFNAMSIZ - 1])


def _refused(what: str, error: NetError) -> Stop:
    return _fail(f"set {what} failed: {STRERROR.get(error.errno or 0, 'Invalid argument')}")


def _bridge_for(call: Invocation, name: str, what: str) -> str:
    dev = call.ns.devices.get(name)
    if not isinstance(dev, Bridge):
        raise _fail(f"set {what} failed: {'No such device' if dev is None else 'Operation not supported'}")
    return name


def _set_time(call: Invocation, words: list[str], option: str, what: str, value: str) -> None:
    try:
        seconds = float(words[1])
    except ValueError:
        raise _fail(f"bad {value}") from None
    try:
        bridge.set_option(call.ns, _bridge_for(call, words[0], what), option, round(seconds * 100))
    except NetError as error:
        raise _refused(what, error) from None


def _setbridgeprio(call: Invocation, words: list[str]) -> None:
    number = integer(words[1])
    if number is None:
        raise _fail("bad priority")
    bridge.set_option(call.ns, _bridge_for(call, words[0], "bridge priority"), "priority", number & 0xFFFF)


def _set_port(call: Invocation, words: list[str], key: str, what: str, value: str) -> None:
    number = integer(words[2])
    if number is None:
        raise _fail(f"bad {value}")
    dev = call.ns.devices.get(words[1])
    if dev is None or not isinstance(dev.port, BridgePort) or dev.port.bridge.name != words[0]:
        raise _fail(f"set {what} failed: No such device")
    try:
        bridge.link_set(call.ns, words[1], **{key: number})  # type: ignore[arg-type]  # cost and priority are numbers
    except NetError as error:
        raise _refused(what, error) from None


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
    on = _switch(words[1])
    _bridge_for(call, words[0], "stp status")
    if on:
        raise not_emulated("STP (brctl stp on)")


def _show(call: Invocation, words: list[str]) -> None:
    names = words or [dev.name for dev in devices(call.ns) if isinstance(dev, Bridge)]
    for number, name in enumerate(names):
        one = _bridge(call, name)
        call.out.append("" if number else HEAD)
        ports = sorted(port.dev.name for port in one.ports)
        call.out.append(f"{one.name}\t\t{_identity(one)}\tno\t\t{ports[0] if ports else ''}\n")
        call.out.append("".join(f"\t\t\t\t\t\t\t{name}\n" for name in ports[1:]))


def _identity(one: Bridge) -> str:
    """`8000.020000000010`."""
    mac = one.mac if one.mac_set or one.ports else ZERO_MAC
    return f"{one.options.get('priority', 32768):04x}.{mac.hex()}"


def _showmacs(call: Invocation, words: list[str]) -> None:
    dev = call.ns.devices.get(words[0])
    if not isinstance(dev, Bridge):
        raise _fail(f"read of forward table failed: {'No such device' if dev is None else 'Operation not supported'}")
    call.out.append("port no\tmac addr\t\tis local?\tageing timer\n")
    for entry in sorted(dev.fdb.entries.values(), key=lambda entry: entry.mac):
        if entry.port is not None:
            age = 0 if entry.static else (call.ns.sim.now - entry.updated) // (10 * NS_PER_MS)
            call.out.append(f"{entry.port.number:3}\t{mac_text(entry.mac)}\t{'yes' if entry.local else 'no'}\t\t{age // 100:4}.{age % 100:02}\n")


def _time(centiseconds: float) -> str:
    return f"{int(centiseconds) // 100:4}.{int(centiseconds) % 100:02}"


def _showstp(call: Invocation, words: list[str]) -> None:
    """What STP would say. Three of the times are read in jiffies of 4 ms as if they were hundredths, and so are two and a half times what they are."""
    one = _bridge(call, words[0])
    delay, hello, age = (one.options.get(key, value) for key, value in (("forward_delay", 1500), ("hello_time", 200), ("max_age", 2000)))
    call.out.append(
        f"{one.name}\n bridge id\t\t{_identity(one)}\n designated root\t{_identity(one)}\n root port\t\t   0\t\t\tpath cost\t\t   0\n"
        f" max age\t\t{_time(age)}\t\t\tbridge max age\t\t{_time(age * 2.5)}\n hello time\t\t{_time(hello)}\t\t\tbridge hello time\t{_time(hello * 2.5)}\n"
        f" forward delay\t\t{_time(delay * 2.5)}\t\t\tbridge forward delay\t{_time(delay)}\n ageing time\t\t{_time(one.fdb.ageing_ns // (10 * NS_PER_MS))}\n"
        " hello timer\t\t   0.00\t\t\ttcn timer\t\t   0.00\n topology change timer\t   0.00\t\t\tgc timer\t\t   0.00\n flags\t\t\t\n\n\n"
    )
    for port in sorted(one.ports, key=lambda port: port.dev.name):
        identity = f"{port.priority << 10 | port.number:04x}"
        call.out.append(
            f"{port.dev.name} ({port.number})\n port id\t\t{identity}\t\t\tstate\t\t{STATE_NAMES[port.state]:>15}\n"
            f" designated root\t{_identity(one)}\tpath cost\t\t{port.cost:4}\n designated bridge\t{_identity(one)}\tmessage age timer\t   0.00\n"
            f" designated port\t{identity}\t\t\tforward delay timer\t   0.00\n designated cost\t   0\t\t\thold timer\t\t   0.00\n"
            f" flags\t\t\t{HAIRPIN if port.hairpin else ''}\n\n"
        )


COMMANDS: dict[str, Callable[[Invocation, list[str]], None]] = {
    "addbr": _addbr, "delbr": _delbr, "addif": _addif, "delif": _delif, "hairpin": _hairpin, "setageing": _setageing, "stp": _stp, "show": _show,
    "showmacs": _showmacs, "showstp": _showstp, "setbridgeprio": _setbridgeprio,
}  # fmt: skip
