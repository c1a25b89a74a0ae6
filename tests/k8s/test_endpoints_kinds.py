"""Endpoints that nobody selects, legacy objects, and hints that keep traffic near."""

from __future__ import annotations

from emu import Cluster
from emu.k8s.objects import LABEL_ZONE, Node

OUTSIDE = """
apiVersion: v1
kind: Service
metadata: {name: db}
spec: {ports: [{port: 80}]}
---
apiVersion: %s
"""


def test_a_slice_written_by_hand() -> None:
    with Cluster(nodes=1, seed=1) as cluster:
        cluster.internet.serve_http(8080)
        client = cluster.run_pod("client")
        cluster.apply(
            OUTSIDE
            % f"""discovery.k8s.io/v1
kind: EndpointSlice
metadata: {{name: db-1, labels: {{kubernetes.io/service-name: db}}}}
addressType: IPv4
ports: [{{port: 8080}}]
endpoints: [{{addresses: [{cluster.internet.ip}]}}]
"""
        )
        vip = cluster.get("Service", "db").cluster_ip
        assert client.http_get(f"http://{vip}/hostname").body == "internet"


def test_a_legacy_endpoints_object_is_mirrored() -> None:
    with Cluster(nodes=1, seed=1) as cluster:
        cluster.internet.serve_http(8080)
        client = cluster.run_pod("client")
        text = OUTSIDE % f"v1\nkind: Endpoints\nmetadata: {{name: db}}\nsubsets: [{{addresses: [{{ip: {cluster.internet.ip}}}], ports: [{{port: 8080}}]}}]\n"
        cluster.apply(text)
        vip = cluster.get("Service", "db").cluster_ip
        assert client.http_get(f"http://{vip}/hostname").body == "internet"
        cluster.delete(text.partition("---")[2])
        assert not cluster.api.slices
        assert client.http_get(f"http://{vip}/").refused


def test_traffic_stays_in_its_zone_and_on_its_node() -> None:
    nodes = [Node(f"n{number}", "", "", {LABEL_ZONE: zone}) for number, zone in enumerate("aab")]
    with Cluster(nodes, seed=1) as cluster:
        for node in cluster.nodes:
            cluster.run_pod(f"web-{node.name}", node=node.name, labels={"app": "web"}, serve_http=80)
        clients = {node.name: cluster.run_pod(f"client-{node.name}", node=node.name) for node in cluster.nodes}

        def reached(vip: str, node: str) -> set[str]:
            return {clients[node].http_get(f"http://{vip}/hostname").body for _ in range(12)}

        for distribution, expected in (
            ("", [{"web-n0", "web-n1", "web-n2"}] * 3),
            ("PreferClose", [{"web-n0", "web-n1"}, {"web-n0", "web-n1"}, {"web-n2"}]),
            ("PreferSameNode", [{"web-n0"}, {"web-n1"}, {"web-n2"}]),
        ):
            service = cluster.expose(f"web{distribution.lower()}", selector={"app": "web"}, port=80, traffic_distribution=distribution)
            assert [reached(service.cluster_ip, f"n{number}") for number in range(3)] == expected, distribution
        service = cluster.get("Service", "webprefersamenode")
        cluster.pod("web-n0").set_ready(False)
        assert reached(service.cluster_ip, "n0") == {"web-n1"}  # none on the node: its zone's
