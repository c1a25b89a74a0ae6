"""`ip neighbour`: add, replace, delete, get, show, flush."""

from __future__ import annotations

from emu.iproute import neigh
from emu.iproute.cmd.answers import flushed
from emu.iproute.cmd.invocation import Invocation, Stop, not_emulated
from emu.iproute.cmd.link_options import device
from emu.iproute.cmd.options import Options
from emu.iproute.cmd.route_words import known
from emu.iproute.cmd.words import Words, garbage, pick, wrong
from emu.iproute.neigh_text import brief_text, neigh_record, proxy_record
from emu.iproute.record import render
from emu.iproute.route import PROTOCOLS
from emu.net.device import NetDevice
from emu.net.fib import MASKS
from emu.net.neigh_entry import NOARP, NUD, PERMANENT, VALID, Neigh
from emu.net.netns import NetError
from emu.wire.addr import cidr_parse, ip_int, ip_text

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
    nud, proxy, router, protocol = "permanent", False, False, 0
    while words:
        word = words.take()
        key = pick(word, ("lladdr", "nud", "proxy*", "router*", "extern_learn*", "managed*", "dev", "protocol*", "use", "to"))
        if key == "lladdr":
            lladdr = _lladdr(words.take())
        elif key == "nud":
            nud = _state(words)
        elif key == "dev":
            dev = words.take()
        elif key == "router":
            router = True
        elif key == "protocol":
            name = known(words, tuple(PROTOCOLS), 255, '"protocol" value is invalid\n')
            protocol = PROTOCOLS[name] if name in PROTOCOLS else int(name)
        elif key in ("extern_learn", "managed", "use"):
            raise not_emulated(f"ip neigh {verb} {key}", 2)
        else:
            if key == "proxy":
                proxy = True
            word = words.take() if key else word
            if dst:
                raise garbage("to", word)
            dst = words.checked_address(word)
    if not dst or not (dev or proxy):
        raise Stop("Device and address are required arguments.\n", 1) if verb == "get" else Stop(REQUIRED, 255)
    if dev:
        device(call.ns, dev)
    if proxy:
        (neigh.delete_proxy if verb == "delete" else neigh.add_proxy)(call.ns, dst, dev or None)
        return 0
    _change(call, options, verb, dst, dev, lladdr, nud)
    entry = call.ns.neigh.lookup(call.ns.device(dev), ip_int(dst))
    if entry is not None and verb not in ("get", "delete"):
        entry.note = router, protocol
    return 0


def _lladdr(word: str) -> bytes:
    """ll_addr_a2n: as many octets as there are; the kernel wants six at least, and takes six."""
    octets = word.split(":")
    try:
        raw = bytes(int(octet, 16) for octet in octets)
    except ValueError:
        raise Stop(f'"{word}" is invalid lladdr.\n', 1) from None
    if len(raw) < 2:
        raise Stop(f'"{word}" is invalid lladdr.\n', 1)
    if len(raw) < 6:
        raise Stop("Error: Invalid link address.\n", 2)
    return raw[:6]


def _change(call: Invocation, options: Options, verb: str, dst: str, dev: str, lladdr: bytes | None, nud: str) -> None:
    entry = call.ns.neigh.lookup(call.ns.device(dev), ip_int(dst))
    if verb == "get":
        if entry is None:
            raise Stop("Error: Neighbour entry not found.\n", 2)
        call.out.append(neigh_record(entry, True, bool(options.stats)).text)  # also with -j
    elif verb == "delete":
        neigh.delete(call.ns, dst, dev)
    else:
        if verb in ("change", "chg") and entry is None:
            raise NetError(ENOENT, f"No such file or directory: neighbour {dst} on {dev} in {call.ns.name}")
        if lladdr is None and NUD[nud.upper()] & VALID and (entry is None or not entry.state & VALID):
            raise Stop("Error: No link layer address given.\n", 2)
        (neigh.add if verb == "add" else neigh.replace)(call.ns, dst, dev, lladdr, nud)


# -- show and flush ---------------------------------------------------------------------------------------------------------------


class Filter:
    """Which entries `ip neigh show` and `ip neigh flush` mean."""

    def __init__(self, call: Invocation, words: Words, flush: bool) -> None:
        self.dev: NetDevice | None = None
        self.master: NetDevice | None = None
        self.to: tuple[int, int] | None = None
        self.states, self.none = (255 & ~(PERMANENT | NOARP), True) if flush else (255 & ~NOARP, False)
        self.proxy = False
        self.protocol: int | None = None
        chosen = False
        while words:
            word = words.take()
            key = pick(word, ("dev", "master", "vrf", "unused*", "nud", "proxy*", "protocol", "to"))
            if key == "dev":
                if self.dev is not None:
                    raise garbage("dev", words.take())
                self.dev = device(call.ns, words.take())
            elif key == "master":
                self.master = call.ns.devices.get(name := words.take())
                if self.master is None:
                    raise wrong(name, "Device does not exist\n")
            elif key == "nud":
                if not chosen:
                    self.states, self.none, chosen = 0, False, True
                self._state(words.take())
            elif key == "proxy":
                self.proxy = True
            elif key == "protocol":
                name = known(words, tuple(PROTOCOLS), 255, 'invalid "protocol"\n')
                self.protocol = PROTOCOLS[name] if name in PROTOCOLS else int(name)
            elif key in ("vrf", "unused"):
                raise not_emulated(f"ip neigh {'flush' if flush else 'show'} {key}", 255)
            else:
                prefix = words.checked_prefix(words.take() if key else word)
                self.to = None if prefix in ("all", "any", "default") else cidr_parse(prefix)

    def _state(self, name: str) -> None:
        if name != "all" and name.upper() not in NUD:
            raise wrong(name, "nud state is bad")
        self.states |= 255 if name == "all" else NUD[name.upper()]
        self.none = self.none or name.upper() in ("ALL", "NONE")

    def where(self, ip: int, dev: NetDevice | None) -> bool:
        """Whether address and device are meant."""
        return (
            (self.dev is None or dev is self.dev) and (self.to is None or not (ip ^ self.to[0]) & MASKS[self.to[1]])
            and (self.master is None or (dev is not None and dev.master is self.master))
        )  # fmt: skip

    def entry(self, entry: Neigh) -> bool:
        """Whether the entry is meant."""
        state = bool(entry.state & self.states) if entry.state else self.none
        return state and self.where(entry.ip, entry.dev) and (self.protocol is None or entry.note[1] == self.protocol)


def _walk(call: Invocation, options: Options, words: Words, flush: bool) -> int:
    if flush and not words:
        raise Stop("Flush requires arguments.\n", 1)
    which = Filter(call, words, flush)
    with_dev = which.dev is None
    if which.proxy:
        found = [(ip, dev) for ip, dev in neigh.proxies(call.ns) if which.where(ip, dev)]
        if flush:
            for ip, dev in found:
                neigh.delete_proxy(call.ns, ip_text(ip), dev.name if dev is not None else None)
        else:
            call.out.append(render([proxy_record(ip, dev, with_dev) for ip, dev in found], bool(options.json), bool(options.pretty)))
        return 0
    entries = [entry for entry in call.ns.neigh if which.entry(entry) and options.family != "inet6"]
    if flush:
        lines = [neigh_record(entry, with_dev, True).text for entry in entries]
        for entry in entries:
            call.ns.neigh.delete(entry.dev, entry.ip)
        call.out.append(flushed(options.stats, lines, "entries"))
    elif options.brief and not options.json:
        call.out.append("".join(brief_text(entry) for entry in entries))
    else:
        call.out.append(render([neigh_record(entry, with_dev, bool(options.stats)) for entry in entries], bool(options.json), bool(options.pretty)))
    return 0
