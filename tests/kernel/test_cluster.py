"""A cluster built by the emulator's own Kubernetes, copied to the real kernel: the same traffic leaves the same frames on every interface of both."""

from __future__ import annotations

import difflib
from collections.abc import Iterator

import pytest

from emu import Cluster
from emu.lab.service import Service
from tests.kernel.cluster import is_fixed_port
from tests.kernel.copy_world import copy
from tests.kernel.emulated import WorldLab
from tests.kernel.lab import Lab, privately
from tests.kernel.normalise import Normaliser
from tests.kernel.record import per_netns
from tests.kernel.stories import closed_tcp, closed_udp, http_exchange, udp_exchange

Built = tuple[Cluster, dict[str, Service]]


@pytest.fixture
def built() -> Iterator[Built]:
    """Two nodes, a client, one backend on each node, and a pod that is its own backend; every Service has one endpoint: nothing is drawn by lot."""
    with Cluster(nodes=2, seed=3) as cluster:
        cluster.run_pod("client", node="node1", labels={"app": "self"})
        cluster.run_pod("near", node="node1", labels={"app": "near"})
        cluster.run_pod("far", node="node2", labels={"app": "far"})
        services = {name: cluster.expose(name, selector={"app": name}, port=80, target_port=8080, type="NodePort") for name in ("near", "far", "self")}
        services["kept"] = cluster.expose("kept", selector={"app": "near"}, port=80, target_port=8080, type="NodePort", external_traffic_policy="Local")
        with pytest.warns(UserWarning, match="matches no pod"):
            services["none"] = cluster.expose("none", selector={"app": "none"}, port=80, type="NodePort")
        yield cluster, services


def play(lab: Lab, built: Built) -> None:
    """The traffic. The lab is the emulator's or the kernel's."""
    cluster, services = built
    ip = {name: cluster.pod(name).ip for name in ("client", "near", "far")}
    node1, node2 = cluster.nodes
    for client, server in (("client", "near"), ("client", "far"), ("far", "near"), ("node1", "near"), ("node1", "far")):
        lab.ping(client, ip[server])
    lab.ping("client", node1.ip)
    lab.ping("client", node2.ip)
    udp_exchange(lab, "client", (ip["far"], 5000), "far", (ip["far"], 5000))
    http_exchange(lab, "client", (ip["near"], 8080), "near", (ip["near"], 8080))
    for name, server in (("near", "near"), ("far", "far"), ("self", "client")):
        http_exchange(lab, "client", (services[name].cluster_ip, 80), server, (ip[server], 8080))
    closed_tcp(lab, "client", (services["none"].cluster_ip, 80))
    closed_tcp(lab, "client", (services["near"].cluster_ip, 80))
    http_exchange(lab, "node1", (services["near"].cluster_ip, 80), "near", (ip["near"], 8080))
    http_exchange(lab, "node1", (services["far"].cluster_ip, 80), "far", (ip["far"], 8080))
    for node in (node1, node2):
        http_exchange(lab, "internet", (node.ip, services["near"].node_port), "near", (ip["near"], 8080))
        http_exchange(lab, "far", (node.ip, services["near"].node_port), "near", (ip["near"], 8080))
    closed_tcp(lab, "internet", (node2.ip, services["kept"].node_port))  # no endpoint there: silence
    http_exchange(lab, "internet", (node1.ip, services["kept"].node_port), "near", (ip["near"], 8080))
    http_exchange(lab, "far", (node2.ip, services["kept"].node_port), "near", (ip["near"], 8080))  # a pod is let through all the same
    closed_udp(lab, "internet", (node1.ip, 9))
    there = cluster.internet.ip
    lab.ping("client", there)
    http_exchange(lab, "client", (there, 8080), "internet", (there, 8080))
    closed_udp(lab, "far", (there, 9))


def frames(lab: Lab, built: Built, macs: dict[str, str]) -> list[str]:
    """What `play` leaves in each namespace but the switch."""
    mark = lab.mark()
    play(lab, built)
    lab.settle(0.1)
    ports = {service.node_port for service in built[1].values()}
    seen = per_netns(lab.since(mark), Normaliser(macs, lambda port: port in ports or is_fixed_port(port)))
    return [line for netns in sorted(seen) if netns != "switch" for line in (f"--- {netns}", *seen[netns])]


@pytest.mark.root
def test_the_kernel_does_the_same_with_the_same_configuration(built: Built, capfd: pytest.CaptureFixture[str]) -> None:
    emulated = WorldLab(built[0].world)

    def on_the_kernel() -> None:
        lab = Lab()
        copy(built[0].world, lab)
        print("\n".join(frames(lab, built, emulated.macs)))

    emulator: list[str] = []
    difference = ""
    for _attempt in range(2):  # a busy machine may hold up a program for longer than a delayed ACK waits
        assert privately(on_the_kernel) == 0
        kernel = capfd.readouterr().out.splitlines()
        emulator = emulator or frames(emulated, built, emulated.macs)
        assert len(kernel) > 1000
        if kernel == emulator:
            return
        difference = "\n".join(difflib.unified_diff(kernel, emulator, "kernel", "emulator", lineterm="", n=2))
    pytest.fail(difference, pytrace=False)
