"""What all API objects have in common (Kubernetes API meta/v1 ObjectMeta)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

LABEL_ZONE = "topology.kubernetes.io/zone"
LABEL_HOSTNAME = "kubernetes.io/hostname"


class KubernetesError(ValueError):
    """A request the API server, the scheduler or a CNI plugin refuses; one line that names the object and the field."""


class Thing(Protocol):
    """What the API server needs to know of an object to store it."""

    kind: Any
    name: Any
    namespace: Any


@dataclass(slots=True, kw_only=True)
class Meta:
    """`owner`: (kind, name) of the controller that made it. `manifest`: the document it came from, None for what a controller or a script made."""

    annotations: dict[str, str] = field(default_factory=dict)
    uid: str = ""
    owner: tuple[str, str] | None = None
    created_ns: int = 0
    manifest: dict[str, Any] | None = None


def where(thing: Thing) -> str:
    """`namespace/name`, or the name alone of what has no namespace."""
    return f"{thing.namespace}/{thing.name}" if thing.namespace else str(thing.name)


def titled(thing: Thing) -> str:
    """The object as error messages name it: `Service "default/web"`."""
    return f'{thing.kind} "{where(thing)}"'
