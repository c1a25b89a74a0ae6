"""The command line as a user meets it."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from emu import __version__
from emu.cli import main
from emu.cli.errors import one_line
from emu.scenarios import story
from emu.scenarios.catalog import STORIES, VARIANTS

ROOT = Path(__file__).parents[2]
SHORT, OTHER = "container-to-container", "pod-to-pod-same-node"
EMU = [sys.executable, "-P", "-m", "emu"]


class Result:
    def __init__(self, status: int, out: str, err: str) -> None:
        self.status, self.out, self.err = status, out, err


@pytest.fixture
def emu(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Runs a command line in an empty directory."""
    monkeypatch.chdir(tmp_path)

    def run(*argv: str) -> Result:
        capsys.readouterr()
        try:
            status = main(argv)
        except SystemExit as stop:  # argparse's --help and --version
            status = stop.code if isinstance(stop.code, int) else 0
        return Result(status, *capsys.readouterr())

    return run


def outside(*argv: str, **options: object) -> subprocess.CompletedProcess[str]:
    """A process of its own."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run([*EMU, *argv], capture_output=True, text=True, env=environment, **options)  # type: ignore[call-overload, no-any-return]


# -- list, version, help


def test_list_names_every_story_and_the_tour(emu: Callable[..., Result]) -> None:
    result = emu("list")
    assert [line.split()[0] for line in result.out.splitlines()] == [*STORIES, "tour", *VARIANTS]
    assert (result.status, result.err) == (0, "")


def test_list_needs_no_heavy_module() -> None:
    program = "import sys; from emu.cli import main; main(['list']); print([name for name in ('scapy', 'rich', 'asyncio', 'h11') if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.splitlines()[-1] == "[]"


def test_version_and_help(emu: Callable[..., Result]) -> None:
    assert emu("--version").out == f"emu {__version__}\n"
    for argv in (["--help"], ["run", "--help"]):
        result = emu(*argv)
        assert result.status == 0
        assert "exit status: 0" in result.out


# -- one line for a mistake

MISTAKES = {
    "nothing": ([], "emu: a command is missing: list, run, trace, matrix, exec, shell, export or sh"),
    "unknown command": (["walk"], "emu: argument COMMAND: invalid choice: 'walk'"),
    "unknown option": (["run", SHORT, "--fast"], "emu: unrecognized arguments: --fast"),
    "abbreviated option": (["run", SHORT, "--no-cap"], "emu: unrecognized arguments: --no-cap"),
    "no story": (["run"], "emu: the following arguments are required: NAME"),
    "unknown story": (["run", SHORT, "pod-to-mars"], "emu: no scenario is called 'pod-to-mars'; there are: container-to-container, "),
    "a path as a story": (["run", "../../etc/passwd"], "emu: no scenario is called '../../etc/passwd'"),
    "seed": (["run", SHORT, "--seed", "many"], "emu: argument --seed: 'many' is not a whole number"),
    "seed without number": (["run", SHORT, "--seed"], "emu: argument --seed: expected one argument"),
    "captures and no captures": (["run", SHORT, "--captures", "x", "--no-captures"], "emu: argument --no-captures: not allowed with argument --captures"),
    "captures nowhere": (["run", SHORT, "--captures", ""], "emu: argument --captures: '' is not a folder's name"),
    "captures into a file": (["run", SHORT, "--captures", "file"], "emu: capture folder file: there is a file of that name"),
    "captures under a file": (["run", SHORT, "--captures", "file/x"], "emu: capture folder file/x: Not a directory"),
    "several under a file": (["run", SHORT, OTHER, "--captures", "file"], f"emu: capture folder file/{SHORT}: Not a directory"),
    "a name that is too long": (["run", SHORT, "--captures", "x" * 300], f"emu: capture folder {'x' * 300}: File name too long"),
}


@pytest.mark.parametrize(("argv", "text"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_one_line_and_status_2(emu: Callable[..., Result], argv: list[str], text: str) -> None:
    Path("file").write_text("")
    result = emu(*argv)
    assert (result.status, result.out) == (2, "")
    assert result.err.startswith(text)
    assert result.err.count("\n") == 1


def test_a_mistake_in_a_process_of_its_own(tmp_path: Path) -> None:
    done = outside("run", "pod-to-mars", "--json", cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_may_not_be_written(emu: Callable[..., Result], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # root may write everywhere
    result = emu("run", SHORT)
    assert (result.status, result.err) == (2, f"emu: capture folder captures/{SHORT}: Permission denied\n")


def test_an_error_of_ours_is_a_traceback(emu: Callable[..., Result], monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(self: story.Story) -> bool:
        raise ValueError("a bug")

    monkeypatch.setattr(story.Story, "run", broken)
    with pytest.raises(ValueError, match="a bug"):
        emu("run", SHORT, "--no-captures")


def test_errors_lose_their_number() -> None:
    assert one_line(OSError(17, "File exists:\nx")) == "File exists: x"
    assert one_line(ValueError("plain")) == "plain"
    assert one_line(ValueError()) == "ValueError"


# -- run


def test_a_story_is_told_without_colour_and_captured(emu: Callable[..., Result], tmp_path: Path) -> None:
    result = emu("run", SHORT)
    assert (result.status, result.err) == (0, "")
    assert "\x1b" not in result.out
    assert max(map(len, result.out.splitlines())) <= 100
    for part in (f"{SHORT}: ", "frame, and what was decided", "  ok  ", "verdict: ", f"captures/{SHORT}/"):
        assert part in result.out
    assert "all.pcapng" in os.listdir(tmp_path / "captures" / SHORT)


def test_where_captures_go(emu: Callable[..., Result], tmp_path: Path) -> None:
    assert emu("run", SHORT, "--captures", "mine", "--quiet").status == 0
    assert (tmp_path / "mine/all.pcapng").exists()
    assert emu("run", SHORT, OTHER, "--captures", "both", "--quiet").status == 0
    assert sorted(os.listdir(tmp_path / "both")) == [SHORT, OTHER]
    assert emu("run", SHORT, "--no-captures", "--quiet").status == 0
    assert sorted(os.listdir(tmp_path)) == ["both", "mine"]


def test_quiet_prints_the_verdicts_only(emu: Callable[..., Result]) -> None:
    result = emu("run", SHORT, OTHER, SHORT, "--quiet", "--no-captures")
    assert [line.split(": ")[0] for line in result.out.splitlines()] == [SHORT, OTHER]
    assert "claims hold)" in result.out
    assert result.err == ""


@pytest.mark.parametrize(("options", "out", "err"), [([], "  NOT it holds", ""), (["--quiet"], "(0 of 1 claims hold)", f"emu: {SHORT}: not so: it holds\n")])
def test_a_story_that_does_not_go_as_told(
    emu: Callable[..., Result], monkeypatch: pytest.MonkeyPatch, options: list[str], out: str, err: str
) -> None:
    monkeypatch.setattr("emu.scenarios.container_to_container.tell", lambda story: story.claim("it holds", False))
    result = emu("run", SHORT, "--no-captures", *options)
    assert (result.status, result.err) == (1, err)
    assert out in result.out


def test_a_story_without_claims_shows_nothing(emu: Callable[..., Result], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("emu.scenarios.container_to_container.tell", lambda story: None)
    assert emu("run", SHORT, "--no-captures").status == 1


# -- json


def checked_exchange(exchange: dict[str, object]) -> None:
    assert isinstance(exchange["title"], str)
    assert isinstance(exchange["delivered"], bool)
    hops = exchange["hops"]
    assert isinstance(hops, list)
    for hop in hops:
        assert list(hop) == ["n", "t_ns", "netns", "dev", "dir", "frame", "steps"]
        assert hop["dir"] in ("rx", "tx")
        assert list(hop["frame"]) == ["id", "src_mac", "dst_mac", "ethertype", "src", "dst", "proto", "sport", "dport", "ttl", "info", "len"]
        assert all(list(step) == ["kind", "text"] for step in hop["steps"])
    assert [hop["t_ns"] for hop in hops] == sorted(hop["t_ns"] for hop in hops)


def test_json_is_one_document(emu: Callable[..., Result]) -> None:
    result = emu("run", OTHER, "--json", "--seed", "5", "--no-captures")
    document = json.loads(result.out)
    assert (result.status, result.err, document["scenario"], document["seed"]) == (0, "", OTHER, 5)
    assert len(document["digest"]) == 64
    assert len(document["exchanges"]) == 3
    for exchange in document["exchanges"]:
        assert (exchange["from"], exchange["delivered"]) == ("a", True)
        checked_exchange(exchange)
    assert all(list(drop) == ["t_ns", "netns", "dev", "reason", "text"] for drop in document["drops"])
    assert "OTHERHOST" in [drop["reason"] for drop in document["drops"]]


def test_json_of_several_stories(emu: Callable[..., Result]) -> None:
    alone = [json.loads(emu("run", name, "--json", "--no-captures").out) for name in (SHORT, OTHER)]
    result = emu("run", SHORT, OTHER, "--json", "--no-captures", "--quiet")
    document = json.loads(result.out)
    assert (document["scenario"], document["seed"]) == (f"{SHORT} {OTHER}", 0)
    assert [each["digest"] for each in document["stories"]] == [each["digest"] for each in alone]
    assert [each["scenario"] for each in document["exchanges"]] == [each["scenario"] for each in alone for _ in each["exchanges"]]
    assert document["drops"] == [{"scenario": each["scenario"], **drop} for each in alone for drop in each["drops"]]
    for exchange in document["exchanges"]:
        checked_exchange(exchange)


# -- ends


def start(tmp_path: Path, *argv: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen([*EMU, *argv], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment, cwd=tmp_path)


def test_a_reader_that_goes_away_ends_it_quietly(tmp_path: Path) -> None:
    process = start(tmp_path, "run", "tour", "--no-captures")
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.readline()
    process.stdout.close()
    assert (process.wait(60), process.stderr.read()) == (128 + signal.SIGPIPE, "")
    process.stderr.close()


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full here")
def test_a_full_disk_is_one_line() -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run([*EMU, "list"], stdout=full, stderr=subprocess.PIPE, text=True, check=False, cwd=ROOT)
    assert (done.returncode, done.stderr) == (2, "emu: cannot write the output: No space left on device\n")


def test_ctrl_c_ends_it_quietly_and_leaves_captures(tmp_path: Path) -> None:
    process = start(tmp_path, "run", "tour")
    assert process.stdout is not None
    process.stdout.readline()
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (128 + signal.SIGINT, "")


def test_a_terminal_without_utf_8(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "ascii"}
    done = subprocess.run([*EMU, "run", SHORT, "--no-captures"], capture_output=True, env=environment, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.isascii()


def test_without_standard_output(tmp_path: Path) -> None:
    command = f"{sys.executable} -P -m emu run {SHORT} --no-captures >&-"
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)}, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")


def test_on_a_terminal_there_are_colours_and_its_width(tmp_path: Path) -> None:
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 77, 0, 0))
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "TERM": "xterm-256color"}
    process = subprocess.Popen([*EMU, "run", SHORT, "--no-captures"], stdout=follower, env=environment, cwd=tmp_path)
    os.close(follower)
    data = b""
    with suppress(OSError):  # EIO: the other end is closed
        while part := os.read(leader, 65536):
            data += part
    os.close(leader)
    assert process.wait(60) == 0
    text = data.decode()
    assert "\x1b[1m" in text
    plain = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", text).splitlines()
    assert max(map(len, plain)) == 77


# -- export


def test_export_prints_a_script(emu: Callable[..., Result]) -> None:
    done = emu("export", SHORT)
    assert (done.status, done.err) == (0, "")
    assert done.out.startswith(f"#!/bin/bash\n# {SHORT}: ")
    assert subprocess.run(["bash", "-n"], input=done.out, text=True, capture_output=True, check=False).stderr == ""
    assert emu("export", SHORT, "--seed", "7").out != done.out


def test_export_writes_a_file_that_can_be_run(emu: Callable[..., Result], tmp_path: Path) -> None:
    done = emu("export", SHORT, "-o", "story.sh")
    assert (done.status, done.out, done.err) == (0, "", "")
    path = tmp_path / "story.sh"
    assert path.read_text() == emu("export", SHORT).out
    assert os.access(path, os.X_OK)


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["nothing"], "no scenario is called 'nothing'; there are: "),
        (["tour"], "tour is 7 stories: export one of "),
        ([SHORT, "-o", "no/such/folder"], "no/such/folder: No such file or directory"),
        ([SHORT, "-o", ""], "argument -o/--output: '' is not a file's name"),
        ([], "the following arguments are required: NAME"),
    ],
)
def test_what_cannot_be_exported_is_one_line(emu: Callable[..., Result], arguments: list[str], error: str) -> None:
    done = emu("export", *arguments)
    assert (done.status, done.out) == (2, "")
    assert done.err.startswith(f"emu: {error}")
    assert done.err.count("\n") == 1
