"""The stories by name, in the order they are told."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

# name -> module; imported when they run, so that `emu list` starts at once.
STORIES: dict[str, str] = {
    "container-to-container": "container_to_container",
    "pod-to-pod-same-node": "pod_to_pod_same_node",
    "node-to-pod": "node_to_pod",
    "pod-to-pod-cross-node": "pod_to_pod_cross_node",
    "pod-to-service": "pod_to_service",
    "internet-to-service": "internet_to_service",
    "pod-restart": "pod_restart",
}
# Told only when asked for by name.
VARIANTS: dict[str, str] = {
    "pod-to-pod-cross-node-vxlan": "pod_to_pod_cross_node_vxlan",
}
TITLES: dict[str, str] = {
    "container-to-container": "Containers of one pod share a network namespace and talk over localhost",
    "pod-to-pod-same-node": "Pods of one node talk through veth pairs and the bridge",
    "node-to-pod": "An agent on a node reaches every pod of the node",
    "pod-to-pod-cross-node": "Pods of different nodes talk without NAT, routed by pod CIDR",
    "pod-to-service": "A Service is a stable address over pods that come and go",
    "internet-to-service": "Traffic between the internet and the cluster",
    "pod-restart": "Pods and nodes restart: addresses change, the Service's does not",
    "pod-to-pod-cross-node-vxlan": "Pods of different nodes talk through a VXLAN tunnel, as flannel sets it up",
}
TOUR = "tour"


class UnknownScenario(ValueError):
    """The name is none of the stories'."""


def expand(names: list[str]) -> list[str]:
    """Story names with `tour` replaced by all of the tour; each once. Raises UnknownScenario."""
    chosen: dict[str, None] = {}
    for name in names:
        if name == TOUR:
            chosen.update(dict.fromkeys(STORIES))
        elif name in STORIES or name in VARIANTS:
            chosen[name] = None
        else:
            raise UnknownScenario(f"no scenario is called {name!r}; there are: {', '.join([*STORIES, TOUR, *VARIANTS])}")
    return list(chosen)


def module_of(name: str) -> ModuleType:
    """The module whose `tell(story)` runs the story."""
    return import_module(f"emu.scenarios.{(STORIES | VARIANTS)[name]}")
