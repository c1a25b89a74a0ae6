"""Where no fence can be had: refused as root, done with a warning as a user; and it leaves nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest

from tests.shell.conftest import EMU, ENVIRONMENT, PAIR, Sh, left_of

WARNING = "emu: warning: there are no namespaces here to fence the script in: absolute paths, `env -i` and a changed PATH reach this machine's own tools\n"
NO_PROC = "emu: there is no /proc that shows a script's processes: they are taken to be at rest after 20 ms without a word of them\n"
SCRIPT = (
    PAIR
    + """
    id -u; ip netns exec a bash -c 'ip netns identify; ping -c 2 10.0.0.2 | grep -c ttl=64'
    for i in 3 1 2; do (sleep $i; echo $i) & done; wait; timeout 5 sleep 1h; echo $?
    ip -n a -batch <(sleep 1; echo 'addr add 10.0.9.1/24 dev veth0'); ip -n a -br addr show veth0
    printf 'one\\n' | ip netns exec b nc -l 9000 > got & sleep 1; echo two | ip netns exec a nc -N 10.0.0.2 9000; wait; cat got
    python3 -c 'print("real")'; exit 7
    """
)
SAID = "0\na\n2\n1\n2\n3\n124\nveth0@if2        UP             10.0.0.1/24 10.0.9.1/24 \none\ntwo\nreal\n"


@pytest.mark.skipif(os.geteuid() != 0, reason="not root")
def test_as_root_it_is_refused(sh: Sh) -> None:
    done = sh("echo not reached", without="fence")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    assert done.stderr.endswith("root's scripts are not run without that, they would reach this machine\n")


@pytest.mark.parametrize(("without", "said"), [("", ""), ("fence root", WARNING)])
def test_the_same_script_does_the_same(sh: Sh, tmp_path: Path, without: str, said: str) -> None:
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    ENVIRONMENT["TMPDIR"] = str(temporary)
    try:
        done = sh(SCRIPT, without=without)
    finally:
        del ENVIRONMENT["TMPDIR"]
    assert (done.returncode, done.stdout, done.stderr) == (7, SAID, said)
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize(("without", "said"), [("proc", NO_PROC), ("fence root proc", WARNING + NO_PROC)])
def test_one_command_after_the_other_needs_no_proc(sh: Sh, without: str, said: str) -> None:
    """On a machine so busy that bash needs more than 20 ms between two commands, jobs side by side may come in another order."""
    done = sh(PAIR + "sleep 1h; ip netns exec a bash -c 'ip netns identify; ping -c 2 10.0.0.2 | grep -c ttl=64'; timeout 5 sleep 1h; echo $?", without=without)
    assert (done.returncode, done.stdout, done.stderr) == (0, "a\n2\n124\n", said)


def test_the_folder_is_for_its_user_only(sh: Sh) -> None:
    done = sh("stat -c %a ${PATH%%/bin:*}", without="fence root")
    assert done.stdout == "700\n"


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_killed_it_leaves_nothing_behind(tmp_path: Path, how: signal.Signals) -> None:
    script = tmp_path / "script.sh"
    script.write_text(
        """
        ip link set lo up; ping 127.0.0.1 > /dev/null &
        (trap '' TERM HUP; setsid tail -f /dev/null &)
        sleep 1; echo started; wait
        """
    )
    mark = f"MARK_{tmp_path.name}_{os.getpid()}"
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    environment = {**ENVIRONMENT, "MARK": mark, "TMPDIR": str(temporary), "EMU_SH_WITHOUT": "fence root"}
    with subprocess.Popen([*EMU, "--no-captures", str(script)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"started\n"
        process.send_signal(how)
        process.wait()
    assert left_of(mark) == []
    assert list(temporary.iterdir()) == []
