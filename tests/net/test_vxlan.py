"""VXLAN devices: what is wrapped how, what is unwrapped for whom. h1 and h2 are tunnel endpoints 10.0.0.1 and 10.0.0.2 on one network."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.inet import ICMP, IP, UDP
from scapy.layers.l2 import ARP, Ether
from scapy.layers.vxlan import VXLAN

from emu.iproute import addr, bridge, conntrack, iptables, link, neigh, route, sysctl
from emu.net.netns import NetError
from emu.net.sock.udp import UdpSocket
from emu.sim import NS_PER_S
from emu.wire.addr import ip_int
from tests.net.lan import BROADCAST, Lan, inject, mac

VTEP = {1: "02:00:00:00:aa:01", 2: "02:00:00:00:aa:02", 3: "02:00:00:00:aa:03"}
ANY = "00:00:00:00:00:00"


class Tunnel(Lan):
    """Two hosts (or more) with vx, 10.9.0.N/24, VNI 1, learning off; nothing is in the FDB yet."""

    def __init__(self, hosts: int = 2, **options: Any) -> None:
        super().__init__(hosts)
        self.hosts = [self.host(f"h{number}") for number in range(1, hosts + 1)]
        self.vx = []
        for number, ns in enumerate(self.hosts, 1):
            given = {"local": f"10.0.0.{number}", "dev": "eth0", "learning": False, **options}
            self.vx.append(link.add_vxlan(ns, "vx", 1, mac=VTEP[number], **given))
            addr.add(ns, "vx", f"10.9.0.{number}/24")
            link.set_up(ns, "vx")

    def know(self) -> None:
        """What flannel would write on both: neighbour and endpoint of the other."""
        for ns, other in ((self.hosts[0], 2), (self.hosts[1], 1)):
            neigh.replace(ns, f"10.9.0.{other}", "vx", VTEP[other])
            bridge.fdb_add(ns, VTEP[other], "vx", self=True, append=True, dst=f"10.0.0.{other}")
            neigh.replace(ns, f"10.0.0.{other}", "eth0", mac(other))

    def outer(self, where: str = "h1.eth0 tx") -> list[Ether]:
        return [packet for packet in map(Ether, self.seen(where)) if VXLAN in packet]

    def check(self) -> None:
        self.run(2)
        self.ledger.check()

    def arrive(self, wire: bytes) -> None:
        """A datagram for UDP port 8472 of h2 as h1 would send it."""
        packet = Ether(src=mac(1), dst=mac(2)) / IP(src="10.0.0.1", dst="10.0.0.2") / UDP(sport=40000, dport=8472) / wire
        self.receive(2, bytes(packet))


def header(vni: int, flags: int = 8, reserved: int = 0) -> bytes:
    """RFC 7348, section 5."""
    return bytes((flags, 0, 0, 0)) + (vni << 8 | reserved).to_bytes(4, "big")


def inner(src: str = VTEP[1], dst: str = VTEP[2], tos: int = 0) -> Ether:
    return Ether(src=src, dst=dst) / IP(src="10.9.0.1", dst="10.9.0.2", tos=tos) / UDP(sport=5, dport=6) / b"x"


@pytest.fixture
def tunnel() -> Tunnel:
    made = Tunnel()
    made.know()
    made.forget()
    return made


def test_a_frame_goes_inside_udp_and_comes_out_as_it_was(tunnel: Tunnel) -> None:
    tunnel.ping("h1", "10.9.0.2")
    assert tunnel.places()[:8] == [
        "h1.vx tx", "h1.eth0 tx", "node.p1 rx", "node.p2 tx", "h2.eth0 rx", "h2.vx rx", "h2.vx tx", "h2.eth0 tx"
    ]  # fmt: skip
    sent = tunnel.seen("h1.vx tx")[0]
    assert tunnel.seen("h2.vx rx")[0] == sent
    packet = tunnel.outer()[0]
    assert (packet[IP].src, packet[IP].dst, packet[IP].ttl, packet[IP].flags, packet[UDP].dport) == ("10.0.0.1", "10.0.0.2", 64, 0, 8472)
    assert 32768 <= packet[UDP].sport < 61000
    assert packet[VXLAN].vni == 1
    assert bytes(packet[VXLAN].payload) == sent
    assert len(packet) == len(sent) + 50
    tunnel.check()


def test_the_decisions_name_the_endpoint(tunnel: Tunnel) -> None:
    tunnel.ping("h1", "10.9.0.2")
    assert f"FDB hit: {VTEP[2]} behind 10.0.0.2" in tunnel.text("fdb")
    assert [text.split(":")[1].split()[0] for text in tunnel.text("vxlan")] == ["into", "out", "into", "out"]


def test_the_id_is_one_from_inside_to_inside(tunnel: Tunnel) -> None:
    seen = []
    tunnel.world.tp.attach("frame", lambda t, dev, way, frame: seen.append((dev.netns.name, dev.name, way, frame.id)))
    tunnel.ping("h1", "10.9.0.2")
    assert len({number for netns, dev, way, number in seen[:6]}) == 1


def test_the_checksum_is_right_and_can_be_left_out() -> None:
    for udpcsum in (True, False):
        tunnel = Tunnel(udpcsum=udpcsum)
        tunnel.know()
        tunnel.ping("h1", "10.9.0.2")
        packet = tunnel.outer()[0]
        given = packet[UDP].chksum
        del packet[UDP].chksum
        assert given == (Ether(bytes(packet))[UDP].chksum if udpcsum else 0)
        assert len(tunnel.seen("h2.vx rx")) == 1


def test_a_flow_keeps_its_source_port_and_both_directions_share_it(tunnel: Tunnel) -> None:
    server, client = UdpSocket(tunnel.hosts[1]), UdpSocket(tunnel.hosts[0])
    server.bind(0, 7)
    for _ in range(2):
        client.sendto(b"?", ip_int("10.9.0.2"), 7)
    tunnel.run()
    server.sendto(b"!", ip_int("10.9.0.1"), client.sport)
    other = UdpSocket(tunnel.hosts[0])
    other.sendto(b"?", ip_int("10.9.0.2"), 7)
    tunnel.run()
    first, second, third = (packet[UDP].sport for packet in tunnel.outer())
    assert first == second != third
    assert [packet[UDP].sport for packet in tunnel.outer("h1.eth0 rx")] == [first]


def test_source_ports_can_be_bounded() -> None:
    tunnel = Tunnel(srcport=(5000, 5003))
    tunnel.know()
    for number in range(20):
        UdpSocket(tunnel.hosts[0]).sendto(bytes(number), ip_int("10.9.0.2"), 100 + number)
    assert {packet[UDP].sport for packet in tunnel.outer()} == {5000, 5001, 5002}


def test_ttl_and_tos_of_the_outer_packet() -> None:
    for options, want in (({}, (64, 1)), ({"ttl": 9, "tos": 0x20}, (9, 0x21)), ({"ttl": "inherit", "tos": "inherit"}, (33, 0x49))):
        tunnel = Tunnel(**options)
        tunnel.know()
        sock = UdpSocket(tunnel.hosts[0])
        sock.ttl, sock.tos = 33, 0x49
        sock.sendto(b"x", ip_int("10.9.0.2"), 7)
        assert [(packet[IP].ttl, packet[IP].tos) for packet in tunnel.outer()] == [want]


def test_congestion_inside_is_not_told_outside(tunnel: Tunnel) -> None:
    sock = UdpSocket(tunnel.hosts[0])
    sock.tos = 3
    sock.sendto(b"x", ip_int("10.9.0.2"), 7)
    assert [packet[IP].tos for packet in tunnel.outer()] == [2]


@pytest.mark.parametrize(("outside", "within", "becomes"), [(3, 1, 3), (3, 2, 3), (1, 2, 1), (2, 1, 1), (1, 0, 0), (3, 3, 3)])
def test_congestion_outside_is_told_inside(tunnel: Tunnel, outside: int, within: int, becomes: int) -> None:
    packet = Ether(src=mac(1), dst=mac(2)) / IP(src="10.0.0.1", dst="10.0.0.2", tos=outside) / UDP(sport=4, dport=8472) / (header(1) + bytes(inner(tos=within)))
    tunnel.receive(2, bytes(packet))
    received = Ether(tunnel.seen("h2.vx rx")[0])
    assert received[IP].tos == becomes
    given = received[IP].chksum
    del received[IP].chksum
    assert Ether(bytes(received))[IP].chksum == given


def test_congestion_that_cannot_be_told_inside_drops(tunnel: Tunnel) -> None:
    packet = Ether(src=mac(1), dst=mac(2)) / IP(src="10.0.0.1", dst="10.0.0.2", tos=3) / UDP(sport=4, dport=8472) / (header(1) + bytes(inner()))
    tunnel.receive(2, bytes(packet))
    assert tunnel.reasons() == ["IP_TUNNEL_ECN"]


@pytest.mark.parametrize(("df", "flags"), [("unset", (0, 0)), ("set", (2, 2)), ("inherit", (2, 0))])
def test_df_of_the_outer_packet(df: str, flags: tuple[int, int]) -> None:
    tunnel = Tunnel(df=df)
    tunnel.know()
    sock = UdpSocket(tunnel.hosts[0])
    for sock.pmtudisc in (2, 0):
        sock.options_changed()
        sock.sendto(b"x", ip_int("10.9.0.2"), 7)
    assert tuple(int(packet[IP].flags) for packet in tunnel.outer()) == flags


# -- the FDB ----------------------------------------------------------------------------------------------------------------------


def test_no_endpoint_no_frame(tunnel: Tunnel) -> None:
    bridge.fdb_delete(tunnel.hosts[0], VTEP[2], "vx", self=True)
    tunnel.ping("h1", "10.9.0.2")
    assert tunnel.reasons() == ["NO_TX_TARGET"]
    vx = tunnel.vx[0]
    assert (vx.tx_packets, vx.tx_bytes, vx.tx_dropped) == (0, 0, 1)
    tunnel.check()


def test_counters_leave_out_the_ethernet_header(tunnel: Tunnel) -> None:
    tunnel.ping("h1", "10.9.0.2")
    assert [(vx.tx_packets, vx.tx_bytes, vx.rx_packets, vx.rx_bytes) for vx in tunnel.vx] == [(1, 28, 1, 28)] * 2


def test_a_proxy_answers_arp_itself_and_asks_nobody() -> None:
    tunnel = Tunnel(proxy=True)
    tunnel.know()
    ns = tunnel.hosts[0]
    bridge.fdb_add(ns, ANY, "vx", self=True, dst="10.0.0.2")
    tunnel.forget()

    def sent(frame: bytes) -> list[str]:
        tunnel.vx[0].transmit(ns.born(0x0806, frame[14:], frame[:14]))
        tunnel.run()
        said = [Ether(wire).summary() for wire in tunnel.seen("h1.vx rx")]
        assert tunnel.outer() == []
        tunnel.forget()
        return said

    asks = Ether(src=mac(7), dst=BROADCAST) / ARP(hwsrc=mac(7), psrc="10.9.0.7", pdst="10.9.0.2")
    assert sent(bytes(asks)) == [f"Ether / ARP is at {VTEP[2]} says 10.9.0.2"]
    assert sent(bytes(asks)[:40]) == []
    for psrc, pdst, op in (("10.9.0.7", "10.9.0.3", 1), ("10.9.0.7", "10.9.0.2", 2), ("10.9.0.7", "127.0.0.1", 1), ("10.9.0.7", "239.0.0.1", 1)):
        assert sent(bytes(Ether(src=mac(7), dst=BROADCAST) / ARP(op=op, hwsrc=mac(7), psrc=psrc, pdst=pdst))) == []
    neigh.replace(ns, "10.9.0.2", "vx", VTEP[2], "stale")
    assert sent(bytes(asks)) == []
    tunnel.check()


def test_the_default_entry_takes_what_is_unknown_to_all_its_endpoints() -> None:
    tunnel = Tunnel(hosts=3)
    for dst in ("10.0.0.2", "10.0.0.3"):
        bridge.fdb_add(tunnel.hosts[0], ANY, "vx", self=True, append=True, dst=dst)
    for number in (2, 3):
        bridge.fdb_add(tunnel.hosts[number - 1], VTEP[1], "vx", self=True, dst="10.0.0.1")
        neigh.replace(tunnel.hosts[0], f"10.0.0.{number}", "eth0", mac(number))
    tunnel.forget()
    tunnel.ping("h1", "10.9.0.3")
    asked = [packet for packet in tunnel.outer() if ARP in packet]
    assert [packet[IP].dst for packet in asked] == ["10.0.0.3", "10.0.0.2"]  # the first one is served last
    assert len(tunnel.seen("h2.vx rx")) == 2  # the question; the echo request, whose MAC h1 has no entry for
    assert Ether(tunnel.seen("h1.vx rx")[0])[ARP].hwsrc == VTEP[3]
    assert ICMP in Ether(tunnel.seen("h1.vx rx")[1])
    tunnel.check()


def test_learning_finds_the_endpoint_of_who_spoke() -> None:
    tunnel = Tunnel(learning=True)
    for ns, other in zip(tunnel.hosts, (2, 1), strict=True):
        bridge.fdb_add(ns, ANY, "vx", self=True, dst=f"10.0.0.{other}")
    tunnel.ping("h1", "10.9.0.2")
    assert f"{VTEP[2]} dst 10.0.0.2 self \n" in bridge.fdb_show(tunnel.hosts[0], "vx")
    assert f"FDB learned: {VTEP[2]} behind 10.0.0.2" in tunnel.text("learn")
    tunnel.run(320)  # the last frame was a neighbour refresh
    assert bridge.fdb_show(tunnel.hosts[0], "vx") == f"{ANY} dst 10.0.0.2 self permanent\n"


def test_what_is_learned_ends_at_the_first_look_after_its_time() -> None:
    # vxlan_cleanup looks every 10 s from the moment the device came up, or when the next entry ends
    tunnel = Tunnel(learning=True, ageing=2)
    start = tunnel.sim.now
    tunnel.run(12)
    tunnel.arrive(header(1) + bytes(inner()))
    tunnel.sim.run(start + 19 * NS_PER_S)
    assert VTEP[1] in bridge.fdb_show(tunnel.hosts[1])
    tunnel.sim.run(start + 21 * NS_PER_S)
    assert VTEP[1] not in bridge.fdb_show(tunnel.hosts[1])
    tunnel.arrive(header(1) + bytes(inner()))
    link.set_down(tunnel.hosts[1], "vx")
    assert VTEP[1] not in bridge.fdb_show(tunnel.hosts[1])
    tunnel.check()


def test_a_learned_mac_moves_and_a_fixed_one_does_not() -> None:
    tunnel = Tunnel(learning=True)
    ns = tunnel.hosts[1]
    bridge.fdb_add(ns, VTEP[1], "vx", "dynamic", self=True, dst="10.0.0.9")
    tunnel.arrive(header(1) + bytes(inner()))
    assert bridge.fdb_show(ns, "vx") == f"{VTEP[1]} dst 10.0.0.1 self \n"
    bridge.fdb_add(ns, VTEP[1], "vx", "static", self=True, replace=True, dst="10.0.0.9")
    tunnel.forget()
    tunnel.arrive(header(1) + bytes(inner()))
    assert (tunnel.reasons(), tunnel.seen("h2.vx rx")) == (["VXLAN_ENTRY_EXISTS"], [])


def test_fdb_text_and_rules_of_iproute2(tunnel: Tunnel) -> None:
    ns = tunnel.hosts[0]

    def add(mac_: str, dst: str | None, state: str = "permanent", **options: Any) -> None:
        bridge.fdb_add(ns, mac_, "vx", state, self=True, dst=dst, **options)

    add(VTEP[2], "10.0.0.4", append=True)  # a unicast MAC has one endpoint
    add(ANY, "10.0.0.7")
    add(ANY, "10.0.0.8", append=True, port=4789, via="eth0")
    add("02:00:00:00:00:01", "10.0.0.8", "static")
    add("02:00:00:00:00:02", "10.0.0.8", "dynamic")
    add("02:00:00:00:00:04", "1.2.3.4", vni=7)
    assert bridge.fdb_show(ns, "vx") == (
        "02:00:00:00:00:04 dst 1.2.3.4 vni 7 self permanent\n"
        "02:00:00:00:00:02 dst 10.0.0.8 self \n"
        "02:00:00:00:00:01 dst 10.0.0.8 self static\n"
        "00:00:00:00:00:00 dst 10.0.0.7 self permanent\n"
        "00:00:00:00:00:00 dst 10.0.0.8 port 4789 via eth0 self permanent\n"
        "02:00:00:00:aa:02 dst 10.0.0.2 self permanent\n"
    )
    for refused, errno in (
        (lambda: add(VTEP[2], "10.0.0.4"), 17),
        (lambda: add(ANY, "10.0.0.9", replace=True), 95),
        (lambda: add("02:00:00:00:00:03", None), 22),
        (lambda: bridge.fdb_delete(ns, "02:00:00:00:00:09", "vx", self=True), 2),
        (lambda: bridge.fdb_add(ns, VTEP[2], "eth0", self=True, dst="10.0.0.4"), 95),
    ):
        with pytest.raises(NetError) as error:
            refused()
        assert error.value.errno == errno
    bridge.fdb_delete(ns, ANY, "vx", self=True, dst="10.0.0.7")
    assert "dst 10.0.0.7" not in bridge.fdb_show(ns)
    link.set_down(ns, "vx")
    assert "02:00:00:00:00:02" not in bridge.fdb_show(ns)  # what ages is forgotten
    assert "02:00:00:00:aa:02 dev vx dst 10.0.0.2 self permanent\n" in bridge.fdb_show(ns)


# -- coming in --------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (header(2) + bytes(inner()), "VXLAN_VNI_NOT_FOUND"),
        (header(1, flags=0) + bytes(inner()), "VXLAN_INVALID_HDR"),
        (header(1, reserved=1) + bytes(inner()), "VXLAN_INVALID_HDR"),
        (header(1) + b"too short", "PKT_TOO_SMALL"),
        (b"", "PKT_TOO_SMALL"),
        (header(1) + bytes(inner(src=VTEP[2])), "LOCAL_MAC"),
        (header(1) + bytes(inner(dst="02:00:00:00:aa:99")), "OTHERHOST"),
    ],
)
def test_what_is_not_taken_out(tunnel: Tunnel, payload: bytes, reason: str) -> None:
    tunnel.arrive(payload)
    assert tunnel.reasons() == [reason]
    tunnel.check()


def test_a_group_address_is_no_source() -> None:
    tunnel = Tunnel(learning=True)
    tunnel.arrive(header(1) + bytes(inner(src="01:00:00:00:00:01")))
    assert tunnel.reasons() == ["MAC_INVALID_SOURCE"]


def test_a_device_that_is_down_has_no_port(tunnel: Tunnel) -> None:
    link.set_down(tunnel.hosts[1], "vx")
    tunnel.ping("h1", "10.9.0.2")
    assert Ether(tunnel.seen("h1.eth0 rx")[0])[ICMP].type == 3
    assert tunnel.reasons()[0] == "NO_SOCKET"


def test_two_devices_share_a_port(tunnel: Tunnel) -> None:
    ns = tunnel.hosts[1]
    link.add_vxlan(ns, "vx2", 2)
    link.set_up(ns, "vx2")
    link.set_down(ns, "vx")
    tunnel.arrive(header(2) + bytes(inner()))
    assert len(tunnel.seen("h2.vx2 rx")) == 1


def test_a_program_has_the_port_already(tunnel: Tunnel) -> None:
    ns = tunnel.hosts[0]
    UdpSocket(ns).bind(0, 4789)
    link.add_vxlan(ns, "vx2", 2, dstport=4789)
    with pytest.raises(NetError) as error:
        link.set_up(ns, "vx2")
    assert error.value.errno == 98
    assert not ns.device("vx2").up
    with pytest.raises(OSError, match="in use"):
        UdpSocket(ns).bind(0, 8472)


# -- what is not as it should be ----------------------------------------------------------------------------------------------------


def test_no_route_to_the_endpoint_and_a_tunnel_through_itself(tunnel: Tunnel) -> None:
    ns = tunnel.hosts[0]
    bridge.fdb_add(ns, VTEP[2], "vx", self=True, replace=True, dst="8.8.8.8")
    tunnel.ping("h1", "10.9.0.2")
    route.add(ns, "8.8.8.8/32", dev="vx")
    tunnel.ping("h1", "10.9.0.2")
    assert tunnel.reasons() == ["IP_OUTNOROUTES"] * 2
    assert "itself" in tunnel.drops[1][2]
    tunnel.check()


def test_an_endpoint_that_is_this_host(tunnel: Tunnel) -> None:
    ns = tunnel.hosts[0]
    bridge.fdb_add(ns, VTEP[2], "vx", self=True, replace=True, dst="10.0.0.1", vni=2)
    tunnel.ping("h1", "10.9.0.2")
    assert tunnel.reasons() == ["VXLAN_VNI_NOT_FOUND"]
    link.add_vxlan(ns, "vx2", 2)
    link.set_up(ns, "vx2")
    tunnel.ping("h1", "10.9.0.2")
    assert tunnel.places()[-2:] == ["h1.vx tx", "h1.vx2 rx"]
    assert tunnel.outer() == []


def test_too_big_for_the_way_goes_in_fragments_once_and_is_then_known(tunnel: Tunnel) -> None:
    ns = tunnel.hosts[0]
    route.add(ns, "10.0.0.2/32", dev="eth0", mtu=1400)
    sock = UdpSocket(ns)
    sock.sendto(bytes(1372), ip_int("10.9.0.2"), 9)
    tunnel.run()
    assert [len(wire) for wire in tunnel.seen("h1.eth0 tx")] == [14 + 1396, 14 + 20 + (1400 + 50 - 20 - 1376)]
    assert len(tunnel.seen("h2.vx rx")) == 1
    assert "mtu 1350" in route.get(ns, "10.9.0.2")
    tunnel.check()


def test_the_mark_goes_along_and_the_connection_does_not(tunnel: Tunnel) -> None:
    for ns in tunnel.hosts:
        iptables.restore(
            ns,
            "*mangle\n:PREROUTING ACCEPT\n:OUTPUT ACCEPT\n-A OUTPUT -p icmp -j MARK --set-mark 0x4000\n-A OUTPUT -p udp -m mark --mark 0x4000 -j ACCEPT\n"
            "-A PREROUTING -i eth0 -p udp -j MARK --set-mark 0x7\n-A PREROUTING -i vx -m mark --mark 0x7 -j ACCEPT\nCOMMIT\n"
            "*filter\n:OUTPUT ACCEPT\n-A OUTPUT -m conntrack --ctstate NEW -j ACCEPT\nCOMMIT\n",
        )
    tunnel.ping("h1", "10.9.0.2")
    saved = iptables.save(tunnel.hosts[0], counters=True)
    assert "[1:78] -A OUTPUT -p udp -m mark --mark 0x4000 -j ACCEPT" in saved
    assert "[1:28] -A PREROUTING -i vx -m mark --mark 0x7 -j ACCEPT" in saved
    kept = conntrack.show(tunnel.hosts[0])
    assert "icmp" in kept
    assert kept.count("dport=8472 [UNREPLIED]") == 2  # a connection there and one back: neither sees a reply


def test_moved_away_its_outer_packets_stay_where_it_was_made(tunnel: Tunnel) -> None:
    away = tunnel.machine.add_netns("away")
    vx = link.move(tunnel.hosts[0], "vx", away)
    addr.add(away, "vx", "10.9.0.1/24")
    link.set_up(away, "vx")
    neigh.replace(away, "10.9.0.2", "vx", VTEP[2])
    tunnel.ping("away", "10.9.0.2")
    assert tunnel.places()[:2] == ["away.vx tx", "h1.eth0 tx"]
    assert len(tunnel.seen("away.vx rx")) == 1
    tunnel.check()
    tunnel.machine.delete_netns("h1")
    assert vx.dead


# -- the device -------------------------------------------------------------------------------------------------------------------


def test_mtu_follows_the_device_below_at_birth_and_is_bounded_by_it(tunnel: Tunnel) -> None:
    ns = tunnel.hosts[0]
    assert tunnel.vx[0].mtu == 1450
    with pytest.raises(NetError, match=r"Invalid argument: mtu 1451 of vx in h1: 1500 of eth0 less 50"):
        link.set_mtu(ns, "vx", 1451)
    link.set_mtu(ns, "eth0", 1400)
    assert tunnel.vx[0].mtu == 1450
    assert link.add_vxlan(ns, "free", 3, remote="10.0.0.2").mtu == 1500
    assert bridge.fdb_show(ns, "free") == f"{ANY} dst 10.0.0.2 self permanent\n"


def test_it_goes_with_the_device_below(tunnel: Tunnel) -> None:
    ns = tunnel.hosts[0]
    link.add_vxlan(ns, "free", 3)
    link.delete(ns, "eth0")
    assert list(ns.devices) == ["lo", "free"]


def test_what_cannot_be_made(tunnel: Tunnel) -> None:
    ns = tunnel.hosts[0]
    for options, errno in (({"vni": 1}, 17), ({"vni": 1 << 24}, 34), ({"vni": 5, "remote": "239.1.1.1"}, 95), ({"vni": 5, "df": "perhaps"}, 22)):
        with pytest.raises(NetError) as error:
            link.add_vxlan(ns, "x", **options)  # type: ignore[arg-type]
        assert error.value.errno == errno
    link.add_vxlan(ns, "x", 1, dstport=4789)


def test_a_tunnel_that_is_a_bridge_port(tunnel: Tunnel) -> None:
    """Two bridges become one: the hosts behind them ask each other by ARP."""
    for number, ns in enumerate(tunnel.hosts, 1):
        addr.delete(ns, "vx", f"10.9.0.{number}/24")
        link.add_bridge(ns, "br1")
        link.set_up(ns, "br1")
        link.set_master(ns, "vx", "br1")
        addr.add(ns, "br1", f"10.9.0.{number}/24")
        bridge.fdb_add(ns, ANY, "vx", self=True, dst=f"10.0.0.{3 - number}")
    tunnel.forget()
    tunnel.ping("h1", "10.9.0.2", 0.1)
    assert tunnel.places()[:3] == ["h1.br1 tx", "h1.vx tx", "h1.eth0 tx"]
    assert ICMP in Ether(tunnel.seen("h1.br1 rx")[-1])
    tunnel.check()


def test_a_bridged_tunnel_tells_who_sent_too_much(tunnel: Tunnel) -> None:
    ns = tunnel.hosts[0]
    link.add_bridge(ns, "br1", mac=mac(0x51))
    link.set_up(ns, "br1")
    link.set_master(ns, "vx", "br1")
    link.add_veth(ns, "p", ns, "q", mac(0x71), mac(0x72))
    link.set_master(ns, "p", "br1")
    link.set_up(ns, "p")
    link.set_up(ns, "q")
    tunnel.run()
    link.set_mtu(ns, "eth0", 1000)
    packet = bytes(Ether(src=mac(0x72), dst=VTEP[2]) / IP(src="10.9.0.7", dst="10.9.0.2", flags="DF", id=1) / UDP(sport=1, dport=2) / bytes(1000))
    tunnel.forget()
    inject(ns.device("p"), packet)
    tunnel.run()
    assert [place for place in tunnel.places() if place in ("h1.vx tx", "h1.vx rx", "h1.p tx", "h1.eth0 tx")] == ["h1.vx tx", "h1.vx rx", "h1.p tx"]
    answer = Ether(tunnel.seen("h1.p tx")[0])
    assert (answer.dst, answer[IP].src, answer[IP].dst, answer[ICMP].nexthopmtu) == (mac(0x72), "10.9.0.2", "10.9.0.7", 950)
    assert tunnel.reasons()[:1] == ["PKT_TOO_BIG"]
    tunnel.check()


def test_dummy_takes_all_and_asks_nobody(tunnel: Tunnel) -> None:
    ns = tunnel.hosts[0]
    link.add_dummy(ns, "d0", "02:00:00:00:00:dd")
    link.set_up(ns, "d0")
    addr.add(ns, "d0", "10.7.0.1/24")
    tunnel.ping("h1", "10.7.0.2")
    assert [(Ether(wire).dst, ICMP in Ether(wire)) for wire in tunnel.seen("h1.d0 tx")] == [("02:00:00:00:00:dd", True)]
    assert tunnel.text("delivered") == ["d0 is a dummy: taken, and gone"]
    sysctl.set(ns, "net.ipv4.ip_forward", 1)
    tunnel.check()


ANY_FRAME = st.builds(
    lambda head, tail: head + tail,
    st.sampled_from([b"", bytes(inner())[:14], bytes(inner()), bytes(inner())[:30], bytes(Ether(src=VTEP[1], dst=VTEP[2]) / ARP())]),
    st.binary(max_size=60),
)


@given(ANY_FRAME, st.sampled_from([header(1), header(1, flags=255), b""]), st.integers(0, 3))
def test_any_bytes_in_the_tunnel_never_raise(frame: bytes, head: bytes, tos: int) -> None:
    tunnel = Tunnel(learning=True, ttl="inherit", tos="inherit", df="inherit")
    packet = Ether(src=mac(1), dst=mac(2)) / IP(src="10.0.0.1", dst="10.0.0.2", tos=tos) / UDP(sport=4, dport=8472) / (head + frame)
    tunnel.receive(2, bytes(packet))
    tunnel.check()


@given(ANY_FRAME.filter(lambda frame: len(frame) >= 14))
def test_any_bytes_are_carried(frame: bytes) -> None:
    tunnel = Tunnel(tos="inherit", ttl="inherit", df="inherit")
    bridge.fdb_add(tunnel.hosts[0], ANY, "vx", self=True, dst="10.0.0.2")
    skb = tunnel.hosts[0].born(int.from_bytes(frame[12:14], "big"), frame[14:], frame[:14])
    tunnel.vx[0].transmit(skb)
    tunnel.run(0.1)
    assert tunnel.seen("h2.vx rx")[:1] == [frame]
    tunnel.check()


def test_a_tunnel_is_changed_while_it_runs() -> None:
    tunnel = Tunnel(hosts=3, remote="10.0.0.2")
    link.change_vxlan(tunnel.hosts[0], "vx", remote="10.0.0.3", ttl=9, learning=True)
    sock = UdpSocket(tunnel.hosts[0])
    sock.sendto(b"who is there?", ip_int("10.9.0.9"), 9)
    tunnel.run(0.5)
    assert [(packet[IP].dst, packet[IP].ttl) for packet in tunnel.outer()] == [("10.0.0.3", 9)]
    assert bridge.fdb_show(tunnel.hosts[0], "vx").startswith(f"{ANY} dst 10.0.0.3 via eth0 self permanent\n")
