"""`ip rule`: which routing table is asked for which packets."""

from __future__ import annotations

from typing import Any

from emu.iproute.addr import parse_prefix
from emu.iproute.record import render
from emu.iproute.route import PROTOCOLS, table_number
from emu.iproute.rule_text import rule_record, typed
from emu.net.fib import DEFAULT_RULES, FR_ACT_GOTO, FR_ACT_NOP, RTN_BLACKHOLE, RTN_PROHIBIT, RTN_UNICAST, RTN_UNREACHABLE, Rule
from emu.net.netns import Namespace, NetError
from emu.trace.points import COMMAND

ENOENT, EEXIST, EINVAL = 2, 17, 22
ACTIONS = {
    "lookup": RTN_UNICAST, "unreachable": RTN_UNREACHABLE, "prohibit": RTN_PROHIBIT, "blackhole": RTN_BLACKHOLE, "goto": FR_ACT_GOTO, "nop": FR_ACT_NOP,
}  # fmt: skip


def _rule(
    ns: Namespace, *, table: str | int | None = None, src: str | None = None, dst: str | None = None, iif: str = "", oif: str = "",
    fwmark: str | int | None = None, tos: int = 0, priority: int | None = None, action: str | None = None, invert: bool = False,
    suppress_prefixlength: int = -1, target: int = 0, protocol: str | int = 0,
) -> Rule:  # fmt: skip
    action = action or "lookup"
    if action not in ACTIONS:
        raise NetError(EINVAL, f'"{action}" is not a rule action in {ns.name} ({", ".join(ACTIONS)})')
    number = table_number(ns, "main" if table is None else table) if action == "lookup" else 0
    network, length = (0, 0) if src in (None, "all") else parse_prefix(ns, str(src), "rule's from")
    to_network, to_length = (0, 0) if dst in (None, "all") else parse_prefix(ns, str(dst), "rule's to")
    mark, mask = 0, 0
    if fwmark is not None:
        try:
            parts = [int(part, 0) for part in str(fwmark).split("/")]
        except ValueError:
            raise NetError(EINVAL, f'fwmark value is invalid: "{fwmark}" in {ns.name}') from None
        mark, mask = (parts[0], parts[1]) if len(parts) == 2 else (parts[0], 0xFFFFFFFF)
    return Rule(
        priority or 0, number, network, length, to_network, to_length, iif, oif, mark, mask, tos, ACTIONS[action], invert, suppress_prefixlength, target,
        PROTOCOLS[protocol] if isinstance(protocol, str) and protocol in PROTOCOLS else int(protocol),
    )  # fmt: skip


def add(
    ns: Namespace, *, table: str | int | None = None, src: str | None = None, dst: str | None = None, iif: str = "", oif: str = "",
    fwmark: str | int | None = None, tos: int = 0, priority: int | None = None, action: str = "lookup", invert: bool = False, suppress_prefixlength: int = -1,
    target: int = 0, protocol: str | int = 0,
) -> None:  # fmt: skip
    """`ip rule add [not] [from SRC] [to DST] [fwmark M[/MASK]] [iif D] [oif D] [tos T] [pref P] [lookup T|unreachable|prohibit|blackhole|nop|goto N]`.

    `target`: the N of `goto`. Without `priority`, one less than the second rule's. Raises NetError EEXIST, EINVAL.
    """
    fib = ns.fib
    if priority is None:
        priority = max(fib.rules[1].priority - 1, 0) if len(fib.rules) > 1 else 0  # fib_default_rule_pref
    rule = _rule(
        ns, table=table, src=src, dst=dst, iif=iif, oif=oif, fwmark=fwmark, tos=tos, priority=priority, action=action, invert=invert,
        suppress_prefixlength=suppress_prefixlength, target=target, protocol=protocol,
    )  # fmt: skip
    if tos & 3:
        raise NetError(EINVAL, f"Invalid dsfield (tos): ECN bits must be 0: {tos:#x} in {ns.name}")
    if rule.action == FR_ACT_GOTO and target <= priority:
        raise NetError(EINVAL, f"Backward goto not supported: from {priority} to {target} in {ns.name}")
    if rule in fib.rules:
        raise NetError(EEXIST, f"File exists: rule {typed(ns, rule)!r} in {ns.name}")
    place = sum(1 for other in fib.rules if other.priority <= priority)
    fib.rules = (*fib.rules[:place], rule, *fib.rules[place:])
    _changed(ns)
    if ns.tp.journal:
        ns.tp.on_journal(COMMAND, ns.name, f"ip rule add {typed(ns, rule)}")


def delete(ns: Namespace, **selector: Any) -> None:
    """`ip rule del ...`, with the arguments of `add`: the first rule that agrees with everything given. Raises NetError ENOENT."""
    found = alike(ns, **selector)
    if not found:
        raise NetError(ENOENT, f"No such file or directory: no such rule in {ns.name}")
    delete_entry(ns, found[0])


def delete_entry(ns: Namespace, rule: Rule) -> None:
    """Take this very rule away."""
    told = f"ip rule del {typed(ns, rule)}"
    ns.fib.rules = tuple(other for other in ns.fib.rules if other is not rule)
    _changed(ns)
    if ns.tp.journal:
        ns.tp.on_journal(COMMAND, ns.name, told)


def alike(ns: Namespace, **selector: Any) -> list[Rule]:
    """The rules that agree with everything given (rule_find): neither `not` nor the target of a goto is looked at."""
    wanted = _rule(ns, **selector)
    given = [key for key, value in selector.items() if value is not None]
    return [
        rule
        for rule in ns.fib.rules
        if (
            ("priority" not in given or rule.priority == wanted.priority)
            and ("table" not in given or rule.table == wanted.table)
            and ("action" not in given or rule.action == wanted.action)
            and (not wanted.src_len or (rule.src, rule.src_len) == (wanted.src, wanted.src_len))
            and (not wanted.dst_len or (rule.dst, rule.dst_len) == (wanted.dst, wanted.dst_len))
            and (not wanted.iif or rule.iif == wanted.iif)
            and (not wanted.oif or rule.oif == wanted.oif)
            and ("fwmark" not in given or (rule.mark, rule.mark_mask) == (wanted.mark, wanted.mark_mask))
            and (not wanted.tos or rule.tos == wanted.tos)
            and (wanted.suppress_prefixlength < 0 or rule.suppress_prefixlength == wanted.suppress_prefixlength)
            and (not wanted.protocol or rule.protocol == wanted.protocol)
        )
    ]


def _changed(ns: Namespace) -> None:
    """From the first rule of one's own on, `local` and `main` are two tables again, for good (fib_unmerge)."""
    ns.fib.custom_rules = ns.fib.custom_rules or ns.fib.rules != DEFAULT_RULES
    ns.fib.invalidate()


def show(ns: Namespace) -> str:
    """`ip rule show`."""
    return render([rule_record(ns, rule) for rule in ns.fib.rules])
