"""The API server, the kubelet's retries and the notices between them, without a cluster around."""

from __future__ import annotations

from typing import Any

import pytest

from emu import Cluster
from emu.k8s.api import ADDED, DELETED, MODIFIED, Api
from emu.k8s.control_plane import ControlPlane
from emu.k8s.delays import Delays
from emu.k8s.objects import KubernetesError, Node, Service, ServicePort
from emu.sim import Sim

MS = 1_000_000


def test_watchers_hear_what_is_there_and_what_changes_in_order() -> None:
    api = Api(Sim(0), Delays())
    first, second = Node("a", "1.1.1.1", "10.0.0.0/24"), Node("b", "1.1.1.2", "10.0.1.0/24")
    api.create(first)
    heard: list[tuple[str, str]] = []

    def hear(event: str, node: Any) -> None:
        heard.append((event, node.name))

    api.watch("Node", hear)
    api.create(second)
    api.update(first)
    api.delete(first)
    assert heard == [(ADDED, "a"), (ADDED, "b"), (MODIFIED, "a"), (DELETED, "a")]
    api.unwatch("Node", hear)
    api.delete(second)
    assert len(heard) == 4


def test_a_notice_takes_its_time_and_is_counted_on_its_way() -> None:
    sim = Sim(0)
    api = Api(sim, Delays(watch=5 * MS))
    heard: list[int] = []
    api.watch("Node", lambda event, node: heard.append(sim.now))
    api.create(Node("a", "1.1.1.1", "10.0.0.0/24"))
    assert (heard, api.on_the_way) == ([], 1)
    sim.run(10 * MS)
    assert (heard, api.on_the_way) == ([5 * MS], 0)


def test_what_is_not_there_cannot_be_deleted_and_an_update_of_it_is_not_heard() -> None:
    api = Api(Sim(0), Delays())
    node = Node("a", "1.1.1.1", "10.0.0.0/24")
    heard: list[str] = []
    api.watch("Node", lambda event, node: heard.append(event))
    api.update(node)
    with pytest.raises(KubernetesError, match=r'^Node "a" not found$'):
        api.delete(node)
    assert heard == []


def test_allocation_is_given_back_when_a_service_is_refused_halfway() -> None:
    plane = ControlPlane(Sim(0), "10.96.0.0/12", Delays())
    ports = (ServicePort(80, name="a"), ServicePort(81, name="b", node_port=99))
    with pytest.raises(KubernetesError, match="node port 99 is not in the valid range"):
        plane.create_service(Service("web", "default", ports, type="NodePort"))
    assert not plane.cluster_ips.taken
    assert not plane.node_ports.taken


def test_a_service_range_with_two_addresses_has_two_services() -> None:
    plane = ControlPlane(Sim(0), "10.96.0.0/30", Delays())
    given = []
    for name in "ab":
        service = Service(name, "default", (ServicePort(80),))
        plane.create_service(service)
        given.append(service.cluster_ip)
    assert sorted(given) == ["10.96.0.1", "10.96.0.2"]
    with pytest.raises(KubernetesError, match="Service default/c: no cluster IP is left"):
        plane.create_service(Service("c", "default", (ServicePort(80),)))


def test_the_kubelet_tries_again_every_ten_seconds() -> None:
    with Cluster(nodes=1, pod_cidr="10.0.0.0/30", node_prefix=30) as cluster:
        first = cluster.run_pod("first")
        waiting = cluster.run_pod("waiting", wait=False)
        cluster.run(seconds=1.0)
        first.delete()
        cluster.run(seconds=8.0)
        assert not waiting.ready
        cluster.run(seconds=2.0)
        assert waiting.ready


def test_a_pending_pod_that_is_deleted_is_not_tried_again() -> None:
    with Cluster(nodes=1, pod_cidr="10.0.0.0/30", node_prefix=30) as cluster:
        first = cluster.run_pod("first")
        waiting = cluster.run_pod("waiting", wait=False)
        cluster.run(seconds=1.0)
        waiting.delete()
        first.delete()
        cluster.run(seconds=60.0)
        assert cluster.node("node1").free_addresses == 1
        assert "waiting" not in [ns.name for ns in cluster.world.namespaces()]
