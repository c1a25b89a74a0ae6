"""`bridge`: ports of bridges and forwarding databases."""

from __future__ import annotations

import re
from typing import Any

from emu.iproute import bridge, fdb_text
from emu.iproute.cmd.answers import refused
from emu.iproute.cmd.batch import run_batch
from emu.iproute.cmd.invocation import Invocation, Stop, not_emulated
from emu.iproute.cmd.link_options import PORT_FLAGS, PORT_OFF
from emu.iproute.cmd.options import Options
from emu.iproute.cmd.words import Words, garbage, integer, matches, pick, twice, wrong
from emu.iproute.link_text import devices
from emu.iproute.port_text import port_record
from emu.iproute.record import Record, render
from emu.net.bridge import Bridge
from emu.net.bridge_port import FORWARDING, LEARNING, STATE_NAMES, BridgePort
from emu.net.device import NetDevice
from emu.net.netns import NetError
from emu.net.vxlan import Vxlan
from emu.wire.addr import mac_bytes

FLAGS = {"-stats": "stats", "-statistics": "stats", "-details": "details", "-oneline": "oneline", "-json": "json", "-pretty": "pretty", "-force": "force"}
REFUSED = 255


def run(call: Invocation) -> int:
    """The command line of `bridge`. What the kernel refuses ends with status 255 here, not 2."""
    options = Options()
    words = Words(call.argv)
    batch = ""
    while words and words.peek().startswith("-"):
        option = words.take()
        option = option[1:] if option.startswith("--") else option
        name = next((name for name in FLAGS if matches(option, name)), None)
        if option != "-b" and matches(option, "-batch"):
            batch = words.take()
        elif matches(option, "-netns"):
            _switch(call, words.take())
        elif matches(option, "-Version"):
            call.out.append("bridge utility, 6.1.0\n")
            return 0
        elif name is not None:
            setattr(options, FLAGS[name], getattr(options, FLAGS[name]) + 1)
        elif not _idle(option):
            raise Stop(f'Option "{option}" is unknown, try "bridge help".\n', 255)
    if batch:
        return run_batch(call, options, batch, _object, REFUSED)
    return _object(call, options, words)


def _idle(option: str) -> bool:
    """Options that change nothing here: there is no terminal to colour."""
    name, equals, value = option.partition("=")
    if equals:
        return matches(name, "-color") and len(name) > 1 and value in ("always", "auto", "never")
    return option in ("-4", "-6") or any(matches(option, other) for other in ("-timestamp", "-tshort", "-compressvlans", "-color", "-iec", "-echo"))


def _object(call: Invocation, options: Options, words: Words) -> int:
    word = words.take() if words else "help"
    try:
        for name, do in (("link", _link), ("fdb", _fdb)):
            if matches(word, name):
                return do(call, options, words)
    except NetError as error:
        raise refused(error, REFUSED) from None
    if any(matches(word, name) for name in ("mdb", "vlan", "monitor", "vni", "help")):
        raise not_emulated(f"bridge {word}", 255)
    raise Stop(f'Object "{word}" is unknown, try "bridge help".\n', 255)


def _switch(call: Invocation, name: str) -> None:
    ns = call.namespace(name)
    if ns is None:
        raise Stop(f'Cannot open network namespace "{name}": No such file or directory\n', 255)
    call.ns = ns


def _device(call: Invocation, name: str, what: str = "device") -> NetDevice:
    dev = call.ns.devices.get(name)
    if dev is None:
        raise Stop(f'Cannot find {what} "{name}"\n', 255)
    return dev


# -- link -------------------------------------------------------------------------------------------------------------------------


def _link(call: Invocation, options: Options, words: Words) -> int:
    word = words.take() if words else "show"
    verb = pick(word, ("set*", "change*", "show*", "lst*", "list*", "help*"))
    if verb in ("set", "change"):
        return _link_set(call, words)
    if verb is None:
        raise Stop(f'Command "{word}" is unknown, try "bridge link help".\n', 255)
    if verb == "help":
        raise not_emulated("the help text of bridge link", 255)
    wanted = ""
    while words:
        word = words.take()
        if word == "dev":
            if wanted:
                raise twice("dev", words.take())
            wanted = words.take()
    only = _device(call, wanted) if wanted else None
    ports = [dev for dev in devices(call.ns) if isinstance(dev.port, BridgePort) and (only is None or dev is only)]
    call.out.append(render([port_record(dev, bool(options.details)) for dev in ports], bool(options.json), bool(options.pretty), bool(options.oneline)))
    return 0


def _link_set(call: Invocation, words: Words) -> int:
    wanted = ""
    own = False
    changes: dict[str, Any] = {}
    while words:
        word = words.take()
        if word == "dev":
            wanted = words.take()
        elif word in ("cost", "priority"):
            changes[word] = _c_number(words.take())
        elif word == "state":
            changes[word] = _state(words.take())
        elif word == "mcast_router" and words and words.peek() == "1":
            words.take()
        elif word in PORT_FLAGS:
            changes[word] = words.one_of_on_off(word, 234)
        elif word in PORT_OFF or word == "learning_sync":
            if words.one_of_on_off(word, 234):
                raise not_emulated(f"bridge link set {word} on", 255)
        elif word in ("self", "master"):
            own = own or word == "self"
        else:
            raise not_emulated(f"bridge link set {word}", 255)
    if not wanted:
        raise Stop("Device is a required argument.\n", 255)
    _device(call, wanted, "bridge device")
    if own:
        raise Stop("RTNETLINK answers: Operation not supported\n", REFUSED)
    if changes.get("cost", 1) <= 0:  # not sent to the kernel
        del changes["cost"]
    if changes:
        bridge.link_set(call.ns, wanted, **changes)
    return 0


def _c_number(word: str) -> int:
    """atoi."""
    digits = re.match(r"-?\d+", word)
    return int(digits.group()) if digits is not None else 0


def _state(word: str) -> int:
    """A state of STP by number or name."""
    if word.isdecimal():
        return int(word)
    if word not in STATE_NAMES:
        raise Stop("Error: invalid STP port state\n", 255)
    return STATE_NAMES.index(word)


# -- fdb --------------------------------------------------------------------------------------------------------------------------


def _fdb(call: Invocation, options: Options, words: Words) -> int:
    word = words.take() if words else "show"
    verb = pick(word, ("add*", "append*", "replace*", "delete*", "get*", "flush*", "show*", "lst*", "list*", "help*"))
    if verb in ("add", "append", "replace", "delete"):
        return _fdb_change(call, words, verb)
    if verb == "get":
        return _fdb_get(call, options, words)
    if verb in ("show", "lst", "list"):
        return _fdb_show(call, options, words)
    if verb == "flush":
        return _fdb_flush(call, words)
    if verb is None:
        raise Stop(f'Command "{word}" is unknown, try "bridge fdb help".\n', 255)
    raise not_emulated(f"bridge fdb {verb}", 255)


STATES = {"local": "permanent", "permanent": "permanent", "temp": "static", "static": "static", "dynamic": "dynamic"}


def _fdb_change(call: Invocation, words: Words, verb: str) -> int:
    """fdb_modify. Without `master` the entry is `self`'s: a tunnel's own table, or the bridge's when the device is one."""
    mac = dev = ""
    state, sticky, own, master = "permanent", False, False, False
    tunnel: dict[str, Any] = {}
    while words:
        word = words.take()
        key = pick(word, ("dev", "self", "master", "router", "local", "permanent", "temp", "static*", "dynamic*", "dst", "port", "vni", "src_vni", "via",
                          "vlan", "use", "extern_learn", "sticky", "nhid", "to"))  # fmt: skip
        if key == "dev":
            dev = words.take()
        elif key in ("self", "master"):
            own, master = own or key == "self", master or key == "master"
        elif key in STATES:
            state = STATES[key]
        elif key == "sticky":
            sticky = True
        elif key == "dst":
            tunnel["dst"] = words.address()
        elif key in ("port", "vni"):
            tunnel[key] = _number(words, key)
        elif key == "via":
            tunnel["via"] = _device(call, words.take()).name
        elif key == "router":
            pass
        elif key == "vlan" and words and words.peek().isdecimal():  # no VLANs are known to a bridge that does not filter them
            raise Stop("RTNETLINK answers: Invalid argument\n", REFUSED)
        elif key in ("src_vni", "vlan", "use", "extern_learn", "nhid"):
            raise not_emulated(f"bridge fdb {verb} {key}", 255)
        else:
            word = words.take() if key == "to" else word
            if mac:
                raise garbage("to", word)
            mac = word
    if not mac or not dev:
        raise Stop("Device and address are required arguments.\n", 255)
    raw = _mac(mac)
    device = _device(call, dev)
    tunneled = isinstance(device, Vxlan) and not master
    if not tunneled and not isinstance(device, Bridge) and not master:
        raise not_emulated(f"bridge fdb {verb} ... self on a {device.kind} (for an entry of its bridge say master)", 255)
    if isinstance(device, Bridge) and master and not own:
        raise Stop("RTNETLINK answers: Operation not supported\n", REFUSED)
    if tunneled:
        tunnel["self"] = True
    if verb == "delete":
        bridge.fdb_delete(call.ns, raw, dev, **tunnel)
        return 0
    port = device.port
    if state == "dynamic" and isinstance(port, BridgePort) and port.state not in (LEARNING, FORWARDING):
        raise Stop("RTNETLINK answers: Operation not permitted\n", REFUSED)
    if device.kind == "loopback":
        raise Stop("Error: FDB add only supported for Ethernet devices.\n", REFUSED)
    replaces = verb == "replace" or (verb == "append" and not tunneled)  # to append to an entry of a bridge is to change it
    bridge.fdb_add(call.ns, raw, dev, state, sticky=sticky, replace=replaces, append=verb == "append", **tunnel)
    return 0


def _mac(word: str) -> bytes:
    try:
        return mac_bytes(word)
    except ValueError:
        raise Stop(f"Invalid mac address {word}\n", 255) from None


def _number(words: Words, key: str) -> int:
    word = words.take()
    number = integer(word)
    if number is None or not 0 <= number < (1 << 16 if key == "port" else 1 << 24):
        raise wrong(word, f"invalid {'VNI' if key == 'vni' else key}\n")
    return number


def _fdb_show(call: Invocation, options: Options, words: Words) -> int:
    dev = br = ""
    states: tuple[str, ...] | None = None
    while words:
        word = words.take()
        key = pick(word, ("brport", "dev", "br", "vlan", "state", "dynamic"))
        if key in ("brport", "dev"):
            dev = words.take()
        elif key == "br":
            br = words.take()
        elif key == "vlan":
            raise not_emulated("bridge fdb show vlan", 255)
        elif key == "state":
            name = words.take()
            if name != "dynamic" and name not in STATES:
                raise wrong(name, "invalid state")
            states = (STATES[name] if name != "dynamic" else "",)
        elif key == "dynamic":
            states = ("", "static")
    master = _device(call, br, "bridge device") if br else None
    port = _device(call, dev) if dev else None
    if master is not None and not isinstance(master, Bridge):
        return 0
    shown = fdb_text.records(call.ns, port, master, states, bool(options.stats))
    call.out.append(render(shown, bool(options.json), bool(options.pretty)))
    return 0


def _fdb_flush(call: Invocation, words: Words) -> int:
    dev = ""
    while words:
        word = words.take()
        if word != "dev":
            raise not_emulated(f"bridge fdb flush {word}", 255)
        dev = words.take()
    if not dev:
        raise Stop("Device is a required argument.\n", 255)
    bridge.fdb_flush_all(call.ns, _device(call, dev).name)
    return 0


def _fdb_get(call: Invocation, options: Options, words: Words) -> int:
    mac = br = ""
    while words:
        word = words.take()
        if word in ("br", "brport", "dev"):
            br = words.take()
        elif word in ("vlan", "vni", "self", "dynamic"):
            raise not_emulated(f"bridge fdb get {word}", 255)
        elif word not in ("master",):
            mac = words.take() if word == "to" else word
    if not mac or not br:
        raise Stop("Device or master and address are required arguments.\n", 255)
    where = fdb_text.bridge_of(_device(call, br))
    entry = where.fdb.entries.get(_mac(mac)) if where is not None else None
    if where is None or entry is None:
        raise Stop("Error: Fdb entry not found.\n", 254)
    shown: list[Record] = [fdb_text.entry_record(where, entry.port.dev if entry.port is not None else where, entry, True)]
    call.out.append(render(shown, bool(options.json), bool(options.pretty)))
    return 0
