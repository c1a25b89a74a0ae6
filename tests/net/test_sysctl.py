"""Sysctls: who follows `default`, who inherits, how `all` and a device combine, what writing does besides."""

from __future__ import annotations

import pytest

from emu.fabric import World
from emu.iproute import addr, link, sysctl
from emu.net.netns import Namespace, NetError


@pytest.fixture
def ns() -> Namespace:
    world = World(1)
    ns = world.add_machine("node").netns
    for name in ("eth0", "eth1"):
        link.add_veth(ns, name, world.machines["node"].add_netns(name), "peer")
    return ns


def conf(ns: Namespace, name: str) -> tuple[int | str, ...]:
    return tuple(sysctl.get(ns, f"net.ipv4.conf.{where}.{name}") for where in ("all", "default", "eth0", "eth1"))


def test_a_device_follows_default_until_it_has_an_address(ns: Namespace) -> None:
    addr.add(ns, "eth0", "10.0.0.1/24")
    sysctl.set(ns, "net.ipv4.conf.default.rp_filter", 2)
    assert conf(ns, "rp_filter") == (0, 2, 0, 2)


def test_a_key_written_for_a_device_is_its_own(ns: Namespace) -> None:
    sysctl.set(ns, "net.ipv4.conf.eth0.rp_filter", 1)
    sysctl.set(ns, "net.ipv4.conf.default.rp_filter", 2)
    sysctl.set(ns, "net.ipv4.conf.default.arp_ignore", 1)
    assert conf(ns, "rp_filter") == (0, 2, 1, 2)
    assert conf(ns, "arp_ignore") == (0, 1, 1, 1)


def test_a_device_made_after_default_was_written_keeps_what_it_was_born_with(ns: Namespace) -> None:
    """As on Linux, where the copy of `default` brings its "was written" bits along."""
    sysctl.set(ns, "net.ipv4.conf.default.rp_filter", 2)
    link.add_veth(ns, "eth2", ns.kernel.init_net or ns, "eth3")
    sysctl.set(ns, "net.ipv4.conf.default.rp_filter", 1)
    assert sysctl.get(ns, "net.ipv4.conf.eth2.rp_filter") == 2
    assert conf(ns, "rp_filter") == (0, 1, 1, 1)


def test_ip_forward_is_all_forwarding_and_reaches_every_device(ns: Namespace) -> None:
    addr.add(ns, "eth0", "10.0.0.1/24")
    sysctl.set(ns, "net.ipv4.ip_forward", 1)
    assert conf(ns, "forwarding") == (1, 1, 1, 1)
    assert conf(ns, "accept_redirects") == (0, 1, 1, 1)
    assert ns.sysctl.ip_forward == 1
    sysctl.set(ns, "net.ipv4.conf.all.forwarding", 0)
    assert conf(ns, "forwarding") == (0, 0, 0, 0)
    assert conf(ns, "accept_redirects") == (1, 1, 1, 1)


def test_writing_the_same_again_changes_nothing(ns: Namespace) -> None:
    sysctl.set(ns, "net.ipv4.ip_forward", 1)
    sysctl.set(ns, "net.ipv4.conf.eth0.forwarding", 0)
    sysctl.set(ns, "net.ipv4.conf.all.accept_redirects", 1)
    sysctl.set(ns, "net.ipv4.ip_forward", 1)
    assert conf(ns, "forwarding") == (1, 1, 0, 1)
    assert conf(ns, "accept_redirects")[0] == 1


def test_a_new_namespace_inherits_conf_from_the_machines_first(ns: Namespace) -> None:
    sysctl.set(ns, "net.ipv4.ip_forward", 1)
    sysctl.set(ns, "net.ipv4.icmp_ratelimit", 5)
    machine_ns = ns.kernel.init_net
    assert machine_ns is ns
    from emu.net.stack import new_namespace

    pod = new_namespace("pod", ns.kernel)
    assert pod.sysctl.ip_forward == 1
    assert pod.sysctl.conf(pod.lo).forwarding == 1
    assert pod.sysctl.icmp_ratelimit == 1000
    sysctl.set(pod, "net.ipv4.ip_forward", 0)
    assert ns.sysctl.ip_forward == 1


def test_how_all_and_a_device_combine(ns: Namespace) -> None:
    values, dev = ns.sysctl, ns.device("eth0")
    sysctl.set(ns, "net.ipv4.conf.eth0.rp_filter", 2)
    sysctl.set(ns, "net.ipv4.conf.all.rp_filter", 1)
    assert values.conf_max(dev, "rp_filter") == 2
    sysctl.set(ns, "net.ipv4.conf.all.proxy_arp", 1)
    assert values.conf_or(dev, "proxy_arp")
    assert not values.conf_and(dev, "proxy_arp")


@pytest.mark.parametrize(("forwarding", "all_", "dev", "believed"), [(0, 0, 1, True), (0, 1, 0, True), (0, 0, 0, False), (1, 1, 0, False), (1, 1, 1, True)])
def test_whose_redirects_are_believed(ns: Namespace, forwarding: int, all_: int, dev: int, believed: bool) -> None:
    sysctl.set(ns, "net.ipv4.conf.eth0.forwarding", forwarding)
    sysctl.set(ns, "net.ipv4.conf.all.accept_redirects", all_)
    sysctl.set(ns, "net.ipv4.conf.eth0.accept_redirects", dev)
    assert ns.sysctl.accepts_redirects(ns.device("eth0")) is believed


@pytest.mark.parametrize(
    ("key", "value", "errno"),
    [
        ("net.ipv4.no_such_key", 1, 2),
        ("net.ipv4.conf.eth9.rp_filter", 1, 2),
        ("net.ipv6.conf.all.forwarding", 1, 2),
        ("", 1, 2),
        ("net.ipv4.ip_default_ttl", 0, 22),
        ("net.ipv4.ip_default_ttl", "many", 22),
        ("net.ipv4.ip_forward", "1 2", 22),
        ("net.ipv4.ip_local_port_range", "60999 32768", 22),
        ("net.ipv4.ip_local_port_range", "0 65535", 22),
        ("net.ipv4.ip_local_reserved_ports", "80-70", 22),
        ("net.ipv4.conf.all.accept_source_route", 1, 22),
        ("net.netfilter.nf_conntrack_count", 0, 13),
    ],
)
def test_what_cannot_be_written_is_refused_by_name(ns: Namespace, key: str, value: int | str, errno: int) -> None:
    with pytest.raises(NetError) as caught:
        sysctl.set(ns, key, value)
    assert caught.value.errno == errno
    assert "node" in str(caught.value)


def test_what_belongs_to_the_machine_can_only_be_written_in_its_first_namespace(ns: Namespace) -> None:
    from emu.net.stack import new_namespace

    pod = new_namespace("pod", ns.kernel)
    sysctl.set(ns, "net.netfilter.nf_conntrack_max", 1000)
    sysctl.set(ns, "net.ipv4.neigh.default.gc_thresh3", 4096)
    assert ns.kernel.gc_thresh3 == 4096
    assert sysctl.get(pod, "net.netfilter.nf_conntrack_max") == 1000
    with pytest.raises(NetError, match="belongs to the machine node"):
        sysctl.set(pod, "net.netfilter.nf_conntrack_max", 5)
    with pytest.raises(NetError, match="cannot stat"):
        sysctl.get(pod, "net.ipv4.neigh.default.gc_thresh3")


def test_a_device_name_with_a_dot(ns: Namespace) -> None:
    link.rename(ns, "eth0", "eth0.5")
    sysctl.set(ns, "net/ipv4/conf/eth0.5/rp_filter", 1)
    assert sysctl.get(ns, "net.ipv4.conf.eth0/5.rp_filter") == 1


def test_every_key_can_be_read_and_most_written_back(ns: Namespace) -> None:
    lines = sysctl.show(ns).splitlines()
    assert len(lines) > 250
    for line in lines:
        key, _, value = line.partition(" = ")
        if key not in ("net.netfilter.nf_conntrack_count", "net.netfilter.nf_conntrack_buckets", "net.ipv4.conf.all.mc_forwarding"):
            sysctl.set(ns, key, value)
    assert sysctl.show(ns).splitlines() == lines


def test_writing_ends_cached_decisions(ns: Namespace) -> None:
    before = ns.generation
    sysctl.set(ns, "net.ipv4.conf.eth0.rp_filter", 1)
    assert ns.generation > before


def test_ipv6_is_off_and_stays_off(ns: Namespace) -> None:
    sysctl.set(ns, "net.ipv6.conf.all.disable_ipv6", 1)
    sysctl.set(ns, "net.ipv6.conf.eth0.disable_ipv6", 1)
    assert sysctl.get(ns, "net.ipv6.conf.default.disable_ipv6") == 1
    with pytest.raises(NetError, match="does not do that"):
        sysctl.set(ns, "net.ipv6.conf.all.disable_ipv6", 0)
    with pytest.raises(NetError, match="cannot stat"):
        sysctl.set(ns, "net.ipv6.conf.eth9.disable_ipv6", 1)
