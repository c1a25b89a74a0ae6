"""kubectl's verbs on a live cluster: what they print, what they change, and their errors."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from emu import Cluster
from emu.aio.process import run as run_program
from emu.shell.kubectl.columns import age
from emu.shell.kubectl.command import exec_target, run
from emu.shell.kubectl.jsonpath import evaluate
from emu.shell.kubectl.session import Session

APP = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {app: web}}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: nginx, image: "nginx:1.27", ports: [{containerPort: 80}]}]}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {type: NodePort, clusterIP: 10.96.0.80, selector: {app: web}, ports: [{port: 80, nodePort: 30080}]}
---
apiVersion: v1
kind: Pod
metadata: {name: client, labels: {role: client}}
spec: {terminationGracePeriodSeconds: 3, containers: [{name: c, image: busybox}]}
"""


class Screen:
    """What kubectl prints and reads."""

    def __init__(self, given: bytes = b"") -> None:
        self.out, self.err = "", ""
        self._given = [given] if given else []

    def write(self, data: bytes) -> None:
        self.out += data.decode()

    def error(self, data: bytes) -> None:
        self.err += data.decode()

    async def read(self) -> bytes:
        return self._given.pop() if self._given else b""

    def path(self, name: str) -> str:
        return name


class Kubectl:
    """`k("get pods")` gives what is printed; `k.status`, `k.err`."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.session = Session(cluster)
        self.status = 0
        self.err = ""

    def __call__(self, line: str, stdin: str = "") -> str:
        screen = Screen(stdin.encode())
        self.status = run_program(self.cluster.loop, self.cluster.nodes[0].netns, run(self.session, ["kubectl", *line.split()], screen), "kubectl")
        self.err = screen.err
        return screen.out


@pytest.fixture
def k() -> Iterator[Kubectl]:
    with Cluster(nodes=2, seed=1) as cluster:
        cluster.apply(APP)
        cluster.run(seconds=65.0)
        yield Kubectl(cluster)


def fields(text: str) -> list[list[str]]:
    return [line.split() for line in text.splitlines()]


def test_get_pods(k: Kubectl) -> None:
    header, *rows = fields(k("get pods"))
    assert header == ["NAME", "READY", "STATUS", "RESTARTS", "AGE"]
    assert [row[1:] for row in rows] == [["1/1", "Running", "0", "65s"]] * 3
    assert [row[0].partition("-")[0] for row in rows] == ["client", "web", "web"]
    wide = fields(k("get po -o wide -l app=web --no-headers"))
    assert {row[6] for row in wide} == {"node1", "node2"}
    assert all(row[5].startswith("10.244.") for row in wide)


def test_get_everything_else(k: Kubectl) -> None:
    assert fields(k("get svc web"))[1] == ["web", "NodePort", "10.96.0.80", "<none>", "80:30080/TCP", "65s"]
    assert fields(k("get deployment"))[1] == ["web", "2/2", "2", "2", "65s"]
    assert fields(k("get rs"))[1][1:4] == ["2", "2", "2"]
    assert fields(k("get nodes -o wide"))[1][:6] == ["node1", "Ready", "<none>", "65s", "v1.36.2", "192.168.0.2"]
    assert len(fields(k("get endpoints web"))[1][1].split(",")) == 2
    assert fields(k("get endpointslices"))[1][1:3] == ["IPv4", "80"]
    assert k("get pods -A").splitlines()[1].startswith("default ")
    every = k("get all")
    assert "pod/client " in every
    assert "deployment.apps/web " in every
    assert k("get pods -o name").splitlines()[0] == "pod/client"
    assert k("get pod client --show-labels").splitlines()[1].endswith("role=client")


def test_get_as_data(k: Kubectl) -> None:
    service = yaml.safe_load(k("get svc web -o yaml"))
    assert service["spec"]["ports"] == [{"port": 80, "protocol": "TCP", "targetPort": 80, "nodePort": 30080}]
    pods = json.loads(k("get pods -l app=web -o json"))
    assert [item["status"]["phase"] for item in pods["items"]] == ["Running", "Running"]
    assert pods["items"][0]["metadata"]["ownerReferences"][0]["kind"] == "ReplicaSet"
    assert k("get svc web -o jsonpath={.spec.clusterIP}") == "10.96.0.80"
    assert len(k("get pods -l app=web -o jsonpath={.items[*].status.podIP}").split()) == 2
    assert fields(k("get pods -o custom-columns=N:.metadata.name,IP:.status.podIP"))[0] == ["N", "IP"]


def test_what_is_shown_can_be_applied(k: Kubectl) -> None:
    for what in ("svc/web", "deploy/web"):
        text = k(f"get {what} -o yaml")
        assert k("apply -f -", text).split()[1] == "configured"
    assert fields(k("get svc web"))[1][2] == "10.96.0.80"


def test_describe(k: Kubectl) -> None:
    assert "Endpoints:" in k("describe svc web")
    assert "Controlled By:" in k(f"describe pod {k('get pods -l app=web -o name').splitlines()[0].partition('/')[2]}")
    assert "PodCIDR:" in k("describe node node1")
    assert "Replicas:" in k("describe deploy/web")


def test_apply_and_delete(k: Kubectl, tmp_path: Path) -> None:
    file = tmp_path / "more.yaml"
    file.write_text("apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n---\napiVersion: v1\nkind: ServiceAccount\nmetadata: {name: x}\n")
    assert k(f"apply -f {file}") == "namespace/shop created\n"
    assert k.err == "Warning: ServiceAccount (v1) does not matter for networking here: skipped\n"
    assert k(f"apply -f {file}") == "namespace/shop unchanged\n"
    assert k("delete ns shop") == 'namespace "shop" deleted\n'
    start = k.cluster.sim.now
    assert k("delete pod client") == 'pod "client" deleted from default namespace\n'
    assert k.cluster.sim.now - start == pytest.approx(3e9, abs=0.3e9)  # it waited for the grace
    k("get pod client")
    assert (k.status, k.err) == (1, 'Error from server (NotFound): pods "client" not found\n')


def test_scale_rollout_and_wait(k: Kubectl) -> None:
    assert k("scale deployment web --replicas=3") == "deployment.apps/web scaled\n"
    assert k("rollout status deploy/web").splitlines()[-1] == 'deployment "web" successfully rolled out'
    before = k("get pods -l app=web -o name")
    assert k("set image deploy/web nginx=httpd") == "deployment.apps/web image updated\n"
    told = k("rollout status deployment/web")
    assert 'Waiting for deployment "web" rollout to finish' in told
    assert not set(before.split()) & set(k("get pods -l app=web -o name").split())
    assert k("rollout restart deployment web") == "deployment.apps/web restarted\n"
    assert k("wait --for=condition=available deployment/web --timeout=60s") == "deployment.apps/web condition met\n"


def test_labels_steer_traffic(k: Kubectl) -> None:
    pod = k("get pods -l app=web -o name").splitlines()[0]
    assert k(f"label {pod} app-") == f"{pod} unlabeled\n"
    assert len(fields(k("get endpoints web"))[1][1].split(",")) == 2  # the ReplicaSet's own count is by owner; a Service goes by labels
    assert pod.partition("/")[2] not in k("get pods -l app=web -o name")
    k("label pod client role=other")
    assert "--overwrite is false" in k.err
    assert k("label pod client role=other --overwrite") == "pod/client labeled\n"


def test_cordon_and_drain(k: Kubectl) -> None:
    assert k("cordon node1") == "node/node1 cordoned\n"
    assert fields(k("get node node1"))[1][1] == "Ready,SchedulingDisabled"
    k("drain node1")
    if k.status:
        assert "cannot delete Pods that declare no controller" in k.err
    out = k("drain node1 --force --ignore-daemonsets")
    assert out.splitlines()[-1] == "node/node1 drained"
    k.cluster.run(seconds=1.0)
    assert {row[6] for row in fields(k("get po -o wide -l app=web --no-headers"))} == {"node2"}
    assert k("uncordon node1") == "node/node1 uncordoned\n"


def test_run_create_and_expose(k: Kubectl) -> None:
    assert k("run probe --image=nginx --port=80 --labels=app=probe") == "pod/probe created\n"
    assert k("expose pod probe --port=8080 --target-port=80") == "service/probe exposed\n"
    k.cluster.run(seconds=1.0)
    vip = k("get svc probe -o jsonpath={.spec.clusterIP}")
    assert k.cluster.pod("client").http_get(f"http://{vip}:8080/").body == "probe"
    assert k("create deployment api --image=httpd --replicas=2") == "deployment.apps/api created\n"
    assert k("create namespace shop") == "namespace/shop created\n"
    assert k("-n shop get pods") == ""
    assert k.err == "No resources found in shop namespace.\n"


def test_exec_says_where_and_what(k: Kubectl) -> None:
    assert exec_target(k.session, "kubectl exec -it client -- ip a".split(), Screen())[:2] == ("client", ["ip", "a"])
    assert exec_target(k.session, "kubectl exec deploy/web -c nginx -- hostname".split(), Screen())[0].startswith("web-")


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("", "error: a verb is missing"),
        ("frobnicate", 'error: unknown command "frobnicate" for "kubectl"'),
        ("port-forward svc/web 80", "emu: not emulated: kubectl port-forward"),
        ("get gadgets", 'error: the server doesn\'t have a resource type "gadgets"'),
        ("get pods --fancy", "error: unknown flag: --fancy"),
        ("get pods -o xml", 'error: unable to match a printer suitable for the output format "xml"'),
        ("delete pod lost", 'Error from server (NotFound): pods "lost" not found'),
        ("scale deploy web", 'error: required flag(s) "replicas" not set'),
        ("scale deploy web --replicas=x", 'error: invalid argument "x" for "--replicas" flag'),
        ("apply -f missing.yaml", "error: missing.yaml: No such file or directory"),
        ("get pods -l a=b=c", "error: unable to parse requirement"),
        ("get pods -o jsonpath={.items[}", "error: error parsing jsonpath"),
    ],
)
def test_errors_are_one_line_and_status_1(k: Kubectl, line: str, complaint: str) -> None:
    assert k(line) == ""
    assert k.status == 1
    assert k.err.startswith(complaint)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0s"), (119, "119s"), (120, "2m"), (150, "2m30s"), (600, "10m"), (10_800, "3h"), (12_000, "3h20m"), (90_000, "25h"), (200_000, "2d7h")],
)
def test_ages(seconds: int, text: str) -> None:
    assert age(seconds * 1_000_000_000) == text


def test_jsonpath() -> None:
    value = {"items": [{"name": "a", "ports": [1, 2]}, {"name": "b", "ports": [3]}], "x.y": {"z": True}}
    for template, expected in (
        ("{.items[*].name}", "a b"), ("{.items[0].ports}", "[1,2]"), ("{.items[-1].name}", "b"), ("{.missing}", ""), (r"{.x\.y.z}", "true"),
        ('{range .items[*]}{.name}{"\\n"}{end}', "a\nb\n"), ('{.items[?(@.name=="b")].ports[0]}', "3"), ("n: {.items[0]['name']}", "n: a"),
    ):  # fmt: skip
        assert evaluate(template, value) == expected
