"""Ingress: hosts and paths, a proxy between two connections, who the client is to whom."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from emu import Cluster
from emu.apps.http_client import http_get
from emu.k8s.ingress.routing import host_rank, path_rank

WEB = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: %(name)s}
spec:
  replicas: 2
  selector: {matchLabels: {app: %(name)s}}
  template:
    metadata: {labels: {app: %(name)s}}
    spec: {containers: [{name: web, image: agnhost, args: [netexec], ports: [{containerPort: 8080, name: web}]}]}
---
apiVersion: v1
kind: Service
metadata: {name: %(name)s}
spec: {selector: {app: %(name)s}, ports: [{name: http, port: 80, targetPort: web}]}
---
"""
INGRESS = """
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: shop}
spec:
  rules:
  - host: shop.example
    http:
      paths:
      - {path: /, pathType: Prefix, backend: {service: {name: front, port: {name: http}}}}
      - {path: /echo, pathType: Exact, backend: {service: {name: api, port: {number: 80}}}}
      - {path: /gone, pathType: Prefix, backend: {service: {name: nowhere, port: {number: 80}}}}
  - host: "*.blog.example"
    http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: api, port: {number: 80}}}}]}
"""


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with Cluster(nodes=2, seed=1, dns=True) as cluster:
        cluster.apply(WEB % {"name": "front"} + WEB % {"name": "api"} + INGRESS)
        cluster.run(seconds=5.0)  # the balancer's health checks find the controller's node
        yield cluster


def get(cluster: Cluster, url: str, headers: list[tuple[str, str]] | None = None) -> tuple[int, str]:
    trace = cluster.internet.run(http_get(url, timeout=5.0, headers=headers), f"GET {url}")
    assert trace.error == ""
    return trace.result.status, trace.result.body


def test_hosts_and_paths(cluster: Cluster) -> None:
    assert get(cluster, "http://shop.example/hostname")[1].startswith("front-")
    assert get(cluster, "http://shop.example/echo?msg=hi") == (200, "hi")
    assert get(cluster, "http://www.blog.example/hostname")[1].startswith("api-")
    assert get(cluster, "http://shop.example/gone/away")[0] == 503
    address = cluster.get("Ingress", "shop").lb_ips[0]
    assert get(cluster, f"http://{address}/")[0] == 404


def test_endpoints_take_turns(cluster: Cluster) -> None:
    assert len({get(cluster, "http://shop.example/hostname")[1] for _ in range(4)}) == 2


def test_who_the_client_is(cluster: Cluster) -> None:
    """The proxy sees the client itself (policy Local), the backend sees the proxy, and is told."""
    controller = next(pod for pod in cluster.pods if pod.name.startswith("ingress-nginx-controller"))
    assert get(cluster, "http://shop.example/clientip")[1].partition(":")[0] == controller.ip
    assert get(cluster, "http://shop.example/header?key=X-Forwarded-For")[1] == cluster.internet.ip
    assert get(cluster, "http://shop.example/header?key=X-Forwarded-For", [("X-Forwarded-For", "192.0.2.1")])[1] == f"192.0.2.1, {cluster.internet.ip}"
    assert get(cluster, "http://shop.example/header?key=X-Forwarded-Host")[1] == "shop.example"


def test_two_connections_can_be_seen(cluster: Cluster) -> None:
    trace = cluster.internet.http_get("http://shop.example/hostname").trace
    front = next(pod for pod in cluster.pods if pod.name.startswith("front-"))
    assert any(hop.netns == "ingress-nginx_" + pod.name for hop in trace.hops for pod in cluster.pods if pod.name.startswith("ingress"))
    assert any(hop.netns.startswith("front-") for hop in trace.hops), front


def test_a_default_backend_takes_the_rest(cluster: Cluster) -> None:
    text = "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: rest}\nspec: {defaultBackend: {service: {name: api, port: {number: 80}}}}\n"
    cluster.apply(text)
    address = cluster.get("Ingress", "shop").lb_ips[0]
    assert get(cluster, f"http://{address}/hostname")[1].startswith("api-")
    assert get(cluster, "http://shop.example/hostname")[1].startswith("front-")
    cluster.delete(text)


@pytest.mark.parametrize(
    ("rule", "kind", "path", "fits"),
    [
        ("/", "Prefix", "/any", True), ("/foo", "Exact", "/foo", True), ("/foo", "Exact", "/foo/", False), ("/foo", "Prefix", "/foo/", True),
        ("/foo/", "Prefix", "/foo", True), ("/aaa/bb", "Prefix", "/aaa/bbb", False), ("/aaa/bbb", "Prefix", "/aaa/bbb/ccc", True),
        ("/aaa/bbb", "Prefix", "/aaa/bbbxyz", False), ("/foo", "Exact", "/bar", False),
    ],
)  # fmt: skip
def test_paths_as_the_documentation_lists_them(rule: str, kind: str, path: str, fits: bool) -> None:
    assert (path_rank(rule, kind, path) >= 0) == fits


def test_hosts_as_the_documentation_lists_them() -> None:
    assert [host_rank("*.foo.com", host) for host in ("bar.foo.com", "baz.bar.foo.com", "foo.com")] == [1, -1, -1]
    assert (host_rank("", "x"), host_rank("x", "x"), host_rank("y", "x")) == (0, 2, -1)
