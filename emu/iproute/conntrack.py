"""`conntrack`: list, delete and count the connections of a namespace; text as conntrack-tools 1.4.7 prints it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from emu.net.conntrack.entry import ASSURED, SEEN_REPLY
from emu.net.conntrack.tcp_states import STATE_NAMES
from emu.trace.points import COMMAND
from emu.wire.addr import cidr_parse, ip_text, prefix_mask

if TYPE_CHECKING:
    from collections.abc import Callable

    from emu.net.conntrack import Entry
    from emu.net.conntrack.tuples import Tuple
    from emu.net.netns import Namespace

PROTOCOLS = {"icmp": 1, "tcp": 6, "udp": 17, "dccp": 33, "gre": 47, "sctp": 132, "udplite": 136}
JIFFY = 4_000_000
FILTERS = ("proto", "orig_src", "orig_dst", "reply_src", "reply_dst", "sport", "dport", "reply_sport", "reply_dport", "mark")
_NAMES = {number: name for name, number in PROTOCOLS.items()}


def show(
    ns: Namespace, *, proto: str | None = None, orig_src: str | None = None, orig_dst: str | None = None, reply_src: str | None = None,
    reply_dst: str | None = None, sport: int | None = None, dport: int | None = None, reply_sport: int | None = None, reply_dport: int | None = None,
    mark: int | None = None,
) -> str:  # fmt: skip
    """`conntrack -L`, one line for each connection, oldest first (Linux: in no order). Filters as for `delete`."""
    found = matching(
        ns, proto=proto, orig_src=orig_src, orig_dst=orig_dst, reply_src=reply_src, reply_dst=reply_dst, sport=sport, dport=dport,
        reply_sport=reply_sport, reply_dport=reply_dport, mark=mark,
    )  # fmt: skip
    return "".join(f"{line(ct, ns.sim.now)}\n" for ct in found)


def matching(
    ns: Namespace, *, proto: str | None = None, orig_src: str | None = None, orig_dst: str | None = None, reply_src: str | None = None,
    reply_dst: str | None = None, sport: int | None = None, dport: int | None = None, reply_sport: int | None = None, reply_dport: int | None = None,
    mark: int | None = None,
) -> list[Entry]:  # fmt: skip
    """The connections to which all given filters apply, oldest first."""
    if ns.ct is None:
        return []
    wanted = _filter(proto, orig_src, orig_dst, reply_src, reply_dst, sport, dport, reply_sport, reply_dport, mark)
    return [ct for ct in ns.ct if wanted(ct)]


def delete(
    ns: Namespace, *, proto: str | None = None, orig_src: str | None = None, orig_dst: str | None = None, reply_src: str | None = None,
    reply_dst: str | None = None, sport: int | None = None, dport: int | None = None, reply_sport: int | None = None, reply_dport: int | None = None,
    mark: int | None = None,
) -> int:  # fmt: skip
    """`conntrack -D`: delete the connections to which all given filters apply; how many they were. Addresses may be prefixes, `sport` and `dport`
    are those of the original direction. Raises ValueError naming a protocol or address that is none.
    """
    wanted = _filter(proto, orig_src, orig_dst, reply_src, reply_dst, sport, dport, reply_sport, reply_dport, mark)
    if ns.tp.journal:
        given = (
            ("-p", proto), ("--orig-src", orig_src), ("--orig-dst", orig_dst), ("--reply-src", reply_src), ("--reply-dst", reply_dst),
            ("--orig-port-src", sport), ("--orig-port-dst", dport), ("--reply-port-src", reply_sport), ("--reply-port-dst", reply_dport), ("--mark", mark),
        )  # fmt: skip
        ns.tp.on_journal(COMMAND, ns.name, "conntrack -D" + "".join(f" {word} {value}" for word, value in given if value is not None))
    return int(ns.ct.remove_if(wanted, True)) if ns.ct is not None else 0


def delete_if(ns: Namespace, wanted: Callable[[Entry], bool]) -> int:
    """Delete the connections for which `wanted` holds; how many they were."""
    if ns.tp.journal and ns.ct is not None:
        for kind, frontend, port, backend in dict.fromkeys((ct.orig[0], ct.orig[2], ct.orig[4], ct.reply[1]) for ct in ns.ct if wanted(ct)):
            words = f"-p {_NAMES.get(kind, kind)} --orig-dst {ip_text(frontend)} --orig-port-dst {port} --reply-src {ip_text(backend)}"
            ns.tp.on_journal(COMMAND, ns.name, f"conntrack -D {words}")
    return int(ns.ct.remove_if(wanted, True)) if ns.ct is not None else 0


def flush(ns: Namespace) -> None:
    """`conntrack -F`."""
    if ns.ct is not None:
        ns.ct.flush()
    if ns.tp.journal:
        ns.tp.on_journal(COMMAND, ns.name, "conntrack -F")


def count(ns: Namespace) -> int:
    """`conntrack -C`: how many connections the table holds; like Linux's, the number may include some that have just expired."""
    return int(ns.ct.count) if ns.ct is not None else 0


def line(ct: Entry, now: int) -> str:
    """One connection as `conntrack -L` prints it at the time `now` (ns)."""
    proto = ct.orig[0]
    words = [f"{_NAMES.get(proto, 'unknown'):<8} {proto} {max(0, ct.timeout - now) // 1_000_000_000}"]
    if ct.tcp is not None:
        words.append(STATE_NAMES[ct.tcp.state])
    words += _tuple_words(ct.orig)
    if ct.packets is not None and ct.bytes is not None:
        words.append(f"packets={ct.packets[0]} bytes={ct.bytes[0]}")
    if not ct.status & SEEN_REPLY:
        words.append("[UNREPLIED]")
    words += _tuple_words(ct.reply)
    if ct.packets is not None and ct.bytes is not None:
        words.append(f"packets={ct.packets[1]} bytes={ct.bytes[1]}")
    if ct.status & ASSURED:
        words.append("[ASSURED]")
    words.append(f"mark={ct.mark} use=1")
    return " ".join(words)


def event_line(kind: str, ct: Entry, now: int, by_user: bool) -> str:
    """One event as `conntrack -E` prints it. `kind`: NEW, UPDATE or DESTROY."""
    proto = ct.orig[0]
    left = max(0, ct.timeout - now + JIFFY - 1) // 1_000_000_000  # what happens within a jiffy is at once
    words = [f"{f'[{kind}]':>9} {_NAMES.get(proto, 'unknown'):<8} {proto}"]
    if left or kind != "DESTROY":
        words.append(str(left))
    if ct.tcp is not None:
        words.append(STATE_NAMES[ct.tcp.state])
    for direction, tup in enumerate((ct.orig, ct.reply)):
        words += _tuple_words(tup)
        if kind == "DESTROY" and ct.packets is not None and ct.bytes is not None:
            words.append(f"packets={ct.packets[direction]} bytes={ct.bytes[direction]}")
        if not direction and not ct.status & SEEN_REPLY:
            words.append("[UNREPLIED]")
    if ct.status & ASSURED:
        words.append("[ASSURED]")
    if ct.mark:
        words.append(f"mark={ct.mark}")
    if by_user:
        words.append("[USERSPACE] portid=1 progname=conntrack")
    return " ".join(words)


def chosen(**filters: Any) -> Callable[[Entry], bool]:
    """The filters of `show` as a condition."""
    return _filter(*(filters.get(name) for name in FILTERS))


def _tuple_words(tup: Tuple) -> list[str]:
    proto, saddr, daddr, sport, dport = tup
    words = [f"src={ip_text(saddr)} dst={ip_text(daddr)}"]
    if proto == 1:
        words.append(f"type={dport >> 8} code={dport & 0xFF} id={sport}")
    elif proto in (6, 17, 33, 132, 136):
        words.append(f"sport={sport} dport={dport}")
    elif proto == 47:
        words.append(f"srckey=0x{sport:x} dstkey=0x{dport:x}")
    return words


def _filter(
    proto: str | None, orig_src: str | None, orig_dst: str | None, reply_src: str | None, reply_dst: str | None, sport: int | None,
    dport: int | None, reply_sport: int | None, reply_dport: int | None, mark: int | None,
) -> Callable[[Entry], bool]:  # fmt: skip
    if proto is not None and proto not in PROTOCOLS:
        raise ValueError(f"conntrack: unknown protocol {proto!r}")
    number = PROTOCOLS[proto] if proto is not None else None
    networks = []
    for text, reply, index in ((orig_src, False, 1), (orig_dst, False, 2), (reply_src, True, 1), (reply_dst, True, 2)):
        if text is not None:
            ip, length = cidr_parse(text)
            networks.append((reply, index, ip & prefix_mask(length), prefix_mask(length)))
    numbers = [
        (reply, index, port)
        for port, reply, index in ((sport, False, 3), (dport, False, 4), (reply_sport, True, 3), (reply_dport, True, 4))
        if port is not None
    ]

    def wanted(ct: Entry) -> bool:
        if number is not None and ct.orig[0] != number:
            return False
        if mark is not None and ct.mark != mark:
            return False
        for reply, index, network, mask in networks:
            if (ct.reply if reply else ct.orig)[index] & mask != network:
                return False
        return all((ct.reply if reply else ct.orig)[index] == port for reply, index, port in numbers)

    return wanted
