"""Device events (the netdevice notifier chain, net/core/dev.c): who keeps state about devices registers here when its module is imported.

A callback is `(device, event)`. Events carry Linux's names; DOWN comes after IFF_UP was cleared, CHANGE a moment after the carrier or the
running state changed (linkwatch), CHANGEADDR after the MAC changed, UNREGISTER when the device is about to leave its namespace.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from emu.net.device import NetDevice

REGISTER, UNREGISTER, UP, GOING_DOWN, DOWN, CHANGE, CHANGEADDR, CHANGEMTU, CHANGENAME = (
    "REGISTER", "UNREGISTER", "UP", "GOING_DOWN", "DOWN", "CHANGE", "CHANGEADDR", "CHANGEMTU", "CHANGENAME",
)  # fmt: skip

# Priorities: the order in which Linux registers them at boot (inet_init, then the bridge's module).
ARP, DEVINET, FIB, BRIDGE = 0, 1, 2, 3
_chain: list[tuple[int, Callable[[NetDevice, str], None]]] = []


def register(priority: int, callback: Callable[[NetDevice, str], None]) -> None:
    """Call `callback(device, event)` at every event, in the order of the priorities, whatever the order of imports was."""
    _chain.append((priority, callback))
    _chain.sort(key=lambda entry: entry[0])


def call(device: NetDevice, event: str) -> None:
    """Tell everybody (call_netdevice_notifiers). Nobody listens in a namespace without an IP layer, a switch's."""
    device.netns.generation += 1
    if not device.netns.fib:
        return
    for _, callback in _chain:
        callback(device, event)
