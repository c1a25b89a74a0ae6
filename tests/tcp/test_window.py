"""What the window field says, and why."""
from __future__ import annotations

from itertools import pairwise

import pytest

from emu.tcp import Settings
from emu.tcp.window import initial
from tests.tcp.pair import MS, Pair, roundtrip


@pytest.mark.parametrize(("mss", "window"), [(1460, 64240), (1448, 65160), (65495, 65495), (65483, 65483), (1410, 64860), (536, 65392)])
def test_the_first_window_is_whole_segments_of_half_the_buffer(mss, window):
    assert initial(Settings(), mss, True)[0] == window


@pytest.mark.parametrize(("most", "scale"), [(6_291_456, 7), (33_554_432, 10), (131_072, 7)])
def test_the_scale_covers_the_largest_buffer(most, scale):
    settings = Settings()
    settings.tcp_rmem = (4096, 131_072, most)
    assert initial(settings, 1460, True)[2] == scale if most > settings.rmem_max else 7


def test_without_window_scaling_the_field_is_the_window():
    pair = Pair()
    pair.server.settings.tcp_window_scaling = False
    pair.open()
    assert [segment.wscale for segment in pair.client.said()[:1] + pair.server.said()[:1]] == [10, None]
    pair.write(pair.client, b"x")
    pair.run(MS)
    assert pair.client.said()[-1].window == 64240
    assert pair.server.tcp.snd_wnd == 64240


def test_the_window_opens_for_a_fast_sender_and_a_fast_reader():
    pair = Pair(delay=5 * MS).open()
    before = pair.client.tcp.rcvbuf
    left = bytes(2_000_000)
    while left:
        left = left[pair.write(pair.server, left):]
        pair.step()
    pair.run(200 * MS)
    assert len(pair.client.received) == 2_000_000
    assert pair.client.tcp.rcvbuf > 4 * before


def test_what_was_offered_is_never_taken_back():
    pair = Pair(delay=MS).open()
    pair.client.reads = False
    left = bytes(200_000)
    for _ in range(300):
        left = left[pair.write(pair.server, left):]
        if not pair.step():
            break
    right_edges = [(segment.ack + (segment.window << 10)) for segment in pair.client.said()[2:]]
    assert right_edges == sorted(right_edges)


def test_a_full_window_is_closed_probed_and_opened_by_the_reader():
    pair = Pair(delay=MS).open()
    pair.client.reads = False
    left = bytes(200_000)
    start = pair.now
    while pair.now < start + 3_000 * MS:
        left = left[pair.write(pair.server, left):]
        if not pair.step():
            break
    assert pair.client.said()[-1].window == 0
    probes = [(when - start) // MS for when, segment in pair.server.sent if not segment.payload and segment.seq == pair.server.tcp.snd_una - 1]
    gaps = [later - earlier for earlier, later in pairwise(probes)]
    assert len(probes) >= 3
    assert all(1.9 < later / earlier < 2.1 for earlier, later in pairwise(gaps))
    told = len(pair.client.sent)
    pair.read(pair.client)
    assert pair.client.said(told)[0].window > 0
    roundtrip(pair.client, pair.server)
    assert pair.server.said()[-1].payload
