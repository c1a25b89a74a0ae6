"""tcp, udp, sctp, multiport and icmp."""

from __future__ import annotations

from emu.iproute.iptables.errors import IptablesError
from emu.iproute.iptables.extension import Extension, Option, State, match
from emu.iproute.iptables.names import SERVICE_NAMES, number, port, port_range, range_text
from emu.net.netfilter.match_ports import ANY_PORT, Icmp, Multiport, Ports
from emu.net.netfilter.rule import Rule

FLAGS = {"FIN": 1, "SYN": 2, "RST": 4, "PSH": 8, "ACK": 16, "URG": 32}
SYN_FLAGS = (0x17, 0x02)


def _made(state: State, name: str) -> Ports:
    made: Ports | None = state.get("made")
    if made is None:
        made = state["made"] = Ports(name)
    return made


class PortsExtension(Extension):
    """-m tcp, udp and sctp have their ports in common."""

    def __init__(self, name: str, protocol: int) -> None:
        self.name = name
        self.protocol = protocol
        sport, dport = Option(self._sport, 1, True), Option(self._dport, 1, True)
        self.options = {"--sport": sport, "--source-port": sport, "--dport": dport, "--destination-port": dport}
        if name == "tcp":
            self.options |= {
                "--tcp-flags": Option(self._flags, 2, True),
                "--syn": Option(self._syn, 0, True),
                "--tcp-option": Option(self._option, 1, True),
            }

    def _sport(self, state: State, argument: str, inverted: bool) -> None:
        made = _made(state, self.name)
        made.sports = port_range(argument)
        made.invert |= Ports.SRC if inverted else 0

    def _dport(self, state: State, argument: str, inverted: bool) -> None:
        made = _made(state, self.name)
        made.dports = port_range(argument)
        made.invert |= Ports.DST if inverted else 0

    def _flags(self, state: State, argument: str, inverted: bool) -> None:
        made = _made(state, self.name)
        if made.flags is not None:
            raise IptablesError("Only one of `--syn' or `--tcp-flags'  allowed")
        mask, wanted = state["words"]
        made.flags = (_flag_bits(mask), _flag_bits(wanted))
        made.invert |= Ports.FLAGS if inverted else 0

    def _syn(self, state: State, argument: str, inverted: bool) -> None:
        made = _made(state, self.name)
        if made.flags is not None:
            raise IptablesError("Only one of `--syn' or `--tcp-flags'  allowed")
        made.flags = SYN_FLAGS
        made.invert |= Ports.FLAGS if inverted else 0

    def _option(self, state: State, argument: str, inverted: bool) -> None:
        value = number(argument, 1, 255)
        if value is None:
            raise IptablesError(f"Bad TCP option `{argument}'")
        made = _made(state, self.name)
        made.option = value
        made.invert |= Ports.OPTION if inverted else 0

    def build(self, state: State) -> Ports | None:
        made = _made(state, self.name)
        for ports, bit in ((made.sports, Ports.SRC), (made.dports, Ports.DST)):
            if ports == ANY_PORT and made.invert & bit:
                # Nothing is outside of all ports; nftables keeps no condition for it.
                made.invert &= ~bit
                if made.sports == made.dports == ANY_PORT and made.flags is None and not made.option:
                    return None
        return made

    def save(self, made: Ports) -> str:
        text = ""
        for option, ports, bit in (("sport", made.sports, Ports.SRC), ("dport", made.dports, Ports.DST)):
            if ports != ANY_PORT or made.invert & bit:
                text += f"{' !' if made.invert & bit else ''} --{option} {range_text(*ports)}"
        if made.option:
            text += f"{' !' if made.invert & Ports.OPTION else ''} --tcp-option {made.option}"
        if made.flags is not None:
            text += f"{' !' if made.invert & Ports.FLAGS else ''} --tcp-flags {_flag_names(made.flags[0])} {_flag_names(made.flags[1])}"
        return text

    def show(self, made: Ports, numeric: bool) -> str:
        text = self.name
        for kind, ports, bit in (("sp", made.sports, Ports.SRC), ("dp", made.dports, Ports.DST)):
            if ports != ANY_PORT or made.invert & bit:
                text += " " + _ports_shown(kind, ports, bool(made.invert & bit), numeric)
        if made.option:
            text += f" option={'!' if made.invert & Ports.OPTION else ''}{made.option}"
        if made.flags is not None:
            text += f" flags:{'!' if made.invert & Ports.FLAGS else ''}"
            text += f"0x{made.flags[0]:02X}/0x{made.flags[1]:02X}" if numeric else f"{_flag_names(made.flags[0])}/{_flag_names(made.flags[1])}"
        return text


def join(loaded: list[tuple[Extension, State]]) -> None:
    """Make one of each protocol's matches that say something: nftables keeps no boundary between them (between those that say nothing it does)."""
    first: dict[str, Ports] = {}
    for extension, state in list(loaded):
        made: Ports | None = state.get("made") if isinstance(extension, PortsExtension) else None
        if made is None:
            continue
        old = first.setdefault(extension.name, made)
        if old is not made and old.absorb(made):
            loaded.remove((extension, state))


def _ports_shown(kind: str, ports: tuple[int, int], inverted: bool, numeric: bool) -> str:
    mark = "!" if inverted else ""
    names = [str(value) if numeric else SERVICE_NAMES.get(value, str(value)) for value in ports]
    return f"{kind}t:{mark}{names[0]}" if ports[0] == ports[1] else f"{kind}ts:{mark}{names[0]}:{names[1]}"


def _flag_bits(text: str) -> int:
    bits = 0
    for name in text.split(","):
        if name.upper() == "ALL":
            bits |= 0x3F
        elif name.upper() == "NONE":
            continue
        elif name.upper() in FLAGS:
            bits |= FLAGS[name.upper()]
        else:
            raise IptablesError(f"Unknown TCP flag `{name}'")
    return bits


def _flag_names(bits: int) -> str:
    return ",".join(name for name, bit in FLAGS.items() if bits & bit) or "NONE"


class MultiportExtension(Extension):
    """-m multiport."""

    name = "multiport"

    def __init__(self) -> None:
        sports, dports, ports = (Option(self._taker(which), 1, True) for which in ("sports", "dports", "ports"))
        self.options = {"--sports": sports, "--source-ports": sports, "--dports": dports, "--destination-ports": dports, "--ports": ports}

    def _taker(self, which: str):  # type: ignore[no-untyped-def]
        def take(state: State, argument: str, inverted: bool) -> None:
            if "made" in state:
                raise self.error("only one of --sports, --dports and --ports is allowed")
            pairs: list[tuple[int, int]] = []
            for part in argument.split(","):
                first, colon, last = part.partition(":")
                low = port(first)
                high = port(last) if colon else low
                if low > high or (colon and low == high):
                    raise IptablesError(f"invalid portrange specified `{part}'")
                pairs.append((low, high))
            if sum(1 if low == high else 2 for low, high in pairs) > 15:
                raise IptablesError("too many ports specified")
            state["made"] = Multiport(which, tuple(pairs), inverted)

        return take

    def build(self, state: State) -> Multiport:
        rule: Rule = state["rule"]
        if rule.proto not in (6, 17, 132, 33, 136) or rule.flags & Rule.INV_PROTO:
            raise self.error("multiport needs `-p tcp', `-p udp', `-p udplite', `-p sctp' or `-p dccp'")
        made: Multiport | None = state.get("made")
        if made is None:
            raise self.error("no ports specified")
        return made

    def save(self, made: Multiport) -> str:
        return f"{' !' if made.invert else ''} --{made.which} {_list_text(made)}"

    def show(self, made: Multiport, numeric: bool) -> str:
        def name(value: int) -> str:
            return str(value) if numeric else SERVICE_NAMES.get(value, str(value))

        ports = ",".join(name(low) if low == high else f"{name(low)}:{name(high)}" for low, high in made.ports)
        return f"multiport {made.which} {' !' if made.invert else ''}{ports}"


def _list_text(made: Multiport) -> str:
    return ",".join(range_text(low, high) for low, high in made.ports)


# name: (type, lowest code, highest code); the order is the order of lookup
ICMP_TYPES: dict[str, tuple[int, int, int]] = {
    "any": (255, 0, 255), "echo-reply": (0, 0, 255), "pong": (0, 0, 255), "destination-unreachable": (3, 0, 255), "network-unreachable": (3, 0, 0),
    "host-unreachable": (3, 1, 1), "protocol-unreachable": (3, 2, 2), "port-unreachable": (3, 3, 3), "fragmentation-needed": (3, 4, 4),
    "source-route-failed": (3, 5, 5), "network-unknown": (3, 6, 6), "host-unknown": (3, 7, 7), "network-prohibited": (3, 9, 9), "host-prohibited": (3, 10, 10),
    "TOS-network-unreachable": (3, 11, 11), "TOS-host-unreachable": (3, 12, 12), "communication-prohibited": (3, 13, 13),
    "host-precedence-violation": (3, 14, 14), "precedence-cutoff": (3, 15, 15), "source-quench": (4, 0, 255), "redirect": (5, 0, 255),
    "network-redirect": (5, 0, 0), "host-redirect": (5, 1, 1), "TOS-network-redirect": (5, 2, 2), "TOS-host-redirect": (5, 3, 3),
    "echo-request": (8, 0, 255), "ping": (8, 0, 255), "router-advertisement": (9, 0, 255), "router-solicitation": (10, 0, 255),
    "time-exceeded": (11, 0, 255), "ttl-exceeded": (11, 0, 255), "ttl-zero-during-transit": (11, 0, 0), "ttl-zero-during-reassembly": (11, 1, 1),
    "parameter-problem": (12, 0, 255), "ip-header-bad": (12, 0, 0), "required-option-missing": (12, 1, 1), "timestamp-request": (13, 0, 255),
    "timestamp-reply": (14, 0, 255), "address-mask-request": (17, 0, 255), "address-mask-reply": (18, 0, 255),
}  # fmt: skip


class IcmpExtension(Extension):
    """-m icmp."""

    name = "icmp"
    protocol = 1

    def __init__(self) -> None:
        self.options = {"--icmp-type": Option(self._type, 1, True)}

    def _type(self, state: State, argument: str, inverted: bool) -> None:
        state["made"] = Icmp(*icmp_type(argument), inverted)

    def build(self, state: State) -> Icmp:
        made: Icmp = self.required(state, "icmp-type", "made")
        return made

    def save(self, made: Icmp) -> str:
        if made.type == 255 and not made.invert:
            return " --icmp-type any"
        code = "" if (made.low, made.high) == (0, 255) else f"/{made.low}"
        return f"{' !' if made.invert else ''} --icmp-type {'any' if made.type == 255 else made.type}{code}"

    def show(self, made: Icmp, numeric: bool) -> str:
        mark = "!" if made.invert else ""
        if not numeric:
            for name, (kind, low, high) in ICMP_TYPES.items():
                if (kind, low, high) == (made.type, made.low, made.high):
                    return f"icmp {mark}{name}"
        return f"icmp{' !' if made.invert else ''}type {made.type}" + ("" if (made.low, made.high) == (0, 255) else f" code {made.low}")


def icmp_type(text: str) -> tuple[int, int, int]:
    """A name (or its unique beginning) or `type[/code]`."""
    lower = text.lower()
    found = [value for name, value in ICMP_TYPES.items() if name.lower() == lower] or [
        value for name, value in ICMP_TYPES.items() if name.lower().startswith(lower)
    ]
    if text and found:
        if len(dict.fromkeys(found)) > 1:
            raise IptablesError(f'Ambiguous ICMP type "{text}"')
        return found[0]
    first, slash, last = text.partition("/")
    kind = number(first, 0, 255)
    code = number(last, 0, 255) if slash else 0
    if kind is None:
        raise IptablesError(f'Invalid ICMP type "{text}"')
    if code is None:
        raise IptablesError(f'Invalid ICMP code "{text}"')
    return (kind, code, code) if slash else (kind, 0, 255)


match(PortsExtension("tcp", 6))
match(PortsExtension("udp", 17))
match(PortsExtension("sctp", 132))
match(MultiportExtension())
match(IcmpExtension())
