"""Classic pcap, byte by byte."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emu.pcap.file import EPOCH_NS, FLUSH_BYTES, SNAPLEN, CaptureError
from emu.pcap.reader import CaptureReader, Record
from emu.pcap.writer import PcapWriter

BROADCAST = bytes.fromhex("ffffffffffff 020000000001 0806") + bytes(46)


def test_the_file_is_the_one_the_format_describes(tmp_path: Path) -> None:
    writer = PcapWriter(f"{tmp_path}/a.pcap")
    writer.write(1_500_000_001, BROADCAST)
    writer.flush()
    header = bytes.fromhex("4d3cb2a1 0200 0400 00000000 00000000 00000400 01000000")
    record = struct.pack("<IIII", 1_735_689_601, 500_000_001, 60, 60)  # 2025-01-01T00:00:01.500000001Z
    assert (tmp_path / "a.pcap").read_bytes() == header + record + BROADCAST


def test_the_first_frame_makes_the_file(tmp_path: Path) -> None:
    writer = PcapWriter(f"{tmp_path}/a.pcap")
    writer.flush()
    assert not (tmp_path / "a.pcap").exists()
    writer.write(0, BROADCAST)
    assert [record.data for record in CaptureReader(tmp_path / "a.pcap")] == [BROADCAST]


def test_an_earlier_run_is_replaced_and_its_reader_undisturbed(tmp_path: Path) -> None:
    path = tmp_path / "a.pcap"
    path.write_bytes(b"old")
    with path.open("rb") as old:
        PcapWriter(str(path)).write(0, BROADCAST)
        assert old.read() == b"old"
    assert len(list(CaptureReader(path))) == 1


def test_a_link_in_the_folder_is_replaced_not_followed(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_bytes(b"mine")
    (tmp_path / "a.pcap").symlink_to(victim)
    PcapWriter(f"{tmp_path}/a.pcap").write(0, BROADCAST)
    assert victim.read_bytes() == b"mine"
    assert len(list(CaptureReader(tmp_path / "a.pcap"))) == 1


@given(st.lists(st.tuples(st.integers(0, 10**18), st.binary(max_size=3000)), min_size=1))
def test_what_is_written_is_read(tmp_path_factory: pytest.TempPathFactory, frames: list[tuple[int, bytes]]) -> None:
    path = tmp_path_factory.mktemp("round") / "a.pcap"
    writer = PcapWriter(str(path))
    for t_ns, wire in frames:
        writer.write(t_ns, wire)
    writer.flush()
    reader = CaptureReader(path)
    assert list(reader) == [Record(t_ns + EPOCH_NS, 1, None, wire, "") for t_ns, wire in frames]
    assert not reader.truncated


def test_at_any_moment_the_disk_holds_whole_records_and_at_least_half_of_them(tmp_path: Path) -> None:
    path = tmp_path / "a.pcap"
    writer = PcapWriter(str(path))
    for count in range(1, 3000):
        writer.write(count, BROADCAST)
        if count % 97 == 0 or count < 20:
            reader = CaptureReader(path)
            kept = len(list(reader))
            assert not reader.truncated
            assert kept >= count // 2
            assert (count - kept) * (16 + len(BROADCAST)) < FLUSH_BYTES


def test_a_frame_longer_than_wireshark_takes_is_cut(tmp_path: Path) -> None:
    writer = PcapWriter(f"{tmp_path}/a.pcap")
    writer.write(0, bytes(SNAPLEN + 5))
    writer.write(1, b"next")
    writer.flush()
    assert [len(record.data) for record in CaptureReader(tmp_path / "a.pcap")] == [SNAPLEN, 4]
    assert struct.unpack_from("<II", (tmp_path / "a.pcap").read_bytes(), 24 + 8) == (SNAPLEN, SNAPLEN + 5)


def test_a_full_disk_leaves_whole_records_and_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    path = tmp_path / "a.pcap"
    writer = PcapWriter(str(path))
    writer.write(0, BROADCAST)
    write = os.write
    room = 100

    def full(fd: int, data: bytes) -> int:
        nonlocal room
        if not room:
            raise OSError(28, "No space left on device")
        done = write(fd, data[:room])
        room -= done
        return done

    with monkeypatch.context() as patch:
        patch.setattr("os.write", full)
        writer.write(1, BROADCAST)
        with pytest.raises(CaptureError, match=r"cannot write .*a\.pcap: No space left on device"):
            for t in range(2, 5):
                writer.write(t, BROADCAST)
            writer.flush()
    reader = CaptureReader(path)
    on_disk = len(list(reader))
    assert not reader.truncated
    writer.flush()  # there is room again
    times = [record.t_ns - EPOCH_NS for record in CaptureReader(path)]
    assert times == list(range(len(times)))
    assert len(times) > on_disk


def test_a_keyboard_interrupt_after_a_write_repeats_no_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    path = tmp_path / "a.pcap"
    writer = PcapWriter(str(path))
    write = os.write

    def interrupted(fd: int, data: bytes) -> int:
        write(fd, data)
        raise KeyboardInterrupt

    for count in range(3):  # also at the very first write
        with monkeypatch.context() as patch:
            patch.setattr("os.write", interrupted)
            with pytest.raises(KeyboardInterrupt):
                writer.write(count, BROADCAST)
                writer.flush()
        writer.flush()
    assert [record.t_ns - EPOCH_NS for record in CaptureReader(path)] == [0, 1, 2]


def test_a_folder_that_is_gone_is_one_clear_line(tmp_path: Path) -> None:
    writer = PcapWriter(f"{tmp_path}/gone/a.pcap")
    with pytest.raises(CaptureError, match=r"^cannot write .*/gone/a\.pcap: No such file or directory$"):
        writer.write(0, BROADCAST)


def test_a_time_beyond_the_format_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(CaptureError, match="ends in 2106"):
        PcapWriter(f"{tmp_path}/a.pcap").write(100 * 365 * 86_400 * 10**9, BROADCAST)
