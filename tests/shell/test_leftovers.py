"""However a script ends, nothing stays behind: no process, no socket, no file, nothing on the host's network."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.shell.conftest import EMU, ENVIRONMENT, Sh, left_of

STAY = "setsid tail -f /dev/null & (nohup sh -c 'trap \"\" TERM HUP INT; exec tail -f /dev/null' > /dev/null 2>&1 &) ; ip netns add a; sleep 1; "


class Run:
    """A script in a process group of its own, whose leftovers can be found by a mark in their environment."""

    def __init__(self, tmp_path: Path, script: str) -> None:
        self.mark = f"MARK_{tmp_path.name}_{os.getpid()}"
        self.temporary = tmp_path / "tmp"
        self.temporary.mkdir()
        path = tmp_path / "script.sh"
        path.write_text(script)
        environment = {**ENVIRONMENT, "MARK": self.mark, "TMPDIR": str(self.temporary)}
        command = [*EMU, "--no-captures", str(path)]
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, env=environment, cwd=tmp_path, start_new_session=True
        )

    def says(self, line: bytes) -> None:
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == line

    def ends(self) -> int:
        """Its exit status, once nothing of it is left."""
        self.process.communicate(timeout=30)
        assert left_of(self.mark) == []
        assert list(self.temporary.iterdir()) == []
        return self.process.returncode


def test_daemons_end_with_the_script(tmp_path: Path) -> None:
    assert Run(tmp_path, STAY + "exit 3").ends() == 3


def test_a_script_that_bash_cannot_read_to_its_end(tmp_path: Path) -> None:
    assert Run(tmp_path, STAY + "if true; then").ends() == 2


def test_a_script_that_kills_its_own_bash(tmp_path: Path) -> None:
    assert Run(tmp_path, STAY + "kill -KILL $$").ends() == 128 + signal.SIGKILL


def test_control_c_ends_a_script_that_never_rests(tmp_path: Path) -> None:
    run = Run(tmp_path, STAY + "echo started; while :; do :; done")
    run.says(b"started\n")
    os.killpg(run.process.pid, signal.SIGINT)
    assert run.ends() == 128 + signal.SIGINT


def test_control_c_ends_a_script_that_waits(tmp_path: Path) -> None:
    run = Run(tmp_path, STAY + "echo started; sleep inf")
    run.says(b"started\n")
    os.killpg(run.process.pid, signal.SIGINT)
    assert run.ends() == 128 + signal.SIGINT


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP])
def test_the_emulator_is_killed(tmp_path: Path, how: signal.Signals) -> None:
    run = Run(tmp_path, STAY + "ip -n a link set lo up; ip netns exec a ping 127.0.0.1 > /dev/null & sleep 1; echo started; wait")
    run.says(b"started\n")
    run.process.send_signal(how)
    assert run.ends() in (-how, 128 + how)


def test_output_that_nobody_reads_on(tmp_path: Path) -> None:
    run = Run(tmp_path, STAY + "while :; do echo y; done")
    run.says(b"y\n")
    assert run.process.stdout is not None
    run.process.stdout.close()
    run.process.stdout = None
    assert run.ends() == 128 + signal.SIGPIPE


def test_hop_tables_that_nobody_reads_on(tmp_path: Path) -> None:
    (tmp_path / "script.sh").write_text("ip link set lo up; for i in 1 2 3; do ping -c 1 127.0.0.1 > /dev/null; done; exit 5")
    command = ["bash", "-c", '"$@" | head -n 1; echo ${PIPESTATUS[0]}', "bash", *EMU, "--no-captures", "--hops", "script.sh"]
    done = subprocess.run(command, capture_output=True, text=True, env=ENVIRONMENT, cwd=tmp_path, timeout=60)
    told, status = done.stdout.splitlines()
    assert (told.strip(), status, done.stderr) == ("host: ping -c 1 127.0.0.1", "5", "")


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_what_is_closed_is_closed(tmp_path: Path, closed: str) -> None:
    script = tmp_path / "script.sh"
    script.write_text("ip netns add a; ip -n a link set lo up; ip netns exec a ping -c 1 127.0.0.1 > reply; ip netns exec a nc -l 80 & sleep 1; exit 4")
    command = ["bash", "-c", f'"$@" {closed}', "bash", *EMU, "--no-captures", str(script)]
    done = subprocess.run(command, capture_output=True, text=True, env=ENVIRONMENT, cwd=tmp_path, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (4, "", "")
    assert "1 received" in (tmp_path / "reply").read_text()


def test_a_thousand_namespaces(sh: Sh) -> None:
    done = sh("for i in $(seq 1000); do echo netns add n$i; done | ip -batch -; ip netns list | wc -l; ls /run/netns | wc -l; ip -n n1000 -br link | wc -l")
    assert (done.stdout, done.stderr) == ("1000\n1000\n1\n", "")


def host() -> list[str]:
    """Everything that a script could have changed."""
    commands = ("ip -d link", "ip addr", "ip route show table all", "ip rule", "ip netns list", "iptables-save", "hostname", "cat /proc/mounts")
    said = [subprocess.run(command.split(), capture_output=True, text=True).stdout for command in commands]
    keys = [path for path in Path("/proc/sys/net/ipv4").rglob("*") if path.name in ("ip_forward", "rp_filter", "arp_notify", "ip_default_ttl")]
    files = ("/etc/hosts", "/etc/resolv.conf", "/etc/iproute2/rt_tables", "/etc/sysctl.conf")
    said += [f"{path} {path.read_text()}" for path in sorted(keys)] + [Path(path).read_text() for path in files if Path(path).exists()]
    return [*said, str(Path("/etc/netns").exists())]


@pytest.mark.root
def test_as_root_the_host_is_untouched(sh: Sh) -> None:
    before = host()
    done = sh(
        """
        ip netns add a; ip link add br9 type bridge; ip addr add 10.77.0.1/24 dev lo; ip route add blackhole 10.78.0.0/16; ip rule add from 10.77.0.1 table 9
        ip link set lo up; mount -t tmpfs none /mnt; touch /run/something; sysctl -qw net.ipv4.ip_default_ttl=77
        for path in /sbin/ip /usr/sbin/ip /bin/ip; do [ -x $path ] && env -i $path link add x$((n++)) type dummy; done
        (exec ip link add e type dummy); command -p ip addr add 10.77.0.2/24 dev lo; sudo iptables -A INPUT -j DROP; busybox ip addr add 10.77.0.3/24 dev lo
        for value in 0 1 2; do echo $value > /proc/sys/net/ipv4/ip_forward; echo $value > /proc/sys/net/ipv4/conf/all/rp_filter; done
        mkdir -p /etc/netns/a; echo nameserver 10.77.0.9 | tee /etc/netns/a/resolv.conf > /etc/resolv.conf; echo 99 other >> /etc/iproute2/rt_tables
        ip -br link | wc -l; ip addr | grep -c 10.77
        """
    )
    assert host() == before
    assert done.stdout.split()[0] in ("3", "4", "5", "6")


@pytest.mark.skipif(not Path("/usr/bin/busybox").exists(), reason="no busybox")
def test_busyboxs_applets_do_not_show_an_empty_network(sh: Sh) -> None:
    done = sh("busybox ip link; busybox ping -c 1 127.0.0.1; busybox wget -O- http://127.0.0.1/")
    assert done.stdout == ""
    assert done.stderr.count("opens a network socket") == 3


def test_two_side_by_side(tmp_path: Path) -> None:
    runs = []
    for name in "ab":
        (tmp_path / name).mkdir()
        runs.append(Run(tmp_path / name, f"ip netns add {name}; sleep 1; ip netns list; sleep 1"))
    for run, line in zip(runs, (b"a\n", b"b\n"), strict=True):
        run.says(line)
        assert run.ends() == 0


def test_it_ends_soon_after_the_script(sh: Sh) -> None:
    """Background jobs do not keep it."""
    before = time.monotonic()
    assert sh("ip link set lo up; ping 127.0.0.1 > /dev/null & sleep 1").returncode == 0
    assert time.monotonic() - before < 30
