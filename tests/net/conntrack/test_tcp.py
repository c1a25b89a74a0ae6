"""The TCP tracker: what state a connection is in, what its windows let through, how long it is remembered."""

from __future__ import annotations

import pytest

from emu.iproute.conntrack import show
from emu.net.conntrack import entry as bits
from emu.net.conntrack.tcp_states import MAX, SEGMENT_KIND, STATE_NAMES, SYN_SET, TRANSITIONS
from tests.net.conntrack.box import ESTABLISHED, INVALID, NEW, Box
from tests.net.conntrack.packets import tcp

A, B = "10.0.1.2", "10.0.2.2"
SCALE_7 = b"\x02\x04\x05\xb4\x04\x02\x01\x03\x03\x07"  # MSS 1460, SACK-permitted, window scale 7


class Talk:
    """A connection A:1000 - B:80 through a box. `a("S", seq, ack)` and `b(...)` send a segment and return what the box took it for."""

    def __init__(self, **sysctls: int) -> None:
        self.box = Box()
        for name, value in sysctls.items():
            setattr(self.box.ns.sysctl, f"nf_conntrack_{name}", value)

    def a(self, flags: str, seq: int, ack: int = 0, win: int = 64240, data: int = 0, options: bytes = b"") -> int:
        out = self.box.send(tcp(A, 1000, B, 80, flags, seq, ack, win, b"x" * data, options))
        return out[1] if out is not None else 0

    def b(self, flags: str, seq: int, ack: int = 0, win: int = 64240, data: int = 0, options: bytes = b"") -> int:
        out = self.box.send(tcp(B, 80, A, 1000, flags, seq, ack, win, b"x" * data, options))
        return out[1] if out is not None else 0

    def open(self, options: bytes = SCALE_7) -> Talk:
        """A sends from 101, B from 501."""
        assert self.a("S", 100, options=options) == NEW
        assert self.b("SA", 500, 101, options=options) == ESTABLISHED
        assert self.a("A", 101, 501, win=502) == ESTABLISHED
        return self

    @property
    def state(self) -> str:
        entries = self.box.ct.entries()
        return STATE_NAMES[entries[0].tcp.state] if entries and entries[0].tcp is not None else "-"

    @property
    def seconds(self) -> int:
        return int(show(self.box.ns).split()[2])


def test_a_connection_from_its_syn_to_time_wait() -> None:
    talk = Talk()
    told = []
    for side, flags, seq, ack in (
        (talk.a, "S", 100, 0), (talk.b, "SA", 500, 101), (talk.a, "A", 101, 501), (talk.a, "FA", 101, 501), (talk.b, "A", 501, 102),
        (talk.b, "FA", 501, 102), (talk.a, "A", 102, 502),
    ):  # fmt: skip
        side(flags, seq, ack)
        told.append((talk.state, talk.seconds))
    assert told == [
        ("SYN_SENT", 120), ("SYN_RECV", 60), ("ESTABLISHED", 432000), ("FIN_WAIT", 120), ("CLOSE_WAIT", 60), ("LAST_ACK", 30), ("TIME_WAIT", 120),
    ]  # fmt: skip
    assert "ct: SYN_RECV → ESTABLISHED" in talk.box.steps
    talk.box.wait(120)
    assert talk.state == "-"


def test_the_third_segment_assures_it() -> None:
    talk = Talk()
    talk.a("S", 100)
    talk.b("SA", 500, 101)
    assert not talk.box.ct.entries()[0].status & bits.ASSURED
    talk.a("A", 101, 501)
    assert talk.box.ct.entries()[0].status & bits.ASSURED


def test_repeated_syns_do_not_keep_an_unanswered_connection() -> None:
    talk = Talk()
    talk.a("S", 100)
    for _ in range(3):
        talk.box.wait(30)
        talk.a("S", 100)
    assert talk.seconds == 30


def test_a_refused_connection_is_forgotten_at_once() -> None:
    talk = Talk()
    talk.a("S", 100)
    assert talk.b("RA", 0, 101) == ESTABLISHED
    assert talk.state == "-"


def test_a_reset_closes_for_ten_seconds() -> None:
    talk = Talk().open()
    assert talk.b("R", 501) == ESTABLISHED
    assert (talk.state, talk.seconds) == ("CLOSE", 10)


def test_unacknowledged_data_is_waited_for_five_minutes() -> None:
    talk = Talk().open()
    talk.a("PA", 101, 501, data=10)
    assert talk.seconds == 300
    talk.b("A", 501, 111)
    assert talk.seconds == 432000


def test_a_segment_beyond_the_window_is_invalid() -> None:
    talk = Talk().open()
    assert talk.a("PA", 101 + 70000 * 128, 501, data=10) == INVALID
    assert talk.a("PA", 101, 501 + 5, data=10) == INVALID  # acknowledges what B never sent
    assert talk.a("PA", 101, 501, data=10) == ESTABLISHED
    assert "ct: INVALID: acknowledges 506, which was not sent (501)" in talk.box.steps


def test_an_old_segment_is_let_through_and_changes_nothing() -> None:
    talk = Talk().open()
    talk.a("PA", 101, 501, data=1000)
    talk.b("A", 501, 1101)
    before = show(talk.box.ns)
    talk.box.wait(1)
    assert talk.a("PA", 101 - 70000 * 128, 501, data=10) == ESTABLISHED
    assert int(before.split()[2]) - talk.seconds == 1


def test_the_window_is_scaled_only_if_both_asked_for_it() -> None:
    talk = Talk().open()
    assert talk.b("A", 501, 101, win=500) == ESTABLISHED  # 64000
    assert talk.a("PA", 101 + 60000, 501, data=1000) == ESTABLISHED
    talk = Talk()
    talk.a("S", 100, options=SCALE_7)
    talk.b("SA", 500, 101, win=500)
    talk.a("A", 101, 501)
    assert talk.a("PA", 101 + 60000, 501, data=1000) == INVALID


def test_be_liberal_takes_what_is_out_of_the_window() -> None:
    talk = Talk(tcp_be_liberal=1).open()
    assert talk.a("PA", 101 + 70000 * 128, 501, data=10) == ESTABLISHED


def test_a_sack_beyond_the_ack_is_no_acknowledgement_of_unsent_data() -> None:
    talk = Talk().open()
    talk.a("PA", 101, 501, data=100)
    talk.a("PA", 201, 501, data=100)
    sack = b"\x01\x01\x05\x0a" + (201).to_bytes(4, "big") + (301).to_bytes(4, "big")
    assert talk.b("A", 501, 101, options=sack) == ESTABLISHED
    unsent = b"\x01\x01\x05\x0a" + (301).to_bytes(4, "big") + (401).to_bytes(4, "big")
    assert talk.b("A", 501, 101, options=unsent) == INVALID


def test_a_connection_picked_up_in_its_middle_is_trusted_a_little() -> None:
    talk = Talk()
    assert talk.a("A", 1000, 2000) == NEW
    assert (talk.state, talk.seconds) == ("ESTABLISHED", 300)
    assert talk.b("A", 2000, 1000) == ESTABLISHED
    assert talk.seconds == 300
    talk.a("A", 1000, 2000)
    assert talk.seconds == 432000
    assert Talk(tcp_loose=0).a("A", 1000, 2000) == INVALID


def test_a_reset_with_another_number_than_expected_is_not_believed() -> None:
    talk = Talk().open()
    talk.b("A", 501, 101)
    assert talk.b("R", 400) == INVALID  # before what A has acknowledged
    assert talk.b("R", 900) == ESTABLISHED  # in the window: A will answer with a challenge ACK, the connection stays
    assert (talk.state, talk.seconds) == ("ESTABLISHED", 10)
    assert talk.a("A", 101, 501) == ESTABLISHED
    assert talk.state == "ESTABLISHED"
    assert talk.b("R", 501) == ESTABLISHED
    assert talk.state == "CLOSE"


def test_a_reset_may_be_out_of_place_if_told_to_ignore_that() -> None:
    talk = Talk(tcp_ignore_invalid_rst=1).open()
    talk.b("A", 501, 101)
    assert talk.b("R", 400) == ESTABLISHED


def test_a_new_syn_reopens_a_closed_connection_as_a_new_one() -> None:
    talk = Talk().open()
    talk.a("FA", 101, 501)
    talk.b("FA", 501, 102)
    talk.a("A", 102, 502)
    old = talk.box.ct.entries()[0]
    assert talk.a("S", 90000) == NEW
    assert talk.box.ct.entries() != [old]
    assert talk.state == "SYN_SENT"
    assert talk.box.ct.count == 1


def test_an_aborted_connection_is_reopened_too() -> None:
    talk = Talk().open()
    talk.a("R", 101)
    assert talk.a("S", 90000) == NEW
    assert talk.state == "SYN_SENT"


def test_a_syn_in_an_open_connection_gets_its_answer_and_conntrack_follows_the_ends() -> None:
    talk = Talk().open()
    assert talk.a("S", 7_000_000, options=SCALE_7) == ESTABLISHED  # let through, in doubt
    assert talk.state == "ESTABLISHED"
    assert talk.b("SA", 9_000_000, 7_000_001, options=SCALE_7) == ESTABLISHED
    assert talk.state == "SYN_RECV"
    assert talk.a("A", 7_000_001, 9_000_001) == ESTABLISHED
    assert talk.state == "ESTABLISHED"


def test_a_challenge_ack_does_not_end_a_connection_that_waits_for_its_last_ack() -> None:
    talk = Talk().open()
    talk.a("FA", 101, 501)
    talk.b("FA", 501, 102)
    assert talk.state == "LAST_ACK"
    talk.a("S", 5000)
    assert talk.b("A", 502, 102) == ESTABLISHED
    assert talk.state == "LAST_ACK"


def test_simultaneous_open() -> None:
    talk = Talk()
    talk.a("S", 100)
    assert talk.b("S", 500) == ESTABLISHED
    assert talk.state == "SYN_SENT2"
    talk.a("SA", 100, 501)
    assert talk.state == "SYN_RECV"
    talk.b("A", 501, 101)
    assert talk.state == "ESTABLISHED"


def test_fins_out_of_the_window_from_both_sides_shorten_the_wait() -> None:
    talk = Talk().open()
    assert talk.a("FA", 101 + 70000 * 128, 501) == INVALID
    assert talk.seconds == 432000
    assert talk.b("FA", 501 + 70000 * 128, 101) == INVALID
    assert talk.seconds == 300


def test_data_retransmitted_again_and_again_shortens_the_wait() -> None:
    talk = Talk(tcp_timeout_max_retrans=200).open()
    for _ in range(4):
        talk.a("PA", 101, 501, data=10)
    assert talk.seconds == 200


def test_a_window_closed_for_good_shortens_the_wait() -> None:
    talk = Talk().open()
    talk.b("A", 501, 101, win=0)
    assert talk.seconds == 300


@pytest.mark.parametrize("direction", [0, 1])
def test_the_table_is_whole(direction: int) -> None:
    assert [len(row) for row in TRANSITIONS[direction]] == [MAX] * 6
    assert all(0 <= state <= MAX + 1 for row in TRANSITIONS[direction] for state in row)


def test_push_and_ecn_flags_do_not_matter() -> None:
    assert SEGMENT_KIND[0x02] == SEGMENT_KIND[0xC2] == SEGMENT_KIND[0x0A] == SYN_SET
    assert SEGMENT_KIND[0x03] == -1
    assert SEGMENT_KIND[0x01] == -1  # a FIN always has its ACK
