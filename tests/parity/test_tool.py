"""The tool itself: what it says of scripts that differ, expect in vain, capture nothing; what it does with them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.parity import __main__, golden, judge, kernel, known
from tests.parity.compare import Comparison, Difference
from tests.parity.judge import Verdict
from tests.parity.lots import HIT, MISS, Draws, Played
from tests.parity.report import report
from tests.parity.script import load

Recorded = Callable[..., tuple[Path, Path]]
PING = """# A host asks itself.
# expect: status 0
# expect: output 1 received
# expect: host.lo rx icmp echo reply = 1
ip link set lo up
ping -c1 127.0.0.1
ip route add blackhole 10.0.0.0/8
"""


@pytest.fixture
def recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Recorded:
    """Writes a script and, as its golden file, what the emulator does; in folders of their own."""
    monkeypatch.setattr(golden, "GOLDEN", tmp_path / "golden")

    def make(text: str, draws: Draws | None = None) -> tuple[Path, Path]:
        path = tmp_path / "subject.sh"
        path.write_text(text)
        script = load(path)
        observed, played = judge.play(script, Played(None, draws or {}))
        golden.write(script, observed, report(script, observed), played.draws)
        return path, tmp_path / "golden" / "subject.txt"

    return make


def told(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, list[str]]:
    status = __main__.main([*arguments])
    return status, capsys.readouterr().out.splitlines()


def test_a_script_that_does_the_same(recorded: Recorded, capsys: pytest.CaptureFixture[str]) -> None:
    path, _ = recorded(PING)
    assert told(capsys, str(path)) == (0, ["subject: 4 of 4 frames equal", "4 of 4 frames equal, 1 of 1 scripts as the kernel"])


def test_a_frame_a_status_and_a_table_that_differ_are_shown(recorded: Recorded, capsys: pytest.CaptureFixture[str]) -> None:
    path, file = recorded(PING)
    text = file.read_text()
    frame = "rx 00:00:00:00:00:00>00:00:00:00:00:00 ip 127.0.0.1>127.0.0.1 ttl 64 id x"
    for before, after in ((frame, "rx another frame"), ("ping -c1 127.0.0.1 -> 0", "ping -c1 127.0.0.1 -> 2")):
        assert before in text
        text = text.replace(before, after)
    file.write_text(text.replace("blackhole 10.0.0.0/8", "prohibit 10.0.0.0/8"))
    status, lines = told(capsys, str(path))
    assert (status, lines[0], lines[-1]) == (1, "subject: 3 of 4 frames equal  DIFFERS", "3 of 4 frames equal, 0 of 1 scripts as the kernel")
    for line in (
        "  commands in host (- kernel, + emulator)", "    -ping -c1 127.0.0.1 -> 2", "    +ping -c1 127.0.0.1 -> 0",
        "  ip route in host (- kernel, + emulator)", "    -prohibit 10.0.0.0/8", "    +blackhole 10.0.0.0/8",
        "  frames of host.lo (- kernel, + emulator)",
    ):  # fmt: skip
        assert line in lines
    assert any(line.startswith("    -rx another frame") for line in lines)
    assert "differ: subject" in lines


def test_the_same_as_json(recorded: Recorded, capsys: pytest.CaptureFixture[str]) -> None:
    path, file = recorded(PING)
    file.write_text(file.read_text().replace("blackhole", "prohibit"))
    status, lines = told(capsys, "--json", str(path))
    data = json.loads("\n".join(lines))
    assert (status, data["equal"], data["frames"], data["stale"]) == (1, 4, 4, [])
    assert [(script["script"], script["fine"]) for script in data["scripts"]] == [("subject", False)]
    assert {"-prohibit 10.0.0.0/8", "+blackhole 10.0.0.0/8"} < {line for difference in data["scripts"][0]["differences"] for line in difference["lines"]}


def test_a_listed_difference_does_not_fail_and_a_stale_entry_does(
    recorded: Recorded, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, file = recorded(PING)
    listed = tmp_path / "known-differences.toml"
    monkeypatch.setattr(known, "FILE", listed)
    listed.write_text(
        '[[difference]]\nscript = "subject"\nwhere = "ip route in host"\nreason = "this is only here to be listed"\n'
        '[[difference]]\nscript = "subject"\nwhere = "commands in host"\nreason = "this is only here to be listed"\nsometimes = true\n'
    )
    plain = file.read_text()
    file.write_text(plain.replace("blackhole 10.0.0.0/8\n\n", "prohibit 10.0.0.0/8\n\n"))
    status, lines = told(capsys, str(path))
    assert (status, lines[0]) == (0, "subject: 4 of 4 frames equal  known differences")
    assert "  ip route in host (- kernel, + emulator) known: this is only here to be listed" in lines
    file.write_text(plain)
    status, lines = told(capsys, str(path))
    assert status == 1
    assert "known-differences.toml: subject: ip route in host: no such difference any more" in lines


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("# expect: output 2 received", "expect: output 2 received: 0 of "),
        ("# expect: host.lo tx icmp echo reply = 2", "expect: host.lo tx icmp echo reply = 2: 1 of 2 lines match"),
        ("# expect: host.eth0 rx arp", "expect: host.eth0 rx arp: 0 of 0 lines match"),
        ("# expect: status 1", "expect: status 1: it is 0"),
    ],
)
def test_an_expectation_must_hold_on_both_sides(recorded: Recorded, capsys: pytest.CaptureFixture[str], line: str, said: str) -> None:
    path, _ = recorded(line + "\n" + PING.replace("# expect: status 0\n", "") if "status" in line else line + "\n" + PING)
    status, lines = told(capsys, str(path))
    assert status == 1
    for side in ("on the kernel", "in the emulator"):
        assert [text for text in lines if text.startswith(f"  {side}: {said}")]


def test_a_script_that_captures_nothing_fails(recorded: Recorded, capsys: pytest.CaptureFixture[str]) -> None:
    path, _ = recorded("# Nothing.\n# expect: status 0\n# expect: no output Unreachable\nip link set lo up\n")
    status, lines = told(capsys, str(path))
    assert status == 1
    assert lines[1:3] == ["  on the kernel: captured nothing", "  in the emulator: captured nothing"]


def test_a_command_that_fails_alike_on_both_sides_is_not_equal(recorded: Recorded, capsys: pytest.CaptureFixture[str]) -> None:
    path, _ = recorded(PING.replace("ip link set lo up\n", ""))
    assert told(capsys, str(path))[0] == 1


def test_a_golden_file_of_another_script_is_not_compared_with(recorded: Recorded, capsys: pytest.CaptureFixture[str]) -> None:
    path, file = recorded(PING)
    path.write_text(PING + "ip addr\n")
    status, lines = told(capsys, str(path))
    assert (status, lines[1]) == (1, "  the script has changed since it was recorded (tools/parity --record)")
    file.unlink()
    assert told(capsys, str(path))[1][1] == "  not recorded (tools/parity --record)"


@pytest.mark.parametrize(("word", "drawn", "counted"), [("hit", HIT, "[1:30]"), ("miss", MISS, "[0:0]")])
def test_what_the_kernel_drew_is_in_the_golden_file_and_drawn_again(
    word: str, drawn: int, counted: str, recorded: Recorded, capsys: pytest.CaptureFixture[str]
) -> None:
    script = PING + (
        "iptables -t nat -A POSTROUTING -p udp -j SNAT --to-source 127.0.0.1:20000-30000 --random-fully\n"
        "iptables -A OUTPUT -p udp -m statistic --mode random --probability 0.5\n"
        "echo x | nc -u -w1 127.0.0.1 9; : 23456\n"
    )
    path, file = recorded(script, {"host/nat": [23456], "host/statistic": [drawn]})
    text = file.read_text()
    assert text.endswith(f"\n=== drawn by the kernel\nhost/nat 23456\nhost/statistic {word}\n")
    assert f"{counted} -A OUTPUT -p udp -m statistic" in text
    assert "udp 23456>9" in text
    assert told(capsys, str(path))[0] == 0


# -- asking the kernel ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("option", ["--fresh", "--record"])
def test_without_root_one_line_says_so(option: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernel.os, "geteuid", lambda: 1000)
    assert __main__.main([option]) == 2
    assert capsys.readouterr().err == "tools/parity: asking the kernel needs root\n"


def test_a_script_that_cannot_be_judged_fails_and_the_others_are_run(recorded: Recorded, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path, _ = recorded(PING)
    other = tmp_path / "other.sh"
    other.write_text("# expect: status 0\nip link\n")
    status, lines = told(capsys, str(other), str(path))
    assert status == 1
    assert lines[:3] == [
        "other: 0 of 0 frames equal  DIFFERS", f"  {other}: says only what its exit status is: `# expect:` who received what", "subject: 4 of 4 frames equal",
    ]  # fmt: skip


def test_a_script_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert __main__.main(["no-such-script"]) == 2
    assert "no-such-script.sh" in capsys.readouterr().err


DIFFERENT = Verdict("subject", Comparison(3, 4, [Difference("frames of a.b", ("-x", "+y"))]))
SAME = Verdict("subject", Comparison(4, 4, []))


@pytest.mark.parametrize(("tries", "status"), [([DIFFERENT, SAME], 0), ([DIFFERENT, DIFFERENT], 1)])
def test_a_difference_is_tried_once_more_and_both_are_shown(
    tries: list[Verdict], status: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = tmp_path / "subject.sh"
    path.write_text(PING)
    coming = iter([Verdict(verdict.name, verdict.comparison) for verdict in tries])
    monkeypatch.setattr(judge, "once", lambda script, cpu: (next(coming), None))
    monkeypatch.setattr(kernel, "why_not", lambda: None)
    monkeypatch.setattr(__main__, "run_all", lambda jobs, cpus, at_a_time: (job(0) for _, job in jobs))
    assert told(capsys, "--fresh", str(path))[0] == status
    monkeypatch.setattr(judge, "once", lambda script, cpu: (Verdict("subject", SAME.comparison), None))
    assert next(coming, None) is None


def test_both_tries_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    shown = __main__.Told(known.Known([], []), as_json=False)
    shown.one(Verdict("subject", SAME.comparison, earlier=DIFFERENT))
    assert capsys.readouterr().out.splitlines() == [
        "subject: 4 of 4 frames equal  the first try differed", "  the first try:", "    frames of a.b (- kernel, + emulator)", "      -x", "      +y",
    ]  # fmt: skip
