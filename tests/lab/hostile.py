"""A small cluster under fire: real frames of an HTTP exchange through a Service, ways to damage them, and a check that everything still works."""

from __future__ import annotations

from collections import Counter
from typing import Any

from hypothesis import strategies as st

from emu import Cluster
from emu.trace.reasons import REASONS


class Target:
    """`frames`: every frame of the exchanges, once each; `devices`: every device there is; `reasons`: how frames were dropped."""

    def __init__(self) -> None:
        self.cluster = cluster = Cluster(nodes=2, seed=5)
        self.client = cluster.run_pod("client", node="node1")
        self.near = cluster.run_pod("near", node="node1", labels={"app": "web"}, serve_http=8080)
        self.far = cluster.run_pod("far", node="node2", labels={"app": "web"}, serve_http=8080, serve_udp=53)
        self.service = cluster.expose("web", selector={"app": "web"}, port=80, target_port=8080, type="NodePort")
        frames: dict[bytes, None] = {}
        untap = cluster.tap(lambda t_ns, device, direction, frame: frames.setdefault(bytes(frame)))
        for _ in range(2):
            self.works()
        cluster.internet.http_get(f"http://{cluster.node('node1').ip}:{self.service.node_port}/")
        self.client.udp(self.far.ip, 53, b"x" * 40)
        self.client.udp(self.far.ip, 99)
        self.client.ping(self.far.ip, size=3000)
        self.client.traceroute(cluster.internet.ip)
        untap()
        self.frames = list(frames)
        self.devices = [device for ns in cluster.world.namespaces() for device in ns.devices.values()]
        self.devices += list(cluster.switch.netns.devices.values())
        self.reasons: Counter[str] = Counter()
        cluster.tp.attach("drop", self._dropped)

    def _dropped(self, t_ns: int, netns: Any, device: Any, frame_id: int, reason: str, text: str, wire: bytes | None) -> None:
        assert reason in REASONS
        self.reasons[reason] += 1

    def fire(self, number: int, wire: bytes, aimed: bool = False) -> None:
        """Inject a frame at the device of that number, and let what comes of it happen. `aimed`: with that device's MAC as its destination."""
        device = self.devices[number % len(self.devices)]
        self.cluster.inject(device, bytes(device.mac) + wire[6:] if aimed and len(wire) >= 6 else wire)
        self.cluster.run(seconds=0.002)

    def recover(self) -> None:
        """Time for what was believed of forged frames to be found wrong, as on Linux: entries age, and a STALE neighbour is probed when it is used."""
        self.cluster.run(seconds=400.0)
        for host in (*self.cluster.pods, *self.cluster.nodes):
            for other in (*self.cluster.pods, *self.cluster.nodes):
                host.ping(other.ip, count=12)

    def works(self) -> None:
        """An ordinary ping and an ordinary request, on the node and across."""
        for pod in (self.near, self.far):
            assert self.client.ping(pod.ip).delivered
        reply = self.client.http_get(f"http://{self.service.cluster_ip}/hostname")
        assert reply.body in ("near", "far")


def damaged(frames: list[bytes]) -> st.SearchStrategy[bytes]:
    """Frames of these with bits flipped, bytes replaced, cut short, made longer, or with lengths, options and checksums that lie."""
    changes = st.lists(st.tuples(st.integers(0, 1600), st.integers(0, 255)), max_size=6)
    headers = st.lists(st.tuples(st.sampled_from(LIARS), st.integers(0, 255)), max_size=3)
    return st.builds(damage, st.sampled_from(frames), changes, headers, st.integers(0, 1600) | st.none(), st.binary(max_size=64), st.booleans())


# version and header length, total length, flags and offset, TTL, protocol, checksum, addresses; then the first bytes of what is inside
LIARS = (12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 30, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 45, 46, 47, 48, 50, 54, 55, 56, 57)


def damage(
    wire: bytes, changes: list[tuple[int, int]], headers: list[tuple[int, int]], cut: int | None, tail: bytes, mend: bool,
) -> bytes:  # fmt: skip
    """`mend`: with a right IP header checksum, so that it gets further in."""
    raw = bytearray(wire)
    for place, value in [*changes, *headers]:
        if place < len(raw):
            raw[place] = value
    if cut is not None:
        del raw[cut:]
    raw += tail
    if mend and len(raw) >= 34 and raw[12:14] == b"\x08\0":
        end = 14 + 4 * max(raw[14] & 15, 5)
        raw[24:26] = b"\0\0"
        header = bytes(raw[14:end]) + b"\0" * (len(raw[14:end]) % 2)
        total = sum(int.from_bytes(header[index : index + 2], "big") for index in range(0, len(header), 2))
        while total >> 16:
            total = (total & 0xFFFF) + (total >> 16)
        raw[24:26] = (~total & 0xFFFF).to_bytes(2, "big")
    return bytes(raw)
