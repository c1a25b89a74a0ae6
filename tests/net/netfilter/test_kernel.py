"""The same rules and packets on the kernel and here: counters of every rule and policy, and every packet that comes out, must be equal."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from emu.iproute import iptables, sysctl
from tests.kernel.lab import privately
from tests.net.conntrack.kernel_box import KernelBox, kernel_box
from tests.net.netfilter.cases import CASES
from tests.net.netfilter.router import Router
from tests.net.netfilter.sequences import SEQUENCES

TABLES = "mangle raw filter nat".split()
EMPTY = "".join(f"*{table}\nCOMMIT\n" for table in TABLES)
Packets = Sequence[tuple[str, bytes]]


def normal(l3: bytes) -> str:
    """A packet without the number that each stack gives it in its own way."""
    return (l3[:4] + b"\0\0" + l3[6:10] + b"\0\0" + l3[12:]).hex() if l3[1] == 0xC0 else l3.hex()


def counters_of(save: str) -> list[str]:
    return [line for line in save.splitlines() if not line.startswith("#")]


def on_kernel(box: KernelBox, rules: str, packets: Packets) -> dict[str, object]:
    box.lab.run("box", "iptables-restore", stdin=EMPTY)
    box.flush()
    box.lab.run("box", "iptables-restore", stdin=rules)
    out = [[(side, normal(l3)) for side, l3 in box.send(side, l3)] for side, l3 in packets]
    return {"out": out, "rules": counters_of(box.lab.run("box", "iptables-save -c").stdout)}


def here(rules: str, packets: Packets) -> dict[str, object]:
    router = Router()
    sysctl.set(router.ns, "net.ipv4.icmp_ratelimit", 0)
    router.restore(rules)
    out = [[(side, normal(l3)) for side, l3 in router.send(side, l3)] for side, l3 in packets]
    router.ledger.check()
    return {"out": out, "rules": counters_of(iptables.save(router.ns, counters=True))}


def compare(path: Path, stories: dict[str, tuple[str, Packets]]) -> None:
    def job() -> None:
        with kernel_box() as box:
            box.lab.sysctl("box", "net.ipv4.icmp_ratelimit", 0)
            path.write_text(json.dumps({name: on_kernel(box, *story) for name, story in stories.items()}))

    assert privately(job) == 0
    for name, real in json.loads(path.read_text()).items():
        assert json.loads(json.dumps(here(*stories[name]))) == real, name


@pytest.mark.root
def test_every_match_counts_what_the_kernel_counts(tmp_path: Path) -> None:
    stories = {rule: (f"*filter\n-A FORWARD {rule} -j DROP\nCOMMIT\n", [("a", packet) for packet in [*yes, *no]]) for rule, yes, no in CASES}
    compare(tmp_path / "out.json", stories)


@pytest.mark.root
def test_sequences_go_as_on_the_kernel(tmp_path: Path) -> None:
    compare(tmp_path / "out.json", dict(SEQUENCES))
