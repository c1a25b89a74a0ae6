"""A node as plugins and proxies see it: its name and addresses, and the commands of Linux, run in its namespace or in a pod's."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import Any

from emu.fabric import Machine
from emu.iproute import commands
from emu.iproute.cmd import iptables
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
            out, err, status = iptables.run(where, words, stdin, _no_file)
        else:
            result = commands.run(self.machine, where, words, stdin)
            out, err, status = result.stdout, result.stderr, result.status
        if status:
            raise KubernetesError(f"{self.name}: {' '.join(words)}: {err.strip() or f'exit status {status}'}")
        return out


def _no_file(name: str) -> str:
    raise KubernetesError(f"{name}: a node's files are not emulated: give the rules as stdin")
