"""Chains and jumps that must be there, as kube-proxy's and the kubelet's iptables helpers make sure of (pkg/util/iptables EnsureChain, EnsureRule)."""

from __future__ import annotations

import shlex
from typing import Any

from emu.iproute import iptables


def ensure_chain(netns: Any, table: str, chain: str) -> None:
    """`iptables -N`, or nothing if the chain exists."""
    _unless(netns, ["-t", table, "-S", chain], ["-t", table, "-N", chain])


def ensure_rule(netns: Any, table: str, chain: str, rule: str, *, at_head: bool = True) -> None:
    """`iptables -I` (or `-A`), or nothing if an equal rule is anywhere in the chain. `rule`: as in a restore line, without the chain."""
    words = shlex.split(rule)
    _unless(netns, ["-t", table, "-C", chain, *words], ["-t", table, "-I" if at_head else "-A", chain, *words])


def _unless(netns: Any, check: list[str], command: list[str]) -> None:
    try:
        iptables.command(netns, check)
    except iptables.IptablesError:
        iptables.command(netns, command)
