"""How long each control loop takes to react, in virtual nanoseconds. Zero keeps the causal order and nothing else."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True, frozen=True)
class Delays:
    """`watch`: API change to watcher; `endpoints`: EndpointSlice controller; `proxy`: kube-proxy's sync; `kubelet`: kubelet's pod worker."""

    watch: int = 0
    endpoints: int = 0
    proxy: int = 0
    kubelet: int = 0
