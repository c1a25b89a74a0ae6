"""kube-proxy on a node: what ends up in the node's iptables, full and partial syncs, and that real iptables takes every document."""

import subprocess

import pytest

from emu import Cluster, Probe, ServicePort
from emu.k8s.proxy import proxier as proxier_module
from emu.k8s.proxy.names import endpoint_chain, service_chain


@pytest.fixture
def documents(monkeypatch):
    """Every document that any kube-proxy loads, in order, as (node, text)."""
    seen = []
    restore = proxier_module.iptables.restore

    def spy(netns, text, **options):
        seen.append((netns.name, text))
        restore(netns, text, **options)

    monkeypatch.setattr(proxier_module, "iptables", type("iptables", (), {"restore": staticmethod(spy)}))
    return seen


def rules(cluster, table, node="node1"):
    return [line for line in cluster.node(node).iptables_save(table).splitlines() if line.startswith("-A")]


def chains_of(lines, chain):
    return [line.partition(" -j ")[2].split()[0] for line in lines if line.startswith(f"-A {chain} ") and " -j " in line]


def kube(lines):
    """kube-proxy's own rules: not the jumps from built-in chains, not other agents'."""
    return [line for line in lines if line.startswith("-A KUBE-")]


def test_the_jumps_stand_in_the_order_of_a_real_node():
    lines = rules(Cluster(nodes=1), "filter")
    assert chains_of(lines, "INPUT") == ["KUBE-PROXY-FIREWALL", "KUBE-NODEPORTS", "KUBE-EXTERNAL-SERVICES", "KUBE-FIREWALL"]
    assert chains_of(lines, "FORWARD") == ["KUBE-PROXY-FIREWALL", "KUBE-FORWARD", "KUBE-SERVICES", "KUBE-EXTERNAL-SERVICES"]
    assert chains_of(lines, "OUTPUT") == ["KUBE-PROXY-FIREWALL", "KUBE-SERVICES", "KUBE-FIREWALL"]


def test_base_size_and_growth():
    cluster = Cluster(nodes=1)
    assert len(kube(rules(cluster, "nat"))) == 5
    assert len(kube(rules(cluster, "filter"))) == 4
    cluster.run_pod("a", labels={"app": "web"})
    cluster.expose("web", selector={"app": "web"}, port=80)
    assert len(kube(rules(cluster, "nat"))) == 5 + 5
    cluster.run_pod("b", labels={"app": "web"})
    assert len(kube(rules(cluster, "nat"))) == 5 + 5 + 3


def test_a_partial_sync_leaves_unchanged_services_out(documents):
    cluster = Cluster(nodes=1)
    for name in ("one", "two"):
        cluster.run_pod(f"{name}-0", labels={"app": name})
        cluster.expose(name, selector={"app": name}, port=80)
    before = rules(cluster, "nat")
    documents.clear()
    cluster.run_pod("two-1", labels={"app": "two"})
    ((_, text),) = documents
    assert f":{service_chain('SVC', 'default/two', 'tcp')} " in text
    assert f":{service_chain('SVC', 'default/one', 'tcp')} " not in text
    assert '"default/one cluster IP"' in text  # dispatch is always whole
    one = service_chain("SVC", "default/one", "tcp")
    assert [line for line in before if line.startswith(f"-A {one} ")] == [line for line in rules(cluster, "nat") if line.startswith(f"-A {one} ")]


def test_chains_nobody_needs_are_deleted(documents):
    cluster = Cluster(nodes=1)
    pod = cluster.run_pod("web-0", labels={"app": "web"})
    service = cluster.expose("web", selector={"app": "web"}, port=80)
    svc, sep = service_chain("SVC", "default/web", "tcp"), endpoint_chain("default/web", "tcp", f"{pod.ip}:80")
    documents.clear()
    service.delete()
    assert f"-X {svc}\n" in documents[-1][1]
    assert f"-X {sep}\n" in documents[-1][1]
    assert not any(chain in cluster.node("node1").iptables_save("nat") for chain in (svc, sep))


def test_nodes_with_the_same_view_share_one_document(documents):
    cluster = Cluster(nodes=3)
    cluster.run_pod("web-0", labels={"app": "web"})
    documents.clear()
    cluster.expose("web", selector={"app": "web"}, port=80)
    assert [node for node, _ in documents] == ["node1", "node2", "node3"]
    assert len({text for _, text in documents}) == 1


def test_headless_services_and_those_of_another_proxy_are_left_alone():
    cluster = Cluster(nodes=1)
    cluster.run_pod("web-0", labels={"app": "web"})
    cluster.expose("headless", selector={"app": "web"}, port=80, cluster_ip="None")
    cluster.expose("theirs", selector={"app": "web"}, port=80, labels={"service.kubernetes.io/service-proxy-name": "other"})
    assert len(kube(rules(cluster, "nat"))) == 5


def everything():
    """A cluster with every kind of rule that kube-proxy writes."""
    cluster = Cluster(nodes=2)
    probe = Probe(port=8080, period_seconds=1, failure_threshold=1)
    for number in range(3):
        cluster.run_pod(f"web-{number}", labels={"app": "web"}, serve_http=8080, readiness=probe)
    both = (ServicePort(53, 8080, "UDP", "dns"), ServicePort(53, 8080, "TCP", "dns-tcp"))
    cluster.expose("plain", selector={"app": "web"}, port=80, target_port=8080)
    cluster.expose("sticky", selector={"app": "web"}, port=80, target_port=8080, session_affinity_seconds=10800)
    cluster.expose("both", selector={"app": "web"}, ports=both)
    cluster.expose("nodeport", selector={"app": "web"}, port=80, target_port="http", type="NodePort", external_traffic_policy="Local")
    cluster.expose("balanced", selector={"app": "web"}, port=80, target_port=8080, type="LoadBalancer", external_traffic_policy="Local")
    cluster.expose("ranged", selector={"app": "web"}, port=80, target_port=8080, type="LoadBalancer", source_ranges=("192.168.0.0/16", "203.0.113.0/24"))
    cluster.expose("outside", selector={"app": "web"}, port=80, target_port=8080, external_ips=("192.0.2.7",))
    cluster.expose("inside", selector={"app": "web"}, port=80, target_port=8080, internal_traffic_policy="Local")
    with pytest.warns(UserWarning, match="matches no pod"):
        cluster.expose("empty", selector={"app": "none"}, port=80, type="LoadBalancer", external_ips=("192.0.2.8",))
    return cluster


def test_a_service_that_changes_back_and_forth_ends_where_it_began():
    cluster = everything()
    before = [strip(node.iptables_save()) for node in cluster.nodes]
    cluster.pod("web-1").set_ready(False)
    assert [strip(node.iptables_save()) for node in cluster.nodes] != before
    cluster.pod("web-1").set_ready(True)
    assert [strip(node.iptables_save()) for node in cluster.nodes] == before


def test_nodes_differ_only_where_a_policy_is_local():
    cluster = everything()
    one, two = (set(rules(cluster, "nat", node)) for node in ("node1", "node2"))
    local = [service_chain("SVL", f"default/{name}", "tcp") for name in ("nodeport", "balanced", "inside")]
    assert one ^ two
    # `inside` has no cluster-wide use, so that each node has only its own endpoints of it.
    assert not [line for line in one ^ two if "default/inside" not in line and not any(chain in line for chain in local)]


def in_a_fresh_namespace(command, text):
    """Run a shell command with `text` on its stdin in a network namespace of its own."""
    return subprocess.run(["unshare", "-n", "sh", "-c", command], input=text, text=True, capture_output=True, check=False)


@pytest.mark.root
def test_real_iptables_saves_what_the_emulator_saves():
    for node in everything().nodes:
        ours = node.iptables_save()
        result = in_a_fresh_namespace("iptables-restore && iptables-save", ours)
        assert result.stderr == ""
        assert strip(result.stdout) == strip(ours)


@pytest.mark.root
def test_real_iptables_takes_every_document(documents):
    cluster = everything()
    cluster.pod("web-2").delete()
    assert len(documents) > 20
    for _, text in documents:
        result = in_a_fresh_namespace("iptables-restore --test --noflush", with_chains(text))
        assert (result.returncode, result.stderr) == (0, "")


def with_chains(text):
    """A partial document jumps to chains that an earlier one made: declare them, as the node has them."""
    declared = {line[1:].split()[0] for line in text.splitlines() if line.startswith(":")}
    targets = {line.rpartition(" -j ")[2].split()[0] for line in text.splitlines() if " -j KUBE-" in line}
    missing = sorted(targets - declared)
    return text.replace("*nat\n", "*nat\n" + "".join(f":{chain} - [0:0]\n" for chain in missing), 1)


def strip(save):
    """The tables of an iptables-save text in a fixed order, without comments and counters."""
    tables = {}
    for line in save.splitlines():
        if line.startswith("*"):
            lines = tables.setdefault(line, [])
        elif line.startswith(":"):
            lines.append(line.rpartition(" [")[0])
        elif not line.startswith("#"):
            lines.append(line)
    return tables
