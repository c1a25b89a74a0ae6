"""Rules as `ip rule` prints them, text and JSON from one place (iproute2's print_rule)."""

from __future__ import annotations

from emu.iproute.record import Record
from emu.net.fib import FR_ACT_GOTO, FR_ACT_NOP, PROTO_KERNEL, PROTO_UNSPEC, RTN_UNICAST, TYPE_NAMES, Rule
from emu.net.fib_text import PROTO_NAMES, TABLE_NAMES, name_of
from emu.net.netns import Namespace
from emu.wire.addr import ip_text


def _prefix(network: int, length: int) -> str:
    return "all" if not length else ip_text(network) if length == 32 else f"{ip_text(network)}/{length}"


def rule_record(ns: Namespace, rule: Rule, details: bool = False) -> Record:
    """One rule. An interface that does not exist is `detached`; a `goto` whose target does not exist is `unresolved`."""
    record = Record()
    record.add("priority", rule.priority, f"{rule.priority}:\t")
    if rule.invert:
        record.add("not", None, "not ")
    _from_to(record, rule)
    if rule.tos:
        record.add("tos", f"{rule.tos:#04x}", f" tos {rule.tos:#04x}")
    if rule.mark or rule.mark_mask:
        masked = rule.mark_mask != 0xFFFFFFFF
        record.add("fwmark", f"{rule.mark:#x}", f" fwmark {rule.mark:#x}" + (f"/{rule.mark_mask:#x}" if masked else ""))
        if masked:
            record.add("fwmask", f"{rule.mark_mask:#x}")
    for key, name in (("iif", rule.iif), ("oif", rule.oif)):
        if name:
            record.add(key, name, f" {key} {name}")
            if name not in ns.devices:
                record.add(f"{key}_detached", None, " [detached]")
    _action(record, ns, rule)
    if details or rule.protocol not in (PROTO_UNSPEC, PROTO_KERNEL):
        name = "unspec" if rule.protocol == PROTO_UNSPEC else name_of(PROTO_NAMES, rule.protocol)
        record.add("protocol", name, f" proto {name}")
    record.say("\n")
    return record


def _from_to(record: Record, rule: Rule) -> None:
    for key, word, network, length in (("src", "from", rule.src, rule.src_len), ("dst", " to", rule.dst, rule.dst_len)):
        if length:
            record.add(key, ip_text(network), f"{word} {_prefix(network, length)}")
            if length < 32:
                record.add(f"{key}len", length)
        elif key == "src":
            record.add("src", "all", "from all")


def _action(record: Record, ns: Namespace, rule: Rule) -> None:
    if rule.action == RTN_UNICAST:
        table = name_of(TABLE_NAMES, rule.table)
        record.add("table", table, f" lookup {table}")
        if rule.suppress_prefixlength >= 0:
            record.add("suppress_prefixlen", rule.suppress_prefixlength, f" suppress_prefixlength {rule.suppress_prefixlength}")
    elif rule.action == FR_ACT_GOTO:
        record.add("goto", rule.target, f" goto {rule.target}")
        if not ns.fib.has_rule(rule.target):
            record.add("unresolved", None, " [unresolved]")
    elif rule.action == FR_ACT_NOP:
        record.add("nop", None, " nop")
    else:
        record.add("action", TYPE_NAMES[rule.action], f" {TYPE_NAMES[rule.action]}")


def typed(ns: Namespace, rule: Rule) -> str:
    """The words that make such a rule."""
    number, _, words = rule_record(ns, rule).text.rstrip("\n").partition(":\t")
    for mark in (" [detached]", " [unresolved]"):
        words = words.replace(mark, "")
    return f"{words} pref {number}"
