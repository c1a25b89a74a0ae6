"""What one run of a script showed, on either side."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.kernel.lab import Captured

if TYPE_CHECKING:
    from tests.parity.lots import Flow

HOST = "host"  # the starting namespace
SETTLE_S = 0.3  # how long the network goes on after the script has ended and what it left running is killed
KILLED = "killed"

# What is asked in every namespace when all is over. In the order of the kernel's tables or not: the latter are compared sorted.
TABLES = (
    ("ip -br addr", False),
    ("ip route", False),
    ("bridge fdb", True),
    ("ip neigh", True),
    ("iptables-save -c", False),
    ("conntrack -L", True),
)

# Commands whose exit statuses are compared. Others belong to the shell, or stand for what they run.
RECORDED = (
    "ip", "bridge", "brctl", "sysctl", "conntrack", "ss", "ethtool", "iptables", "iptables-save", "iptables-restore", "iptables-nft", "iptables-nft-save",
    "iptables-nft-restore", "iptables-legacy", "iptables-legacy-save", "iptables-legacy-restore", "ping", "arping", "traceroute", "tracepath", "nc",
    "nc.openbsd", "netcat", "curl", "socat", "iperf3", "tcpdump", "dig", "nslookup", "host", "getent", "wget", "nft", "tc", "ip6tables", "ipset", "ebtables",
    "arptables", "python3",
)  # fmt: skip


@dataclass(frozen=True)
class Command:
    """One command of the script. `order`: number of its process, which is the order in which they were forked. `status`: text, a number or KILLED."""

    order: int
    netns: str
    argv: tuple[str, ...]
    status: str


@dataclass(frozen=True)
class Owner:
    """A device that had a MAC at the end of some command. `place`: "red.eth0"."""

    mac: str
    place: str
    bridge: bool


@dataclass
class Observed:
    """`tables`: (namespace, command) -> what it printed at the end. `owners`: of MACs, oldest first. `output`: stdout and stderr as they came.
    `flows`: tracked connections by namespace, in the order they began. `reachable`: (namespace, device, base_reachable_time_ms) -> the time drawn, in ms.
    """

    status: int = 0
    output: str = ""
    frames: list[Captured] = field(default_factory=list)
    owners: list[Owner] = field(default_factory=list)
    commands: list[Command] = field(default_factory=list)
    tables: dict[tuple[str, str], str] = field(default_factory=dict)
    flows: dict[str, list[Flow]] = field(default_factory=dict)
    reachable: dict[tuple[str, str, int], int] = field(default_factory=dict)
    seconds: float = 0.0


class RunError(Exception):
    """A side could not run the script at all."""


def netns_exec(argv: list[str]) -> str | None:
    """The namespace of `ip netns exec NAME COMMAND...`, None when it is something else."""
    words = argv[1:]
    while words and words[0].startswith("-"):
        words = words[1:]
    if len(words) < 4 or not ("netns".startswith(words[0]) and len(words[0]) > 1) or not "exec".startswith(words[1]):
        return None
    return words[2]
