"""The API objects that decide where traffic goes, with the fields that do.

Objects are plain and mutable; the API server (`emu/k8s/api.py`) is told of a change with `update`.
"""

from emu.k8s.objects.apps import DaemonSet, Deployment, Job, ReplicaSet, StatefulSet
from emu.k8s.objects.base import LABEL_HOSTNAME, LABEL_ZONE, KubernetesError, Meta, Thing, titled, where
from emu.k8s.objects.core import (
    Container,
    ContainerPort,
    ContainerStatus,
    Kept,
    Namespace,
    Node,
    Pod,
    PodSpec,
    PodTemplate,
    Probe,
    Taint,
    Toleration,
)
from emu.k8s.objects.networking import (
    Backend,
    Ingress,
    IngressClass,
    IngressPath,
    IngressRule,
    IPBlock,
    NetworkPolicy,
    PolicyPeer,
    PolicyPort,
    PolicyRule,
)
from emu.k8s.objects.selector import LabelSelector, Requirement, matches
from emu.k8s.objects.service import (
    CLUSTER,
    LABEL_HEADLESS,
    LABEL_PROXY_NAME,
    LABEL_SERVICE_NAME,
    LOCAL,
    Endpoint,
    EndpointPort,
    Endpoints,
    EndpointSlice,
    EndpointSubset,
    Service,
    ServicePort,
)

__all__ = [
    "CLUSTER", "LABEL_HEADLESS", "LABEL_HOSTNAME", "LABEL_PROXY_NAME", "LABEL_SERVICE_NAME", "LABEL_ZONE", "LOCAL", "Backend", "Container", "ContainerPort",
    "ContainerStatus", "DaemonSet", "Deployment", "Endpoint", "EndpointPort", "EndpointSlice", "EndpointSubset", "Endpoints", "IPBlock", "Ingress",
    "IngressClass", "IngressPath", "IngressRule", "Job", "Kept", "KubernetesError", "LabelSelector", "Meta", "Namespace", "NetworkPolicy", "Node", "Pod",
    "PodSpec", "PodTemplate", "PolicyPeer", "PolicyPort", "PolicyRule", "Probe", "ReplicaSet", "Requirement", "Service", "ServicePort", "StatefulSet",
    "Taint", "Thing", "Toleration", "matches", "titled", "where",
]  # fmt: skip
