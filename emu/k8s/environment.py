"""The environment variables of a container: those of its spec, and of the Services that were there when it started.

Source: pkg/kubelet (getServiceEnvVarMap, envvars.FromServices). The Service default/kubernetes is in every pod, the others in pods of their namespace.
"""

from __future__ import annotations

from collections.abc import Iterable

from emu.k8s.objects import Container, Pod, Service


def variables(pod: Pod, container: Container, services: Iterable[Service]) -> dict[str, str]:
    """By name; the container's own go before those of Services."""
    found = {"HOSTNAME": pod.spec.hostname or pod.name}
    for service in services:
        mine = service.namespace == pod.namespace or (service.namespace, service.name) == ("default", "kubernetes")
        if mine and pod.started_ns is not None and service.created_ns <= pod.started_ns:
            found |= _of_service(service)
    return found | container.env


def _of_service(service: Service) -> dict[str, str]:
    ip = service.cluster_ip
    if not ip or ip == "None" or not service.ports:
        return {}
    name = _upper(service.name)
    found = {f"{name}_SERVICE_HOST": ip, f"{name}_SERVICE_PORT": str(service.ports[0].port)}
    for port in service.ports:
        if port.name:
            found[f"{name}_SERVICE_PORT_{_upper(port.name)}"] = str(port.port)
    for index, port in enumerate(service.ports):
        protocol = port.protocol
        prefix, url = f"{name}_PORT_{port.port}_{protocol}", f"{protocol.lower()}://{ip}:{port.port}"
        if index == 0:
            found[f"{name}_PORT"] = url
        found |= {prefix: url, f"{prefix}_PROTO": protocol.lower(), f"{prefix}_PORT": str(port.port), f"{prefix}_ADDR": ip}
    return found


def _upper(name: str) -> str:
    return name.upper().replace("-", "_")
