"""The public Python API: a cluster, its pods, nodes and Services, and the traces of what they do to each other."""

from emu.k8s.delays import Delays
from emu.k8s.objects import Container, ContainerPort, KubernetesError, Probe, ServicePort
from emu.lab.cluster import Cluster
from emu.lab.host import Host, Reply
from emu.lab.machines import Node
from emu.lab.pod import Pod
from emu.lab.service import Service
from emu.lab.trace import Trace
from emu.observe.journal import Journal

__all__ = [
    "Cluster", "Container", "ContainerPort", "Delays", "Host", "Journal", "KubernetesError", "Node", "Pod", "Probe", "Reply", "Service",
    "ServicePort", "Trace",
]  # fmt: skip
