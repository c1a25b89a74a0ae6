"""Manifests in, pods out: workloads, the scheduler, the life of a pod, changes to what is there."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import pytest

from emu import Cluster
from emu.k8s.manifest.source import documents
from emu.k8s.objects import Container, KubernetesError, Pod
from emu.lab.manifests import build


def workload(kind: str, name: str = "web", spec: str = "replicas: 3", pod: str = "", image: str = "nginx") -> str:
    return f"""
apiVersion: {"batch/v1" if kind == "Job" else "apps/v1"}
kind: {kind}
metadata: {{name: {name}}}
spec:
  {spec}
  selector: {{matchLabels: {{app: {name}}}}}
  template:
    metadata: {{labels: {{app: {name}}}}}
    spec:
      {pod}
      containers: [{{name: main, image: {image}, ports: [{{containerPort: 80}}]}}]
---
"""


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    with Cluster(nodes=3, seed=1) as cluster:
        yield cluster


def names(cluster: Cluster) -> list[str]:
    return [pod.name for pod in cluster.pods]


def per_node(cluster: Cluster) -> dict[str, int]:
    return {node.name: sum(pod.node == node.name for pod in cluster.pods) for node in cluster.nodes}


def test_a_deployment_makes_pods_and_spreads_them(cluster: Cluster) -> None:
    cluster.apply(workload("Deployment", spec="replicas: 6"))
    assert per_node(cluster) == {"node1": 2, "node2": 2, "node3": 2}
    assert all(pod.ready for pod in cluster.pods)
    [replica_set] = cluster.api.all("ReplicaSet").values()
    assert all(pod.spec.owner == ("ReplicaSet", replica_set.name) and pod.name.startswith(f"{replica_set.name}-") for pod in cluster.pods)
    assert cluster.pods[0].http_get(f"http://{cluster.pods[5].ip}/").body == cluster.pods[5].name


def test_scaling_keeps_those_that_serve(cluster: Cluster) -> None:
    cluster.apply(workload("Deployment"))
    first, second, third = cluster.pods
    second.set_ready(False)
    deployment = cluster.get("Deployment", "web")
    deployment.replicas = 2
    cluster.apply(deployment)
    assert names(cluster) == [first.name, third.name]


def test_a_pod_that_goes_is_replaced(cluster: Cluster) -> None:
    cluster.apply(workload("Deployment"))
    gone = cluster.pods[0]
    gone.delete()
    cluster.run(seconds=1.0)
    assert len(cluster.pods) == 3
    assert gone.name not in names(cluster)


@pytest.mark.parametrize(("surge", "unavailable", "most", "least"), [("1", "0", 5, 4), ("0", "1", 4, 3), ("50%", "50%", 6, 2)])
def test_a_rolling_update_stays_within_its_bounds(cluster: Cluster, surge: str, unavailable: str, most: int, least: int) -> None:
    rolling = f"replicas: 4\n  strategy: {{rollingUpdate: {{maxSurge: {surge}, maxUnavailable: {unavailable}}}}}"
    cluster.apply(workload("Deployment", spec=rolling))
    counts: list[tuple[int, int]] = []

    def count(event: str, pod: Pod) -> None:
        pods = [each for each in cluster.api.pods.values() if each.deletion_ns is None]
        counts.append((len(pods), sum(each.ready for each in pods)))

    cluster.api.watch("Pod", count)
    counts.clear()
    before = names(cluster)
    cluster.apply(workload("Deployment", spec=rolling, image="httpd"))
    assert not [name for name in names(cluster) if name in before]
    assert len(cluster.pods) == 4
    assert max(pods for pods, _ in counts) == most
    assert min(ready for _, ready in counts) == least


def test_recreate_ends_all_before_it_begins(cluster: Cluster) -> None:
    spec = "replicas: 3\n  strategy: {type: Recreate}"
    cluster.apply(workload("Deployment", spec=spec))
    least: list[int] = []
    cluster.api.watch("Pod", lambda event, pod: least.append(len(cluster.api.pods)))
    cluster.apply(workload("Deployment", spec=spec, image="httpd"))
    assert min(least) == 0
    assert len(cluster.pods) == 3


def test_a_stateful_set_goes_in_order(cluster: Cluster) -> None:
    seen: list[tuple[str, str, int]] = []
    cluster.api.watch("Pod", lambda event, pod: event != "MODIFIED" and seen.append((event, pod.name, sum(each.ready for each in cluster.api.pods.values()))))
    cluster.apply(workload("StatefulSet", spec="replicas: 3\n  serviceName: web"))
    assert seen == [("ADDED", "web-0", 0), ("ADDED", "web-1", 1), ("ADDED", "web-2", 2)]
    seen.clear()
    stateful = cluster.get("StatefulSet", "web")
    stateful.replicas = 1
    cluster.apply(stateful)
    cluster.run(seconds=1.0)
    assert [(event, name) for event, name, _ in seen] == [("DELETED", "web-2"), ("DELETED", "web-1")]
    address = cluster.pod("web-0").ip
    cluster.pod("web-0").delete()
    cluster.run(seconds=1.0)
    assert cluster.pod("web-0").ready
    assert cluster.pod("web-0").ip != address


def test_a_daemon_set_is_on_every_node_that_it_tolerates() -> None:
    taint = "apiVersion: v1\nkind: Node\nmetadata: {name: %s}\nspec: {taints: [%s]}\n---\n"
    nodes = taint % ("cp", "{key: node-role.kubernetes.io/control-plane, effect: NoSchedule}") + taint % ("a", "") + taint % ("b", "")
    with Cluster.from_manifests([], nodes=0) as nothing:
        assert nothing.nodes == []
    cluster = build(Cluster, list(documents(nodes + workload("DaemonSet", "agent", "minReadySeconds: 0"), "f")), None, True, {"dns": False})
    assert sorted(pod.node for pod in cluster.pods) == ["a", "b"]
    cluster.apply(workload("DaemonSet", "all", "minReadySeconds: 0", pod="tolerations: [{operator: Exists}]"))
    assert sorted(pod.node for pod in cluster.pods if pod.name.startswith("all")) == ["a", "b", "cp"]


def test_a_job_runs_to_its_end(cluster: Cluster) -> None:
    cluster.apply(
        "apiVersion: batch/v1\nkind: Job\nmetadata: {name: once}\nspec:\n  completions: 3\n  parallelism: 2\n"
        "  template: {spec: {restartPolicy: Never, containers: [{name: a, image: busybox, command: [echo, hi]}]}}"
    )
    assert [pod.spec.phase for pod in cluster.pods] == ["Succeeded"] * 3
    assert cluster.get("Job", "once").succeeded == 3


def test_where_the_scheduler_puts_pods(cluster: Cluster) -> None:
    cluster.node("node2").host.spec.labels["disk"] = "ssd"
    cluster.apply(workload("Deployment", "fast", "replicas: 2", pod="nodeSelector: {disk: ssd}"))
    assert {pod.node for pod in cluster.pods} == {"node2"}
    cluster.apply(workload("Deployment", "nowhere", "replicas: 1", pod="nodeSelector: {disk: tape}"))
    [lost] = [pod for pod in cluster.pods if pod.name.startswith("nowhere")]
    assert (lost.spec.node, lost.spec.phase) == ("", "Pending")
    assert lost.spec.message == "0/3 nodes are available: 3 node(s) didn't match Pod's node affinity/selector."
    node = cluster.node("node3").host.spec
    node.labels["disk"] = "tape"
    cluster.api.update(node)
    cluster.run(seconds=1.0)
    assert lost.node == "node3"
    assert lost.ready


LIFE = """
apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  terminationGracePeriodSeconds: 20
  initContainers: [{name: first, image: busybox}, {name: second, image: busybox}]
  containers:
  - name: main
    image: nginx
    startupProbe: {httpGet: {port: 80}, periodSeconds: 2}
    livenessProbe: {tcpSocket: {port: 80}, periodSeconds: 5, failureThreshold: 2}
    lifecycle: {preStop: {exec: {command: [sleep, "3"]}}}
  - {name: idle, image: busybox}
"""


def test_init_containers_run_first_and_the_startup_probe_gates(cluster: Cluster) -> None:
    cluster.apply(LIFE)
    pod = cluster.pod("web").spec
    assert [(name, status.state, status.reason) for name, status in pod.statuses.items()] == [
        ("first", "terminated", "Completed"), ("second", "terminated", "Completed"), ("main", "running", ""), ("idle", "running", ""),
    ]  # fmt: skip
    assert pod.ready


def test_graceful_termination_takes_its_time(cluster: Cluster) -> None:
    cluster.apply(LIFE)
    pod, start = cluster.pod("web"), cluster.sim.now
    client = cluster.run_pod("client", node="node3")
    cluster.control_plane.delete(pod.spec)
    cluster.run(seconds=2.0)
    assert pod.spec.deletion_ns is not None
    assert client.http_get(f"http://{pod.ip}/").ok  # the preStop hook sleeps: it still serves
    cluster.run(seconds=2.0)
    assert isinstance(client.http_get(f"http://{pod.ip}/").error, ConnectionRefusedError)  # SIGTERM has ended it, the network is still there
    cluster.wait_for(lambda: ("default", "web") not in cluster.api.pods, "the pod to go")
    assert cluster.sim.now - start == pytest.approx(20e9, abs=0.2e9)  # the other container sleeps, and hears SIGKILL only


def test_a_liveness_probe_restarts_with_back_off(cluster: Cluster) -> None:
    cluster.apply(LIFE.replace("port: 80}, periodSeconds: 5", "port: 81}, periodSeconds: 5"))
    pod = cluster.pod("web").spec
    cluster.run(seconds=30.0)
    assert pod.statuses["main"].restarts >= 2
    assert pod.statuses["main"].message.startswith("Liveness probe failed: dial tcp ")


def test_a_program_that_ends_is_started_again_ever_later(cluster: Cluster) -> None:
    starts: list[float] = []

    async def program(container: object) -> int:
        starts.append(round(cluster.sim.now / 1e9, 1))
        return 1

    cluster.run_pod("crashing", containers=[Container("main", program=program)], wait=False)
    cluster.run(seconds=200.0)
    gaps = [after - before for before, after in pairwise(starts)]
    assert gaps == pytest.approx([0.0, 10.0, 20.0, 40.0, 80.0], abs=0.2)
    assert cluster.pod("crashing").spec.statuses["main"].reason == "CrashLoopBackOff"


SERVICE = """
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  type: %s
  selector: {app: web}
  ports: [{port: 80%s}]
"""


def test_a_service_changes_and_keeps_what_it_was_given(cluster: Cluster) -> None:
    [service] = cluster.apply(SERVICE % ("NodePort", ""))
    address, port = service.cluster_ip, service.ports[0].node_port  # type: ignore[attr-defined]
    cluster.apply(SERVICE % ("LoadBalancer", ""))
    assert (service.cluster_ip, service.ports[0].node_port, service.type) == (address, port, "LoadBalancer")  # type: ignore[attr-defined]
    assert service.lb_ips  # type: ignore[attr-defined]
    cluster.apply(SERVICE % ("ClusterIP", ""))
    assert (service.cluster_ip, service.ports[0].node_port, service.lb_ips) == (address, 0, ())  # type: ignore[attr-defined]
    assert port not in cluster.control_plane.node_ports.taken
    with pytest.raises(KubernetesError, match=r"manifest: document 1 \(line 2\): Service \"default/web\": spec.clusterIPs\[0\]: .* may not change once set"):
        cluster.apply(SERVICE.replace("type: %s", "clusterIP: 10.96.0.77").replace("%s", ""))
    cluster.apply(SERVICE.replace("name: web", "name: other") % ("NodePort", ", nodePort: 30007"))
    with pytest.raises(KubernetesError, match="node port 30007 is already allocated to default/other"):
        cluster.apply(SERVICE % ("NodePort", ", nodePort: 30007"))
    assert (service.cluster_ip, service.type) == (address, "ClusterIP")  # type: ignore[attr-defined]


def test_one_error_refuses_all(cluster: Cluster) -> None:
    with pytest.raises(KubernetesError, match=r"document 2"):
        cluster.apply(SERVICE % ("ClusterIP", "") + "---\napiVersion: v1\nkind: Pod\nmetadata: {name: a}\n")
    assert not cluster.api.services


def test_applying_twice_changes_nothing(cluster: Cluster) -> None:
    text = workload("Deployment") + SERVICE % ("ClusterIP", "")
    cluster.apply(text)
    before = names(cluster)
    assert [outcome.what for outcome in cluster.objects.apply(documents(text, "f"))] == ["unchanged", "unchanged"]
    cluster.run(seconds=1.0)
    assert names(cluster) == before


def test_a_namespace_takes_everything_along(cluster: Cluster) -> None:
    cluster.apply("apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}")
    cluster.apply(workload("Deployment") + SERVICE % ("ClusterIP", ""), namespace="shop")
    assert len(cluster.pods) == 3
    cluster.delete("apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}")
    assert (cluster.pods, list(cluster.api.services), list(cluster.api.all("ReplicaSet"))) == ([], [], [])


def test_what_does_not_matter_is_told_once(cluster: Cluster) -> None:
    account = "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: %s}\n---\n"
    assert cluster.apply(account % "a" + account % "b", namespace="shop") == []
    assert cluster.objects.notes == ["ServiceAccount (v1) does not matter for networking here: skipped"]


def test_nodes_of_manifests() -> None:
    node = "apiVersion: v1\nkind: Node\nmetadata: {name: %s}\nspec: {%s}\nstatus: {addresses: [%s]}\n---\n"
    text = node % ("a", "podCIDR: 10.244.2.0/24", "{type: InternalIP, address: 192.168.0.50}") + node % ("b", "", "") + node % ("c", "", "")
    with build(Cluster, list(documents(text, "f")), None, True, {}) as cluster:
        assert [(each.name, each.ip, each.host.spec.pod_cidr) for each in cluster.nodes] == [
            ("a", "192.168.0.50", "10.244.2.0/24"), ("b", "192.168.0.2", "10.244.1.0/24"), ("c", "192.168.0.3", "10.244.3.0/24"),
        ]  # fmt: skip
    for wrong, complaint in (
        (node % ("a", "", "{type: InternalIP, address: 10.1.1.1}"), "10.1.1.1 is not in the nodes' network"),
        (node % ("a", "podCIDR: 10.9.0.0/24", ""), "10.9.0.0/24 is not in the cluster's 10.244.0.0/16"),
        (node % ("a", "podCIDR: 10.244.1.0/24", "") + node % ("b", "podCIDR: 10.244.1.128/25", ""), "overlaps that of a"),
        (node % ("a", "", "") + node % ("a", "", ""), 'Node "a" is there twice'),
    ):
        with pytest.raises(KubernetesError, match=complaint):
            build(Cluster, list(documents(wrong, "f")), None, True, {})
