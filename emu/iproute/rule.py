"""`ip rule`: which routing table is asked for which packets."""

from __future__ import annotations

from emu.iproute.addr import parse_prefix
from emu.iproute.route import table_number
from emu.net import fib_text
from emu.net.fib import DEFAULT_RULES, FR_ACT_GOTO, FR_ACT_NOP, MASKS, RTN_BLACKHOLE, RTN_PROHIBIT, RTN_UNICAST, RTN_UNREACHABLE, Rule
from emu.net.netns import Namespace, NetError
from emu.trace.points import COMMAND
from emu.wire.addr import ip_text

ENOENT, EEXIST, EINVAL = 2, 17, 22
ACTIONS = {"lookup": RTN_UNICAST, "unreachable": RTN_UNREACHABLE, "prohibit": RTN_PROHIBIT, "blackhole": RTN_BLACKHOLE, "goto": FR_ACT_GOTO, "nop": FR_ACT_NOP}


def _rule(
    ns: Namespace, priority: int, table: str | int | None, src: str | None, dst: str | None, iif: str, oif: str, fwmark: str | int | None, tos: int,
    action: str, invert: bool, suppress_prefixlength: int, target: int,
) -> Rule:  # fmt: skip
    if action not in ACTIONS:
        raise NetError(EINVAL, f'"{action}" is not a rule action in {ns.name} (lookup, unreachable, prohibit, blackhole)')
    number = 0
    if ACTIONS[action] == RTN_UNICAST:
        number = table_number(ns, "main" if table is None else table)
    network, length = (0, 0) if src in (None, "all") else parse_prefix(ns, str(src), "rule's from")
    to_network, to_length = (0, 0) if dst in (None, "all") else parse_prefix(ns, str(dst), "rule's to")
    mark, mask = 0, 0
    if fwmark is not None:
        try:
            parts = [int(part, 0) for part in str(fwmark).split("/")]
        except ValueError:
            raise NetError(EINVAL, f'fwmark value is invalid: "{fwmark}" in {ns.name}') from None
        mark, mask = (parts[0], parts[1]) if len(parts) == 2 else (parts[0], 0xFFFFFFFF)
    if network & ~MASKS[length] & 0xFFFFFFFF or to_network & ~MASKS[to_length] & 0xFFFFFFFF:
        network, to_network = network & MASKS[length], to_network & MASKS[to_length]
    return Rule(
        priority, number, network, length, to_network, to_length, iif, oif, mark, mask, tos, ACTIONS[action], invert, suppress_prefixlength,
        target,
    )  # fmt: skip


def add(
    ns: Namespace, *, table: str | int | None = None, src: str | None = None, dst: str | None = None, iif: str = "", oif: str = "",
    fwmark: str | int | None = None, tos: int = 0, priority: int | None = None, action: str = "lookup", invert: bool = False, suppress_prefixlength: int = -1,
    target: int = 0,
) -> None:  # fmt: skip
    """`ip rule add [not] [from SRC] [to DST] [fwmark M[/MASK]] [iif D] [oif D] [tos T] [pref P] [lookup T|unreachable|prohibit|blackhole|nop|goto N]`.

    `target`: the N of `goto`. Without `priority`, one less than the second rule's. Raises NetError EEXIST, EINVAL.
    """
    fib = ns.fib
    if priority is None:
        priority = max(fib.rules[1].priority - 1, 0) if len(fib.rules) > 1 else 0  # fib_default_rule_pref
    rule = _rule(ns, priority, table, src, dst, iif, oif, fwmark, tos, action, invert, suppress_prefixlength, target)
    if rule.action == FR_ACT_GOTO and target <= priority:
        raise NetError(EINVAL, f"Backward goto not supported: from {priority} to {target} in {ns.name}")
    if rule in fib.rules:
        raise NetError(EEXIST, f"File exists: rule {text(rule)!r} in {ns.name}")
    place = sum(1 for other in fib.rules if other.priority <= priority)
    fib.rules = (*fib.rules[:place], rule, *fib.rules[place:])
    _changed(ns)
    if ns.tp.journal:
        ns.tp.on_journal(COMMAND, ns.name, f"ip rule add {_words(rule)}")


def delete(
    ns: Namespace, *, table: str | int | None = None, src: str | None = None, dst: str | None = None, iif: str = "", oif: str = "",
    fwmark: str | int | None = None, tos: int = 0, priority: int | None = None, action: str | None = None, target: int = 0,
) -> None:  # fmt: skip
    """`ip rule del ...`: the first rule that agrees with everything given. Raises NetError ENOENT."""
    found = alike(ns, table=table, src=src, dst=dst, iif=iif, oif=oif, fwmark=fwmark, tos=tos, priority=priority, action=action, target=target)
    if not found:
        raise NetError(ENOENT, f"No such file or directory: no such rule in {ns.name}")
    delete_entry(ns, found[0])


def delete_entry(ns: Namespace, rule: Rule) -> None:
    """Take this very rule away."""
    ns.fib.rules = tuple(other for other in ns.fib.rules if other is not rule)
    _changed(ns)
    if ns.tp.journal:
        ns.tp.on_journal(COMMAND, ns.name, f"ip rule del {_words(rule)}")


def alike(
    ns: Namespace, *, table: str | int | None = None, src: str | None = None, dst: str | None = None, iif: str = "", oif: str = "",
    fwmark: str | int | None = None, tos: int = 0, priority: int | None = None, action: str | None = None, target: int = 0,
) -> list[Rule]:  # fmt: skip
    """The rules that agree with everything given (fib_rule_find)."""
    wanted = _rule(ns, priority or 0, table, src, dst, iif, oif, fwmark, tos, action or "lookup", False, -1, target)
    return [
        rule
        for rule in ns.fib.rules
        if (
            (priority is None or rule.priority == priority)
            and (table is None or rule.table == wanted.table)
            and (action is None or rule.action == wanted.action)
            and (src is None or (rule.src, rule.src_len) == (wanted.src, wanted.src_len))
            and (dst is None or (rule.dst, rule.dst_len) == (wanted.dst, wanted.dst_len))
            and (not iif or rule.iif == iif)
            and (not oif or rule.oif == oif)
            and (fwmark is None or (rule.mark, rule.mark_mask) == (wanted.mark, wanted.mark_mask))
            and (not tos or rule.tos == tos)
            and (not target or rule.target == target)
        )
    ]


def _changed(ns: Namespace) -> None:
    """From the first rule of one's own on, `local` and `main` are two tables again, for good (fib_unmerge)."""
    ns.fib.custom_rules = ns.fib.custom_rules or ns.fib.rules != DEFAULT_RULES
    ns.fib.invalidate()


def _words(rule: Rule) -> str:
    number, _, words = text(rule).partition(":\t")
    return f"{words} pref {number}"


def text(rule: Rule, ns: Namespace | None = None) -> str:
    """One rule as `ip rule` prints it; with `ns` also which devices and targets it names are not there."""
    words = f"{rule.priority}:\t{'not ' if rule.invert else ''}from {_prefix(rule.src, rule.src_len)}"
    if rule.dst_len:
        words += f" to {_prefix(rule.dst, rule.dst_len)}"
    if rule.tos:
        words += f" tos {rule.tos:#04x}"
    if rule.mark or rule.mark_mask:
        words += f" fwmark {rule.mark:#x}" + (f"/{rule.mark_mask:#x}" if rule.mark_mask != 0xFFFFFFFF else "")
    for way, name in (("iif", rule.iif), ("oif", rule.oif)):
        if name:
            words += f" {way} {name}" + (" [detached]" if ns is not None and name not in ns.devices else "")
    if rule.action == FR_ACT_GOTO:
        return words + f" goto {rule.target}" + (" [unresolved]" if ns is not None and not ns.fib.has_rule(rule.target) else "")
    if rule.action != RTN_UNICAST:
        return words + " " + {number: name for name, number in ACTIONS.items()}[rule.action]
    words += f" lookup {fib_text.name_of(fib_text.TABLE_NAMES, rule.table)}"
    return words + (f" suppress_prefixlength {rule.suppress_prefixlength}" if rule.suppress_prefixlength >= 0 else "")


def _prefix(network: int, length: int) -> str:
    return "all" if not length else ip_text(network) if length == 32 else f"{ip_text(network)}/{length}"


def show(ns: Namespace) -> str:
    """`ip rule show`."""
    return "".join(text(rule, ns) + "\n" for rule in ns.fib.rules)
