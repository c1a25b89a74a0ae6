"""traceroute: its probes, its lines, its result."""

from __future__ import annotations

import re
import subprocess

import pytest

from emu.apps.traceroute import traceroute
from emu.iproute import route
from tests.aio.lab import Lab, Routed
from tests.apps.test_ping import SCRIPT

FAR = "10.0.9.2"


@pytest.fixture
def lab() -> Routed:
    return Routed()


def test_the_way_to_a_host_behind_a_router(lab: Routed) -> None:
    result = lab.run(lab.a, traceroute(FAR))
    assert result.lines == [
        "traceroute to 10.0.9.2 (10.0.9.2), 30 hops max, 60 byte packets",
        " 1  10.0.0.254  0.004 ms  0.004 ms  0.004 ms",
        " 2  10.0.9.2  0.008 ms  0.008 ms  0.008 ms",
    ]
    assert [hop.addresses for hop in result.hops] == [["10.0.0.254"], [FAR]]
    assert (result.reached, result.status) == (True, 0)
    lab.go(30)
    assert lab.unbalanced() == []
    assert lab.a.sockets.udp == {}, "every socket was given back"


def test_its_probes_are_those_of_linux(lab: Routed) -> None:
    lab.run(lab.a, traceroute(FAR))
    probes = [wire[14:] for _, name, way, wire in lab.frames if name == "a.eth0" and way == "tx" and wire[12:14] == b"\x08\x00"]
    assert [probe[8] for probe in probes[:16]] == [1 + number // 3 for number in range(16)], "sixteen at once, three to a hop"
    assert [int.from_bytes(probe[22:24], "big") for probe in probes[:16]] == list(range(33434, 33450))
    assert {probe[6:8] for probe in probes} == {b"\0\0"}, "no DF"
    assert {probe[28:] for probe in probes} == {bytes(range(0x40, 0x60))}
    assert len({probe[20:22] for probe in probes}) == len(probes), "a socket for each"


def test_hops_that_are_silent(lab: Routed) -> None:
    lab.b.protocols = lab.b.protocols | {17: lambda ns, skb: ns.drop(skb, "NETFILTER_DROP")}
    result = lab.run(lab.a, traceroute(FAR, max_hops=3, wait=1))
    assert [line[3:] for line in result.lines[2:]] == [" * * *", " * * *"]
    assert not result.reached
    assert result.status == 0


def test_a_prohibited_way_is_marked_and_ends_the_trace(lab: Routed) -> None:
    route.add(lab.router, "10.6.0.0/16", type="prohibit")
    result = lab.run(lab.a, traceroute("10.6.0.1", wait=1))
    assert len(result.hops) == 1
    assert result.hops[0].probes[0].mark == "!X"
    assert " !X" in result.lines[1]
    assert not result.reached


def test_no_route_and_no_such_name() -> None:
    lab = Lab()
    result = lab.run(lab.a, traceroute("192.0.2.1"))
    assert result.lines[1:] == ["connect: Network is unreachable"]
    assert result.status == 1
    assert lab.run(lab.a, traceroute("nowhere")).status == 2


@pytest.mark.root
def test_the_real_traceroute_says_the_same(lab: Routed) -> None:
    setup = SCRIPT[: SCRIPT.index("told ping")]
    real = subprocess.run(
        ["unshare", "-n", "-m", "sh", "-c", setup + "told traceroute -n 10.0.9.2"], capture_output=True, text=True, timeout=60
    )  # fmt: skip
    theirs = [re.sub(r"[\d.]+ ms", "T ms", line) for line in real.stdout.splitlines()]
    if "not found" in real.stdout or "Failed to execute" in real.stdout:
        pytest.skip("traceroute is not installed")
    ours = [re.sub(r"[\d.]+ ms", "T ms", line) for line in lab.run(lab.a, traceroute(FAR)).lines]
    assert [*ours, "exit 0"] == theirs
