"""The names by which kubectl knows kinds, and how objects are picked."""

from __future__ import annotations

import re
from typing import Any

from emu.k8s.api import CLUSTER_KINDS, Api
from emu.k8s.objects import KubernetesError, LabelSelector, Requirement

# kind: (plural with its group, singular, short names)
NAMES: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "Pod": ("pods", "pod", ("po",)),
    "Service": ("services", "service", ("svc",)),
    "Deployment": ("deployments.apps", "deployment", ("deploy",)),
    "ReplicaSet": ("replicasets.apps", "replicaset", ("rs",)),
    "StatefulSet": ("statefulsets.apps", "statefulset", ("sts",)),
    "DaemonSet": ("daemonsets.apps", "daemonset", ("ds",)),
    "Job": ("jobs.batch", "job", ()),
    "Node": ("nodes", "node", ("no",)),
    "Namespace": ("namespaces", "namespace", ("ns",)),
    "Endpoints": ("endpoints", "endpoints", ("ep",)),
    "EndpointSlice": ("endpointslices.discovery.k8s.io", "endpointslice", ()),
    "Ingress": ("ingresses.networking.k8s.io", "ingress", ("ing",)),
    "IngressClass": ("ingressclasses.networking.k8s.io", "ingressclass", ()),
    "NetworkPolicy": ("networkpolicies.networking.k8s.io", "networkpolicy", ("netpol",)),
    "ConfigMap": ("configmaps", "configmap", ("cm",)),
    "Secret": ("secrets", "secret", ()),
}
ALL = ("Pod", "Service", "DaemonSet", "Deployment", "ReplicaSet", "StatefulSet", "Job")  # what `kubectl get all` lists


def kind_of(word: str) -> str:
    """The kind of a resource's name as it is typed. Raises KubernetesError."""
    wanted = word.lower()
    for kind, (plural, singular, short) in NAMES.items():
        if wanted in (plural, plural.partition(".")[0], singular, *short, f"{singular}.{plural.partition('.')[2]}".rstrip(".")):
            return kind
    raise KubernetesError(f'error: the server doesn\'t have a resource type "{word}"')


def full_name(kind: str, name: str) -> str:
    """`deployment.apps/web`, as `-o name` and the verbs print it."""
    plural, singular, _ = NAMES[kind]
    group = plural.partition(".")[2]
    return f"{singular}{'.' + group if group else ''}/{name}"


def not_found(kind: str, name: str) -> KubernetesError:
    """As the API server says it."""
    return KubernetesError(f'Error from server (NotFound): {NAMES[kind][0]} "{name}" not found')


def is_namespaced(kind: str) -> bool:
    """Whether objects of this kind are in namespaces."""
    return kind not in CLUSTER_KINDS


def find(api: Api, kind: str, name: str, namespace: str) -> Any:
    """One object. Raises KubernetesError."""
    found = api.get(kind, name, namespace if is_namespaced(kind) else "")
    if found is None:
        raise not_found(kind, name)
    return found


def listed(api: Api, kind: str, namespace: str | None, selector: LabelSelector) -> list[Any]:
    """All objects of a kind, by namespace and name; `namespace` None: of all."""
    found = [
        each for each in api.all(kind).values()
        if (namespace is None or not is_namespaced(kind) or each.namespace == namespace) and selector.matches(each.labels)
    ]  # fmt: skip
    return sorted(found, key=lambda each: (each.namespace, each.name))


_TERM = re.compile(
    r"\s*(?:(?P<key>[\w./-]+)\s+(?P<op>in|notin)\s*\((?P<values>[^)]*)\)|(?P<key2>[\w./-]+)\s*(?P<op2>==|!=|=)\s*(?P<value>[\w.-]*)|(?P<not>!?)(?P<key3>[\w./-]+))\s*(?:,|\Z)"
)


def parse_selector(text: str) -> LabelSelector:
    """`-l app=web,tier!=db,env in (a,b),!old`. Raises KubernetesError."""
    requirements: list[Requirement] = []
    at = 0
    while at < len(text):
        match = _TERM.match(text, at)
        if match is None or match.end() == at:
            raise KubernetesError(f'error: unable to parse requirement: found {text[at:]!r} in selector "{text}"')
        at = match.end()
        if match["key"]:
            values = tuple(value.strip() for value in match["values"].split(","))
            requirements.append(Requirement(match["key"], "In" if match["op"] == "in" else "NotIn", values))
        elif match["key2"]:
            requirements.append(Requirement(match["key2"], "NotIn" if match["op2"] == "!=" else "In", (match["value"],)))
        else:
            requirements.append(Requirement(match["key3"], "DoesNotExist" if match["not"] else "Exists"))
    return LabelSelector({}, tuple(requirements))
