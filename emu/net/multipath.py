"""Choosing among several nexthops by a hash of the addresses (fib_select_multipath, fib_multipath_hash_policy 0)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emu.net.fib import NextHop, Route

if TYPE_CHECKING:
    from emu.net.netns import Namespace


def choose(ns: Namespace, route: Route, saddr: int, daddr: int) -> NextHop:
    """The nexthop for this pair of addresses: flows stay on their path, paths get flows by weight; dead nexthops get none."""
    usable = ns.fib.main.usable
    alive = [nexthop for nexthop in route.nexthops if usable(Route(0, 0, (nexthop,)), 0) is not None]
    if not alive:
        return route.nexthops[0]
    # The kernel hashes with a seed drawn at boot, so that any even hash is as right: a multiplicative one.
    hashed = ((saddr * 0x9E3779B1 ^ daddr * 0x85EBCA6B) * 0xC2B2AE35 >> 7) & 0x7FFFFFFF
    total = sum(nexthop.weight for nexthop in alive)
    bound = 0
    for nexthop in alive:
        bound += nexthop.weight
        if hashed < (bound << 31) // total:
            return nexthop
    return alive[-1]
