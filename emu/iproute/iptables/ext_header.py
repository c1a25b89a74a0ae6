"""TTL, TOS, DSCP and TCPMSS."""

from __future__ import annotations

from collections.abc import Callable

from emu.iproute.iptables.errors import IptablesError
from emu.iproute.iptables.ext_packet import TOS_NAMES, dscp_class, tos_value
from emu.iproute.iptables.extension import Extension, Option, State, flag, keep, target
from emu.iproute.iptables.names import number
from emu.net.netfilter.rule import Rule
from emu.net.netfilter.target_header import CLAMP, SetTos, SetTtl, TcpMss


class TtlTarget(Extension):
    """-j TTL."""

    name = "TTL"

    def __init__(self) -> None:
        self.options = {f"--ttl-{mode}": Option(self._taker(mode)) for mode in ("set", "inc", "dec")}

    def _taker(self, mode: str) -> Callable[[State, str, bool], None]:
        def take(state: State, argument: str, inverted: bool) -> None:
            value = number(argument, 0 if mode == "set" else 1, 255)
            if value is None:
                raise self.error(f'bad value for option "--ttl-{mode}", or out of range: "{argument}"')
            state["made"] = SetTtl(mode, value)

        return take

    def build(self, state: State) -> SetTtl:
        made: SetTtl | None = state.get("made")
        if made is None:
            raise IptablesError("TTL: You must specify an action")
        return made

    def save(self, made: SetTtl) -> str:
        return f" --ttl-{made.mode} {made.value}"

    def show(self, made: SetTtl, numeric: bool) -> str:
        return f"TTL { {'set': 'set to', 'inc': 'increment by', 'dec': 'decrement by'}[made.mode] } {made.value}"


class TosTarget(Extension):
    """-j TOS."""

    name = "TOS"

    def __init__(self) -> None:
        self.options = {f"--{name}": Option(self._taker(name), 1, False, False) for name in ("set-tos", "and-tos", "or-tos", "xor-tos")}

    def _taker(self, how: str) -> Callable[[State, str, bool], None]:
        def take(state: State, argument: str, inverted: bool) -> None:
            if how == "set-tos":
                value, mask = tos_value(self, how, argument, 0xFF)
                state["made"] = SetTos("TOS", value, mask)
                return
            bits = number(argument, 0, 255)
            if bits is None:
                raise self.error(f'bad integer value for option "--{how}", or out of range.')
            value, mask = {"and-tos": (0, ~bits & 0xFF), "or-tos": (bits, bits), "xor-tos": (bits, 0)}[how]
            state["made"] = SetTos("TOS", value, mask)

        return take

    def build(self, state: State) -> SetTos:
        made: SetTos | None = state.get("made")
        if made is None:
            raise IptablesError("TOS: An action is required")
        return made

    def save(self, made: SetTos) -> str:
        return f" --set-tos 0x{made.value:02x}/0x{made.mask:02x}"

    def show(self, made: SetTos, numeric: bool) -> str:
        if not numeric:
            if made.mask == 0x3F and made.value in TOS_NAMES:
                return f" TOS set{TOS_NAMES[made.value]}"
            if made.value == 0:
                return f"TOS and 0x{~made.mask & 0xFF:02x}"
            if made.value == made.mask:
                return f"TOS or 0x{made.value:02x}"
            if made.mask == 0:
                return f"TOS xor 0x{made.value:02x}"
        return f"TOS set 0x{made.value:02x}/0x{made.mask:02x}"


class DscpTarget(Extension):
    """-j DSCP."""

    name = "DSCP"

    def __init__(self) -> None:
        self.options = {"--set-dscp": Option(keep("dscp")), "--set-dscp-class": Option(keep("class"))}

    def build(self, state: State) -> SetTos:
        if "class" in state:
            return SetTos("DSCP", dscp_class(state["class"][0]) << 2, 0xFC)
        text = self.required(state, "set-dscp", "dscp")[0]
        value = number(text, 0, 63)
        if value is None:
            raise self.error(f'bad value for option "--set-dscp", or out of range (0-63): "{text}"')
        return SetTos("DSCP", value << 2, 0xFC)

    def save(self, made: SetTos) -> str:
        return f" --set-dscp 0x{made.value >> 2:02x}"

    def show(self, made: SetTos, numeric: bool) -> str:
        return f"DSCP set 0x{made.value >> 2:02x}"


class TcpmssTarget(Extension):
    """-j TCPMSS."""

    name = "TCPMSS"

    def __init__(self) -> None:
        self.options = {"--set-mss": Option(keep("mss")), "--clamp-mss-to-pmtu": flag("clamp")}

    def build(self, state: State) -> TcpMss:
        rule: Rule = state["rule"]
        if "mss" not in state and not state.get("clamp"):
            raise IptablesError("TCPMSS target: At least one parameter is required")
        if "mss" in state and state.get("clamp"):
            raise IptablesError("TCPMSS: Only one of --set-mss and --clamp-mss-to-pmtu is allowed")
        if rule.proto != 6 or rule.flags & Rule.INV_PROTO:
            raise IptablesError("RULE_APPEND failed (Invalid argument): TCPMSS needs -p tcp --tcp-flags SYN,RST SYN", 4)
        if state.get("clamp"):
            return TcpMss(CLAMP)
        value = number(state["mss"][0], 0, 65495)
        if value is None:
            raise self.error(f'bad value for option "--set-mss", or out of range (0-65495): "{state["mss"][0]}"')
        return TcpMss(value)

    def save(self, made: TcpMss) -> str:
        return " --clamp-mss-to-pmtu" if made.mss == CLAMP else f" --set-mss {made.mss}"

    def show(self, made: TcpMss, numeric: bool) -> str:
        return "TCPMSS clamp to PMTU" if made.mss == CLAMP else f"TCPMSS set {made.mss}"


target(TtlTarget())
target(TosTarget())
target(DscpTarget())
target(TcpmssTarget())
