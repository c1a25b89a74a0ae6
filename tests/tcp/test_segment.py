"""Segments to wire bytes and back, byte by byte as Linux writes them."""
from __future__ import annotations

import pytest

from emu.tcp.segment import ACK, FIN, PSH, RST, SYN, Segment, decode, encode, reset_for

ADDRESS_FREE_SYN = bytes.fromhex(
    "9c40 0050 000186a0 00000000 a002 faf0 0000 0000"   # header: 40 bytes long, SYN, window 64240, checksum 0
    "0204 05b4  0402 080a 0000041f 00000000  01 03030a"  # MSS 1460, SACK permitted + timestamps, NOP + window scale 10
)


def test_a_syn_has_its_options_in_linuxs_order():
    syn = Segment(40000, 80, 100_000, 0, SYN, 64240, mss=1460, sack_permitted=True, ts_val=1055, wscale=10)
    assert encode(syn) == ADDRESS_FREE_SYN
    assert decode(ADDRESS_FREE_SYN) == syn


def test_without_timestamps_every_option_fills_words():
    syn = Segment(1, 2, 0, 0, SYN, 64240, mss=1460, sack_permitted=True, wscale=7)
    assert encode(syn)[20:] == bytes.fromhex("020405b4 01010402 01030307")


def test_data_carries_nop_nop_timestamps():
    data = Segment(40000, 80, 1, 2, PSH | ACK, 63, b"hello", ts_val=3, ts_ecr=4)
    assert encode(data)[20:] == bytes.fromhex("0101080a 00000003 00000004") + b"hello"
    assert decode(encode(data)) == data


def test_sack_blocks_follow_the_timestamps():
    ack = Segment(40000, 80, 1, 2, ACK, 63, ts_val=3, ts_ecr=4, sack=((10, 20), (30, 40)))
    assert encode(ack)[32:] == bytes.fromhex("01010512 0000000a 00000014 0000001e 00000028")
    assert decode(memoryview(encode(ack))) == ack


@pytest.mark.parametrize("broken", [b"", bytes(19), bytes(12) + b"\x40" + bytes(7), bytes(12) + b"\x60" + bytes(7)],
                         ids=["nothing", "short", "header of 16", "header longer than the segment"])
def test_a_header_that_does_not_fit_is_no_segment(broken):
    assert decode(broken) is None


def test_options_that_make_no_sense_are_left_out_and_the_segment_stays():
    def syn(options):
        return decode(bytes.fromhex("00010002 00000000 00000000") + bytes(((20 + len(options)) << 2, SYN)) + bytes(6) + options)

    assert syn(bytes.fromhex("fe040102 020405b4")).mss == 1460            # unknown: skipped
    assert syn(bytes.fromhex("0304 0000 020405b4")).wscale is None        # wrong length: skipped
    assert syn(bytes.fromhex("0200 0000 020405b4")).mss is None           # length 0: reading ends
    assert syn(bytes.fromhex("01010101 020805b4")).mss is None            # runs past the header: reading ends
    assert syn(bytes.fromhex("00000000 020405b4")).mss is None            # after the end of the list
    assert syn(bytes.fromhex("01030320")).wscale == 14                    # never more than 14 (RFC 7323)
    assert syn(bytes.fromhex("02040000")).mss is None


def test_mss_and_scale_count_on_a_syn_only():
    ack = decode(bytes.fromhex("00010002 00000000 00000000 8010 0000 0000 0000 020405b4 0402 0101 01030307"))
    assert (ack.mss, ack.sack_permitted, ack.wscale) == (None, False, None)


def test_nobody_home_answers_a_syn_with_reset_and_its_number():
    assert reset_for(Segment(40000, 80, 5, 0, SYN, 64240)) == Segment(80, 40000, 0, 6, RST | ACK)
    assert reset_for(Segment(40000, 80, 5, 0, FIN, 0, b"abc")) == Segment(80, 40000, 0, 9, RST | ACK)


def test_nobody_home_answers_an_ack_with_a_bare_reset():
    assert reset_for(Segment(40000, 80, 5, 77, ACK, 64240, b"abc", ts_val=1)) == Segment(80, 40000, 77, 0, RST)


def test_a_reset_is_never_answered():
    assert reset_for(Segment(40000, 80, 5, 77, RST | ACK)) is None


def test_a_segment_prints_as_tcpdump_prints_it():
    assert repr(Segment(40000, 80, 1, 2, PSH | ACK, 63, b"hello", ts_val=3, ts_ecr=4)) == "40000 > 80 [P.] seq 1:6 ack 2 win 63 TS 3/4 length 5"
