"""The capture folder: thousands of files, one descriptor, nothing of an earlier run, and readable whenever the process stops."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from emu.pcap.file import MEMORY_BYTES, CaptureError
from emu.pcap.folder import CaptureFolder
from emu.pcap.reader import CaptureReader

FRAME = bytes.fromhex("ffffffffffff 020000000001 0806") + bytes(86)


def test_one_file_for_each_interface_and_one_for_all(tmp_path: Path) -> None:
    with CaptureFolder(tmp_path / "new" / "run") as folder:
        folder.pcap("node1", "eth0").write(0, FRAME)
        folder.pcap("web.a", "eth0").write(1, FRAME)
        everything = folder.pcapng()
        everything.write(0, everything.add_interface("node1.eth0"), FRAME)
        folder.pcap("idle", "eth0")
    assert sorted(os.listdir(tmp_path / "new" / "run")) == ["all.pcapng", "node1.eth0.pcap", "web%2Ea.eth0.pcap"]


def test_a_device_made_again_appends(tmp_path: Path) -> None:
    with CaptureFolder(tmp_path) as folder:
        folder.pcap("pod", "eth0").write(0, FRAME)
        folder.flush()
        folder.pcap("pod", "eth0").write(1, FRAME)
    assert len(list(CaptureReader(tmp_path / "pod.eth0.pcap"))) == 2


def test_thousands_of_interfaces_need_one_descriptor_and_bounded_memory(tmp_path: Path) -> None:
    import resource

    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, before[1]))
    try:
        with CaptureFolder(tmp_path) as folder:
            writers = [folder.pcap(f"pod{i}", "eth0") for i in range(2000)]
            for t in range(3):
                for writer in writers:
                    writer.write(t, FRAME)
            assert all(writer.limit <= MEMORY_BYTES // 2000 for writer in writers)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    assert len(os.listdir(tmp_path)) == 2000
    assert [len(list(CaptureReader(tmp_path / f"pod{i}.eth0.pcap"))) for i in (0, 999, 1999)] == [3, 3, 3]


def test_an_earlier_run_leaves_nothing_behind(tmp_path: Path) -> None:
    with CaptureFolder(tmp_path) as folder:
        folder.pcap("gone", "eth0").write(0, FRAME)
        folder.pcap("Gone", "eth0").write(0, FRAME)
        folder.pcapng().write(0, folder.pcapng().add_interface("gone.eth0"), FRAME)
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / "mine.pcap").write_text("not named as emu names")
    CaptureFolder(tmp_path)
    assert sorted(os.listdir(tmp_path)) == ["mine.pcap", "notes.txt"]


def test_somebody_elses_captures_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "node1.eth0.pcap").write_bytes(b"tcpdump's")
    (tmp_path / "all.pcapng").write_bytes(b"\x0a\x0d\x0d\x0a somebody's")
    CaptureFolder(tmp_path)
    assert sorted(os.listdir(tmp_path)) == ["all.pcapng", "node1.eth0.pcap"]


def test_a_file_where_the_folder_should_be_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(CaptureError, match=r"^capture folder .*/file: there is a file of that name$"):
        CaptureFolder(tmp_path / "file")
    with pytest.raises(CaptureError, match=r"^capture folder .*/file/sub: Not a directory$"):
        CaptureFolder(tmp_path / "file" / "sub")


def test_a_folder_that_cannot_be_written_is_one_clear_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.access", lambda path, mode: False)  # as root everything can be written
    with pytest.raises(CaptureError, match="Permission denied"):
        CaptureFolder(tmp_path)


PROGRAM = """
import sys
from emu.pcap.folder import CaptureFolder
folder = CaptureFolder(sys.argv[1])
everything = folder.pcapng()
numbers = [everything.add_interface(f"n{i}.eth0") for i in range(3)]
writers = [folder.pcap(f"n{i}", "eth0") for i in range(3)]
frame = bytes(range(100))
for t in range(int(sys.argv[2])):
    for number, writer in zip(numbers, writers):
        writer.write(t, frame)
        everything.write(t, number, frame, "a comment")
    if t == 500:
        print("running", flush=True)
"""


def test_a_killed_process_leaves_readable_files(tmp_path: Path) -> None:
    process = subprocess.Popen([sys.executable, "-c", PROGRAM, str(tmp_path), str(10**9)], stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"running\n"
    process.send_signal(signal.SIGKILL)
    process.communicate()
    for name in ("n0.eth0.pcap", "n1.eth0.pcap", "n2.eth0.pcap", "all.pcapng"):
        records = [record.data for record in CaptureReader(tmp_path / name)]
        assert len(records) >= 250, name
        assert set(records) == {bytes(range(100))}


def test_a_process_that_ends_without_closing_loses_nothing(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", PROGRAM + "raise SystemExit(3)", str(tmp_path), "1001"], stdout=subprocess.DEVNULL)
    reader = CaptureReader(tmp_path / "n1.eth0.pcap")
    assert len(list(reader)) == 1001
    assert not reader.truncated
    assert len(list(CaptureReader(tmp_path / "all.pcapng"))) == 3003
