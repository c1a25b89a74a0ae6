"""How long each control loop takes to react, in virtual nanoseconds. Zero keeps the causal order and nothing else."""

from __future__ import annotations

from dataclasses import dataclass

NS_PER_MS = 1_000_000


@dataclass(slots=True, frozen=True)
class Delays:
    """`watch`: API change to watcher; `endpoints`: EndpointSlice controller; `proxy`: kube-proxy's sync; `kubelet`: kubelet's pod worker;
    `scheduler`: binding a pod; `controllers`: those of workloads.
    """

    watch: int = 0
    endpoints: int = 0
    proxy: int = 0
    kubelet: int = 0
    scheduler: int = 0
    controllers: int = 0


# About what an idle cluster of some nodes shows: watches are milliseconds behind, the EndpointSlice controller gathers changes for 100 ms
# (--endpointslice-updates-batch-period is 0, its work queue and the API round trip are what is left), kube-proxy gathers for up to 1 s
# (minSyncPeriod) after a sync, the kubelet needs time for a sandbox.
LIKE_A_CLUSTER = Delays(
    watch=5 * NS_PER_MS,
    endpoints=100 * NS_PER_MS,
    proxy=1000 * NS_PER_MS,
    kubelet=200 * NS_PER_MS,
    scheduler=20 * NS_PER_MS,
    controllers=20 * NS_PER_MS,
)
