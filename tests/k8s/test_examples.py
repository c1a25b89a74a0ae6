"""Public manifests run as they are: the tutorials' objects, loaded from files, and what the tutorials promise, by real traffic."""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from emu import Cluster
from emu.apps.echo import tcp_request
from emu.apps.http_client import http_get
from emu.apps.redis import command
from emu.cli import main
from emu.k8s.images import note_of
from emu.lab import Pod
from emu.lab.ask.matrix import row, sources, targets
from emu.lab.ask.question import ask
from emu.lab.host import Host

EXAMPLES = Path(__file__).parent / "examples"
Load = Callable[..., Cluster]


@pytest.fixture
def load() -> Iterator[Load]:
    """Build a cluster from an example."""
    made: list[Cluster] = []

    def build(name: str, nodes: int | None = 2) -> Cluster:
        cluster = Cluster.from_manifests(EXAMPLES / f"{name}.yaml", nodes=nodes, seed=1)
        made.append(cluster)
        assert cluster.objects.notes == []
        return cluster

    yield build
    for cluster in made:
        cluster.close()


def pods(cluster: Cluster, begin: str, namespace: str = "default") -> list[Pod]:
    return [pod for pod in cluster.pods if pod.name.startswith(begin) and pod.spec.namespace == namespace]


def get(host: Host, url: str, timeout: float = 5.0) -> tuple[int, str]:
    trace = host.run(http_get(url, timeout=timeout), f"GET {url}")
    assert trace.error == "", trace.error
    return trace.result.status, trace.result.body


def body(host: Host, url: str) -> str:
    status, text = get(host, url)
    assert status == 200
    return text


def addresses(host: Host, name: str) -> list[str]:
    """What a program there gets from getaddrinfo; empty for an unknown name."""

    async def look_up() -> list[str]:
        try:
            found = await asyncio.get_running_loop().getaddrinfo(name, 80, type=socket.SOCK_STREAM)
        except socket.gaierror:
            return []
        return sorted(str(each[4][0]) for each in found)

    trace = host.run(look_up(), f"getaddrinfo {name}")
    assert trace.error == "", trace.error
    answer: list[str] = trace.result
    return answer


def client_of(text: str) -> str:
    """The address that the echo server saw."""
    match = re.search(r"client_address=(\S+)", text)
    assert match is not None, text
    return match.group(1)


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_pod_of_every_example_gets_where_it_should(path: Path) -> None:
    """All become ready or end, and no object is left out."""
    with Cluster.from_manifests(path, default_nodes=3, seed=1) as cluster:
        assert cluster.objects.notes == []
        assert [pod.name for pod in cluster.pods if not pod.ready and pod.spec.phase not in ("Succeeded", "Failed")] == []


# -- guestbook ------------------------------------------------------------------------------------------------------------------------


def test_guestbook(load: Load) -> None:
    """What is written by one frontend reaches the leader, the leader's followers, and whoever reads by any frontend."""
    cluster = load("guestbook")
    frontends, followers, [leader] = pods(cluster, "frontend"), pods(cluster, "redis-follower"), pods(cluster, "redis-leader")
    assert (len(frontends), len(followers)) == (3, 2)
    front = cluster.get("Service", "frontend").lb_ips[0]
    assert body(cluster.internet, f"http://{front}/guestbook.php?cmd=get&key=messages") == '{"data": ""}'
    assert body(cluster.internet, f"http://{front}/guestbook.php?cmd=set&key=messages&value=,hello") == '{"message": "Updated"}'
    cluster.run(seconds=0.1)
    assert leader.run(command("127.0.0.1", 6379, b"GET", b"messages")).result == b",hello"
    for follower in followers:
        assert follower.run(command("127.0.0.1", 6379, b"GET", b"messages")).result == b",hello"
    for frontend in frontends:
        assert body(cluster.internet, f"http://{front}/guestbook.php?cmd=get&key=messages") == '{"data": ",hello"}'
        assert body(frontend, "http://frontend/guestbook.php?cmd=get&key=messages") == '{"data": ",hello"}'
    refused = followers[0].run(command("redis-follower", 6379, b"SET", b"messages", b"x"))
    assert "READONLY" in refused.error


def test_guestbook_without_its_leader(load: Load) -> None:
    """Reading goes on, writing fails; a new leader is followed again."""
    cluster = load("guestbook")
    [leader] = pods(cluster, "redis-leader")
    deployment = cluster.get("Deployment", "redis-leader")
    deployment.replicas = 0
    cluster.apply(deployment)
    cluster.wait_for(lambda: not pods(cluster, "redis-leader"), "the leader to go")
    frontend = pods(cluster, "frontend")[0]
    assert get(frontend, "http://frontend/guestbook.php?cmd=get&key=messages")[0] == 200
    assert get(frontend, "http://frontend/guestbook.php?cmd=set&key=messages&value=x")[0] == 500
    answer = ask(cluster, frontend.name, "svc/redis-leader")
    assert "Service default/redis-leader has no ready endpoints: no pod in namespace default has the labels of its selector" in answer.verdict
    deployment.replicas = 1
    cluster.apply(deployment)
    cluster.run(seconds=2.0)
    assert get(frontend, "http://frontend/guestbook.php?cmd=set&key=messages&value=again")[0] == 200
    cluster.run(seconds=0.1)
    assert body(frontend, "http://frontend/guestbook.php?cmd=get&key=messages") == '{"data": "again"}'
    assert leader.name not in {pod.name: None for pod in cluster.pods}


# -- connecting applications with Services --------------------------------------------------------------------------------------------


def test_connecting_applications(load: Load) -> None:
    cluster = load("connecting-applications")
    nginx, [client] = pods(cluster, "my-nginx"), pods(cluster, "curl-deployment")
    assert {pod.node for pod in nginx} == {"node1", "node2"}
    for node in cluster.nodes:  # pods are reached from every node, without a port mapping
        for pod in nginx:
            assert body(node, f"http://{pod.ip}/") == pod.name
    service = cluster.get("Service", "my-nginx")
    assert addresses(client, "my-nginx") == [service.cluster_ip]
    assert {body(client, "http://my-nginx:8080/") for _ in range(20)} == {pod.name for pod in nginx}
    for node in cluster.nodes:
        assert body(cluster.internet, f"http://{node.ip}:{service.ports[0].node_port}/").startswith("my-nginx-")
    # Nothing here speaks TLS: the container declares port 80 only, and the Service's other port leads to a closed one.
    answer = ask(cluster, client.name, "svc/my-nginx:https")
    assert isinstance(answer.trace.result, ConnectionRefusedError)
    assert re.search(r"pod default/my-nginx-\S+ was reached, and its .*; it listens on", answer.verdict)


def test_connecting_applications_survives_its_pods(load: Load) -> None:
    """The Service's address stays while pods die and others take their place."""
    cluster = load("connecting-applications")
    [client], before = pods(cluster, "curl-deployment"), pods(cluster, "my-nginx")
    for pod in before:
        pod.delete()
    cluster.wait_for(lambda: sum(pod.ready for pod in pods(cluster, "my-nginx")) == 2 and cluster.synced, "new pods")
    answers = {body(client, "http://my-nginx:8080/") for _ in range(20)}
    assert answers == {pod.name for pod in pods(cluster, "my-nginx")}
    assert not answers & {pod.name for pod in before}


# -- source IP ------------------------------------------------------------------------------------------------------------------------


def test_source_ip_for_a_cluster_ip(load: Load) -> None:
    """From inside the cluster the client's own address is seen."""
    cluster = load("source-ip", 3)
    client = cluster.pod("busybox")
    assert client_of(body(client, "http://clusterip/")) == client.ip


def test_source_ip_for_a_node_port(load: Load) -> None:
    """The node that was asked stands for the client; on the pod's own node too (there with the address it has towards the pod)."""
    cluster = load("source-ip", 3)
    port = cluster.get("Service", "nodeport").ports[0].node_port
    for name in ("node1", "node3"):
        node = cluster.node(name)
        assert client_of(body(cluster.internet, f"http://{node.ip}:{port}/")) == node.ip
    assert client_of(body(cluster.internet, f"http://{cluster.node('node2').ip}:{port}/")) == "10.244.2.1"


def test_source_ip_for_a_local_node_port(load: Load) -> None:
    """Only the node with the pod answers, and the client is seen as it is; elsewhere the packets are dropped."""
    cluster = load("source-ip", 3)
    assert client_of(body(cluster.internet, f"http://{cluster.node('node2').ip}:31704/")) == cluster.internet.ip
    for name in ("node1", "node3"):
        trace = cluster.internet.run(http_get(f"http://{cluster.node(name).ip}:31704/", timeout=2.0))
        assert "TimeoutError" in trace.error
        assert any(drop.netns == name and "nodeport-local has no local endpoints" in drop.text for drop in trace.drops)
    answer = ask(cluster, "internet", f"{cluster.node('node1').ip}:31704")
    assert answer.why is not None
    assert "Service default/nodeport-local has no ready endpoint on node1, and its externalTrafficPolicy is Local" in answer.why.reason
    assert "set externalTrafficPolicy to Cluster" in answer.why.advice


def test_source_ip_for_a_load_balancer(load: Load) -> None:
    """A node stands for the client, whichever the balancer picked; at policy Local nobody does, and health checks name the right node."""
    cluster = load("source-ip", 3)
    address = cluster.get("Service", "loadbalancer").lb_ips[0]
    assert client_of(body(cluster.internet, f"http://{address}/")) in {*(node.ip for node in cluster.nodes), "10.244.2.1"}
    local = cluster.get("Service", "loadbalancer-local")
    assert local.health_check_node_port == 32122
    assert client_of(body(cluster.internet, f"http://{local.lb_ips[0]}/")) == cluster.internet.ip
    checks = {node.name: get(cluster.internet, f"http://{node.ip}:32122/healthz") for node in cluster.nodes}
    assert {name: status for name, (status, _) in checks.items()} == {"node1": 503, "node2": 200, "node3": 503}
    assert '"localEndpoints": 1' in checks["node2"][1]


def test_a_local_load_balancer_without_endpoints(load: Load) -> None:
    """Its health checks find no node, and that is what is said."""
    cluster = load("source-ip", 3)
    deployment = cluster.get("Deployment", "source-ip-app")
    deployment.replicas = 0
    cluster.apply(deployment)
    cluster.wait_for(lambda: not pods(cluster, "source-ip-app"), "the pod to go")
    cluster.run(seconds=3.0)
    answer = ask(cluster, "internet", "svc/loadbalancer-local")
    assert answer.why is not None
    assert "sends 203.0.113.2 to no node: none passes the health check on port 32122, as externalTrafficPolicy is Local" in answer.why.reason
    assert "no pod in namespace default has the labels of its selector app=source-ip-app" in answer.why.reason


# -- StatefulSet ----------------------------------------------------------------------------------------------------------------------


def test_stateful_set(load: Load) -> None:
    """Ordinal names, which are hostnames and DNS names."""
    cluster = load("statefulset")
    client, web = cluster.pod("dns-test"), [cluster.pod("web-0"), cluster.pod("web-1")]
    assert web[0].spec.ready_ns is not None
    assert web[0].spec.ready_ns <= web[1].spec.created_ns  # one after the other
    for pod in web:
        assert addresses(client, f"{pod.name}.nginx") == [pod.ip]
        assert body(client, f"http://{pod.name}.nginx/") == pod.name
        assert addresses(pod, pod.name) == [pod.ip]  # its own /etc/hosts
    assert addresses(client, "nginx") == sorted(pod.ip for pod in web)


def test_stateful_set_keeps_names_not_addresses(load: Load) -> None:
    cluster = load("statefulset")
    client = cluster.pod("dns-test")
    before = {name: cluster.pod(name).ip for name in ("web-0", "web-1")}
    for name in before:
        cluster.pod(name).delete()
    cluster.wait_for(lambda: len(pods(cluster, "web-")) == 2 and all(pod.ready for pod in pods(cluster, "web-")) and cluster.synced, "the pods to come again")
    cluster.run(seconds=31.0)  # answers may be remembered for 30 seconds
    for name, ip in before.items():
        assert cluster.pod(name).ip != ip
        assert addresses(client, f"{name}.nginx.default.svc.cluster.local") == [cluster.pod(name).ip]
        assert body(client, f"http://{name}.nginx/") == name


def test_stateful_set_scales_in_order(load: Load) -> None:
    cluster = load("statefulset")
    client = cluster.pod("dns-test")
    stateful_set = cluster.get("StatefulSet", "web")
    stateful_set.replicas = 4
    cluster.apply(stateful_set)
    assert [body(client, f"http://web-{number}.nginx/") for number in range(4)] == ["web-0", "web-1", "web-2", "web-3"]
    stateful_set.replicas = 1
    cluster.apply(stateful_set)
    cluster.wait_for(lambda: len(pods(cluster, "web-")) == 1 and cluster.synced, "the higher ones to go")
    assert addresses(client, "web-0.nginx") == [cluster.pod("web-0").ip]
    assert addresses(client, "web-3.nginx") == []


# -- Ingress --------------------------------------------------------------------------------------------------------------------------


def test_ingress_fans_out_by_path(load: Load) -> None:
    cluster = load("ingress")
    assert "Version: 1.0.0" in body(cluster.internet, "http://foo.bar.com/foo")
    assert "Version: 2.0.0" in body(cluster.internet, "http://foo.bar.com/bar/baz")
    assert "client_address=" in body(cluster.internet, "http://foo.bar.com/elsewhere")  # no path fits: the rule for any host takes it


def test_ingress_serves_hosts_by_name(load: Load) -> None:
    """Two names and one address; whoever asks by another name gets the third Service, and that is told who the client was."""
    cluster = load("ingress")
    assert "Version: 1.0.0" in body(cluster.internet, "http://first.bar.com/")
    assert "Version: 2.0.0" in body(cluster.internet, "http://second.bar.com/any/path")
    address = cluster.get("Ingress", "name-virtual-host-ingress").lb_ips[0]
    seen = body(cluster.internet, f"http://{address}/")
    [controller] = pods(cluster, "ingress-nginx", "ingress-nginx")
    assert client_of(seen) == controller.ip
    assert f"x-forwarded-for={cluster.internet.ip}" in seen.splitlines()


def test_ingress_can_be_traced(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["trace", "-f", str(EXAMPLES / "ingress.yaml"), "internet", "foo.bar.com:80", "--path", "/foo"]) == 0
    out = capsys.readouterr().out
    assert "DNAT" in out
    assert "HTTP internet → foo.bar.com:80 (foo.bar.com:80): delivered to pod" in out.replace("\n", " ")
    assert "Hello, world!" in out


# -- NetworkPolicy --------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sender", "receiver", "reason"),
    [
        ("shop/frontend", "backend.shop:80", ""),
        ("monitoring/scraper", "backend.shop:9100", ""),
        ("shop/frontend", "backend.shop:9100", "shop/default-deny-ingress, shop/backend-allow"),
        ("monitoring/scraper", "backend.shop:80", "shop/default-deny-ingress, shop/backend-allow"),
        ("shop/stranger", "backend.shop:80", "shop/default-deny-ingress, shop/backend-allow"),
        ("shop/backend", "shop/frontend", "shop/default-deny-ingress"),
        ("shop/frontend", "monitoring/scraper", ""),
    ],
)
def test_network_policies(load: Load, sender: str, receiver: str, reason: str) -> None:
    """Nobody but those who are named, at the ports that are named; a no names the policies."""
    cluster = load("network-policy")
    answer = ask(cluster, sender, receiver)
    assert answer.delivered == (not reason), answer.verdict
    if answer.why is not None:
        assert re.search(rf"NetworkPolic(y|ies) {re.escape(reason)} isolate", answer.why.reason), answer.why.reason


def test_network_policies_do_not_keep_the_kubelet_out(load: Load) -> None:
    """The readiness probe comes from the pod's node."""
    assert load("network-policy").pod("backend", "shop").ready


# -- debugging DNS --------------------------------------------------------------------------------------------------------------------


def test_dns_names_from_a_debugging_pod(load: Load) -> None:
    cluster = load("dns-debugging")
    dnsutils, busybox = cluster.pod("dnsutils"), [cluster.pod("busybox1"), cluster.pod("busybox2")]
    assert addresses(dnsutils, "kube-dns.kube-system") == ["10.96.0.10"]
    assert addresses(dnsutils, "kube-dns.kube-system.svc.cluster.local") == ["10.96.0.10"]
    assert addresses(dnsutils, "kube-dns") == []  # it is of another namespace
    assert addresses(dnsutils, "example.com") == [cluster.internet.ip]
    assert addresses(dnsutils, "busybox-1.busybox-subdomain") == [busybox[0].ip]
    assert addresses(dnsutils, "busybox-subdomain") == sorted(pod.ip for pod in busybox)
    assert addresses(busybox[0], "busybox-1.busybox-subdomain.default.svc.cluster.local") == [busybox[0].ip]


def test_dns_configured_by_the_pod(load: Load) -> None:
    cluster = load("dns-debugging")
    pod = cluster.pod("dns-example")
    assert cluster.dns is not None
    assert str(cluster.dns.resolv_conf(pod.spec)).splitlines()[:2] == ["nameserver 10.96.0.10", "search default.svc.cluster.local my.dns.search.suffix"]
    assert addresses(pod, "busybox-2.busybox-subdomain") == [cluster.pod("busybox2").ip]


def test_dns_that_does_not_run_is_named(load: Load) -> None:
    cluster = load("dns-debugging")
    coredns = cluster.get("Deployment", "coredns", "kube-system")
    coredns.replicas = 0
    cluster.apply(coredns)
    cluster.wait_for(lambda: not pods(cluster, "coredns", "kube-system") and cluster.synced, "the servers to go")
    answer = ask(cluster, "dnsutils", "example.com:80", timeout=60.0)
    assert "could not be looked up: the DNS servers gave no answer; Service kube-system/kube-dns has no ready endpoints" in answer.verdict


# -- DaemonSet ------------------------------------------------------------------------------------------------------------------------


def test_daemon_set(load: Load) -> None:
    """One on every node whose taints it tolerates, reached by the node's port; others keep away from the control plane."""
    cluster = load("daemonset", None)
    assert {pod.node for pod in pods(cluster, "fluentd", "kube-system")} == {"control-plane", "worker-1", "worker-2"}
    assert {pod.node for pod in pods(cluster, "ssd-monitor")} == {"worker-1"}
    web = pods(cluster, "web-")
    assert sorted(pod.node for pod in web) == ["worker-1", "worker-1", "worker-2", "worker-2"]
    for node in cluster.nodes:
        trace = web[0].run(tcp_request(node.ip, 24224, b"log line"))
        assert (trace.error, trace.result) == ("", b"log line")
        assert node.http_get(f"http://{web[0].ip}/").body == web[0].name
    assert note_of(pods(cluster, "fluentd", "kube-system")[0].spec.spec.containers[0]).endswith("is not known here: it echoes on 24224/TCP")


# -- Jobs -----------------------------------------------------------------------------------------------------------------------------


def test_jobs(load: Load) -> None:
    """They run to their end; one whose pods cannot do their work gives up."""
    cluster = load("job")
    ended = {name: (cluster.get("Job", name).succeeded, cluster.get("Job", name).failed) for name in ("pi", "queue", "reaches", "in-vain")}
    assert ended == {"pi": (1, 0), "queue": (5, 0), "reaches": (1, 0), "in-vain": (0, 3)}
    assert {pod.spec.phase for pod in pods(cluster, "queue-")} == {"Succeeded"}
    queue = sorted(pod.spec.created_ns for pod in pods(cluster, "queue-"))
    assert queue[2] - queue[0] >= 10_000_000_000  # two at a time, ten seconds each
    first, second, third = pods(cluster, "in-vain-")
    assert 11 <= (second.spec.created_ns - first.spec.created_ns) / 1e9 < 12  # one to try, ten to wait; and longer each time
    assert 21 <= (third.spec.created_ns - second.spec.created_ns) / 1e9 < 22
    assert cluster.kubelet(first.node).worker(first.spec).log() == ["TIMEOUT"]  # the Service has no such port: the packets leave by the default route


# -- emu trace ---------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "question", "status", "verdict"),
    [
        ("guestbook", ["internet", "svc/frontend", "--path", "/guestbook.php?cmd=get&key=messages"], 0, "delivered to pod default/frontend-"),
        ("guestbook", ["deploy/frontend", "redis-leader:6379"], 0, "delivered to pod default/redis-leader-"),
        ("connecting-applications", ["deploy/curl-deployment", "svc/my-nginx:http", "--proto", "http"], 0, "which answered 200"),
        ("connecting-applications", ["deploy/curl-deployment", "svc/my-nginx:https"], 1, "port that the pod listens on"),
        ("source-ip", ["busybox", "svc/clusterip", "--path", "/"], 0, "client_address=10.244."),
        ("source-ip", ["internet", "svc/clusterip"], 1, "from outside the cluster use a NodePort or a LoadBalancer"),
        ("statefulset", ["dns-test", "web-1.nginx:80"], 0, "delivered to pod default/web-1"),
        ("statefulset", ["dns-test", "web-2.nginx:80"], 1, "there is no name web-2.nginx"),
        ("ingress", ["internet", "second.bar.com:80", "--path", "/"], 0, "Version: 2.0.0"),
        ("network-policy", ["shop/stranger", "shop/backend:80"], 1, "NetworkPolicies shop/default-deny-ingress, shop/backend-allow isolate pod shop/backend"),
        ("dns-debugging", ["dnsutils", "svc/kube-dns", "-n", "kube-system"], 2, 'Pod "kube-system/dnsutils" not found'),
        ("dns-debugging", ["default/dnsutils", "kube-dns.kube-system:53", "--proto", "udp"], 0, "delivered to pod kube-system/coredns-"),
        ("daemonset", ["node/control-plane", "deploy/web", "--proto", "icmp"], 0, "delivered to pod default/web-"),
        ("job", ["web", "svc/web:81"], 1, "ask for a port the Service has"),
    ],
)
def test_traces(name: str, question: list[str], status: int, verdict: str, capsys: pytest.CaptureFixture[str]) -> None:
    """As it is typed: the way, the verdict, what to change."""
    assert main(["trace", "-f", str(EXAMPLES / f"{name}.yaml"), *question]) == status
    captured = capsys.readouterr()
    assert verdict in " ".join((captured.out + captured.err).split())


# -- all in one -----------------------------------------------------------------------------------------------------------------------


def test_matrix_of_the_policies(load: Load) -> None:
    cluster = load("network-policy")
    wanted = targets(cluster)
    reached = {(cell.source, cell.target): cell.reached for pod in sources(cluster) for cell in row(cluster, pod, wanted)}
    assert reached["shop/frontend", "svc shop/backend:80"]
    assert not reached["monitoring/scraper", "svc shop/backend:80"]
    assert not reached["shop/stranger", "shop/backend:80"]
