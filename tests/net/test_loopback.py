"""lo."""

from __future__ import annotations

import pytest

from emu.iproute import link
from emu.net.netns import Namespace
from emu.net.skb import PACKET_HOST, Skb
from emu.wire.addr import ip_int
from tests.net.lan import Lan


@pytest.fixture
def lan() -> Lan:
    return Lan(hosts=1)


def test_a_ping_to_oneself_is_sent_and_received_by_lo(lan: Lan) -> None:
    for target in ("127.0.0.1", "10.0.0.1"):
        lan.forget()
        lan.ping("h1", target)
        assert lan.places() == ["h1.lo tx", "h1.lo rx", "h1.lo tx", "h1.lo rx"]
        assert all(wire[:14] == bytes(12) + b"\x08\x00" for _, _, wire in lan.frames)
    assert len(lan.host("h1").neigh) == 0


def test_lo_is_born_down_and_big(lan: Lan) -> None:
    lo = lan.machine.add_netns("new").lo
    assert (lo.name, lo.ifindex, lo.mtu, lo.mac, lo.up) == ("lo", 1, 65536, bytes(6), False)


def test_a_packet_keeps_its_mark_and_its_connection_across_lo(lan: Lan) -> None:
    got: list[Skb] = []
    ns = lan.host("h1")
    ns.handlers = {**ns.handlers, 0x0800: lambda ns, skb: (got.append(skb), ns.delivered(skb))}
    skb = ns.born(0x0800, bytes(20))
    skb.mark, skb.ct, skb.ctinfo, skb.sk = 7, "entry", 2, "socket"
    ns.neigh.output(skb, ns.lo, ip_int("127.0.0.1"))
    assert got == []
    lan.run()
    assert [(s.mark, s.ct, s.ctinfo, s.sk, s.dev, s.pkt_type) for s in got] == [(7, "entry", 2, None, ns.lo, PACKET_HOST)]
    lan.ledger.check()


def test_lo_that_goes_down_meanwhile(lan: Lan) -> None:
    ns: Namespace = lan.host("h1")
    ns.neigh.output(ns.born(0x0800, bytes(20)), ns.lo, ip_int("127.0.0.1"))
    link.set_down(ns, "lo")
    lan.run()
    assert lan.drops == [("h1", "DEV_READY", "lo is down")]
    lan.ledger.check()
