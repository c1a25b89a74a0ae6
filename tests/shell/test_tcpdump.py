"""tcpdump in scripts: text, files, filters, and its end. Where the real one is installed, it has to print the same lines."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from emu.apps.tcpdump_filter import compile_filter
from emu.pcap.reader import CaptureReader
from tests.shell.conftest import PAIR, Sh

REAL = shutil.which("tcpdump")


def test_a_line_for_each_frame_ends_after_its_count(sh: Sh) -> None:
    done = sh(
        PAIR
        + """
        ip netns exec b tcpdump -tni eth0 -c 4 2> /dev/null | while read -r line; do echo "[$line]"; done &
        sleep 0.1
        ip netns exec a ping -c 1 10.0.0.2 > /dev/null
        wait
        """
    )
    lines = done.stdout.splitlines()
    assert lines[0] == "[ARP, Request who-has 10.0.0.2 tell 10.0.0.1, length 28]"
    assert lines[1].startswith("[ARP, Reply 10.0.0.2 is-at ")
    assert lines[2].startswith("[IP 10.0.0.1 > 10.0.0.2: ICMP echo request, id ")
    assert lines[3].endswith(", seq 1, length 64]")


@pytest.mark.parametrize("signal", ["INT", "TERM"])
def test_it_is_ended_by_a_signal_and_sums_up(sh: Sh, signal: str) -> None:
    ping = "ip netns exec a ping -c 1 10.0.0.2 > /dev/null"
    done = sh(PAIR + f"set -m; ip netns exec b tcpdump -i eth0 icmp & sleep 1; {ping}; kill -{signal} $!; wait $!; echo $?")
    assert done.stdout.splitlines()[-1] == "0"
    assert done.stderr.splitlines()[-3:] == ["2 packets captured", "2 packets received by filter", "0 packets dropped by kernel"]


def test_filters_that_are_refused(sh: Sh) -> None:
    done = sh(
        PAIR
        + """
        ip netns exec b tcpdump -i eth0 host web; echo $?
        ip netns exec b tcpdump -i eth0 'tcp[13'; echo $?
        ip netns exec b tcpdump -i eth0 port nosuch; echo $?
        ip netns exec b tcpdump -i nosuch; echo $?
        """
    )
    assert done.stdout == "1\n1\n1\n1\n"
    assert done.stderr.splitlines() == [
        "emu: not emulated: names of hosts and networks in a capture filter: 'web'",
        "tcpdump: can't parse filter expression: syntax error",
        "tcpdump: unknown port 'nosuch'",
        "tcpdump: nosuch: No such device exists",
        "(No such device exists)",
    ]


def test_any_device_cooked_and_written_to_standard_output(sh: Sh) -> None:
    done = sh(
        PAIR
        + """
        ip netns exec b tcpdump -i any -n -e -t -c 2 icmp 2> /dev/null & sleep 0.5
        ip netns exec a ping -c 1 10.0.0.2 > /dev/null; wait
        ip netns exec b tcpdump -i any -c 2 -w - 'icmp[icmptype] = icmp-echo or inbound' 2> /dev/null > any.pcap & sleep 0.5
        ip netns exec a ping -c 2 10.0.0.2 > /dev/null; wait
        tcpdump -nt -r any.pcap 2> /dev/null
        """
    )
    assert re.sub("(?:[0-9a-f]{2}:){5}[0-9a-f]{2}", "MAC", re.sub(r"id \d+", "id N", done.stdout)).splitlines() == [
        "eth0  In  ifindex 2 MAC ethertype IPv4 (0x0800), length 104: 10.0.0.1 > 10.0.0.2: ICMP echo request, id N, seq 1, length 64",
        "eth0  Out ifindex 2 MAC ethertype IPv4 (0x0800), length 104: 10.0.0.2 > 10.0.0.1: ICMP echo reply, id N, seq 1, length 64",
        "if2   In  IP 10.0.0.1 > 10.0.0.2: ICMP echo request, id N, seq 1, length 64",
        "if2   In  IP 10.0.0.1 > 10.0.0.2: ICMP echo request, id N, seq 2, length 64",
    ]


@pytest.mark.skipif(REAL is None, reason="tcpdump is not installed")
def test_the_real_one_reads_the_file_and_prints_the_same(sh: Sh, tmp_path: Path) -> None:
    assert REAL is not None
    (tmp_path / "page").write_text("x" * 5000)
    done = sh(
        PAIR
        + """
        ip netns exec b python3 -m http.server 80 > /dev/null 2>&1 &
        sleep 0.1
        ip netns exec a tcpdump -ni veth0 -w file 2> /dev/null & one=$!
        ip netns exec a tcpdump -nei veth0 2> /dev/null > text & two=$!
        sleep 0.1
        ip netns exec a curl -s -o /dev/null 10.0.0.2/page
        ip netns exec a curl -s 10.0.0.2:81
        echo hello | ip netns exec a nc -u -w 1 10.0.0.2 5300
        ip netns exec a ping -c 1 -t 1 10.0.0.2 > /dev/null
        ip netns exec a traceroute -n -q 1 10.0.0.2 > /dev/null
        kill $one $two; wait $one $two
        """
    )
    assert done.stderr == ""
    ours = (tmp_path / "text").read_text().splitlines()

    def real(*words: str) -> list[str]:
        command = [str(REAL), "-ner", str(tmp_path / "file"), *words]
        return subprocess.run(command, capture_output=True, text=True, check=True, env={"TZ": "UTC"}).stdout.splitlines()

    assert len(ours) > 15
    assert "\n".join(ours) == "\n".join(real())
    assert sh("tcpdump -ner file udp 2> /dev/null").stdout.splitlines() == real("udp")
    for expression in ("arp", "tcp port 80", "udp and not port 5300", "icmp or arp", "src host 10.0.0.2 and (tcp or icmp)", "net 10.0.0.0/30", "dst port 81"):
        test = compile_filter([expression])
        assert sum(test(record.data) for record in CaptureReader(tmp_path / "file")) == len(real(expression)), expression


def test_it_hears_every_frame_while_it_runs_unless_told_not_to(sh: Sh) -> None:
    done = sh(
        """
        ip link add br0 type bridge
        ip link set br0 up
        count() { ip -d link show br0 | grep -o 'promiscuity [0-9]*'; }
        for words in "-i br0" "-p -i br0" "-i any"; do
            tcpdump $words -w /dev/null 2> /dev/null & tcpdump=$!
            sleep 0.1; count; kill $tcpdump; wait $tcpdump
        done
        count
        """
    )
    assert done.stdout == "promiscuity 1\npromiscuity 0\npromiscuity 0\npromiscuity 0\n"
