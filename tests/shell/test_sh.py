"""Scripts as people write them: what they print, how they end, and that they leave nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.shell.conftest import EMU, ENVIRONMENT, PAIR, Sh
from tests.shell.test_leftovers import host


def test_a_script_with_functions_loops_substitutions_and_pipes(sh: Sh, tmp_path: Path) -> None:
    done = sh(
        """
        make() { for ns in "$@"; do ip netns add "$ns" || return 1; done; }
        make a b
        ip link add veth0 netns a type veth peer name eth0 netns b
        ip -n a addr add 10.0.0.1/24 dev veth0; ip -n b addr add 10.0.0.2/24 dev eth0
        ip -n a link set veth0 up; ip -n b link set eth0 up
        answer=$(ip netns exec a ping -c 1 10.0.0.2 | grep -c 'ttl=64')
        echo "$1: $answer"
        ip netns exec a bash -c 'echo "$(ip netns identify)"; exit 7'
        """,
        "argument",
    )
    assert (done.returncode, done.stdout, done.stderr) == (7, "argument: 1\na\n", "")
    assert sorted(path.name for path in (tmp_path / "captures").iterdir()) == ["a.veth0.pcap", "all.pcapng", "b.eth0.pcap"]


def test_the_status_is_the_scripts_also_by_a_signal(sh: Sh) -> None:
    assert sh("exit 3").returncode == 3
    assert sh("kill -TERM $$; echo not reached").returncode == 128 + signal.SIGTERM
    assert sh("trap 'echo bye' EXIT; set -e; false; echo not reached").stdout == "bye\n"


def test_time_costs_nothing(sh: Sh) -> None:
    before = time.monotonic()
    done = sh(PAIR + "sleep 1h; timeout 1m sleep inf; echo $?; timeout 5 false; echo $?; ip netns exec a ping -c 500 10.0.0.2 | tail -n 2 | head -n 1")
    assert done.stdout.splitlines()[:2] == ["124", "1"]
    assert "500 packets transmitted, 500 received, 0% packet loss, time 499000ms" in done.stdout
    assert time.monotonic() - before < 20


def test_sleeping_jobs_wake_in_order(sh: Sh) -> None:
    done = sh("for i in 3 1 2; do (sleep $i; echo $i) & done; wait; echo done")
    assert done.stdout.split() == ["1", "2", "3", "done"]


def test_ping_is_interrupted_and_killed(sh: Sh) -> None:
    done = sh(
        PAIR
        + """
        set -m
        ip netns exec a ping 10.0.0.2 > out &
        sleep 2.5; kill -INT $!; wait $!; echo $?
        tail -n 2 out | head -n 1
        timeout 1.5 ip netns exec a ping 10.0.0.2 > out; echo $?
        wc -l < out
        """
    )
    assert done.stdout.split("\n")[:2] == ["0", "3 packets transmitted, 3 received, 0% packet loss, time 2000ms"]
    assert done.stdout.split("\n")[2:4] == ["124", "3"]


def test_ping_into_head(sh: Sh) -> None:
    done = sh(PAIR + "ip netns exec a ping 10.0.0.2 | head -n 2 | tail -n 1; echo ${PIPESTATUS[0]}")
    lines = done.stdout.splitlines()
    assert lines[0].startswith("64 bytes from 10.0.0.2: icmp_seq=1 ")
    assert lines[1] == str(128 + signal.SIGPIPE)


def test_absolute_paths_an_empty_environment_and_another_path_meet_the_emulator(sh: Sh) -> None:
    real = next(folder for folder in ("/usr/sbin/ip", "/sbin/ip", "/usr/bin/ip", "/bin/ip", "") if not folder or Path(folder).exists())
    if not real:
        pytest.skip("this machine has no ip")
    done = sh(f"ip netns add a; {real} netns list; env -i {real} netns list; PATH={Path(real).parent}; ip netns list; command -p ip netns list")
    assert (done.stdout, done.stderr) == ("a\na\na\na\n", "")


def test_what_is_not_emulated_says_so(sh: Sh) -> None:
    done = sh("tc qdisc show; echo $?; nft list ruleset || echo failed; modprobe nosuch; modprobe br_netfilter && echo loaded")
    assert done.stdout == "1\nfailed\nloaded\n"
    assert done.stderr.splitlines() == [
        "emu: not emulated: tc",
        "emu: not emulated: nft",
        "modprobe: FATAL: Module nosuch not found in directory /lib/modules/6.18.0",
    ]


def test_programs_that_are_not_there(sh: Sh) -> None:
    done = sh("ip netns add a; ip netns exec a nosuch; echo $?; timeout 1 nosuch; echo $?; ip netns exec b true; echo $?; ip netns exec a; ip netns exec")
    assert done.stdout == "255\n127\n255\n"
    assert done.stderr.splitlines() == [
        'exec of "nosuch" failed: No such file or directory',
        "timeout: failed to run command 'nosuch': No such file or directory",
        'Cannot open network namespace "b": No such file or directory',
        "No command specified",
        "No netns name specified",
    ]


def test_a_layer_2_loop_ends_in_one_line(sh: Sh) -> None:
    done = sh(
        """
        ip link add br0 type bridge; ip link add br1 type bridge
        for i in 0 1; do ip link add x$i type veth peer name y$i; ip link set x$i master br0 up; ip link set y$i master br1 up; done
        ip addr add 10.0.0.1/24 dev br0; ip link set br0 up; ip link set br1 up
        ping -c 1 10.0.0.2
        """
    )
    assert done.returncode == 2
    assert done.stderr.startswith("emu: ")
    assert done.stderr.count("\n") == 1
    assert "br0" in done.stderr


def test_sudo_and_nsenter_run_their_arguments(sh: Sh) -> None:
    done = sh("id -u; sudo -E ip netns add a; ls /run/netns; nsenter --net=/run/netns/a ip netns identify; sudo sh -c 'exit 4'; echo $?; hostname")
    assert (done.stdout, done.stderr) == ("0\na\na\n4\nhost\n", "")


def test_output_that_cannot_be_written(sh: Sh) -> None:
    done = sh("ip link set lo up; ping -c 1 127.0.0.1 > /dev/full; echo $?; ip netns list >&-; echo $?")
    assert (done.stdout, done.stderr) == ("1\n0\n", "ping: write error: No space left on device\n")


def test_nsenter_by_process(sh: Sh) -> None:
    done = sh(
        """
        ip netns add a; ip netns exec a sleep 100 & sleep 0.1
        nsenter -t $! -n ip netns identify; nsenter --target $! --net -- bash -c 'nsenter --net=/proc/1/ns/net ip netns identify; ip netns identify'
        nsenter -t 9999 -n true; echo $?
        [ "$(ip netns pids a)" = $! ] && echo that one
        """
    )
    assert done.stdout == "a\n\na\n1\nthat one\n"
    assert done.stderr == "nsenter: cannot open /proc/9999/ns/net: No such file or directory\n"


def test_iptables_rules_are_restored_from_a_here_document_and_count(sh: Sh) -> None:
    done = sh(
        PAIR
        + """
        ip netns exec b iptables-restore <<END
*filter
:INPUT ACCEPT [0:0]
-A INPUT -p icmp -j DROP
COMMIT
END
        ip netns exec a ping -c 2 -W 1 10.0.0.2 > /dev/null; echo $?
        ip netns exec b iptables-save -c | grep DROP
        """
    )
    assert done.stdout == "1\n[2:168] -A INPUT -p icmp -j DROP\n"


def test_a_restore_that_is_only_a_test(sh: Sh) -> None:
    done = sh(
        """
        printf '*filter\\n-A INPUT -p icmp -j DROP\\nCOMMIT\\n' > good; printf '*filter\\n-A INPUT -j NOWHERE\\nCOMMIT\\n' > bad
        iptables-restore --test good; echo $?; iptables-restore --test < bad 2> /dev/null && echo taken; iptables -S INPUT
        """
    )
    assert (done.stdout, done.stderr) == ("0\n-P INPUT ACCEPT\n", "")


def test_hop_tables_of_what_was_sent_change_nothing(sh: Sh, tmp_path: Path) -> None:
    script = PAIR + "ip netns exec a ping -c 1 10.0.0.2 > /dev/null; ip netns exec b ping -c 2 10.0.0.1 > /dev/null"
    done = sh(script, options=("--hops",), captures="told")
    assert "a: ping -c 1 10.0.0.2" in done.stdout
    assert "b: ping -c 2 10.0.0.1" in done.stdout
    assert "ICMP echo reply" in done.stdout
    assert sh(script, captures="untold").stdout == ""
    for path in (tmp_path / "told").iterdir():
        assert path.read_bytes() == (tmp_path / "untold" / path.name).read_bytes()


def test_a_script_that_is_not_there(tmp_path: Path) -> None:
    done = subprocess.run([*EMU, "nosuch.sh"], capture_output=True, text=True, env=ENVIRONMENT, cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (127, "", "emu: nosuch.sh: No such file or directory\n")
    done = subprocess.run([*EMU, "/"], capture_output=True, text=True, env=ENVIRONMENT, cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (126, "", "emu: /: Is a directory\n")
    assert list(tmp_path.iterdir()) == []


def test_background_jobs_end_with_the_script(sh: Sh) -> None:
    assert sh(PAIR + "ip netns exec a ping 10.0.0.2 > /dev/null & sleep 1").returncode == 0


USERS_PYTHONS = ("/usr/bin/python3", "/usr/local/bin/python3")


@pytest.mark.root
def test_as_an_ordinary_user(tmp_path: Path) -> None:
    """Root is not needed: run as nobody, by a python that nobody may run. Nothing of the host changes."""
    python = next((path for path in USERS_PYTHONS if os.access(path, os.X_OK)), None)
    if python is None or subprocess.run([python, "-c", "import sys; sys.exit(sys.version_info < (3, 11))"]).returncode:
        pytest.skip("no python that another user may run")
    import scapy

    script = PAIR + "ip netns exec a ping -c 1 10.0.0.2 | grep -c ttl=64; id -u; ls /run/netns; mount -t tmpfs none /mnt && touch /run/netns/x && echo fenced"
    script += "; ip link add br9 type bridge; ip route add blackhole 10.78.0.0/16; sysctl -qw net.ipv4.ip_default_ttl=77; /sbin/ip addr add 10.77.0.1/24 dev lo"
    before = host()
    environment = {**ENVIRONMENT, "PYTHONPATH": f"{ENVIRONMENT['PYTHONPATH']}:{Path(scapy.__file__).parents[1]}", "HOME": "/tmp"}
    command = [python, "-P", "-m", "emu", "sh", "--no-captures"]
    done = subprocess.run(command, input=script, capture_output=True, text=True, env=environment, user=65534, group=65534, extra_groups=[], cwd="/")
    assert (done.returncode, done.stdout, done.stderr) == (0, "1\n0\na\nb\nfenced\n", "")
    assert host() == before
