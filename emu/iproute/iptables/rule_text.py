"""From a `Rule` to its text as iptables-save spells it."""

from __future__ import annotations

from emu.iproute.iptables.extension import MATCHES, TARGETS
from emu.iproute.iptables.names import protocol_text
from emu.net.netfilter.rule import Rule, Verdict
from emu.wire.addr import ip_text


def render(rule: Rule) -> str:
    """The rule without `-A CHAIN`, without a leading blank."""
    flags = rule.flags
    parts: list[str] = []
    if rule.smask or flags & Rule.INV_SRC:
        parts.append(f"{'! ' if flags & Rule.INV_SRC else ''}-s {ip_text(rule.saddr)}/{mask_text(rule.smask)}")
    if rule.dmask or flags & Rule.INV_DST:
        parts.append(f"{'! ' if flags & Rule.INV_DST else ''}-d {ip_text(rule.daddr)}/{mask_text(rule.dmask)}")
    if rule.iniface:
        parts.append(f"{'! ' if flags & Rule.INV_IN else ''}-i {rule.iniface}")
    if rule.outiface:
        parts.append(f"{'! ' if flags & Rule.INV_OUT else ''}-o {rule.outiface}")
    if rule.proto:
        parts.append(f"{'! ' if flags & Rule.INV_PROTO else ''}-p {protocol_text(rule.proto)}")
    if flags & Rule.FRAGMENT:
        parts.append("! -f" if flags & Rule.INV_FRAG else "-f")
    parts += [f"-m {match.name}{MATCHES[match.name].save(match)}" for match in rule.matches]
    target = rule.target
    if rule.jump is not None:
        parts.append(f"{'-g' if rule.goto else '-j'} {rule.jump}")
    elif isinstance(target, Verdict):
        parts.append(f"-j {target.name}")
    elif target is not None:
        parts.append(f"-j {target.name}{TARGETS[target.name].save(target)}")
    return " ".join(parts)


def mask_text(mask: int) -> str:
    """A netmask as prefix length, or dotted if it is not one."""
    length = mask.bit_count()
    return str(length) if mask == (0xFFFFFFFF << (32 - length)) & 0xFFFFFFFF else ip_text(mask)
