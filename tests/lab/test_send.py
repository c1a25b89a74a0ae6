"""Frames made by hand: scapy never asks the host (real sockets are forbidden in every test), and what is left open comes from the namespace."""

from __future__ import annotations

from typing import Any

import pytest
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.l2 import ARP, Ether

from emu import Cluster, Pod, Trace
from emu.net.netns import NetError
from emu.wire.frame import Frame


@pytest.fixture
def pods(cluster: Cluster) -> tuple[Pod, Pod]:
    """Two pods on one node."""
    return cluster.run_pod("one", node="node1"), cluster.run_pod("two", node="node1", serve_udp=53)


def sent(trace: Trace, ethertype: int = 0x0800) -> Frame:
    """The first frame of that type that left the sender's eth0."""
    wire = next(hop.wire for hop in trace.hops if hop.netns == trace.source and hop.direction == "tx" and hop.wire[12:14] == ethertype.to_bytes(2, "big"))
    return Frame.make(wire)


def test_open_addresses_are_filled_from_the_namespace_by_route_and_arp(pods: tuple[Pod, Pod]) -> None:
    one, two = pods
    trace = one.send(Ether() / IP(dst=two.ip) / UDP(sport=4000, dport=53) / b"by hand")
    assert trace.delivered
    assert trace.title == "one: Ether / IP / UDP / Raw by hand"
    frame = sent(trace)
    assert (frame.src, frame.dst) == (one.mac, two.mac)
    assert (frame[IP].src, frame[IP].ttl, bytes(frame[UDP].payload)) == (one.ip, 64, b"by hand")
    assert trace.steps("arp")  # it had to ask for the MAC
    assert any(hop.netns == "two" and b"by hand" in hop.wire for hop in trace.hops)


def test_a_packet_for_another_network_goes_to_the_gateways_mac(cluster: Cluster, pods: tuple[Pod, Pod]) -> None:
    one, _ = pods
    trace = one.send(IP(dst=cluster.internet.ip, ttl=9) / ICMP())
    assert bytes(cluster.node("node1").netns.devices["cbr0"].mac) == sent(trace).wire[:6]
    assert any(hop.netns == "internet" for hop in trace.hops)


def test_macs_and_source_that_are_given_are_kept(pods: tuple[Pod, Pod]) -> None:
    one, two = pods
    packet = Ether(src="02:00:00:00:00:99", dst=two.mac) / IP(src="10.244.1.77", dst=two.ip) / UDP(dport=53) / b"x"
    frame = sent(one.send(packet))
    assert (frame.src, frame.dst, frame[IP].src) == ("02:00:00:00:00:99", two.mac, "10.244.1.77")
    only_source = sent(one.send(Ether(dst=two.mac) / IP(dst=two.ip) / UDP(dport=53)))
    assert (only_source.src, only_source[IP].src) == (one.mac, one.ip)


def test_every_packet_of_a_set_is_sent(pods: tuple[Pod, Pod]) -> None:
    one, two = pods
    trace = one.send(Ether() / IP(dst=two.ip) / UDP(sport=1000, dport=[53, 54, 55]))
    ports = [int.from_bytes(hop.wire[36:38], "big") for hop in trace.hops if hop.netns == "one" and hop.direction == "tx" and hop.wire[23] == 17]
    assert ports == [53, 54, 55]


def test_bytes_and_frames_go_out_as_they_are(pods: tuple[Pod, Pod]) -> None:
    one, two = pods
    one.ping(two.ip)  # the bridge learns where both are
    wire = bytes(Ether(src=one.mac, dst=two.mac, type=0x88B5)) + b"anything at all" * 4
    trace = one.send(wire)
    assert trace.hops[0].wire == wire
    assert trace.title == f"one: {len(wire)} bytes by hand"
    assert [drop.reason for drop in trace.drops] == ["UNHANDLED_PROTO"]
    assert not trace.delivered
    again = one.send(Frame.make(wire))
    assert again.hops[0].wire == wire
    assert again.hops[0].frame_id != trace.hops[0].frame_id
    assert any(hop.netns == "two" for hop in again.hops)


def test_arp_by_hand(pods: tuple[Pod, Pod]) -> None:
    one, two = pods
    trace = one.send(Ether() / ARP(pdst=two.ip))
    request = sent(trace, 0x0806)
    assert (request.dst, request[ARP].psrc, request[ARP].hwsrc) == ("ff:ff:ff:ff:ff:ff", one.ip, one.mac)
    assert any(hop.netns == "one" and hop.direction == "rx" and hop.wire[20:22] == b"\0\x02" for hop in trace.hops)


def test_the_answers_belong_to_the_trace(pods: tuple[Pod, Pod]) -> None:
    one, two = pods
    trace = one.send(Ether() / IP(dst=two.ip) / TCP(sport=999, dport=81, flags="S"))
    answers = [Frame.make(hop.wire) for hop in trace.hops if hop.netns == "one" and hop.direction == "rx" and hop.wire[12:14] == b"\x08\0"]
    assert [str(answer[TCP].flags) for answer in answers] == ["RA"]


def test_a_device_can_be_chosen(cluster: Cluster) -> None:
    node = cluster.node("node1")
    trace = node.send(Ether(dst="ff:ff:ff:ff:ff:ff") / IP(dst="255.255.255.255") / UDP(dport=9), device="cbr0")
    assert trace.hops[0].dev == "cbr0"
    trace = node.send(b"\xff" * 60)
    assert trace.hops[0].dev == "eth0"


@pytest.mark.parametrize(
    ("packet", "words"),
    [
        (IP(dst="10.9.9.9") / UDP(), "Network is unreachable: internet has no route to 10.9.9.9"),
        (Ether() / IP(dst="10.9.9.9") / UDP(), "no route to 10.9.9.9"),
        (Ether() / IP() / UDP(), "internet: Ether / IP / UDP has no destination: set dst of IP"),
        (UDP(), "internet: UDP is neither an Ethernet frame nor an IP packet"),
        (Ether(src="02:00:00:00:00:01") / IP(dst="198.51.100.1"), "so it needs a destination MAC too"),
    ],
)
def test_what_cannot_be_sent_is_one_clear_line(cluster: Cluster, packet: Any, words: str) -> None:
    with pytest.raises((NetError, ValueError)) as caught:
        cluster.internet.send(packet)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_is_no_frame_at_all_is_told_so(cluster: Cluster) -> None:
    with pytest.raises(ValueError, match="a frame is a scapy packet or bytes, not str"):
        cluster.internet.send("hello")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="not int"):
        cluster.inject(cluster.internet.netns.devices["eth0"], 5)  # type: ignore[arg-type]


def test_delivered_means_that_somebody_took_it(pods: tuple[Pod, Pod]) -> None:
    one, two = pods
    assert not one.send(IP(dst=two.ip) / UDP(dport=54)).delivered  # no socket there
    assert not one.send(IP(dst="10.244.1.99") / UDP(dport=53)).delivered
    # The switch of FDB entries is cold: others get copies and drop them, and still it arrives.
    assert one.send(Ether(dst=two.mac) / IP(dst=two.ip) / UDP(dport=53)).delivered


def test_an_unknown_device_is_named(cluster: Cluster) -> None:
    with pytest.raises(NetError, match=r"eth7"):
        cluster.node("node1").send(b"\xff" * 60, device="eth7")


def test_an_injected_frame_is_received_once_time_runs(cluster: Cluster, pods: tuple[Pod, Pod]) -> None:
    one, two = pods
    seen: list[tuple[str, str]] = []
    cluster.tap(lambda t_ns, device, direction, frame: seen.append((f"{device.netns.name}.{device.name}", direction)))
    cluster.inject(two.netns.devices["eth0"], Ether(src=one.mac, dst=two.mac) / IP(src=one.ip, dst=two.ip) / UDP(sport=4000, dport=53) / b"echo me")
    assert seen == []
    cluster.run(seconds=0.1)
    assert seen[0] == ("two.eth0", "rx")
    assert ("one.eth0", "rx") in seen


def test_what_is_injected_leaves_nothing_open(cluster: Cluster, pods: tuple[Pod, Pod]) -> None:
    with pytest.raises((NetError, ValueError), match="address"):
        cluster.inject(pods[1].netns.devices["eth0"], Ether() / IP(dst=pods[1].ip) / UDP(dport=53))
