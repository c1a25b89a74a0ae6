"""What is wrong is said in one line that names the thing and the place, and nothing is left half done."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from emu import Cluster, Container, ContainerPort, Delays, KubernetesError, Probe, ServicePort
from emu.cli import main
from emu.iproute import sysctl
from emu.net.netns import NetError
from emu.pcap.file import CaptureError


def complaint(caught: pytest.ExceptionInfo[BaseException]) -> str:
    """The text of an error, which is one line of a length that can be read."""
    text = str(caught.value)
    assert text
    assert "\n" not in text
    assert len(text) < 250
    return text


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"nodes": -1}, "nodes: -1 is not a number of nodes"),
        ({"nodes": 2.5}, "nodes: 2.5"),
        ({"nodes": "two"}, "nodes: 'two'"),
        ({"nodes": 300}, "pod_cidr 10.244.0.0/16 has no address range left: 300 nodes need a /24 each, it holds 256"),
        ({"pod_cidr": "10.244.0.1/16"}, "pod_cidr: 10.244.0.1/16 has host bits set"),
        ({"pod_cidr": "nonsense"}, "pod_cidr: Expected 4 octets in 'nonsense'"),
        ({"pod_cidr": "fd00::/64"}, "pod_cidr: "),
        ({"pod_cidr": "10.0.0.0/33"}, "pod_cidr: "),
        ({"pod_cidr": 5}, "pod_cidr: 5 is not text"),
        ({"pod_cidr": "127.0.0.0/8"}, "pod_cidr: 127.0.0.0/8 holds addresses that no host can have"),
        ({"service_cidr": "224.0.0.0/16"}, "service_cidr: 224.0.0.0/16 holds addresses that no host can have"),
        ({"pod_cidr": "192.168.0.0/16"}, "pod_cidr 192.168.0.0/16 overlaps node_cidr 192.168.0.0/16"),
        ({"service_cidr": "10.244.128.0/20"}, "pod_cidr 10.244.0.0/16 overlaps service_cidr 10.244.128.0/20"),
        ({"pod_cidr": "198.51.0.0/16"}, "pod_cidr 198.51.0.0/16 overlaps internet 198.51.100.0/24"),
        ({"service_cidr": "10.96.0.0/32"}, "service_cidr 10.96.0.0/32 has no address for a Service"),
        ({"node_cidr": "192.168.0.0/29", "nodes": 5}, "node_cidr 192.168.0.0/29 has no address left for 5 nodes"),
        ({"node_prefix": 31}, "node_prefix: /31 ranges cannot be cut from pod_cidr"),
        ({"node_prefix": "x"}, "node_prefix: 'x'"),
        ({"delays": 5}, "delays: 5"),
        ({"captures": 5}, "captures: 5"),
        ({"captures": ""}, "captures: ''"),
        ({"captures": "a\0b"}, "captures: "),
    ],
)
def test_a_cluster_that_cannot_be(arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError) as caught:
        Cluster(**arguments)
    assert words in complaint(caught)


def test_a_capture_folder_that_is_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "file"
    file.write_text("mine")
    for folder in (file, file / "below"):
        with pytest.raises(CaptureError) as caught:
            Cluster(captures=folder)
        assert str(folder) in complaint(caught)
    assert main(["run", "node-to-pod", "--captures", str(file), "--quiet"]) == 2
    assert f"emu: capture folder {file}: there is a file of that name" in capsys.readouterr().err
    assert file.read_text() == "mine"


BAD_NAMES = ["", "a/b", "..", ".", "../../etc", "a\nb", "a\0b", "x" * 300, "Web", "-a", "a-", "a_b", "é", "a b", "%41", 5, None]


@pytest.mark.parametrize("name", BAD_NAMES, ids=lambda name: repr(name)[:12])
def test_names_the_api_server_would_not_have(cluster: Cluster, name: Any) -> None:
    with pytest.raises(KubernetesError) as caught:
        cluster.run_pod(name)
    assert "Pod" in complaint(caught)
    with pytest.raises(KubernetesError) as caught:
        cluster.run_pod("fine", namespace=name)
    assert "Namespace" in complaint(caught)
    with pytest.raises(KubernetesError) as caught:
        cluster.expose(name, selector=None, port=80)
    assert "Service" in complaint(caught)
    assert cluster.pods == []
    assert not cluster.api.services
    assert cluster.run_pod("fine").ready


@pytest.mark.parametrize("wait", [True, False])
@pytest.mark.parametrize("name", ["node1", "router", "switch", "lb", "internet"])
def test_a_pod_named_like_a_machine(cluster: Cluster, name: str, wait: bool) -> None:
    with pytest.raises(KubernetesError, match=rf'Pod "default/{name}": metadata.name: <(machine|switch) {name}> has that name here'):
        cluster.run_pod(name, wait=wait)
    cluster.run(seconds=1.0)
    assert cluster.pods == []
    assert cluster.run_pod(name, namespace="other").netns.name == f"other_{name}"


def test_names_that_are_taken(cluster: Cluster) -> None:
    cluster.run_pod("web")
    for wait in (True, False):
        with pytest.raises(KubernetesError, match=r'^Pod "default/web" already exists$'):
            cluster.run_pod("web", wait=wait)
    cluster.run_pod("web", namespace="other")
    cluster.expose("web", selector=None, port=80)
    with pytest.raises(KubernetesError, match=r'^Service "default/web" already exists$'):
        cluster.expose("web", selector=None, port=80)
    assert cluster.pod("web").ready


def test_no_address_left_is_said_at_once_to_who_waits() -> None:
    with Cluster(nodes=1, pod_cidr="10.0.0.0/30", node_prefix=30) as cluster:
        first = cluster.run_pod("first")
        with pytest.raises(KubernetesError, match=r"^pod default/second: no IP addresses available in the pod range 10.0.0.0/30 of node1$"):
            cluster.run_pod("second")
        assert cluster.pods == [first]


def test_no_address_left_keeps_a_pod_pending_until_there_is_one() -> None:
    with Cluster(nodes=1, pod_cidr="10.0.0.0/30", node_prefix=30) as cluster:
        first, second = cluster.run_pod("first"), cluster.run_pod("second", wait=False)
        cluster.run(seconds=30.0)
        assert (second.spec.phase, second.ip, second.ready) == ("Pending", "", False)
        assert "no IP addresses available" in second.spec.message
        with pytest.raises(TimeoutError) as caught:
            cluster.wait_for(lambda: second.ready, "pod second to become ready", seconds=60.0)
        assert "pod second to become ready (pod default/second on node1: no IP addresses available" in complaint(caught)
        with pytest.raises(KubernetesError, match=r"pod default/second does not run on node1"):
            second.ping(first.ip)
        first.delete()
        cluster.wait_for(lambda: second.ready, "pod second to become ready", seconds=60.0)
        assert second.ip == "10.0.0.2"
        assert second.spec.message == ""


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"node": "node9"}, "there is no node 'node9'"),
        ({"node": 5}, "there is no node 5"),
        ({"serve_http": 0}, "containerPort: 0 is not between 1 and 65535"),
        ({"serve_http": 70000}, "containerPort: 70000"),
        ({"serve_http": "80"}, "containerPort: '80'"),
        ({"serve_udp": -1}, "containerPort: -1"),
        ({"labels": "x"}, "metadata.labels: 'x'"),
        ({"labels": {"a": 5}}, "metadata.labels"),
        ({"containers": 5}, "containers: 5"),
        ({"containers": ["x"]}, "spec.containers[0]: 'x' is not a Container"),
        ({"containers": [Container("")]}, "spec.containers[0]"),
        ({"containers": [Container("a"), Container("a")]}, "spec.containers[1].name: 'a' is there twice"),
        ({"containers": [Container("a", program=5)]}, "spec.containers[0].program: 5"),
        ({"containers": [Container("a", ports=(5,))]}, "spec.containers[0].ports[0]: 5"),  # type: ignore[arg-type]
        ({"containers": [Container("a", ports=(ContainerPort(80, "ICMP"),))]}, "protocol: unsupported value 'ICMP'"),
        ({"serve_http": 80, "readiness": Probe(0)}, "readinessProbe.port: 0"),
        ({"serve_http": 80, "readiness": Probe(80, period_seconds=0)}, "readinessProbe.periodSeconds: 0"),
        ({"serve_http": 80, "readiness": 5}, "readinessProbe: 5 is not a Probe"),
    ],
)
def test_a_pod_that_cannot_be(cluster: Cluster, arguments: dict[str, Any], words: str) -> None:
    for wait in (True, False):
        with pytest.raises(ValueError) as caught:
            cluster.run_pod("pod", wait=wait, **arguments)
        text = complaint(caught)
        assert words in text
        assert "pod" in text
    cluster.run(seconds=1.0)
    assert cluster.pods == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({}, "spec.ports: required value"),
        ({"port": 0}, "spec.ports[0].port: 0 is not between 1 and 65535"),
        ({"port": "80"}, "spec.ports[0].port: '80'"),
        ({"port": 80, "target_port": 70000}, "spec.ports[0].targetPort: 70000"),
        ({"port": 80, "target_port": None}, "spec.ports[0].targetPort: None"),
        ({"port": 80, "protocol": "tcp"}, "spec.ports[0].protocol: unsupported value 'tcp'"),
        ({"port": 80, "type": "Foo"}, "spec.type: unsupported value 'Foo'"),
        ({"ports": [5]}, "spec.ports[0]: 5 is not a ServicePort"),
        ({"ports": [ServicePort(80), ServicePort(81)]}, "each of several ports needs a name of its own"),
        ({"ports": [ServicePort(80, name="a"), ServicePort(80, name="b")]}, "spec.ports[1]: TCP 80 is there twice"),
        ({"ports": [ServicePort(80, node_port=80)], "type": "NodePort"}, "node port 80 is not in the valid range"),
        ({"ports": [ServicePort(80, node_port=30001)]}, "nodePort: may not be set when spec.type is ClusterIP"),
        ({"port": 80, "cluster_ip": "1.2.3.4"}, "cluster IP 1.2.3.4 is not in the valid range"),
        ({"port": 80, "cluster_ip": "x"}, "spec.clusterIP"),
        ({"port": 80, "external_ips": "1.2.3.4"}, "spec.externalIPs: '1.2.3.4' is not a tuple"),
        ({"port": 80, "external_ips": ("127.0.0.1",)}, "spec.externalIPs: 127.0.0.1"),
        ({"port": 80, "source_ranges": ("x",)}, "spec.loadBalancerSourceRanges"),
        ({"port": 80, "external_traffic_policy": "local"}, "spec.externalTrafficPolicy: 'local' is neither Cluster nor Local"),
        ({"port": 80, "internal_traffic_policy": ""}, "spec.internalTrafficPolicy: ''"),
        ({"port": 80, "session_affinity_seconds": 90000}, "timeoutSeconds: 90000 is not between 0 and 86400"),
        ({"port": 80, "no_such_field": 1}, "no_such_field"),
        ({"port": 80, "selector": "x"}, "spec.selector: 'x'"),
    ],
)
def test_a_service_that_cannot_be(cluster: Cluster, arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(KubernetesError) as caught:
        cluster.expose("web", **{"selector": None, **arguments})
    text = complaint(caught)
    assert words in text
    assert "default/web" in text
    assert not cluster.api.services
    assert not cluster.control_plane.cluster_ips.taken
    assert not cluster.control_plane.node_ports.taken


def test_addresses_and_ports_that_are_taken(cluster: Cluster) -> None:
    ports = [ServicePort(80, node_port=30080)]
    one = cluster.expose("one", selector=None, ports=ports, type="NodePort", cluster_ip="10.96.0.77")
    with pytest.raises(KubernetesError, match=r"Service default/two: cluster IP 10.96.0.77 is already allocated to default/one"):
        cluster.expose("two", selector=None, port=80, cluster_ip="10.96.0.77")
    with pytest.raises(KubernetesError, match="Service default/two: node port 30080 is already allocated to default/one"):
        cluster.expose("two", selector=None, ports=[ServicePort(81, name="a"), ServicePort(80, name="b", node_port=30080)][1:], type="NodePort")
    assert len(cluster.control_plane.cluster_ips.taken) == len(cluster.control_plane.node_ports.taken) == 1
    one.delete()
    assert cluster.expose("two", selector=None, ports=ports, type="NodePort", cluster_ip="10.96.0.77").node_port == 30080
    with pytest.raises(KubernetesError, match='Service "default/one" not found'):
        one.delete()


def test_a_selector_that_matches_nothing_is_worth_a_warning(cluster: Cluster) -> None:
    with pytest.warns(UserWarning, match=r"^Service default/web: selector \{'app': 'web'\} matches no pod$"):
        service = cluster.expose("web", selector={"app": "web"}, port=80)
    pod = cluster.run_pod("web", labels={"app": "web"}, serve_http=80)
    assert service.endpoints == [pod.ip]


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda pod: pod.ping("10.9.9.9", count=0), "pod: ping 10.9.9.9: count: 0"),
        (lambda pod: pod.ping("10.9.9.9", ttl=300), "ttl: 300 is not between 1 and 255"),
        (lambda pod: pod.ping("10.9.9.9", size=70000), "size: 70000"),
        (lambda pod: pod.ping("10.9.9.9", timeout=float("nan")), "timeout: nan"),
        (lambda pod: pod.ping(5), "an address or a name is text, not int"),
        (lambda pod: pod.udp("10.9.9.9", 0), "port: 0"),
        (lambda pod: pod.udp("10.9.9.9", 53, "text"), "data: str is not bytes"),
        (lambda pod: pod.http_get("10.9.9.9"), "'10.9.9.9' is not an http:// URL"),
        (lambda pod: pod.http_get("https://10.9.9.9/"), "is not an http:// URL"),
        (lambda pod: pod.http_get(5), "5 is not an http:// URL"),
        (lambda pod: pod.traceroute("10.9.9.9", max_hops=300), "max_hops: 300"),
        (lambda pod: pod.traceroute("10.9.9.9", queries=0), "queries: 0"),
        (lambda pod: pod.run(5), "5 is not a coroutine"),
        (lambda pod: pod.cluster.run(seconds=-1), "seconds: -1"),
        (lambda pod: pod.cluster.run(seconds=float("inf")), "seconds: inf"),
        (lambda pod: pod.cluster.node("node1").reboot(seconds=-1), "node1: reboot: seconds: -1"),
        (lambda pod: pod.cluster.node("node1").iptables_save("nope"), "there is no table 'nope'"),
        (lambda pod: pod.cluster.tap(5), "tap: 5 cannot be called"),
        (lambda pod: pod.cluster.tap(print, "eth0"), "tap: 'eth0' is not a device"),
        (lambda pod: pod.cluster.inject("eth0", b""), "inject: 'eth0' is not a device"),
        (lambda pod: setattr(pod.cluster.cable("node1"), "delay_ns", -1), "delay"),
        (lambda pod: pod.cluster.cable("node1").lose_randomly(2), "probability"),
        (lambda pod: pod.cluster.age_fdb("node1", "nonsense"), "nonsense"),
    ],
)
def test_what_cannot_be_done(cluster: Cluster, call: Any, words: str) -> None:
    pod = cluster.run_pod("pod")
    with pytest.raises(ValueError) as caught:
        call(pod)
    assert words in complaint(caught)
    assert pod.ping(pod.ip).delivered  # and goes on


@pytest.mark.parametrize("what", ["netns", "mac", "host_device", "containers", "ping", "crash", "delete", "set_ready"])
def test_a_pod_that_is_gone_says_so(cluster: Cluster, what: str) -> None:
    pod = cluster.run_pod("pod")
    pod.delete()
    with pytest.raises(KubernetesError, match=r"default/pod.* (does not run on node1|not found)"):
        {"ping": lambda: pod.ping("10.9.9.9"), "crash": pod.crash, "delete": pod.delete, "set_ready": lambda: pod.set_ready(True)}.get(
            what, lambda: getattr(pod, what)
        )()
    assert "without address" not in repr(pod) or pod.ip == ""


def test_a_pod_on_the_hosts_network_has_no_device_of_its_own(cluster: Cluster) -> None:
    pod = cluster.run_pod("agent", host_network=True)
    with pytest.raises(ValueError, match="pod agent has no eth0 of its own: it is on the network of node1"):
        pod.mac  # noqa: B018
    with pytest.raises(ValueError, match="pod agent has no veth pair"):
        pod.host_device  # noqa: B018


def test_an_unknown_sysctl_and_a_bad_value(cluster: Cluster) -> None:
    for key, value in (("net.ipv4.no_such_key", 1), ("net.ipv4.conf.eth9.rp_filter", 1), ("../../etc/passwd", 1), ("net.ipv4.ip_forward", "x")):
        with pytest.raises((NetError, ValueError)) as caught:
            sysctl.set(cluster.node("node1").netns, key, value)
        assert key.split(".")[-1] in complaint(caught)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [(["run", "no-such-story"], "no-such-story"), (["run", "tour", "--nope"], "--nope"), (["run", "tour", "--seed", "x"], "'x'"),
     ([], "command"), (["walk"], "walk")],
)  # fmt: skip
def test_the_command_line_ends_with_2(arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("emu: ")
    assert said.err.count("\n") == 1
    assert words in said.err


def test_delays_are_numbers() -> None:
    with Cluster(nodes=1, delays=Delays(kubelet=5)) as cluster:
        assert cluster.run_pod("pod").ready
