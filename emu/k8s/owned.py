"""Which pods belong to a workload."""

from __future__ import annotations

from typing import Any

from emu.k8s.api import Api
from emu.k8s.objects import Pod


def pods_of(thing: Any, api: Api, terminating: bool = False) -> list[Pod]:
    """The pods of a workload, a Deployment's by its ReplicaSets; those that are terminating only if asked for."""
    owners = {(thing.kind, thing.name): None}
    if thing.kind == "Deployment":
        owners = {("ReplicaSet", each.name): None for each in api.all("ReplicaSet").values() if each.owner == (thing.kind, thing.name)}
    return [
        pod for pod in api.pods.values()
        if pod.namespace == thing.namespace and pod.owner in owners and (terminating or pod.deletion_ns is None)
    ]  # fmt: skip
