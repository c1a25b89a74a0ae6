"""What policies select: which pods, which peers, which ports; held once for the agents of all nodes (networking.k8s.io/v1 semantics)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from emu.k8s.api import DELETED, Api
from emu.k8s.objects import Namespace, NetworkPolicy, Pod, PolicyPeer, PolicyPort

INGRESS, EGRESS = "Ingress", "Egress"

Key = tuple[str, str]


class PolicyView:
    """`listeners` are called when anything changed that rules depend on. Without policies nobody is called."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self.listeners: list[Any] = []
        self.version = 0
        self.pods: dict[Key, Pod] = {}  # those that have an address of their own
        self._seen: dict[Key, tuple[object, ...]] = {}
        api.watch("NetworkPolicy", lambda event, policy: self._changed())
        api.watch("Namespace", self._on_namespace)
        api.watch("Pod", self._on_pod)

    @property
    def policies(self) -> list[NetworkPolicy]:
        """All of them, in order of creation."""
        return list(self.api.all("NetworkPolicy").values())

    def _changed(self) -> None:
        self.version += 1
        for listener in self.listeners:
            listener()

    def _on_namespace(self, event: str, namespace: Namespace) -> None:
        if self.api.all("NetworkPolicy"):
            self._changed()

    def _on_pod(self, event: str, pod: Pod) -> None:
        key = (pod.namespace, pod.name)
        there = event != DELETED and bool(pod.ip) and not pod.spec.host_network and pod.phase not in ("Succeeded", "Failed")
        now: tuple[object, ...] = (pod.uid, pod.ip, pod.node, tuple(pod.labels.items())) if there else ()
        if now == self._seen.get(key, ()):
            return
        if there:
            self.pods[key], self._seen[key] = pod, now
        else:
            self.pods.pop(key, None)
            self._seen.pop(key, None)
        if self.api.all("NetworkPolicy"):
            self._changed()

    # -- what is selected -----------------------------------------------------------------------------------------------------------

    def isolating(self, pod: Pod, direction: str) -> list[NetworkPolicy]:
        """The policies that isolate a pod for Ingress or Egress; empty: it is not isolated."""
        return [policy for policy in self.policies if direction in policy.types and policy.namespace == pod.namespace and policy.pods.matches(pod.labels)]

    def peers(self, policy: NetworkPolicy, peer: PolicyPeer) -> Iterator[Pod]:
        """The pods that a peer's selectors stand for."""
        for pod in self.pods.values():
            if peer.namespaces is None:
                if pod.namespace != policy.namespace:
                    continue
            elif not peer.namespaces.matches(self._labels_of(pod.namespace)):
                continue
            if peer.pods is None or peer.pods.matches(pod.labels):
                yield pod

    def _labels_of(self, namespace: str) -> dict[str, str]:
        found = self.api.get("Namespace", namespace)
        return found.labels if found is not None else {"kubernetes.io/metadata.name": namespace}

    def selected(self, policy: NetworkPolicy) -> Iterator[Pod]:
        """The pods a policy is about."""
        for pod in self.pods.values():
            if pod.namespace == policy.namespace and policy.pods.matches(pod.labels):
                yield pod

    @staticmethod
    def ports_match(port: PolicyPort, number: int | None) -> str:
        """The port as an iptables match; `number`: of a named port, as resolved on the destination."""
        protocol = port.protocol.lower()
        if number is None:
            return f"-p {protocol}"
        last = f":{port.end_port}" if port.end_port else ""
        return f"-p {protocol} -m {protocol} --dport {number}{last}"
