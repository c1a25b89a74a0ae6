"""Bridged packets at the hooks, on the kernel and here: the same pings over the same bridge must count the same in every rule."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest

from tests.kernel.emulated import EmulatedLab
from tests.kernel.lab import Lab, privately

PORTS = ["--physdev-in va", "! --physdev-in va", "--physdev-in v+", "--physdev-is-in", "! --physdev-is-in", "--physdev-is-bridged", "! --physdev-is-bridged"]
OUT = [
    "--physdev-out vb", "! --physdev-out vb", "--physdev-out v+", "--physdev-is-out", "! --physdev-is-out",
    "--physdev-is-bridged --physdev-in va --physdev-out vb",
]  # fmt: skip
RULES = [*(f"-m physdev {options}" for options in PORTS), "-m addrtype --src-type LOCAL", "-m addrtype --dst-type LOCAL", "-m pkttype --pkt-type unicast"]
PLACES = {
    "PREROUTING": ["-i br0", "-i va", "-m physdev --physdev-out vb"],
    "INPUT": ["-i br0", "-i va"],
    "FORWARD": ["-i br0", "-o br0", "-i va", "-m mac --mac-source 02:00:00:00:00:0a", *(f"-m physdev {options}" for options in OUT)],
    "OUTPUT": ["-o br0"],
    "POSTROUTING": ["-o br0", "-o vb", *(f"-m physdev {options}" for options in OUT)],
}
TEXT = (
    "*mangle\n"
    + "".join(f"-A {chain} {rule}\n" for chain, more in PLACES.items() for rule in [*RULES, *more])
    + "COMMIT\n*nat\n-A PREROUTING -p udp -d 10.9.9.9 --dport 53 -j DNAT --to-destination 10.0.0.2:5353\n"
    + "-A POSTROUTING -m physdev --physdev-is-bridged\n-A POSTROUTING -m addrtype --src-type LOCAL\nCOMMIT\n"
)


def scenario(lab: Lab) -> list[str]:
    """Pods a and b on a node's bridge. Pings between all three, and a Service of the node that is b."""
    for name in ("node", "a", "b"):
        lab.add_netns(name)
    lab.add_bridge("node", "br0")
    lab.set_mac("node", "br0", "02:00:00:00:00:ff")
    lab.sysctl("node", "net.ipv4.ip_forward", 1)
    for number, name in enumerate("ab", 10):
        lab.add_veth(name, "eth0", "node", f"v{name}")
        lab.set_mac(name, "eth0", f"02:00:00:00:00:{number:02x}")
        lab.set_up("node", f"v{name}")
        lab.set_master("node", f"v{name}", "br0")
        lab.add_address(name, "eth0", f"10.0.0.{number - 9}/24")
        lab.set_up(name, "eth0")
    lab.add_address("node", "br0", "10.0.0.254/24")
    lab.set_up("node", "br0")
    for name in "ab":
        lab.wait_forwarding("node", f"v{name}")
        lab.add_route(name, "default", via="10.0.0.254")
    lab.sysctl("node", "net.bridge.bridge-nf-call-iptables", 1)
    lab.restore("node", TEXT)
    for name, address in (("a", "10.0.0.2"), ("b", "10.0.0.1"), ("a", "10.0.0.254"), ("node", "10.0.0.1")):
        lab.ping(name, address)
        lab.settle()
    with lab.socket("b", socket.SOCK_DGRAM) as server, lab.socket("a", socket.SOCK_DGRAM) as client:
        server.bind(("0.0.0.0", 5353))
        for question in (b"one", b"two"):
            client.sendto(question, ("10.9.9.9", 53))
            data, peer = server.recvfrom(100)
            server.sendto(data, peer)
            assert client.recvfrom(100) == (question, ("10.9.9.9", 53))
    lab.settle()
    return [line for line in lab.saved_rules("node").splitlines() if line.startswith(("[", ":"))]


@pytest.mark.root
def test_bridged_packets_count_as_on_the_kernel(tmp_path: Path) -> None:
    path = tmp_path / "out.json"

    def job() -> None:
        lab = Lab()
        try:
            path.write_text(json.dumps(scenario(lab)))
        finally:
            lab.close()

    assert privately(job) == 0
    assert scenario(EmulatedLab()) == json.loads(path.read_text())
