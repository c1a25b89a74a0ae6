"""`iptables -L` and `iptables -S`: rules as tables for people, and as commands."""

from __future__ import annotations

from emu.iproute.iptables.extension import MATCHES, TARGETS
from emu.iproute.iptables.names import protocol_text
from emu.iproute.iptables.rule_text import mask_text
from emu.net.netfilter.chain import Chain
from emu.net.netfilter.rule import Rule, Verdict
from emu.net.netfilter.tablestate import POLICY, Table
from emu.wire.addr import ip_text


class Style:
    """`numeric`: -n, `verbose`: -v, `exact`: -x, `numbers`: --line-numbers."""

    __slots__ = ("exact", "numbers", "numeric", "verbose")

    def __init__(self) -> None:
        self.numeric = self.verbose = self.exact = self.numbers = False


def references(table: Table) -> dict[str, int]:
    """How many rules jump to each chain."""
    counts: dict[str, int] = {}
    for chain in table.content.chains():
        for rule in chain.rules:
            if rule.jump is not None:
                counts[rule.jump] = counts.get(rule.jump, 0) + 1
    return counts


def list_chains(table: Table, chains: list[Chain], style: Style, number: int | None = None) -> str:
    """-L: chains with a heading each, or one rule without (`number` from 0)."""
    counts = references(table) if number is None else {}
    blocks = []
    for chain in chains:
        if number is not None:
            return "".join(row(table, chain, index, style) + "\n" for index in range(number, min(number + 1, len(chain.rules))))
        packets, octets = table.counter(chain.name, POLICY)
        if chain.policy is None:
            about = f"{counts.get(chain.name, 0)} references"
        elif style.verbose:
            about = f"policy {chain.policy} {amount(packets, style).strip()} packets, {amount(octets, style).strip()} bytes"
        else:
            about = f"policy {chain.policy}"
        lines = [f"Chain {chain.name} ({about})", heading(style)]
        lines += [row(table, chain, index, style) for index in range(len(chain.rules))]
        blocks.append("\n".join(lines) + "\n")
    return "\n".join(blocks)


def heading(style: Style) -> str:
    """The line above the rules."""
    text = "num  " if style.numbers else ""
    if style.verbose:
        text += f"{'pkts':>8} {'bytes':>10} " if style.exact else f"{'pkts':>5} {'bytes':>5} "
    text += f"{'target':9}  prot opt "
    if style.verbose:
        text += f"{'in':6} {'out':7} "
    return f"{text}{'source':19}  {'destination':19} "


def amount(value: int, style: Style) -> str:
    """A counter: exact, or with K, M, G or T from 100,000 on (xtables_print_num)."""
    if style.exact:
        return f"{value:8d} "
    if value <= 99999:
        return f"{value:5d} "
    for unit in "KMG":
        value = (value + 500) // 1000
        if value <= 9999:
            return f"{value:4d}{unit} "
    return f"{(value + 500) // 1000:4d}T "


def row(table: Table, chain: Chain, index: int, style: Style) -> str:
    """One rule as -L shows it."""
    rule = chain.rules[index]
    flags = rule.flags
    text = f"{index + 1:<4} " if style.numbers else ""
    if style.verbose:
        packets, octets = table.counter(chain.name, index)
        text += amount(packets, style) + amount(octets, style)
    proto = str(rule.proto) if style.numeric else protocol_text(rule.proto)
    fragment = ("!f" if flags & Rule.INV_FRAG else "-f") if flags & Rule.FRAGMENT else "--"
    text += f"{target_name(rule):9} {'!' if flags & Rule.INV_PROTO else ' '}{proto:4} {fragment} "
    if style.verbose:
        text += f" {_interface(rule.iniface, bool(flags & Rule.INV_IN), style):6} {_interface(rule.outiface, bool(flags & Rule.INV_OUT), style):6} "
    text += f"{'!' if flags & Rule.INV_SRC else ' '}{_address(rule.saddr, rule.smask, style.numeric):19} "
    text += f"{'!' if flags & Rule.INV_DST else ' '}{_address(rule.daddr, rule.dmask, style.numeric):19} "
    return text + ("[goto] " if rule.goto else "") + extensions(rule, style.numeric)


def target_name(rule: Rule) -> str:
    """What stands in the target column."""
    name = rule.jump if rule.jump is not None else rule.target.name if rule.target is not None else ""
    return "CT" if name == "NOTRACK" else name


def extensions(rule: Rule, numeric: bool) -> str:
    """What matches and target say of themselves."""
    parts = [MATCHES[match.name].show(match, numeric) for match in rule.matches]
    if rule.target is not None and not isinstance(rule.target, Verdict):
        parts.append(TARGETS[rule.target.name].show(rule.target, numeric))
    return "".join(f" {part}" for part in parts if part)


def _interface(name: str, inverted: bool, style: Style) -> str:
    return ("!" if inverted else "") + (name or ("*" if style.numeric else "any"))


def _address(address: int, mask: int, numeric: bool) -> str:
    if not mask and not numeric:
        return "anywhere"
    return ip_text(address) + ("" if mask == 0xFFFFFFFF else f"/{mask_text(mask)}")


def one_line(rule: Rule) -> str:
    """A rule as -v shows what a command did."""
    flags = rule.flags
    fragment = ("!f" if flags & Rule.INV_FRAG else "-f") if flags & Rule.FRAGMENT else "--"
    style = Style()
    style.numeric = True
    return (
        f"{target_name(rule)}  {'!' if flags & Rule.INV_PROTO else ''}{protocol_text(rule.proto)} opt {fragment} "
        f"in {_interface(rule.iniface, bool(flags & Rule.INV_IN), style)} out {_interface(rule.outiface, bool(flags & Rule.INV_OUT), style)}  "
        f"{'!' if flags & Rule.INV_SRC else ''}{_address(rule.saddr, rule.smask, True)}  "
        f"-> {'!' if flags & Rule.INV_DST else ''}{_address(rule.daddr, rule.dmask, True)}  {extensions(rule, True)}"
    )


def rules_text(table: Table, chains: list[Chain], verbose: bool, number: int | None = None) -> str:
    """-S: policies, user chains, then rules."""
    lines: list[str] = []
    if number is None:
        for chain in chains:
            packets, octets = table.counter(chain.name, POLICY)
            if chain.policy is not None:
                lines.append(f"-P {chain.name} {chain.policy}" + (f" -c {packets} {octets}" if verbose else ""))
        lines += [f"-N {chain.name}" for chain in chains if chain.policy is None]
    for chain in chains:
        for index, rule in enumerate(chain.rules):
            if number is not None and index != number:
                continue
            text = f"-A {chain.name} {rule.text}" if rule.text else f"-A {chain.name}"
            lines.append(with_counters(text, rule, *table.counter(chain.name, index)) if verbose else text)
    return "".join(f"{line}\n" for line in lines)


def with_counters(text: str, rule: Rule, packets: int, octets: int) -> str:
    """`-c packets bytes` stands before the target."""
    action = ""
    if rule.jump is not None or rule.target is not None:
        word = f"{'-g' if rule.goto else '-j'} {target_name(rule)}"
        at = text.rindex(f" {word}")
        text, action = text[:at], text[at:]
    return f"{text} -c {packets} {octets}{action}"
