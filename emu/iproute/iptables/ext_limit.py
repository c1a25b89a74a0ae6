"""limit and hashlimit."""

from __future__ import annotations

from emu.iproute.iptables.errors import IptablesError
from emu.iproute.iptables.extension import Extension, Option, State, keep, match
from emu.iproute.iptables.names import number
from emu.net.netfilter.match_random import Hashlimit, Limit

UNITS = {"day": 86400, "hour": 3600, "minute": 60, "second": 1}
SCALE = 10000


class LimitExtension(Extension):
    """-m limit."""

    name = "limit"

    def __init__(self) -> None:
        self.options = {"--limit": Option(keep("limit")), "--limit-burst": Option(keep("burst"))}

    def build(self, state: State) -> Limit:
        average = SCALE * 3600 // 3
        if "limit" in state:
            average = rate(state["limit"][0])
        burst = 5
        if "burst" in state:
            value = number(state["burst"][0], 0, 10000)
            if value is None:
                raise self.error(f'bad integer value for option "--limit-burst", or out of range (0-10000): "{state["burst"][0]}"')
            burst = value or burst
        return Limit(average, burst)

    def save(self, made: Limit) -> str:
        return f" --limit {rate_text(made.average)}" + (f" --limit-burst {made.burst}" if made.burst != 5 else "")

    def show(self, made: Limit, numeric: bool) -> str:
        return f"limit: avg {rate_text(made.average)} burst {made.burst}"


def rate(text: str, scale: int = SCALE) -> int:
    """`5/min` as the time between packets in parts of a second, `scale` of them."""
    count, slash, unit = text.partition("/")
    seconds = 1
    if slash:
        found = [value for name, value in UNITS.items() if unit and name.startswith(unit.lower())]
        if not found:
            raise IptablesError(f"bad rate \"{text}\"'")
        seconds = found[-1] if unit.lower() == "s" else found[0]
    value = number(count, 0, 0xFFFFFFFF)
    if not value:
        raise IptablesError(f"bad rate \"{text}\"'")
    if value // seconds > scale or scale * seconds // value == 0:
        raise IptablesError(f"Rate too fast `{text}'")
    return scale * seconds // value


def rate_text(average: int, scale: int = SCALE) -> str:
    """The time between packets as a rate, in the smallest unit that divides it well (print_rate)."""
    best = ("day", 86400)
    for name, seconds in (("hour", 3600), ("min", 60), ("sec", 1)):
        span = scale * seconds
        if average > span or span // average < span % average:
            break
        best = (name, seconds)
    return f"{scale * best[1] // average}/{best[0]}"


HASH_SCALE = 1_000_000
MODES = ("srcip", "srcport", "dstip", "dstport")
TABLE_OPTIONS = ("htable-size", "htable-max", "htable-gcinterval", "htable-expire")


class HashlimitExtension(Extension):
    """-m hashlimit, by packets."""

    name = "hashlimit"

    def __init__(self) -> None:
        self.options = {
            "--hashlimit-upto": Option(keep("rate"), 1, True),
            "--hashlimit": Option(keep("rate"), 1, True),
            "--hashlimit-above": Option(keep("above"), 1, True),
            "--hashlimit-burst": Option(keep("burst")),
            "--hashlimit-mode": Option(keep("mode")),
            "--hashlimit-name": Option(keep("name")),
            "--hashlimit-srcmask": Option(keep("srcmask")),
            "--hashlimit-dstmask": Option(keep("dstmask")),
        }
        self.options |= {f"--hashlimit-{name}": Option(keep(name)) for name in TABLE_OPTIONS}

    def build(self, state: State) -> Hashlimit:
        if ("rate" in state) == ("above" in state):
            raise self.error('one of "--hashlimit-upto" and "--hashlimit-above" must be specified')
        text, inverted = state.get("rate") or state["above"]
        name = self.required(state, "hashlimit-name", "name")[0]
        if not 0 < len(name) < 255 or "/" in name or name.split() != [name]:
            raise self.error(f'bad name "{name}"')
        made = Hashlimit(name, rate(text, HASH_SCALE), self._number(state, "burst", 1, 10000, 5), ("above" in state) != inverted)
        if "mode" in state:
            words = state["mode"][0].split(",")
            for word in words:
                if word not in MODES:
                    raise self.error(f'Bad value for "--hashlimit-mode" option: "{word}"')
            made.mode = tuple(word for word in MODES if word in words)
        made.srcmask = self._number(state, "srcmask", 0, 32, 32)
        made.dstmask = self._number(state, "dstmask", 0, 32, 32)
        made.table_options = tuple((option, self._number(state, option, 1, 0xFFFFFFFF, 0)) for option in TABLE_OPTIONS if option in state)
        given = dict(made.table_options)
        made.expire = given.get("htable-expire", made.expire)
        made.maximum = given.get("htable-max", made.maximum)
        return made

    def _number(self, state: State, option: str, low: int, high: int, default: int) -> int:
        if option not in state:
            return default
        value = number(state[option][0], low, high)
        if value is None:
            raise self.error(f'bad value for option "--hashlimit-{option}", or out of range ({low}-{high}): "{state[option][0]}"')
        return value

    def save(self, made: Hashlimit) -> str:
        text = f" --hashlimit-{'above' if made.above else 'upto'} {rate_text(made.average, HASH_SCALE)} --hashlimit-burst {made.burst}"
        if made.mode:
            text += f" --hashlimit-mode {','.join(made.mode)}"
        text += f" --hashlimit-name {made.list_name}" + "".join(f" --hashlimit-{option} {value}" for option, value in made.table_options)
        text += f" --hashlimit-srcmask {made.srcmask}" if made.srcmask != 32 else ""
        return text + (f" --hashlimit-dstmask {made.dstmask}" if made.dstmask != 32 else "")

    def show(self, made: Hashlimit, numeric: bool) -> str:
        text = f"limit: {'above' if made.above else 'up to'} {rate_text(made.average, HASH_SCALE)} burst {made.burst}"
        text += f" mode {'-'.join(made.mode)}" if made.mode else ""
        text += "".join(f" {option} {value}" for option, value in made.table_options)
        text += f" srcmask {made.srcmask}" if made.srcmask != 32 else ""
        return text + (f" dstmask {made.dstmask}" if made.dstmask != 32 else "")


match(LimitExtension())
match(HashlimitExtension())
