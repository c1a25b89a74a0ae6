"""What the images of public manifests do when they run here."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator

import pytest

from emu import Cluster
from emu.apps.agnhost import duration
from emu.apps.echo import udp_request
from emu.apps.http_client import Response, http_get, http_request
from emu.apps.redis import RedisError, command
from emu.k8s.images import note_of, tag_of
from emu.k8s.objects import Container, ContainerPort
from emu.lab import Pod
from emu.lab.ask.question import ask

PODS = """
apiVersion: v1
kind: Pod
metadata: {name: client}
spec: {nodeName: node1, containers: [{name: c, image: busybox}]}
---
apiVersion: v1
kind: Pod
metadata: {name: net}
spec: {nodeName: node2, containers: [{name: c, image: "registry.k8s.io/e2e-test-images/agnhost:2.47", args: [netexec, --http-port=80, --udp-port, "90"]}]}
---
apiVersion: v1
kind: Pod
metadata: {name: other}
spec: {nodeName: node1, containers: [{name: c, image: agnhost, args: [netexec]}]}
---
apiVersion: v1
kind: Pod
metadata: {name: name-server}
spec:
  nodeName: node1
  containers:
  - {name: http, image: agnhost, args: [serve-hostname]}
  - {name: tcp, image: agnhost, args: [serve-hostname, --tcp, --port, "9377"]}
  - {name: porter, image: agnhost, args: [porter], env: [{name: SERVE_PORT_81, value: eighty-one}]}
---
apiVersion: v1
kind: Pod
metadata: {name: echo-old}
spec: {nodeName: node2, containers: [{name: c, image: "registry.k8s.io/echoserver:1.4"}]}
---
apiVersion: v1
kind: Pod
metadata: {name: echo-new}
spec: {nodeName: node2, containers: [{name: c, image: "registry.k8s.io/echoserver:1.10"}]}
---
apiVersion: v1
kind: Pod
metadata: {name: store}
spec: {nodeName: node2, containers: [{name: c, image: "docker.io/redis:6.0.5", ports: [{containerPort: 6379}]}]}
---
apiVersion: v1
kind: Pod
metadata: {name: shop}
spec:
  nodeName: node1
  containers:
  - name: server
    image: example.com/shop
    ports: [{containerPort: 8080, name: web}]
    readinessProbe: {httpGet: {path: "/_healthz?deep=1", port: web}, periodSeconds: 1}
    livenessProbe: {tcpSocket: {port: 9000}}
---
apiVersion: v1
kind: Pod
metadata: {name: web}
spec: {nodeName: node1, containers: [{name: c, image: nginx, readinessProbe: {httpGet: {path: /, port: 80}, periodSeconds: 1}}]}
---
apiVersion: v1
kind: Pod
metadata: {name: no-udp}
spec: {nodeName: node1, containers: [{name: c, image: agnhost, args: [netexec, --udp-port=-1]}]}
---
apiVersion: v1
kind: Pod
metadata: {name: bad-port}
spec: {nodeName: node1, containers: [{name: b, image: agnhost, args: [netexec, --http-port=99999]}]}
---
apiVersion: v1
kind: Pod
metadata: {name: taken}
spec:
  nodeName: node1
  containers:
  - {name: a, image: "redis:7"}
  - {name: b, image: "redis:7", args: [--port, "6379"]}
---
apiVersion: v1
kind: Pod
metadata: {name: strange}
spec: {nodeName: node2, containers: [{name: c, image: "example.com/mine:1", ports: [{containerPort: 7000}, {containerPort: 7001, protocol: UDP}]}]}
"""


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with Cluster(nodes=2, seed=1) as cluster:
        cluster.apply(PODS, wait=False)
        cluster.run(seconds=5.0)
        yield cluster


@pytest.fixture
def client(cluster: Cluster) -> Pod:
    return cluster.pod("client")


def get(client: Pod, where: str, **options: object) -> Response:
    trace = client.run(http_get(f"http://{where}", timeout=20.0, **options))  # type: ignore[arg-type]
    assert trace.error == "", trace.error
    answer: Response = trace.result
    return answer


def test_netexec_over_http(cluster: Cluster, client: Pod) -> None:
    net = cluster.pod("net").ip
    assert get(client, f"{net}/hostname").body == get(client, f"{net}/hostName").body == "net"
    assert get(client, f"{net}/clientip").body.startswith(f"{client.ip}:")
    assert get(client, f"{net}/").body.startswith("NOW: 2025-01-01 00:0")
    assert get(client, f"{net}/no/such/path").body.startswith("NOW: ")
    echo = get(client, f"{net}/echo?msg=a%20b&code=404")
    assert (echo.status, echo.body) == (404, "a b")
    assert get(client, f"{net}/echo?msg=x&code=many").body == "argument 'code' must be an integer or empty, got \"many\"\n"
    assert get(client, f"{net}/header?key=x-one", headers=[("X-One", "1")]).body == "1"
    assert json.loads(get(client, f"{net}/header", headers=[("x-one", "1")]).body)["X-One"] == ["1"]
    moved = get(client, f"{net}/redirect?location=/hostname")
    assert (moved.status, moved.header("location")) == (302, "/hostname")
    assert get(client, f"{net}/shell?cmd=id").status == 501


def test_netexec_says_whether_it_is_well(cluster: Cluster, client: Pod) -> None:
    net = cluster.pod("net")
    assert get(client, f"{net.ip}/healthz").status == 200
    net.set_ready(False, wait=False)
    assert get(client, f"{net.ip}/healthz").status == 412
    net.set_ready(True)


def test_netexec_without_udp_is_never_well(cluster: Cluster, client: Pod) -> None:
    """As there: its health is that of its UDP server."""
    assert get(client, f"{cluster.pod('no-udp').ip}:8080/healthz").status == 412


@pytest.mark.parametrize("name", ["bad-port", "taken"])
def test_a_server_that_cannot_listen_ends_and_is_started_again(cluster: Cluster, name: str) -> None:
    status = cluster.pod(name).spec.statuses["b"]
    assert status.exit_code == 1
    assert status.restarts > 0
    assert status.reason == "CrashLoopBackOff"


def test_netexec_over_udp(cluster: Cluster, client: Pod) -> None:
    net = cluster.pod("net").ip

    def ask(text: bytes) -> object:
        trace = client.run(udp_request(net, 90, text, timeout=1.0, source_port=4000))
        return trace.result if not trace.error else trace.error

    assert ask(b"hostname\n") == ask(b"hostName") == b"net"
    assert ask(b"clientip") == f"{client.ip}:4000".encode()
    assert ask(b"echo Hello You") == b"hello you"
    assert "TimeoutError" in str(ask(b"what?"))


def test_netexec_asks_another(cluster: Cluster, client: Pod) -> None:
    net, other = cluster.pod("net").ip, cluster.pod("other").ip
    assert get(client, f"{other}:8080/dial?host={net}&port=80&request=hostname&tries=2").body == '{"responses":["net","net"]}'
    assert get(client, f"{other}:8080/dial?host={net}&port=90&protocol=udp&request=hostname").body == '{"responses":["net"]}'
    refused = json.loads(get(client, f"{other}:8080/dial?host={net}&port=81&request=hostname").body)
    assert list(refused) == ["errors"]
    assert get(client, f"{other}:8080/dial?host={net}&port=80").status == 400


def test_netexec_ends_when_it_is_asked_to(cluster: Cluster, client: Pod) -> None:
    other = cluster.pod("other")
    get(client, f"{other.ip}:8080/exit?code=3&timeout=1s")
    cluster.run(seconds=2.0)
    status = other.spec.statuses["c"]
    assert (status.exit_code, status.restarts) == (3, 1)
    assert get(client, f"{other.ip}:8080/hostname").body == "other"


def test_serve_hostname_and_porter(cluster: Cluster, client: Pod) -> None:
    server = cluster.pod("name-server").ip
    assert get(client, f"{server}:9376/").body == "name-server"
    assert client.run(read_all(server, 9377)).result == b"name-server"
    assert get(client, f"{server}:81/").body == "eighty-one"


async def read_all(host: str, port: int) -> bytes:
    reader, writer = await asyncio.open_connection(host, port)
    text = await reader.read()
    writer.close()
    return text


def test_echoserver_tells_the_request_back(cluster: Cluster, client: Pod) -> None:
    old = get(client, f"{cluster.pod('echo-old').ip}:8080/a?b=c", headers=[("X-One", "1")]).body.splitlines()
    assert old[:5] == ["CLIENT VALUES:", f"client_address={client.ip}", "command=GET", "real path=/a", "query=b=c"]
    assert "x-one=1" in old[old.index("HEADERS RECEIVED:") :]
    new = get(client, f"{cluster.pod('echo-new').ip}:8080/").body
    assert "\nHostname: echo-new\n" in new
    assert f"\tclient_address={client.ip}\n" in new
    assert "-no body in request-" in new
    post = client.run(http_request("POST", f"http://{cluster.pod('echo-new').ip}:8080/", content=b"me", timeout=5.0)).result.body
    assert "\tmethod=POST\n" in post
    assert post.endswith("Request Body:\n\tme\n\n")


def test_redis(cluster: Cluster, client: Pod) -> None:
    store = cluster.pod("store").ip

    def ask(*words: bytes) -> object:
        trace = client.run(command(store, 6379, *words))
        return trace.result if not trace.error else str(trace.result)

    assert ask(b"PING") == b"PONG"
    assert ask(b"GET", b"k") is None
    assert [ask(b"SET", b"k", b"a b\r\nc"), ask(b"GET", b"k"), ask(b"EXISTS", b"k"), ask(b"DEL", b"k"), ask(b"DBSIZE")] == [
        b"OK", b"a b\r\nc", b"1", b"1", b"0",
    ]  # fmt: skip
    assert [ask(b"INCR", b"n"), ask(b"INCR", b"n")] == [b"1", b"2"]
    assert ask(b"SET", b"k") == "ERR wrong number of arguments for 'set' command"
    assert ask(b"FLY") == "ERR unknown command 'FLY'"
    assert isinstance(client.run(command(store, 6379, b"GET")).result, RedisError)


@pytest.mark.parametrize("text", ["PING\r\n", "ping\n", "*1\r\n$4\r\nPING\r\n"])
def test_redis_takes_what_is_typed(cluster: Cluster, client: Pod, text: str) -> None:
    assert client.run(talk(cluster.pod("store").ip, 6379, text.encode())).result == b"+PONG\r\n"


@pytest.mark.parametrize("text", [b"*99999999\r\n", b"*1\r\n$-5\r\n", b"*1\r\n$99999999999\r\n", b"*x\r\n", b"*1\r\nPING\r\n", b"x" * 100_000 + b"\r\n"])
def test_redis_ends_a_connection_that_makes_no_sense(cluster: Cluster, client: Pod, text: bytes) -> None:
    assert client.run(talk(cluster.pod("store").ip, 6379, text)).result.startswith(b"-ERR Protocol error")


async def talk(host: str, port: int, text: bytes) -> bytes:
    reader, writer = await asyncio.open_connection(host, port)
    writer.write(text)
    answer = await reader.read(100)
    writer.close()
    return answer


def test_an_unknown_image_echoes_and_says_so(cluster: Cluster, client: Pod) -> None:
    strange = cluster.pod("strange")
    assert client.run(talk(strange.ip, 7000, b"hi")).result == b"hi"
    assert client.run(udp_request(strange.ip, 7001, b"ho", timeout=1.0)).result == b"ho"
    assert note_of(strange.spec.spec.containers[0]) == "image example.com/mine:1 is not known here: it echoes on 7000/TCP, 7001/UDP"


def test_an_unknown_image_serves_what_its_probes_ask_for(cluster: Cluster, client: Pod) -> None:
    """Where an httpGet probe asks there is HTTP; a tcpSocket probe finds an echo, though the port is not declared."""
    shop = cluster.pod("shop")
    assert shop.ready
    assert get(client, f"{shop.ip}:8080/_healthz").status == 200
    assert client.run(talk(shop.ip, 9000, b"hi")).result == b"hi"
    assert note_of(shop.spec.spec.containers[0]) == "image example.com/shop is not known here: it echoes on 9000/TCP and serves HTTP on 8080"
    shop.set_ready(False)
    assert not cluster.pod("shop").ready
    assert get(client, f"{shop.ip}:8080/_healthz").status == 500


def test_a_web_server_that_is_not_well_fails_the_path_its_probe_asks(cluster: Cluster, client: Pod) -> None:
    web = cluster.pod("web")
    assert get(client, f"{web.ip}/").body == "web"
    web.set_ready(False)
    assert not web.ready
    assert get(client, f"{web.ip}/").status == 500
    assert get(client, f"{web.ip}/other").body == "web"
    web.set_ready(True)


def test_a_port_called_http_serves_it() -> None:
    ports = (ContainerPort(8000, name="http-api"), ContainerPort(8443, name="https"), ContainerPort(53, "UDP", "http3"))
    assert note_of(Container("c", ports, image="mine")) == "image mine is not known here: it echoes on 8443/TCP, 53/UDP and serves HTTP on 8000"


def test_an_answer_that_is_not_http_is_a_verdict(cluster: Cluster) -> None:
    answer = ask(cluster, "client", "strange:7000", protocol="http")
    assert not answer.delivered
    assert "pod default/strange was reached, but the answer is not HTTP" in answer.verdict
    assert answer.trace.hops


def test_notes() -> None:
    assert note_of(Container("c", image="perl:5.34")) == "image perl:5.34 is not known here: it listens nowhere"
    assert note_of(Container("c", image="agnhost", args=("liveness",))) == "agnhost liveness is not emulated: it only sleeps"
    for image in ("nginx", "busybox:1.28", "registry.k8s.io/echoserver:1.10", "redis", "gcr.io/google_samples/gb-redis-follower:v2", "agnhost"):
        assert note_of(Container("c", (ContainerPort(80),), image=image)) == "", image


def test_tags_and_durations() -> None:
    assert [tag_of(image) for image in ("nginx", "nginx:1.25", "host:5000/nginx", "host:5000/nginx:1@sha256:00")] == ["", "1.25", "", "1"]
    assert [duration(text) for text in ("", "0", "250ms", "1m30s", "1.5h", "5", "s", "1s!")] == [0.0, 0.0, 0.25, 90.0, 5400.0, None, None, None]
