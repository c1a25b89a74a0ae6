"""The same rules and packets on the kernel and here: counters of every rule and policy, and every packet that comes out, must be equal."""

from __future__ import annotations

import json
import random
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


CONDITIONS = [
    *(rule for rule, _, _ in CASES), "-m recent --name r1 --set", "-m recent --name r1 --rcheck --seconds 5 --hitcount 2", "-m recent --name r1 --update",
    "-m recent --name r1 --remove", "-m statistic --mode nth --every 2 --packet 0", "-m mark --mark 0x1/0x1", "-m limit --limit 1/day --limit-burst 4",
    "-p udp -m udp --dport 80 -m recent --name r2 --set --rdest", "-m recent ! --rcheck --name r2 --rdest",
]  # fmt: skip
# conntrack here does not follow SCTP associations
PACKETS = [packet for _, yes, no in CASES for packet in [*yes, *no] if packet[9] != 132]
CHAINS = {"filter": ["FORWARD"], "mangle": ["PREROUTING", "FORWARD", "POSTROUTING"], "raw": ["PREROUTING"]}


def at_random(draw: random.Random) -> tuple[str, Packets]:
    """Tables of conditions and targets in chains that jump to each other, and packets."""
    text = ""
    for table in draw.sample(list(CHAINS), draw.randrange(1, 4)):
        text += f"*{table}\n:C1 - [0:0]\n:C2 - [0:0]\n:C3 - [0:0]\n"
        if draw.random() < 0.5:
            text += "".join(f":{chain} {draw.choice(['ACCEPT', 'ACCEPT', 'DROP'])} [0:0]\n" for chain in CHAINS[table])
        for _ in range(draw.randrange(3, 25)):
            chain, condition = draw.choice([*CHAINS[table], "C1", "C2", "C3"]), draw.choice(CONDITIONS)
            if ("-i" in condition.split() and chain == "POSTROUTING") or ("-o" in condition.split() and chain == "PREROUTING"):
                continue
            later = [name for name in ("C1", "C2", "C3") if chain[0] != "C" or name > chain]
            targets = ["", "", "-j ACCEPT", "-j DROP", "-j RETURN", *(f"-j {name}" for name in later * 2), *(f"-g {name}" for name in later)]
            if table == "mangle":
                targets += ["-j MARK --or-mark 1", "-j MARK --xor-mark 3", "-j TTL --ttl-set 9", "-j TOS --set-tos 0x10"]
            text += f"-A {chain} {condition} {draw.choice(targets)}\n"
        text += "COMMIT\n"
    return text, [("a", draw.choice(PACKETS)) for _ in range(25)]


@pytest.mark.root
def test_rules_at_random_go_as_on_the_kernel(tmp_path: Path) -> None:
    compare(tmp_path / "out.json", {f"seed {seed}": at_random(random.Random(seed)) for seed in range(15)})


@pytest.mark.root
def test_every_match_counts_what_the_kernel_counts(tmp_path: Path) -> None:
    stories = {rule: (f"*filter\n-A FORWARD {rule} -j DROP\nCOMMIT\n", [("a", packet) for packet in [*yes, *no]]) for rule, yes, no in CASES}
    compare(tmp_path / "out.json", stories)


@pytest.mark.root
def test_sequences_go_as_on_the_kernel(tmp_path: Path) -> None:
    compare(tmp_path / "out.json", dict(SEQUENCES))
