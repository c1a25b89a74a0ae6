"""Cluster IPs and node ports: the upper band first."""

from random import Random

import pytest

from emu.k8s.allocators import band_offset, cluster_ips, ip_of, node_ports
from emu.k8s.objects import KubernetesError


def test_the_bands_are_kubernetes_own():
    assert band_offset(65534, 16, 16, 256) == 256
    assert band_offset(256, 16, 16, 256) == 16
    assert band_offset(16, 16, 16, 256) == 0
    assert band_offset(2768, 32, 16, 128) == 86  # dynamic node ports begin at 30086


def test_dynamic_addresses_come_from_the_upper_band_until_it_is_full():
    allocator = cluster_ips("10.96.0.0/26", Random(1))  # 62 addresses, 16 of them in the lower band
    drawn = [allocator.draw("ns/svc") for _ in range(62)]
    assert {ip_of(value) for value in drawn[:46]} == {f"10.96.0.{last}" for last in range(17, 63)}
    assert {ip_of(value) for value in drawn[46:]} == {f"10.96.0.{last}" for last in range(1, 17)}
    with pytest.raises(KubernetesError, match="no cluster IP is left"):
        allocator.draw("ns/late")


def test_a_chosen_value_is_refused_when_taken_or_outside():
    allocator = node_ports(Random(1))
    allocator.take(30080, "ns/a", "30080")
    with pytest.raises(KubernetesError, match="ns/b: node port 30080 is already allocated to ns/a"):
        allocator.take(30080, "ns/b", "30080")
    with pytest.raises(KubernetesError, match="80 is not in the valid range"):
        allocator.take(80, "ns/b", "80")
    allocator.release(30080)
    allocator.take(30080, "ns/b", "30080")
