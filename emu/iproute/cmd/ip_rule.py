"""`ip rule`: add, delete, flush, show."""

from __future__ import annotations

from typing import Any

from emu.iproute import rule
from emu.iproute.cmd.invocation import Invocation, Stop, not_emulated
from emu.iproute.cmd.ip_route import table_of
from emu.iproute.cmd.options import Options
from emu.iproute.cmd.words import Words, integer, pick, wrong
from emu.iproute.record import Record, render
from emu.iproute.rule import ACTIONS
from emu.net.fib import FR_ACT_GOTO, RTN_UNICAST, Rule
from emu.net.fib_text import TABLE_NAMES, name_of
from emu.net.netns import Namespace
from emu.wire.addr import ip_text

VERBS = ("list*", "lst*", "show*", "save*", "restore*", "add*", "delete*", "flush*", "help*")
KEYWORDS = (
    "not", "from", "to", "preference*", "order*", "priority*", "tos", "dsfield*", "fwmark", "realms*", "table*", "lookup*", "protocol*",
    "suppress_prefixlength", "sup_pl", "suppress_ifgroup", "sup_group", "dev", "iif", "oif", "l3mdev", "uidrange", "ipproto", "sport", "dport", "nat*",
    "map-to", "tun_id", "type", "goto*", "nop*",
)  # fmt: skip


def run(call: Invocation, options: Options, words: Words) -> int:
    """`ip rule [show] ...`."""
    word = words.take() if words else "list"
    verb = pick(word, VERBS)
    if verb in ("list", "lst", "show"):
        return _show(call, options, words)
    if verb == "add":
        rule.add(call.ns, **_read(words))
        return 0
    if verb == "delete":
        if not words:
            raise Stop('"ip rule del" requires arguments.\n', 1)
        found = _read(words)
        if found.pop("invert", False) or "suppress_prefixlength" in found:
            raise not_emulated("ip rule del by `not` or suppress_prefixlength", 2)
        rule.delete(call.ns, **found)
        return 0
    if verb == "flush":
        for one in call.ns.fib.rules:
            if one.priority:
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
            found["tos"] = words.number("TOS value is invalid\n", 0, 255)
        elif key == "fwmark":
            found["fwmark"] = _mark(words)
        elif key in ("table", "lookup"):
            found["table"] = table_of(words, "invalid table ID\n")
        elif key in ("suppress_prefixlength", "sup_pl"):
            found["suppress_prefixlength"] = words.number("suppress_prefixlength value is invalid\n", 0, 32)
        elif key in ("dev", "iif"):
            found["iif"] = words.take()
        elif key == "oif":
            found["oif"] = words.take()
        elif key == "goto":
            found["action"], found["target"] = "goto", words.number("invalid target\n")
        elif key == "nop":
            found["action"] = "nop"
        elif key in ("type", None):
            word = words.take() if key == "type" else word
            if word not in ACTIONS or word in ("lookup", "goto", "nop"):
                raise wrong(word, "Failed to parse rule type")
            found["action"] = word
        else:
            raise not_emulated(f"ip rule {key}", 2)
    return found


def _mark(words: Words) -> str:
    word = words.take()
    value, slash, mask = word.partition("/")
    if integer(value) is None:
        raise wrong(word, "fwmark value is invalid\n")
    if slash and integer(mask) is None:
        raise wrong(word, "fwmask value is invalid\n")
    return f"{integer(value)}{slash}{integer(mask) if slash else ''}"


def _show(call: Invocation, options: Options, words: Words) -> int:
    found = _read(words)
    if options.family == "inet6":
        call.out.append(render([], bool(options.json), bool(options.pretty)))
        return 0
    mark = found.pop("fwmark", "/")
    rules = rule.alike(call.ns, **found) if found else list(call.ns.fib.rules)
    if mark != "/":  # without a mask any mask will do
        value, slash, mask = mark.partition("/")
        rules = [one for one in rules if one.mark == int(value) and (not slash or one.mark_mask == int(mask))]
    call.out.append(render([_record(call.ns, one, bool(options.details)) for one in rules], bool(options.json), bool(options.pretty)))
    return 0


def _record(ns: Namespace, one: Rule, details: bool) -> Record:
    record = Record()
    record.add("priority", one.priority, rule.text(one, ns))
    if one.invert:
        record.add("not", None)
    for key, network, length in (("src", one.src, one.src_len), ("dst", one.dst, one.dst_len)):
        if length:
            record.add(key, ip_text(network))
            if length < 32:
                record.add(f"{key}len", length)
        elif key == "src":
            record.add("src", "all")
    if one.tos:
        record.add("tos", f"{one.tos:#04x}")
    if one.mark or one.mark_mask:
        record.add("fwmark", f"{one.mark:#x}")
        if one.mark_mask != 0xFFFFFFFF:
            record.add("fwmask", f"{one.mark_mask:#x}")
    for key, name in (("iif", one.iif), ("oif", one.oif)):
        if name:
            record.add(key, name)
            if name not in ns.devices:
                record.add(f"{key}_detached", None)
    if one.action == FR_ACT_GOTO:
        record.add("goto", one.target)
        if not ns.fib.has_rule(one.target):
            record.add("unresolved", None)
    elif one.action == RTN_UNICAST:
        record.add("table", name_of(TABLE_NAMES, one.table))
        if one.suppress_prefixlength >= 0:
            record.add("suppress_prefixlen", one.suppress_prefixlength)
    else:
        record.add("action", {number: name for name, number in ACTIONS.items()}[one.action])
    if details:
        kernel = one.priority in (0, 32766, 32767)
        record.add("protocol", "kernel" if kernel else "unspec", f" proto {'kernel' if kernel else 'unspec'}")
    record.say("\n")
    return record
