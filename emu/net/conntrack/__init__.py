"""Connection tracking and NAT of one namespace. `get(ns)` switches it on; `ns.ct` is it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emu.net.conntrack.entry import Entry
from emu.net.conntrack.table import Conntrack

if TYPE_CHECKING:
    from emu.net.netns import Namespace


def get(ns: Namespace) -> Conntrack:
    """The namespace's connection table; made with the first rule that needs it (nf_ct_netns_get)."""
    ct: Conntrack | None = ns.ct
    if ct is None:
        ct = ns.ct = Conntrack(ns)
    return ct


__all__ = ["Conntrack", "Entry", "get"]
