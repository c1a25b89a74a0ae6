"""ping: its packets, its lines, its result."""

from __future__ import annotations

import re
import subprocess

import pytest

from emu.apps.ping import Result, milliseconds, ping
from emu.iproute import link
from emu.net.netns import Namespace
from emu.net.skb import Skb
from tests.aio.lab import Lab, Routed

FAR = "10.0.9.2"


@pytest.fixture
def lab() -> Routed:
    return Routed()


def test_two_replies(lab: Routed) -> None:
    result: Result = lab.run(lab.a, ping(FAR, 2, size=56))
    assert result.lines == [
        "PING 10.0.9.2 (10.0.9.2) 56(84) bytes of data.",
        "64 bytes from 10.0.9.2: icmp_seq=1 ttl=63 time=0.008 ms",
        "64 bytes from 10.0.9.2: icmp_seq=2 ttl=63 time=0.004 ms",
        "",
        "--- 10.0.9.2 ping statistics ---",
        "2 packets transmitted, 2 received, 0% packet loss, time 1000ms",
        "rtt min/avg/max/mdev = 0.004/0.006/0.008/0.002 ms",
    ]
    assert (result.status, result.ttl, result.received, bool(result)) == (0, 63, 2, True)
    assert [(reply.sequence, reply.source, reply.time_ns) for reply in result.replies] == [(1, FAR, 8000), (2, FAR, 4000)]
    assert all(reply.frame_id for reply in result.replies)
    assert lab.unbalanced() == []


def test_the_payload_is_iputils_own(lab: Routed) -> None:
    lab.go(3.000007)
    lab.run(lab.a, ping(FAR))
    request = next(wire for _, name, way, wire in lab.frames if name == "b.eth0" and way == "rx" and wire[23] == 1 and wire[12:14] == b"\x08\x00")
    message = request[34:]
    assert (message[0], message[6:8], len(message)) == (8, b"\x00\x01", 64)
    assert message[8:24] == (1_735_689_603).to_bytes(8, "little") + (7).to_bytes(8, "little")
    assert message[24:] == bytes(range(0x10, 0x38))


def test_ttl_exceeded_names_the_router(lab: Routed) -> None:
    result = lab.run(lab.a, ping(FAR, 2, ttl=1))
    assert result.lines[1:] == [
        "From 10.0.0.254 icmp_seq=1 Time to live exceeded",
        "From 10.0.0.254 icmp_seq=2 Time to live exceeded",
        "",
        "--- 10.0.9.2 ping statistics ---",
        "2 packets transmitted, 0 received, +2 errors, 100% packet loss, time 1000ms",
        "",
    ]
    assert (result.status, result.ttl, bool(result)) == (1, None, False)
    assert [(failure.sequence, failure.offender, failure.type, failure.code) for failure in result.failures] == [
        (number, "10.0.0.254", 11, 0) for number in (1, 2)
    ]


def test_nobody_at_home(lab: Routed) -> None:
    result = lab.run(lab.a, ping("10.0.0.77", 4))
    assert result.lines[1:5] == [f"From 10.0.0.1 icmp_seq={number} Destination Host Unreachable" for number in (1, 2, 3, 4)]
    assert result.lines[-2:] == ["4 packets transmitted, 0 received, +4 errors, 100% packet loss, time 3000ms", "pipe 4"]


def test_with_a_deadline_it_sends_on_until_enough_answers_came_or_an_error(lab: Routed) -> None:
    own = lab.b.protocols
    lab.b.protocols = own | {1: lambda ns, skb: ns.drop(skb, "NETFILTER_DROP")}
    lab.sim.call_later(2_500_000_000, lambda: setattr(lab.b, "protocols", own))
    result = lab.run(lab.a, ping(FAR, 2, deadline=9))
    assert (result.transmitted, result.received, result.status) == (5, 2, 0)
    assert lab.sim.now < 4_100_000_000
    result = lab.run(lab.a, ping(FAR, 9, deadline=1.5))
    assert (result.transmitted, result.received, result.status) == (2, 2, 1), "fewer than asked for"
    result = lab.run(lab.a, ping("10.0.0.77", deadline=9))
    assert "+3 errors" in result.lines[-2]


def test_silence_is_waited_for(lab: Routed) -> None:
    lab.b.protocols = lab.b.protocols | {1: lambda ns, skb: ns.drop(skb, "NETFILTER_DROP")}
    result = lab.run(lab.a, ping(FAR, 2))
    assert result.lines[1:] == ["", "--- 10.0.9.2 ping statistics ---", "2 packets transmitted, 0 received, 100% packet loss, time 1000ms", ""]
    assert lab.sim.now == 11_000_000_000, "10 s after the last one"
    lab.run(lab.a, ping(FAR, 1, timeout=1))
    assert lab.sim.now == 12_000_000_000


def test_who_had_an_answer_does_not_wait_as_long_for_the_last(lab: Routed) -> None:
    answer = lab.b.protocols[1]
    seen: list[int] = []

    def once(ns: Namespace, skb: Skb) -> object:
        seen.append(skb.id)
        return answer(ns, skb) if len(seen) == 1 else ns.drop(skb, "NETFILTER_DROP")

    lab.b.protocols = lab.b.protocols | {1: once}
    before = lab.sim.now
    assert lab.run(lab.a, ping(FAR, 2, 0.1, timeout=5)).received == 1
    assert lab.sim.now - before == 200_000_000, "an interval after the last one, whatever -W says"


def test_too_big_first_told_by_the_router_then_known_here(lab: Routed) -> None:
    link.set_mtu(lab.router, "right", 1000)
    result = lab.run(lab.a, ping(FAR, 2, size=1400, df="do"))
    assert result.lines[:3] == [
        "PING 10.0.9.2 (10.0.9.2) 1400(1428) bytes of data.",
        "From 10.0.0.254 icmp_seq=1 Frag needed and DF set (mtu = 1000)",
        "ping: local error: message too long, mtu=1000",
    ]


@pytest.mark.parametrize(
    ("destination", "line"),
    [
        ("10.0.0.255", "ping: Do you want to ping broadcast? Then -b. If not, check your local firewall rules"),
        ("nowhere", "ping: nowhere: Name or service not known"),
    ],
)
def test_what_cannot_even_begin(lab: Routed, destination: str, line: str) -> None:
    result = lab.run(lab.a, ping(destination))
    assert (result.lines, result.status) == ([line], 2)


def test_no_route() -> None:
    lab = Lab()
    assert lab.run(lab.a, ping("192.0.2.1")).lines == ["ping: connect: Network is unreachable"]


def test_a_short_payload_has_no_time(lab: Routed) -> None:
    assert lab.run(lab.a, ping(FAR, size=8)).lines[1] == "16 bytes from 10.0.9.2: icmp_seq=1 ttl=63"


def test_a_reply_that_comes_twice_is_a_duplicate(lab: Routed) -> None:
    receive = lab.a.protocols[1]

    def twice(ns: object, skb: object) -> None:
        lab.world.tp.on_life("copied", skb.id, 1)  # type: ignore[attr-defined]
        receive(ns, skb.clone())  # type: ignore[arg-type,attr-defined]
        receive(ns, skb)  # type: ignore[arg-type]

    lab.a.protocols = lab.a.protocols | {1: twice}  # type: ignore[dict-item]
    result = lab.run(lab.a, ping(FAR, 2))
    assert "64 bytes from 10.0.9.2: icmp_seq=1 ttl=63 time=0.008 ms (DUP!)" in result.lines
    assert any(line.startswith("2 packets transmitted, 2 received, +") for line in result.lines)


def test_its_output_is_its_process_s(lab: Routed) -> None:
    process = lab.spawn(lab.a, ping(FAR), "ping")
    lab.go(30)
    assert process.output == process.result.lines


@pytest.mark.parametrize(("trip", "text"), [(4_000, "0.004"), (999_999, "0.999"), (1_234_567, "1.23"), (12_345_678, "12.3"), (123_456_789, "123")])
def test_times_are_written_as_ping_writes_them(trip: int, text: str) -> None:
    assert milliseconds(trip) == text


SCRIPT = """
mount -t tmpfs none /run; mkdir -p /run/netns
for n in a router b; do ip netns add $n; ip -n $n link set lo up; done
ip -n a link add eth0 type veth peer name left netns router
ip -n b link add eth0 type veth peer name right netns router
ip -n a addr add 10.0.0.1/24 dev eth0; ip -n b addr add 10.0.9.2/24 dev eth0
ip -n router addr add 10.0.0.254/24 dev left; ip -n router addr add 10.0.9.254/24 dev right
ip -n a link set eth0 up; ip -n b link set eth0 up; ip -n router link set left up; ip -n router link set right up
ip netns exec router sh -c 'echo 1 > /proc/sys/net/ipv4/ip_forward'
ip -n a route add default via 10.0.0.254; ip -n b route add default via 10.0.9.254
told() { ip netns exec a "$@" 2>&1; echo "exit $?"; }
told ping -c 2 -i 0.2 10.0.9.2
told ping -c 2 -i 0.2 -t 1 10.0.9.2
told ping -c 1 -s 8 10.0.9.2
told ping -c 3 -i 0.5 10.0.0.77
told ping -c 1 -W 1 10.77.0.1
ip -n router link set right mtu 1000
told ping -c 2 -i 0.2 -M do -s 1400 10.0.9.2
told ping -c 1 -W 1 10.0.0.255
told ping -c 1 127.0.0.1
"""


def without_times(lines: list[str]) -> list[str]:
    """Lines as they would be if everything took no time."""
    lines = [re.sub(r"time=[\d.]+ ms", "time=T ms", re.sub(r"time \d+ms", "time Tms", line)) for line in lines]
    return [re.sub(r"mdev = .* ms", "mdev = T ms", line) for line in lines]


@pytest.mark.root
def test_the_real_ping_says_the_same(lab: Routed) -> None:
    real = subprocess.run(["unshare", "-n", "-m", "sh", "-c", SCRIPT], capture_output=True, text=True, timeout=60)
    theirs: list[tuple[list[str], int]] = []
    lines: list[str] = []
    for line in real.stdout.splitlines():
        if line.startswith("exit "):
            theirs.append((without_times(lines), int(line[5:])))
            lines = []
        else:
            lines.append(line)
    ours: list[tuple[list[str], int]] = []
    for call in (
        ping(FAR, 2, 0.2), ping(FAR, 2, 0.2, ttl=1), ping(FAR, 1, size=8), ping("10.0.0.77", 3, 0.5), ping("10.77.0.1", 1, timeout=1),
        ping(FAR, 2, 0.2, size=1400, df="do"), ping("10.0.0.255", 1), ping("127.0.0.1", 1),
    ):  # fmt: skip
        if len(ours) == 5:
            link.set_mtu(lab.router, "right", 1000)
        result = lab.run(lab.a, call)
        ours.append((without_times(result.lines), result.status))
    assert len(theirs) == len(ours), real.stderr
    # The complaint about a packet that is too big goes to standard error, ahead of what stands in the buffer of standard output.
    theirs[5][0].sort()
    ours[5][0].sort()
    for their, our in zip(theirs, ours, strict=True):
        assert our == their
