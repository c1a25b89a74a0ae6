"""`emu exec` as it is typed."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest

from emu.cli import main
from tests.shell.kubectl.test_kubectl import APP

BY_HAND = """
apiVersion: v1
kind: Node
metadata: {name: alpha}
spec: {podCIDR: 10.10.0.0/24}
status: {addresses: [{type: InternalIP, address: 172.18.0.2}]}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {type: NodePort, clusterIP: 10.20.0.99, ports: [{port: 80, nodePort: 30080}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: web-1, labels: {kubernetes.io/service-name: web}}
addressType: IPv4
ports: [{port: 8080, protocol: TCP}]
endpoints: [{addresses: [10.10.7.7], nodeName: alpha}]
"""
RANGES = ("--service-cidr", "10.20.0.0/16", "--pod-cidr", "10.10.0.0/16", "--node-cidr", "172.18.0.0/16")


@pytest.fixture
def app(tmp_path: Path) -> str:
    (tmp_path / "app.yaml").write_text(APP)
    return str(tmp_path / "app.yaml")


@pytest.fixture
def by_hand(tmp_path: Path) -> str:
    """A folder of Nodes, Services and EndpointSlices, with an endpoint that no emulated pod is."""
    (tmp_path / "hand").mkdir()
    (tmp_path / "hand" / "all.yaml").write_text(BY_HAND)
    return str(tmp_path / "hand")


def test_a_program_in_a_pod(app: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["exec", "-f", app, "client", "--", "curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "http://web/"]) == 0
    assert capfd.readouterr().out == "200"


def test_the_status_is_the_commands(app: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["exec", "-f", app, "pod/client", "--", "nslookup", "nosuch"]) == 1
    assert "** server can't find nosuch" in capfd.readouterr().out
    assert main(["exec", "-f", app, "client", "--", "curl", "-s", "-m", "3", "http://web:81/"]) == 28


@pytest.mark.parametrize(
    ("place", "command", "expected"),
    [
        ("node1", "iptables-save -t nat", '--comment "default/web cluster IP" -m tcp --dport 80 -j KUBE-SVC-'),
        ("node2", "ip route", "10.244.2.0/24 dev cbr0 proto kernel scope link src 10.244.2.1"),
        ("node1", "conntrack -L", "[ASSURED]"),
        ("kube-system/", "ss -lun", "0.0.0.0:53"),
        ("deploy/web", "ss -ltn", "0.0.0.0:80"),
        ("client", "ping -c 1 192.168.0.3", "1 packets transmitted, 1 received"),
        ("client", "cat /etc/resolv.conf", "search default.svc.cluster.local svc.cluster.local cluster.local\noptions ndots:5\n"),
        ("client", "hostname", "client\n"),
        ("internet", "ip -4 -br addr", "198.51.100.10/24"),
        ("node1", "kubectl get nodes", "node2   Ready"),
        ("host", "kubectl exec client -- hostname", "client\n"),
        ("node1", "ip netns exec client hostname -i", "10.244."),
    ],
)
def test_commands(app: str, place: str, command: str, expected: str, capfd: pytest.CaptureFixture[str]) -> None:
    words = ["-n", "kube-system", "deploy/coredns"] if place == "kube-system/" else [place]
    assert main(["exec", "-f", app, *words, "--", *command.split()]) == 0
    assert expected in capfd.readouterr().out


def test_standard_input(app: str, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    given = io.TextIOWrapper(io.BytesIO(b"*filter\n:INPUT DROP [0:0]\nNONSENSE\n"))
    monkeypatch.setattr(sys, "stdin", given)
    assert main(["exec", "-f", app, "node1", "--", "iptables-restore"]) == 2
    assert "Error occurred at line: 3" in capfd.readouterr().err


def test_a_folder_of_nodes_services_and_endpoints_by_hand(by_hand: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["exec", "-f", by_hand, *RANGES, "alpha", "--", "iptables-save", "-t", "nat"]) == 0
    rules = capfd.readouterr().out
    assert "-j DNAT --to-destination 10.10.7.7:8080" in rules
    assert '! -s 10.10.0.0/16 -d 10.20.0.99/32 -p tcp -m comment --comment "default/web cluster IP" -m tcp --dport 80 -j KUBE-MARK-MASQ' in rules


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--detect-local", "NodeCIDR"], "! -s 10.10.0.0/24 -d 10.20.0.99/32"),
        (["--detect-local", "BridgeInterface:docker0"], "! -i docker0"),
        (["--detect-local", "InterfaceNamePrefix:cali"], "! -i cali+"),
        (["--masquerade-all"], '-A KUBE-SVC-LOLE4ISW44XBNF3G -d 10.20.0.99/32 -p tcp -m comment --comment "default/web cluster IP"'),
        (["--node-port-addresses", "172.18.0.0/16"], "-d 172.18.0.2/32"),
        (["--no-localhost-nodeports"], "! -d 127.0.0.0/8"),
    ],
)
def test_kube_proxys_options(by_hand: str, options: list[str], expected: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["exec", "-f", by_hand, *RANGES, *options, "alpha", "--", "iptables-save", "-t", "nat"]) == 0
    assert expected in capfd.readouterr().out


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["node1"], "emu: a command is missing: emu exec NODE|POD -- COMMAND... (see emu --help)\n"),
        (["node1", "--"], "emu: a command is missing: emu exec NODE|POD -- COMMAND... (see emu --help)\n"),
        (["--", "ip", "addr"], "emu: the following arguments are required: NODE|POD (see emu exec --help)\n"),
        (["nobody", "--", "ip"], "emu: there is no node and no pod 'nobody'; there are router, internet, lb, node1, node2, host, and in namespace default "),
        (["--detect-local", "Foo", "node1", "--", "ip"], "emu: detect-local mode 'Foo': one of ClusterCIDR, NodeCIDR, "),
        (["--pod-cidr", "10.0.0.0/33", "node1", "--", "ip"], "emu: pod_cidr: "),
        (["--node-port-addresses", "x", "node1", "--", "ip"], "emu: node-port-addresses: "),
    ],
)
def test_bad_usage(app: str, words: list[str], complaint: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["exec", "-f", app, *words]) == 2
    assert capfd.readouterr().err.startswith(complaint)


@pytest.mark.parametrize(
    ("command", "complaint"),
    [
        ("bash -c true", "emu: not emulated: bash without a fence: emu sh --cluster and emu shell have a real one"),
        ("nft list ruleset", "emu: not emulated: nft"),
        ("timeout 1 ping node1", "emu: not emulated: timeout without a shell: emu sh --cluster has one"),
        ("cat /etc/passwd", "cat: /etc/passwd: No such file or directory"),
    ],
)
def test_what_it_cannot_do(app: str, command: str, complaint: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["exec", "-f", app, "node1", "--", *command.split()]) == 1
    assert capfd.readouterr().err == f"{complaint}\n"
