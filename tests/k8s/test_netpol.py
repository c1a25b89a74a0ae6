"""NetworkPolicy by its truth tables: namespaces x, y, z with pods a, b, c, every pod serving ports 80 and 81; real connections judge.

Each case: policies, and who may still reach whom (section 9.4 of the facts pins down what they mean).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from emu import Cluster
from emu.k8s.objects import Container, ContainerPort
from emu.lab import Pod, programs

SPACES, LETTERS = ("x", "y", "z"), ("a", "b", "c")
Reach = Callable[[str, str, int], bool]  # from "x/a", to "y/b", port


@pytest.fixture(scope="module")
def world() -> Iterator[Cluster]:
    with Cluster(nodes=2, seed=1) as cluster:
        for space in SPACES:
            cluster.apply(f"apiVersion: v1\nkind: Namespace\nmetadata: {{name: {space}, labels: {{ns: {space}}}}}")
            for letter in LETTERS:
                containers = [Container(f"p{port}", (ContainerPort(port, name=f"serve-{port}"),), programs.http(port)) for port in (80, 81)]
                cluster.run_pod(letter, namespace=space, labels={"pod": letter}, containers=containers)
        yield cluster


@pytest.fixture
def cluster(world: Cluster) -> Iterator[Cluster]:
    yield world
    for policy in list(world.api.all("NetworkPolicy").values()):
        world.delete(policy)


def policy(name: str, spec: str, namespace: str = "x") -> str:
    return f"apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: {name}, namespace: {namespace}}}\nspec: {spec}\n---\n"


def find(cluster: Cluster, name: str) -> Pod:
    space, _, letter = name.partition("/")
    return cluster.pod(letter, space)


def reaches(cluster: Cluster, source: str, target: str, port: int = 80) -> bool:
    return find(cluster, source).http_get(f"http://{find(cluster, target).ip}:{port}/hostname", timeout=0.5).ok


ALL = [f"{space}/{letter}" for space in SPACES for letter in LETTERS]
TO_A = [name for name in ALL if name != "x/a"]


def who_reaches(cluster: Cluster, target: str, port: int = 80) -> list[str]:
    return [name for name in ALL if name != target and reaches(cluster, name, target, port)]


SELECT_A = "podSelector: {matchLabels: {pod: a}}"


@pytest.mark.parametrize(
    ("policies", "allowed"),
    [
        ([], TO_A),
        (["{podSelector: {}}"], []),
        (["{%s, policyTypes: [Ingress]}"], []),
        (["{%s, ingress: [{}]}"], TO_A),
        (["{%s, ingress: [{from: [{podSelector: {}}]}]}"], ["x/b", "x/c"]),
        (["{%s, ingress: [{from: [{podSelector: {matchLabels: {pod: b}}}]}]}"], ["x/b"]),
        (["{%s, ingress: [{from: [{namespaceSelector: {matchLabels: {ns: y}}}]}]}"], ["y/a", "y/b", "y/c"]),
        (["{%s, ingress: [{from: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: z}}}]}]}"], ["z/a", "z/b", "z/c"]),
        (["{%s, ingress: [{from: [{namespaceSelector: {matchLabels: {ns: y}}, podSelector: {matchLabels: {pod: b}}}]}]}"], ["y/b"]),
        (["{%s, ingress: [{from: [{namespaceSelector: {matchLabels: {ns: y}}}, {podSelector: {matchLabels: {pod: b}}}]}]}"], ["x/b", "y/a", "y/b", "y/c"]),
        (["{%s, ingress: [{from: [{namespaceSelector: {matchExpressions: [{key: ns, operator: NotIn, values: [x]}]}}]}]}"],
         [name for name in ALL if not name.startswith("x")]),
        (["{podSelector: {}}", "{%s, ingress: [{from: [{podSelector: {matchLabels: {pod: c}}}]}]}"], ["x/c"]),
        (["{%s, ingress: [{}]}", "{%s, ingress: [{from: [{podSelector: {matchLabels: {pod: c}}}]}]}"], TO_A),
        (["{%s, ingress: [{ports: [{port: 80}]}]}"], TO_A),
        (["{%s, ingress: [{ports: [{port: 81}]}]}"], []),
        (["{%s, ingress: [{ports: [{port: serve-80}]}]}"], TO_A),
        (["{%s, ingress: [{ports: [{port: 70, endPort: 80}]}]}"], TO_A),
        (["{%s, ingress: [{ports: [{port: 81, endPort: 90}]}]}"], []),
        (["{%s, ingress: [{ports: [{protocol: UDP, port: 80}]}]}"], []),
        (["{%s, ingress: [{ports: [{protocol: SCTP}]}]}"], []),
        (["{%s, ingress: [{ports: [{protocol: TCP}]}]}"], TO_A),
        (["{%s, ingress: [{ports: [{port: 81}]}, {from: [{podSelector: {}}]}]}"], ["x/b", "x/c"]),
        (["{podSelector: {matchLabels: {pod: none}}}"], TO_A),
        (["{%s, policyTypes: [Egress]}"], TO_A),
    ],
    ids=range(24),
)  # fmt: skip
def test_ingress(cluster: Cluster, policies: list[str], allowed: list[str]) -> None:
    cluster.apply("".join(policy(f"p{number}", text.replace("%s", SELECT_A)) for number, text in enumerate(policies)))
    assert who_reaches(cluster, "x/a") == allowed


@pytest.mark.parametrize(
    ("spec", "reached"),
    [
        ("{%s, policyTypes: [Egress]}", []),
        ("{%s, policyTypes: [Egress], egress: [{}]}", TO_A),
        ("{%s, policyTypes: [Egress], egress: [{to: [{podSelector: {matchLabels: {pod: b}}}]}]}", ["x/b"]),
        ("{%s, policyTypes: [Egress], egress: [{to: [{namespaceSelector: {matchLabels: {ns: y}}}], ports: [{port: 80}]}]}", ["y/a", "y/b", "y/c"]),
        ("{%s, policyTypes: [Egress], egress: [{ports: [{port: serve-80}]}]}", TO_A),
        ("{%s, policyTypes: [Egress], egress: [{to: [{namespaceSelector: {}}], ports: [{port: serve-81}]}]}", []),
        ("{%s, policyTypes: [Egress], egress: [{to: [{namespaceSelector: {}}], ports: [{port: serve-80}]}]}", TO_A),
    ],
)
def test_egress(cluster: Cluster, spec: str, reached: list[str]) -> None:
    cluster.apply(policy("p", spec.replace("%s", SELECT_A)))
    assert [name for name in ALL if name != "x/a" and reaches(cluster, "x/a", name)] == reached


def test_both_ends_must_agree(cluster: Cluster) -> None:
    cluster.apply(policy("out", "{podSelector: {matchLabels: {pod: a}}, policyTypes: [Egress], egress: [{to: [{podSelector: {}}]}]}"))
    cluster.apply(policy("in", "{podSelector: {matchLabels: {pod: b}}, ingress: [{from: [{podSelector: {matchLabels: {pod: c}}}]}]}"))
    assert [reaches(cluster, "x/a", "x/b"), reaches(cluster, "x/a", "x/c"), reaches(cluster, "x/c", "x/b")] == [False, True, True]


def test_an_exception_carves_from_its_own_block_only(cluster: Cluster) -> None:
    b, c = find(cluster, "x/b").ip, find(cluster, "y/c").ip
    block = f"{{ipBlock: {{cidr: 10.244.0.0/16, except: [{b}/32, {c}/32]}}}}"
    cluster.apply(policy("p", f"{{{SELECT_A}, ingress: [{{from: [{block}]}}]}}"))
    assert who_reaches(cluster, "x/a") == [name for name in TO_A if name not in ("x/b", "y/c")]
    cluster.apply(policy("p", f"{{{SELECT_A}, ingress: [{{from: [{block}, {{ipBlock: {{cidr: {c}/32}}}}]}}]}}"))
    assert who_reaches(cluster, "x/a") == [name for name in TO_A if name != "x/b"]


def test_ports_are_judged_one_by_one(cluster: Cluster) -> None:
    cluster.apply(policy("p", f"{{{SELECT_A}, ingress: [{{from: [{{podSelector: {{}}}}], ports: [{{port: 81}}]}}]}}"))
    assert [reaches(cluster, "x/b", "x/a", 80), reaches(cluster, "x/b", "x/a", 81)] == [False, True]


def test_through_a_service_the_backends_address_counts(cluster: Cluster) -> None:
    service = cluster.expose("a", selector={"pod": "a"}, port=8000, target_port=80, namespace="x")
    cluster.apply(policy("p", f"{{{SELECT_A}, ingress: [{{from: [{{podSelector: {{matchLabels: {{pod: b}}}}}}], ports: [{{port: 80}}]}}]}}"))
    url = f"http://{service.cluster_ip}:8000/hostname"
    assert find(cluster, "x/b").http_get(url, timeout=0.5).ok
    assert not find(cluster, "x/c").http_get(url, timeout=0.5).ok
    service.delete()


def test_the_own_node_and_oneself_always_get_in(cluster: Cluster) -> None:
    cluster.apply(policy("p", "{podSelector: {}, policyTypes: [Ingress, Egress]}"))
    a = find(cluster, "x/a")
    url = f"http://{a.ip}/hostname"
    assert cluster.node(a.node).http_get(url, timeout=0.5).ok
    other = next(node for node in cluster.nodes if node.name != a.node)
    assert not other.http_get(url, timeout=0.5).ok
    assert a.http_get(url, timeout=0.5).ok


def test_changes_take_effect_on_running_pods(cluster: Cluster) -> None:
    cluster.apply(policy("p", f"{{{SELECT_A}, ingress: [{{from: [{{namespaceSelector: {{matchLabels: {{team: red}}}}}}]}}]}}"))
    assert who_reaches(cluster, "x/a") == []
    space = cluster.get("Namespace", "y")
    space.labels["team"] = "red"
    cluster.apply(space)
    assert who_reaches(cluster, "x/a") == ["y/a", "y/b", "y/c"]
    del space.labels["team"]
    cluster.apply(space)
    assert who_reaches(cluster, "x/a") == []
    pod = find(cluster, "x/a").spec
    pod.labels["pod"] = "free"
    cluster.apply(pod)
    assert who_reaches(cluster, "x/a") == TO_A
    pod.labels["pod"] = "a"
    cluster.apply(pod)


def test_no_trace_is_left(cluster: Cluster) -> None:
    cluster.apply(policy("p", "{podSelector: {}}"))
    assert "NETPOL-TO-" in cluster.nodes[0].iptables_save("filter")
    cluster.delete(policy("p", "{}"))
    rules = cluster.nodes[0].iptables_save("filter")
    assert [line for line in rules.splitlines() if "NETPOL" in line] == [
        ":NETPOL-FORWARD - [0:0]", '-A FORWARD -m comment --comment "network policies" -j NETPOL-FORWARD',
    ]  # fmt: skip
    assert who_reaches(cluster, "x/a") == TO_A


def test_the_drop_names_the_policy(cluster: Cluster) -> None:
    cluster.apply(policy("deny", "{podSelector: {}}"))
    trace = find(cluster, "y/a").http_get(f"http://{find(cluster, 'x/a').ip}/", timeout=0.5).trace
    drops = [text for hop in trace.hops for kind, text in hop.steps if "is allowed by none of" in text]
    assert drops
    assert "Ingress to x/a is allowed by none of: x/deny" in drops[0]
