"""A namespace to load rules into, without anything around it."""

from __future__ import annotations

from pathlib import Path

from emu.iproute import iptables
from emu.net.netns import Kernel, Namespace
from emu.net.stack import new_namespace
from emu.sim import Sim
from emu.trace import Tracepoints

SPELLINGS = Path(__file__).with_name("spellings.txt")
HOOKS = ("PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING")


def node(name: str = "node", seed: int = 1) -> Namespace:
    sim = Sim(seed)
    return new_namespace(name, Kernel(name, sim, Tracepoints(sim)))


def saved(ns: Namespace, table: str | None = None, counters: bool = False) -> list[str]:
    """iptables-save without comments."""
    return [line for line in iptables.save(ns, counters, table).split("\n")[:-1] if not line.startswith("#")]


def rules(ns: Namespace, chain: str, table: str = "filter") -> list[str]:
    """The rules of a chain as saved, without `-A CHAIN`."""
    head = f"-A {chain}"
    return [line[len(head) :].strip() for line in saved(ns, table) if line == head or line.startswith(head + " ")]


class Spelling:
    """One rule as written, what becomes of it, or the status it is refused with."""

    def __init__(self, table: str, chain: str, written: str) -> None:
        self.table, self.chain, self.written = table, chain, written
        self.saved: list[str] = []
        self.listed: list[str] = []
        self.status = 0

    def document(self, rule: str | None = None) -> str:
        declared = "" if self.chain in HOOKS else f":{self.chain} - [0:0]\n"
        return f"*{self.table}\n{declared}-A {self.chain} {self.written if rule is None else rule}\nCOMMIT\n"


def spellings() -> list[Spelling]:
    """What spellings.txt says."""
    made: list[Spelling] = []
    for line in SPELLINGS.read_text(encoding="utf-8").splitlines():
        if line[:1] == "=":
            made[-1].saved.append(line[2:])
        elif line[:1] == ">":
            made[-1].listed.append(line[2:])
        elif line[:1] == "!":
            made[-1].status = int(line[2:])
        elif line[:1] != "#":
            place, _, written = line.partition(":")
            made.append(Spelling(*place.split(), written.strip()))
    return made
