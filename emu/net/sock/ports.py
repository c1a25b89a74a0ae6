"""Ports: who may share one, and which one port 0 becomes (inet_csk_get_port, udp_lib_get_port, __inet_hash_connect)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from emu.net.sock.table import get

if TYPE_CHECKING:
    from emu.net.netns import Namespace
    from emu.net.sock.base import Socket

Table = dict[int, list[Any]]


def same_device(a: Socket, b: Socket) -> bool:
    """Sockets bound to two different devices never meet."""
    return a.bound_dev is None or b.bound_dev is None or a.bound_dev is b.bound_dev


def same_address(a: Socket, b: Socket) -> bool:
    """inet_rcv_saddr_equal with wildcards: 0.0.0.0 meets every address."""
    return not a.rcv_saddr or not b.rcv_saddr or a.rcv_saddr == b.rcv_saddr


def udp_conflict(table: Table, sk: Socket, port: int) -> bool:
    """udp_lib_lport_inuse: both SO_REUSEADDR or both SO_REUSEPORT may share."""
    for other in table.get(port, ()):
        if other is sk or not same_device(sk, other) or not same_address(sk, other):
            continue
        if not (sk.reuse_address and other.reuse_address) and not (sk.reuse_port and other.reuse_port):
            return True
    return False


def tcp_conflict(table: Table, sk: Socket, port: int) -> bool:
    """inet_bind_conflict: SO_REUSEADDR on both helps as long as the other does not listen, SO_REUSEPORT on both always."""
    for other in table.get(port, ()):
        if other is sk or not same_device(sk, other) or not same_address(sk, other):
            continue
        if sk.reuse_address and other.reuse_address and not other.listening:
            continue
        if not (sk.reuse_port and other.reuse_port):
            return True
    return False


def ephemeral(ns: Namespace, taken: Callable[[int], bool]) -> int:
    """A free port of net.ipv4.ip_local_port_range, from a random one upwards and round; 0 when all are taken."""
    low, high = ns.sysctl.ip_local_port_range
    count = high - low + 1
    reserved = ns.sysctl.ip_local_reserved_ports
    start = get(ns).draw() % count
    for step in range(count):
        port: int = low + (start + step) % count
        if any(first <= port <= last for first, last in reserved) or taken(port):
            continue
        return port
    return 0


def remove(table: Table, sk: Socket, port: int) -> None:
    """Take a socket off a port, and the port out of the table with the last one."""
    sockets = table.get(port)
    if sockets is not None and sk in sockets:
        sockets.remove(sk)
        if not sockets:
            del table[port]
