"""The same story told by Linux 6.18 and by the machine.

linux/*.txt were captured between two network namespaces (MTU 1500, offloads off, cubic, HZ=250) joined by a relay that delays every frame and drops
some by number: time in ms, who, the segment (sequence numbers relative, timestamps not shown). Each side must say the same segments in the same
order: flags, lengths, options, windows. Times may differ by what the kernel's timer ticks and a program's wake-up add.
"""
from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

import pytest

from emu.tcp import Segment
from tests.tcp.pair import MS, Host, Pair

LINUX = Path(__file__).with_name("linux")


class Story(NamedTuple):
    """What the programs do and when (ms); which segments of whom the wire loses, by number; where the capture was taken."""

    does: list[tuple[float, str, str, int]]
    seen_at: str = "C"
    delay_ms: float = 5
    lost: dict[str, range | list[int]] = {}
    windows: bool = True   # False: the reader's speed, which is not the machine's, decides the windows and how many ACKs there are
    server_reads: bool = True
    server: bool = True
    mss: int = 1460


BEGIN = [(20, "C", "connect", 0), (60, "C", "write", 77)]
NEVER = range(1_000_000)

STORIES = {
    "two-requests": Story([
        (0, "C", "connect", 0), (30, "C", "write", 77), (51, "S", "write", 300), (80, "C", "write", 77), (103, "S", "write", 3000),
        (300, "C", "close", 0), (310, "S", "close", 0), (500, "", "end", 0)]),
    "server-closes-first": Story([
        (0, "C", "connect", 0), (30, "C", "write", 77), (51, "S", "write", 300), (53, "S", "close", 0), (200, "C", "close", 0), (400, "", "end", 0)]),
    "half-close": Story([
        (0, "C", "connect", 0), (30, "C", "write", 77), (60, "C", "shutdown", 0), (91, "S", "write", 5000), (200, "S", "close", 0), (300, "C", "close", 0),
        (400, "", "end", 0)]),
    "close-with-unread-data": Story([(0, "C", "connect", 0), (10, "C", "write", 77), (100, "S", "close", 0), (200, "", "end", 0)], delay_ms=.02,
                                    server_reads=False),
    "abort": Story([(0, "C", "connect", 0), (10, "C", "write", 77), (100, "C", "abort", 0), (200, "", "end", 0)], delay_ms=.02),
    "refused": Story([(0, "C", "connect", 0), (100, "", "end", 0)], delay_ms=.02, server=False),
    "small-writes": Story([(20, "C", "connect", 0), *[(60 + 3 * n, "C", "write", 100) for n in range(8)], (300, "", "end", 0)]),
    "both-close-at-once": Story([
        *BEGIN, (100, "C", "shutdown", 0), (100, "S", "shutdown", 0), (200, "C", "close", 0), (200, "S", "close", 0), (400, "", "end", 0)]),
    "data-for-a-closed-program": Story([*BEGIN, (100, "C", "close", 0), (150, "S", "write", 100), (400, "", "end", 0)]),
    "nobody-answers-the-syn": Story([(20, "C", "connect", 0), (12_500, "", "end", 0)], delay_ms=.02, lost={"C": NEVER}),
    "last-ack-of-the-handshake-lost": Story([(20, "C", "connect", 0), (8_500, "", "end", 0)], seen_at="S", delay_ms=.02, lost={"C": range(1, 1000)}),
    "ack-of-the-handshake-lost-then-data": Story([*BEGIN, (100, "S", "write", 30), (1500, "", "end", 0)], seen_at="S", lost={"C": [1]}),
    "request-lost": Story([*BEGIN, (500, "S", "write", 300), (1000, "C", "close", 0), (1050, "S", "close", 0), (1200, "", "end", 0)], lost={"C": [2]}),
    "answer-lost": Story([*BEGIN, (91, "S", "write", 300), (1600, "S", "close", 0), (1650, "C", "close", 0), (1800, "", "end", 0)],
                         seen_at="S", lost={"S": [2]}),
    "three-segments-lost-again-and-again": Story([*BEGIN, (91, "S", "write", 3000), (9000, "", "end", 0)], seen_at="S", lost={"S": range(2, 8)}),
    "one-segment-of-many-lost": Story([*BEGIN, (91, "S", "write", 30_000), (600, "S", "close", 0), (650, "C", "close", 0), (800, "", "end", 0)],
                                      seen_at="S", lost={"S": [6]}, windows=False),
    "a-segment-and-its-repetition-lost": Story([*BEGIN, (91, "S", "write", 40_000), (3000, "", "end", 0)], seen_at="S", lost={"S": [5, 17]}, windows=False),
    "three-losses": Story([*BEGIN, (91, "S", "write", 40_000), (800, "", "end", 0)], seen_at="S", lost={"S": [4, 9, 13]}, windows=False),
    "loopback": Story([
        (20, "C", "connect", 0), (60, "C", "write", 77), (70, "S", "write", 100_000), (200, "S", "close", 0), (250, "C", "close", 0), (400, "", "end", 0)],
        seen_at="S", delay_ms=.02, windows=False, mss=65495),
    "fin-lost": Story([*BEGIN, (100, "C", "shutdown", 0), (1200, "S", "close", 0), (1300, "C", "close", 0), (1500, "", "end", 0)], lost={"C": [3]}),
    "last-ack-lost": Story([*BEGIN, (100, "S", "write", 30), (200, "C", "close", 0), (260, "S", "close", 0), (1500, "", "end", 0)], lost={"C": [5]}),
}


@pytest.mark.parametrize("name", STORIES)
def test_the_machine_says_what_linux_says(name):
    story = STORIES[name]
    ours = tell(story)
    for who in "CS":
        if not story.windows and who != story.seen_at:
            continue
        theirs = [(ms, text) for ms, said_by, text in captured(name) if said_by == who]
        mine = [(ms, text) for ms, said_by, text in ours if said_by == who]
        strip = (lambda text: text) if story.windows else without_window
        assert [strip(text) for _, text in mine] == [strip(text) for _, text in theirs]
        for (my_ms, text), (their_ms, _) in zip(mine, theirs, strict=True):
            assert abs(my_ms - their_ms) < 35 + 0.07 * their_ms, f"{text}: {my_ms} ms, Linux {their_ms} ms"


def test_every_capture_has_its_story():
    assert sorted(path.stem for path in LINUX.glob("*.txt")) == sorted(STORIES)


def captured(name: str) -> list[tuple[float, str, str]]:
    lines = LINUX.joinpath(f"{name}.txt").read_text().splitlines()
    return [(float(ms), who, text) for ms, who, text in (line.split(maxsplit=2) for line in lines)]


def without_window(text: str) -> str:
    return re.sub(r" win \d+", "", text)


def tell(story: Story) -> list[tuple[float, str, str]]:
    """Play the story on a Pair; what a capture at one end would show."""
    pair = Pair(int(story.delay_ms * MS), story.mss)
    hosts = {"C": pair.client, "S": pair.server}
    for who, numbers in story.lost.items():
        hosts[who].lose = lambda number, segment, numbers=numbers: number in numbers
    pair.server.reads = story.server_reads
    if story.server:
        pair.listen()
    begin = pair.now
    waiting = {pair.client: b"", pair.server: b""}

    def push() -> None:
        for host, data in waiting.items():
            if data:
                waiting[host] = data[pair.write(host, data):]

    def until(when: int) -> None:
        while (due := pair.next_time()) is not None and due <= when:
            pair.step()
            push()
        pair.now = when
        pair.flush()

    for ms, who, what, size in story.does:
        until(begin + int(ms * MS))
        if what == "connect":
            pair.connect()
        elif what == "write":
            waiting[hosts[who]] += bytes(size)
            push()
        elif what != "end":
            getattr(pair, what)(hosts[who])
    return view(pair, hosts[story.seen_at])


def view(pair: Pair, here: Host) -> list[tuple[float, str, str]]:
    rows = [(when if host is here else when + pair.delay, index, host, segment)
            for index, (when, host, segment, lost) in enumerate(pair.log) if host is here or not lost]
    rows.sort(key=lambda row: row[:2])
    zero = {40000: 100_000, 80: 900_000}
    return [((when - rows[0][0]) / MS, "C" if host is pair.client else "S", text(segment, zero)) for when, _, host, segment in rows]


def text(segment: Segment, zero: dict[int, int]) -> str:
    shown = repr(Segment(
        segment.sport, segment.dport, segment.seq - zero[segment.sport] if segment.seq else 0, segment.ack - zero[segment.dport] if segment.ack else 0,
        segment.flags, segment.window, segment.payload, segment.ts_val, segment.ts_ecr,
        tuple((left - zero[segment.dport], right - zero[segment.dport]) for left, right in segment.sack),
        segment.mss, segment.wscale, segment.sack_permitted))
    return re.sub(r" TS \d+/\d+", " TS", shown.split(" ", 3)[3])
