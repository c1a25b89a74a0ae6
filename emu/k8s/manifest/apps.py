"""Workloads of manifests (apps/v1, batch/v1)."""

from __future__ import annotations

from emu.k8s.manifest.fields import Fields
from emu.k8s.manifest.meta import Header
from emu.k8s.manifest.pod import pod_template
from emu.k8s.manifest.selectors import selector
from emu.k8s.objects import DaemonSet, Deployment, Job, LabelSelector, PodTemplate, ReplicaSet, StatefulSet

MOST_REPLICAS = 200_000  # more pods than Kubernetes supports in one cluster


def _selected(spec: Fields) -> tuple[LabelSelector, PodTemplate]:
    """The selector and the template, which must agree."""
    if "selector" not in spec:
        spec.fail("selector", "Required value")
    if "template" not in spec:
        spec.fail("template", "Required value")
    wanted = selector(spec.mapping("selector"))
    if not wanted:
        spec.fail("selector", "Invalid value: {}: empty selector is invalid")
    template = pod_template(spec.mapping("template"))
    if not wanted.matches(template.labels):
        spec.mapping("template").mapping("metadata").fail("labels", f"Invalid value: {template.labels}: `selector` does not match template `labels`")
    if template.spec.restart_policy != "Always":
        spec.mapping("template").mapping("spec").fail("restartPolicy", f'Unsupported value: "{template.spec.restart_policy}": supported values: "Always"')
    return wanted, template


def _replicas(spec: Fields) -> int:
    return spec.whole("replicas", 1, 0, MOST_REPLICAS)


def _is_zero(value: int | str) -> bool:
    return str(value).rstrip("%").strip("0") == ""


def deployment(fields: Fields, header: Header) -> Deployment:
    """apps/v1 Deployment."""
    spec = fields.mapping("spec")
    wanted, template = _selected(spec)
    strategy = spec.mapping("strategy")
    kind = strategy.choice("type", ("RollingUpdate", "Recreate"), "RollingUpdate")
    rolling = strategy.mapping("rollingUpdate")
    surge, unavailable = rolling.percent_or_whole("maxSurge", "25%"), rolling.percent_or_whole("maxUnavailable", "25%")
    if kind == "RollingUpdate" and _is_zero(surge) and _is_zero(unavailable):
        rolling.invalid("maxUnavailable", unavailable, "may not be 0 when `maxSurge` is 0")
    if kind == "Recreate" and "rollingUpdate" in strategy:
        strategy.fail("rollingUpdate", "Forbidden: may not be specified when strategy `type` is 'Recreate'")
    return Deployment(
        header.name, header.namespace, wanted, template, _replicas(spec), header.labels, kind, surge, unavailable,
        float(spec.whole("minReadySeconds")), spec.flag("paused"), **header.meta(),
    )  # fmt: skip


def replica_set(fields: Fields, header: Header) -> ReplicaSet:
    """apps/v1 ReplicaSet."""
    spec = fields.mapping("spec")
    wanted, template = _selected(spec)
    return ReplicaSet(header.name, header.namespace, wanted, template, _replicas(spec), header.labels, float(spec.whole("minReadySeconds")), **header.meta())


def stateful_set(fields: Fields, header: Header) -> StatefulSet:
    """apps/v1 StatefulSet."""
    spec = fields.mapping("spec")
    wanted, template = _selected(spec)
    strategy = spec.mapping("updateStrategy")
    return StatefulSet(
        header.name, header.namespace, wanted, template, spec.text("serviceName"), _replicas(spec), header.labels,
        spec.choice("podManagementPolicy", ("OrderedReady", "Parallel"), "OrderedReady") == "Parallel",
        strategy.choice("type", ("RollingUpdate", "OnDelete"), "RollingUpdate") == "OnDelete",
        strategy.mapping("rollingUpdate").whole("partition"), spec.mapping("ordinals").whole("start"), float(spec.whole("minReadySeconds")),
        **header.meta(),
    )  # fmt: skip


def daemon_set(fields: Fields, header: Header) -> DaemonSet:
    """apps/v1 DaemonSet."""
    spec = fields.mapping("spec")
    wanted, template = _selected(spec)
    strategy = spec.mapping("updateStrategy")
    rolling = strategy.mapping("rollingUpdate")
    return DaemonSet(
        header.name, header.namespace, wanted, template, header.labels,
        strategy.choice("type", ("RollingUpdate", "OnDelete"), "RollingUpdate") == "OnDelete",
        rolling.percent_or_whole("maxSurge", 0), rolling.percent_or_whole("maxUnavailable", 1), float(spec.whole("minReadySeconds")), **header.meta(),
    )  # fmt: skip


def job(fields: Fields, header: Header) -> Job:
    """batch/v1 Job."""
    spec = fields.mapping("spec")
    if "template" not in spec:
        spec.fail("template", "Required value")
    template = pod_template(spec.mapping("template"))
    if template.spec.restart_policy not in ("OnFailure", "Never"):
        spec.mapping("template").mapping("spec").fail("restartPolicy", 'Required value: valid values: "OnFailure", "Never"')
    template.labels.update({"batch.kubernetes.io/job-name": header.name, "job-name": header.name})
    completions = spec.whole("completions", 1) if "completions" in spec or "parallelism" not in spec else None
    return Job(
        header.name, header.namespace, template, completions, spec.whole("parallelism", 1), spec.whole("backoffLimit", 6), spec.flag("suspend"),
        header.labels, **header.meta(),
    )  # fmt: skip
