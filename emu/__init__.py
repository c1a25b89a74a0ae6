"""emu: a packet-level emulator of Kubernetes networking.

`from emu import Cluster` is the way in; everything of `emu.lab` is here. It is imported when it is first asked for, because scapy takes a while.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from emu.lab import (
        Cluster,
        Container,
        ContainerPort,
        Delays,
        Host,
        Journal,
        KubernetesError,
        Node,
        Pod,
        Probe,
        Reply,
        Service,
        ServicePort,
        Trace,
    )

__all__ = [
    "Cluster", "Container", "ContainerPort", "Delays", "Host", "Journal", "KubernetesError", "Node", "Pod", "Probe", "Reply", "Service",
    "ServicePort", "Trace",
]  # fmt: skip
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    import emu.lab

    if name in emu.lab.__all__:
        return getattr(emu.lab, name)
    raise AttributeError(f"module 'emu' has no attribute {name!r}")
