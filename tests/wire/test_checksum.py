"""The checksum against the plainest reading of RFC 1071, and its update against computing it again."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.l2 import Ether

from emu.wire.checksum import checksum, l4_checksum, l4_verify, ones_sum, update, verify

WORDS = st.lists(st.integers(0, 0xFFFF), min_size=1, max_size=40)
ADDRESS = st.integers(0, 0xFFFFFFFF)


def reference(data: bytes) -> int:
    """RFC 1071 section 4.1, with 16-bit words and end-around carry."""
    total = 0
    for at in range(0, len(data), 2):
        total += int.from_bytes(data[at : at + 2].ljust(2, b"\0"), "big")
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def pack(words: list[int]) -> bytes:
    return b"".join(word.to_bytes(2, "big") for word in words)


@given(st.binary(max_size=100))
def test_it_is_the_reference(data: bytes) -> None:
    assert checksum(data) == reference(data)


def test_the_two_zeros() -> None:
    assert checksum(bytes(20)) == 0xFFFF == reference(bytes(20))
    assert checksum(b"") == 0xFFFF == reference(b"")
    assert checksum(b"\xff\xff") == 0 == reference(b"\xff\xff")
    assert checksum(b"\xff\xfe\x00\x01") == 0 == reference(b"\xff\xfe\x00\x01")


@given(WORDS, st.integers(0, 39))
def test_data_with_its_checksum_verifies_and_one_bit_off_does_not(words: list[int], place: int) -> None:
    words.insert(place % (len(words) + 1), 0)
    at = words.index(0)
    words[at] = checksum(pack(words))
    assert verify(pack(words))
    words[at] ^= 0x0100
    assert not verify(pack(words))


@given(WORDS, st.integers(0, 39), st.integers(0, 0xFFFF))
def test_an_update_is_computing_it_again(words: list[int], place: int, new: int) -> None:
    """The data has some non-zero word that stays, as every header has (its version); RFC 1624 has its own zero otherwise."""
    words = [0x4500, *words]
    place = 1 + place % (len(words) - 1)
    before, old = checksum(pack(words)), words[place]
    words[place] = new
    after = update(before, old, new)
    assert after % 0xFFFF == checksum(pack(words)) % 0xFFFF
    assert verify(pack([*words, after]))


@given(ADDRESS, ADDRESS, st.sampled_from([6, 17]), st.binary(max_size=60))
def test_the_pseudo_header(saddr: int, daddr: int, proto: int, segment: bytes) -> None:
    header = saddr.to_bytes(4, "big") + daddr.to_bytes(4, "big") + bytes([0, proto]) + len(segment).to_bytes(2, "big")
    assert l4_checksum(saddr, daddr, proto, segment) == reference(header + segment)
    value = l4_checksum(saddr, daddr, proto, b"\0\0" + segment)
    assert l4_verify(saddr, daddr, proto, value.to_bytes(2, "big") + segment)
    assert not l4_verify(saddr, daddr, proto, (value ^ 0x10).to_bytes(2, "big") + segment)


def test_scapy_agrees() -> None:
    for proto, layer, at in ((17, UDP(sport=1, dport=2) / b"odd", 6), (6, TCP(sport=1, dport=2) / b"data", 16)):
        packet = bytes(Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02") / IP(src="10.0.0.1", dst="10.0.0.2") / layer)[14:]
        assert verify(packet[:20])
        assert l4_verify(0x0A000001, 0x0A000002, proto, packet[20:])
        blank = packet[20 : 20 + at] + b"\0\0" + packet[22 + at :]
        assert l4_checksum(0x0A000001, 0x0A000002, proto, blank) == int.from_bytes(packet[20 + at : 22 + at], "big")


def test_an_odd_length_is_padded() -> None:
    assert ones_sum(b"\x01") == ones_sum(b"\x01\x00") == 0x0100


def test_long_data_sums_as_the_sum_of_its_parts_says() -> None:
    for size in (512, 514, 1400, 1500, 9000, 65534):
        data = bytes(i * i % 251 for i in range(size))
        assert ones_sum(data) == sum(data[i] << 8 | data[i + 1] for i in range(0, size, 2)) % 0xFFFF
        assert ones_sum(b"\xff" * size) == 0
