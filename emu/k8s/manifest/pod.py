"""Pods and pod templates of manifests (core/v1 PodSpec)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from emu.k8s.manifest.fields import Fields
from emu.k8s.objects import Container, ContainerPort, PodSpec, PodTemplate, Probe, Toleration
from emu.k8s.validation import check_ip

PROTOCOLS = ("TCP", "UDP", "SCTP")
_SLEEP = re.compile(r"\bsleep\s+([0-9]{1,6}(?:\.[0-9]+)?)\b")


def pod_template(fields: Fields) -> PodTemplate:
    """core/v1 PodTemplateSpec."""
    metadata = fields.mapping("metadata")
    return PodTemplate(pod_spec(fields.mapping("spec")), metadata.labels("labels"), metadata.annotations("annotations"))


def pod_spec(fields: Fields) -> PodSpec:
    """core/v1 PodSpec, as far as the network is concerned."""
    names: dict[str, None] = {}
    containers = tuple(_containers(fields, "containers", names))
    if not containers:
        fields.fail("containers", "Required value")
    spec = PodSpec(
        containers,
        tuple(_containers(fields, "initContainers", names)),
        host_network=fields.flag("hostNetwork"),
        node_selector=fields.labels("nodeSelector"),
        tolerations=tuple(_tolerations(fields)),
        hostname=fields.text("hostname"),
        subdomain=fields.text("subdomain"),
        dns_policy=fields.choice("dnsPolicy", ("ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"), "ClusterFirst"),
        dns_config=dict(fields.mapping("dnsConfig").raw),
        restart_policy=fields.choice("restartPolicy", ("Always", "OnFailure", "Never"), "Always"),
        grace_seconds=float(fields.whole("terminationGracePeriodSeconds", 30)),
        node_name=fields.text("nodeName"),
    )
    _check_host_ports(fields, spec)
    return spec


def _containers(fields: Fields, name: str, names: dict[str, None]) -> Iterator[Container]:
    for item in fields.items(name):
        called = item.required("name")
        if len(called) > 63 or not re.fullmatch(r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?", called):
            item.invalid("name", called, "must consist of at most 63 lower case letters, digits and '-', beginning and ending with a letter or digit")
        if called in names:
            item.fail("name", f'Duplicate value: "{called}"')
        names[called] = None
        ports = tuple(_ports(item))
        container = Container(
            called,
            ports,
            readiness=_probe(item, "readinessProbe"),
            liveness=_probe(item, "livenessProbe"),
            startup=_probe(item, "startupProbe"),
            image=item.text("image"),
            command=item.texts("command"),
            args=item.texts("args"),
            env={variable.required("name"): variable.text("value") for variable in item.items("env")},
            pre_stop_seconds=_pre_stop(item),
            sidecar=name == "initContainers" and item.text("restartPolicy") == "Always",
        )
        for kind, probe in (("readinessProbe", container.readiness), ("livenessProbe", container.liveness), ("startupProbe", container.startup)):
            if probe is not None and isinstance(probe.port, str) and container.port_number(probe.port) is None:
                item.fail(kind, f'the container declares no port named "{probe.port}"')
        yield container


def _ports(fields: Fields) -> Iterator[ContainerPort]:
    names: dict[str, None] = {}
    for item in fields.items("ports"):
        if "containerPort" not in item:
            item.fail("containerPort", "Required value")
        name = item.text("name")
        if name:
            item.port_or_name("name")
            if name in names:
                item.fail("name", f'Duplicate value: "{name}"')
            names[name] = None
        protocol = item.choice("protocol", PROTOCOLS, "TCP")
        host_ip = item.text("hostIP")
        if host_ip:
            check_ip(f"{item.where}: {item.at('hostIP')}", host_ip)
        yield ContainerPort(item.port("containerPort"), protocol, name, item.port("hostPort"), host_ip)


def _check_host_ports(fields: Fields, spec: PodSpec) -> None:
    taken: dict[tuple[str, str, int], None] = {}
    for container in spec.containers:
        for port in container.ports:
            if spec.host_network and port.host_port and port.host_port != port.container_port:
                fields.fail("containers", f"hostPort {port.host_port} of {container.name} must match containerPort when `hostNetwork` is true")
            key = port.protocol, port.host_ip, port.host_port
            if port.host_port and key in taken:
                fields.fail("containers", f"Duplicate value: hostPort {port.host_port}/{port.protocol}")
            taken[key] = None


def _probe(fields: Fields, name: str) -> Probe | None:
    item = fields.optional(name)
    if item is None:
        return None
    probe = Probe(
        path=None,
        period_seconds=float(item.whole("periodSeconds", 10, 1)),
        timeout_seconds=float(item.whole("timeoutSeconds", 1, 1)),
        initial_delay_seconds=float(item.whole("initialDelaySeconds")),
        failure_threshold=item.whole("failureThreshold", 3, 1),
        success_threshold=item.whole("successThreshold", 1, 1),
    )
    if name != "readinessProbe" and probe.success_threshold != 1:
        item.invalid("successThreshold", probe.success_threshold, "must be 1")
    given = [handler for handler in ("httpGet", "tcpSocket", "exec", "grpc") if handler in item]
    if len(given) != 1:
        item.fail("", "must specify a handler type" if not given else "may not specify more than 1 handler type")
    handler = item.mapping(given[0])
    if given[0] == "exec":
        probe.exec = True
        return probe
    if "port" not in handler:
        handler.fail("port", "Required value")
    probe.port = handler.port_or_name("port")
    if given[0] == "httpGet":
        if handler.text("host"):
            handler.fail("host", "probing another host than the pod is not emulated")
        probe.path = handler.text("path", "/") or "/"
        if not probe.path.startswith("/"):
            probe.path = f"/{probe.path}"
    return probe


def _pre_stop(fields: Fields) -> float:
    """How long the hook takes: a `sleep`, also inside a command; anything else takes no time."""
    hook = fields.mapping("lifecycle").mapping("preStop")
    if "sleep" in hook:
        return float(hook.mapping("sleep").whole("seconds"))
    found = _SLEEP.search(" ".join(hook.mapping("exec").texts("command")))
    return float(found.group(1)) if found else 0.0


def _tolerations(fields: Fields) -> Iterator[Toleration]:
    for item in fields.items("tolerations"):
        key = item.text("key")
        operator = item.choice("operator", ("Exists", "Equal"), "Equal")
        if not key and operator != "Exists":
            item.invalid("operator", operator, "operator must be Exists when `key` is empty")
        effect = item.choice("effect", ("", "NoSchedule", "PreferNoSchedule", "NoExecute"))
        yield Toleration(key, operator, item.text("value"), effect)
