"""mark, connmark, state and conntrack."""

from __future__ import annotations

from collections.abc import Callable

from emu.iproute.iptables.errors import IptablesError
from emu.iproute.iptables.extension import Extension, Option, State, match
from emu.iproute.iptables.names import number, protocol, range_text, value_mask
from emu.iproute.iptables.rule_text import mask_text
from emu.net.netfilter import match_state as bits
from emu.net.netfilter.match_state import Connmark, Conntrack, Mark
from emu.wire.addr import ip_text


class MarkExtension(Extension):
    """-m mark and connmark."""

    def __init__(self, name: str, made: type[Mark] | type[Connmark]) -> None:
        self.name = name
        self.made = made
        self.options = {"--mark": Option(self._mark, 1, True)}

    def _mark(self, state: State, argument: str, inverted: bool) -> None:
        value, mask = value_mask(self.name, "mark", argument)
        state["mark"] = self.made(value, mask, inverted)

    def build(self, state: State) -> Mark | Connmark:
        made: Mark | Connmark = self.required(state, "mark")
        return made

    def save(self, made: Mark | Connmark) -> str:
        return f"{' !' if made.invert else ''} --mark {mark_text(made.value, made.mask)}"

    def show(self, made: Mark | Connmark, numeric: bool) -> str:
        space = "! " if made.invert else " " if self.name == "connmark" else ""
        return f"{self.name} match {space}{mark_text(made.value, made.mask)}"


def mark_text(value: int, mask: int) -> str:
    """`0x1`, or `0x1/0xff`."""
    return f"0x{value:x}" if mask == 0xFFFFFFFF else f"0x{value:x}/0x{mask:x}"


STATES = {
    "INVALID": bits.INVALID, "NEW": bits.NEW, "RELATED": bits.RELATED, "ESTABLISHED": bits.ESTABLISHED, "UNTRACKED": bits.UNTRACKED, "SNAT": bits.SNAT,
    "DNAT": bits.DNAT,
}  # fmt: skip
STATUSES = {"EXPECTED": 1, "SEEN_REPLY": 2, "ASSURED": 4, "CONFIRMED": 8}


def _states(name: str, text: str, known: dict[str, int], what: str) -> int:
    value = 0
    for word in text.split(","):
        bit = known.get(word.upper())
        if bit is None:
            raise IptablesError(f'Bad {what} "{word}"')
        value |= bit
    return value


def _state_names(value: int, known: dict[str, int]) -> str:
    return ",".join(name for name, bit in known.items() if value & bit)


def state_text(states: int) -> str:
    """States in the order iptables prints them."""
    return _state_names(states, STATES)


class StateExtension(Extension):
    """-m state: xt_conntrack's match with an older face; it is saved as it was given."""

    name = "state"

    def __init__(self) -> None:
        self.options = {"--state": Option(self._state, 1, True)}

    def _state(self, state: State, argument: str, inverted: bool) -> None:
        known = {name: bit for name, bit in STATES.items() if name not in ("SNAT", "DNAT")}
        state["state"] = bits.State(_states("state", argument, known, "state"), inverted)

    def build(self, state: State) -> bits.State:
        made: bits.State = self.required(state, "state")
        return made

    def save(self, made: bits.State) -> str:
        return f"{' !' if made.invert else ''} --state {state_text(made.states)}"

    def show(self, made: bits.State, numeric: bool) -> str:
        return f"{'! ' if made.invert else ''}state {state_text(made.states)}"


ADDRESS_OPTIONS = ("ctorigsrc", "ctorigdst", "ctreplsrc", "ctrepldst")
PORT_OPTIONS = ("ctorigsrcport", "ctorigdstport", "ctreplsrcport", "ctrepldstport")


class ConntrackExtension(Extension):
    """-m conntrack."""

    name = "conntrack"

    def __init__(self) -> None:
        self.options = {
            "--ctstate": Option(self._ctstate, 1, True),
            "--ctproto": Option(self._ctproto, 1, True),
            "--ctstatus": Option(self._ctstatus, 1, True),
            "--ctexpire": Option(self._ctexpire, 1, True),
            "--ctdir": Option(self._ctdir, 1, False),
        }
        for key, name in enumerate(ADDRESS_OPTIONS):
            self.options[f"--{name}"] = Option(self._address(key), 1, True)
        for key, name in enumerate(PORT_OPTIONS):
            self.options[f"--{name}"] = Option(self._port(key), 1, True)

    def _made(self, state: State) -> Conntrack:
        made: Conntrack | None = state.get("made")
        if made is None:
            made = state["made"] = Conntrack()
        return made

    def _ctstate(self, state: State, argument: str, inverted: bool) -> None:
        self._made(state).state = (_states("conntrack", argument, STATES, "ctstate"), inverted)

    def _ctproto(self, state: State, argument: str, inverted: bool) -> None:
        value = protocol(argument)
        if value == 0 and inverted:
            raise self.error("rule would never match protocol")
        self._made(state).proto = (value, inverted)

    def _ctstatus(self, state: State, argument: str, inverted: bool) -> None:
        self._made(state).status = (_states("conntrack", argument, {"NONE": 0, **STATUSES}, "ctstatus"), inverted)

    def _ctexpire(self, state: State, argument: str, inverted: bool) -> None:
        low, high = self._range("ctexpire", argument, 0xFFFFFFFF)
        self._made(state).expires = (low, high, inverted)

    def _ctdir(self, state: State, argument: str, inverted: bool) -> None:
        known = {"ORIGINAL": 0, "REPLY": 1}
        if argument.upper() not in known:
            raise self.error(f'Bad value for "--ctdir" option: "{argument}"')
        self._made(state).direction = known[argument.upper()]

    def _range(self, option: str, argument: str, top: int) -> tuple[int, int]:
        first, colon, last = argument.partition(":")
        low = number(first, 0, top) if first or not colon else 0
        high = (number(last, 0, top) if last else top) if colon else low
        if low is None or high is None:
            raise self.error(f'bad value for option "--{option}", or out of range (0-{top}).')
        if low > high:
            raise self.error(f'range "{argument}" is the wrong way round')
        return low, high

    def _address(self, key: int) -> Callable[[State, str, bool], None]:
        def take(state: State, argument: str, inverted: bool) -> None:
            from emu.iproute.iptables.rule_parser import address, dotted

            value = dotted(argument.partition("/")[0], pad=True) or 0
            self._made(state).addresses[key] = (value, address(argument)[1], inverted)

        return take

    def _port(self, key: int) -> Callable[[State, str, bool], None]:
        def take(state: State, argument: str, inverted: bool) -> None:
            low, high = self._range(PORT_OPTIONS[key], argument, 65535)
            self._made(state).ports[key] = (low, high, inverted)

        return take

    def build(self, state: State) -> Conntrack:
        made: Conntrack | None = state.get("made")
        if made is None:
            raise self.error("At least one option is required")
        return made

    def save(self, made: Conntrack) -> str:
        return self._text(made, " --", lambda inverted: " !" if inverted else "")

    def show(self, made: Conntrack, numeric: bool) -> str:
        return self._text(made, " ", lambda inverted: " !" if inverted else "")[1:]

    def _text(self, made: Conntrack, dash: str, invert: Callable[[bool], str]) -> str:
        text = ""
        if made.state is not None:
            text += f"{invert(made.state[1])}{dash}ctstate {state_text(made.state[0])}"
        if made.proto is not None:
            text += f"{invert(made.proto[1])}{dash}ctproto {made.proto[0]}"
        for key in sorted(made.addresses):
            value, mask, inverted = made.addresses[key]
            length = "" if mask == 0xFFFFFFFF else f"/{mask_text(mask)}"
            text += f"{invert(inverted)}{dash}{ADDRESS_OPTIONS[key]} {ip_text(value)}{length}"
        for key in sorted(made.ports):
            low, high, inverted = made.ports[key]
            text += f"{invert(inverted)}{dash}{PORT_OPTIONS[key]} {range_text(low, high)}"
        if made.status is not None:
            text += f"{invert(made.status[1])}{dash}ctstatus {_state_names(made.status[0], STATUSES) or 'NONE'}"
        if made.expires is not None:
            low, high, inverted = made.expires
            text += f"{invert(inverted)}{dash}ctexpire {range_text(low, high)}"
        if made.direction is not None:
            text += f"{dash}ctdir {'REPLY' if made.direction else 'ORIGINAL'}"
        return text


match(MarkExtension("mark", Mark))
match(MarkExtension("connmark", Connmark))
match(StateExtension())
match(ConntrackExtension())
