"""One rule: what it matches, where it goes, and its text. Immutable and shared between namespaces.

What a rule needs to remember (counters, `recent` lists, `nth` counts) lives in the namespace. A rule whose match keeps a count of its own
(`statistic --mode nth`, `limit`) is copied for the chain it is put into, see `Rule.own_copy`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from emu.net.netfilter.expression import MatchFn, Part, compose

if TYPE_CHECKING:
    from emu.net.device import NetDevice
    from emu.net.netfilter.netfilter import Netfilter
    from emu.net.skb import Skb

# Verdicts of a target or of a whole chain.
CONTINUE, ACCEPT, DROP, RETURN = 0, 1, 2, 3

TargetFn = Callable[["Skb", "NetDevice | None", "NetDevice | None", "Netfilter", "Rule"], int]


class Match:
    """One `-m`: parameters in the kernel's form.

    `name`: of the extension. `pure`: looking changes nothing, so that it may be skipped by an index. `counting`: it keeps a count that belongs to
    one rule in one chain. `needs_ct`: connection tracking starts with the first rule that has it.
    """

    name = ""
    pure = True
    cacheable = True  # the same for every packet of one flow, as long as no table changes
    counting = False
    needs_ct = False
    hooks = 0x1F  # bit per hook number: from which base chains it may be reached
    base_hooks = 0x1F  # in which base chains it may stand itself (what checkentry looks at; a user chain has no hook then)
    __slots__ = ()

    def part(self) -> Part:
        """The condition as an expression over `skb`, `indev`, `outdev`, `nf` with {} for each constant."""
        raise NotImplementedError(self.name)

    def same(self, other: Match) -> bool:
        """Whether both say the same; `-D` and `-C` compare so."""
        return type(self) is type(other) and all(getattr(self, slot) == getattr(other, slot) for slot in self.fields())

    @classmethod
    def fields(cls) -> tuple[str, ...]:
        """Names of the parameters."""
        return tuple(slot for kind in cls.__mro__ for slot in kind.__dict__.get("__slots__", ()) if not slot.startswith("_"))

    def own_copy(self) -> Match:
        """The same match with a count of its own."""
        return self


class Target:
    """What a rule does. `tables` and `hooks`: where it may stand (None: everywhere). `terminal`: ends the walk."""

    name = ""
    tables: tuple[str, ...] | None = None
    hooks: int = 0x1F  # as with matches
    base_hooks: int = 0x1F
    needs_ct = False
    cacheable = True
    shown = True  # worth a line in a hop table
    __slots__ = ()

    def run(self, skb: Skb, indev: NetDevice | None, outdev: NetDevice | None, nf: Netfilter, rule: Rule) -> int:
        """Do it and return a verdict."""
        raise NotImplementedError(self.name)

    def same(self, other: Target) -> bool:
        """Whether both say the same."""
        return type(self) is type(other) and all(getattr(self, slot) == getattr(other, slot) for slot in self.fields())

    @classmethod
    def fields(cls) -> tuple[str, ...]:
        """Names of the parameters."""
        return tuple(slot for kind in cls.__mro__ for slot in kind.__dict__.get("__slots__", ()) if not slot.startswith("_"))


class Verdict(Target):
    """ACCEPT, DROP and RETURN."""

    __slots__ = ("code", "name")

    def __init__(self, name: str, code: int) -> None:
        self.name = name
        self.code = code

    def run(self, skb: Skb, indev: NetDevice | None, outdev: NetDevice | None, nf: Netfilter, rule: Rule) -> int:
        return self.code


STANDARD: dict[str, Target] = {"ACCEPT": Verdict("ACCEPT", ACCEPT), "DROP": Verdict("DROP", DROP), "RETURN": Verdict("RETURN", RETURN)}


class Rule:
    """`saddr`, `smask`, `daddr`, `dmask`: ints; `iniface`, `outiface`: names, `+` at the end for any rest; `flags`: bits INV_* and FRAGMENT.

    `jump`: name of a user chain, `goto` says how; else `target`, which is None in a rule that only counts. `text`: as iptables-save spells
    it without `-A CHAIN`; made when first asked for, by the program that made the rule.
    """

    INV_SRC, INV_DST, INV_IN, INV_OUT, INV_PROTO, INV_FRAG, FRAGMENT = 1, 2, 4, 8, 16, 32, 64

    __slots__ = (
        "_fn", "_render", "_text", "counting", "daddr", "dmask", "flags", "goto", "iniface", "jump", "matches", "outiface", "proto", "saddr", "smask", "target",
    )  # fmt: skip

    def __init__(self, render: Callable[[Rule], str]) -> None:
        self.saddr = self.smask = self.daddr = self.dmask = 0
        self.iniface = self.outiface = ""
        self.proto = 0
        self.flags = 0
        self.matches: tuple[Match, ...] = ()
        self.target: Target | None = None
        self.jump: str | None = None
        self.goto = False
        self._render = render
        self._text: str | None = None
        self.counting = False  # a match keeps a count that belongs to this rule in its chain
        self._fn: MatchFn | bool | None = False

    @property
    def text(self) -> str:
        """The rule as iptables-save writes it, without `-A CHAIN`: `-p udp -m udp --dport 53 -j DROP`."""
        text = self._text
        if text is None:
            text = self._text = self._render(self)
        return text

    def __repr__(self) -> str:
        return f"<rule {self.text}>"

    @property
    def fn(self) -> MatchFn | None:
        """The compiled condition: `fn(skb, indev, outdev, nf)`; None if it matches everything."""
        fn = self._fn
        if fn is False:
            fn = self._fn = compose([*header_parts(self), *(match.part() for match in self.matches)])
        return fn  # type: ignore[return-value]

    @property
    def needs_ct(self) -> bool:
        """Whether connection tracking must run for it."""
        return (self.target is not None and self.target.needs_ct) or any(match.needs_ct for match in self.matches)

    @property
    def hooks(self) -> int:
        """Bit per hook at which target and matches may run."""
        hooks = self.target.hooks if self.target is not None else 0x1F
        for match in self.matches:
            hooks &= match.hooks
        return hooks

    def own_copy(self) -> Rule:
        """The same rule with counts of its own."""
        other = Rule(self._render)
        for slot in Rule.__slots__:
            if slot != "_fn":
                setattr(other, slot, getattr(self, slot))
        other.matches = tuple(match.own_copy() for match in self.matches)
        return other

    def with_jump(self, name: str) -> Rule:
        """The same rule, jumping to another chain."""
        other = self.own_copy()
        other.jump = name
        other._text = None
        return other

    def same(self, other: Rule) -> bool:
        """Whether both say the same (nft_rule_find compares like this for -D and -C)."""
        return (
            self._header() == other._header()
            and len(self.matches) == len(other.matches)
            and all(a.same(b) for a, b in zip(self.matches, other.matches, strict=True))
            and (self.target is other.target or (self.target is not None and other.target is not None and self.target.same(other.target)))
        )

    def _header(self) -> tuple[Any, ...]:
        return (
            self.saddr, self.smask, self.daddr, self.dmask, self.iniface, self.outiface, self.proto, self.flags, self.jump, self.goto,
        )  # fmt: skip


def header_parts(rule: Rule) -> list[Part]:
    """Conditions of the part before any `-m`, in the order nftables tests them."""
    parts: list[Part] = []
    flags = rule.flags
    if rule.proto:
        parts.append(("skb.proto != {}" if flags & Rule.INV_PROTO else "skb.proto == {}", (rule.proto,)))
    for field, addr, mask, inverted in (("saddr", rule.saddr, rule.smask, flags & Rule.INV_SRC), ("daddr", rule.daddr, rule.dmask, flags & Rule.INV_DST)):
        if mask == 0xFFFFFFFF:
            parts.append((f"skb.{field} {'!=' if inverted else '=='} {{}}", (addr,)))
        elif mask:
            parts.append((f"(skb.{field} & {{}}) {'!=' if inverted else '=='} {{}}", (mask, addr)))
    for name, iface, inverted in (("indev", rule.iniface, flags & Rule.INV_IN), ("outdev", rule.outiface, flags & Rule.INV_OUT)):
        if iface:
            parts.append(interface_part(name, iface, bool(inverted)))
    if flags & Rule.FRAGMENT:
        parts.append(("not skb.frag & 0x1fff" if flags & Rule.INV_FRAG else "skb.frag & 0x1fff", ()))
    return parts


def interface_part(name: str, iface: str, inverted: bool) -> Part:
    """Condition on a device's name. No device has the empty name, which `! -i eth0` matches (nft_meta, nulldevname)."""
    if iface == "+":
        return ("False" if inverted else "True", ())
    if iface.endswith("+"):
        test = f"({name} is not None and {name}.name.startswith({{}}))"
        return (f"not {test}" if inverted else test, (iface[:-1],))
    if inverted:
        return (f"({name} is None or {name}.name != {{}})", (iface,))
    return (f"({name} is not None and {name}.name == {{}})", (iface,))
