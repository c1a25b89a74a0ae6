"""The hop table, as it looks."""

from __future__ import annotations

import pytest
from rich.console import Console

from emu.observe.recorder import Hop, Recording
from emu.observe.table import HopTable, time_text
from tests.observe.stage import tcp, udp, who_has


def hop(t_ns: int, where: str, direction: str, frame_id: int, wire: bytes, *steps: tuple[str, str]) -> Hop:
    ns, _, dev = where.rpartition(".")
    made = Hop(t_ns, ns, dev, direction, frame_id, wire)
    made.steps = list(steps)
    return made


def rendered(*hops: Hop, width: int = 100, colour: bool = False) -> str:
    recording = Recording(1, 0)
    recording.hops = list(hops)
    console = Console(width=width, color_system="truecolor" if colour else None, force_terminal=colour, highlight=False)
    with console.capture() as capture:
        console.print(HopTable("a: GET http://10.0.0.2/", recording))
    return capture.get()


def lines(*hops: Hop, width: int = 100) -> list[str]:
    return [line.rstrip() for line in rendered(*hops, width=width).splitlines()]


SHORT = [
    hop(0, "a.eth0", "tx", 2, who_has(), ("route", "10.0.0.0/24 dev eth0"), ("arp", "ARP: who has 10.0.0.2? held until answered")),
    hop(1000, "node1.veth12345678", "rx", 2, who_has(), ("flood", "broadcast flooded to veth1, veth2")),
    hop(1_234_000, "b.eth0", "rx", 3, tcp("S"), ("dropped", "dropped: NO_SOCKET, nobody listens on 10.0.0.2:80")),
]


def test_at_100_columns() -> None:
    assert lines(*SHORT) == [
        "a: GET http://10.0.0.2/",
        "",
        " #    time where           frame, and what was decided",
        " " + "─" * 98,
        " 1    0 µs a            tx 00:00:0a → broadcast   ARP who has 10.0.0.2? tell 10.0.0.1",
        "           eth0            · route: 10.0.0.0/24 dev eth0",
        "                           · ARP: who has 10.0.0.2? held until answered",
        " 2    1 µs node1        rx same frame: ARP who has 10.0.0.2? tell 10.0.0.1",
        "           veth12345678    · broadcast flooded to veth1, veth2",
        " 3 1234 µs b            rx 00:00:0a → 00:00:0b   10.0.0.1 → 10.0.0.2 ttl 64   TCP 40000 → 80 SYN",
        "           eth0            · dropped: NO_SOCKET, nobody listens on 10.0.0.2:80",
        "",
    ]


def test_at_80_columns() -> None:
    assert lines(*SHORT[2:], width=80)[4:] == [
        " 1 1234 µs b     rx 00:00:0a → 00:00:0b   10.0.0.1 → 10.0.0.2 ttl 64",
        "           eth0     TCP 40000 → 80 SYN",
        "                    · dropped: NO_SOCKET, nobody listens on 10.0.0.2:80",
        "",
    ]


@pytest.mark.parametrize("width", [60, 80, 99, 100, 101, 140, 250])
def test_no_line_is_longer_than_the_terminal_and_nothing_is_lost(width: int) -> None:
    name = "kube-system_coredns-5d78c9869d-abcde-and-a-very-long-name"
    rule = ("rule", f"nat KUBE-SVC-{'X' * 16} rule 2: -j DNAT --to-destination 10.0.0.2:53")
    before = [hop(9_999_999_999_999, "node1.eth0", "tx", 1, udp())] * 119
    found = lines(*before, hop(9_999_999_999_999, f"{name}.veth0123456789a", "tx", 1, udp(), rule), width=width)
    assert max(map(len, found)) <= width
    assert len([line for line in found if "10000.000 s" in line]) == 120
    where, what = found[2].index("where"), found[2].index("frame")
    last = next(number for number, line in enumerate(found) if line.lstrip().startswith("120"))
    assert "".join(line[where : what - 3].strip() for line in found[last:]) == name + "veth0123456789a"
    told = " ".join(line[what:].strip() for line in found[last:])
    assert f"UDP 40000 → 53 5 bytes · nat KUBE-SVC-{'X' * 16} 2: DNAT --to-destination 10.0.0.2:53" in told


def test_a_very_narrow_terminal_gets_a_table_too() -> None:
    assert max(map(len, lines(*SHORT, width=30))) <= 30


def test_no_colour_codes_without_a_terminal_and_some_with_one() -> None:
    assert "\x1b" not in rendered(*SHORT)
    assert "\x1b[1;31m· dropped" in rendered(*SHORT, colour=True)
    dropped_later = hop(2, "b.eth0", "rx", 1, udp(), ("dropped", "dropped: NO_SOCKET"))
    assert "\x1b[1;31m· dropped" in rendered(hop(1, "a.eth0", "tx", 1, udp()), dropped_later, colour=True), "not dimmed with its frame"


def test_text_is_not_taken_for_markup() -> None:
    assert "[red]x[/red] [bold]" in rendered(hop(0, "[bold]pod.eth0", "rx", 1, udp(), ("route", "[red]x[/red] [bold]")))


def test_decisions_away_from_devices_have_rows_too() -> None:
    row = lines(hop(5000, "a.-", "-", 1, bytes(12) + udp()[12:], ("dropped", "dropped: NEIGH_FAILED")))[4:7]
    assert row == [" 1 5 µs a     -  10.0.0.1 → 10.0.0.2 ttl 64   UDP 40000 → 53 5 bytes", "                 · dropped: NEIGH_FAILED", ""]


def test_what_happens_later_than_a_frame_has_a_row_without_one() -> None:
    late = hop(5_000_000_000, "a.-", "-", 1, b"", ("neigh", "10.0.0.2 dev eth0: DELAY → PROBE"))
    rows = lines(hop(0, "a.eth0", "tx", 1, udp()), late, hop(5_000_000_000, "b.eth0", "rx", 1, udp()))
    assert rows[6] == " 2 5.000 s a     -  · neighbour: 10.0.0.2 dev eth0: DELAY → PROBE"
    assert "same frame: UDP" in rows[7]


def test_macs_are_left_out_only_where_there_are_none() -> None:
    hairpin = udp()[6:12] * 2 + udp()[12:]  # back to where it came from, with its own MAC as the source
    assert "00:00:0a → 00:00:0a   10.0.0.1" in rendered(hop(0, "node1.veth", "tx", 1, hairpin))
    assert "00:00:00 → " not in rendered(hop(0, "pod.lo", "tx", 1, bytes(12) + udp()[12:]))


def test_a_frame_that_changed_is_shown_again() -> None:
    routed = udp(ttl=63)
    text = rendered(hop(0, "n.a", "rx", 1, udp()), hop(0, "n.b", "tx", 1, routed), hop(1, "m.a", "rx", 1, routed), hop(1, "m.b", "tx", 2, routed))
    assert [line.split("ttl ")[1][:2] for line in text.splitlines() if "ttl" in line] == ["64", "63", "63"]
    assert text.count("same frame") == 1


def test_decisions_that_were_told_before_name_the_row() -> None:
    route, nat, drop = ("route", "10.0.0.0/24 dev eth0"), ("nat", "DNAT 10.96.0.1:80 → 10.0.0.2:80"), ("dropped", "dropped: NO_SOCKET")
    both, one, dropped = (route, nat), (route,), (route, drop)
    visits = [("n.a", both), ("n.b", both), ("n.a", both), ("n.a", one), ("n.a", one), ("n.a", dropped), ("n.a", dropped)]
    text = rendered(*[hop(number, where, "rx", number, udp(), *steps) for number, (where, steps) in enumerate(visits)])
    assert [line.split("· ")[1].rstrip() for line in text.splitlines() if "·" in line] == [
        "route: 10.0.0.0/24 dev eth0", nat[1], "route: 10.0.0.0/24 dev eth0", nat[1], "decided as in row 1", "route: 10.0.0.0/24 dev eth0",
        "route: 10.0.0.0/24 dev eth0", "route: 10.0.0.0/24 dev eth0", "dropped: NO_SOCKET", "route: 10.0.0.0/24 dev eth0", "dropped: NO_SOCKET",
    ]  # fmt: skip


def test_an_exchange_without_hops() -> None:
    assert lines()[2] == " # time where    frame, and what was decided"


@pytest.mark.parametrize(
    ("ns", "text"), [(0, "0 µs"), (1_499, "1 µs"), (9_999_000, "9999 µs"), (10_000_000, "10.0 ms"), (999_000_000, "999.0 ms"), (1_500_000_000, "1.500 s")]
)
def test_times(ns: int, text: str) -> None:
    assert time_text(ns) == text
