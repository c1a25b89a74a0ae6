"""A pod and its containers, as scripts see them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from emu.k8s import objects
from emu.k8s.container import RunningContainer
from emu.lab.host import Host

if TYPE_CHECKING:
    from emu.lab.cluster import Cluster


class Pod(Host):
    """One pod, through all its sandboxes. After `delete` only its name is left."""

    def __init__(self, cluster: Cluster, spec: objects.Pod) -> None:
        self.cluster = cluster
        self.spec = spec
        self.name = spec.name

    def __repr__(self) -> str:
        return f"<Pod {self.spec.namespace}/{self.name} {self.spec.ip or 'without address'} on {self.spec.node}>"

    @property
    def _worker(self) -> Any:
        return self.cluster.kubelet(self.spec.node).worker(self.spec)

    @property
    def netns(self) -> Any:
        return self._worker.sandbox.netns

    @property
    def ip(self) -> str:
        return self.spec.ip

    @property
    def mac(self) -> str:
        """eth0's address."""
        if self.spec.spec.host_network:
            raise ValueError(f"pod {self.name} has no eth0 of its own: it is on the network of {self.spec.node}")
        return ":".join(f"{octet:02x}" for octet in self.netns.devices["eth0"].mac)

    @property
    def node(self) -> str:
        """The name of the node it runs on."""
        return self.spec.node

    @property
    def ready(self) -> bool:
        """Its Ready condition."""
        return self.spec.ready

    @property
    def host_device(self) -> str:
        """The name of the node's end of its veth pair."""
        attachment = self._worker.sandbox.attachment
        if attachment is None:
            raise ValueError(f"pod {self.name} has no veth pair: it is on the network of {self.spec.node}")
        return str(attachment.host_ifname)

    @property
    def containers(self) -> list[ContainerHandle]:
        """Its containers, pause apart."""
        return [ContainerHandle(self, container) for container in self._worker.containers]

    def container(self, name: str) -> ContainerHandle:
        """One container by name. Raises ValueError."""
        for container in self._worker.containers:
            if container.spec.name == name:
                return ContainerHandle(self, container)
        raise ValueError(f"pod {self.name} has no container {name!r}")

    # -- what can happen to it ----------------------------------------------------------------------------------------------------

    def set_ready(self, ready: bool, wait: bool = True) -> None:
        """What the pod answers from now on when asked whether it is ready. With a readiness probe the kubelet has to find out."""
        self.cluster.kubelet(self.spec.node).set_healthy(self.spec, ready)
        if wait:
            self.cluster.wait_for(lambda: self.spec.ready == ready and self.cluster.synced, f"pod {self.name} to become {'ready' if ready else 'unready'}")

    def crash(self, wait: bool = True) -> None:
        """pause dies: all containers are killed; a new sandbox with a new namespace, veth and address takes its place."""
        self.cluster.kubelet(self.spec.node).new_sandbox(self.spec)
        if wait:
            self.cluster.wait_for(lambda: self.spec.ready and self.cluster.synced, f"pod {self.name} to run again")

    def delete(self, wait: bool = True) -> None:
        """Delete the pod; its address goes back to the node's range."""
        self.cluster.delete_pod(self.spec)
        if wait:
            self.cluster.wait_for(lambda: self.cluster.synced, f"the nodes to forget pod {self.name}")


class ContainerHandle(Host):
    """One container: it has its pod's namespace, so everything it does on the network is the pod's."""

    def __init__(self, pod: Pod, container: RunningContainer) -> None:
        self.pod = pod
        self.cluster = pod.cluster
        self.container = container
        self.name = f"{pod.name}/{container.spec.name}"

    @property
    def netns(self) -> Any:
        return self.container.netns

    @property
    def ip(self) -> str:
        return self.pod.ip

    @property
    def restarts(self) -> int:
        """How often it was started again."""
        return self.container.restarts

    @property
    def exit_error(self) -> BaseException | None:
        """Why its program ended, if it did with an error."""
        return self.container.error

    def restart(self, wait: bool = True) -> None:
        """The container exits and the kubelet starts it again, in the same sandbox."""
        self.cluster.kubelet(self.pod.spec.node).restart_container(self.pod.spec, self.container.spec.name)
        if wait:
            self.cluster.wait_for(lambda: self.pod.spec.ready and self.cluster.synced, f"container {self.name} to run again")
