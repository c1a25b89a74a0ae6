"""br_netfilter: what every interface of a node sees of bridged packets. The same script runs on the real kernel and must give the same frames."""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emu.wire.checksum import checksum
from tests.net.bridge_pods import IPS, RULES, EmulatedPods, KernelPods
from tests.net.conntrack import packets

Seen = dict[str, list[str]]


@pytest.fixture
def pods() -> EmulatedPods:
    node = EmulatedPods()
    node.restore(RULES)
    return node


def ip_frames(seen: Seen, device: str) -> list[str]:
    return [line for line in seen.get(device, []) if " arp " not in line]


def test_a_cold_backend_is_asked_for_and_the_first_packet_leaves_by_the_bridge_device(pods: EmulatedPods) -> None:
    seen = pods.udp("a", 1000, "10.96.0.10", 53)
    assert seen["n1.cbr0"][:6] == [
        "rx a>all arp who-has 10.244.1.2>10.244.1.1",
        "tx cbr0>a arp is-at 10.244.1.1>10.244.1.2",
        "tx cbr0>all arp who-has 10.244.1.1>10.244.1.3",
        "rx b>cbr0 arp is-at 10.244.1.3>10.244.1.1",
        "tx cbr0>b 10.244.1.2>10.244.1.3 ttl 64 len 30 udp 1000>5353",
        "rx b>all arp who-has 10.244.1.3>10.244.1.2",
    ]
    assert ip_frames(seen, "n1.vethb")[0] == "tx a>b 10.244.1.2>10.244.1.3 ttl 64 len 30 udp 1000>5353"


def test_a_connected_backend_gets_its_mac_patched_in_and_the_bridge_device_sees_nothing(pods: EmulatedPods) -> None:
    pods.udp("a", 1000, "10.96.0.10", 53)
    seen = pods.udp("a", 1000, "10.96.0.10", 53)
    assert "n1.cbr0" not in seen
    assert seen["n1.vetha"][0] == "rx a>cbr0 10.244.1.2>10.96.0.10 ttl 64 len 30 udp 1000>53"
    assert seen["n1.vethb"][0] == "tx a>b 10.244.1.2>10.244.1.3 ttl 64 len 30 udp 1000>5353"


def test_the_bridged_answer_comes_from_the_service(pods: EmulatedPods) -> None:
    pods.udp("a", 1000, "10.96.0.10", 53)
    seen = pods.udp("b", 5353, IPS["a"], 1000)
    assert seen["n1.vethb"][0] == "rx b>a 10.244.1.3>10.244.1.2 ttl 64 len 30 udp 5353>1000"
    assert seen["n1.vetha"][0] == "tx b>a 10.96.0.10>10.244.1.2 ttl 64 len 30 udp 53>1000"


def test_an_icmp_error_is_translated_outside_and_inside(pods: EmulatedPods) -> None:
    seen = pods.udp("a", 1000, "10.96.0.10", 53)
    assert ip_frames(seen, "n1.vethb")[-1] == "rx b>a 10.244.1.3>10.244.1.2 ttl 64 len 58 icmp 3/3 about 10.244.1.2>10.244.1.3"
    assert ip_frames(seen, "n1.vetha")[-1] == "tx b>a 10.96.0.10>10.244.1.2 ttl 64 len 58 icmp 3/3 about 10.244.1.2>10.96.0.10"


def test_a_destination_elsewhere_goes_up_to_ip_with_the_bridges_mac(pods: EmulatedPods) -> None:
    seen = pods.udp("a", 1000, "10.96.0.12", 53)
    assert ip_frames(seen, "n1.cbr0")[0] == "rx a>cbr0 10.244.1.2>192.0.2.1 ttl 64 len 30 udp 1000>53"
    assert pods.connections() == []  # no route: never confirmed


def test_without_forwarding_even_the_same_bridge_is_out_of_reach(pods: EmulatedPods) -> None:
    pods.udp("a", 1000, "10.96.0.10", 53)
    pods.sysctl("net.ipv4.ip_forward", 0)
    seen = pods.udp("a", 1010, "10.96.0.10", 53)
    assert seen["n1.cbr0"] == ["rx a>cbr0 10.244.1.2>10.244.1.3 ttl 64 len 30 udp 1010>5353"]
    assert "n1.vethb" not in seen


def test_a_pod_reaches_itself_through_its_service_where_the_port_is_in_hairpin_mode(pods: EmulatedPods) -> None:
    assert "tx" not in " ".join(ip_frames(pods.udp("a", 1010, "10.96.0.11", 53), "n1.vetha"))
    pods.hairpin("vetha")
    seen = pods.udp("a", 1011, "10.96.0.11", 53)
    assert ip_frames(seen, "n1.vetha")[:2] == [
        "rx a>cbr0 10.244.1.2>10.96.0.11 ttl 64 len 30 udp 1011>53",
        "tx a>a 10.244.1.1>10.244.1.2 ttl 64 len 30 udp 1011>1000",
    ]


def test_fragments_are_put_together_and_leave_again_as_large_as_they_came(pods: EmulatedPods) -> None:
    pods.udp("a", 1000, "10.96.0.10", 53)
    seen = pods.udp("a", 1000, "10.96.0.10", 53, 3000, df=False)
    assert seen["n1.vethb"][:3] == [
        "tx a>b 10.244.1.2>10.244.1.3 ttl 64 len 1500 frag 2000 udp 1000>5353",
        "tx a>b 10.244.1.2>10.244.1.3 ttl 64 len 1500 frag 20b9",
        "tx a>b 10.244.1.2>10.244.1.3 ttl 64 len 68 frag 0172",
    ]


def odd_fragments() -> list[bytes]:
    """A datagram of 1,360 bytes in pieces of 656, 656 and 28 bytes: it would fit the MTU in one."""
    l3 = packets.udp(IPS["a"], 1004, IPS["c"], 99, b"x" * 1332)
    cuts = [0, 656, 1312, len(l3) - 20]
    data = [l3[20 + start : 20 + end] for start, end in itertools.pairwise(cuts)]
    return [
        packets.ip(IPS["a"], IPS["c"], 17, part, frag=(0x2000 if start != 1312 else 0) | start >> 3, ip_id=77) for start, part in zip(cuts, data, strict=False)
    ]


def test_fragments_keep_their_sizes_even_where_larger_ones_would_fit(pods: EmulatedPods) -> None:
    pods.udp("a", 1001, IPS["c"], 99)
    first, second, third = (pods.raw("a", "c", fragment) for fragment in odd_fragments())
    assert "n1.vethc" not in first
    assert "n1.vethc" not in second
    assert third["n1.vethc"][:3] == [
        "tx a>c 10.244.1.2>10.244.1.4 ttl 64 len 676 frag 2000 udp 1004>99",
        "tx a>c 10.244.1.2>10.244.1.4 ttl 64 len 676 frag 2052",
        "tx a>c 10.244.1.2>10.244.1.4 ttl 64 len 48 frag 00a4",
    ]


def test_a_broadcast_that_the_bridge_takes_itself_is_known_even_if_every_chain_drops_it(pods: EmulatedPods) -> None:
    pods.udp("a", 1005, "10.244.1.255", 888)
    assert pods.connections() == [
        "udp 17 src=10.244.1.2 dst=10.244.1.255 sport=1005 dport=888 [UNREPLIED] src=10.244.1.255 dst=10.244.1.2 sport=888 dport=1005 mark=0 use=1"
    ]


def test_reject_and_physdev_see_bridged_packets(pods: EmulatedPods) -> None:
    pods.udp("a", 1001, IPS["c"], 99)
    seen = pods.udp("a", 1001, IPS["c"], 777)
    assert seen["n1.vetha"][-1] == "tx cbr0>a 10.244.1.1>10.244.1.2 ttl 64 len 58 icmp 3/3 about 10.244.1.2>10.244.1.4"
    assert ip_frames(seen, "n1.vethc") == []
    assert "n1.vethc" not in pods.udp("a", 1001, IPS["c"], 778)
    assert "n1.vetha" in pods.udp("c", 1001, IPS["a"], 778)  # the other way it is not meant


def test_padding_ends_where_ip_looks_at_the_packet(pods: EmulatedPods) -> None:
    pods.udp("a", 1001, IPS["c"], 99)
    lengths: list[tuple[str, int]] = []
    pods.tp.attach("frame", lambda now, dev, direction, frame: lengths.append((f"{dev.name} {direction}", len(frame.wire))))
    pods.raw("a", "c", packets.udp(IPS["a"], 5, IPS["c"], 6, b"q") + bytes(17))
    assert lengths[:3] == [("eth0 tx", 60), ("vetha rx", 60), ("vethc tx", 43)]


DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "cut short": lambda l3: l3[:-5],
    "options beyond the checksum": lambda l3: b"\x46" + l3[1:],
    "three bytes": lambda l3: l3[:3],
    "nothing": lambda l3: b"",
}


@pytest.mark.parametrize("how", list(DAMAGE))
def test_a_bad_ip_header_ends_at_the_bridge_port(pods: EmulatedPods, how: str) -> None:
    damage = DAMAGE[how]
    pods.udp("a", 1001, IPS["c"], 99)
    seen = pods.raw("a", "c", damage(packets.udp(IPS["a"], 5, IPS["c"], 6, b"q")))
    assert "n1.vethc" not in seen
    assert pods.node.drops["IP_INHDR"] == 1


def test_switched_off_bridged_packets_pass_no_hook(pods: EmulatedPods) -> None:
    pods.sysctl("net.bridge.bridge-nf-call-iptables", 0)
    pods.udp("a", 1001, IPS["c"], 777)
    assert pods.connections() == []


def test_a_bridged_packet_may_be_anything(pods: EmulatedPods) -> None:
    good = [packets.udp(IPS["a"], 1000, "10.96.0.10", 53), packets.tcp(IPS["a"], 1, IPS["c"], 80, "S"), packets.echo(IPS["a"], "10.96.0.11", 1)]
    good.append(packets.error(IPS["a"], "10.96.0.10", packets.udp("10.96.0.10", 53, IPS["a"], 1000)))
    for packet in good:
        pods.raw("a", "cbr0", packet)

    @settings(max_examples=60)
    @given(st.sampled_from(good), st.sampled_from(["c", "cbr0", "b"]), st.integers(0, 59), st.binary(max_size=6), st.booleans())
    def send(packet: bytes, to: str, at: int, damage: bytes, mend: bool) -> None:
        packet = packet[:at] + damage + packet[at + len(damage) :]
        if mend and len(packet) >= 20:
            packet = packet[:10] + checksum(packet[:10] + b"\0\0" + packet[12:20]).to_bytes(2, "big") + packet[12:]
        pods.raw("a", to, packet)

    send()


# -- the same on the real kernel ----------------------------------------------------------------------------------------------------


def story(pods: Any) -> list[Any]:
    pods.restore(RULES)
    told = [
        pods.udp("a", 1000, "10.96.0.10", 53),
        pods.udp("b", 5353, IPS["a"], 1000),
        pods.udp("a", 1000, "10.96.0.10", 53),
        pods.udp("a", 1000, "10.96.0.10", 53, 3000, df=False),
        pods.udp("a", 1001, IPS["c"], 99, 3000, df=False),
        pods.udp("a", 1001, IPS["c"], 777),
        pods.udp("a", 1001, IPS["c"], 778),
        pods.udp("c", 1001, IPS["a"], 778),
        pods.udp("a", 1003, "10.96.0.12", 53),
        pods.udp("a", 1002, "10.244.1.1", 99),
        pods.udp("a", 1005, "10.244.1.255", 888),
        pods.udp("a", 1006, "10.244.1.255", 889),
        *(pods.raw("a", "c", fragment) for fragment in odd_fragments()),
        pods.connections(),
    ]
    pods.hairpin("vetha")
    told.append(pods.udp("a", 1011, "10.96.0.11", 53))
    told.append(pods.raw("a", "c", packets.udp(IPS["a"], 5, IPS["c"], 6, b"q")[:-5]))
    pods.sysctl("net.ipv4.ip_forward", 0)
    told.append(pods.udp("a", 1010, "10.96.0.10", 53))
    told.append(pods.connections())
    return told


@pytest.mark.root
def test_every_interface_sees_what_it_sees_on_linux() -> None:
    from tests.kernel.lab import privately

    reader, writer = os.pipe()

    def on_linux() -> None:
        pods = KernelPods()
        try:
            text = json.dumps(story(pods))
        finally:
            pods.close()
        with os.fdopen(writer, "w") as file:
            file.write(text)

    assert privately(on_linux) == 0
    os.close(writer)
    with os.fdopen(reader) as file:
        linux = json.load(file)
    for step, (emulated, real) in enumerate(zip(story(EmulatedPods()), linux, strict=True)):
        assert emulated == real, f"step {step}"
