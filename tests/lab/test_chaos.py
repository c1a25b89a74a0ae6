"""Everything that can happen to a cluster, in any order and in the middle of traffic: nothing raises, every frame is accounted for, and it recovers."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from emu import Cluster, Pod, Service
from emu.aio.process import spawn
from emu.apps.http_client import http_get
from emu.apps.ping import ping
from emu.k8s.objects import KubernetesError

BUSY_MS = (0, 0.02, 0.06, 0.2, 1, 51, 400, 3000)  # moments at which frames are somewhere on their way


class Chaos:
    """A cluster, traffic in it that nobody waits for, and what can be done to it."""

    def __init__(self, seed: int) -> None:
        self.draw = Random(seed)
        self.cluster = Cluster(nodes=2, seed=seed, bridge_nf_call_iptables=self.draw.random() < 0.8, hairpin=self.draw.random() < 0.8)
        self.made = 0
        for _ in range(4):
            self.add_pod()
        self.service: Service = self.cluster.expose("web", selector={"app": "web"}, port=80, target_port=8080, type="LoadBalancer")

    def pod(self) -> Pod:
        return self.draw.choice(self.cluster.pods)

    def add_pod(self) -> None:
        self.made += 1
        self.cluster.run_pod(f"web-{self.made}", labels={"app": "web"}, serve_http=8080, wait=False)

    def talk(self) -> None:
        """Somebody asks somebody, and nobody waits for how it ends."""
        source: Any = self.draw.choice([self.pod(), *self.cluster.nodes, self.cluster.internet])
        address = self.draw.choice([self.service.cluster_ip, self.service.load_balancer_ip, self.pod().ip or "10.244.1.200"])
        try:
            netns = source.netns
        except KubernetesError:  # it has no sandbox just now
            return
        program: Any = http_get(f"http://{address}/hostname", timeout=2.0) if self.draw.random() < 0.6 else ping(address, 2, size=self.draw.choice((56, 4000)))
        spawn(self.cluster.loop, netns, program)

    def crash(self) -> None:
        try:
            self.pod().crash(wait=False)
        except KubernetesError:
            return

    def delete(self) -> None:
        if len(self.cluster.pods) > 2:
            self.pod().delete(wait=False)

    def reboot(self) -> None:
        self.draw.choice(self.cluster.nodes).reboot(seconds=self.draw.choice((0.0, 1.0)), wait=False)

    def unplug(self) -> None:
        cable = self.cluster.cable(self.draw.choice(("node1", "node2", "router", "lb")))
        (cable.unplug if cable.plugged else cable.plug)()

    def ready(self) -> None:
        try:
            self.pod().set_ready(self.draw.random() < 0.5, wait=False)
        except KubernetesError:
            return

    def policy(self) -> None:
        self.service.set_external_traffic_policy(self.draw.choice(("Cluster", "Local")))

    def something(self) -> None:
        for _ in range(self.draw.randrange(4)):
            self.talk()
        self.cluster.run(seconds=self.draw.choice(BUSY_MS) / 1000)
        self.draw.choice((self.add_pod, self.crash, self.delete, self.reboot, self.unplug, self.ready, self.policy))()

    def calm_down(self) -> None:
        """Everything is put right again; then it has to work."""
        cluster = self.cluster
        for name in ("node1", "node2", "router", "lb"):
            cluster.cable(name).plug()
        self.service.set_external_traffic_policy("Cluster")
        cluster.run(seconds=400.0)
        for pod in cluster.pods:
            pod.set_ready(True)
        client = cluster.run_pod("client", node="node1")
        for pod in cluster.pods:
            assert client.ping(pod.ip, count=15).result.received
        assert cluster.internet.http_get(f"http://{cluster.node('node1').ip}:{self.service.node_port}/hostname").ok


def chaos(seed: int, steps: int) -> None:
    it = Chaos(seed)
    for _ in range(steps):
        it.something()
    it.calm_down()


@pytest.mark.parametrize("seed", range(6))
def test_anything_in_any_order(seed: int) -> None:
    chaos(seed, 40)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 400))
def test_anything_in_any_order_for_long(seed: int) -> None:
    chaos(seed, 120)
