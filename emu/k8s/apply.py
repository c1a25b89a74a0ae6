"""What `kubectl apply` and `kubectl delete` ask of the API server: documents become objects, or change those that are there."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Any

from emu.k8s.control_plane import ControlPlane
from emu.k8s.manifest.decode import decode, kind_of
from emu.k8s.manifest.source import Document
from emu.k8s.objects import KubernetesError, Namespace, Node, Pod, Service, Thing, titled

# The order in which kinds are made, whatever the order of the documents: what others refer to comes first, what others react to last.
ORDER = (
    "Namespace", "Node", "IngressClass", "ConfigMap", "Secret", "NetworkPolicy", "Service", "Endpoints", "EndpointSlice", "Ingress",
    "DaemonSet", "Pod", "ReplicaSet", "Deployment", "StatefulSet", "Job",
)  # fmt: skip
# Fields that the cluster writes, not the manifest.
STATUS = ("uid", "owner", "created_ns", "lb_ips", "succeeded", "failed", "ready", "pod_cidr", "ip", "max_pods")
IMMUTABLE = {"Deployment": ("selector",), "ReplicaSet": ("selector",), "StatefulSet": ("selector", "service_name"), "DaemonSet": ("selector",)}


@dataclass(slots=True, frozen=True)
class Outcome:
    """What became of one document: `created`, `configured`, `unchanged`; `skipped` for a kind that does not matter here (`thing` is None then)."""

    document: Document
    thing: Thing | None
    what: str


class Objects:
    """Documents in, objects in the control plane. `notes`: what a person should know and nobody asked."""

    def __init__(self, control_plane: ControlPlane) -> None:
        self.control_plane = control_plane
        self.api = control_plane.api
        self.notes: list[str] = []
        self._skipped: dict[tuple[str, str], None] = {}

    def decode(self, documents: Iterable[Document], namespace: str = "default") -> list[tuple[Document, Thing]]:
        """All objects, before any is made: one error refuses all. Raises KubernetesError."""
        found: list[tuple[Document, Thing]] = []
        seen: dict[tuple[str, str, str], str] = {}
        for document in documents:
            thing = decode(document, namespace)
            if thing is None:
                self._skip(document)
                continue
            key = (thing.kind, thing.namespace, thing.name)
            if key in seen:
                raise KubernetesError(f"{document.where}: {titled(thing)} is there twice: also in {seen[key]}")
            seen[key] = document.where
            found.append((document, thing))
        return found

    def _skip(self, document: Document) -> None:
        kind = kind_of(document)
        if kind not in self._skipped:
            self._skipped[kind] = None
            self.notes.append(f"{kind[0]} ({kind[1]}) does not matter for networking here: skipped")

    def apply(self, documents: Iterable[Document], namespace: str = "default") -> list[Outcome]:
        """Create what is new, change what differs. Raises KubernetesError naming document, object and field."""
        outcomes = []
        found = self.decode(documents, namespace)
        for document, thing in sorted(found, key=_order):
            try:
                outcomes.append(Outcome(document, thing, self._put(thing)))
            except KubernetesError as error:
                raise KubernetesError(f"{document.where}: {error}") from None
        return outcomes

    def _put(self, thing: Any) -> str:
        self._ensure_namespace(thing)
        present = self.api.get(thing.kind, thing.name, thing.namespace)
        if present is None:
            self.control_plane.create(thing)
            return "created"
        if present.manifest is not None and present.manifest == thing.manifest:
            return "unchanged"
        self.change(present, thing)
        return "configured"

    def _ensure_namespace(self, thing: Any) -> None:
        if thing.namespace and self.api.get("Namespace", thing.namespace) is None:
            if thing.namespace not in self.control_plane.system_namespaces:
                self.notes.append(f"namespace {thing.namespace} is not in the manifests: created")
            self.control_plane.create(Namespace(thing.namespace, {"kubernetes.io/metadata.name": thing.namespace}))

    def change(self, present: Any, wanted: Any) -> None:
        """Give an object the fields of another one of its kind and name. Raises KubernetesError if one may not change."""
        if isinstance(present, Service):
            self.control_plane.change_service(present, wanted)
        elif isinstance(present, Pod):
            if present.manifest is not None and present.manifest.get("spec") != (wanted.manifest or {}).get("spec"):
                raise KubernetesError(f"{titled(present)}: spec: Forbidden: pod updates may not change fields of the spec here: delete it first")
            present.labels, present.annotations, present.manifest = wanted.labels, wanted.annotations, wanted.manifest
        else:
            for name in IMMUTABLE.get(present.kind, ()):
                if getattr(present, name) != getattr(wanted, name):
                    raise KubernetesError(f"{titled(present)}: spec.{name}: Invalid value: field is immutable")
            self.control_plane.check_template(wanted)
            keep = () if not isinstance(present, Node) else ("ready",)
            for field in fields(present):
                if field.name not in STATUS or field.name in keep:
                    setattr(present, field.name, getattr(wanted, field.name))
        self.api.update(present)

    def delete(self, documents: Iterable[Document], namespace: str = "default") -> list[Outcome]:
        """Delete what the documents name. Raises KubernetesError for what is not there."""
        outcomes = []
        for document, thing in reversed(self.decode(documents, namespace)):
            present = self.api.get(thing.kind, thing.name, thing.namespace)
            if present is None:
                raise KubernetesError(f"{document.where}: {titled(thing)} not found")
            self.control_plane.delete(present)
            outcomes.append(Outcome(document, present, "deleted"))
        return outcomes


def _order(pair: tuple[Document, Thing]) -> tuple[int, bool]:
    """Of the Services those first that ask for an address or a node port, before it is drawn for another."""
    thing = pair[1]
    asks = isinstance(thing, Service) and (bool(thing.cluster_ip) or any(port.node_port for port in thing.ports))
    return ORDER.index(thing.kind), not asks
