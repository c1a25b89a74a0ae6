"""`conntrack`: list, delete, count and flush connections (conntrack-tools 1.4.7). Following events (`-E`) is the business of whoever starts programs."""

from __future__ import annotations

from typing import Any

from emu.iproute import conntrack
from emu.iproute.cmd.invocation import Invocation, Stop, not_emulated
from emu.iproute.cmd.words import integer
from emu.net.conntrack.entry import ASSURED, SEEN_REPLY, Entry
from emu.net.conntrack.tcp_states import STATE_NAMES
from emu.wire.addr import cidr_parse

PROGRAM = "conntrack v1.4.7 (conntrack-tools)"
COMMANDS = {"-L": "L", "--dump": "L", "-D": "D", "--delete": "D", "-F": "F", "--flush": "F", "-C": "C", "--count": "C", "-V": "V", "--version": "V",
            "-E": "E", "--event": "E"}  # fmt: skip
OTHERS = ("-G", "--get", "-I", "--create", "-U", "--update", "-S", "--stats", "-h", "--help", "-R", "--load-file", "-A", "--add")
ADDRESSES = {
    "-s": "orig_src", "--src": "orig_src", "--orig-src": "orig_src", "-d": "orig_dst", "--dst": "orig_dst", "--orig-dst": "orig_dst", "-r": "reply_src",
    "--reply-src": "reply_src", "-q": "reply_dst", "--reply-dst": "reply_dst",
}  # fmt: skip
PORTS = {
    "--sport": "sport", "--orig-port-src": "sport", "--dport": "dport", "--orig-port-dst": "dport", "--reply-port-src": "reply_sport",
    "--reply-port-dst": "reply_dport",
}  # fmt: skip
WITH_PORTS = ("tcp", "udp", "udplite", "dccp", "sctp")
BITS = {"ASSURED": (ASSURED, ASSURED), "SEEN_REPLY": (SEEN_REPLY, SEEN_REPLY), "UNREPLIED": (SEEN_REPLY, 0), "UNSET": (SEEN_REPLY, 0)}


EVENTS = {"NEW": "NEW", "UPDATES": "UPDATE", "UPDATE": "UPDATE", "DESTROY": "DESTROY"}


class Request:
    """A command line taken apart. `filters`: the arguments of `conntrack.show` and `delete`."""

    def __init__(self, argv: list[str]) -> None:
        self.command = ""
        self.filters: dict[str, Any] = {}
        self.states: list[str] = []
        self.bits: list[tuple[int, int]] = []
        self.nat: list[str] = []
        self.family = "ipv4"
        self.extended = self.stamped = False
        self.events: tuple[str, ...] = ("NEW", "UPDATE", "DESTROY")
        pending = list(reversed(argv))
        while pending:
            word = pending.pop()
            word, equals, value = word.partition("=") if word.startswith("--") else (word, "", "")
            if equals:
                pending.append(value)
            self._word(word, pending)

    def _word(self, word: str, pending: list[str]) -> None:
        def value() -> str:
            if not pending:
                raise _usage(f"option `{word}' requires an argument")
            return pending.pop()

        if word in COMMANDS:
            self.command = COMMANDS[word]
            self._table(pending)
        elif word in OTHERS:
            raise not_emulated(f"conntrack {word} here")
        elif word in ADDRESSES:
            self.filters[ADDRESSES[word]] = _address(value())
        elif word in ("-p", "--proto", "--protonum"):
            self._protocol(value())
        elif word in PORTS and self.filters.get("proto") in WITH_PORTS:
            self.filters[PORTS[word]] = _number(value(), 65535)
        elif word == "--state" and self.filters.get("proto") == "tcp":
            self.states.append(value())
        elif word in ("-m", "--mark"):
            self.filters["mark"] = _number(value().partition("/")[0], 0xFFFFFFFF)
        elif word in ("-f", "--family"):
            self.family = value()
        elif word in ("-o", "--output"):
            self._output(value())
        elif word in ("-u", "--status"):
            self.bits += [_bit(name) for name in value().split(",")]
        elif word in ("-n", "--src-nat", "-g", "--dst-nat", "-j", "--any-nat"):
            self.nat.append({"-n": "src", "--src-nat": "src", "-g": "dst", "--dst-nat": "dst"}.get(word, "any"))
            if pending and not pending[-1].startswith("-"):
                raise not_emulated(f"conntrack {word} with an address")
        elif word in ("-e", "--event-mask"):
            self.events = tuple(_event(name) for name in value().upper().split(","))
        elif word in ("-b", "--buffer-size"):
            value()
        elif word in ("-w", "--zone", "-z", "--zero", "-l", "--label", "-t", "--timeout", "--mask-src", "--mask-dst", "--state", "-c"):
            raise not_emulated(f"conntrack {word}")
        else:
            raise _usage(f"unknown option `{word}'")

    def _table(self, pending: list[str]) -> None:
        """The table that may follow the command: conntrack, or expect, which is always empty."""
        if pending and not pending[-1].startswith("-"):
            name = pending.pop()
            if name not in ("conntrack", "expect"):
                if name in ("dying", "unconfirmed"):
                    raise not_emulated(f"conntrack's table {name}")
                raise _usage(f"unknown type `{name}'")
            if name == "expect":
                self.command += "expect"

    def _protocol(self, word: str) -> None:
        name = word.lower()
        number = integer(word)
        if number is not None:
            name = next((known for known, value in conntrack.PROTOCOLS.items() if value == number), "")
        if name not in conntrack.PROTOCOLS:
            raise _usage(f"`{word}' unsupported protocol")
        self.filters["proto"] = name

    def _output(self, word: str) -> None:
        for kind in word.split(","):
            if kind == "extended":
                self.extended = True
            elif kind == "timestamp":
                self.stamped = True
            elif kind != "ktimestamp":
                raise not_emulated(f"conntrack -o {kind}")

    def wanted(self, ct: Entry) -> bool:
        """What the filters of `conntrack.show` do not know: TCP states, status bits, NAT."""
        if self.family not in ("ipv4", "inet"):
            return False
        if self.states and (ct.tcp is None or STATE_NAMES[ct.tcp.state] not in self.states):
            return False
        if any(ct.status & mask != bits for mask, bits in self.bits):
            return False
        source, target = ct.orig[1] != ct.reply[2] or ct.orig[3] != ct.reply[4], ct.orig[2] != ct.reply[1] or ct.orig[4] != ct.reply[3]
        if ct.orig[0] == 1:
            source, target = ct.orig[1] != ct.reply[2], ct.orig[2] != ct.reply[1]
        return all({"src": source, "dst": target, "any": source or target}[kind] for kind in self.nat)


def _usage(text: str) -> Stop:
    return Stop(f"{PROGRAM}: {text}\nTry `conntrack -h' or 'conntrack --help' for more information.\n", 2)


def _address(word: str) -> str:
    try:
        cidr_parse(word)
    except ValueError:
        raise _usage(f"Invalid IP address `{word}'") from None
    return word


def _number(word: str, high: int) -> int:
    number = integer(word)
    if number is None or not 0 <= number <= high:
        raise _usage(f"Invalid number `{word}'")
    return number


def _event(name: str) -> str:
    if name not in EVENTS:
        raise _usage(f"Wrong event mask `{name}'") if name != "ALL" else not_emulated("conntrack -e ALL, which is what is shown without -e")
    return EVENTS[name]


def _bit(name: str) -> tuple[int, int]:
    if name not in BITS:
        raise not_emulated(f"conntrack -u {name}")
    return BITS[name]


def run(call: Invocation) -> int:
    """The command line of `conntrack`."""
    request = Request(call.argv)
    if request.command == "V":
        call.out.append(f"{PROGRAM}\n")
        return 0
    if request.command == "C":
        call.out.append(f"{conntrack.count(call.ns)}\n")
        return 0
    if request.command == "F":
        conntrack.flush(call.ns)
        call.err.append(f"{PROGRAM}: connection tracking table has been emptied.\n")
        return 0
    if request.command.endswith("expect"):
        if request.command == "Lexpect":
            call.err.append(f"{PROGRAM}: 0 expectations have been shown.\n")
        elif request.command == "Cexpect":
            call.out.append("0\n")
        elif request.command == "Fexpect":
            call.err.append(f"{PROGRAM}: expectation table has been emptied.\n")
        return 0
    if request.command == "E":
        raise not_emulated("conntrack -E here")
    if not request.command:
        raise not_emulated("the help text of conntrack")
    found = [ct for ct in conntrack.matching(call.ns, **request.filters) if request.wanted(ct)]
    head = "ipv4     2 " if request.extended else ""
    call.out.append("".join(f"{head}{conntrack.line(ct, call.ns.sim.now)}\n" for ct in found))
    if request.command == "D":
        conntrack.delete_if(call.ns, lambda ct: ct in found)
    call.err.append(f"{PROGRAM}: {len(found)} flow entries have been {'shown' if request.command == 'L' else 'deleted'}.\n")
    return 1 if request.command == "D" and not found else 0
