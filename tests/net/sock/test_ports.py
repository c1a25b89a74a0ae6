"""Who may have a port that somebody has, and which port 0 becomes."""

from __future__ import annotations

from typing import Any

import pytest

from emu.iproute import sysctl
from emu.net.sock.tcp import TcpSocket
from emu.net.sock.tcp_listen import TcpListener
from emu.net.sock.udp import UdpSocket
from emu.wire.addr import ip_int
from tests.aio.lab import Lab, give

ANY, MINE, OTHER = 0, ip_int("10.0.0.1"), ip_int("10.0.0.3")


@pytest.fixture
def lab() -> Lab:
    lab = Lab()
    give(lab.a, "eth0", "10.0.0.3/24")
    return lab


def taken(lab: Lab, kind: type[Any], first: tuple[int, dict[str, bool]], second: tuple[int, dict[str, bool]], listen: bool = False) -> bool:
    """Whether the second bind is refused with EADDRINUSE."""
    for number, (addr, options) in enumerate((first, second)):
        sk = kind(lab.a)
        for name, value in options.items():
            setattr(sk, name, value)
        try:
            sk.bind(addr, 80)
            if listen:
                sk.listen(5)
        except OSError as error:
            assert number == 1
            assert (error.errno, error.strerror) == (98, "Address already in use")
            return True
    return False


REUSE, SHARE = {"reuse_address": True}, {"reuse_port": True}


@pytest.mark.parametrize(
    ("first", "second", "udp", "tcp", "listening"),
    [
        ((ANY, {}), (ANY, {}), True, True, True),
        ((ANY, {}), (MINE, {}), True, True, True),
        ((MINE, {}), (ANY, {}), True, True, True),
        ((MINE, {}), (OTHER, {}), False, False, False),
        ((ANY, REUSE), (ANY, REUSE), False, False, True),
        ((ANY, REUSE), (ANY, {}), True, True, True),
        ((ANY, SHARE), (ANY, SHARE), False, False, False),
        ((ANY, SHARE), (MINE, SHARE), False, False, False),
        ((ANY, SHARE), (ANY, REUSE), True, True, True),
    ],
)
def test_sharing_a_port(lab: Lab, first: Any, second: Any, udp: bool, tcp: bool, listening: bool) -> None:
    assert taken(lab, UdpSocket, first, second) is udp
    assert taken(Lab_with_two(), TcpListener, first, second) is tcp
    assert taken(Lab_with_two(), TcpListener, first, second, listen=True) is listening


def Lab_with_two() -> Lab:  # noqa: N802
    lab = Lab()
    give(lab.a, "eth0", "10.0.0.3/24")
    return lab


def test_protocols_and_namespaces_have_their_own_ports(lab: Lab) -> None:
    UdpSocket(lab.a).bind(ANY, 80)
    TcpListener(lab.a).bind(ANY, 80)
    UdpSocket(lab.b).bind(ANY, 80)
    with pytest.raises(OSError, match="Address already in use"):
        UdpSocket(lab.a).bind(ANY, 80)


def test_sockets_of_two_devices_do_not_meet(lab: Lab) -> None:
    for device in ("lo", "eth0"):
        sk = UdpSocket(lab.a)
        sk.bind_to_device(device)
        sk.bind(ANY, 80)


def test_a_closed_socket_gives_its_port_back(lab: Lab) -> None:
    for kind in (UdpSocket, TcpListener, TcpSocket):
        first = kind(lab.a)
        first.bind(ANY, 80)
        first.close()
        second = kind(lab.a)
        second.bind(ANY, 80)
        second.close()


@pytest.mark.parametrize("kind", [UdpSocket, TcpListener, TcpSocket])
def test_an_address_must_be_ours(lab: Lab, kind: type[Any]) -> None:
    with pytest.raises(OSError, match="Cannot assign requested address"):
        kind(lab.a).bind(ip_int("10.0.0.2"), 80)
    kind(lab.a).bind(ip_int("127.0.0.5"), 80)
    sysctl.set(lab.a, "net.ipv4.ip_nonlocal_bind", 1)
    kind(lab.a).bind(ip_int("10.0.0.2"), 80)


def test_a_socket_is_bound_once(lab: Lab) -> None:
    sk = UdpSocket(lab.a)
    sk.bind(ANY, 80)
    with pytest.raises(OSError, match="Invalid argument"):
        sk.bind(ANY, 81)


def test_port_0_is_any_free_port_of_the_range(lab: Lab) -> None:
    sysctl.set(lab.a, "net.ipv4.ip_local_port_range", "40000 40009")
    sysctl.set(lab.a, "net.ipv4.ip_local_reserved_ports", "40003-40004")
    for kind in (UdpSocket, TcpListener):
        ports = []
        for _ in range(8):
            sk: Any = kind(lab.a)
            sk.bind(ANY, 0)
            ports.append(sk.sport)
        assert sorted(ports) == [40000, 40001, 40002, 40005, 40006, 40007, 40008, 40009]
        assert ports != sorted(ports), "not in order"
        with pytest.raises(OSError, match="Address already in use"):
            kind(lab.a).bind(ANY, 0)


def test_connections_to_different_peers_may_share_a_port(lab: Lab) -> None:
    sysctl.set(lab.a, "net.ipv4.ip_local_port_range", "40000 40001")
    for port in (1, 2, 3):
        for _ in range(2):
            TcpSocket(lab.a).connect(ip_int("10.0.0.2"), port)
        with pytest.raises(OSError, match="Cannot assign requested address"):
            TcpSocket(lab.a).connect(ip_int("10.0.0.2"), port)


def test_connect_keeps_off_ports_that_are_bound(lab: Lab) -> None:
    sysctl.set(lab.a, "net.ipv4.ip_local_port_range", "40000 40001")
    TcpListener(lab.a).bind(ANY, 40000)
    sk = TcpSocket(lab.a)
    sk.connect(ip_int("10.0.0.2"), 80)
    assert sk.sport == 40001
