"""statistic and recent."""

from __future__ import annotations

from emu.iproute.iptables.errors import IptablesError
from emu.iproute.iptables.extension import Extension, Option, State, flag, keep, match
from emu.iproute.iptables.names import number
from emu.net.netfilter.match_random import Nth, Random
from emu.net.netfilter.match_recent import CHECK, REMOVE, SET, UPDATE, Recent
from emu.wire.addr import ip_int, ip_text


class StatisticExtension(Extension):
    """-m statistic."""

    name = "statistic"

    def __init__(self) -> None:
        self.options = {
            "--mode": Option(keep("mode")),
            "--probability": Option(keep("probability"), 1, True),
            "--every": Option(keep("every"), 1, True),
            "--packet": Option(keep("packet")),
        }

    def build(self, state: State) -> Random | Nth:
        mode = self.required(state, "mode")[0]
        if mode == "random":
            if "every" in state or "packet" in state:
                raise self.error("--every and --packet are for mode nth")
            if "probability" not in state:
                raise IptablesError("--probability must be specified when using random mode")
            text, inverted = state["probability"]
            try:
                value = float(text)
            except ValueError:
                value = -1.0
            if not 0 <= value <= 1:
                raise self.error('bad value for option "--probability", or out of range (0-1).')
            return Random(round_half_away(value * 0x80000000), inverted)
        if mode == "nth":
            if "probability" in state:
                raise self.error("--probability is for mode random")
            if "every" not in state and "packet" not in state:
                raise IptablesError("--every and --packet must be specified when using nth mode")
            for option, other in (("every", "packet"), ("packet", "every")):
                if other not in state:
                    raise self.error(f'option "--{option}" also requires "--{other}".')
            text, inverted = state["every"]
            every = number(text, 1, 0xFFFFFFFF)
            packet = number(state["packet"][0], 0, 0xFFFFFFFF)
            if every is None or packet is None:
                raise self.error(f'bad integer value for option "--{"every" if every is None else "packet"}", or out of range.')
            if packet >= every:
                raise IptablesError("the --packet p must be 0 <= p <= n-1")
            return Nth(every, packet, inverted)
        raise IptablesError(f'Bad mode "{mode}"')

    def save(self, made: Random | Nth) -> str:
        mark = " !" if made.invert else ""
        if isinstance(made, Random):
            return f" --mode random{mark} --probability {made.probability / 0x80000000:.11f}"
        return f" --mode nth{mark} --every {made.every} --packet {made.packet}"

    def show(self, made: Random | Nth, numeric: bool) -> str:
        mark = " !" if made.invert else ""
        if isinstance(made, Random):
            return f"statistic mode random{mark} probability {made.probability / 0x80000000:.11f}"
        return f"statistic mode nth{mark} every {made.every}" + (f" packet {made.packet}" if made.packet else "")


def round_half_away(value: float) -> int:
    """lround()."""
    return int(value + 0.5)


class RecentExtension(Extension):
    """-m recent."""

    name = "recent"

    def __init__(self) -> None:
        self.options = {f"--{what}": Option(self._taker(what), 0, True, False) for what in (SET, CHECK, UPDATE, REMOVE)}
        self.options |= {
            "--seconds": Option(keep("seconds")),
            "--hitcount": Option(keep("hitcount")),
            "--reap": flag("reap"),
            "--rttl": flag("rttl"),
            "--name": Option(keep("name")),
            "--mask": Option(keep("mask")),
            "--rsource": flag("side", "source"),
            "--rdest": flag("side", "destination"),
        }

    def _taker(self, what: str):  # type: ignore[no-untyped-def]
        def take(state: State, argument: str, inverted: bool) -> None:
            if "what" in state:
                raise IptablesError("recent: only one of `--set' `--rcheck' `--update' or `--remove' may be set")
            state["what"] = (what, inverted)

        return take

    def build(self, state: State) -> Recent:
        if "what" not in state:
            raise IptablesError("recent: you must specify one of `--set' `--rcheck' `--update' or `--remove'")
        name = state["name"][0] if "name" in state else "DEFAULT"
        if not 0 < len(name) < 200 or "/" in name or name.split() != [name]:
            raise self.error(f'bad name "{name}"')
        made = Recent(state["what"][0], name)
        made.invert = state["what"][1]
        checking = made.what in (CHECK, UPDATE)
        for option, key, low in (("seconds", "seconds", 1), ("hitcount", "hitcount", 0)):
            if key in state:
                value = number(state[key][0], low, 0xFFFFFFFF)
                if value is None:
                    raise self.error(f'bad integer value for option "--{option}", or out of range.')
                if not checking:
                    raise IptablesError(f"RULE_APPEND failed (Invalid argument): recent: --{option} goes with --rcheck or --update only", 4)
                setattr(made, key, value)
        if made.hitcount > 65535:
            raise IptablesError(f"RULE_APPEND failed (Invalid argument): recent: --hitcount {made.hitcount} is over 65535", 4)
        if state.get("reap"):
            if not made.seconds:
                raise self.error('option "--reap" also requires "--seconds".')
            made.reap = True
        if state.get("rttl"):
            if not checking:
                raise self.error("--rttl can only be used with --rcheck or --update")
            made.rttl = True
        if "mask" in state:
            try:
                made.mask = ip_int(state["mask"][0])
            except ValueError:
                raise self.error(f'Bad value for "--mask" option: "{state["mask"][0]}"') from None
        made.destination = state.get("side") == "destination"
        return made

    def save(self, made: Recent) -> str:
        side = "rdest" if made.destination else "rsource"
        return f"{' !' if made.invert else ''} --{made.what}{self._text(made, ' --')} --mask {ip_text(made.mask)} --{side}"

    def show(self, made: Recent, numeric: bool) -> str:
        verb = {SET: "SET", CHECK: "CHECK", UPDATE: "UPDATE", REMOVE: "REMOVE"}[made.what]
        side = "dest" if made.destination else "source"
        return f"{'! ' if made.invert else ''}recent: {verb}" + self._text(made, " ", ": ") + f" side: {side} mask: {ip_text(made.mask)}"

    def _text(self, made: Recent, dash: str, colon: str = " ") -> str:
        text = ""
        if made.seconds:
            text += f"{dash}seconds{colon}{made.seconds}"
        if made.reap:
            text += f"{dash}reap"
        if made.hitcount:
            text += f"{dash}{'hit_count' if colon != ' ' else 'hitcount'}{colon}{made.hitcount}"
        if made.rttl:
            text += f"{dash}{'TTL-Match' if colon != ' ' else 'rttl'}"
        return text + f"{dash}name{colon}{made.list_name}"


match(StatisticExtension())
match(RecentExtension())
