"""The limits of the machine's neighbour table."""

from __future__ import annotations

import pytest

from emu.iproute import neigh
from emu.wire.addr import ip_int
from tests.net.lan import Lan, mac, who_has


@pytest.fixture
def lan() -> Lan:
    lan = Lan(hosts=3)
    kernel = lan.machine.kernel
    kernel.gc_thresh1, kernel.gc_thresh2, kernel.gc_thresh3 = 4, 8, 12
    return lan


def hear(lan: Lan, first: int, count: int, host: int = 1) -> None:
    """`count` neighbours ask host `host` for its address, so that it remembers them: STALE."""
    for number in range(first, first + count):
        lan.receive(host, who_has(f"10.0.0.{host}", f"10.0.0.{number}", f"02:00:00:00:02:{number:02x}"), seconds=0.001)


def entries(lan: Lan) -> list[int]:
    return [len(lan.host(f"h{number}").neigh) for number in (1, 2, 3)]


def test_few_entries_stay_for_ever(lan: Lan) -> None:
    hear(lan, 50, 3)
    lan.run(1000)
    assert entries(lan) == [3, 0, 0]


def test_from_gc_thresh1_on_what_was_not_used_for_a_minute_goes(lan: Lan) -> None:
    hear(lan, 50, 5)
    lan.run(50)
    assert entries(lan) == [5, 0, 0]
    lan.run(40)
    assert entries(lan) == [1, 0, 0]  # the youngest was not a minute old at that look, and there are few now
    assert lan.machine.kernel.neigh_entries == 1
    lan.run(1000)
    assert entries(lan) == [1, 0, 0]


def test_a_failed_entry_goes_at_the_next_look_and_a_permanent_one_never(lan: Lan) -> None:
    hear(lan, 50, 4)
    lan.ping("h1", "10.0.0.99", seconds=4)
    neigh.add(lan.host("h1"), "10.0.0.77", "eth0", mac(7))
    lan.run(16)
    assert "FAILED" not in neigh.show(lan.host("h1"))
    lan.run(100)
    assert neigh.show(lan.host("h1")) == "10.0.0.77 dev eth0 lladdr 02:00:00:00:00:07 PERMANENT \n"


def test_the_table_belongs_to_the_machine_and_is_full_at_gc_thresh3(lan: Lan) -> None:
    lan.machine.kernel.gc_thresh2 = 12
    hear(lan, 50, 6, host=1)
    hear(lan, 50, 6, host=2)
    lan.forget()
    lan.ping("h3", "10.0.0.99")
    assert lan.drops == [("h3", "NEIGH_CREATEFAIL", "the neighbour table of node is full (gc_thresh3)")]
    hear(lan, 60, 1)
    assert entries(lan) == [6, 6, 0]
    assert lan.seen("h1.eth0 tx") == []  # a request is not answered when its sender cannot be remembered


def test_a_full_table_makes_room_by_what_is_older_than_5_s(lan: Lan) -> None:
    hear(lan, 50, 12)
    lan.run(6)
    lan.ping("h3", "10.0.0.99")
    assert entries(lan) == [7, 0, 1]  # down to gc_thresh2, the new one counted
    oldest = next(iter(lan.host("h1").neigh))
    assert oldest.ip == ip_int("10.0.0.55")


def test_between_gc_thresh2_and_gc_thresh3_room_is_made_every_5_s_only(lan: Lan) -> None:
    hear(lan, 50, 8)
    lan.run(6)
    hear(lan, 60, 4)
    assert entries(lan) == [11, 0, 0]  # one went for the first of the four


def test_entries_somebody_waits_for_do_not_go(lan: Lan) -> None:
    for number in range(100, 112):
        lan.ping("h1", f"10.0.0.{number}")
    lan.ping("h1", "10.0.0.112")
    assert lan.reasons() == ["NEIGH_CREATEFAIL"]
    lan.run(10)
    lan.ledger.check()


def test_permanent_entries_are_not_counted(lan: Lan) -> None:
    ns = lan.host("h1")
    for number in range(100, 120):
        neigh.add(ns, f"10.0.0.{number}", "eth0", mac(7))
    assert lan.machine.kernel.neigh_entries == 0
    neigh.replace(ns, "10.0.0.100", "eth0", mac(7), "stale")
    assert lan.machine.kernel.neigh_entries == 1
    neigh.replace(ns, "10.0.0.100", "eth0", mac(7), "permanent")
    assert lan.machine.kernel.neigh_entries == 0
    assert entries(lan)[0] == 20
