"""ss: the sockets of a namespace, in the columns of iproute2 6.1's ss."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

from emu.apps.services import number, service
from emu.net.netns import Namespace
from emu.net.sock.tcp import TcpSocket
from emu.net.sock.tcp_listen import TcpListener
from emu.net.sock.udp import UdpSocket
from emu.wire.addr import ip_int, ip_text

STATES = ("", "ESTAB", "SYN-SENT", "SYN-RECV", "FIN-WAIT-1", "FIN-WAIT-2", "TIME-WAIT", "UNCONN", "CLOSE-WAIT", "LAST-ACK", "LISTEN", "CLOSING")
ESTAB, SYN_SENT, SYN_RECV, TIME_WAIT, CLOSE, LISTEN = 1, 2, 3, 6, 7, 10
ALL = frozenset(range(1, 12))
GROUPS: dict[str, frozenset[int]] = {
    "all": ALL, "connected": ALL - {LISTEN, CLOSE}, "synchronized": ALL - {LISTEN, CLOSE, SYN_SENT}, "bucket": frozenset((SYN_RECV, TIME_WAIT)),
    "big": ALL - {SYN_RECV, TIME_WAIT}, "established": frozenset((1,)), "syn-sent": frozenset((2,)), "syn-recv": frozenset((3,)),
    "fin-wait-1": frozenset((4,)), "fin-wait-2": frozenset((5,)), "time-wait": frozenset((6,)), "closed": frozenset((7,)), "close": frozenset((7,)),
    "unconnected": frozenset((7,)), "close-wait": frozenset((8,)), "last-ack": frozenset((9,)), "listening": frozenset((10,)), "listen": frozenset((10,)),
    "closing": frozenset((11,)),
}  # fmt: skip
DEFAULT = ALL - {LISTEN, CLOSE, TIME_WAIT, SYN_RECV}
UDP_STATES = frozenset((ESTAB, CLOSE))
COMPARE: dict[str, Callable[[int, int], bool]] = {
    "=": int.__eq__, "!=": int.__ne__, ">": int.__gt__, ">=": int.__ge__, "<": int.__lt__, "<=": int.__le__,
}  # fmt: skip
WORDS = {"eq": "=", "==": "=", "neq": "!=", "ne": "!=", "gt": ">", "ge": ">=", "geq": ">=", "lt": "<", "le": "<=", "leq": "<="}


class FilterError(ValueError):
    """What ss says of a filter, and its exit status."""

    def __init__(self, text: str, status: int = 255) -> None:
        super().__init__(text)
        self.status = status


@dataclass(slots=True)
class Row:
    """One socket; addresses and ports as numbers, port 0 for none. `device`: bound to. `owner`: who has it open, None for nobody."""

    netid: str
    state: int
    received: int
    sent: int
    local: tuple[int, int]
    peer: tuple[int, int]
    device: str = ""
    owner: Any = None


Test = Callable[[Row], bool]


@dataclass(slots=True)
class Query:
    """`families`: of tcp, udp, raw. `states`: which are shown."""

    families: list[str] = field(default_factory=list)
    states: frozenset[int] = DEFAULT
    numeric: bool = False
    header: bool = True
    processes: bool = False
    wanted: Test = lambda row: True


# -- the sockets


def rows(ns: Namespace) -> list[Row]:
    """Every socket of the namespace: UDP, then raw, then TCP: listeners by port, connections by their ports."""
    sockets = ns.sockets
    if sockets is None:
        return []
    udp: list[Row] = []
    tcp: list[Row] = []
    for sk in sockets.all():
        device = sk.bound_dev.name if sk.bound_dev is not None else ""
        if isinstance(sk, UdpSocket):
            row = Row("udp", ESTAB if sk.daddr else CLOSE, sk.rmem, 0, (sk.saddr or sk.rcv_saddr, sk.sport), (sk.daddr, sk.dport), device, sk.owner)
            udp.append(row)
        elif isinstance(sk, TcpListener) and sk.machine is not None:
            local = (sk.rcv_saddr, sk.sport)
            tcp.append(Row("tcp", LISTEN, sk.machine.pending(), sk.machine.backlog, local, (0, 0), device, sk.owner))
            for peer, dport, sport in sk.machine.half_open():
                daddr, saddr = cast("tuple[int, int]", peer)
                tcp.append(Row("tcp", SYN_RECV, 0, 0, (saddr, sport), (daddr, dport), device))
        elif isinstance(sk, TcpSocket) and sk.conn is not None and not sk.dead:
            conn = sk.conn
            waiting = int(sk.state) == TIME_WAIT
            unacknowledged = 0 if waiting else (conn.write_seq - conn.snd_una) & 0xFFFFFFFF
            received = 0 if waiting else conn.readable()
            owner = None if sk.closed else sk.owner
            tcp.append(Row("tcp", int(sk.state), received, unacknowledged, (sk.saddr, sk.sport), (sk.daddr, sk.dport), device, owner))
    udp.sort(key=lambda row: (row.state != CLOSE, row.local[1], row.local[0], row.peer))
    tcp.sort(key=lambda row: (row.state != LISTEN, row.local[1], row.local[0], row.peer[1], row.peer[0]))
    return udp + tcp


# -- the text


def show(ns: Namespace, query: Query, users: Callable[[Any], str]) -> str:
    """What ss prints. `users`: an owner as `users:(("nc",pid=5,fd=3))`."""
    families = query.families
    states = query.states & UDP_STATES if families == ["udp"] and query.states == DEFAULT else query.states
    chosen = [row for row in rows(ns) if row.netid in families and row.state in states and query.wanted(row)]
    with_netid, with_state = len(families) > 1, len(states) > 1
    lines = [_cells(row, with_netid, with_state, query, users) for row in chosen]
    head = ["Netid"] * with_netid + ["State"] * with_state + ["Recv-Q", "Send-Q", "Local Address:", "Port", "Peer Address:", "Port", "Process"]
    names = list(head)
    if query.header:
        lines.insert(0, head)
    if not lines:
        return ""
    widths = [max(len(line[index]) for line in lines) for index in range(len(names))]
    return "".join(_line(names, line, widths) for line in lines)


def _line(names: list[str], cells: list[str], widths: list[int]) -> str:
    text = ""
    for index, (name, cell, width) in enumerate(zip(names, cells, widths, strict=True)):
        if index and name not in ("Port", "Process"):
            text += " "
        text += cell.rjust(width) if name.endswith("Address:") else cell.ljust(width)
    return text + "\n"


def _cells(row: Row, with_netid: bool, with_state: bool, query: Query, users: Callable[[Any], str]) -> list[str]:
    protocol = "udp" if row.netid == "udp" else "tcp"
    device = f"%{row.device}" if row.device else ""
    cells = [row.netid] * with_netid + [STATES[row.state]] * with_state + [f"{row.received:<6}", f"{row.sent:<6}"]
    cells += [f"{ip_text(row.local[0])}{device}:", _port(row.local[1], protocol, query), f"{ip_text(row.peer[0])}:", _port(row.peer[1], protocol, query)]
    who = users(row.owner) if query.processes and row.owner is not None else ""
    return [*cells, f" {who}" if who else ""]


def _port(port: int, protocol: str, query: Query) -> str:
    if not port:
        return "*"
    return str(port) if query.numeric else service(port, protocol) or str(port)


def summary(ns: Namespace) -> str:
    """-s."""
    found = rows(ns)
    tcp = [row for row in found if row.netid == "tcp"]
    udp = sum(row.netid == "udp" for row in found)
    counts = {state: sum(row.state == state for row in tcp) for state in range(1, 12)}
    waiting = counts[TIME_WAIT]
    inuse = len(tcp) - waiting - counts[SYN_RECV]
    orphaned = sum(row.owner is None and row.state not in (TIME_WAIT, SYN_RECV, LISTEN) for row in tcp)
    lines = [
        f"Total: {inuse + udp}", f"TCP:   {inuse + waiting} (estab {counts[ESTAB]}, closed {waiting}, orphaned {orphaned}, timewait {waiting})", "",
        "Transport Total     IP        IPv6",
    ]  # fmt: skip
    for name, count in (("RAW", 0), ("UDP", udp), ("TCP", inuse), ("INET", inuse + udp), ("FRAG", 0)):
        lines.append(f"{name}\t  {count:<9} {count:<9} {0:<9}")
    return "\n".join([*lines, "", ""])


# -- filters


def parse_filter(words: list[str], states: frozenset[int]) -> tuple[frozenset[int], Test]:
    """`state STATE ... EXPRESSION`: the states and a test. `states`: by the options. Raises FilterError."""
    words = list(words)
    chosen: frozenset[int] | None = None
    while words and words[0] in ("state", "exclude") and len(words) > 1:
        word, name = words.pop(0), words.pop(0)
        if name not in GROUPS:
            raise FilterError(f"ss: wrong state name: {name}")
        if word == "state":
            chosen = GROUPS[name] if chosen is None else chosen | GROUPS[name]
        else:
            chosen = (states if chosen is None else chosen) - GROUPS[name]
    text = " ".join(words)
    for mark in ("(", ")", "!=", ">=", "<=", "==", "&&", "||"):
        text = text.replace(mark, f" {mark} ")
    tokens = [WORDS.get(token, token) for token in text.split()]
    test: Test = lambda row: True  # noqa: E731
    if tokens:
        parser = _Parser(tokens)
        test = parser.either()
        if parser.tokens:
            raise FilterError(_SYNTAX)
    return states if chosen is None else chosen, test


_SYNTAX = 'ss: bison bellows (while parsing filter): "syntax error!" Sorry.'


class _Parser:
    def __init__(self, tokens: list[str]) -> None:
        self.tokens = tokens

    def next(self) -> str:
        if not self.tokens:
            raise FilterError(_SYNTAX)
        return self.tokens.pop(0)

    def either(self) -> Test:
        test = self.both()
        while self.tokens and self.tokens[0] in ("or", "|", "||"):
            self.tokens.pop(0)
            test = _or(test, self.both())
        return test

    def both(self) -> Test:
        test = self.single()
        while self.tokens and self.tokens[0] not in ("or", "|", "||", ")"):
            if self.tokens[0] in ("and", "&", "&&"):
                self.tokens.pop(0)
            test = _and(test, self.single())
        return test

    def single(self) -> Test:
        word = self.next()
        if word in ("not", "!"):
            inner = self.single()
            return lambda row: not inner(row)
        if word == "(":
            test = self.either()
            if self.next() != ")":
                raise FilterError(_SYNTAX)
            return test
        if word in ("sport", "dport"):
            compare = COMPARE["="]
            if self.tokens and self.tokens[0] in COMPARE:
                compare = COMPARE[self.tokens.pop(0)]
            port = _port_number(self.next())
            return (lambda row: compare(row.local[1], port)) if word == "sport" else (lambda row: compare(row.peer[1], port))
        if word in ("src", "dst"):
            if self.tokens and self.tokens[0] == "=":
                self.tokens.pop(0)
            return _address_test(word, self.next())
        if word in ("dev", "autobound", "fwmark", "cgroup"):
            raise FilterError(f"emu: not emulated: ss filter {word!r}", 1)
        return _address_test("dst", word)


def _and(left: Test, right: Test) -> Test:
    return lambda row: left(row) and right(row)


def _or(left: Test, right: Test) -> Test:
    return lambda row: left(row) or right(row)


def _port_number(text: str) -> int:
    text = text.removeprefix(":")
    found = int(text) if text.isdigit() else number(text)
    if found is None:
        raise FilterError(f'Error: an inet prefix is expected rather than "{text}".\nCannot parse dst/src address.', 1)
    return found


def _address_test(side: str, text: str) -> Test:
    base, colon, port_text = text.partition(":")
    port = _port_number(port_text) if colon and port_text and port_text != "*" else None
    address, mask = 0, 0
    if base not in ("", "*", "0"):
        prefix, slash, length = base.partition("/")
        try:
            full = ".".join([*prefix.split("."), "0", "0", "0"][:4]) if prefix.count(".") < 3 else prefix
            address = ip_int(full)
            bits = int(length) if slash else 32
            mask = 0xFFFFFFFF << (32 - bits) & 0xFFFFFFFF
        except ValueError:
            raise FilterError(f'Error: an inet prefix is expected rather than "{base}".\nCannot parse dst/src address.', 1) from None

    def test(row: Row) -> bool:
        found = row.local if side == "src" else row.peer
        return (found[0] & mask) == (address & mask) and (port is None or found[1] == port)

    return test
