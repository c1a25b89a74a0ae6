"""Manifests and a cluster: building one from files, and applying, deleting and getting objects by their manifests."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emu.k8s.api import Api
from emu.k8s.apply import Objects
from emu.k8s.control_plane import ControlPlane
from emu.k8s.dns import addon as dns
from emu.k8s.ingress import addon as ingress
from emu.k8s.manifest.decode import KINDS, decode
from emu.k8s.manifest.source import Document, documents, read
from emu.k8s.objects import (
    LOCAL,
    DaemonSet,
    Deployment,
    Ingress,
    Job,
    KubernetesError,
    Node,
    Pod,
    ReplicaSet,
    Service,
    StatefulSet,
    Thing,
    titled,
)

if TYPE_CHECKING:
    from emu.lab.cluster import Cluster

Manifest = str | dict[str, Any] | Thing


class ManifestVerbs:
    """What a Cluster does with manifests."""

    api: Api
    control_plane: ControlPlane
    objects: Objects

    @classmethod
    def from_manifests(
        cls, paths: str | Path | Iterable[str | Path], *, nodes: int | None = None, wait: bool = True, default_nodes: int = 1, **options: Any
    ) -> Cluster:
        """A cluster with everything that manifests (files, folders, - for standard input) hold. Their Nodes are its nodes, else there are `nodes`
        (`default_nodes` if that is None); `options`: as for Cluster.

        The cluster has DNS unless `dns=False`. What does not become ready in two minutes is told in `cluster.objects.notes`.
        Raises ValueError (KubernetesError) naming file, document, object and field.
        """
        found = list(read([paths] if isinstance(paths, (str, Path)) else paths, sys.stdin.read))
        return build(cls, found, nodes, wait, options, default_nodes)  # type: ignore[arg-type]  # cls is Cluster

    def apply(self, what: Manifest, *, namespace: str = "default", wait: bool = True) -> list[Thing]:
        """Create or change what a manifest's text, a manifest as a mapping, or an object says; returns the objects. Raises ValueError (KubernetesError)."""
        if isinstance(what, (str, dict)):
            made = [outcome.thing for outcome in self.objects.apply(_documents(what), namespace) if outcome.thing is not None]
            things = [self.api.get(thing.kind, thing.name, thing.namespace) for thing in made]
        else:
            things = [self._apply_object(what)]
        if wait:
            wait_until_settled(self, things)  # type: ignore[arg-type]
        return things

    def _apply_object(self, thing: Thing) -> Thing:
        present: Thing | None = self.api.get(thing.kind, thing.name, thing.namespace)
        if present is None:
            self.control_plane.create(thing)
            return thing
        if present is thing:
            self.api.update(thing)
        else:
            self.objects.change(present, thing)
        return present

    def delete(self, what: Manifest, *, namespace: str = "default", wait: bool = True) -> None:
        """Delete what a manifest's text, a mapping or an object names; pods end with the grace they ask for. Raises ValueError (KubernetesError)."""
        if isinstance(what, (str, dict)):
            gone = [outcome.thing for outcome in self.objects.delete(_documents(what), namespace)]
        else:
            self.control_plane.delete(what)
            gone = [what]
        cluster: Any = self
        if wait:
            cluster.wait_for(lambda: cluster.synced and not any(_has_pods(cluster, thing) for thing in gone), "what was deleted to be gone")

    def get(self, kind: str, name: str, namespace: str = "default") -> Any:
        """An object by kind (`Service`, `Deployment`, ...) and name. Raises ValueError."""
        if kind not in KINDS:
            raise KubernetesError(f"there is no kind {kind!r}: one of {', '.join(KINDS)}")
        namespaced = KINDS[kind][2]
        thing = self.api.get(kind, name, namespace if namespaced else "")
        if thing is None:
            raise KubernetesError(f'{kind} "{namespace}/{name}" not found' if namespaced else f'{kind} "{name}" not found')
        return thing


def build(kind: type[Cluster], found: Sequence[Document], nodes: int | None, wait: bool, options: dict[str, Any], default: int = 1) -> Cluster:
    """A cluster of `kind` with the documents' nodes, and everything else in them applied."""
    specs = [node for document in found if _is_node(document) and isinstance(node := decode(document), Node)]
    names: dict[str, None] = {}
    for node in specs:
        if node.name in names:
            raise KubernetesError(f"{titled(node)} is there twice")
        names[node.name] = None
    if specs and nodes is not None and nodes != len(specs):
        raise KubernetesError(f"nodes: {nodes} were asked for, and the manifests hold {len(specs)}: give one or the other")
    cluster = kind(specs or (default if nodes is None else nodes), **{"dns": True, **options})
    try:
        servers = cluster.api.get("Deployment", "coredns", dns.NAMESPACE)
        if wait and servers is not None:  # clusters have names before they have anything else
            wait_until_settled(cluster, [servers])
        outcomes = cluster.objects.apply(document for document in found if not _is_node(document))
        if wait:
            wait_until_settled(cluster, [outcome.thing for outcome in outcomes])
    except BaseException:
        cluster.close()
        raise
    return cluster


def _is_node(document: Document) -> bool:
    return bool(document.value.get("kind") == "Node" and document.value.get("apiVersion") == "v1")


def wait_until_settled(cluster: Cluster, things: Sequence[Any]) -> None:
    """Run until the workloads among `things` have all their pods ready, or cannot have them; what takes too long becomes a note."""
    try:
        cluster.wait_for(lambda: cluster.synced and all(_stands(cluster, thing) for thing in things), "the pods to become ready")
    except TimeoutError:
        cluster.objects.notes.append(f"after two minutes not ready: {', '.join(titled(thing) for thing in things if not _stands(cluster, thing))}")


def _documents(what: str | dict[str, Any]) -> list[Document]:
    return list(documents(what, "manifest")) if isinstance(what, str) else [Document("manifest", what)]


def _stands(cluster: Cluster, thing: Any) -> bool:
    plane = cluster.control_plane
    if isinstance(thing, Pod):
        return _is_up(thing)
    if isinstance(thing, Deployment):
        current = plane.deployments.current_set(thing)
        return current is not None and _all_up(plane.replica_sets.pods_of(current), thing.replicas) and _stuck_or_complete(cluster, thing)
    if isinstance(thing, ReplicaSet):
        return _all_up(plane.replica_sets.pods_of(thing), thing.replicas)
    if isinstance(thing, StatefulSet):
        return _all_up(plane.stateful_sets.pods_of(thing), thing.replicas)
    if isinstance(thing, DaemonSet):
        return _all_up(plane.daemon_sets.pods_of(thing), None)
    if isinstance(thing, Job):
        return plane.jobs.complete(thing) or plane.jobs.failed(thing) or thing.suspend
    if isinstance(thing, Ingress):
        controller = cluster.api.get("Deployment", ingress.NAME, ingress.NAMESPACE)
        return bool(thing.lb_ips) and (controller is None or _stands(cluster, controller)) and _balanced(cluster, cluster.api.services.values())
    if isinstance(thing, Service):
        return _balanced(cluster, [thing])
    return True


def _balanced(cluster: Cluster, services: Iterable[Service]) -> bool:
    """Whether the load balancer has found all nodes that it is to send to: at policy Local it learns of them by its health checks."""
    for service in services:
        if service.type == "LoadBalancer" and service.external_traffic_policy == LOCAL and service.health_check_node_port:
            endpoints = [each for port in service.ports for each in cluster.control_plane.services.endpoints(service, port).values()]
            ready = {cluster.api.nodes["", each.node].ip: None for each in endpoints if each.ready and ("", each.node) in cluster.api.nodes}
            if not service.lb_ips or any(ip not in cluster.load_balancer.targets(service.lb_ips[0]) for ip in ready):
                return False
    return True


def _is_up(pod: Pod) -> bool:
    """Ready, ended, or never to be scheduled as things are."""
    return pod.deletion_ns is None and (pod.ready or pod.phase in ("Succeeded", "Failed") or bool(pod.message))


def _all_up(pods: list[Pod], wanted: int | None) -> bool:
    present = [pod for pod in pods if pod.deletion_ns is None]
    return (wanted is None or len(present) == wanted) and all(_is_up(pod) for pod in present)


def _stuck_or_complete(cluster: Cluster, deployment: Deployment) -> bool:
    current = cluster.control_plane.deployments.current_set(deployment)
    stuck = current is not None and any(pod.message for pod in cluster.control_plane.replica_sets.pods_of(current))
    return stuck or cluster.control_plane.deployments.complete(deployment)


def _has_pods(cluster: Cluster, thing: Any) -> bool:
    if isinstance(thing, Pod):
        return cluster.api.pods.get((thing.namespace, thing.name)) is thing
    return any(pod.namespace == thing.namespace and pod.owner == (thing.kind, thing.name) for pod in cluster.api.pods.values())
