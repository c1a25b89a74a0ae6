"""The kernel's lots, as they are learnt from its connections and given to the emulator."""

from __future__ import annotations

import random

import pytest

from emu.sim import Sim
from tests.parity.lots import HIT, MISS, End, Flow, Lottery, Played, draws_lines, parse_draws

CLIENT, VIP, NODE = 1, 50, 9


def flow(backend: int, port: int = 40000, nat_port: int = 40000, proto: int = 6) -> Flow:
    """A client's connection to the VIP, sent to a backend and masqueraded."""
    return Flow(End(proto, CLIENT, VIP, port, 80), End(proto, backend, NODE, 8080, nat_port))


def play(lottery: Lottery, backends: list[int]) -> tuple[list[int], Played, bool]:
    """A namespace with one rule for each backend but the last, which takes what is left. As many connections as the kernel had."""
    sim = Sim(1)
    played = Played(lottery, {})
    played.install(sim)
    came = []
    for _ in lottery.wanted["gw"]:
        stream = sim.stream("gw/statistic")
        backend = next((backend for backend in backends[:-1] if stream.getrandbits(31) < 1000), backends[-1])
        came.append(backend)
        port = sim.stream("gw/nat").pick(1024, 64512)
        made = flow(backend, 50000 + len(came), port)
        played.began("gw", [6, CLIENT, VIP, 50000, 80], [6, backend, NODE, 8080, made.reply.dport])
    return came, played, lottery.learn(played)


@pytest.mark.parametrize("seed", range(5))
def test_every_connection_gets_the_kernels_backend(seed: int) -> None:
    backends = [11, 12, 13, 14]
    drawn = random.Random(seed).choices(backends, k=12)
    lottery = Lottery({"gw": [flow(backend, nat_port=2000 + number) for number, backend in enumerate(drawn)]})
    came, played, again = play(lottery, backends)
    tries = 1
    while again:
        came, played, again = play(lottery, backends)
        tries += 1
    assert came == drawn
    assert tries <= len(backends) + 1
    assert [entry.reply.dport for entry in played.flows["gw"]] == list(range(2000, 2012))


def test_what_was_drawn_can_be_drawn_again_without_the_kernel() -> None:
    lottery = Lottery({"gw": [flow(12), flow(11), flow(13)]})
    while True:
        came, played, again = play(lottery, [11, 12, 13])
        if not again:
            break
    assert came == [12, 11, 13]
    lines = draws_lines(played.draws)
    assert lines == ["gw/nat 40000 40000 40000", "gw/statistic miss hit hit miss miss"]
    sim = Sim(1)
    Played(None, parse_draws(lines)).install(sim)
    assert [sim.stream("gw/statistic").getrandbits(31) for _ in range(5)] == [MISS, HIT, HIT, MISS, MISS]
    assert [sim.stream("gw/nat").pick(1024, 64512) for _ in range(3)] == [40000] * 3


def test_a_backend_that_no_rule_leads_to_is_given_up() -> None:
    lottery = Lottery({"gw": [flow(99)]})
    assert [play(lottery, [11, 12])[2] for _ in range(4)] == [True, True, False, False]


def test_what_nobody_knows_is_drawn_as_ever() -> None:
    sim, other = Sim(1), Sim(1)
    Played(Lottery({"gw": []}), {"red/nat": [7]}).install(sim)
    assert sim.stream("gw/nat").pick(1024, 64512) == other.stream("gw/nat").pick(1024, 64512)
    assert sim.stream("red/nat").pick(1024, 64512) == other.stream("red/nat").pick(1024, 64512)  # 7 is not in that range
