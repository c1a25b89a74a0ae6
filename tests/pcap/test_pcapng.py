"""pcapng: interfaces by name, nanoseconds, comments, directions."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emu.pcap.file import EPOCH_NS, SNAPLEN
from emu.pcap.pcapng import INBOUND, OUTBOUND, UNKNOWN, PcapngWriter, option
from emu.pcap.reader import CaptureReader, Record

FRAME = bytes.fromhex("ffffffffffff 020000000001 0806") + bytes(47)  # 61 bytes: padding is needed


def test_the_file_is_the_one_the_format_describes(tmp_path: Path) -> None:
    path = tmp_path / "all.pcapng"
    writer = PcapngWriter(str(path))
    writer.write(7, writer.add_interface("n1.eth0"), FRAME, "hi", OUTBOUND)
    writer.flush()
    stamp = EPOCH_NS + 7
    assert path.read_bytes() == b"".join(
        [
            bytes.fromhex("0a0d0d0a 28000000 4d3c2b1a 0100 0000 ffffffffffffffff 0400 0300") + b"emu\0" + bytes.fromhex("00000000 28000000"),
            bytes.fromhex("01000000 2c000000 0100 0000 00000400 0200 0700") + b"n1.eth0\0",
            bytes.fromhex("0900 0100 09000000 00000000 2c000000"),
            bytes.fromhex("06000000 74000000 00000000"),
            (stamp >> 32).to_bytes(4, "little") + (stamp & 0xFFFFFFFF).to_bytes(4, "little"),
            bytes.fromhex("3d000000 3d000000") + FRAME + bytes(3),
            bytes.fromhex("0100 0200") + b"hi\0\0" + bytes.fromhex("0200 0400 02000000 00000000 74000000"),
        ]
    )


def test_interfaces_are_added_at_any_time(tmp_path: Path) -> None:
    writer = PcapngWriter(f"{tmp_path}/all.pcapng")
    first = writer.add_interface("node1.eth0", "the first node's NIC")
    writer.write(1, first, FRAME)
    second = writer.add_interface("pod ü.eth0")
    writer.write(2, second, FRAME, "routed")
    writer.write(3, first, FRAME)
    writer.flush()
    read = [(record.t_ns - EPOCH_NS, record.interface, record.comment) for record in CaptureReader(tmp_path / "all.pcapng")]
    assert read == [(1, "node1.eth0", ""), (2, "pod ü.eth0", "routed"), (3, "node1.eth0", "")]


TEXT = st.text(st.characters(codec="utf-8"), max_size=50)


@given(
    st.lists(TEXT, min_size=1, max_size=4),
    st.lists(st.tuples(st.integers(0, 10**18), st.integers(0, 3), st.binary(max_size=200), TEXT, st.sampled_from([UNKNOWN, INBOUND, OUTBOUND]))),
)
def test_what_is_written_is_read(
    tmp_path_factory: pytest.TempPathFactory, names: list[str], packets: list[tuple[int, int, bytes, str, int]]
) -> None:
    path = tmp_path_factory.mktemp("round") / "all.pcapng"
    writer = PcapngWriter(str(path))
    for name in names:
        writer.add_interface(name)
    for t_ns, interface, data, comment, direction in packets:
        writer.write(t_ns, interface % len(names), data, comment, direction)
    writer.flush()
    assert list(CaptureReader(path)) == [
        Record(t_ns + EPOCH_NS, 1, names[interface % len(names)], data, comment) for t_ns, interface, data, comment, _ in packets
    ]


def test_half_a_surrogate_pair_in_a_comment_is_a_question_mark(tmp_path: Path) -> None:
    writer = PcapngWriter(f"{tmp_path}/all.pcapng")
    writer.write(0, writer.add_interface("a"), FRAME, "x\ud800y")
    assert [record.comment for record in CaptureReader(tmp_path / "all.pcapng")] == ["x?y"]


def test_long_comments_are_cut_between_characters() -> None:
    value = ("a" + "ü" * 40_000).encode()
    cut = option(1, value)
    assert cut[:4] == b"\x01\x00\xff\xff"
    cut = option(1, value[1:])
    assert cut[:4] == b"\x01\x00\xfe\xff"
    assert len(cut) == 4 + 0xFFFE + 2


def test_a_frame_longer_than_wireshark_takes_is_cut(tmp_path: Path) -> None:
    writer = PcapngWriter(f"{tmp_path}/all.pcapng")
    writer.write(0, writer.add_interface("a"), bytes(SNAPLEN + 5))
    assert [len(record.data) for record in CaptureReader(tmp_path / "all.pcapng")] == [SNAPLEN]
