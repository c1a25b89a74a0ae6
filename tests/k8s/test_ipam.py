"""host-local: round robin from .2, wrapping, gateway skipped."""

import pytest

from emu.k8s.ipam import HostLocal
from emu.k8s.objects import KubernetesError


def test_the_first_address_is_the_second_of_the_range():
    ipam = HostLocal("10.244.1.0/24")
    assert ipam.gateway == "10.244.1.1"
    assert [ipam.allocate(owner) for owner in "abc"] == ["10.244.1.2", "10.244.1.3", "10.244.1.4"]


def test_a_freed_address_waits_until_the_range_has_been_gone_round():
    ipam = HostLocal("10.244.1.0/29")
    for owner in "abc":
        ipam.allocate(owner)
    ipam.release("a")
    assert [ipam.allocate(owner) for owner in "def"] == ["10.244.1.5", "10.244.1.6", "10.244.1.2"]


def test_a_full_range_says_so_and_names_itself():
    ipam = HostLocal("10.244.1.0/30")
    assert ipam.allocate("a") == "10.244.1.2"
    assert ipam.free == 0
    with pytest.raises(KubernetesError, match=r"no IP addresses available in range set: 10\.244\.1\.1-10\.244\.1\.2"):
        ipam.allocate("b")


def test_only_the_owner_releases_an_address():
    ipam = HostLocal("10.244.1.0/29")
    ip = ipam.allocate("a")
    ipam.release_address(ip, "b")
    assert ipam.free == 4
    ipam.release_address(ip, "a")
    assert ipam.free == 5


def test_a_range_too_small_for_pods_is_refused():
    with pytest.raises(KubernetesError, match=r"10\.0\.0\.0/31 is too small"):
        HostLocal("10.0.0.0/31")
