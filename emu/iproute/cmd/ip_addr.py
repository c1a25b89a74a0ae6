"""`ip address`: add, replace, delete, flush, show."""

from __future__ import annotations

from emu.iproute import addr
from emu.iproute.addr import SCOPES
from emu.iproute.addr_text import FOREVER, add_addresses, brief_text, flushed_text, one_line
from emu.iproute.cmd.addr_filter import AddrFilter
from emu.iproute.cmd.answers import flushed
from emu.iproute.cmd.invocation import Invocation, Stop, not_emulated
from emu.iproute.cmd.link_options import device
from emu.iproute.cmd.options import Options
from emu.iproute.cmd.words import Words, garbage, integer, pick, twice, wrong
from emu.iproute.link_text import brief_record, devices, link_record
from emu.iproute.record import Record, render
from emu.net.device import NetDevice
from emu.wire.addr import cidr_parse

VERBS = ("add*", "change*", "chg", "replace*", "delete*", "show*", "list*", "lst*", "flush*", "save*", "showdump*", "restore*", "help*")


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
    "nodad", "mngtmpaddr", "noprefixroute", "autojoin", "local",
)  # fmt: skip
ONLY_IPV6 = ("home", "nodad", "mngtmpaddr")


def _modify(call: Invocation, words: Words, verb: str) -> int:
    dev = local = ""
    peer = brd = scope = label = None
    metric, noprefixroute, autojoin = 0, False, False
    lifetimes: dict[str, int | None] = {"valid_lft": None, "preferred_lft": None}
    warnings = []
    while words:
        word = words.take()
        key = pick(word, KEYWORDS)
        if key in ("peer", "remote"):
            if peer is not None:
                raise twice("peer", words.take())
            peer = words.numeric_prefix(words.take())
        elif key in ("broadcast", "brd"):
            word = words.take()
            if brd is not None:
                raise twice("broadcast", word)
            brd = word if word in ("+", "-") else words.checked_address(word)
        elif key == "scope":
            scope = _scope(words)
        elif key == "dev":
            dev = words.take()
        elif key == "label":
            label = words.take()
        elif key in ("metric", "priority", "preference"):
            metric = words.number('"metric" value is invalid\n')
        elif key in ("valid_lft", "preferred_lft"):
            lifetimes[key] = _lifetime(words, key)
        elif key in ONLY_IPV6:
            warnings.append(f"Warning: {key} option can be set only for IPv6 addresses\n")
        elif key == "noprefixroute":
            noprefixroute = True
        elif key == "autojoin":
            autojoin = True
        elif key == "anycast":
            raise not_emulated(f"ip address {verb} {key}", 2)
        else:
            word = words.take() if key == "local" else word
            if local:
                raise garbage("local", word)
            local = words.numeric_prefix(word)
    call.err += warnings
    if not dev:
        raise Stop('Not enough information: "dev" argument is required.\n', 1)
    if verb == "delete":
        return _delete(call, device(call.ns, dev), local, peer)
    if brd in ("+", "-") and local and cidr_parse(local)[1] > 30:
        brd = None  # no broadcast address in so small a prefix
    valid, preferred = lifetimes["valid_lft"], lifetimes["preferred_lft"]
    if valid == 0:
        raise Stop("valid_lft is zero\n", 1)
    if valid is not None and (preferred is None or preferred > valid):
        raise Stop("preferred_lft is greater than valid_lft\n", 1)
    if autojoin and (not local or cidr_parse(local)[0] >> 28 != 14):
        raise Stop("autojoin needs multicast address\n", 1)
    target = device(call.ns, dev)
    if autojoin:
        raise not_emulated("IGMP (ip address add autojoin)", 2)
    if label is not None and len(label.encode()) > 15:
        raise Stop("Error: Attribute failed policy validation.\n", 2)
    if not local:
        raise Stop("RTNETLINK answers: Operation not supported\n", 2)
    do = addr.add if verb == "add" else addr.replace
    do(
        call.ns, target, local, peer=peer, brd=brd, scope=scope, label=label, metric=metric, noprefixroute=noprefixroute, valid_lft=valid,
        preferred_lft=preferred,
    )  # fmt: skip
    return 0


def _scope(words: Words) -> str:
    word = words.take()
    if word not in SCOPES:
        number = integer(word)
        if number is None or not 0 <= number < 256:
            raise wrong(word, "invalid scope value.")
        return str(number)
    return word


def _lifetime(words: Words, key: str) -> int | None:
    """set_lifetime: seconds, None for ever."""
    word = words.take()
    number = FOREVER if word == "forever" else integer(word)
    if number is None or not 0 <= number <= FOREVER:
        raise wrong(word, f"{key} value")
    return None if number == FOREVER else number


WILDCARD = (
    "Warning: Executing wildcard deletion to stay compatible with old scripts.\n"
    "         Explicitly specify the prefix length ({}/32) to avoid this warning.\n"
    "         This special behaviour is likely to disappear in further releases,\n"
    "         fix your scripts!\n"
)


def _delete(call: Invocation, dev: NetDevice, local: str, peer: str | None) -> int:
    if not local:
        raise Stop("RTNETLINK answers: Operation not supported\n", 2)
    if "/" not in local and peer is None:  # any length will do
        ip = cidr_parse(local)[0]
        lengths = [ifa.length for ifa in dev.addresses if ifa.local == ip]
        call.err.append(WILDCARD.format(local))
        local = f"{local}/{lengths[0] if lengths else 32}"
    addr.delete(call.ns, dev, local, peer)
    return 0


# -- show and flush ---------------------------------------------------------------------------------------------------------------


def _show(call: Invocation, options: Options, words: Words) -> int:
    which = AddrFilter(words, call, "show")
    only_inet = options.family == "inet" or which.to is not None or bool(which.label)
    records = []
    for dev in devices(call.ns):
        if not which.device(dev):
            continue
        addresses = which.addresses(dev) if options.family != "inet6" else []
        if not addresses and (only_inet or options.family == "inet6" or dev.addresses):
            continue
        if options.brief:
            record = brief_record(dev, addr=True)
            add_addresses(record, dev, addresses, brief=True)
            record.say(brief_text(addresses) + "\n")
        elif options.oneline and not options.json:
            record = Record()
            record.say("".join(one_line(dev, ifa) for ifa in addresses))
        else:
            record = Record()
            if not which.label or options.json:
                record = link_record(dev, mode=False, link_line=not only_inet, details=options.details, stats=options.stats)
            add_addresses(record, dev, addresses)
        records.append(record)
    call.out.append(render(records, bool(options.json), bool(options.pretty)))
    return 0


def _flush(call: Invocation, options: Options, words: Words) -> int:
    which = AddrFilter(words, call, "flush")
    if not which.given:
        raise Stop("Flush requires arguments.\n", 1)
    lines = []
    for dev in devices(call.ns):
        if which.device(dev):
            doomed = which.addresses(dev)
            lines += [flushed_text(dev, ifa) for ifa in doomed]
            for ifa in doomed:
                key = ifa.local, ifa.length, ifa.address
                if any((other.local, other.length, other.address) == key for other in dev.addresses):  # else it is gone with its primary
                    addr.delete_entry(call.ns, dev, ifa)
    call.out.append(flushed(options.stats, lines, "addresses"))
    return 0
