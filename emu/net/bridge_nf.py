"""Where the bridge calls br_netfilter: the module registers with the bridge when it is loaded, as nf_br_ops does, so the bridge does not import it."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import Any


@cache
def module() -> Any:
    """emu.net.br_netfilter, loaded when the first namespace with netfilter bridges a packet."""
    return import_module("emu.net.br_netfilter")
