"""Cluster DNS over real packets: the specification's table, search lists, forwarding, the add-on that serves it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from emu import Cluster
from emu.apps.dns import NOERROR, NUMBERS, NXDOMAIN, Message, Question, decode
from emu.apps.resolv import ResolvConf, ask_tcp, ask_udp
from emu.lab import Pod
from emu.lab.ask import question

OBJECTS = """
apiVersion: v1
kind: Namespace
metadata: {name: shop}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {selector: {app: web}, clusterIP: 10.96.0.50, ports: [{name: http, port: 80}, {name: metrics, port: 9100}]}
---
apiVersion: v1
kind: Service
metadata: {name: empty, namespace: shop}
spec: {selector: {app: nobody}, clusterIP: 10.96.0.51, ports: [{port: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: db, namespace: shop}
spec: {selector: {app: db}, clusterIP: None, ports: [{name: pg, port: 5432, targetPort: 5433}]}
---
apiVersion: v1
kind: Service
metadata: {name: none, namespace: shop}
spec: {selector: {app: nobody}, clusterIP: None}
---
apiVersion: v1
kind: Service
metadata: {name: outside, namespace: shop}
spec: {type: ExternalName, externalName: www.example.com}
---
apiVersion: v1
kind: Service
metadata: {name: inside, namespace: shop}
spec: {type: ExternalName, externalName: web.shop.svc.cluster.local}
---
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop, labels: {app: web}}
spec: {nodeName: node1, containers: [{name: web, image: nginx}]}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db, namespace: shop}
spec:
  serviceName: db
  replicas: 2
  selector: {matchLabels: {app: db}}
  template: {metadata: {labels: {app: db}}, spec: {containers: [{name: db, image: postgres, ports: [{containerPort: 5433}]}]}}
---
apiVersion: v1
kind: Pod
metadata: {name: client, namespace: shop}
spec: {nodeName: node2, containers: [{name: c, image: busybox}]}
"""


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with Cluster(nodes=2, seed=1, dns=True) as cluster:
        cluster.apply(OBJECTS)
        yield cluster


@pytest.fixture
def client(cluster: Cluster) -> Pod:
    return cluster.pod("client", "shop")


def ask(client: Pod, name: str, kind: str = "A") -> Message:
    """One query to the cluster's DNS Service."""
    answer: Message = client.run(ask_udp("10.96.0.10", [Message(7, (Question(name, NUMBERS[kind]),))])).result[0]
    return answer


def data(answer: Message) -> list[str]:
    assert answer.rcode == NOERROR
    return sorted(record.data for record in answer.answers)


def test_the_addon_is_what_kubeadm_installs(cluster: Cluster) -> None:
    service = cluster.get("Service", "kube-dns", "kube-system")
    assert [(port.name, port.port, port.protocol) for port in service.ports] == [("dns", 53, "UDP"), ("dns-tcp", 53, "TCP"), ("metrics", 9153, "TCP")]
    assert service.cluster_ip == "10.96.0.10"
    assert sum(pod.name.startswith("coredns-") and pod.ready for pod in cluster.pods) == 2
    assert ":KUBE-SVC-TCOU7JCQXEZGVUNU" in cluster.nodes[0].iptables_save("nat")


def test_every_cluster_has_the_service_kubernetes(cluster: Cluster, client: Pod) -> None:
    assert data(ask(client, "kubernetes.default.svc.cluster.local.")) == ["10.96.0.1"]
    assert ":KUBE-SVC-NPX46M4PTMTKRN6Y" in cluster.nodes[0].iptables_save("nat")
    assert question.ask(cluster, "shop/client", "svc/kubernetes").backend == "node node1"


def test_addresses(cluster: Cluster, client: Pod) -> None:
    db0, db1 = (cluster.pod(f"db-{number}", "shop").ip for number in (0, 1))
    for name, kind, expected in (
        ("web.shop.svc.cluster.local.", "A", ["10.96.0.50"]),
        ("WEB.Shop.svc.cluster.local.", "A", ["10.96.0.50"]),
        ("empty.shop.svc.cluster.local.", "A", ["10.96.0.51"]),
        ("db.shop.svc.cluster.local.", "A", sorted([db0, db1])),
        ("db-0.db.shop.svc.cluster.local.", "A", [db0]),
        (f"{cluster.pod('web', 'shop').ip.replace('.', '-')}.web.shop.svc.cluster.local.", "A", [cluster.pod("web", "shop").ip]),
        ("1-2-3-4.shop.pod.cluster.local.", "A", ["1.2.3.4"]),
        ("dns-version.cluster.local.", "TXT", ['"1.1.0"']),
        ("_http._tcp.web.shop.svc.cluster.local.", "SRV", ["0 100 80 web.shop.svc.cluster.local."]),
        ("_pg._tcp.db.shop.svc.cluster.local.", "SRV", ["0 50 5433 db-0.db.shop.svc.cluster.local.", "0 50 5433 db-1.db.shop.svc.cluster.local."]),
        ("50.0.96.10.in-addr.arpa.", "PTR", ["web.shop.svc.cluster.local."]),
        (".".join(reversed(db1.split("."))) + ".in-addr.arpa.", "PTR", ["db-1.db.shop.svc.cluster.local."]),
        ("outside.shop.svc.cluster.local.", "CNAME", ["www.example.com."]),
        ("outside.shop.svc.cluster.local.", "A", ["198.51.100.10", "www.example.com."]),
        ("inside.shop.svc.cluster.local.", "A", ["10.96.0.50", "web.shop.svc.cluster.local."]),
        ("example.com.", "A", ["198.51.100.10"]),
    ):
        assert data(ask(client, name, kind)) == expected, (name, kind)


def test_no_data_and_no_such_name(client: Pod) -> None:
    for name, kind, rcode in (
        ("web.shop.svc.cluster.local.", "AAAA", NOERROR),
        ("shop.svc.cluster.local.", "A", NOERROR),
        ("svc.cluster.local.", "A", NOERROR),
        ("cluster.local.", "A", NOERROR),
        ("_http._tcp.web.shop.svc.cluster.local.", "A", NOERROR),
        ("none.shop.svc.cluster.local.", "A", NXDOMAIN),
        ("lost.shop.svc.cluster.local.", "A", NXDOMAIN),
        ("web.lost.svc.cluster.local.", "A", NXDOMAIN),
        ("_https._tcp.web.shop.svc.cluster.local.", "SRV", NXDOMAIN),
        ("1-2-3-4.lost.pod.cluster.local.", "A", NXDOMAIN),
        ("lost.cluster.local.", "A", NXDOMAIN),
    ):
        answer = ask(client, name, kind)
        assert (answer.rcode, answer.answers) == (rcode, ()), (name, kind)
        assert [record.name for record in answer.authorities] == ["cluster.local."]
    assert ask(client, "no.such.name.").rcode == NXDOMAIN


def test_a_pod_that_is_not_ready_has_no_headless_address(cluster: Cluster, client: Pod) -> None:
    pod = cluster.pod("db-1", "shop")
    pod.set_ready(False)
    assert data(ask(client, "db.shop.svc.cluster.local.")) == [cluster.pod("db-0", "shop").ip]
    pod.set_ready(True)


def test_over_tcp(client: Pod) -> None:
    query = Message(9, (Question("web.shop.svc.cluster.local.", NUMBERS["A"]),))
    assert data(client.run(ask_tcp("10.96.0.10", [query])).result[0]) == ["10.96.0.50"]


def queries(cluster: Cluster, client: Pod, name: str) -> list[str]:
    """The names that a look-up by the pod's resolver asks for, from its own frames."""
    seen: list[str] = []

    def tap(now: int, device: object, direction: str, frame: object) -> None:
        packet = bytes(frame)  # type: ignore[call-overload]
        if direction == "tx" and packet[12:14] == b"\x08\0" and packet[23] == 17 and packet[36:38] == b"\0\x35":
            seen.append(decode(packet[42:]).questions[0].name)

    stop = cluster.tap(tap, client.netns.devices["eth0"])
    client.http_get(f"http://{name}/")
    stop()
    return seen


def test_search_order_with_ndots_5(cluster: Cluster, client: Pod) -> None:
    base = "svc.cluster.local."
    for name, expected in (
        ("web", [f"web.shop.{base}"]),
        ("web.shop", [f"web.shop.shop.{base}", f"web.shop.{base}"]),
        ("example.com", [f"example.com.shop.{base}", f"example.com.{base}", "example.com.cluster.local.", "example.com."]),
        (f"web.shop.{base[:-1]}", [f"web.shop.{base}shop.{base}", f"web.shop.{base}{base}", f"web.shop.{base}cluster.local.", f"web.shop.{base}"]),
        ("a.b.c.d.e.example.com", ["a.b.c.d.e.example.com."]),
        (f"web.shop.{base}", [f"web.shop.{base}"]),
    ):
        assert queries(cluster, client, name) == expected, name


def test_names_work_in_programs(cluster: Cluster, client: Pod) -> None:
    assert client.http_get("http://web.shop/").body == "web"
    assert client.http_get("http://web/").body == "web"
    assert "Name or service not known" in str(client.http_get("http://lost/").error)


def test_resolv_conf(cluster: Cluster, client: Pod) -> None:
    assert cluster.dns is not None
    assert str(cluster.dns.resolv_conf(client.spec)) == (
        "nameserver 10.96.0.10\nsearch shop.svc.cluster.local svc.cluster.local cluster.local\noptions ndots:5\n"
    )
    text = "nameserver 1.1.1.1\nnameserver 2.2.2.2\nnameserver 3.3.3.3\nnameserver 4.4.4.4\nsearch a b # c\noptions ndots:2 timeout:1 rotate\n"
    assert ResolvConf.parse(text) == ResolvConf(("1.1.1.1", "2.2.2.2", "3.3.3.3"), ("a", "b"), 2, 1.0)


def test_without_servers_it_says_so_and_takes_its_time() -> None:
    with Cluster(nodes=1, seed=1, dns=True) as cluster:
        cluster.run_pod("client")
        deployment = cluster.get("Deployment", "coredns", "kube-system")
        deployment.replicas = 0
        cluster.apply(deployment)
        cluster.run(seconds=40.0)
        start = cluster.sim.now
        reply = cluster.pod("client").http_get("http://web/")
        assert "Temporary failure in name resolution" in str(reply.error)  # refused at once: the Service has no endpoints
        assert cluster.sim.now - start < 1e9
