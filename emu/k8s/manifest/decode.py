"""From a document to an API object: which kinds there are, and which apiVersions they have."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from emu.k8s.manifest import apps, cluster, networking, service
from emu.k8s.manifest.fields import Fields
from emu.k8s.manifest.meta import Header, header
from emu.k8s.manifest.source import Document, describe
from emu.k8s.objects import KubernetesError, Thing

Decoder = Callable[[Fields, Header], Any]

# kind: (apiVersion, its decoder, whether it is in a namespace, whether its name may have dots)
KINDS: dict[str, tuple[str, Decoder, bool, bool]] = {
    "Namespace": ("v1", cluster.namespace, False, False),
    "Node": ("v1", cluster.node, False, True),
    "Pod": ("v1", cluster.pod, True, True),
    "Service": ("v1", service.service, True, False),
    "Endpoints": ("v1", service.endpoints, True, True),
    "EndpointSlice": ("discovery.k8s.io/v1", service.endpoint_slice, True, True),
    "ConfigMap": ("v1", cluster.kept, True, True),
    "Secret": ("v1", cluster.kept, True, True),
    "Deployment": ("apps/v1", apps.deployment, True, True),
    "ReplicaSet": ("apps/v1", apps.replica_set, True, True),
    "StatefulSet": ("apps/v1", apps.stateful_set, True, True),
    "DaemonSet": ("apps/v1", apps.daemon_set, True, True),
    "Job": ("batch/v1", apps.job, True, True),
    "Ingress": ("networking.k8s.io/v1", networking.ingress, True, True),
    "IngressClass": ("networking.k8s.io/v1", networking.ingress_class, False, True),
    "NetworkPolicy": ("networking.k8s.io/v1", networking.network_policy, True, True),
}
# Groups that Kubernetes itself serves, or served: a kind in none of them is a custom resource, which is nobody's typing error.
GROUPS = ("apps", "batch", "extensions", "policy", "autoscaling", "discovery.k8s.io", "networking.k8s.io")


def decode(document: Document, namespace: str = "default") -> Thing | None:
    """The object of a document, None for a kind that does not matter for networking. Raises KubernetesError naming document and field."""
    kind, version = kind_of(document)
    known = KINDS.get(kind)
    if known is None:
        return None
    wanted, decoder, namespaced, dots = known
    if version != wanted:
        group = version.rpartition("/")[0]
        if "." in group and group not in GROUPS and group != wanted.rpartition("/")[0]:
            return None  # another API's kind of the same name, such as a mesh's or a gateway's
        raise KubernetesError(
            f'{document.where}: no matches for kind "{kind}" in version "{version[:80]}": ensure CRDs are installed first; {kind} is {wanted}'
        )
    fields, head = header(document.value, document.where, kind, namespaced, namespace, dots)
    thing: Thing = decoder(fields, head)
    return thing


def kind_of(document: Document) -> tuple[str, str]:
    """(kind, apiVersion) of a document. Raises KubernetesError if either is missing."""
    given = []
    for name in ("kind", "apiVersion"):
        value = document.value.get(name)
        if not isinstance(value, str) or not value:
            raise KubernetesError(f"{document.where}: {name}: Required value" + (f", not {describe(value)}" if value is not None else ""))
        given.append(value)
    return given[0], given[1]
