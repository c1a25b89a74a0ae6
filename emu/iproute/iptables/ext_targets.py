"""REJECT, LOG, MARK, CONNMARK, CT and NOTRACK."""

from __future__ import annotations

from collections.abc import Callable

from emu.iproute.iptables.errors import IptablesError
from emu.iproute.iptables.extension import Extension, Option, State, flag, target
from emu.iproute.iptables.lexer import quote
from emu.iproute.iptables.names import number, value_mask
from emu.net.netfilter import target_log
from emu.net.netfilter.rule import Rule
from emu.net.netfilter.target_log import Log
from emu.net.netfilter.target_mark import Notrack, SetConnmark, SetMark
from emu.net.netfilter.target_reject import TCP_RESET, Reject

ALL = 0xFFFFFFFF
# name, short name, code
REJECTS = (
    ("icmp-net-unreachable", "net-unreach", 0), ("icmp-host-unreachable", "host-unreach", 1), ("icmp-proto-unreachable", "proto-unreach", 2),
    ("icmp-port-unreachable", "port-unreach", 3), ("icmp-net-prohibited", "net-prohib", 9), ("icmp-host-prohibited", "host-prohib", 10),
    ("tcp-reset", "tcp-rst", TCP_RESET), ("icmp-admin-prohibited", "admin-prohib", 13),
)  # fmt: skip
REJECT_NAMES = {code: name for name, _, code in REJECTS}


class RejectExtension(Extension):
    """-j REJECT."""

    name = "REJECT"

    def __init__(self) -> None:
        self.options = {"--reject-with": Option(self._with)}

    def _with(self, state: State, argument: str, inverted: bool) -> None:
        for name, short, code in REJECTS:
            if argument and (name.startswith(argument) or short.startswith(argument)):
                state["made"] = Reject(code)
                return
        raise IptablesError(f'unknown reject type "{argument}"')

    def build(self, state: State) -> Reject:
        made: Reject = state.get("made") or Reject(3)
        rule: Rule = state["rule"]
        if made.code == TCP_RESET and (rule.proto != 6 or rule.flags & Rule.INV_PROTO):
            raise IptablesError("RULE_APPEND failed (Invalid argument): REJECT --reject-with tcp-reset needs -p tcp", 4)
        return made

    def save(self, made: Reject) -> str:
        return f" --reject-with {REJECT_NAMES[made.code]}"

    def show(self, made: Reject, numeric: bool) -> str:
        return f"reject-with {REJECT_NAMES[made.code]}"


LEVELS = ("emerg", "alert", "crit", "error", "warn", "notice", "info", "debug")
LOG_OPTIONS = (("log-tcp-sequence", target_log.TCP_SEQ), ("log-tcp-options", target_log.TCP_OPTIONS), ("log-ip-options", target_log.IP_OPTIONS),
               ("log-uid", target_log.UID), ("log-macdecode", target_log.MAC_DECODE))  # fmt: skip


MAX_PREFIX = 29


class LogExtension(Extension):
    """-j LOG."""

    name = "LOG"

    def __init__(self) -> None:
        self.options = {"--log-level": Option(self._level), "--log-prefix": Option(self._prefix)}
        self.options |= {f"--{name}": flag(name) for name, _ in LOG_OPTIONS}

    def _level(self, state: State, argument: str, inverted: bool) -> None:
        known = {"panic": 0, "warning": 4, **{name: level for level, name in enumerate(LEVELS) if name != "warn"}}
        level = number(argument, 0, 7)
        state["level"] = level if level is not None else known.get(argument.lower())
        if state["level"] is None:
            raise IptablesError(f'log level "{argument}" unknown')

    def _prefix(self, state: State, argument: str, inverted: bool) -> None:
        if len(argument.encode()) > 127:
            raise self.error('option "--log-prefix" is too long (at most 127 characters)')
        if "\n" in argument:
            raise self.error("Newlines not allowed in --log-prefix")
        state["prefix"] = argument.encode()[:MAX_PREFIX].decode(errors="ignore")

    def build(self, state: State) -> Log:
        flags = sum(bit for name, bit in LOG_OPTIONS if state.get(name))
        return Log(state.get("level", 4), state.get("prefix", ""), flags)

    def save(self, made: Log) -> str:
        text = f" --log-prefix {quote(made.prefix)}" if made.prefix else ""
        if made.level != 4:
            text += f" --log-level {made.level}"
        return text + "".join(f" --{name}" for name, bit in LOG_OPTIONS if made.flags & bit)

    def show(self, made: Log, numeric: bool) -> str:
        text = f"LOG flags {made.flags} level {made.level}" if numeric else f"LOG level {LEVELS[made.level]}"
        if not numeric:
            text = text.replace("error", "err")
            text += "".join(f" {name.removeprefix('log-')}" for name, bit in LOG_OPTIONS if made.flags & bit)
        return text + (f' prefix "{made.prefix}"' if made.prefix else "")


class MarkTarget(Extension):
    """-j MARK."""

    name = "MARK"

    def __init__(self) -> None:
        self.options = {f"--{name}": Option(self._taker(name), 1, False, False) for name in ("set-mark", "set-xmark", "and-mark", "or-mark", "xor-mark")}

    def _taker(self, how: str) -> Callable[[State, str, bool], None]:
        def take(state: State, argument: str, inverted: bool) -> None:
            if "made" in state:
                raise IptablesError("MARK: Only one option may be specified")
            if how in ("set-mark", "set-xmark"):
                value, mask = value_mask("MARK", how, argument)
                state["made"] = SetMark(value, mask | value if how == "set-mark" else mask)
                return
            bits = number(argument, 0, ALL)
            if bits is None:
                raise self.error(f'bad integer value for option "--{how}", or out of range.')
            state["made"] = {"and-mark": SetMark(0, ~bits & ALL), "or-mark": SetMark(bits, bits), "xor-mark": SetMark(bits, 0)}[how]

        return take

    def build(self, state: State) -> SetMark:
        made: SetMark | None = state.get("made")
        if made is None:
            raise IptablesError("MARK: One of the --set-xmark, --{and,or,xor,set}-mark options is required")
        return made

    def save(self, made: SetMark) -> str:
        return f" --set-xmark 0x{made.value:x}/0x{made.mask:x}"

    def show(self, made: SetMark, numeric: bool) -> str:
        if made.value == 0:
            return f"MARK and 0x{~made.mask & ALL:x}"
        if made.value == made.mask:
            return f"MARK or 0x{made.value:x}"
        if made.mask == 0:
            return f"MARK xor 0x{made.value:x}"
        if made.mask == ALL:
            return f"MARK set 0x{made.value:x}"
        return f"MARK xset 0x{made.value:x}/0x{made.mask:x}"


class ConnmarkTarget(Extension):
    """-j CONNMARK."""

    name = "CONNMARK"

    def __init__(self) -> None:
        self.options = {f"--{name}": Option(self._setter(name), 1) for name in ("set-mark", "set-xmark", "and-mark", "or-mark", "xor-mark")}
        self.options |= {
            "--save-mark": Option(self._mode("save"), 0),
            "--restore-mark": Option(self._mode("restore"), 0),
            "--nfmask": Option(self._mask("nfmask")),
            "--ctmask": Option(self._mask("ctmask")),
            "--mask": Option(self._mask("mask")),
        }

    def _setter(self, how: str) -> Callable[[State, str, bool], None]:
        def take(state: State, argument: str, inverted: bool) -> None:
            self._only(state)
            if how in ("set-mark", "set-xmark"):
                value, mask = value_mask("CONNMARK", how, argument)
                state["made"] = SetConnmark("set", value, mask | value if how == "set-mark" else mask)
                return
            bits = number(argument, 0, ALL)
            if bits is None:
                raise self.error(f'bad integer value for option "--{how}", or out of range.')
            value, mask = {"and-mark": (0, ~bits & ALL), "or-mark": (bits, bits), "xor-mark": (bits, 0)}[how]
            state["made"] = SetConnmark("set", value, mask)

        return take

    def _only(self, state: State) -> None:
        if "made" in state:
            raise IptablesError("CONNMARK: Only one operation may be specified")

    def _mode(self, mode: str) -> Callable[[State, str, bool], None]:
        def take(state: State, argument: str, inverted: bool) -> None:
            self._only(state)
            state["made"] = SetConnmark(mode)

        return take

    def _mask(self, key: str) -> Callable[[State, str, bool], None]:
        def take(state: State, argument: str, inverted: bool) -> None:
            value = number(argument, 0, ALL)
            if value is None:
                raise self.error(f'bad integer value for option "--{key}", or out of range.')
            if key != "ctmask":
                state["nfmask"] = value
            if key != "nfmask":
                state["ctmask"] = value

        return take

    def build(self, state: State) -> SetConnmark:
        made: SetConnmark | None = state.get("made")
        if made is None:
            raise IptablesError("CONNMARK target: No operation specified")
        if made.mode != "set":
            made.nfmask = state.get("nfmask", ALL)
            made.ctmask = state.get("ctmask", ALL)
        elif "nfmask" in state or "ctmask" in state:
            raise self.error("masks of their own are for --save-mark and --restore-mark")
        return made

    def save(self, made: SetConnmark) -> str:
        if made.mode == "set":
            return f" --set-xmark 0x{made.ctmark:x}/0x{made.ctmask:x}"
        return f" --{made.mode}-mark --nfmask 0x{made.nfmask:x} --ctmask 0x{made.ctmask:x}"

    def show(self, made: SetConnmark, numeric: bool) -> str:
        if made.mode == "set":
            if made.ctmark == 0:
                return f"CONNMARK and 0x{~made.ctmask & ALL:x}"
            if made.ctmark == made.ctmask:
                return f"CONNMARK or 0x{made.ctmark:x}"
            if made.ctmask == 0:
                return f"CONNMARK xor 0x{made.ctmark:x}"
            if made.ctmask == ALL:
                return f"CONNMARK set 0x{made.ctmark:x}"
            return f"CONNMARK xset 0x{made.ctmark:x}/0x{made.ctmask:x}"
        if made.nfmask == ALL and made.ctmask == ALL:
            return f"CONNMARK {made.mode}"
        if made.nfmask == made.ctmask:
            return f"CONNMARK {made.mode} mask 0x{made.ctmask:x}"
        if made.mode == "save":
            return f"CONNMARK save nfmask 0x{made.nfmask:x} ctmask ~0x{made.ctmask:x}"
        return f"CONNMARK restore ctmask 0x{made.ctmask:x} nfmask ~0x{made.nfmask:x}"


class CtTarget(Extension):
    """-j CT --notrack."""

    name = "CT"

    def __init__(self) -> None:
        self.options = {"--notrack": flag("notrack")}
        self.options |= {f"--{name}": Option(self._refuse(name)) for name in ("zone", "zone-orig", "zone-reply", "helper", "timeout", "ctevents", "expevents")}

    def _refuse(self, name: str) -> Callable[[State, str, bool], None]:
        def take(state: State, argument: str, inverted: bool) -> None:
            raise self.error(f"--{name} is not supported here")

        return take

    def build(self, state: State) -> Notrack:
        if not state.get("notrack"):
            raise self.error("--notrack is the one thing that is supported here")
        return Notrack("CT")

    def save(self, made: Notrack) -> str:
        return " --notrack"

    def show(self, made: Notrack, numeric: bool) -> str:
        return "CT notrack"


class NotrackTarget(Extension):
    """-j NOTRACK, the older name."""

    name = "NOTRACK"

    def build(self, state: State) -> Notrack:
        return Notrack("NOTRACK")

    def save(self, made: Notrack) -> str:
        return ""

    def show(self, made: Notrack, numeric: bool) -> str:
        return "NOTRACK"


target(RejectExtension())
target(LogExtension())
target(MarkTarget())
target(ConnmarkTarget())
target(CtTarget())
target(NotrackTarget())
