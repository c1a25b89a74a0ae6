"""Reading captures of all kinds, and saying what is wrong with broken ones."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from emu.pcap.file import EPOCH_NS, CaptureError
from emu.pcap.pcapng import PcapngWriter
from emu.pcap.reader import CaptureReader, Record
from emu.pcap.writer import PcapWriter

FRAME = bytes(range(61))


def classic(order: str, magic: int, ticks: int, linktype: int = 1) -> bytes:
    header = struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, 65535, linktype)
    return header + struct.pack(order + "IIII", 1_700_000_000, ticks, len(FRAME), len(FRAME)) + FRAME


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(("magic", "unit"), [(0xA1B2C3D4, 1000), (0xA1B23C4D, 1)])
def test_classic_pcap_of_both_resolutions_and_byte_orders(tmp_path: Path, order: str, magic: int, unit: int) -> None:
    (tmp_path / "a").write_bytes(classic(order, magic, 123_456, linktype=113))
    assert list(CaptureReader(tmp_path / "a")) == [Record(1_700_000_000_000_000_000 + 123_456 * unit, 113, None, FRAME, "")]


def block(order: str, kind: int, body: bytes) -> bytes:
    return struct.pack(order + "II", kind, len(body) + 12) + body + struct.pack(order + "I", len(body) + 12)


def section(order: str) -> bytes:
    return block(order, 0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1))


def option(order: str, code: int, value: bytes) -> bytes:
    return struct.pack(order + "HH", code, len(value)) + value + bytes(-len(value) & 3)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(
    ("options", "unit_ns"),
    [([], 1000), ([(9, b"\x06")], 1000), ([(9, b"\x03")], 1_000_000), ([(9, b"\x09")], 1), ([(9, b"\x8a")], 10**9 / 1024)],
)
def test_pcapng_of_every_resolution(tmp_path: Path, order: str, options: list[tuple[int, bytes]], unit_ns: float) -> None:
    interface = struct.pack(order + "HHI", 1, 0, 0) + b"".join(option(order, *o) for o in options)
    packet = struct.pack(order + "IIIII", 0, 1, 2048, 61, 61) + FRAME + bytes(3) + option(order, 1, b"one") + option(order, 1, "zwö".encode())
    (tmp_path / "a").write_bytes(section(order) + block(order, 1, interface) + block(order, 6, packet))
    assert list(CaptureReader(tmp_path / "a")) == [Record(int((2**32 + 2048) * unit_ns), 1, None, FRAME, "one\nzwö")]


def test_a_second_section_has_its_own_byte_order_interfaces_and_offset(tmp_path: Path) -> None:
    def part(order: str, name: bytes, offset: int) -> bytes:
        interface = struct.pack(order + "HHI", 1, 0, 0) + option(order, 2, name) + option(order, 14, struct.pack(order + "q", offset))
        return section(order) + block(order, 1, interface) + block(order, 6, struct.pack(order + "IIIII", 0, 0, 5, 4, 4) + b"data")

    (tmp_path / "a").write_bytes(part("<", b"a", 1) + block("<", 0x99, b"what is not known is passed over") + part(">", b"b", -1))
    assert [(r.t_ns, r.interface, r.data) for r in CaptureReader(tmp_path / "a")] == [(1_000_005_000, "a", b"data"), (-999_995_000, "b", b"data")]


def test_simple_and_obsolete_packet_blocks(tmp_path: Path) -> None:
    interface = struct.pack("<HHI", 1, 0, 4)
    simple = struct.pack("<I", 100) + b"data"
    old = struct.pack("<HHIIII", 0, 9, 0, 7, 4, 4) + b"data"
    (tmp_path / "a").write_bytes(section("<") + block("<", 1, interface) + block("<", 3, simple) + block("<", 2, old))
    assert [(r.t_ns, r.data) for r in CaptureReader(tmp_path / "a")] == [(0, b"data"), (7000, b"data")]


@pytest.mark.parametrize("kind", ["pcap", "pcapng"])
def test_a_file_cut_anywhere_gives_its_whole_records_and_says_that_it_was_cut(tmp_path: Path, kind: str) -> None:
    path, cut = tmp_path / "a", tmp_path / "cut"
    writer = PcapWriter(str(path)) if kind == "pcap" else PcapngWriter(str(path))
    ends = {}
    for t in range(3):
        if isinstance(writer, PcapWriter):
            writer.write(t, FRAME)
        else:
            writer.write(t, 0 if t else writer.add_interface("eth0"), FRAME, "why")
        writer.flush()
        ends[path.stat().st_size] = t + 1
    whole = path.read_bytes()
    for length in range(4, len(whole) + 1):
        cut.write_bytes(whole[:length])
        reader = CaptureReader(cut)
        times = [record.t_ns - EPOCH_NS for record in reader]
        assert times == list(range(max((count for end, count in ends.items() if end <= length), default=0)))
        if length in ends:
            assert not reader.truncated
    cut.write_bytes(whole[:-1])
    reader = CaptureReader(cut)
    assert len(list(reader)) == 2
    assert reader.truncated


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"", "empty, not a capture"),
        (b"GET / HTTP/1.1\r\n", "neither pcap nor pcapng"),
        (b"\x1f\x8b\x08\x00", "compressed with gzip"),
        (struct.pack("<IHHiIII", 0xA1B2C3D4, 3, 0, 0, 0, 65535, 1), "pcap version 3"),
        (classic("<", 0xA1B2C3D4, 0)[:24] + struct.pack("<IIII", 0, 0, 1 << 30, 1 << 30), "a record of 1073741824 bytes"),
        (b"\x0a\x0d\x0d\x0a\x1c\0\0\0nope" + bytes(16), "a section without a byte order"),
        (section("<") + struct.pack("<IIII", 1, 13, 0, 0), "a block of 13 bytes"),
        (section("<")[:-4] + b"\x10\0\0\0", "two lengths differ"),
        (section("<") + block("<", 6, bytes(20)), "a packet of interface 0, of 0 described"),
        (section("<") + block("<", 1, bytes(4)), "an interface block too short"),
        (section("<") + block("<", 1, bytes(8)) + block("<", 6, bytes(8)), "a packet block too short"),
        (section("<") + block("<", 1, bytes(8)) + block("<", 6, struct.pack("<IIIII", 0, 0, 0, 9, 9)), "a packet longer than its block"),
        (section("<") + block("<", 1, bytes(8) + b"\x02\0\xff\0"), "an option longer than its block"),
    ],
)
def test_a_broken_file_is_one_clear_line_that_names_it(tmp_path: Path, content: bytes, what: str) -> None:
    (tmp_path / "bad.pcap").write_bytes(content)
    with pytest.raises(CaptureError, match=what) as caught:
        list(CaptureReader(tmp_path / "bad.pcap"))
    assert str(tmp_path / "bad.pcap") in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(CaptureError, match=r"^cannot read .*/none: No such file or directory$"):
        list(CaptureReader(tmp_path / "none"))


STARTS = [classic("<", 0xA1B23C4D, 5), section("<") + block("<", 1, bytes(8)) + block("<", 6, struct.pack("<IIIII", 0, 0, 0, 4, 4) + b"data")]


@given(st.sampled_from(STARTS), st.lists(st.tuples(st.integers(0, 200), st.binary(min_size=1, max_size=8)), max_size=4), st.binary(max_size=40))
@example(STARTS[0], [], b"")
def test_damaged_files_give_records_or_one_error(tmp_path_factory: pytest.TempPathFactory, start: bytes, damage: list[tuple[int, bytes]], tail: bytes) -> None:
    content = bytearray(start + tail)
    for at, value in damage:
        content[at : at + len(value)] = value
    path = tmp_path_factory.mktemp("damaged") / "a"
    path.write_bytes(content)
    try:
        records = list(CaptureReader(path))
    except CaptureError as error:
        assert str(path) in str(error)
    else:
        assert sum(len(record.data) for record in records) <= len(content)
