"""What was done to a world, as command lines."""

from __future__ import annotations

from emu import Cluster, Journal

VETH = "type veth peer name"


def test_what_kubernetes_ran_on_a_node_in_order() -> None:
    journal = Journal()
    with Cluster(nodes=2, journal=journal) as cluster:
        cluster.run_pod("web", node="node2", labels={"app": "web"}, serve_http=8080)
        cluster.expose("web", selector={"app": "web"}, port=80, target_port=8080)
    lines = journal.commands("node1").splitlines()
    assert lines[0] == "# node1: its own address, the way out, forwarding for its pods"
    wanted = [
        "ip addr add 192.168.0.2/16 dev eth0", "# kubelet on node1: its chains", "# CNI bridge plugin on node1: cbr0", "iptables -t filter -N KUBE-SERVICES",
        "# ip-masq-agent on node1", "ip route replace 10.244.2.0/24 via 192.168.0.3 dev eth0", "# kube-proxy on node1: sync: the dispatch chains",
        "iptables-restore --noflush --counters <<'EOF'", "DNAT --to-destination 10.244.2.2:8080",
    ]  # fmt: skip
    places = [next(number for number, line in reversed(list(enumerate(lines))) if text in line) for text in wanted]
    assert places == sorted(places), list(zip(wanted, places, strict=True))
    assert "web" not in journal.commands("node1").partition("# kube-proxy on node1: sync: the dispatch")[0]


def test_a_pods_namespace_is_filled_by_the_cni_plugin() -> None:
    journal = Journal()
    with Cluster(journal=journal) as cluster:
        pod = cluster.run_pod("web")
        host, mac, ip = pod.host_device, pod.mac, pod.ip
    lines = [line for line in journal.commands("web").splitlines() if not line.startswith("#")]
    peer = lines[1].rpartition(" ")[2]
    assert lines == [
        "ip link set lo up",
        f"ip link add eth0 address {mac} {VETH} {host} netns node1 address {peer}",
        "sysctl -qw net.ipv4.conf.eth0.arp_notify=1",
        f"ip addr add {ip}/24 dev eth0",
        "ip link set eth0 up",
        "ip route add default via 10.244.1.1 dev eth0",
    ]


def test_machines_that_nothing_happened_on_are_bystanders() -> None:
    journal = Journal()
    with Cluster(journal=journal) as cluster:
        pod = cluster.run_pod("web")
        pod.ping("10.244.1.1")
        assert journal.bystanders() == ["router", "internet", "lb"]
        pod.ping(cluster.router.ip)
        assert journal.bystanders() == []  # the router, the internet by the router's cable; the balancer heard the question
