"""DNS messages: what is encoded is decoded, any bytes are an error and nothing else, and a server's answers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emu.apps import dns
from emu.apps.dns_server import answer, parse_record

RECORDS = [
    parse_record(text)
    for text in (
        "web.test=10.0.0.80", "www.test=CNAME web.test.", "2.0.0.10.in-addr.arpa=PTR ns.test.", "test=SOA ns.test. admin.test. 1 3600 600 86400 60",
        "txt.test=TXT hello", "_http._tcp.test=SRV 0 5 80 web.test.", "test=MX 10 mail.test.", "six.test=AAAA fd00::1", "test=NS ns.test.",
    )
]  # fmt: skip


def query(name: str, kind: int = dns.A) -> dns.Message:
    return dns.Message(7, (dns.Question(name, kind),))


def test_every_kind_of_record_comes_back() -> None:
    message = query("test.").reply(answers=tuple(RECORDS))
    found = dns.decode(dns.encode(message))
    assert [(record.name, record.type, record.ttl) for record in found.answers] == [(record.name, record.type, record.ttl) for record in RECORDS]
    assert [record.data for record in found.answers] == [f'"{record.data}"' if record.type == dns.TXT else record.data for record in RECORDS]
    assert found == dns.decode(dns.encode(found))


def test_names_are_compressed() -> None:
    reply = answer(query("www.test."), RECORDS)
    wire = dns.encode(reply)
    assert wire.count(b"\x04test") == 1
    assert dns.decode(wire) == reply


def test_a_query_as_dig_sends_it() -> None:
    message = dns.Message(0x1234, (dns.Question("web.test."),), authentic_data=True, udp_size=1232, cookie=b"12345678")
    wire = dns.encode(message)
    assert wire[:12].hex() == "123401200001000000000001"
    assert wire.endswith(bytes.fromhex("00002904d000000000000c000a0008") + b"12345678")
    assert dns.decode(wire).udp_size == 1232


def test_a_server_follows_aliases_and_knows_what_is_not_there() -> None:
    assert [record.data for record in answer(query("WWW.test."), RECORDS).answers] == ["web.test.", "10.0.0.80"]
    assert answer(query("web.test.", dns.AAAA), RECORDS).rcode == dns.NOERROR
    assert answer(query("nosuch.test."), RECORDS).rcode == dns.NXDOMAIN


@given(st.binary(max_size=300))
def test_any_bytes_are_a_message_or_an_error(data: bytes) -> None:
    try:
        dns.decode(data)
    except dns.MessageError:
        pass


def test_a_name_that_points_at_itself_ends() -> None:
    with pytest.raises(dns.MessageError):
        dns.decode(bytes(5) + b"\1" + bytes(6) + b"\xc0\x0c" + bytes(4))


@pytest.mark.parametrize("name", ["a..b", "x" * 64, ".".join(["x" * 60] * 5)])
def test_names_that_are_none(name: str) -> None:
    with pytest.raises(dns.MessageError):
        dns.encode_name(name)
