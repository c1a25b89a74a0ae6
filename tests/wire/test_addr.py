"""Addresses between text and what the data path uses."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emu.wire.addr import cidr_parse, cidr_text, ip_int, ip_text, is_loopback_ip, is_multicast_ip, mac_bytes, mac_text, prefix_mask

ANY = st.integers(0, 0xFFFFFFFF)


@given(ANY)
def test_ipv4_there_and_back(ip: int) -> None:
    assert ip_text(ip) == str(IPv4Address(ip))
    assert ip_int(ip_text(ip)) == ip
    assert is_multicast_ip(ip) == IPv4Address(ip).is_multicast
    assert is_loopback_ip(ip) == IPv4Address(ip).is_loopback


@given(ANY, st.integers(0, 32))
def test_prefixes_there_and_back(ip: int, length: int) -> None:
    assert cidr_parse(cidr_text(ip, length)) == (ip, length)
    assert ip & prefix_mask(length) == int(IPv4Network((ip, length), strict=False).network_address)


def test_an_address_alone_is_a_host() -> None:
    assert cidr_parse("10.0.0.5") == (0x0A000005, 32)
    assert cidr_parse("10.0.0.5", default_len=24) == (0x0A000005, 24)


NO_ADDRESS = ["", "10.0.0", "10.0.0.0.1", "10.0.0.256", "10.0.0.-1", "10.0.0.01", "10.0.0.x", " 10.0.0.1", "10.0.0.1 ", "1e1.0.0.1", "١٠.0.0.1", "10.0.0.0001"]


@pytest.mark.parametrize("text", NO_ADDRESS)
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(ValueError, match="is not an IPv4 address"):
        ip_int(text)


@pytest.mark.parametrize("text", ["10.0.0.0/33", "10.0.0.0/", "10.0.0.0/-1", "10.0.0.0/2x", "10.0.0.0/024", "10.0.0/8", "10.0.0.0/8/8"])
def test_what_is_no_prefix(text: str) -> None:
    with pytest.raises(ValueError, match="is not an IPv4"):
        cidr_parse(text)


@given(st.binary(min_size=6, max_size=6))
def test_macs_there_and_back(mac: bytes) -> None:
    assert mac_bytes(mac_text(mac)) == mac
    assert mac_bytes(mac_text(mac).upper()) == mac


def test_octets_may_be_short() -> None:
    assert mac_bytes("2:0:0:0:0:a") == b"\x02\0\0\0\0\x0a"


NO_MAC = [
    "", "02:00:00:00:00", "02:00:00:00:00:00:01", "02-00-00-00-00-01", "gg:00:00:00:00:01", "002:00:00:00:00:01", "+2:00:00:00:00:01", "02: 1:00:00:00:01",
    "-1:00:00:00:00:01",
]  # fmt: skip


@pytest.mark.parametrize("text", NO_MAC)
def test_what_is_no_mac(text: str) -> None:
    with pytest.raises(ValueError, match="is not a MAC address"):
        mac_bytes(text)
