"""The stub resolver: what resolv.conf and the hosts file say, which names are asked for, which servers, and when a search ends."""

from __future__ import annotations

import asyncio
import socket
from random import Random

import pytest

from emu.apps import dns
from emu.apps.dns_server import answer, parse_record
from emu.apps.resolv import ResolvConf, Resolver, parse_hosts
from emu.k8s.dns.server import DnsServer
from tests.aio.lab import B, Lab


class Server(asyncio.DatagramProtocol):
    """Answers by `codes` (name -> rcode, None: silence), else from `records`; `asked`: the names, in order."""

    def __init__(self, codes: dict[str, int | None], records: list[dns.Record]) -> None:
        self.codes, self.records = codes, records
        self.asked: list[str] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        query = dns.decode(data)
        name = query.questions[0].name
        self.asked.append(name)
        code = self.codes.get(name, dns.NOERROR)
        if code is not None:
            self.transport.sendto(dns.encode(query.reply(code) if code else answer(query, self.records)), addr)  # type: ignore[attr-defined]

    async def serve(self) -> None:
        await asyncio.get_running_loop().create_datagram_endpoint(lambda: self, local_addr=("0.0.0.0", 53))
        await asyncio.sleep(1e9)


@pytest.fixture
def lab() -> Lab:
    return Lab()


def asked(name: str, codes: dict[str, int | None], records: tuple[str, ...] = (), text: str = "search a.test b.test\n") -> tuple[object, list[str]]:
    """What a lookup gives (an EAI_ code if it fails), and the names that the server was asked for."""
    lab, server = Lab(), Server(codes, [parse_record(record) for record in records])
    lab.spawn(lab.b, server.serve())
    resolver = Resolver(ResolvConf.parse(f"nameserver {B}\n{text}"), Random(1))
    try:
        found: object = lab.run(lab.a, resolver.lookup(name))
    except socket.gaierror as error:
        found = error.errno
    return found, server.asked


def test_resolv_conf() -> None:
    conf = ResolvConf.parse("# c\nnameserver 10.0.0.2\nnameserver ::1\nsearch a.test b.test.\noptions ndots:2 timeout:1 rotate ndots:x\n")
    assert conf == ResolvConf(("10.0.0.2",), ("a.test", "b.test"), 2, 1.0)
    assert ResolvConf.parse(str(conf)) == conf
    assert ResolvConf.parse("").asked == ("127.0.0.1",)


def test_few_dots_search_first() -> None:
    conf = ResolvConf(search=("a.test", "b.test"), ndots=2)
    assert conf.candidates("x.y") == ["x.y.a.test.", "x.y.b.test.", "x.y."]
    assert conf.candidates("x.y.z") == ["x.y.z.", "x.y.z.a.test.", "x.y.z.b.test."]
    assert conf.candidates("x.") == ["x."]


def test_how_long_each_of_three_servers_is_waited_for() -> None:
    conf = ResolvConf(("10.0.0.1", "10.0.0.2", "10.0.0.3"))
    assert [conf.seconds(index) for index in range(3)] == [5, 3, 6]


def test_the_hosts_file() -> None:
    hosts = parse_hosts("10.0.0.9 web web.test # x\n::1 localhost\nnonsense\n")
    resolver = Resolver(ResolvConf(), Random(1), hosts)
    assert resolver.in_hosts("WEB.test.") == (["10.0.0.9"], "web")
    assert resolver.names_in_hosts("10.0.0.9") == ["web", "web.test"]
    assert resolver.in_hosts("localhost") is None


def test_the_search_goes_on_until_a_name_is_there() -> None:
    found, names = asked("web", {}, ("web.b.test=10.0.0.80",))
    assert (found, names) == (["10.0.0.80"], ["web.a.test.", "web.b.test."])


def test_a_name_that_is_nowhere() -> None:
    assert asked("web", {}) == ([], ["web.a.test.", "web.b.test.", "web."])


def test_a_name_without_an_address() -> None:
    assert asked("web", {}, ("web.a.test=TXT x",))[0] == socket.EAI_NODATA


def test_servfail_is_asked_again_and_the_search_goes_on() -> None:
    found, names = asked("web", {"web.a.test.": dns.SERVFAIL}, ("web.b.test=10.0.0.80",))
    assert (found, names) == (["10.0.0.80"], ["web.a.test.", "web.a.test.", "web.b.test."])
    assert asked("web", {"web.a.test.": dns.SERVFAIL})[0] == socket.EAI_AGAIN


def test_silence_ends_the_list_but_not_the_name_as_it_is() -> None:
    assert asked("web", {"web.a.test.": None}, ("web=10.0.0.80",))[1] == ["web.a.test.", "web.a.test.", "web."]
    found, names = asked("www.web", {"www.web.": None}, ("www.web.a.test=10.0.0.80",))
    assert (found, names) == (["10.0.0.80"], ["www.web.", "www.web.", "www.web.a.test."])


def test_refused_ends_the_search(lab: Lab) -> None:
    resolver = Resolver(ResolvConf((B,), ("a.test", "b.test")), Random(1))
    with pytest.raises(socket.gaierror) as raised:
        lab.run(lab.a, resolver.lookup("web"))
    assert raised.value.errno == socket.EAI_AGAIN
    assert sum(b"\3web\1a\4test" in wire for *_, wire in lab.frames)
    assert not any(b"\3web\1b\4test" in wire for *_, wire in lab.frames)


def test_both_families_at_once_from_one_socket(lab: Lab) -> None:
    lab.spawn(lab.b, DnsServer(None, (), Random(2), {"web.test": "10.0.0.80"}).serve(health=False))
    resolver = Resolver(ResolvConf((B,)), Random(1), kinds=(dns.A, dns.AAAA))
    assert lab.run(lab.a, resolver.addresses("web.test")) == (["10.0.0.80"], "web.test")


def test_what_is_truncated_is_asked_again_over_tcp(lab: Lab) -> None:
    class Long(DnsServer):
        async def answer(self, query: dns.Message) -> dns.Message:
            return query.reply(answers=tuple(dns.Record("web.test.", dns.A, 5, f"10.0.0.{last}") for last in range(60)))

    lab.spawn(lab.b, Long(None, (), Random(2)).serve(health=False))
    assert len(lab.run(lab.a, Resolver(ResolvConf((B,)), Random(1)).lookup("web.test"))) == 60
