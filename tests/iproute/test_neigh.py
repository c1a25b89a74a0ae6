"""ip neigh, with the texts of iproute2 6.1."""

from __future__ import annotations

import re

import pytest

from emu.iproute import neigh
from emu.net.netns import Namespace, NetError
from tests.net.lan import Lan, mac


@pytest.fixture
def lan() -> Lan:
    return Lan(hosts=2)


@pytest.fixture
def h1(lan: Lan) -> Namespace:
    return lan.host("h1")


def test_show(lan: Lan, h1: Namespace) -> None:
    lan.ping("h1", "10.0.0.2")
    lan.ping("h1", "10.0.0.9")
    assert neigh.show(h1) == "10.0.0.2 dev eth0 lladdr 02:00:00:00:00:02 REACHABLE \n10.0.0.9 dev eth0 INCOMPLETE \n"
    lan.run(4)
    neigh.add(h1, "10.0.0.7", "eth0", mac(7))
    assert neigh.show(h1, dev="eth0") == "10.0.0.2 lladdr 02:00:00:00:00:02 REACHABLE \n10.0.0.9 FAILED \n10.0.0.7 lladdr 02:00:00:00:00:07 PERMANENT \n"
    assert neigh.show(h1, nud="permanent") == "10.0.0.7 dev eth0 lladdr 02:00:00:00:00:07 PERMANENT \n"
    assert neigh.show(h1, dev="lo") == ""


def test_add_replace_delete(lan: Lan, h1: Namespace) -> None:
    neigh.add(h1, "10.0.0.7", "eth0", mac(7))
    neigh.replace(h1, "10.0.0.7", "eth0", bytes([2, 0, 0, 0, 0, 8]), "stale")
    assert neigh.show(h1) == "10.0.0.7 dev eth0 lladdr 02:00:00:00:00:08 STALE \n"
    neigh.replace(h1, "10.0.0.7", "eth0", nud="reachable")  # with the MAC it has
    assert neigh.show(h1) == "10.0.0.7 dev eth0 lladdr 02:00:00:00:00:08 REACHABLE \n"
    neigh.delete(h1, "10.0.0.7", "eth0")
    assert neigh.show(h1) == ""


def test_flush_keeps_what_is_permanent(lan: Lan, h1: Namespace) -> None:
    neigh.add(h1, "10.0.0.7", "eth0", mac(7))
    lan.ping("h1", "10.0.0.2")
    neigh.flush(h1, "eth0")
    assert neigh.show(h1) == "10.0.0.7 dev eth0 lladdr 02:00:00:00:00:07 PERMANENT \n"


def test_what_is_refused(lan: Lan, h1: Namespace) -> None:
    neigh.add(h1, "10.0.0.7", "eth0", mac(7))
    with pytest.raises(NetError, match=re.escape("File exists: neighbour 10.0.0.7 on eth0 in h1")):
        neigh.add(h1, "10.0.0.7", "eth0", mac(7))
    with pytest.raises(NetError, match=re.escape("No such file or directory: neighbour 10.0.0.8 on eth0 in h1")):
        neigh.delete(h1, "10.0.0.8", "eth0")
    with pytest.raises(NetError, match=re.escape("neighbour 10.0.0.8 on eth0 in h1 needs an lladdr to be permanent")):
        neigh.add(h1, "10.0.0.8", "eth0")
    with pytest.raises(NetError, match=re.escape('"sleepy" is not a neighbour state, for 10.0.0.8 on eth0 in h1')):
        neigh.add(h1, "10.0.0.8", "eth0", mac(8), "sleepy")
    with pytest.raises(NetError, match=re.escape('"sleepy" is not a neighbour state, in h1')):
        neigh.show(h1, nud="sleepy")
    with pytest.raises(NetError, match=re.escape("lo in h1 has no neighbours")):
        neigh.add(h1, "127.0.0.5", "lo", mac(8))
    with pytest.raises(NetError, match=re.escape('Cannot find device "eth9" in h1')):
        neigh.show(h1, dev="eth9")
    with pytest.raises(NetError, match=re.escape("No such file or directory: proxy 10.0.0.8 on eth0 in h1")):
        neigh.delete_proxy(h1, "10.0.0.8", "eth0")
    with pytest.raises(ValueError, match=re.escape("'10.0.0.x' is not an IPv4 address")):
        neigh.add(h1, "10.0.0.x", "eth0", mac(8))
    with pytest.raises(ValueError, match=re.escape("'02:00' is not a MAC address")):
        neigh.add(h1, "10.0.0.8", "eth0", "02:00")


def test_a_full_table(lan: Lan, h1: Namespace) -> None:
    lan.machine.kernel.gc_thresh3 = 0
    with pytest.raises(NetError, match=re.escape("No buffer space available: the neighbour table of node is full")):
        neigh.add(h1, "10.0.0.8", "eth0", mac(8), "stale")
    neigh.add(h1, "10.0.0.8", "eth0", mac(8))  # permanent entries are not limited
