"""The API server as far as networking needs it: a store of objects, and watches that tell controllers what changed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from emu.k8s.delays import Delays
from emu.k8s.objects import EndpointSlice, KubernetesError, Node, Pod, Service, Thing, titled
from emu.sim import Sim

ADDED, MODIFIED, DELETED = "ADDED", "MODIFIED", "DELETED"

KINDS = (
    "Namespace", "Node", "Pod", "Service", "EndpointSlice", "Endpoints", "Deployment", "ReplicaSet", "StatefulSet", "DaemonSet", "Job", "Ingress",
    "IngressClass", "NetworkPolicy", "ConfigMap", "Secret",
)  # fmt: skip
CLUSTER_KINDS = ("Namespace", "Node", "IngressClass")  # those that are in no namespace

Watcher = Callable[[str, Any], None]


class Api:
    """Objects by kind and (namespace, name), in order of creation. Every write reaches the watchers of the kind in the order of writes."""

    def __init__(self, sim: Sim, delays: Delays) -> None:
        self.sim = sim
        self.delays = delays
        self.on_the_way = 0  # notices that watchers have not got yet, and work of controllers that is due
        self._stores: dict[str, dict[tuple[str, str], Any]] = {kind: {} for kind in KINDS}
        self.nodes: dict[tuple[str, str], Node] = self._stores["Node"]
        self.pods: dict[tuple[str, str], Pod] = self._stores["Pod"]
        self.services: dict[tuple[str, str], Service] = self._stores["Service"]
        self.slices: dict[tuple[str, str], EndpointSlice] = self._stores["EndpointSlice"]
        self._watchers: dict[str, list[Watcher]] = {kind: [] for kind in self._stores}

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds there are."""
        return tuple(self._stores)

    def all(self, kind: str) -> dict[tuple[str, str], Any]:
        """Every object of a kind, by (namespace, name), in order of creation."""
        return self._stores[kind]

    def get(self, kind: str, name: str, namespace: str = "") -> Any:
        """One object, or None."""
        return self._stores[kind].get((namespace, name))

    def watch(self, kind: str, watcher: Watcher) -> None:
        """Call `watcher(event, object)` for everything there is of `kind` now (as ADDED), and for every later change."""
        self._watchers[kind].append(watcher)
        for thing in self._stores[kind].values():
            watcher(ADDED, thing)

    def unwatch(self, kind: str, watcher: Watcher) -> None:
        """Tell `watcher` no more."""
        self._watchers[kind] = [other for other in self._watchers[kind] if other != watcher]

    def create(self, thing: Thing) -> None:
        """Store a new object. Raises KubernetesError if the name is taken."""
        store, key = self._stores[thing.kind], (thing.namespace, thing.name)
        if key in store:
            raise KubernetesError(f"{titled(thing)} already exists")
        store[key] = thing
        self._notify(ADDED, thing)

    def update(self, thing: Thing) -> None:
        """Tell the watchers that a stored object changed; one that is no longer stored is left alone."""
        if self._stores[thing.kind].get((thing.namespace, thing.name)) is thing:
            self._notify(MODIFIED, thing)

    def delete(self, thing: Thing) -> None:
        """Remove an object. Raises KubernetesError if it is not there."""
        store, key = self._stores[thing.kind], (thing.namespace, thing.name)
        if store.get(key) is not thing:
            raise KubernetesError(f"{titled(thing)} not found")
        del store[key]
        self._notify(DELETED, thing)

    def call_later(self, delay_ns: int, function: Callable[..., object], *arguments: Any) -> None:
        """Have a controller do something a moment later. The cluster is not in step before it has been done."""
        self.on_the_way += 1
        self.sim.call_later(delay_ns, self._work, function, arguments)

    def _work(self, function: Callable[..., object], arguments: tuple[Any, ...]) -> None:
        self.on_the_way -= 1
        function(*arguments)

    def _notify(self, event: str, thing: Thing) -> None:
        watchers = self._watchers[thing.kind]
        if not self.delays.watch:
            for watcher in watchers:
                watcher(event, thing)
            return
        for watcher in watchers:
            self.call_later(self.delays.watch, watcher, event, thing)
