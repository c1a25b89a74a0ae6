"""comment, length, ttl, tos, dscp, pkttype, mac, iprange, addrtype and physdev."""

from __future__ import annotations

from collections.abc import Callable

from emu.iproute.iptables.errors import IptablesError
from emu.iproute.iptables.extension import Extension, Option, State, keep, match
from emu.iproute.iptables.lexer import quote
from emu.iproute.iptables.names import number, range_text
from emu.net.netfilter.match_packet import Addrtype, Comment, Dscp, Iprange, Length, Mac, Physdev, Pkttype, Tos, Ttl
from emu.wire.addr import ip_int, ip_text, mac_bytes, mac_text

MAX_COMMENT = 255


class CommentExtension(Extension):
    """-m comment."""

    name = "comment"

    def __init__(self) -> None:
        self.options = {"--comment": Option(self._comment)}

    def _comment(self, state: State, argument: str, inverted: bool) -> None:
        if len(argument.encode()) > MAX_COMMENT:
            raise self.error(f'option "--comment" must be shorter than {MAX_COMMENT + 1} bytes')
        state["comment"] = Comment(argument)

    def build(self, state: State) -> Comment:
        made: Comment = self.required(state, "comment")
        return made

    def save(self, made: Comment) -> str:
        return f" --comment {quote(made.text)}"

    def show(self, made: Comment, numeric: bool) -> str:
        return f"/* {made.text} */"


class LengthExtension(Extension):
    """-m length."""

    name = "length"

    def __init__(self) -> None:
        self.options = {"--length": Option(self._length, 1, True)}

    def _length(self, state: State, argument: str, inverted: bool) -> None:
        first, colon, last = argument.partition(":")
        low = number(first, 0, 65535) if first or not colon else 0
        high = (number(last, 0, 65535) if last else 65535) if colon else low
        if low is None or high is None or low > high:
            raise self.error(f'Bad value for "--length" option: "{argument}"')
        state["length"] = Length(low, high, inverted)

    def build(self, state: State) -> Length:
        made: Length = self.required(state, "length")
        return made

    def save(self, made: Length) -> str:
        return f"{' !' if made.invert else ''} --length {range_text(made.low, made.high)}"

    def show(self, made: Length, numeric: bool) -> str:
        return f"length {'!' if made.invert else ''}{range_text(made.low, made.high)}"


class TtlExtension(Extension):
    """-m ttl."""

    name = "ttl"
    WORDS = {"==": "--ttl-eq", "!=": "! --ttl-eq", "<": "--ttl-lt", ">": "--ttl-gt"}

    def __init__(self) -> None:
        self.options = {"--ttl-lt": Option(self._taker("<")), "--ttl-gt": Option(self._taker(">")), "--ttl-eq": Option(self._taker("=="), 1, True)}
        self.options["--ttl"] = self.options["--ttl-eq"]

    def _taker(self, compare: str) -> Callable[[State, str, bool], None]:
        def take(state: State, argument: str, inverted: bool) -> None:
            value = number(argument, 0, 255)
            if value is None:
                raise self.error(f'Bad value for "--ttl-{ {"<": "lt", ">": "gt", "==": "eq"}[compare] }" option: "{argument}"')
            state["made"] = Ttl("!=" if inverted else compare, value)

        return take

    def build(self, state: State) -> Ttl:
        made: Ttl | None = state.get("made")
        if made is None:
            raise self.error('one of "--ttl-eq", "--ttl-lt", "--ttl-gt" must be specified')
        return made

    def save(self, made: Ttl) -> str:
        return f" {self.WORDS[made.compare]} {made.value}"

    def show(self, made: Ttl, numeric: bool) -> str:
        return f"TTL match TTL {made.compare} {made.value}"


TOS_NAMES = {0x10: "Minimize-Delay", 0x08: "Maximize-Throughput", 0x04: "Maximize-Reliability", 0x02: "Minimize-Cost", 0x00: "Normal-Service"}


def tos_value(extension: Extension, option: str, text: str, default_mask: int) -> tuple[int, int]:
    """A name, or `value[/mask]`."""
    for value, name in TOS_NAMES.items():
        if name.lower() == text.lower():
            return value, 0x3F
    first, slash, last = text.partition("/")
    value_, mask = number(first, 0, 255), number(last, 0, 255) if slash else default_mask
    if value_ is None or mask is None:
        raise extension.error(f'Bad value for "--{option}" option: "{text}"')
    return value_, mask


class TosExtension(Extension):
    """-m tos."""

    name = "tos"

    def __init__(self) -> None:
        self.options = {"--tos": Option(self._tos, 1, True)}

    def _tos(self, state: State, argument: str, inverted: bool) -> None:
        value, mask = tos_value(self, "tos", argument, 0xFF)
        state["tos"] = Tos(value, mask, inverted)

    def build(self, state: State) -> Tos:
        made: Tos = self.required(state, "tos")
        return made

    def save(self, made: Tos) -> str:
        return f"{' !' if made.invert else ''} --tos 0x{made.value:02x}/0x{made.mask:02x}"

    def show(self, made: Tos, numeric: bool) -> str:
        if not numeric and made.mask == 0x3F and made.value in TOS_NAMES:
            return f"tos match{'!' if made.invert else ''} {TOS_NAMES[made.value]}"
        return f"tos match{'!' if made.invert else ''}0x{made.value:02x}/0x{made.mask:02x}"


DSCP_CLASSES = {
    "CS0": 0, "BE": 0, "CS1": 8, "CS2": 16, "CS3": 24, "CS4": 32, "CS5": 40, "CS6": 48, "CS7": 56, "AF11": 10, "AF12": 12, "AF13": 14, "AF21": 18,
    "AF22": 20, "AF23": 22, "AF31": 26, "AF32": 28, "AF33": 30, "AF41": 34, "AF42": 36, "AF43": 38, "EF": 46,
}  # fmt: skip


class DscpExtension(Extension):
    """-m dscp."""

    name = "dscp"

    def __init__(self) -> None:
        self.options = {"--dscp": Option(self._dscp, 1, True), "--dscp-class": Option(self._class, 1, True)}

    def _dscp(self, state: State, argument: str, inverted: bool) -> None:
        value = number(argument, 0, 63)
        if value is None:
            raise self.error(f'bad value for option "--dscp", or out of range (0-63): "{argument}"')
        state["dscp"] = Dscp(value, inverted)

    def _class(self, state: State, argument: str, inverted: bool) -> None:
        state["dscp"] = Dscp(dscp_class(argument), inverted)

    def build(self, state: State) -> Dscp:
        made: Dscp = self.required(state, "dscp")
        return made

    def save(self, made: Dscp) -> str:
        return f"{' !' if made.invert else ''} --dscp 0x{made.value:02x}"

    def show(self, made: Dscp, numeric: bool) -> str:
        return f"DSCP match {'!' if made.invert else ''}0x{made.value:02x}"


def dscp_class(name: str) -> int:
    """The value of a DiffServ class."""
    value = DSCP_CLASSES.get(name.upper())
    if value is None:
        raise IptablesError(f"Invalid DSCP value `{name}'")
    return value


PKTTYPES = {"unicast": 0, "broadcast": 1, "multicast": 2}


class PkttypeExtension(Extension):
    """-m pkttype."""

    name = "pkttype"

    def __init__(self) -> None:
        self.options = {"--pkt-type": Option(self._type, 1, True)}

    def _type(self, state: State, argument: str, inverted: bool) -> None:
        kinds = {**PKTTYPES, "bcast": 1, "mcast": 2, "host": 0}
        if argument.lower() not in kinds:
            raise IptablesError(f"Bad packet type '{argument}'")
        state["pkt-type"] = Pkttype(kinds[argument.lower()], inverted)

    def build(self, state: State) -> Pkttype:
        made: Pkttype = self.required(state, "pkt-type")
        return made

    def save(self, made: Pkttype) -> str:
        return f"{' !' if made.invert else ''} --pkt-type {list(PKTTYPES)[made.kind]}"

    def show(self, made: Pkttype, numeric: bool) -> str:
        return f"PKTTYPE {'!= ' if made.invert else '= '}{list(PKTTYPES)[made.kind]}"


class MacExtension(Extension):
    """-m mac."""

    name = "mac"

    def __init__(self) -> None:
        self.options = {"--mac-source": Option(self._source, 1, True)}

    def _source(self, state: State, argument: str, inverted: bool) -> None:
        try:
            state["mac-source"] = Mac(mac_bytes(argument), inverted)
        except ValueError:
            raise self.error(f'Bad value for "--mac-source" option: "{argument}"') from None

    def build(self, state: State) -> Mac:
        made: Mac = self.required(state, "mac-source")
        return made

    def save(self, made: Mac) -> str:
        return f"{' !' if made.invert else ''} --mac-source {mac_text(made.address)}"

    def show(self, made: Mac, numeric: bool) -> str:
        return f"MAC{' !' if made.invert else ''} {mac_text(made.address)}"


class IprangeExtension(Extension):
    """-m iprange."""

    name = "iprange"

    def __init__(self) -> None:
        self.options = {"--src-range": Option(self._taker("source"), 1, True), "--dst-range": Option(self._taker("destination"), 1, True)}

    def _taker(self, side: str) -> Callable[[State, str, bool], None]:
        def take(state: State, argument: str, inverted: bool) -> None:
            first, dash, last = argument.partition("-")
            try:
                low = ip_int(first)
                high = ip_int(last) if dash else low
            except ValueError:
                raise self.error(f'Bad value for "--{side[:3].replace("sou", "src").replace("des", "dst")}-range" option: "{argument}"') from None
            setattr(state.setdefault("made", Iprange()), side, (low, high, inverted))

        return take

    def build(self, state: State) -> Iprange:
        made: Iprange | None = state.get("made")
        if made is None:
            raise self.error('You must specify `--src-range\' or `--dst-range\'')
        return made

    def save(self, made: Iprange) -> str:
        text = ""
        for option, span in (("src-range", made.source), ("dst-range", made.destination)):
            if span is not None:
                text += f"{' !' if span[2] else ''} --{option} {ip_text(span[0])}-{ip_text(span[1])}"
        return text

    def show(self, made: Iprange, numeric: bool) -> str:
        text = []
        for option, span in (("source IP range", made.source), ("destination IP range", made.destination)):
            if span is not None:
                text.append(f"{option}{' !' if span[2] else ''} {ip_text(span[0])}-{ip_text(span[1])}")
        return " ".join(text)


RTN = ("UNSPEC", "UNICAST", "LOCAL", "BROADCAST", "ANYCAST", "MULTICAST", "BLACKHOLE", "UNREACHABLE", "PROHIBIT", "THROW", "NAT", "XRESOLVE")


class AddrtypeExtension(Extension):
    """-m addrtype."""

    name = "addrtype"

    def __init__(self) -> None:
        self.options = {
            "--src-type": Option(self._taker("sources", "invert_source"), 1, True),
            "--dst-type": Option(self._taker("destinations", "invert_destination"), 1, True),
            "--limit-iface-in": Option(self._limiter("in"), 0),
            "--limit-iface-out": Option(self._limiter("out"), 0),
        }

    def _taker(self, types: str, invert: str) -> Callable[[State, str, bool], None]:
        def take(state: State, argument: str, inverted: bool) -> None:
            value = 0
            for name in argument.split(","):
                if name.upper() not in RTN:
                    raise IptablesError(f"addrtype: bad type `{name}'")
                value |= 1 << RTN.index(name.upper())
            made = state.setdefault("made", Addrtype())
            setattr(made, types, value)
            setattr(made, invert, inverted)

        return take

    def _limiter(self, side: str) -> Callable[[State, str, bool], None]:
        def take(state: State, argument: str, inverted: bool) -> None:
            made = state.setdefault("made", Addrtype())
            if made.limit and made.limit != side:
                raise self.error("you can't specify both --limit-iface-in and --limit-iface-out")
            made.limit = side

        return take

    def build(self, state: State) -> Addrtype:
        made: Addrtype | None = state.get("made")
        if made is None or not (made.sources or made.destinations):
            raise self.error("you must specify --src-type or --dst-type")
        return made

    def save(self, made: Addrtype) -> str:
        text = ""
        for option, types, inverted in (("src-type", made.sources, made.invert_source), ("dst-type", made.destinations, made.invert_destination)):
            if types:
                text += f"{' !' if inverted else ''} --{option} {_types(types)}"
        return text + (f" --limit-iface-{made.limit}" if made.limit else "")

    def show(self, made: Addrtype, numeric: bool) -> str:
        text = "ADDRTYPE match"
        for option, types, inverted in (("src-type", made.sources, made.invert_source), ("dst-type", made.destinations, made.invert_destination)):
            if types:
                text += f" {option} {'!' if inverted else ''}{_types(types)}"
        return text + (f" limit-{made.limit}" if made.limit else "")


def _types(types: int) -> str:
    return ",".join(name for bit, name in enumerate(RTN) if types >> bit & 1)


class PhysdevExtension(Extension):
    """-m physdev."""

    name = "physdev"

    def __init__(self) -> None:
        self.options = {
            "--physdev-in": Option(keep("in"), 1, True),
            "--physdev-out": Option(keep("out"), 1, True),
            "--physdev-is-in": Option(keep("is_in"), 0, True),
            "--physdev-is-out": Option(keep("is_out"), 0, True),
            "--physdev-is-bridged": Option(keep("is_bridged"), 0, True),
        }

    def build(self, state: State) -> Physdev:
        from emu.iproute.iptables.rule_parser import interface

        made = Physdev()
        if "in" in state:
            made.indev, made.invert_in = interface(state["in"][0]), state["in"][1]
        if "out" in state:
            made.outdev, made.invert_out = interface(state["out"][0]), state["out"][1]
        for name in ("is_in", "is_out", "is_bridged"):
            if name in state:
                setattr(made, name, not state[name][1])
        if not any(name in state for name in ("in", "out", "is_in", "is_out", "is_bridged")):
            raise IptablesError("PHYSDEV: no physdev option specified")
        return made

    def save(self, made: Physdev) -> str:
        text = f"{' !' if made.is_in is False else ''} --physdev-is-in" if made.is_in is not None else ""
        if made.indev:
            text += f"{' !' if made.invert_in else ''} --physdev-in {made.indev}"
        if made.is_out is not None:
            text += f"{' !' if made.is_out is False else ''} --physdev-is-out"
        if made.outdev:
            text += f"{' !' if made.invert_out else ''} --physdev-out {made.outdev}"
        if made.is_bridged is not None:
            text += f"{' !' if made.is_bridged is False else ''} --physdev-is-bridged"
        return text

    def show(self, made: Physdev, numeric: bool) -> str:
        return "PHYSDEV match" + self.save(made)


match(CommentExtension())
match(LengthExtension())
match(TtlExtension())
match(TosExtension())
match(DscpExtension())
match(PkttypeExtension())
match(MacExtension())
match(IprangeExtension())
match(AddrtypeExtension())
match(PhysdevExtension())
