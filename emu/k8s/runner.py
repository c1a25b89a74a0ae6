"""A node as plugins and proxies see it: its name and addresses, and the commands of Linux, run in its namespace or in a pod's."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import Any

from emu.fabric import Machine
from emu.iproute import commands, iptables
from emu.k8s.objects import KubernetesError, Node


class NodeRunner:
    """`node.run("ip link add br0 type bridge")`. `name`, `ip`, `pod_cidr`: the Node's; `random`: draws of its own, from the seed."""

    def __init__(self, machine: Machine, spec: Node, random: Any) -> None:
        self.machine = machine
        self.spec = spec
        self.random = random

    @property
    def name(self) -> str:
        """The node's name, which is also its namespace's."""
        return self.spec.name

    @property
    def ip(self) -> str:
        """InternalIP."""
        return self.spec.ip

    @property
    def pod_cidr(self) -> str:
        """The range of its pods."""
        return self.spec.pod_cidr

    @property
    def netns(self) -> Any:
        """Its root namespace."""
        return self.machine.netns

    def run(self, command: str | Sequence[str], stdin: str = "", netns: Any = None) -> str:
        """Run one command (no shell): ip, bridge, sysctl, conntrack, ethtool, iptables, iptables-save, iptables-restore; returns what it prints.

        Raises KubernetesError with what it says on standard error, where its status is not 0.
        """
        words = shlex.split(command) if isinstance(command, str) else [str(word) for word in command]
        if not words:
            raise KubernetesError(f"{self.name}: there is no command to run")
        where = netns if netns is not None else self.netns
        if words[0].startswith("iptables"):
            return self._iptables(where, words, stdin)
        result = commands.run(self.machine, where, words, stdin)
        if result.status:
            raise KubernetesError(f"{self.name}: {' '.join(words)}: {result.stderr.strip() or f'exit status {result.status}'}")
        return result.stdout

    def _iptables(self, netns: Any, words: list[str], stdin: str) -> str:
        flags = words[1:]
        try:
            if words[0] == "iptables":
                return iptables.command(netns, flags)
            if words[0] == "iptables-save":
                return iptables.save(netns, counters="-c" in flags, table=flags[flags.index("-t") + 1] if "-t" in flags[:-1] else None)
            if words[0] == "iptables-restore":
                iptables.restore(netns, stdin, noflush="-n" in flags or "--noflush" in flags, counters="-c" in flags or "--counters" in flags)
                return ""
        except iptables.IptablesError as error:
            raise KubernetesError(f"{self.name}: {' '.join(words)}: {error}") from None
        raise KubernetesError(f"{self.name}: {words[0]}: command not found")
