"""Captures: a pcap for each interface, and all of them in one pcapng with the decisions as comments."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from emu.observe.capture import MAX_EARLY, Capture
from emu.pcap.file import EPOCH_NS, CaptureError
from emu.pcap.reader import CaptureReader
from tests.observe.stage import Stage, udp, who_has

pytestmark = pytest.mark.usefixtures("unbalanced")


class Run(Stage):
    def __init__(self, folder: Path, comments: bool = True) -> None:
        super().__init__()
        self.folder = folder
        self.capture = Capture(self.tp, folder, comments)

    def told(self) -> list[str]:
        """`1 node1.eth0: DNAT | route`, of every packet in all.pcapng."""
        self.capture.close()
        records = CaptureReader(self.folder / "all.pcapng")
        return [f"{record.t_ns - EPOCH_NS} {record.interface}: {record.comment.replace(chr(10), ' | ')}" for record in records]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run(tmp_path / "captures")


def play(run: Stage) -> None:
    run.step("a", 1, "route", "chosen in a")
    run.frame("a.eth0", "tx", 1)
    run.at(1).frame("node1.veth", "rx", 1)
    run.step("node1", 1, "nat", "DNAT 10.96.0.1:80 → 10.0.0.2:8080")
    run.step("node1", 1, "route", "chosen in node1")
    run.step("node1", 1, "route", "chosen in node1")
    run.frame("node1.eth0", "tx", 1)
    run.at(2).frame("b.eth0", "rx", 1)
    run.drop("b", 1, "NO_SOCKET", "nobody listens", "b.eth0")


def test_decisions_are_comments_of_the_packet_they_were_taken_about(run: Run) -> None:
    play(run)
    assert run.told() == [
        "0 a.eth0: chosen in a",
        "1 node1.veth: DNAT 10.96.0.1:80 → 10.0.0.2:8080 | chosen in node1",
        "1 node1.eth0: ",
        "2 b.eth0: dropped: NO_SOCKET, nobody listens",
    ]
    assert sorted(path.name for path in run.folder.iterdir()) == ["a.eth0.pcap", "all.pcapng", "b.eth0.pcap", "node1.eth0.pcap", "node1.veth.pcap"]
    assert [(record.t_ns - EPOCH_NS, record.data) for record in CaptureReader(run.folder / "node1.veth.pcap")] == [(1, udp())]


def test_without_comments_the_packets_are_the_same(run: Run, tmp_path: Path) -> None:
    plain = Run(tmp_path / "plain", comments=False)
    for each in (run, plain):
        play(each)
        each.capture.close()
    both = [[(record.t_ns - EPOCH_NS, record.interface, record.data) for record in CaptureReader(each.folder / "all.pcapng")] for each in (run, plain)]
    assert both[0] == both[1]
    assert len(both[0]) == 4
    assert all(record.comment == "" for record in CaptureReader(plain.folder / "all.pcapng"))


def test_a_device_made_again_appends_to_its_file(run: Run) -> None:
    run.frame("a.eth0", "tx", 1)
    run.devices.clear()
    run.at(1).frame("a.eth0", "tx", 2, who_has())
    assert run.told() == ["0 a.eth0: ", "1 a.eth0: "]
    assert len(list(CaptureReader(run.folder / "a.eth0.pcap"))) == 2


@pytest.mark.parametrize("comments", [True, False])
def test_a_device_that_moves_or_is_renamed_goes_on_under_its_new_name(tmp_path: Path, comments: bool) -> None:
    run = Run(tmp_path, comments)
    device = run.dev("node1.tmp0")
    run.frame("node1.tmp0", "tx", 1)
    device.netns, device.name = run.ns("pod"), "eth0"
    run.at(1).frame("node1.tmp0", "tx", 2)
    run.capture.close()
    assert [record.interface for record in CaptureReader(tmp_path / "all.pcapng")] == ["node1.tmp0", "pod.eth0"]
    assert len(list(CaptureReader(tmp_path / "pod.eth0.pcap"))) == 1


def test_decisions_that_no_device_shows_are_forgotten_in_the_end(run: Run) -> None:
    for frame_id in range(MAX_EARLY + 10):
        run.step("a", frame_id, "route", "nowhere")
    assert len(run.capture._early) == MAX_EARLY
    run.drop("a", MAX_EARLY, "NEIGH_FAILED")
    assert len(run.capture._early) == MAX_EARLY - 1


def test_closed_it_writes_no_more_and_may_be_closed_again(run: Run) -> None:
    play(run)
    run.capture.close()
    run.at(9).frame("a.eth0", "tx", 5)
    assert len(run.told()) == 4


def test_a_program_that_forgets_to_close_loses_nothing(tmp_path: Path) -> None:
    program = f"""
from tests.observe.test_capture import Run, play
from pathlib import Path
run = Run(Path({str(tmp_path)!r}))
play(run)
"""
    subprocess.run([sys.executable, "-c", program], check=True, cwd=Path(__file__).parents[2])
    assert len(list(CaptureReader(tmp_path / "all.pcapng"))) == 4
    assert list(CaptureReader(tmp_path / "all.pcapng"))[3].comment == "dropped: NO_SOCKET, nobody listens"


def test_a_folder_that_is_a_file_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CaptureError, match="there is a file of that name"):
        Run(tmp_path / "file")


@pytest.mark.tshark
def test_wireshark_filters_by_decision(run: Run) -> None:
    play(run)
    run.capture.close()
    command = ["tshark", "-n", "-r", str(run.folder / "all.pcapng"), "-Y", 'frame.comment contains "DNAT"', "-T", "fields", "-e", "frame.interface_name"]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "node1.veth\n"
