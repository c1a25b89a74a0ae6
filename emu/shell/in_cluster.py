"""The stand-ins' commands on the machines of a cluster: an admin's workstation, nodes, pods; kubectl, and ssh to the nodes."""

from __future__ import annotations

import os
import shutil
import tempfile
from ipaddress import IPv4Address, IPv4Interface
from pathlib import Path
from signal import SIGKILL
from typing import TYPE_CHECKING

from emu.iproute import addr, link, route
from emu.k8s.api import DELETED
from emu.k8s.objects import KubernetesError
from emu.net.netns import NetError
from emu.shell.cluster_kubectl import Kubectl
from emu.shell.commands import Commands
from emu.wire.addr import ip_text

if TYPE_CHECKING:
    from emu.fabric import Machine
    from emu.k8s.objects import Pod
    from emu.lab import Cluster
    from emu.net.netns import Namespace
    from emu.shell.call import Call

HOST = "host"
SSH_VALUES = "BbcDEeFIiJLlmOopQRSWw"


def add_workstation(cluster: Cluster) -> Machine:
    """A machine on the nodes' network, with the highest address there that nobody has. Raises NetError where its name is taken."""
    inside = cluster.router_host.netns.devices["eth0"].addresses[0]
    network = IPv4Interface(f"{ip_text(inside.local)}/{inside.length}").network
    taken = {cluster.router_host.inside_ip, cluster.load_balancer.ip, *(node.ip for node in cluster.nodes)}
    number = next((each for each in range(int(network.broadcast_address) - 1, int(network.network_address), -1) if str(IPv4Address(each)) not in taken), None)
    if number is None:
        raise NetError(28, f"the nodes' network {network} has no address left for the machine that a script starts on")
    machine: Machine = cluster.world.add_machine(HOST)
    nic = machine.add_nic("eth0")
    cluster.world.cable(nic, cluster.switch.add_port())
    for device in ("lo", "eth0"):
        link.set_up(machine.netns, device)
    addr.add(machine.netns, "eth0", f"{IPv4Address(number)}/{network.prefixlen}")
    route.add(machine.netns, "default", via=cluster.router_host.inside_ip, dev="eth0")
    if cluster.dns is not None and cluster.nodes:  # the same servers as the nodes have
        cluster.loop.resolver.lookups[machine.netns] = cluster.loop.resolver.lookups[cluster.nodes[0].netns]
    return machine


class ClusterCommands(Commands):
    """`cluster`: where they run, beginning on a workstation that is added to it. Raises NetError."""

    def __init__(self, cluster: Cluster, hops: bool = False, namespace: str = "default") -> None:
        super().__init__(add_workstation(cluster), cluster.loop, hops)
        self.cluster = cluster
        self.kubectl = Kubectl(self, cluster, namespace)
        self._folder = tempfile.TemporaryDirectory(prefix="emu-")
        self._written: dict[str, str] = {}
        self._running: dict[Call, Namespace] = {}
        cluster.api.watch("Pod", self._on_pod)

    def __enter__(self) -> ClusterCommands:
        return self

    def __exit__(self, *_: object) -> None:
        self.cluster.api.unwatch("Pod", self._on_pod)
        self._folder.cleanup()

    # -- where things run -----------------------------------------------------------------------------------------------------------

    def find(self, name: str) -> Namespace | None:
        """By names that are unique in the cluster: pods', nodes', those that a script makes."""
        if not name:
            return self.machine.netns
        for machine in self.cluster.world.machines.values():
            if name == machine.name:
                return machine.netns
            if name in machine.namespaces:
                return machine.namespaces[name]
        return None

    def machine_of(self, netns: Namespace) -> Machine:
        """The machine whose kernel it is of."""
        return next((machine for machine in self.cluster.world.machines.values() if machine.kernel is netns.kernel), self.machine)

    def _admit(self, call: Call) -> None:
        self.look(call)
        if call.name == "ssh":
            self._ssh(call, call.argv[1:])
        else:
            super()._admit(call)
        self._running = {each: netns for each, netns in self._running.items() if each.status is None}
        if call.process is not None and call.status is None and (inside := self.netns(call)) is not None:
            self._running[call] = inside

    def _on_pod(self, event: str, pod: Pod) -> None:
        """What runs in a pod ends with it."""
        if event == DELETED and not pod.spec.host_network:
            name = self.cluster.netns_of(pod)
            for call in [call for call, netns in self._running.items() if netns.name == name and call.status is None and call.process is not None]:
                del self._running[call]
                call.process.kill()  # type: ignore[union-attr]
                call.exit(128 + SIGKILL)

    def look(self, call: Call) -> None:
        """What a command finds where it runs: names that belong there."""
        inside = self.netns(call)
        if inside is not None:
            call.hostname = self.hostname(inside)
            call.elsewhere |= self.files(inside)

    def place(self, name: str) -> str:
        """The namespace of a machine, of a pod, or of the first ready pod of deploy/NAME and the like. Raises ValueError."""
        kind, slash, rest = name.rpartition("/")
        if kind in ("node", "nodes", "no", "") and rest in self.cluster.world.machines:
            return rest
        if slash and (pod := self.cluster.api.pods.get((kind, rest))) is not None:
            return self.cluster.netns_of(pod)
        pods = [each for space, each in self.cluster.api.pods if space == self.kubectl.session.namespace]
        if not slash and name not in pods:
            machines, there = ", ".join(self.cluster.world.machines), ", ".join(pods) or "no pods"
            raise KubernetesError(f"there is no node and no pod {name!r}; there are {machines}, and in namespace {self.kubectl.session.namespace} {there}")
        return self.kubectl.netns_of_pod(name)

    def beyond(self, call: Call, inside: Namespace) -> None:
        """kubectl."""
        if call.name == "kubectl":
            self.kubectl.run(call, inside)
        else:
            super().beyond(call, inside)

    def put_into(self, call: Call, name: str, words: list[str], env: dict[str, str] | None = None) -> None:
        """Run a program in a namespace that there is, among the files of its /etc."""
        self.move(call, name)
        super().put_into(call, name, words, env)

    def move(self, call: Call, name: str) -> None:
        """Have the stand-in see the pod's /etc/resolv.conf, hosts and hostname: behind the fence every program does then."""
        netns = self.find(name)
        if self.root is None or netns is None:
            return
        folder = f"/run/emu/pods/{netns.name}"
        Path(f"{self.root}{folder}").mkdir(parents=True, exist_ok=True)
        for path in self.files(netns).values():
            shutil.copyfile(path, f"{self.root}{folder}/{Path(path).name}")
        call.post(b"P", os.fsencode(folder) + b"\0" + os.fsencode(self.hostname(netns)))

    def _ssh(self, call: Call, words: list[str]) -> None:
        """`ssh [OPTIONS] [USER@]NODE [COMMAND...]`, without packets: it is the way in, not a thing to look at."""
        rest = list(words)
        while rest and rest[0].startswith("-"):
            word = rest.pop(0)
            if len(word) == 2 and word[1] in SSH_VALUES and rest:
                rest.pop(0)
        if not rest:
            self.fail(call, "usage: ssh [USER@]NODE [COMMAND...]", 255)
            return
        name = rest.pop(0).rpartition("@")[2]
        machine = next((each for each in self.cluster.world.machines.values() if each.name == name or _has_address(each, name)), None)
        if machine is None:
            self.fail(call, f"ssh: Could not resolve hostname {name}: Name or service not known", 255)
        else:
            self.put_into(call, machine.name, ["bash", "-c", " ".join(rest)] if rest else ["bash", "--norc"])

    # -- what a pod sees --------------------------------------------------------------------------------------------------------------

    def pod_in(self, netns: Namespace) -> Pod | None:
        """The pod that has a namespace for itself."""
        return next((pod for pod in self.cluster.api.pods.values() if not pod.spec.host_network and self.cluster.netns_of(pod) == netns.name), None)

    def hostname(self, netns: Namespace) -> str:
        """The pod's, or the machine's."""
        pod = self.pod_in(netns)
        return (pod.spec.hostname or pod.name) if pod is not None else self.machine_of(netns).name

    def files(self, netns: Namespace) -> dict[str, str]:
        """A pod's /etc/resolv.conf, /etc/hosts and /etc/hostname as the kubelet wrote them, a machine's own: their names, and where they are."""
        dns, pod = self.cluster.dns, self.pod_in(netns)
        texts = {"hostname": f"{self.hostname(netns)}\n"}
        if dns is not None:
            texts["resolv.conf"] = str(dns.resolv_conf(pod) if pod is not None else dns.node_conf)
        hosts = self.cluster.loop.resolver.hosts.get(netns, {})
        texts["hosts"] = "# Kubernetes-managed hosts file.\n" if pod is not None else ""
        texts["hosts"] += "127.0.0.1\tlocalhost\n" + _lines(hosts)
        for name, text in texts.items():
            path = f"{netns.name}/{name}"
            if self._written.get(path) != text:
                self._written[path] = text
                file = Path(self._folder.name, path)
                file.parent.mkdir(exist_ok=True)
                file.write_text(text)
        return {f"/etc/{name}": str(Path(self._folder.name, netns.name, name)) for name in texts}


def _lines(hosts: dict[str, str]) -> str:
    """An address with its names, the longest first, as the kubelet writes them."""
    names: dict[str, list[str]] = {}
    for name, address in hosts.items():
        names.setdefault(address, []).append(name)
    return "".join('\t'.join([address, *sorted(each, key=len, reverse=True)]) + "\n" for address, each in names.items())


def _has_address(machine: Machine, text: str) -> bool:
    return any(ip_text(ifa.local) == text for device in machine.netns.devices.values() for ifa in device.addresses)
