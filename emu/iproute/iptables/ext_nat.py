"""DNAT, SNAT, MASQUERADE, REDIRECT and NETMAP."""

from __future__ import annotations

from emu.iproute.iptables.errors import IptablesError
from emu.iproute.iptables.extension import Extension, Option, State, flag, keep, target
from emu.iproute.iptables.names import SERVICES, number
from emu.net.netfilter.rule import Rule
from emu.net.netfilter.target_nat import PERSISTENT, RANDOM, RANDOM_FULLY, Dnat, Masquerade, Nat, Netmap, Redirect, Snat
from emu.wire.addr import ip_int, ip_text

WITH_PORTS = (6, 17, 132, 33, 1, 136)
FLAGS = (("random", RANDOM), ("random-fully", RANDOM_FULLY), ("persistent", PERSISTENT))


def ports(extension: Extension, text: str, rule: Rule) -> tuple[int, int, int]:
    """`80`, `1000-2000`, `1000-2000/3000`: (low, high, base)."""
    if rule.proto not in WITH_PORTS or rule.flags & Rule.INV_PROTO:
        raise IptablesError("Need TCP, UDP, SCTP or DCCP with port specification")
    span, slash, base = text.partition("/")
    first, dash, last = span.partition("-")
    low = number(first, 1, 65535)
    if low is None:
        low = SERVICES.get(first)
    high = number(last, 1, 65535) if dash else low
    start = number(base, 1, 65535) if slash else 0
    if low is None or high is None or start is None:
        raise IptablesError(f'Port "{text}" not valid')
    if low > high:
        raise IptablesError(f'Port range "{text}" is the wrong way round')
    return low, high, start


def ports_text(made: Nat) -> str:
    """Ports as they are saved."""
    if not made.min_port:
        return ""
    text = str(made.min_port) if made.min_port == made.max_port else f"{made.min_port}-{made.max_port}"
    return text + (f"/{made.base_port}" if made.base_port else "")


def flags_of(state: State) -> int:
    """Flags that were given."""
    return sum(bit for name, bit in FLAGS if state.get(name))


def flags_text(made: Nat, dash: str) -> str:
    """Flags as they are saved or listed."""
    return "".join(f" {dash}{name}" for name, bit in FLAGS if made.flags & bit)


class AddressNat(Extension):
    """-j DNAT and -j SNAT."""

    def __init__(self, name: str, made: type[Dnat] | type[Snat], option: str) -> None:
        self.name = name
        self.made = made
        self.option = option
        self.options = {f"--{option}": Option(keep("to")), "--random": flag("random"), "--persistent": flag("persistent")}
        if name == "SNAT":
            self.options["--random-fully"] = flag("random-fully")

    def build(self, state: State) -> Nat:
        text = self.required(state, self.option, "to")[0]
        made = self.made(flags=flags_of(state))
        span, colon, port = text.partition(":")
        if colon:
            made.min_port, made.max_port, made.base_port = ports(self, port, state["rule"])
        if span:
            first, dash, last = span.partition("-")
            try:
                made.low = ip_int(first)
                made.high = ip_int(last) if dash else made.low
            except ValueError:
                raise IptablesError(f'Bad IP address "{first if not dash or not _is_ip(first) else last}"') from None
            if not made.low:
                raise IptablesError(f'Bad IP address "{first}"')
            if made.low > made.high:
                raise IptablesError(f'Bad IP range "{span}"')
        elif not colon:
            raise self.error(f'option "--{self.option}" must be specified')
        return made

    def save(self, made: Nat) -> str:
        return f" --{self.option} {self._to(made)}" + flags_text(made, "--")

    def show(self, made: Nat, numeric: bool) -> str:
        return f"to:{self._to(made)}" + flags_text(made, "")

    def _to(self, made: Nat) -> str:
        text = ""
        if made.low:
            text = ip_text(made.low) + (f"-{ip_text(made.high)}" if made.high != made.low else "")
        return text + (f":{ports_text(made)}" if made.min_port else "")


def _is_ip(text: str) -> bool:
    try:
        ip_int(text)
    except ValueError:
        return False
    return True


class PortNat(Extension):
    """-j MASQUERADE and -j REDIRECT."""

    def __init__(self, name: str, made: type[Masquerade] | type[Redirect]) -> None:
        self.name = name
        self.made = made
        self.options = {"--to-ports": Option(keep("ports")), "--random": flag("random")}
        if name == "MASQUERADE":
            self.options["--random-fully"] = flag("random-fully")

    def build(self, state: State) -> Nat:
        made = self.made(flags=flags_of(state))
        if "ports" in state:
            made.min_port, made.max_port, made.base_port = ports(self, state["ports"][0], state["rule"])
        return made

    def save(self, made: Nat) -> str:
        return (f" --to-ports {ports_text(made)}" if made.min_port else "") + flags_text(made, "--")

    def show(self, made: Nat, numeric: bool) -> str:
        first = ""
        if made.min_port:
            first = f"{'masq ports:' if self.name == 'MASQUERADE' else 'redir ports'} {ports_text(made)}"
        return (first + flags_text(made, "")).strip()


class NetmapExtension(Extension):
    """-j NETMAP."""

    name = "NETMAP"

    def __init__(self) -> None:
        self.options = {"--to": Option(keep("to"))}

    def build(self, state: State) -> Netmap:
        from emu.iproute.iptables.rule_parser import address

        value, mask = address(self.required(state, "to")[0])
        return Netmap(value, value | (~mask & 0xFFFFFFFF))

    def save(self, made: Netmap) -> str:
        return f" --to {self._to(made)}"

    def show(self, made: Netmap, numeric: bool) -> str:
        return f"to:{self._to(made)}"

    def _to(self, made: Netmap) -> str:
        from emu.iproute.iptables.rule_text import mask_text

        return f"{ip_text(made.low)}/{mask_text(made.netmask)}"


target(AddressNat("DNAT", Dnat, "to-destination"))
target(AddressNat("SNAT", Snat, "to-source"))
target(PortNat("MASQUERADE", Masquerade))
target(PortNat("REDIRECT", Redirect))
target(NetmapExtension())
