"""`conntrack -L`, `-D`, `-F`, `-C` as conntrack-tools 1.4.7 does them."""

from __future__ import annotations

import pytest

from emu.iproute import conntrack
from emu.net.netns import Kernel, Namespace
from emu.sim import Sim
from emu.trace import Tracepoints
from tests.net.conntrack.box import Box, to_ip
from tests.net.conntrack.packets import echo, tcp, udp

A, B, VIP = "10.0.1.2", "10.0.2.2", "10.96.0.10"


@pytest.fixture
def box() -> Box:
    """A UDP connection through a Service, an established TCP connection, a ping, in this order; one second ago."""
    box = Box()
    box.dnat(lambda skb: skb.proto == 17, to_ip(B, 5353))
    box.send(udp(A, 1000, VIP, 53))
    box.send(tcp(A, 2000, B, 80, "S", 1))
    box.send(tcp(B, 80, A, 2000, "SA", 1, 2))
    box.send(tcp(A, 2000, B, 80, "A", 2, 2))
    box.send(echo(A, B, 77))
    box.send(echo(B, A, 77, reply=True))
    box.wait(1)
    return box


UDP = "udp      17 29 src=10.0.1.2 dst=10.96.0.10 sport=1000 dport=53 [UNREPLIED] src=10.0.2.2 dst=10.0.1.2 sport=5353 dport=1000 mark=0 use=1"
TCP = "tcp      6 431999 ESTABLISHED src=10.0.1.2 dst=10.0.2.2 sport=2000 dport=80 src=10.0.2.2 dst=10.0.1.2 sport=80 dport=2000 [ASSURED] mark=0 use=1"
PING = "icmp     1 29 src=10.0.1.2 dst=10.0.2.2 type=8 code=0 id=77 src=10.0.2.2 dst=10.0.1.2 type=0 code=0 id=77 mark=0 use=1"


def test_the_list_reads_like_linuxs_and_is_in_order_of_age(box: Box) -> None:
    assert conntrack.show(box.ns).splitlines() == [UDP, TCP, PING]
    assert conntrack.count(box.ns) == 3


def test_it_can_be_filtered(box: Box) -> None:
    assert conntrack.show(box.ns, proto="tcp") == TCP + "\n"
    assert conntrack.show(box.ns, orig_dst=VIP) == UDP + "\n"
    assert conntrack.show(box.ns, orig_dst="10.0.2.0/24").splitlines() == [TCP, PING]
    assert conntrack.show(box.ns, reply_src=B, reply_sport=5353) == UDP + "\n"
    assert conntrack.show(box.ns, proto="udp", dport=80) == ""


def test_marks_and_counters_are_shown() -> None:
    box = Box()
    box.ns.sysctl.nf_conntrack_acct = 1
    box.send(udp(A, 1, B, 2))
    box.ct.entries()[0].mark = 66
    assert "sport=1 dport=2 packets=1 bytes=32 [UNREPLIED]" in conntrack.show(box.ns)
    assert conntrack.show(box.ns, mark=66).endswith("packets=0 bytes=0 mark=66 use=1\n")
    assert conntrack.show(box.ns, mark=67) == ""


def test_entries_are_deleted_by_filter(box: Box) -> None:
    assert conntrack.delete(box.ns, proto="udp", orig_dst=VIP, dport=53, reply_src=B) == 1
    assert conntrack.delete(box.ns, proto="udp", orig_dst=VIP, dport=53, reply_src=B) == 0
    assert conntrack.show(box.ns).splitlines() == [TCP, PING]
    assert conntrack.delete_if(box.ns, lambda ct: ct.proto == 6) == 1
    conntrack.flush(box.ns)
    assert conntrack.show(box.ns) == ""


def test_an_unknown_protocol_or_address_is_named(box: Box) -> None:
    with pytest.raises(ValueError, match="conntrack: unknown protocol 'upd'"):
        conntrack.delete(box.ns, proto="upd")
    with pytest.raises(ValueError, match=r"'10\.0\.1' is not an IPv4 address"):
        conntrack.show(box.ns, orig_src="10.0.1")


def test_a_namespace_without_conntrack_has_no_connections() -> None:
    sim = Sim()
    ns = Namespace("pod", Kernel("node", sim, Tracepoints(sim)))
    conntrack.flush(ns)
    assert (conntrack.show(ns), conntrack.count(ns), conntrack.delete(ns)) == ("", 0, 0)
