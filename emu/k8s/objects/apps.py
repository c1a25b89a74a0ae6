"""Controllers of pods (Kubernetes API apps/v1, batch/v1)."""

from __future__ import annotations

from dataclasses import dataclass, field

from emu.k8s.objects.base import Meta
from emu.k8s.objects.core import PodTemplate
from emu.k8s.objects.selector import LabelSelector


@dataclass(slots=True)
class Deployment(Meta):
    """`max_surge`, `max_unavailable`: numbers, or texts like `25%`. `strategy`: RollingUpdate or Recreate."""

    name: str
    namespace: str
    selector: LabelSelector
    template: PodTemplate
    replicas: int = 1
    labels: dict[str, str] = field(default_factory=dict)
    strategy: str = "RollingUpdate"
    max_surge: int | str = "25%"
    max_unavailable: int | str = "25%"
    min_ready_seconds: float = 0.0
    paused: bool = False
    kind = "Deployment"


@dataclass(slots=True)
class ReplicaSet(Meta):
    """A number of pods of one template. A Deployment has one per version of its template."""

    name: str
    namespace: str
    selector: LabelSelector
    template: PodTemplate
    replicas: int = 1
    labels: dict[str, str] = field(default_factory=dict)
    min_ready_seconds: float = 0.0
    kind = "ReplicaSet"


@dataclass(slots=True)
class StatefulSet(Meta):
    """Pods NAME-0, NAME-1, ... `parallel`: podManagementPolicy Parallel. `partition`: ordinals below it keep the old template."""

    name: str
    namespace: str
    selector: LabelSelector
    template: PodTemplate
    service_name: str = ""
    replicas: int = 1
    labels: dict[str, str] = field(default_factory=dict)
    parallel: bool = False
    on_delete: bool = False
    partition: int = 0
    first_ordinal: int = 0
    min_ready_seconds: float = 0.0
    kind = "StatefulSet"


@dataclass(slots=True)
class DaemonSet(Meta):
    """One pod on every node it tolerates and selects."""

    name: str
    namespace: str
    selector: LabelSelector
    template: PodTemplate
    labels: dict[str, str] = field(default_factory=dict)
    on_delete: bool = False
    max_surge: int | str = 0
    max_unavailable: int | str = 1
    min_ready_seconds: float = 0.0
    kind = "DaemonSet"


@dataclass(slots=True)
class Job(Meta):
    """Pods that run to their end. `completions` None: any success completes it (a work queue)."""

    name: str
    namespace: str
    template: PodTemplate
    completions: int | None = 1
    parallelism: int = 1
    backoff_limit: int = 6
    suspend: bool = False
    labels: dict[str, str] = field(default_factory=dict)
    succeeded: int = 0
    failed: int = 0
    kind = "Job"
