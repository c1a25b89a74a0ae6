"""NAT: what a connection is translated to, what happens to its packets, to the answers and to ICMP errors about them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emu.net.conntrack import entry as bits
from emu.net.conntrack import nat
from emu.net.conntrack.nat import PERSISTENT, RANDOM, RANDOM_FULLY, NatRange
from emu.net.conntrack.nat_tuple import jhash2
from emu.net.conntrack.tcp_states import STATE_NAMES
from emu.net.device import NetDevice
from emu.net.ip_header import parse
from emu.net.skb import Skb
from emu.wire.addr import ip_int
from emu.wire.checksum import l4_verify, verify
from tests.net.conntrack.box import Box, to_ip
from tests.net.conntrack.packets import echo, error, icmp, ip, tcp, udp

CLIENT, SERVER, VIP, ME = "10.0.1.2", "10.0.2.2", "10.96.0.10", "10.0.2.1"


@pytest.fixture
def box() -> Box:
    """10.96.0.10:80 and :53 are 10.0.2.2:8080; what comes from 10.0.1.3 looks as if from 10.0.2.1."""
    box = Box(seed=5)
    box.dnat(lambda skb: skb.daddr == ip_int(VIP) and skb.dport in (80, 53), to_ip(SERVER, 8080))
    box.dnat(lambda skb: skb.daddr == ip_int(VIP) and skb.proto == 1, to_ip(SERVER))
    box.snat(lambda skb: skb.saddr == ip_int("10.0.1.3"), to_ip(ME))
    return box


def ends(packet: bytes | None) -> tuple[str, str]:
    assert packet is not None
    assert intact(packet)
    text = [".".join(map(str, packet[i : i + 4])) for i in (12, 16)]
    if packet[9] in (6, 17):
        return f"{text[0]}:{packet[20] << 8 | packet[21]}", f"{text[1]}:{packet[22] << 8 | packet[23]}"
    return text[0], text[1]


def intact(packet: bytes) -> bool:
    """All checksums are right, those of a whole quoted packet too."""
    skb = Skb(1, 0x0800, packet)
    if parse(skb) is not None:
        return False
    l4 = packet[skb.ihl :]
    if skb.proto == 1:
        return verify(l4)
    return skb.proto not in (6, 17) or (skb.proto == 17 and l4[6:8] == b"\0\0") or l4_verify(skb.saddr, skb.daddr, skb.proto, l4)


def test_dnat_and_the_way_back(box: Box) -> None:
    assert ends(box.send(tcp(CLIENT, 40000, VIP, 80, "S", 1))) == ("10.0.1.2:40000", "10.0.2.2:8080")
    assert ends(box.send(tcp(SERVER, 8080, CLIENT, 40000, "SA", 9, 2))) == ("10.96.0.10:80", "10.0.1.2:40000")
    assert ends(box.send(tcp(CLIENT, 40000, VIP, 80, "A", 2, 10))) == ("10.0.1.2:40000", "10.0.2.2:8080")
    assert "nat: DNAT 10.96.0.10:80 → 10.0.2.2:8080" in box.steps
    assert "nat: un-DNAT 10.0.2.2:8080 → 10.96.0.10:80 (conntrack: tcp 10.0.1.2:40000 → 10.96.0.10:80)" in box.steps


def test_snat_and_the_way_back(box: Box) -> None:
    assert ends(box.send(udp("10.0.1.3", 999, SERVER, 7))) == ("10.0.2.1:999", "10.0.2.2:7")
    assert ends(box.send(udp(SERVER, 7, ME, 999))) == ("10.0.2.2:7", "10.0.1.3:999")


def test_both_at_once(box: Box) -> None:
    assert ends(box.send(udp("10.0.1.3", 999, VIP, 53))) == ("10.0.2.1:999", "10.0.2.2:8080")
    assert ends(box.send(udp(SERVER, 8080, ME, 999))) == ("10.96.0.10:53", "10.0.1.3:999")
    (ct,) = box.ct.entries()
    assert ct.status & bits.NAT_MASK == bits.SRC_NAT | bits.DST_NAT


def test_rules_see_only_the_first_packet(box: Box) -> None:
    box.send(udp(CLIENT, 1000, VIP, 53))
    box.dnat_rules.clear()
    assert ends(box.send(udp(CLIENT, 1000, VIP, 53)))[1] == "10.0.2.2:8080"
    assert ends(box.send(udp(CLIENT, 1001, VIP, 53)))[1] == "10.96.0.10:53"


def test_rules_that_come_later_do_not_touch_a_known_connection(box: Box) -> None:
    box.send(udp(CLIENT, 1000, "10.96.0.99", 53))
    box.dnat(lambda skb: True, to_ip(SERVER, 8080))
    assert ends(box.send(udp(CLIENT, 1000, "10.96.0.99", 53)))[1] == "10.96.0.99:53"
    box.ct.flush()
    assert ends(box.send(udp(CLIENT, 1000, "10.96.0.99", 53)))[1] == "10.0.2.2:8080"


def test_a_new_destination_forgets_the_route(box: Box) -> None:
    skb = box.skb(udp(CLIENT, 1000, VIP, 53))
    assert skb is not None
    skb.dst = object()
    box.ct.packet_in(0, skb)
    box.nat(0, skb, box.dnat_rules)
    assert skb.dst is None
    box.end(skb)


def test_udp_without_a_checksum_stays_without(box: Box) -> None:
    out = box.send(udp(CLIENT, 1000, VIP, 53, check=False))
    assert ends(out)[1] == "10.0.2.2:8080"
    assert out is not None
    assert out[26:28] == b"\0\0"


def test_a_udp_checksum_that_becomes_zero_is_sent_as_all_ones(box: Box) -> None:
    for word in range(0x10000):
        packet = udp(CLIENT, 1000, VIP, 53, word.to_bytes(2, "big"))
        if udp(CLIENT, 1000, SERVER, 8080, word.to_bytes(2, "big"))[26:28] == b"\xff\xff":
            break
    out = box.send(packet)
    assert out is not None
    assert out[26:28] == b"\xff\xff"


def test_a_wrong_checksum_stays_wrong(box: Box) -> None:
    box.ns.sysctl.nf_conntrack_checksum = 0
    packet = udp(CLIENT, 1000, VIP, 53)
    out = box.send(packet[:-1] + bytes([packet[-1] ^ 1]))
    assert out is not None
    assert not intact(out)


def test_ping_is_translated_by_address_and_identifier(box: Box) -> None:
    assert ends(box.send(echo(CLIENT, VIP, 7))) == ("10.0.1.2", "10.0.2.2")
    assert ends(box.send(echo(SERVER, CLIENT, 7, reply=True))) == ("10.96.0.10", "10.0.1.2")


def test_two_pings_with_one_identifier_behind_one_address(box: Box) -> None:
    box.snat(lambda skb: skb.saddr == ip_int("10.0.1.4"), to_ip(ME))
    first, second = box.send(echo("10.0.1.3", SERVER, 7)), box.send(echo("10.0.1.4", SERVER, 7))
    assert first is not None
    assert second is not None
    ident = second[24] << 8 | second[25]
    assert first[24:26] == b"\0\x07"
    assert ident != 7
    back = box.send(echo(SERVER, ME, ident, reply=True))
    assert ends(back) == ("10.0.2.2", "10.0.1.4")
    assert back is not None
    assert back[24:26] == b"\0\x07"


@pytest.mark.parametrize("size", [28, 40, 200])
def test_an_icmp_error_about_a_translated_packet_looks_as_if_about_the_original(box: Box, size: int) -> None:
    sent = box.send(udp("10.0.1.3", 999, VIP, 53, b"x" * 100))
    assert sent is not None
    back = box.send(error("10.0.2.9", ME, sent[:size]))
    # From a router on the way: the source is translated like that of an answer (the kernel does so), the quote is what the client sent.
    assert ends(back) == ("10.96.0.10", "10.0.1.3")
    assert back is not None
    quote = back[28:]
    assert (quote[12:16], quote[16:20]) == (bytes([10, 0, 1, 3]), bytes([10, 96, 0, 10]))
    assert quote[20:24] == bytes([999 >> 8, 999 & 255, 0, 53])
    assert verify(quote[:20])
    if size == 200:
        assert intact(quote)


def test_an_icmp_error_about_an_answer_goes_to_the_server(box: Box) -> None:
    box.send(tcp(CLIENT, 40000, VIP, 80, "S", 1))
    answer = box.send(tcp(SERVER, 8080, CLIENT, 40000, "SA", 9, 2))
    assert answer is not None
    out = box.send(error(CLIENT, VIP, answer))
    assert ends(out) == ("10.0.1.2", "10.0.2.2")
    assert out is not None
    assert intact(out[28:])
    assert out[28 + 12 : 28 + 24] == bytes([10, 0, 2, 2, 10, 0, 1, 2, 8080 >> 8, 8080 & 255, 40000 >> 8, 40000 & 255])


def test_a_redirect_about_a_translated_connection_is_dropped(box: Box) -> None:
    sent = box.send(udp(CLIENT, 1000, VIP, 53))
    assert sent is not None
    assert box.send(icmp(SERVER, CLIENT, 5, 1, ip_int("10.0.2.1"), sent[:28])) is None
    assert box.drops == ["NETFILTER_DROP: NAT: an ICMP error that cannot be translated"]


def test_a_port_is_kept_while_it_is_free_and_replaced_within_its_class(box: Box) -> None:
    box.snat(lambda skb: skb.saddr == ip_int("10.0.1.4"), to_ip(ME))
    for port, low, high in ((40000, 1024, 65535), (700, 600, 1023), (80, 1, 511)):
        assert ends(box.send(udp("10.0.1.3", port, SERVER, 7)))[0] == f"10.0.2.1:{port}"
        source, _ = ends(box.send(udp("10.0.1.4", port, SERVER, 7)))
        chosen = int(source.rpartition(":")[2])
        assert chosen != port
        assert low <= chosen <= high
        assert ends(box.send(udp("10.0.1.4", port, SERVER, 8)))[0] in (f"10.0.2.1:{port}", f"10.0.2.1:{chosen}")


def test_the_port_of_an_untranslated_connection_gives_way_too(box: Box) -> None:
    """The box itself talks from the port that a client was given: the null binding finds another one."""
    box.send(udp("10.0.1.3", 999, SERVER, 7))
    source, _ = ends(box.send(udp(ME, 999, SERVER, 7)))
    assert source.startswith("10.0.2.1:")
    assert source != "10.0.2.1:999"


def test_random_ports_come_from_the_seed() -> None:
    def ports(seed: int, flags: int) -> list[str]:
        box = Box(seed)
        box.snat(lambda skb: True, NatRange(flags, ip_int(ME), ip_int(ME)))
        return [ends(box.send(udp(CLIENT, 1000 + i, SERVER, 7)))[0] for i in range(5)]

    for flags in (RANDOM, RANDOM_FULLY):
        assert ports(1, flags) == ports(1, flags) != ports(2, flags)
        assert len(set(ports(1, flags))) == 5
    assert ports(1, 0) == [f"10.0.2.1:{1000 + i}" for i in range(5)]


def test_a_port_range_is_used_up_before_a_connection_is_refused() -> None:
    box = Box()
    box.snat(lambda skb: True, NatRange(0, ip_int(ME), ip_int(ME), 6000, 6003))
    used = {ends(box.send(tcp(CLIENT, 1000 + i, SERVER, 80, "S", 1)))[0] for i in range(4)}
    assert used == {f"10.0.2.1:{port}" for port in range(6000, 6004)}
    assert box.send(tcp(CLIENT, 1004, SERVER, 80, "S", 1)) is None
    assert "clashes" in box.drops[0]
    assert box.send(tcp(CLIENT, 1005, "10.0.2.3", 80, "S", 1)) is not None  # towards another server they are free


def test_a_dnat_port_range_begins_at_its_first_port_and_an_offset_maps_one_to_one() -> None:
    box = Box()
    box.dnat(lambda skb: skb.daddr == ip_int(VIP), NatRange(0, ip_int(SERVER), ip_int(SERVER), 6000, 6009))
    box.dnat(lambda skb: skb.daddr == ip_int("10.96.0.11"), NatRange(0, ip_int(SERVER), ip_int(SERVER), 7000, 7009, 300))
    assert ends(box.send(udp(CLIENT, 1000, VIP, 53)))[1] == "10.0.2.2:6000"
    assert ends(box.send(udp(CLIENT, 1000, "10.96.0.11", 304)))[1] == "10.0.2.2:7004"


def test_a_source_keeps_its_address_of_a_range_where_that_serves() -> None:
    """find_appropriate_src: the second connection of a client port looks as the first, whatever the hash of its server says."""
    box = Box()
    box.snat(lambda skb: True, NatRange(0, ip_int("10.0.2.80"), ip_int("10.0.2.95")))
    first = {ends(box.send(udp(CLIENT, 1000, f"10.0.2.{i}", 7)))[0] for i in range(2, 10)}
    assert len(first) == 1
    others = {ends(box.send(udp(CLIENT, 2000 + i, f"10.0.2.{i}", 7)))[0].partition(":")[0] for i in range(2, 10)}
    assert len(others) > 1
    box = Box()
    box.snat(lambda skb: True, NatRange(PERSISTENT, ip_int("10.0.2.80"), ip_int("10.0.2.95")))
    assert len({ends(box.send(udp(CLIENT, 2000 + i, f"10.0.2.{i}", 7)))[0].partition(":")[0] for i in range(2, 10)}) == 1


def test_the_hash_is_the_kernels() -> None:
    # Addresses that Linux 6.18 chose for these two flows out of 10.0.2.80-10.0.2.95.
    box = Box()
    box.snat(lambda skb: True, NatRange(0, ip_int("10.0.2.80"), ip_int("10.0.2.95")))
    assert ends(box.send(udp("10.0.1.4", 4012, "10.0.2.2", 99)))[0] == "10.0.2.85:4012"
    assert ends(box.send(udp("10.0.1.4", 4016, "10.0.2.6", 99)))[0] == "10.0.2.92:4016"
    assert jhash2((1, 2, 3, 4), 0) != jhash2((1, 2, 3, 4), 1)


def test_time_wait_gives_its_port_to_a_newer_connection_when_ports_run_out() -> None:
    box = Box()
    box.snat(lambda skb: True, NatRange(0, ip_int(ME), ip_int(ME), 6000, 6001))
    for client in ("10.0.1.3", "10.0.1.4"):
        out = box.send(tcp(client, 1000, SERVER, 80, "S", 100))
        port = int(ends(out)[0].rpartition(":")[2])
        for flags, seq, ack, back in (("SA", 500, 101, True), ("A", 101, 501, False), ("FA", 101, 501, False), ("FA", 501, 102, True), ("A", 102, 502, False)):
            packet = tcp(SERVER, 80, ME, port, flags, seq, ack) if back else tcp(client, 1000, SERVER, 80, flags, seq, ack)
            assert box.send(packet) is not None
    assert [STATE_NAMES[ct.tcp.state] for ct in box.ct if ct.tcp is not None] == ["TIME_WAIT", "TIME_WAIT"]
    assert box.send(tcp("10.0.1.5", 1000, SERVER, 80, "S", 90)) is None  # its segments could be taken for the old one's
    assert box.send(tcp("10.0.1.5", 1000, SERVER, 80, "S", 9000)) is not None
    assert box.ct.count == 2


def test_a_fixed_port_is_refused_when_it_is_taken() -> None:
    box = Box()
    box.snat(lambda skb: True, NatRange(0, ip_int(ME), ip_int(ME), 6000, 6000))
    assert box.send(tcp("10.0.1.3", 1000, SERVER, 80, "S", 1)) is not None
    assert box.send(tcp("10.0.1.4", 1000, SERVER, 80, "S", 1)) is None


def masqueraded(box: Box) -> NetDevice:
    """A connection masqueraded behind a device."""
    device = NetDevice("eth0", b"\2\0\0\0\0\1")
    box.ns.add_device(device)

    def rule(ns: object, skb: Skb) -> bool:
        done = nat.setup(box.ns, skb, to_ip(ME), nat.SRC)
        skb.ct.masq_index = device.ifindex
        return done

    box.snat_rules.append(rule)
    box.send(udp(CLIENT, 1000, SERVER, 7))
    assert box.ct.count == 1
    return device


def test_masqueraded_connections_end_with_their_device() -> None:
    box = Box()
    device = masqueraded(box)
    nat._device_event(device, "UP")
    assert box.ct.count == 1
    nat._device_event(device, "DOWN")
    assert box.ct.count == 0


def test_masqueraded_connections_end_with_their_address() -> None:
    box = Box()
    device = masqueraded(box)
    nat.address_gone(box.ns, device, ip_int("10.0.2.200"))
    assert box.ct.count == 1
    nat.address_gone(box.ns, device, ip_int(ME))
    assert box.ct.count == 0


def test_a_masqueraded_connection_whose_route_changes_its_device_ends() -> None:
    box = Box()
    masqueraded(box)
    other = NetDevice("eth1", b"\2\0\0\0\0\2")
    box.ns.add_device(other)
    skb = box.arrive(udp(CLIENT, 1000, SERVER, 7))
    assert skb is not None
    assert not nat.hook(box.ns, 4, skb, None, other, None)
    assert box.ct.count == 0
    assert box.drops == ["NETFILTER_DROP: masqueraded connection would now leave by eth1: connection deleted"]


def test_a_rule_that_drops_is_obeyed(box: Box) -> None:
    box.snat_rules.insert(0, lambda ns, skb: False)
    assert box.send(udp(CLIENT, 1000, SERVER, 7)) is None
    assert box.ct.count == 0


def test_invalid_packets_are_not_translated(box: Box) -> None:
    assert ends(box.send(tcp(CLIENT, 40000, VIP, 80, "SA", 1, 1)))[1] == "10.96.0.10:80"


@given(st.binary(max_size=60), st.sampled_from([1, 6, 17, 99]))
def test_any_packet_of_a_translated_pair_comes_through_or_is_dropped(payload: bytes, proto: int) -> None:
    box = Box()
    box.ns.sysctl.nf_conntrack_checksum = 0
    box.dnat(lambda skb: True, to_ip(SERVER, 8080))
    box.snat(lambda skb: True, to_ip(ME))
    for packet in (ip(CLIENT, VIP, proto, payload), ip(SERVER, ME, proto, payload), ip(CLIENT, VIP, proto, payload)):
        out = box.send(packet)
        assert out is None or len(out) == len(packet)


@given(st.binary(max_size=60))
def test_an_icmp_error_with_any_quote_is_survived(quote: bytes) -> None:
    box = Box()
    box.dnat(lambda skb: True, to_ip(SERVER, 8080))
    sent = box.send(udp(CLIENT, 1000, VIP, 53))
    assert sent is not None
    box.send(error(SERVER, CLIENT, sent[:20] + quote))
    box.send(error(SERVER, CLIENT, sent[:24] + quote))
