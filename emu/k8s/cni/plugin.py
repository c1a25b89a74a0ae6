"""What a CNI plugin is here: an object with `add(sandbox)` and `delete(sandbox)`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from emu.k8s.sandbox import Sandbox

IFNAME = "eth0"  # CNI_IFNAME


@dataclass(slots=True, frozen=True)
class Attachment:
    """A plugin's result: the pod's address, its interface, and the host's end of it (empty if there is none)."""

    ip: str
    ifname: str = IFNAME
    host_ifname: str = ""


class CniPlugin(Protocol):
    """`add` gives the sandbox's namespace (`sandbox.run("ip ...")` runs in it, `sandbox.node.run` on the node) an interface and returns an Attachment, or
    the pod's address alone; `sandbox.allocate()` takes the next address of the node's range. `delete` takes it away again. Raise KubernetesError.

    A plugin may have `start(node)`, called when the node boots, before any pod.
    """

    def add(self, sandbox: Sandbox) -> Any: ...

    def delete(self, sandbox: Sandbox) -> object: ...


def attachment(result: Any) -> Attachment:
    """What `add` returned. Raises TypeError for anything but an Attachment or an address."""
    if isinstance(result, Attachment):
        return result
    if isinstance(result, str):
        return Attachment(result.partition("/")[0])
    raise TypeError(f"a CNI plugin's add() returns the pod's address, or an Attachment, not {result!r}")
