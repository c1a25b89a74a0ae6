"""`ip neighbour`: add, replace, delete, get, show, flush."""

from __future__ import annotations

from emu.iproute import neigh
from emu.iproute.cmd.invocation import Invocation, Stop, not_emulated
from emu.iproute.cmd.link_options import device
from emu.iproute.cmd.options import Options
from emu.iproute.cmd.words import Words, checked_prefix, garbage, pick, wrong
from emu.iproute.neigh_text import neigh_record, proxy_record
from emu.iproute.record import render
from emu.net.device import NetDevice
from emu.net.fib import MASKS
from emu.net.neigh_entry import NOARP, NUD, PERMANENT, VALID
from emu.net.netns import NetError
from emu.wire.addr import cidr_parse, ip_int

ENOENT = 2
VERBS = ("add*", "change*", "chg", "replace*", "delete*", "get*", "show*", "list*", "lst*", "flush*", "help*")
REQUIRED = "Device and destination are required arguments.\n"


def run(call: Invocation, options: Options, words: Words) -> int:
    """`ip neigh [show] ...`."""
    word = words.take() if words else "show"
    verb = pick(word, VERBS)
    if verb in ("add", "change", "chg", "replace", "delete", "get"):
        return _modify(call, options, words, verb)
    if verb in ("show", "list", "lst", "flush"):
        return _walk(call, options, words, verb == "flush")
    if verb is None:
        raise Stop(f'Command "{word}" is unknown, try "ip neigh help".\n', 255)
    raise not_emulated(f"ip neigh {verb}", 255)


def _state(words: Words) -> str:
    word = words.take()
    if word.upper() not in NUD:
        raise wrong(word, "nud state is bad")
    return word


def _modify(call: Invocation, options: Options, words: Words, verb: str) -> int:
    dst = dev = ""
    lladdr: bytes | None = None
    nud, proxy = "permanent", False
    while words:
        word = words.take()
        key = pick(word, ("lladdr", "nud", "proxy*", "router*", "extern_learn*", "managed*", "dev", "protocol*", "use", "to"))
        if key == "lladdr":
            lladdr = words.mac()
        elif key == "nud":
            nud = _state(words)
        elif key == "dev":
            dev = words.take()
        elif key in ("router", "extern_learn", "managed", "protocol", "use"):
            raise not_emulated(f"ip neigh {verb} {key}", 2)
        else:
            if key == "proxy":
                proxy = True
            word = words.take() if key else word
            if dst:
                raise garbage("to", word)
            dst = checked_prefix(word).partition("/")[0]
    if not dst or not dev:
        raise Stop(REQUIRED, 255)
    device(call.ns, dev)
    if proxy:
        (neigh.delete_proxy if verb == "delete" else neigh.add_proxy)(call.ns, dst, dev)
        return 0
    return _change(call, options, verb, dst, dev, lladdr, nud)


def _change(call: Invocation, options: Options, verb: str, dst: str, dev: str, lladdr: bytes | None, nud: str) -> int:
    entry = call.ns.neigh.lookup(call.ns.device(dev), ip_int(dst))
    if verb == "get":
        if entry is None:
            raise Stop("Error: Neighbour entry not found.\n", 2)
        call.out.append(render([neigh_record(entry, True, bool(options.stats))], bool(options.json), bool(options.pretty)))
    elif verb == "delete":
        neigh.delete(call.ns, dst, dev)
    else:
        if verb in ("change", "chg") and entry is None:
            raise NetError(ENOENT, f"No such file or directory: neighbour {dst} on {dev} in {call.ns.name}")
        if lladdr is None and NUD[nud.upper()] & VALID and (entry is None or not entry.state & VALID):
            raise Stop("Error: No link layer address given.\n", 2)
        (neigh.add if verb == "add" else neigh.replace)(call.ns, dst, dev, lladdr, nud)
    return 0


# -- show and flush ---------------------------------------------------------------------------------------------------------------


def _walk(call: Invocation, options: Options, words: Words, flush: bool) -> int:
    given = bool(words)
    dev: NetDevice | None = None
    to: tuple[int, int] | None = None
    states = 255 & ~(PERMANENT | NOARP) if flush else 255 & ~NOARP
    chosen, none, proxy = 0, False, False
    while words:
        word = words.take()
        key = pick(word, ("dev", "master", "vrf", "unused*", "nud", "proxy*", "protocol", "to"))
        if key == "dev":
            if dev is not None:
                raise garbage("dev", words.take())
            dev = device(call.ns, words.take())
        elif key == "nud":
            name = words.take()
            if name == "all":
                chosen, none = 255, True
            elif name.upper() in NUD:
                chosen |= NUD[name.upper()]
                none = none or name.upper() == "NONE"
            else:
                raise wrong(name, "nud state is bad")
        elif key == "proxy":
            proxy = True
        elif key in ("master", "vrf", "unused", "protocol"):
            raise not_emulated(f"ip neigh {'flush' if flush else 'show'} {key}", 255)
        else:
            prefix = checked_prefix(words.take() if key else word)
            to = None if prefix in ("all", "any", "default") else cidr_parse(prefix)
    states = chosen or states
    if flush and not given:
        raise Stop("Flush requires arguments.\n", 1)
    if proxy:
        return _proxies(call, options, dev)
    entries = [
        entry for entry in call.ns.neigh
        if (dev is None or entry.dev is dev) and (to is None or not (entry.ip ^ to[0]) & MASKS[to[1]]) and (entry.state & states or (none and not entry.state))
    ]  # fmt: skip
    if flush:
        for entry in entries:
            call.ns.neigh.delete(entry.dev, entry.ip)
        if options.stats and not entries:
            call.out.append("Nothing to flush.\n")
        return 0
    if options.family == "inet6":
        entries = []
    call.out.append(render([neigh_record(entry, dev is None, bool(options.stats)) for entry in entries], bool(options.json), bool(options.pretty)))
    return 0


def _proxies(call: Invocation, options: Options, dev: NetDevice | None) -> int:
    records = [proxy_record(ip, where, dev is None) for ip, where in neigh.proxies(call.ns) if dev is None or where is dev]
    call.out.append(render(records, bool(options.json), bool(options.pretty)))
    return 0
