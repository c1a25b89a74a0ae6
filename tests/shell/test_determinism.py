"""The same script and seed give the same output and the same captures, however busy the machine is: everything that could race, in one script."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.shell.conftest import PAIR, Sh

SCRIPT = (
    PAIR
    + """
    quiet() { "$@" > /dev/null; }
    # Jobs, waits, signals, traps
    for i in 1 2 3; do quiet ip netns exec a ping -c 2 -i 0.3 10.0.0.2 & done; wait
    (sleep 0.3; quiet ip netns exec a ping -c 1 10.0.0.2; exit 3) & job=$!
    (sleep 0.1; exit 4) &
    wait -n; echo "first $?"; wait $job; echo "second $?"
    trap 'echo term' TERM; (sleep 0.2; kill -TERM $$) & sleep 1; trap - TERM
    ip netns exec a ping 10.0.0.2 > /dev/null & one=$!; ip netns exec b ping 10.0.0.1 > /dev/null & two=$!
    sleep 2; kill $one $two; wait $one; echo "killed $?"
    timeout 2 sh -c 'while :; do ip netns exec a ping -c 1 10.0.0.2 > /dev/null; sleep 0.3; done'; echo "timeout $?"
    # Pipes, substitutions, coprocesses, here-documents
    ip netns exec b tcpdump -c 1 -tni eth0 icmp 2> /dev/null | while read -r line; do echo "saw ${line%%, id*}"; done & sleep 0.1
    quiet ip netns exec a ping -c 1 10.0.0.2; wait
    x=$(quiet ip netns exec a ping -c 1 10.0.0.2 & echo started; wait; echo done); echo $x
    coproc ip netns exec a ping -c 3 10.0.0.2; while read -r -u "${COPROC[0]}" line; do case $line in *icmp_seq*) echo "${line%% ttl*}" ;; esac; done; wait
    diff <(ip -n a -br addr) <(ip -n b -br addr) | wc -l
    ip netns exec a bash <<'END'
    echo "here $(ip netns identify)"; ping -c 1 10.0.0.2 | grep -c ttl=64
END
    # Several at once, and what they read
    seq 4 | xargs -P 4 -I{} sh -c 'sleep 0.{}; ip netns exec a ping -c 1 10.0.0.2 > /dev/null; echo {}'
    printf '%s\\n' 10.0.0.2 10.0.0.3 10.0.0.2 | xargs -P 3 -I{} ip netns exec a ping -c 1 -W 1 {} | grep -c ' 1 received'
    ip netns exec b nc -l 9000 > got & sleep 0.5
    (sleep 1; echo one; echo two; sleep 1; echo three) | ip netns exec a nc -N 10.0.0.2 9000; wait; cat got
    (for i in 1 2 3; do (ip -n a addr add 10.1.$i.1/24 dev veth0) & done; wait); ip -n a -br addr show veth0 | xargs
    # Scripts by path, other shells, daemons
    printf '#!/bin/sh\\necho "child $(ip netns identify) $1"; exec ip -o link show lo | cut -d: -f2\\n' > child.sh
    chmod +x child.sh; ip netns exec a ./child.sh x
    setsid -f ip netns exec a ping -c 2 10.0.0.2 > daemon; sleep 3; grep -c ttl=64 daemon
    (exec ip netns exec a bash -c 'exec env -i /bin/bash -c "ip netns identify"')
    until quiet ip netns exec a nc -z 10.0.0.2 7777; do
        n=$((n + 1)); [ "$n" = 2 ] && { ip netns exec b nc -lk 7777 > /dev/null & }; sleep 1
    done; echo "tries $n"
    """
)
OUTPUT = """\
first 4
second 3
term
killed 143
timeout 124
saw IP 10.0.0.1 > 10.0.0.2: ICMP echo request
started done
64 bytes from 10.0.0.2: icmp_seq=1
64 bytes from 10.0.0.2: icmp_seq=2
64 bytes from 10.0.0.2: icmp_seq=3
6
here a
1
1
2
3
4
2
one
two
three
veth0@if2 UP 10.0.0.1/24 10.1.1.1/24 10.1.2.1/24 10.1.3.1/24
child a x
 lo
2
a
tries 2
"""


@pytest.mark.parametrize(("times", "busy"), [(2, 0), pytest.param(20, 3, marks=pytest.mark.slow)])
def test_same_script_same_seed_same_captures_under_load(sh: Sh, tmp_path: Path, times: int, busy: int) -> None:
    load = [subprocess.Popen(["sh", "-c", "while :; do :; done"]) for _ in range(busy)]
    found = []
    try:
        for run in range(times):
            done = sh(SCRIPT, captures=str(run))
            assert (done.stdout, done.stderr) == (OUTPUT, "")
            found.append([(path.name, path.read_bytes()) for path in sorted((tmp_path / str(run)).iterdir())])
    finally:
        for process in load:
            process.kill()
            process.wait()
    assert [name for name, _ in found[0]] == ["a.lo.pcap", "a.veth0.pcap", "all.pcapng", "b.eth0.pcap"]
    assert all(other == found[0] for other in found[1:])


def test_another_seed_gives_other_captures(sh: Sh, tmp_path: Path) -> None:
    for seed in ("0", "7"):
        assert sh(PAIR + "ip netns exec a ping -c 1 10.0.0.2", captures=seed, options=("--seed", seed)).returncode == 0
    assert (tmp_path / "0" / "a.veth0.pcap").read_bytes() != (tmp_path / "7" / "a.veth0.pcap").read_bytes()


def test_what_arrives_on_stdin_piece_by_piece_is_sent_the_same_way(sh: Sh, tmp_path: Path) -> None:
    """And what comes back is shown while it still waits for more."""
    done = sh(
        PAIR
        + """
        ip netns exec b nc -l 9000 < <(sleep 2; echo answer; sleep 3) > got & sleep 0.5
        (sleep 1; echo a; echo b; sleep 5; echo c) | ip netns exec a nc -N 10.0.0.2 9000 | while read -r x; do echo "got $x"; done
        wait; cat got
        """
    )
    assert (done.stdout, done.stderr) == ("got answer\na\nb\nc\n", "")
