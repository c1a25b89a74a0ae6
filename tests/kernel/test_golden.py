"""The kernel of today still does what was recorded: every story again in fresh namespaces, compared line by line with its golden file."""

from __future__ import annotations

import difflib

import pytest

from tests.kernel.lab import Lab, privately
from tests.kernel.record import GOLDEN, RECORDINGS, record

# the others wait for timers in real time: -m slow asks for them too
QUICK = {
    "node-to-pod",
    "pod-to-pod-cross-node",
    "pod-to-service",
    "internet-to-service",
    "path-mtu",
    "redirects",
    "fragments",
    "loopback",
    "no-bridge-nf",
    "no-forwarding",
    "forward-drop",
    "local-node-port",
    "stale-udp",
    "matches",
    "physdev",
    "vxlan-learning",
}


@pytest.mark.root
@pytest.mark.parametrize("name", [pytest.param(name, marks=() if name in QUICK else pytest.mark.slow) for name in RECORDINGS])
def test_the_kernel_still_does_what_was_recorded(name: str, capfd: pytest.CaptureFixture[str]) -> None:
    then = (GOLDEN / f"{name}.txt").read_text().splitlines()[1:]  # the first line has the versions
    differences = []
    for _attempt in range(2):  # a busy machine may hold up a program for longer than a delayed ACK waits
        assert privately(lambda: print(record(name, Lab()), end="")) == 0
        now = capfd.readouterr().out.splitlines()[1:]
        if now == then:
            return
        differences.append("\n".join(difflib.unified_diff(then, now, "recorded", "now", lineterm="", n=2)))
    pytest.fail("\n\nagain:\n".join(differences), pytrace=False)
