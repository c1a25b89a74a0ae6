"""/proc/sys/net in scripts: read by cat and by the shell, written by echo and tee, the namespace's own, refused as Linux refuses."""

from __future__ import annotations

import os

import pytest

from tests.shell.conftest import PAIR, Sh

needs_fuse = pytest.mark.skipif(not os.access("/dev/fuse", os.R_OK | os.W_OK), reason="no /dev/fuse, or not for this user")
FORWARD = "/proc/sys/net/ipv4/ip_forward"


@needs_fuse
def test_what_is_written_holds_from_the_next_command_on(sh: Sh) -> None:
    done = sh(
        f"""
        echo 1 > {FORWARD}; sysctl net.ipv4.ip_forward; sysctl -qw net.ipv4.ip_forward=0; cat {FORWARD}
        echo 1 | tee {FORWARD}; echo "$(< {FORWARD})"; [ -w {FORWARD} ] && [ ! -e {FORWARD}x ] && echo there
        """
    )
    assert (done.stdout, done.stderr) == ("net.ipv4.ip_forward = 1\n0\n1\n1\nthere\n", "")


@needs_fuse
def test_a_value_that_is_none_and_a_file_that_is_read_only(sh: Sh) -> None:
    done = sh(
        f"""
        echo x > {FORWARD}; echo $?; echo 300 > /proc/sys/net/ipv4/ip_default_ttl || cat /proc/sys/net/ipv4/ip_default_ttl
        echo 1 > /proc/sys/net/netfilter/nf_conntrack_count; echo $?; echo 1 > /proc/sys/net/ipv4/nosuch; echo $?
        """
    )
    assert done.stdout == "1\n64\n1\n1\n"
    assert [line.split(": ", 2)[2] for line in done.stderr.splitlines()] == [
        "echo: write error: Invalid argument",
        "echo: write error: Invalid argument",
        "/proc/sys/net/netfilter/nf_conntrack_count: Permission denied",
        "/proc/sys/net/ipv4/nosuch: No such file or directory",
    ]


@needs_fuse
def test_each_process_sees_its_own_namespace(sh: Sh) -> None:
    done = sh(
        PAIR
        + f"""
        ip netns exec a sh -c 'echo 1 > {FORWARD}'
        ip netns exec a cat {FORWARD}; cat {FORWARD}; ip netns exec b env -i /bin/sh -c 'cat {FORWARD}; echo /proc/sys/net/ipv4/conf/*'
        ip netns exec a env -i /bin/sh -c 'cat {FORWARD}'
        for file in /proc/sys/net/ipv4/conf/*/rp_filter; do echo 2 > $file; done; sysctl -n net.ipv4.conf.all.rp_filter
        ip -n a link add link eth9 2> /dev/null; ip netns exec a ls /proc/sys/net/ipv4/neigh
        """
    )
    conf = " ".join(f"/proc/sys/net/ipv4/conf/{name}" for name in ("all", "default", "eth0", "lo"))
    assert (done.stdout, done.stderr) == (f"1\n0\n0\n{conf}\n1\n2\nlo\nveth0\n", "")


@needs_fuse
def test_nothing_is_made_or_removed_there(sh: Sh) -> None:
    done = sh("cd /proc/sys/net/ipv4/conf/all; rm forwarding; mkdir x; mv forwarding y; stat -f . > /dev/null && echo 1 >> forwarding; cat < ../../ip_forward")
    assert done.stdout == "1\n"
    assert [line.rpartition(": ")[2] for line in done.stderr.splitlines()] == ["Operation not permitted"] * 3


@needs_fuse
def test_what_linux_has_and_the_emulator_does_not_is_named_once(sh: Sh) -> None:
    done = sh("cat /proc/sys/net/ipv4/tcp_congestion_control 2> /dev/null || cat /proc/sys/net/ipv4/tcp_congestion_control 2> /dev/null")
    assert done.returncode == 1
    assert done.stderr == "emu: not emulated: /proc/sys/net/ipv4/tcp_congestion_control\n"


@needs_fuse
def test_writers_in_the_background_take_turns_in_fork_order(sh: Sh) -> None:
    script = "for ttl in 10 20 30; do (sleep 1; echo $ttl > /proc/sys/net/ipv4/ip_default_ttl) & done; wait; cat /proc/sys/net/ipv4/ip_default_ttl"
    assert [sh(script).stdout for _ in range(3)] == ["30\n"] * 3


@needs_fuse
def test_a_script_gets_the_answer_though_signals_come_meanwhile(sh: Sh) -> None:
    """bash hears of its jobs' ends while it waits for a file to be opened."""
    done = sh(f"for i in $(seq 30); do true & echo $((i % 2)) > {FORWARD} || exit; done; cat {FORWARD}")
    assert (done.returncode, done.stdout, done.stderr) == (0, "0\n", "")


def test_without_fuse_nothing_is_shown_rather_than_the_kernels_own(sh: Sh) -> None:
    script = f"sysctl -w net.ipv4.ip_forward=1; cat {FORWARD} || echo hidden; (echo 1 > {FORWARD}) || echo refused; ls /proc/sys/net /sys/class/net"
    done = sh(script, without="fuse")
    assert done.stdout == "net.ipv4.ip_forward = 1\nhidden\nrefused\n/proc/sys/net:\n\n/sys/class/net:\n"
