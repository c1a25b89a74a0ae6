"""Choosing among several nexthops by a hash of the addresses (fib_select_multipath and fib_multipath_hash in net/ipv4, hash policy 0)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emu.net import addr
from emu.net.fib import NextHop, Route

if TYPE_CHECKING:
    from emu.net.netns import Namespace

BOOT_SEED = 0x5EED1E55  # Linux draws one at boot; it holds where fib_multipath_hash_seed is 0
WORD = (1 << 64) - 1
# What of struct flow_keys is hashed: 36 bytes that an address-only key leaves empty, source, destination, and four of padding.
_BEFORE, _AFTER = bytes(36), bytes(4)


def choose(ns: Namespace, route: Route, saddr: int, daddr: int, own: int = 0) -> NextHop:
    """The nexthop for this pair of addresses: flows stay on their path, paths get flows by weight; dead nexthops get none.

    `own`: the source address that a packet made here has already, 0 = none; a nexthop that would give it that address is preferred.
    """
    usable = ns.fib.main.usable
    alive = [nexthop for nexthop in route.nexthops if usable(Route(0, 0, (nexthop,)), 0) is not None]
    if not alive:
        return route.nexthops[0]
    hashed = flow_hash(ns.sysctl.fib_multipath_hash_seed or BOOT_SEED, saddr, daddr)
    total = sum(nexthop.weight for nexthop in alive)
    weight = 0
    best, best_score = alive[0], -1
    for nexthop in alive:
        weight += nexthop.weight
        bound = ((weight << 31) + total // 2) // total - 1  # fib_rebalance
        score = (2 if own and _source(ns, route, nexthop) == own else 0) + (hashed <= bound)
        if score > best_score:
            best, best_score = nexthop, score
            if score == 3 or (not own and score == 1):
                break
    return best


def _source(ns: Namespace, route: Route, nexthop: NextHop) -> int:
    """The address this host sends from by a nexthop (fib_info_update_nhc_saddr)."""
    return addr.select_source(ns, ns.by_index.get(nexthop.oif), nexthop.gateway, route.scope)


def flow_hash(seed: int, saddr: int, daddr: int) -> int:
    """31 bits of the hash of two addresses, the same in both directions (flow_hash_from_keys_seed)."""
    source, destination = saddr.to_bytes(4, "big"), daddr.to_bytes(4, "big")
    if destination[::-1] < source[::-1]:  # compared as a little-endian machine reads them
        source, destination = destination, source
    key = seed << 32 | seed
    return (siphash(_BEFORE + source + destination + _AFTER, key, key) & 0xFFFFFFFF or 1) >> 1


def siphash(data: bytes, key0: int, key1: int) -> int:
    """SipHash-2-4 (Aumasson and Bernstein), 64 bits."""
    a, b, c, d = key0 ^ 0x736F6D6570736575, key1 ^ 0x646F72616E646F6D, key0 ^ 0x6C7967656E657261, key1 ^ 0x7465646279746573
    whole = len(data) & ~7
    last = (len(data) & 0xFF) << 56 | int.from_bytes(data[whole:], "little")
    for word in (*(int.from_bytes(data[at : at + 8], "little") for at in range(0, whole, 8)), last):
        a, b, c, d = _rounds(2, a, b, c, d ^ word)
        a ^= word
    a, b, c, d = _rounds(4, a, b, c ^ 0xFF, d)
    return a ^ b ^ c ^ d


def _rounds(count: int, a: int, b: int, c: int, d: int) -> tuple[int, int, int, int]:
    for _ in range(count):
        a = a + b & WORD
        b = (b << 13 & WORD | b >> 51) ^ a
        a = a << 32 & WORD | a >> 32
        c = c + d & WORD
        d = (d << 16 & WORD | d >> 48) ^ c
        a = a + d & WORD
        d = (d << 21 & WORD | d >> 43) ^ a
        c = c + b & WORD
        b = (b << 17 & WORD | b >> 47) ^ c
        c = c << 32 & WORD | c >> 32
    return a, b, c, d
