"""A journal as a shell script."""

from __future__ import annotations

import asyncio
import warnings

import pytest

from emu import Cluster, Container, Journal
from emu.lab.script import script


@pytest.fixture
def journal() -> Journal:
    return Journal()


def lines_of(journal: Journal) -> list[str]:
    """The script's lines after what all scripts begin with."""
    lines = script(journal, "title", "about").splitlines()
    return lines[next(number for number, line in enumerate(lines) if line.startswith("# The machines")) :]


def test_it_begins_with_what_protects_the_host(journal: Journal) -> None:
    with Cluster(journal=journal):
        pass
    text = script(journal, "What it shows.", "How it came to be.\nTwo paragraphs.")
    assert text.startswith("#!/bin/bash\n# What it shows.\n#\n# How it came to be.\n# Two paragraphs.\nset -euo pipefail\n")
    assert text.index("exec unshare") < text.index("ip netns add")
    assert "serve()" not in text  # only what is used is there
    assert text.endswith("\n")


def test_cables_are_veth_pairs_with_their_macs(journal: Journal) -> None:
    with Cluster(nodes=2, journal=journal) as cluster:
        pod = cluster.run_pod("a", node="node1")
        assert pod.ping(cluster.node("node2").ip).delivered
        mac = cluster.node("node1").netns.devices["eth0"].mac.hex(":")
    lines = lines_of(journal)
    assert "for machine in switch router internet lb node1 node2; do ip netns add $machine; done" in lines
    at = next(number for number, line in enumerate(lines) if line.startswith(f"ip link add eth0 netns node1 address {mac} type veth peer name p3 netns switch"))
    assert lines[at + 1] == "ip -n switch link set p3 master br0 up"
    assert lines.index("forwarding switch p3") < lines.index("ip netns add a") < lines.index("ip netns exec a ping -c 1 -W 1 192.168.0.3")


def test_what_is_asked_again_and_again_is_one_line(journal: Journal) -> None:
    with Cluster(journal=journal) as cluster:
        web, client = cluster.run_pod("web", serve_http=8080), cluster.run_pod("client")
        for _ in range(3):
            client.http_get(f"http://{web.ip}:8080/hostname")
        for _ in range(2):
            client.http_get(f"http://{web.ip}:8080/clientip")
        client.http_get(f"http://{web.ip}:81/")
        client.http_get("http://10.244.1.77/", timeout=2)
        client.udp(web.ip, 9, b"any body?")
        client.ping(web.ip, count=2, interval=0.5, ttl=3, size=100)
    assert lines_of(journal)[-10:] == [
        "",
        f"get client http://{web.ip}:8080/hostname --count 3 | sort | uniq -c",
        f"get client http://{web.ip}:8080/clientip --count 2",
        f"fails get client http://{web.ip}:81/  # connection refused",
        "fails get client http://10.244.1.77/ --timeout 2  # timed out",
        "", "sleep 1", "",  # until the question for 10.244.1.77 was given up
        f"fails ip netns exec client python3 -m emu.apps.echo 9 --to {web.ip} --text 'any body?'  # connection refused",
        f"ip netns exec client ping -c 2 -i 0.5 -W 1 -t 3 -s 100 {web.ip}",
    ]  # fmt: skip


def test_programs_pods_and_nodes_come_and_go_and_time_passes(journal: Journal) -> None:
    with Cluster(journal=journal) as cluster:
        web = cluster.run_pod("web", serve_http=8080, serve_udp=53)
        web.container("http").restart()
        cluster.run(seconds=7.5)
        web.crash()
        cluster.node("node1").reboot(seconds=20)
        web.delete()
    lines = [line for line in lines_of(journal) if line.startswith(("serve", "start", "stop", "sleep", "ip netns add", "ip netns del", "# node1"))]
    assert lines == [
        "# node1: its own address, the way out, forwarding for its pods",
        "ip netns add web", "serve web 8080", "start web echo 53",
        "stop web:8080", "serve web 8080",
        "sleep 7.5",
        "stop web:8080", "stop web:53", "ip netns del web",
        "ip netns add web", "serve web 8080", "start web echo 53",
        "# node1: loses power: every namespace, device, route, rule and program is gone",
        "stop web:8080", "stop web:53", "ip netns del web", "ip netns del node1",
        "sleep 20",
        "# node1: powers on: the old network card, a new kernel with nothing in it",
        "ip netns add node1",
        "# node1: its own address, the way out, forwarding for its pods",
        "ip netns add web", "serve web 8080", "start web echo 53",
        "stop web:8080", "stop web:53", "ip netns del web",
    ]  # fmt: skip


def test_readiness_is_a_file(journal: Journal) -> None:
    with Cluster(journal=journal) as cluster:
        web = cluster.run_pod("web", serve_http=8080)
        web.set_ready(False)
        web.set_ready(True)
    assert lines_of(journal)[-2:] == ['rm "$run/web.ready"  # from now on it says it is not ready', 'touch "$run/web.ready"  # ready again']


def test_what_has_no_command_line_is_named(journal: Journal) -> None:
    async def mine(container: object) -> None:
        await asyncio.sleep(1 if container is None else 1000)

    with Cluster(journal=journal) as cluster:
        pod = cluster.run_pod("a", containers=[Container("own", program=mine)])
        cluster.inject(pod.netns.devices["eth0"], bytes(60))
        pod.send(bytes(60))
        pod.run(mine(None), "my program")
    assert [line for line in lines_of(journal) if "Not in" in line] == [
        "# Not in this script: container own of pod a runs a program that has no command line.",
        "# Not in this script: a frame made by hand is received by eth0.",
        "# Not in this script: a sends a frame made by hand: 60 bytes.",
        "# Not in this script: a runs a program: my program.",
    ]


def test_a_node_s_load_balancer_route_has_one_nexthop(journal: Journal) -> None:
    with Cluster(nodes=2, journal=journal) as cluster, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        cluster.expose("web", selector={"app": "web"}, port=80, type="LoadBalancer")
        cluster.internet.ping(cluster.node("node1").ip)
    lines = lines_of(journal)
    at = lines.index("# ip route replace 203.0.113.1/32 nexthop via 192.168.0.2 dev eth0 nexthop via 192.168.0.3 dev eth0")
    assert lines[at + 2] in [f"ip -n lb route replace 203.0.113.1/32 via 192.168.0.{number} dev eth0" for number in (2, 3)]
