"""What listeners are told of connections: once for each change, when the packet has come through."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from emu.iproute import conntrack as tool
from emu.net.conntrack import Entry
from emu.net.conntrack.events import listen
from tests.net.conntrack.packets import udp
from tests.net.netfilter.cases import A, B
from tests.net.netfilter.router import Router

RULES = "*filter\n-A FORWARD -m conntrack --ctstate NEW\nCOMMIT\n"


class Heard:
    """`lines`: what `conntrack -E` would print."""

    def __init__(self, router: Router) -> None:
        self.lines: list[str] = []
        self.router = router
        self.end = listen(router.ns.ct, self.tell)

    def tell(self, kind: str, ct: Entry, by_user: bool) -> None:
        self.lines.append(tool.event_line(kind, ct, self.router.ns.sim.now, by_user))

    @property
    def kinds(self) -> list[str]:
        return [line.split()[0].strip("[]") for line in self.lines]


@pytest.fixture
def router() -> Router:
    made = Router()
    made.restore(RULES)
    return made


@pytest.fixture
def heard(router: Router) -> Iterator[Heard]:
    made = Heard(router)
    yield made
    made.end()


def test_a_connection_is_new_answered_and_gone(router: Router, heard: Heard) -> None:
    router.send("a", udp(A, 1000, B, 53))
    router.send("b", udp(B, 53, A, 1000))
    router.send("a", udp(A, 1000, B, 53))
    assert heard.lines == [
        f"    [NEW] udp      17 30 src={A} dst={B} sport=1000 dport=53 [UNREPLIED] src={B} dst={A} sport=53 dport=1000",
        f" [UPDATE] udp      17 30 src={A} dst={B} sport=1000 dport=53 src={B} dst={A} sport=53 dport=1000",
    ]
    router.wait(31)
    assert heard.lines[2:] == [f"[DESTROY] udp      17 src={A} dst={B} sport=1000 dport=53 src={B} dst={A} sport=53 dport=1000"]


def test_a_user_who_deletes_is_named(router: Router, heard: Heard) -> None:
    router.send("a", udp(A, 1000, B, 53))
    assert tool.delete(router.ns, proto="udp") == 1
    assert heard.lines[-1].endswith("[USERSPACE] portid=1 progname=conntrack")


def test_a_dropped_first_packet_is_no_news(router: Router, heard: Heard) -> None:
    router.restore(RULES.replace("NEW\n", "NEW -j DROP\n"))
    router.send("a", udp(A, 1000, B, 53))
    assert heard.kinds == []


def test_a_flow_that_was_cached_is_told_of_too(router: Router) -> None:
    for _ in range(4):
        router.send("a", udp(A, 1000, B, 53))
        router.send("b", udp(B, 53, A, 1000))
    router.wait(3)
    heard = Heard(router)
    router.send("a", udp(A, 1000, B, 53))
    heard.end()
    assert heard.lines[0].endswith("[ASSURED]")
    assert heard.kinds == ["UPDATE"]
    assert router.ns.ct.events is None
