"""Measures, in one run on one machine: frame-hops a second captured and not, against a naive scapy loop on the same frames; what a pod costs
to build and to keep; the time from process start to the first hop table; what shell scripts cost.
"""

from __future__ import annotations

import argparse
import gc
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

DATAGRAMS = 20_000
NAIVE_FRAMES = 2_000
REPEATS = 3
COMMANDS = 60


def resident() -> int:
    """Bytes of memory this process holds."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError("no VmRSS in /proc/self/status")


class Counter:
    """Counts frames at devices without keeping them."""

    def __init__(self) -> None:
        self.hops = 0

    def __call__(self, t_ns: int, device: Any, direction: str, frame: Any) -> None:
        self.hops += 1


def flow(captures: str | None, service: bool, datagrams: int) -> tuple[float, int, list[bytes]]:
    """UDP datagrams from a pod on node1 to one on node2, directly or by a ClusterIP. Returns seconds, frame-hops, a sample of frames."""
    from emu import Cluster
    from emu.net.sock.udp import UdpSocket
    from emu.wire.addr import ip_int

    with Cluster(nodes=2, seed=1, captures=captures, comments=False) as cluster:
        client = cluster.run_pod("client", node="node1")
        server = cluster.run_pod("server", node="node2", labels={"app": "server"})
        target, port = server.ip, 9000
        if service:
            made = cluster.expose("server", selector={"app": "server"}, port=80, target_port=9000, protocol="UDP")
            target, port = made.cluster_ip, 80
        received = UdpSocket(server.netns)
        received.bind(0, 9000)
        got = [0]

        def drain(*_: object) -> None:
            queue = received.queue
            while queue:
                queue.popleft()
                got[0] += 1
            received.rmem = 0

        received.on_event = drain
        sender = UdpSocket(client.netns)
        address = ip_int(target)
        sample: list[bytes] = []
        untap = cluster.tap(lambda t, device, direction, frame: sample.append(frame.wire))
        sender.sendto(b"x" * 64, address, port)
        cluster.run(1)
        untap()
        counter = Counter()
        untap = cluster.tap(counter)
        sender.sendto(b"x" * 64, address, port)
        cluster.run(0.01)
        hops_each = counter.hops
        untap()
        sim, done = cluster.sim, got[0]

        def send_next(left: int) -> None:
            sender.sendto(b"x" * 64, address, port)
            if left > 1:
                sim.post(20_000, send_next, left - 1)

        gc.collect()
        start = time.perf_counter()
        sim.post(0, send_next, datagrams)
        cluster.run(datagrams * 20e-6 + 0.01)
        if cluster.capture is not None:
            cluster.capture.flush()
        seconds = time.perf_counter() - start
        if got[0] - done != datagrams:
            raise RuntimeError(f"{got[0] - done} of {datagrams} datagrams arrived")
        return seconds, hops_each * datagrams, [wire for wire in sample if wire[12:14] == b"\x08\x00"]


def naive(frames: list[bytes]) -> float:
    """Frame-hops a second of the obvious scapy emulator: dissect, rewrite MACs and TTL, rebuild, write."""
    from scapy.layers.inet import IP
    from scapy.layers.l2 import Ether
    from scapy.utils import PcapWriter

    with tempfile.TemporaryDirectory() as folder:
        writer = PcapWriter(f"{folder}/naive.pcap")
        start = time.perf_counter()
        for number in range(NAIVE_FRAMES):
            packet = Ether(frames[number % len(frames)])
            packet.src, packet.dst = packet.dst, packet.src
            packet[IP].ttl -= 1
            del packet[IP].chksum
            writer.write(Ether(bytes(packet)))
        seconds = time.perf_counter() - start
        writer.close()
    return NAIVE_FRAMES / seconds


def best(run: Callable[[], tuple[float, int, list[bytes]]]) -> tuple[float, list[bytes]]:
    """The best of a few runs: frame-hops a second, and sample frames."""
    results = [run() for _ in range(REPEATS)]
    seconds, hops, frames = min(results, key=lambda result: result[0] / result[1])
    return hops / seconds, frames


def build(pods: int, nodes: int = 100) -> dict[str, float]:
    """What `run_pod` costs at `pods` pods on `nodes` nodes; settling (the queue run empty afterwards) apart."""
    from emu import Cluster

    cluster = Cluster(nodes=nodes, seed=1)
    gc.collect()
    memory = resident()
    start = time.perf_counter()
    for number in range(pods):
        cluster.run_pod(f"pod-{number}")
    built = time.perf_counter() - start
    start = time.perf_counter()
    cluster.run(10)
    settled = time.perf_counter() - start
    gc.collect()
    return {"pods": pods, "ms_per_pod": built * 1000 / pods, "settle_ms_per_pod": settled * 1000 / pods, "kib_per_pod": (resident() - memory) / 1024 / pods}


def build_apart(pods: int) -> dict[str, float]:
    """`build` in a process of its own, so that memory is what these pods took."""
    output = subprocess.run([sys.executable, "-P", __file__, "--build-only", str(pods)], check=True, capture_output=True, text=True).stdout
    result: dict[str, float] = json.loads(output)
    return result


def first_table() -> float:
    """Seconds from process start until the first row of a hop table is printed."""
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-P", "-u", "-m", "emu", "run", "pod-to-pod-same-node", "--captures", folder]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        seconds = 0.0
        for line in process.stdout:
            if "eth0" in line and not seconds:
                seconds = time.perf_counter() - start
        process.wait()
    if not seconds:
        raise RuntimeError("no hop table was printed")
    return seconds


def script_seconds(*script: str) -> float:
    """Seconds that `emu sh` takes, start-up and captures included: the best of a few runs."""
    seconds = []
    for _ in range(REPEATS):
        with tempfile.TemporaryDirectory() as folder:
            start = time.perf_counter()
            subprocess.run([sys.executable, "-P", "-m", "emu", "sh", "--captures", folder, *script], check=True, capture_output=True)
            seconds.append(time.perf_counter() - start)
    return min(seconds)


def shell() -> dict[str, float]:
    """What scripts cost: an empty one, each command, and two nodes with four pods built by hand (tools/two-nodes.sh)."""
    with tempfile.NamedTemporaryFile("w", suffix=".sh") as nothing, tempfile.NamedTemporaryFile("w", suffix=".sh") as commands:
        commands.write("ip netns list\n" * COMMANDS)
        commands.flush()
        empty = script_seconds(nothing.name)
        each = (script_seconds(commands.name) - empty) / COMMANDS
    built = script_seconds(str(Path(__file__).with_name("two-nodes.sh")))
    return {"empty_seconds": empty, "ms_per_command": each * 1000, "two_nodes_seconds": built}


def measure(quick: bool) -> dict[str, Any]:
    """All figures."""
    datagrams = DATAGRAMS // 10 if quick else DATAGRAMS
    result: dict[str, Any] = {"python": sys.version.split()[0], "datagrams": datagrams}
    plain, frames = best(lambda: flow(None, False, datagrams))
    with tempfile.TemporaryDirectory() as folder:
        captured, _ = best(lambda: flow(f"{folder}/plain", False, datagrams))
        service_captured, _ = best(lambda: flow(f"{folder}/service", True, datagrams))
    service, _ = best(lambda: flow(None, True, datagrams))
    naive_rate = max(naive(frames) for _ in range(REPEATS))
    result["hops_per_second"] = {
        "naive scapy": naive_rate, "pod to pod, captured": captured, "pod to pod, not captured": plain,
        "ClusterIP, captured": service_captured, "ClusterIP, not captured": service,
    }  # fmt: skip
    result["build"] = [build_apart(pods) for pods in ((100, 1000) if quick else (100, 1000, 10_000))]
    result["first_hop_table_seconds"] = min(first_table() for _ in range(REPEATS))
    result["shell"] = shell()
    return result


def show(result: dict[str, Any]) -> None:
    """The figures as tables."""
    from rich.console import Console
    from rich.table import Table

    console = Console()
    rates = Table(title="UDP, pod to pod across nodes")
    for column in ("what", "frame-hops/s", "times naive"):
        rates.add_column(column, justify="left" if column == "what" else "right")
    base = result["hops_per_second"]["naive scapy"]
    for what, rate in result["hops_per_second"].items():
        rates.add_row(what, f"{rate:,.0f}", f"{rate / base:.1f}")
    console.print(rates)
    pods = Table(title="pods on 100 nodes, no program running")
    for column in ("pods", "ms a pod", "settling ms a pod", "KiB a pod"):
        pods.add_column(column, justify="right")
    for row in result["build"]:
        pods.add_row(f"{row['pods']:,}", f"{row['ms_per_pod']:.3f}", f"{row['settle_ms_per_pod']:.3f}", f"{row['kib_per_pod']:.1f}")
    console.print(pods)
    script = result["shell"]
    console.print(
        f"emu sh: an empty script {script['empty_seconds']:.2f} s, a command {script['ms_per_command']:.1f} ms, two nodes with four pods built by hand"
        f" {script['two_nodes_seconds']:.2f} s"
    )
    console.print(f"from process start to the first hop table: {result['first_hop_table_seconds']:.2f} s")


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="Measure emu's speed.")
    parser.add_argument("--json", action="store_true", help="print one JSON document instead of tables")
    parser.add_argument("--quick", action="store_true", help="a tenth of the traffic, up to 1,000 pods")
    parser.add_argument("--build-only", type=int, metavar="PODS", help="only build so many pods, and print the cost as JSON")
    options = parser.parse_args()
    if options.build_only:
        print(json.dumps(build(options.build_only)))
        return
    result = measure(options.quick)
    if options.json:
        print(json.dumps(result, indent=2))
    else:
        show(result)


if __name__ == "__main__":
    main()
