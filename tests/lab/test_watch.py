"""Watching: taps on one device or all, and captures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from scapy.layers.inet import ICMP, IP
from scapy.layers.l2 import ARP, Ether

from emu import Cluster
from emu.pcap.reader import CaptureReader

EPOCH_NS = 1_735_689_600 * 10**9  # 2025-01-01T00:00:00Z


def test_a_tap_on_all_devices_sees_every_visit(cluster: Cluster) -> None:
    one, two = cluster.run_pod("one", node="node1"), cluster.run_pod("two", node="node1")
    seen: list[tuple[int, str, str, Any]] = []
    untap = cluster.tap(lambda t_ns, device, direction, frame: seen.append((t_ns, f"{device.netns.name}.{device.name}", direction, frame)))
    one.ping(two.ip)
    untap()
    two.ping(one.ip)
    requests = [(where, direction) for _, where, direction, frame in seen if ICMP in frame and frame[ICMP].type == 8]
    assert requests == [
        ("one.eth0", "tx"), (f"node1.{one.host_device}", "rx"), (f"node1.{two.host_device}", "tx"), ("two.eth0", "rx"),
    ]  # fmt: skip
    assert [t_ns for t_ns, *_ in seen] == sorted(t_ns for t_ns, *_ in seen)
    assert isinstance(seen[0][3], Ether)
    assert ARP in seen[0][3]


def test_a_tap_on_one_device_sees_only_what_passes_there(cluster: Cluster) -> None:
    one, two = cluster.run_pod("one", node="node1"), cluster.run_pod("two", node="node2")
    frames: list[tuple[str, str]] = []
    device = cluster.node("node2").netns.devices["eth0"]
    untap = cluster.tap(lambda t_ns, at, direction, frame: frames.append((direction, frame[IP].src)) if IP in frame else None, device=device)
    one.ping(two.ip)
    assert frames == [("rx", one.ip), ("tx", two.ip)]
    untap()
    one.ping(two.ip)
    assert len(frames) == 2


def test_a_kept_frame_stays_as_it_was(cluster: Cluster) -> None:
    one, two = cluster.run_pod("one", node="node1"), cluster.run_pod("two", node="node2")
    ttls: dict[str, Any] = {}
    untap = cluster.tap(lambda t_ns, device, direction, frame: ttls.setdefault(f"{device.netns.name} {direction}", frame))
    one.send(IP(dst=two.ip) / ICMP())
    untap()
    kept = [frame for frame in ttls.values() if IP in frame]
    assert {frame[IP].ttl for frame in kept} <= {62, 63, 64}


def test_every_interface_has_a_capture_named_after_it(tmp_path: Path) -> None:
    with Cluster(nodes=1, captures=tmp_path / "run") as cluster:
        mine = cluster.run_pod("web", serve_http=80)
        theirs = cluster.run_pod("web", namespace="kube-system", serve_http=80)
        mine.http_get(f"http://{theirs.ip}/")
        mine.http_get("http://127.0.0.1/")
        host_device = theirs.host_device
        now = cluster.sim.now
    names = {path.name for path in (tmp_path / "run").iterdir()}
    assert {"all.pcapng", "web.eth0.pcap", "web.lo.pcap", "kube-system_web.eth0.pcap", "node1.cbr0.pcap", f"node1.{host_device}.pcap"} <= names
    records = list(CaptureReader(tmp_path / "run" / "kube-system_web.eth0.pcap"))
    assert records
    assert all(EPOCH_NS <= record.t_ns <= EPOCH_NS + now for record in records)
    interfaces = {record.interface for record in CaptureReader(tmp_path / "run" / "all.pcapng")}
    assert {"web.eth0", "kube-system_web.eth0", "node1.cbr0"} <= interfaces


def test_a_pod_that_crashed_goes_on_in_its_file(tmp_path: Path) -> None:
    with Cluster(nodes=1, captures=tmp_path) as cluster:
        one, two = cluster.run_pod("one"), cluster.run_pod("two")
        one.ping(two.ip)
        first = one.ip
        one.crash()
        one.ping(two.ip)
        second = one.ip
    sources = {record.data[26:30] for record in CaptureReader(tmp_path / "one.eth0.pcap") if record.data[12:14] == b"\x08\0"}
    assert {bytes(map(int, ip.split("."))) for ip in (first, second)} <= sources


def test_a_closed_cluster_captures_no_more_and_can_still_be_read(tmp_path: Path) -> None:
    with Cluster(nodes=1, captures=tmp_path) as cluster:
        pod = cluster.run_pod("pod")
        pod.ping(pod.ip)
    size = (tmp_path / "all.pcapng").stat().st_size
    assert pod.ping(cluster.node("node1").gateway_ip).delivered
    cluster.close()  # twice is no mistake
    assert (tmp_path / "all.pcapng").stat().st_size == size


def test_without_comments_the_frames_are_the_same(tmp_path: Path) -> None:
    def frames(comments: bool) -> list[tuple[int, bytes, bool]]:
        with Cluster(nodes=2, captures=tmp_path / str(comments), comments=comments) as cluster:
            cluster.run_pod("one").ping(cluster.run_pod("two").ip)
        return [(record.t_ns, record.data, bool(record.comment)) for record in CaptureReader(tmp_path / str(comments) / "all.pcapng")]

    told, silent = frames(True), frames(False)
    assert [frame[:2] for frame in told] == [frame[:2] for frame in silent]
    assert any(commented for *_, commented in told)
    assert not any(commented for *_, commented in silent)
