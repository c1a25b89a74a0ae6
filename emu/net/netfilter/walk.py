"""A packet's way through the chains of one table (nft_do_chain): the first rule whose target ends the walk decides.

Chains call each other as the kernel's jump stack does: a jump returns to the next rule, a goto to where the last jump came from, the end of
a built-in chain is its policy. The depth was checked when the table was committed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from emu.net.netfilter.chain import DO_ACCEPT, DO_DROP, DO_GOTO, DO_JUMP, DO_NOTHING, DO_RETURN, Chain
from emu.net.netfilter.rule import ACCEPT, CONTINUE, DROP, RETURN

if TYPE_CHECKING:
    from emu.net.device import NetDevice
    from emu.net.netfilter.netfilter import Netfilter
    from emu.net.netfilter.tablestate import Table
    from emu.net.skb import Skb

POLICY = -1
JUMPS = (DO_JUMP, DO_GOTO)


def run_chain(nf: Netfilter, table: Table, chain: Chain, skb: Skb, indev: NetDevice | None, outdev: NetDevice | None) -> int:
    """Run a built-in chain: ACCEPT or DROP. `nf.where` names what decided."""
    nf.table = table.name
    if skb.frag & 0x1FFF:
        verdict = _walk_fragment(nf, table, chain, skb, indev, outdev)
    else:
        verdict = walk(nf, table, chain, skb, indev, outdev)
    if verdict != CONTINUE:
        return verdict
    name = chain.name
    if chain.counted:
        counters = table.counters.get(name)
        if counters is None:
            counters = table.counters[name] = {}
        counter = counters.get(POLICY)
        if counter is None:
            counter = counters[POLICY] = [0, 0]
        counter[0] += 1
        counter[1] += len(skb.l3)
        if nf.trail is not None:
            nf.trail.append(counter)
    if chain.policy == "ACCEPT":
        return ACCEPT
    nf.where = (name, POLICY)
    return DROP


def _walk_fragment(nf: Netfilter, table: Table, chain: Chain, skb: Skb, indev: NetDevice | None, outdev: NetDevice | None) -> int:
    """A later fragment has no transport header, but nf_tables reads the ports of `-m tcp` and `-m udp` where one would be (measured)."""
    where = skb.l4
    skb.sport, skb.dport = int.from_bytes(skb.l3[where : where + 2], "big"), int.from_bytes(skb.l3[where + 2 : where + 4], "big")
    verdict = walk(nf, table, chain, skb, indev, outdev)
    skb.sport = skb.dport = 0
    return verdict


def walk(nf: Netfilter, table: Table, chain: Chain, skb: Skb, indev: NetDevice | None, outdev: NetDevice | None) -> int:
    """Run the rules of one chain: ACCEPT, DROP, or CONTINUE when it came to its end or to RETURN."""
    for fn, what, argument, index in chain.entries(skb):
        if fn is not None and not fn(skb, indev, outdev, nf):
            continue
        name = chain.name
        counters = table.counters.get(name)
        if counters is None:
            counters = table.counters[name] = {}
        counter = counters.get(index)
        if counter is None:
            counter = counters[index] = [0, 0]
        counter[0] += 1
        counter[1] += len(skb.l3)
        if nf.trail is not None:
            nf.trail.append(counter)
        if nf.ns.tp.step and what != DO_NOTHING:
            rule = chain.rules[index]
            if rule.target is None or rule.target.shown:
                nf.ns.tp.on_step(nf.ns, skb.id, "rule", f"{table.name} {name} rule {index + 1}: {rule.text}")
        if what in JUMPS:
            target = table.content.get(argument)
            if target is None:
                continue
            verdict = walk(nf, table, target, skb, indev, outdev)
            if verdict == CONTINUE and what == DO_JUMP:
                continue
            return verdict
        if what == DO_ACCEPT:
            nf.where = (name, index)
            return ACCEPT
        if what == DO_RETURN:
            return CONTINUE
        if what == DO_DROP:
            nf.where = (name, index)
            return DROP
        if what == DO_NOTHING:
            continue
        nf.where = (name, index)
        verdict = argument(skb, indev, outdev, nf, chain.rules[index])
        if verdict == CONTINUE:
            continue
        return CONTINUE if verdict == RETURN else int(verdict)
    return CONTINUE
