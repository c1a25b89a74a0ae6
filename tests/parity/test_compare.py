"""Differences, expectations and the list of known differences."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.parity.compare import Difference, compare, unmet
from tests.parity.known import KnownError, load
from tests.parity.report import Report
from tests.parity.script import Script, expectation

FRAMES = [f"tx frame {number}" for number in range(9)]


def test_equal_reports_have_every_frame_equal() -> None:
    sections: Report = {"exit status": ["0"], "frames of a.eth0": FRAMES, "frames of b.eth0": FRAMES[:2]}
    result = compare(sections, {key: list(lines) for key, lines in sections.items()})
    assert (result.equal_frames, result.all_frames, result.differences) == (11, 11, [])


def test_a_frame_that_differs_is_shown_with_what_stands_around_it() -> None:
    result = compare({"frames of a.eth0": FRAMES}, {"frames of a.eth0": FRAMES[:4] + ["tx another"] + FRAMES[5:]})
    assert (result.equal_frames, result.all_frames) == (8, 9)
    assert result.differences == [
        Difference(
            "frames of a.eth0",
            ("@@ -2,7 +2,7 @@", " tx frame 1", " tx frame 2", " tx frame 3", "-tx frame 4", "+tx another", " tx frame 5", " tx frame 6", " tx frame 7"),
        )
    ]


@pytest.mark.parametrize(
    ("kernel", "emulator"),
    [
        ({"frames of a.eth0": FRAMES}, {"frames of a.eth0": FRAMES[::-1]}),
        ({"frames of a.eth0": FRAMES}, {}),
        ({}, {"frames of a.eth0": FRAMES}),
        ({"exit status": ["0"]}, {"exit status": ["1"]}),
        ({"commands in host": ["ping x -> 0"]}, {"commands in host": ["ping x -> 1"]}),
        ({"ip route in red": ["default via 10.0.0.1 dev eth0"]}, {}),
    ],
)
def test_each_kind_of_difference_counts(kernel: Report, emulator: Report) -> None:
    result = compare(kernel, emulator)
    assert [difference.where for difference in result.differences] == [*(kernel or emulator)]
    assert result.equal_frames < result.all_frames or "frames of a.eth0" not in (kernel or emulator)


ASKED = ["tx arp who-has 10.0.0.1 tell 10.0.0.2 b.eth0>a.eth0", "rx arp reply 10.0.0.1 is-at a.eth0 to 10.0.0.2 a.eth0>b.eth0"]


def test_a_neighbour_may_be_refreshed_at_another_moment() -> None:
    result = compare({"frames of b.eth0": [*FRAMES, *ASKED]}, {"frames of b.eth0": [*FRAMES[:5], ASKED[0], FRAMES[5], ASKED[1], *FRAMES[6:]]})
    assert (result.equal_frames, result.all_frames, result.differences, result.moved) == (11, 11, [], 1)


@pytest.mark.parametrize(
    "emulator",
    [
        FRAMES,
        [*FRAMES, *ASKED, *ASKED],
        [*FRAMES, ASKED[0]],
        [*FRAMES[:5], *ASKED, *FRAMES[5:-2], FRAMES[-1], FRAMES[-2]],
        [*FRAMES[:5], ASKED[0].replace(">a.eth0", ">ff"), ASKED[1], *FRAMES[5:]],
    ],
)
def test_but_it_must_be_refreshed_and_nothing_else_may_move(emulator: list[str]) -> None:
    assert compare({"frames of b.eth0": [*FRAMES, *ASKED]}, {"frames of b.eth0": emulator}).differences
    broadcast = [line.replace(">a.eth0", ">ff") for line in ASKED]
    assert compare({"frames of b.eth0": [*FRAMES, *broadcast]}, {"frames of b.eth0": [*broadcast, *FRAMES]}).differences


def test_what_is_printed_is_not_compared() -> None:
    assert not compare({"output": ["rtt 0.03"]}, {"output": ["rtt 0.04"]}).differences


SIDE: Report = {"exit status": ["0"], "frames of red.eth0": ["tx arp who-has 10.0.0.2", "rx arp reply", "tx echo", "tx echo"], "output": ["1 received"]}


@pytest.mark.parametrize(
    "met",
    ["status 0", "output [0-9] received", "no output Unreachable", "red.eth0 tx arp who-has", "red.eth0 tx echo = 2", "red.eth0 rx echo = 0", "lo.x tx e = 0"],
)
def test_an_expectation_that_holds(met: str) -> None:
    assert unmet(Script("s", Path("s.sh"), "", [expectation(met, "")]), SIDE) == []


@pytest.mark.parametrize(
    "broken",
    ["status 1", "output 2 received", "no output received", "red.eth0 rx arp who-has", "red.eth0 tx echo = 1", "red.eth0 tx rx arp", "blue.eth0 tx echo"],
)
def test_an_expectation_that_does_not_hold_is_told(broken: str) -> None:
    complaints = unmet(Script("s", Path("s.sh"), "", [expectation(broken, "")]), SIDE)
    assert len(complaints) == 1
    assert complaints[0].startswith(f"expect: {broken}: ")


def test_a_side_that_captured_nothing_is_told() -> None:
    assert unmet(Script("s", Path("s.sh"), "", [expectation("status 0", "")]), {"exit status": ["0"], "output": []}) == ["captured nothing"]


# -- known differences --------------------------------------------------------------------------------------------------------------

REASON = "the kernel hashes with a secret of the machine"
ENTRY = f'[[difference]]\nscript = "route-*"\nwhere = "ip route in red"\nlines = ["^[-+].*cache"]\nreason = "{REASON}"\n'
LISTED = Difference("ip route in red", (" a", "-b cache 1", "+b cache 2"))


def known(tmp_path: Path, text: str):  # type: ignore[no-untyped-def]
    path = tmp_path / "known-differences.toml"
    path.write_text(text)
    return load(path)


def test_a_listed_difference_is_known_but_nothing_more_than_it(tmp_path: Path) -> None:
    entries = known(tmp_path, ENTRY)
    assert entries.entry("route-cache", LISTED) == 0
    assert entries.entry("arp-cache", LISTED) is None
    assert entries.entry("route-cache", Difference("ip route in blue", LISTED.lines)) is None
    assert entries.entry("route-cache", Difference(LISTED.where, (*LISTED.lines, "+c"))) is None


def test_an_entry_that_is_not_needed_any_more_is_told(tmp_path: Path) -> None:
    entries = known(tmp_path, ENTRY)
    assert entries.stale(["route-cache"], {0}, everything=False) == []
    assert entries.stale(["arp-states"], set(), everything=False) == []
    assert entries.stale(["route-cache"], set(), everything=False) == ["known-differences.toml: route-*: ip route in red: no such difference any more"]
    assert entries.stale(["arp-states"], set(), everything=True) != []
    assert known(tmp_path, ENTRY + "sometimes = true\n").stale(["route-cache"], set(), everything=True) == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[[difference]\n", "Expected"),
        ('[[difference]]\nscript = "a"\n', "missing 2 required"),
        (ENTRY.replace(REASON, "it differs"), "this is no reason: 'it differs'"),
        (ENTRY.replace("cache", "("), "missing \\)"),
        ("[[other]]\n", "not understood: other"),
    ],
)
def test_an_entry_that_says_too_little_is_refused(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(KnownError, match=said):
        known(tmp_path, text)
