"""Frames of any bytes at any device of a whole cluster: nothing raises, every frame balances, and the cluster goes on."""

from __future__ import annotations

from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emu import Cluster
from emu.wire.checksum import checksum

NODES = 2


def cluster_with_traffic() -> tuple[Cluster, list[bytes]]:
    """Pods, a Service, an agent's ping, egress; and every different frame that was seen."""
    cluster = Cluster(nodes=NODES, seed=1)
    seen: dict[bytes, None] = {}
    stop = cluster.tap(lambda t_ns, device, direction, frame: seen.setdefault(frame.wire))
    client = cluster.run_pod("client")
    web = [cluster.run_pod(f"web-{number}", labels={"app": "web"}, serve_http=8080, serve_udp=7) for number in range(2)]
    service = cluster.expose("web", selector={"app": "web"}, port=80, target_port=8080, type="NodePort")
    for pod in web:
        client.ping(pod.ip, size=3000)
        client.udp(pod.ip, 7)
        client.udp(pod.ip, 9)
    for url in (f"http://{service.cluster_ip}/", f"http://{cluster.node('node2').ip}:{service.node_port}/clientip", f"http://{web[0].ip}:81/"):
        client.http_get(url)
    cluster.internet.http_get(f"http://{cluster.node('node1').ip}:{service.node_port}/")
    client.traceroute(cluster.internet.ip)
    stop()
    return cluster, list(seen)


@cache
def samples() -> list[bytes]:
    """One frame of every length and kind that the traffic had; the world they come from is not kept."""
    kinds: dict[tuple[int, bytes], bytes] = {}
    for wire in cluster_with_traffic()[1]:
        kinds.setdefault((len(wire), wire[12:14] + wire[23:24] + wire[34:36]), wire)
    return list(kinds.values())


EDIT = st.tuples(st.integers(0, 120), st.binary(min_size=1, max_size=4))


@st.composite
def frames(draw: st.DrawFn) -> bytes:
    """Noise, or a frame of real traffic with some bytes overwritten, cut off or added."""
    if draw(st.integers(0, 5)) == 0:
        return draw(st.binary(max_size=100))
    wire = draw(st.sampled_from(samples()))
    for at, data in draw(st.lists(EDIT, max_size=4)):
        wire = wire[:at] + data + wire[at + len(data) :]
    cut = draw(st.integers(-40, 60))
    return wire[:cut] if cut < 0 else wire + bytes(max(cut - 40, 0))


def mended(wire: bytes) -> bytes:
    """With a right checksum in the IP header, so that what is wrong further on is seen too."""
    end = 14 + (wire[14] & 15) * 4 if len(wire) > 34 else 0
    if not 34 <= end <= len(wire):
        return wire
    header = wire[14:24] + b"\0\0" + wire[26:end]
    return wire[:14] + header[:10] + checksum(header).to_bytes(2, "big") + header[12:] + wire[end:]


# Which device, which frame, whether it is addressed to the device, whether its IP header is mended.
INJECTED = st.lists(st.tuples(st.integers(0, 999), frames(), st.booleans(), st.booleans()), min_size=20, max_size=60)


@settings(max_examples=15)
@given(INJECTED)
def test_any_bytes_anywhere(injected: list[tuple[int, bytes, bool, bool]]) -> None:
    cluster, _ = cluster_with_traffic()
    devices = [device for ns in cluster.world.namespaces() for device in ns.devices.values()]
    devices += [port for switch in cluster.world.switches.values() for port in switch.ports]
    for number, frame, addressed, mend in injected:
        device = devices[number % len(devices)]
        wire = device.mac + frame[6:] if addressed else frame
        cluster.inject(device, mended(wire) if mend else wire)
        cluster.run(seconds=0.01)
    cluster.run(seconds=40)
    for node in cluster.nodes:
        one, other = (cluster.run_pod(f"after-{name}", node=node.name) for name in (f"{node.name}-a", f"{node.name}-b"))
        assert one.ping(other.ip).delivered


@pytest.mark.slow
@settings(max_examples=500)
@given(INJECTED)
def test_any_bytes_anywhere_for_long(injected: list[tuple[int, bytes, bool, bool]]) -> None:
    test_any_bytes_anywhere.hypothesis.inner_test(injected)  # type: ignore[attr-defined]
