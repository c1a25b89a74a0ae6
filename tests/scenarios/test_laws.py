"""Laws that hold for every run: the same seed gives the same bytes, observers change nothing, what was captured is sound."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Ether

from emu import Cluster
from emu.aio.process import spawn
from emu.apps.http_client import http_get
from emu.apps.ping import ping
from emu.observe.capture import Capture
from emu.observe.digest import Digest
from emu.observe.ledger import Ledger
from emu.observe.recorder import Recorder
from emu.pcap.folder import CaptureFolder
from emu.pcap.reader import CaptureReader
from emu.scenarios.catalog import STORIES
from emu.scenarios.story import Story

ROOT = Path(__file__).parents[2]


def tour(*options: str, hash_seed: str = "0", folder: Path | None = None) -> Any:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONHASHSEED": hash_seed}
    command = [sys.executable, "-P", "-m", "emu", "run", "tour", "--json", *options]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment, cwd=folder)
    return json.loads(done.stdout)


@pytest.fixture(scope="session")
def captured(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, str]]:
    """Story -> its captures and its digest, of one tour."""
    folder = tmp_path_factory.mktemp("captures")
    document = tour("--captures", str(folder), hash_seed="1")
    return {each["scenario"]: (folder / each["scenario"], each["digest"]) for each in document["stories"]}


# -- the same seed, the same bytes


def test_another_hash_seed_and_no_captures_change_nothing(captured: dict[str, tuple[Path, str]]) -> None:
    document = tour("--no-captures", hash_seed="2")
    assert {each["scenario"]: each["digest"] for each in document["stories"]} == {name: digest for name, (_, digest) in captured.items()}


def test_the_same_seed_gives_the_same_files(captured: dict[str, tuple[Path, str]], tmp_path: Path) -> None:
    name = "pod-to-service"
    Story(name, 0, tmp_path).run()
    first = captured[name][0]
    assert sorted(os.listdir(first)) == sorted(os.listdir(tmp_path))
    assert [entry for entry in sorted(os.listdir(first)) if (first / entry).read_bytes() != (tmp_path / entry).read_bytes()] == []


def test_another_seed_gives_other_bytes(captured: dict[str, tuple[Path, str]]) -> None:
    name = "container-to-container"
    story = Story(name, seed=1)
    story.run()
    assert story.digest != captured[name][1]


# -- observers change nothing


def traffic(watch: Callable[[Cluster], object]) -> tuple[Any, ...]:
    """A cluster with a Service and some traffic, run without the recorder; what is left in it afterwards."""
    cluster = Cluster(nodes=2, seed=3)
    watching = watch(cluster)
    client = cluster.run_pod("client", node="node1")
    for number in range(3):
        cluster.run_pod(f"web-{number}", labels={"app": "web"}, serve_http=8080)
    service = cluster.expose("web", selector={"app": "web"}, port=80, target_port=8080)
    programs = [http_get(f"http://{service.cluster_ip}/hostname"), ping(cluster.pod("web-1").ip), ping("192.168.0.99"), http_get(f"http://{client.ip}:81/")]
    for program in programs:
        spawn(cluster.loop, client.netns, program)
        cluster.run(seconds=4)
    cluster.run(seconds=40)
    cluster.close()
    del watching
    state: list[Any] = [cluster.sim.now, cluster.sim.events, cluster.sim.new_id()]
    for ns in cluster.world.namespaces():
        counters = [(dev.name, dev.rx_packets, dev.rx_bytes, dev.tx_packets, dev.tx_bytes, dev.rx_dropped, dev.tx_dropped) for dev in ns.devices.values()]
        neighbours = [repr(entry) for entry in ns.neigh]
        state.append((ns.name, ns.generation, ns.drops, counters, neighbours, ns.ct.count if ns.ct is not None else 0))
    return tuple(state)


def test_observers_change_nothing(tmp_path: Path) -> None:
    def everything(cluster: Cluster) -> object:
        recorder = Recorder(cluster.sim, cluster.tp)
        cluster.tap(lambda t_ns, device, direction, frame: frame.summary())
        for kind in ("step", "drop", "life"):
            cluster.tp.attach(kind, lambda *args: None)
        return Capture(cluster.tp, tmp_path), Digest(cluster.tp), Ledger(cluster.tp), recorder

    def nothing(cluster: Cluster) -> None:
        for kind in ("frame", "step", "drop", "life"):
            setattr(cluster.tp, kind, ())

    bare, watched = traffic(nothing), traffic(everything)
    assert bare == watched
    clients = next(state for state in bare[3:] if state[0] == "client")
    sent = {device[0]: device[3] for device in clients[3]}
    assert sent["eth0"] > 10
    assert len(os.listdir(tmp_path)) > 10


# -- what was captured is sound


def files(captured: dict[str, tuple[Path, str]]) -> Iterator[Path]:
    for folder, _ in captured.values():
        yield from sorted(folder.rglob("*.pcap*"))


def test_captures_hold_every_frame_in_order_of_time(captured: dict[str, tuple[Path, str]]) -> None:
    assert list(captured) == list(STORIES)
    for folder in {path.parent for path in files(captured)}:
        everything = [(record.t_ns, record.interface, record.data) for record in CaptureReader(folder / "all.pcapng")]
        assert [t_ns for t_ns, _, _ in everything] == sorted(t_ns for t_ns, _, _ in everything)
        single = {path.stem: [(record.t_ns, record.data) for record in CaptureReader(path)] for path in folder.glob("*.pcap")}
        by_interface: dict[str, list[tuple[int, bytes]]] = {}
        for t_ns, interface, data in everything:
            by_interface.setdefault(interface or "", []).append((t_ns, data))
        assert by_interface == single


def complaints(path: Path) -> str:
    """The frames that Wireshark finds something wrong with."""
    bad = "_ws.malformed || ip.checksum.status == 0 || tcp.checksum.status == 0 || udp.checksum.status == 0 || icmp.checksum.status == 0"
    checks = [part for name in ("ip", "tcp", "udp") for part in ("-o", f"{name}.check_checksum:TRUE")]
    done = subprocess.run(["tshark", "-n", "-r", str(path), *checks, "-Y", bad], capture_output=True, text=True)
    assert (done.returncode, "cut short" in done.stderr) == (0, False), f"{path}: {done.stderr}"
    return done.stdout


@pytest.mark.tshark
@pytest.mark.parametrize("name", STORIES)
def test_wireshark_finds_no_malformed_frame_and_no_bad_checksum(captured: dict[str, tuple[Path, str]], name: str) -> None:
    """The single files hold the same frames, see above."""
    for path in sorted(captured[name][0].rglob("all.pcapng")):
        assert complaints(path) == ""


@pytest.mark.tshark
def test_wireshark_would_find_them(tmp_path: Path) -> None:
    ether = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")
    good = bytes(ether / IP(src="10.0.0.1", dst="10.0.0.2") / UDP(sport=1000, dport=2000) / (b"x" * 20))
    with CaptureFolder(tmp_path) as folder:
        pcap = folder.pcap("a", "eth0")
        for number, wire in enumerate((good, good[:24] + b"??" + good[26:], good[:-1] + b"?", good[:38] + b"\0\4" + good[40:])):
            pcap.write(number, wire)
    assert [line.split()[0] for line in complaints(tmp_path / "a.eth0.pcap").splitlines()] == ["2", "3", "4"]


@pytest.mark.tshark
def test_every_file_is_in_strict_order_of_time(captured: dict[str, tuple[Path, str]]) -> None:
    paths = [str(path) for path in files(captured)]
    told = subprocess.run(["capinfos", "-o", *paths], capture_output=True, text=True, check=True).stdout
    assert told.count("Strict time order:   True") == len(paths) > 50


@pytest.mark.tshark
def test_wireshark_shows_the_decisions(captured: dict[str, tuple[Path, str]]) -> None:
    path = captured["pod-to-service"][0] / "all.pcapng"
    new = 'frame.comment contains "DNAT" && tcp.flags.syn == 1 && tcp.flags.ack == 0'
    command = ["tshark", "-n", "-r", str(path), "-Y", new, "-T", "fields", "-e", "frame.comment"]
    comments = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    assert len(comments) > 50
    assert all("KUBE-SVC" in comment for comment in comments)


# -- a run that is killed


def test_a_killed_run_leaves_readable_captures(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-P", "-m", "emu", "run", "tour", "--captures", str(tmp_path), "--quiet"]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    everything = tmp_path / "pod-to-service/all.pcapng"
    while process.poll() is None and not (everything.exists() and everything.stat().st_size > 100_000):
        time.sleep(0.005)
    assert process.poll() is None, "it ended before it could be killed"
    process.kill()
    assert process.wait() == -signal.SIGKILL
    whole = [path for path in sorted(tmp_path.rglob("*.pcap*")) if len(list(CaptureReader(path))) > 0]
    assert len(whole) == len(list(tmp_path.rglob("*.pcap*"))) > 20
    assert len(list(CaptureReader(everything))) > 300
