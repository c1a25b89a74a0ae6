"""`ip address`: add, replace, delete, flush, show."""

from __future__ import annotations

from emu.iproute import addr
from emu.iproute.addr import SCOPES
from emu.iproute.addr_text import add_addresses, brief_text, one_line
from emu.iproute.cmd.invocation import Invocation, Stop, not_emulated
from emu.iproute.cmd.link_options import device
from emu.iproute.cmd.options import Options
from emu.iproute.cmd.words import Words, garbage, integer, numeric_prefix, pick, twice, wrong
from emu.iproute.link_text import brief_record, link_record
from emu.iproute.record import Record, render
from emu.net.addr import IfAddr
from emu.net.device import NetDevice
from emu.net.fib import MASKS
from emu.net.netns import NetError
from emu.wire.addr import cidr_parse

EEXIST = 17
VERBS = ("add*", "change*", "chg", "replace*", "delete*", "show*", "list*", "lst*", "flush*", "save*", "showdump*", "restore*", "help*")
FOREVER = 0xFFFFFFFF


def run(call: Invocation, options: Options, words: Words) -> int:
    """`ip addr [show] ...`."""
    word = words.take() if words else "show"
    verb = pick(word, VERBS)
    if verb in ("add", "change", "chg", "replace", "delete"):
        return _modify(call, words, verb)
    if verb in ("show", "list", "lst"):
        return _show(call, options, words)
    if verb == "flush":
        return _flush(call, options, words)
    if verb is None:
        raise Stop(f'Command "{word}" is unknown, try "ip address help".\n', 255)
    raise not_emulated(f"ip address {verb}", 255)


KEYWORDS = (
    "peer", "remote", "broadcast*", "brd", "anycast*", "scope", "dev", "label", "metric", "priority", "preference", "valid_lft*", "preferred_lft*", "home",
    "nodad", "mngtmpaddr", "noprefixroute", "autojoin", "local", "proto",
)  # fmt: skip


def _modify(call: Invocation, words: Words, verb: str) -> int:
    dev = local = ""
    peer = brd = scope = label = None
    metric, noprefixroute = 0, False
    while words:
        word = words.take()
        key = pick(word, KEYWORDS)
        if key in ("peer", "remote"):
            if peer is not None:
                raise twice("peer", words.take())
            peer = numeric_prefix(words.take())
        elif key in ("broadcast", "brd"):
            brd = words.take()
            brd = brd if brd in ("+", "-") else _address(brd)
        elif key == "scope":
            scope = _scope(words)
        elif key == "dev":
            dev = words.take()
        elif key == "label":
            label = words.take()
        elif key in ("metric", "priority", "preference"):
            metric = words.number('"metric" value is invalid\n')
        elif key in ("valid_lft", "preferred_lft"):
            if words.peek() if words else "":
                if words.take() not in ("forever", str(FOREVER)):
                    raise not_emulated("an address that expires (valid_lft, preferred_lft)", 2)
        elif key in ("noprefixroute", "nodad", "home"):
            noprefixroute = noprefixroute or key == "noprefixroute"
        elif key in ("anycast", "mngtmpaddr", "autojoin", "proto"):
            raise not_emulated(f"ip address {verb} {key}", 2)
        else:
            word = words.take() if key == "local" else word
            if local:
                raise garbage("local", word)
            local = numeric_prefix(word)
    if not dev:
        raise Stop('Not enough information: "dev" argument is required.\n', 1)
    target = device(call.ns, dev)
    if verb == "delete":
        return _delete(call, target, local)
    if label is not None and not target.name == label and not label.startswith(f"{target.name}:"):
        raise not_emulated(f'a label that is not its device\'s name: "{label}" on {target.name}', 2)
    if not local:
        raise Stop("RTNETLINK answers: Operation not supported\n", 2)
    if brd in ("+", "-") and cidr_parse(local)[1] > 30:
        brd = None  # no broadcast address in so small a prefix
    try:
        addr.add(call.ns, target, local, peer=peer, brd=brd, scope=scope, label=label, metric=metric, noprefixroute=noprefixroute)
    except NetError as error:
        if error.errno != EEXIST or verb == "add":
            raise
    return 0


def _address(word: str) -> str:
    words = Words([word])
    return words.address()


def _scope(words: Words) -> str:
    word = words.take()
    if word not in SCOPES:
        number = integer(word)
        if number is not None and 0 <= number < 256:
            raise not_emulated(f"scope {word} of an address", 2)
        raise wrong(word, "invalid scope value.")
    return word


WILDCARD = (
    "Warning: Executing wildcard deletion to stay compatible with old scripts.\n"
    "         Explicitly specify the prefix length ({}/32) to avoid this warning.\n"
    "         This special behaviour is likely to disappear in further releases,\n"
    "         fix your scripts!\n"
)


def _delete(call: Invocation, dev: NetDevice, local: str) -> int:
    if not local:
        raise Stop("RTNETLINK answers: Operation not supported\n", 2)
    if "/" not in local:  # any length will do
        ip = cidr_parse(local)[0]
        lengths = [ifa.length for ifa in dev.addresses if ifa.local == ip]
        call.err.append(WILDCARD.format(local))
        local = f"{local}/{lengths[0] if lengths else 32}"
    addr.delete(call.ns, dev, local)
    return 0


# -- show and flush ---------------------------------------------------------------------------------------------------------------


class Filter:
    """Which devices and addresses are meant."""

    def __init__(self, words: Words, call: Invocation, what: str) -> None:
        self.dev = self.master = self.kind = self.label = ""
        self.scope: int | None = None
        self.to: tuple[int, int] | None = None
        self.up = False
        self.secondary: bool | None = None
        self.given = bool(words)
        keys = ("to", "scope", "up", "dynamic*", "permanent*", "secondary*", "temporary", "primary*", "label", "group", "master", "vrf", "nomaster*",
                "type", "dev")  # fmt: skip
        while words:
            word = words.take()
            key = pick(word, keys)
            if key == "to":
                self.to = cidr_parse(numeric_prefix(words.take()))
            elif key == "scope":
                name = words.take()
                self.scope = SCOPES.get(name)
                if self.scope is None and name != "all":
                    raise wrong(name, 'invalid "scope"\n')
            elif key == "up":
                self.up = True
            elif key == "permanent":
                pass
            elif key in ("secondary", "temporary"):
                self.secondary = True
            elif key == "primary":
                self.secondary = False
            elif key == "label":
                self.label = words.take()
            elif key == "master":
                self.master = words.take()
            elif key == "type":
                self.kind = words.take()
            elif key in ("dynamic", "group", "vrf", "nomaster"):
                raise not_emulated(f"ip address {what} {key}", 255)
            else:
                if self.dev:
                    raise garbage("dev", word)
                self.dev = words.take() if key == "dev" else word
        if self.dev and self.dev not in call.ns.devices:
            raise Stop(f'Device "{self.dev}" does not exist.\n', 1)

    def device(self, dev: NetDevice) -> bool:
        """Whether the device is meant."""
        return (
            (not self.dev or dev.name == self.dev) and (not self.up or dev.up) and (not self.kind or dev.kind == self.kind)
            and (not self.master or (dev.master is not None and dev.master.name == self.master))
        )  # fmt: skip

    def address(self, ifa: IfAddr) -> bool:
        """Whether the address is meant."""
        if self.to is not None and ((self.to[0] ^ ifa.local) & MASKS[self.to[1]] or ifa.length < self.to[1]):
            return False
        if self.label and ifa.label != self.label:
            return False
        return (self.scope is None or ifa.scope == self.scope) and (self.secondary is None or ifa.secondary == self.secondary)


def _show(call: Invocation, options: Options, words: Words) -> int:
    which = Filter(words, call, "show")
    only_inet = options.family == "inet" or which.to is not None or bool(which.label)
    records = []
    for dev in call.ns.by_index.values():
        if not which.device(dev):
            continue
        addresses = [ifa for ifa in dev.addresses if which.address(ifa) and options.family != "inet6"]
        if (only_inet or options.family == "inet6") and not addresses:
            continue
        if options.brief:
            record = brief_record(dev, addr=True)
            add_addresses(record, dev, addresses, brief=True)
            record.say(brief_text(addresses) + "\n")
        elif options.oneline and not options.json:
            record = Record()
            record.say("".join(one_line(dev, ifa) for ifa in addresses))
        else:
            record = Record() if which.label and not options.json else link_record(dev, mode=False, link_line=not only_inet, details=options.details)
            add_addresses(record, dev, addresses)
        records.append(record)
    call.out.append(render(records, bool(options.json), bool(options.pretty)))
    return 0


def _flush(call: Invocation, options: Options, words: Words) -> int:
    which = Filter(words, call, "flush")
    if not which.given:
        raise Stop("Flush requires arguments.\n", 1)
    gone = 0
    for dev in call.ns.by_index.values():
        if which.device(dev):
            for ifa in [ifa for ifa in dev.addresses if which.address(ifa)]:
                if ifa in dev.addresses:  # it may have gone with its primary, or have been promoted
                    addr.delete_entry(call.ns, dev, ifa)
                    gone += 1
    if options.stats and not gone:
        call.out.append("Nothing to flush.\n")
    return 0
