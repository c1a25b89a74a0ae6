"""The kernel's side: everything is seen from the start, nothing is disturbed, nothing stays."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.parity import kernel
from tests.parity.observed import Observed, RunError
from tests.parity.report import Report, report
from tests.parity.script import Script
from tests.parity.task import Task

pytestmark = pytest.mark.root


def observe(tmp_path: Path, text: str, keep: list[str] | None = None) -> tuple[Observed, Report]:
    path = tmp_path / "subject.sh"
    path.write_text(text)
    script = Script("subject", path, text, keep=keep or [])
    observed: Observed = Task(lambda: kernel.observe(script, min(os.sched_getaffinity(0)))).wait()
    return observed, report(script, observed)


def test_the_first_frame_of_a_namespace_is_seen(tmp_path: Path) -> None:
    _, sections = observe(
        tmp_path,
        """ip netns add red
ip netns exec red sysctl -qw net.ipv4.conf.all.arp_notify=1 net.ipv4.conf.default.arp_notify=1
ip link add eth0 netns red type veth peer name veth0
ip link set veth0 up
ip -n red addr add 10.0.0.1/24 dev eth0
ip -n red link set eth0 up
""",
    )
    assert sections["frames of red.eth0"] == ["tx arp who-has 10.0.0.1 tell 10.0.0.1 red.eth0>ff"]
    assert sections["frames of host.veth0"] == ["rx arp who-has 10.0.0.1 tell 10.0.0.1 red.eth0>ff"]


def test_links_made_in_every_way_have_no_offloads_and_say_nothing_of_ipv6(tmp_path: Path) -> None:
    observed, sections = observe(
        tmp_path,
        """ip netns add red
ip link add v1 type veth peer name v2 netns red
ip -batch - <<END
netns add blue
link add v3 type veth peer name v4 netns blue
END
ip netns exec blue bash -c 'ip link add br0 type bridge; brctl addbr br1'
for link in "host v1" "host v3" "red v2" "blue v4" "blue br0" "blue br1"; do
    set -- $link
    run=; [ $1 = host ] || run="ip netns exec $1"
    $run ip link set $2 up
    $run ethtool -k $2 | grep -E "^(tx-checksumming|scatter-gather|generic-segmentation-offload|generic-receive-offload): on" | sed "s/^/$2 /"
    [ ! -e /proc/sys/net/ipv6 ] || $run cat /proc/sys/net/ipv6/conf/$2/disable_ipv6
done
for br in br0 br1; do ip -n blue -d link show $br | grep -o "mcast_snooping ."; done
""",
    )
    lines = sections["output"]
    assert set(lines) <= {"1", "mcast_snooping 0"}
    assert lines.count("mcast_snooping 0") == 2
    assert observed.status == 0
    assert observed.frames == []


def test_what_a_script_wants_to_keep_is_kept(tmp_path: Path) -> None:
    _, sections = observe(tmp_path, "ip link add br0 type bridge; ip -d link show br0 | grep -o 'mcast_snooping .'", keep=["snooping"])
    assert sections["output"] == ["mcast_snooping 1"]


def test_every_command_is_known_with_its_namespace_and_status(tmp_path: Path) -> None:
    _, sections = observe(
        tmp_path,
        """ip netns add red
ip -n red link set nope up
ip netns exec red bash -c 'ip link set lo up; ping -c1 -W1 10.9.9.9; true' >/dev/null
ip netns exec blue true
ip netns exec red nc -l 127.0.0.1 7000 & sleep 0.2; kill $!; wait
ip netns exec red timeout 0.2 ping 127.0.0.1 >/dev/null
ip netns exec red ping -c 1 127.0.0.1 | cat >/dev/null
ip netns exec red nc -l 127.0.0.1 7001 &
sleep 0.2
""",
    )
    assert sections["commands in host"] == ["ip netns add red -> 0", "ip -n red link set nope up -> 1", "ip netns exec blue true -> 255"]
    assert sections["commands in red"] == [
        "ip link set lo up -> 0",
        "ping -c1 -W1 10.9.9.9 -> 2",
        "nc -l 127.0.0.1 7000 -> killed",
        "ping 127.0.0.1 -> killed",
        "ping -c 1 127.0.0.1 -> 0",
        "nc -l 127.0.0.1 7001 -> killed",
    ]


def test_arguments_and_input_reach_the_tool_as_they_are(tmp_path: Path) -> None:
    observed, _ = observe(
        tmp_path,
        """ip link set lo up
iptables-restore <<'END'
*filter
-A INPUT -m comment --comment "two  words and a *"
COMMIT
END
iptables -A INPUT -m comment --comment "" -m comment --comment 'a  b
c'
iptables -S INPUT
""",
    )
    assert "two  words and a *" in observed.output
    assert "a  b\nc" in observed.output


def test_a_deleted_namespace_takes_its_devices_along_and_can_come_back(tmp_path: Path) -> None:
    _, sections = observe(
        tmp_path,
        """make() { ip netns add red; ip link add veth0 type veth peer name eth0 netns red; ip addr add 10.0.0.1/24 dev veth0; ip link set veth0 up
ip -n red addr add 10.0.0.2/24 dev eth0; ip -n red link set eth0 up; sleep 0.05; ping -c1 -W1 10.0.0.2 >/dev/null && echo answered; }
make
ip netns del red
sleep 0.3
ip link show veth0
make
""",
    )
    assert sections["output"] == ["answered", 'Device "veth0" does not exist.', "answered"]
    assert len([line for line in sections["frames of red.eth0"] if "echo request" in line]) == 2


def test_frames_larger_than_the_ring_are_seen_whole(tmp_path: Path) -> None:
    _, sections = observe(tmp_path, "ip link set lo up; ping -c1 -s 30000 127.0.0.1")
    assert [line.split(" | ")[1].split(" crc")[0] for line in sections["frames of host.lo"]] == [
        f"icmp echo {what} id i1 seq 1 data 30000" for what in ("request", "request", "reply", "reply")
    ]


def test_nothing_stays(tmp_path: Path) -> None:
    def here() -> list[str]:
        names = subprocess.run(["ip", "netns"], capture_output=True, text=True, check=True).stdout
        links = subprocess.run(["ip", "-o", "link"], capture_output=True, text=True, check=True).stdout
        rules = subprocess.run(["iptables-save"], capture_output=True, text=True, check=True).stdout
        return [names, links.partition(" qlen")[0], "\n".join(line for line in rules.splitlines() if not line.startswith("#"))]

    before = here()
    marker = f"sleep 98765.{os.getpid()}"
    observe(tmp_path, f"ip netns add red; ip link add red0 type dummy; iptables -A INPUT -j DROP; echo x > here; (trap '' TERM; {marker}) & setsid {marker} &")
    assert here() == before
    running = subprocess.run(["ps", "-ww", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    assert marker not in running.splitlines()
    assert list(tmp_path.iterdir()) == [tmp_path / "subject.sh"]


def test_a_tool_that_is_not_there_is_named(tmp_path: Path) -> None:
    path = tmp_path / "subject.sh"
    path.write_text("true")
    with pytest.raises(RunError, match="not installed: no-such-tool"):
        Task(lambda: kernel.observe(Script("subject", path, "true", needs=["no-such-tool"]), 0)).wait()


def test_connections_are_told_in_the_order_they_begin(tmp_path: Path) -> None:
    observed, _ = observe(
        tmp_path,
        """ip link set lo up
iptables -A OUTPUT -m conntrack --ctstate INVALID
iptables -t nat -A OUTPUT -p udp --dport 5000 -j REDIRECT --to-ports 6000
ping -c1 127.0.0.1 >/dev/null
for port in 5000 5001; do echo x > /dev/udp/127.0.0.1/$port; done
""",
    )
    assert [(flow.orig.proto, flow.orig.dport, flow.reply.sport) for flow in observed.flows["host"]][1:] == [(17, 5000, 6000), (17, 5001, 5001)]
    assert observed.flows["host"][0].orig.proto == 1
