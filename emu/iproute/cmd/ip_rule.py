"""`ip rule`: add, delete, flush, show."""

from __future__ import annotations

from typing import Any

from emu.iproute import route, rule
from emu.iproute.cmd.invocation import Invocation, Stop, not_emulated
from emu.iproute.cmd.options import Options
from emu.iproute.cmd.route_words import dsfield, known, table_of
from emu.iproute.cmd.words import Words, integer, pick, wrong
from emu.iproute.record import render
from emu.iproute.rule_text import rule_record
from emu.net.fib import MASKS, Rule
from emu.wire.addr import cidr_parse

VERBS = ("list*", "lst*", "show*", "save*", "restore*", "add*", "delete*", "flush*", "help*")
KEYWORDS = (
    "not", "from", "to", "preference*", "order*", "priority*", "tos", "dsfield*", "fwmark", "realms*", "table*", "lookup", "protocol*",
    "suppress_prefixlength", "sup_pl", "suppress_ifgroup", "sup_group", "dev", "iif", "oif", "l3mdev", "uidrange", "ipproto", "sport", "dport", "nat*",
    "map-to", "tun_id", "type", "goto*", "nop*",
)  # fmt: skip
# Selectors of `show` and `flush`.
FILTERS = (
    "not", "from", "to", "preference*", "order*", "priority*", "tos", "dsfield*", "fwmark", "dev", "iif", "oif", "l3mdev", "uidrange", "tun_id", "table*",
    "lookup", "protocol*", "ipproto", "sport", "dport",
)  # fmt: skip
TYPES = ("unreachable", "prohibit", "blackhole")


def run(call: Invocation, options: Options, words: Words) -> int:
    """`ip rule [show] ...`."""
    word = words.take() if words else "list"
    verb = pick(word, VERBS)
    if verb in ("list", "lst", "show"):
        rules = _selected(call, words, flush=False)
        shown = [rule_record(call.ns, one, bool(options.details)) for one in rules if options.family != "inet6"]
        call.out.append(render(shown, bool(options.json), bool(options.pretty)))
        return 0
    if verb in ("add", "delete"):
        if not words:
            raise Stop(f'"ip rule {"add" if verb == "add" else "del"}" requires arguments.\n', 1)
        (rule.add if verb == "add" else rule.delete)(call.ns, **_read(words))
        return 0
    if verb == "flush":
        for one in _selected(call, words, flush=True):
            rule.delete_entry(call.ns, one)
        return 0
    if verb is None:
        raise Stop(f'Command "{word}" is unknown, try "ip rule help".\n', 255)
    raise not_emulated(f"ip rule {verb}", 255)


def _read(words: Words) -> dict[str, Any]:
    """A rule as it was typed: the arguments of `rule.add`."""
    found: dict[str, Any] = {}
    while words:
        word = words.take()
        key = pick(word, KEYWORDS)
        if key == "not":
            found["invert"] = True
        elif key in ("from", "to"):
            prefix = words.prefix()
            found["src" if key == "from" else "dst"] = "all" if prefix in ("default", "any", "all") else prefix
        elif key in ("preference", "order", "priority"):
            found["priority"] = words.number("preference value is invalid\n")
        elif key in ("tos", "dsfield"):
            found["tos"] = dsfield(words, "TOS value is invalid\n")
        elif key == "fwmark":
            found["fwmark"] = _mark(words)
        elif key in ("table", "lookup"):
            found["table"] = table_of(words, "invalid table ID\n")
        elif key in ("suppress_prefixlength", "sup_pl"):
            found["suppress_prefixlength"] = words.number("suppress_prefixlength value is invalid\n")
        elif key in ("dev", "iif", "oif"):
            found["oif" if key == "oif" else "iif"] = _ifname(words.take(), '"oif"' if key == "oif" else '"iif"/"dev"')
        elif key == "protocol":
            found["protocol"] = known(words, tuple(route.PROTOCOLS), 255, '"protocol" value is invalid\n')
        elif key == "goto":
            found["action"], found["target"] = "goto", words.number("invalid target\n")
        elif key == "nop":
            found["action"] = "nop"
        elif key in ("type", None):
            word = words.take() if key == "type" else word
            if word not in TYPES:
                raise wrong(word, "Failed to parse rule type")
            found["action"] = word
        else:
            raise not_emulated(f"ip rule {key}", 2)
    return found


def _ifname(word: str, key: str) -> str:
    """check_ifname."""
    if not word or len(word.encode()) > 15 or "/" in word or any(char.isspace() for char in word):
        raise wrong(word, f"{key} not a valid ifname")
    return word


def _mark(words: Words) -> str:
    word = words.take()
    value, slash, mask = word.partition("/")
    if integer(value) is None:
        raise wrong(value, "fwmark value is invalid\n")
    if slash and integer(mask) is None:
        raise wrong(mask, "fwmask value is invalid\n")
    return f"{integer(value)}{slash}{integer(mask) if slash else ''}"


def _within(network: int, length: int, prefix: tuple[int, int] | None) -> bool:
    """Whether a rule's own prefix lies in the one that was asked for; a rule for all never does."""
    return prefix is None or (length > 0 and not (network ^ prefix[0]) & MASKS[prefix[1]])


def _selected(call: Invocation, words: Words, flush: bool) -> list[Rule]:
    """The rules that `show` or `flush` means (filter_nlmsg). Priority 0 is not flushed; `protocol` is looked at by `flush` only."""
    words.family = "inet"
    prefixes: dict[str, tuple[int, int]] = {}
    found: dict[str, Any] = {}
    invert = False
    protocol: str | None = None
    while words:
        word = words.take()
        key = pick(word, FILTERS)
        if key == "not":
            invert = True
        elif key in ("preference", "order", "priority"):
            found["priority"] = words.number("preference value is invalid\n")
        elif key in ("tos", "dsfield"):
            found["tos"] = dsfield(words, "TOS value is invalid\n")
        elif key == "fwmark":
            found["fwmark"] = _mark(words)
        elif key in ("dev", "iif", "oif"):
            found["oif" if key == "oif" else "iif"] = words.take()
        elif key in ("table", "lookup"):
            found["table"] = table_of(words, "table id value is invalid\n")
        elif key == "protocol":
            protocol = known(words, (*route.PROTOCOLS, "all"), 255, '"protocol" value is invalid\n')
        elif key in ("from", "to", None):
            prefixes[key or "to"] = cidr_parse(words.numeric_prefix(words.take() if key else word))
        else:
            raise not_emulated(f"ip rule {'flush' if flush else 'show'} {key}", 2)
    mark = found.pop("fwmark", "/")
    rules = rule.alike(call.ns, **found)
    if mark != "/":  # without a mask any mask will do
        value, slash, mask = mark.partition("/")
        rules = [one for one in rules if one.mark == int(value) and (not slash or one.mark_mask == int(mask))]
    if flush:
        number = None if protocol in (None, "all") else route.PROTOCOLS.get(str(protocol), integer(str(protocol)))
        rules = [one for one in rules if one.priority and (number is None or one.protocol == number)]
    return [
        one for one in rules
        if _within(one.src, one.src_len, prefixes.get("from")) and _within(one.dst, one.dst_len, prefixes.get("to")) and (one.invert or not invert)
    ]  # fmt: skip
