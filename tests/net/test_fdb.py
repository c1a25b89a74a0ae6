"""The forwarding database by itself."""

from __future__ import annotations

from emu.net.fdb import AGEING_TIME_NS, Fdb, FdbEntry
from emu.sim import NS_PER_S, Sim

A, B, C = (bytes([2, 0, 0, 0, 0, n]) for n in (1, 2, 3))


class Table:
    def __init__(self) -> None:
        self.sim = Sim()
        self.changes = 0
        self.fdb: Fdb[str] = Fdb(self.sim, self.changed)

    def changed(self) -> None:
        self.changes += 1

    def run(self, seconds: float) -> list[bytes]:
        self.sim.run(self.sim.now + round(seconds * NS_PER_S))
        return list(self.fdb.entries)


def test_entries_end_when_their_time_has_come() -> None:
    table = Table()
    table.fdb.learn(A, "p1")
    table.run(100)
    table.fdb.learn(B, "p2")
    assert table.run(199.9) == [A, B]
    assert table.run(0.2) == [B]
    assert table.run(99.8) == [B]
    assert table.run(0.2) == []
    assert table.sim.idle()  # a table with nothing that ages schedules nothing
    assert table.fdb.learned == 0


def test_a_refreshed_entry_stays() -> None:
    table = Table()
    entry = table.fdb.learn(A, "p1")
    assert entry is not None
    for _ in range(10):
        assert table.run(299) == [A]
        entry.updated = table.sim.now
    assert table.run(299.9) == [A]
    assert table.run(0.2) == []


def test_an_entry_learned_after_all_ended_ends_too() -> None:
    table = Table()
    table.fdb.learn(A, "p1")
    table.run(1000)
    table.fdb.learn(B, "p1")
    assert table.run(299) == [B]
    assert table.run(2) == []


def test_sweeps_are_at_least_10_ms_apart() -> None:
    table = Table()
    for n in range(100):
        table.fdb.learn(bytes([2, 0, 0, 0, 1, n]), "p1")
        table.run(0.0001)
    before = table.sim.events
    table.run(400)
    assert table.sim.events - before <= 3
    assert not table.fdb.entries


def test_static_and_local_entries_do_not_age() -> None:
    table = Table()
    table.fdb.add_local(A, None)
    table.fdb.add(FdbEntry(B, "p1", 0, static=True))
    table.fdb.add(FdbEntry(C, "p1", 0))
    assert table.run(299) == [A, B, C]
    assert table.run(2) == [A, B]
    assert table.sim.idle()


def test_a_local_address_replaces_what_was_learned() -> None:
    table = Table()
    table.fdb.learn(A, "p1")
    table.fdb.add_local(A, "p2")
    assert table.fdb.entries[A].local
    assert table.fdb.learned == 0
    table.fdb.add_local(A, None)  # it is local already and stays the port's
    assert table.fdb.entries[A].port == "p2"


def test_no_more_is_learned_than_allowed() -> None:
    table = Table()
    table.fdb.max_learned = 2
    assert [table.fdb.learn(m, "p1") is not None for m in (A, B, C)] == [True, True, False]
    table.fdb.delete(table.fdb.entries[A])
    assert table.fdb.learn(C, "p1") is not None


def test_an_ageing_time_of_0_learns_nothing_and_forgets_what_it_knew() -> None:
    table = Table()
    table.fdb.learn(A, "p1")
    table.fdb.set_ageing(0)
    assert not table.fdb.entries
    assert table.fdb.learn(B, "p1") is None


def test_a_new_ageing_time_counts_for_old_entries() -> None:
    table = Table()
    table.fdb.learn(A, "p1")
    table.run(20)
    table.fdb.set_ageing(30 * NS_PER_S)
    assert table.run(9.9) == [A]
    assert table.run(0.2) == []
    assert AGEING_TIME_NS == 300 * NS_PER_S


def test_flushing_a_port_keeps_what_is_static() -> None:
    table = Table()
    table.fdb.learn(A, "p1")
    table.fdb.add(FdbEntry(B, "p1", 0, static=True))
    table.fdb.learn(C, "p2")
    table.fdb.flush_port("p1")
    assert list(table.fdb.entries) == [B, C]


def test_changes_are_told_and_refreshes_are_not() -> None:
    table = Table()
    entry = table.fdb.learn(A, "p1")
    assert entry is not None
    assert table.changes == 1
    entry.updated = 5
    assert table.changes == 1
    table.fdb.move(entry, "p2")
    table.fdb.delete(entry)
    table.fdb.delete(entry)
    assert table.changes == 3
