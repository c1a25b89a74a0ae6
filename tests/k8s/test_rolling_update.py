"""A rolling update under load, with control loops that take as long as in a real cluster: what it costs, and what it takes that it costs nothing."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from emu import Cluster
from emu.aio.process import spawn
from emu.apps.http_client import HttpError, http_get
from emu.apps.http_server import HttpServer
from emu.k8s.delays import LIKE_A_CLUSTER, Delays
from emu.k8s.objects import Deployment
from emu.lab import Pod

INTERVAL_S, LOAD_S = 0.02, 8.0
READY = "readinessProbe: {httpGet: {path: /healthz, port: 8080}, periodSeconds: 1}"
PRE_STOP = "lifecycle: {preStop: {sleep: {seconds: 5}}}"
APP = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 4
  selector: {matchLabels: {app: web}}
  strategy: {rollingUpdate: {maxSurge: 1, maxUnavailable: %(unavailable)s}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: %(grace)s
      containers:
      - name: web
        image: agnhost
        args: [netexec]
        env: [{name: VERSION, value: "%(version)s"}]
        ports: [{containerPort: 8080, name: http}]
        %(hooks)s
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, clusterIP: 10.96.0.80, ports: [{port: 80, targetPort: http}]}
---
apiVersion: v1
kind: Pod
metadata: {name: client}
spec: {nodeName: node1, containers: [{name: c, image: busybox}]}
"""
Make = Callable[[Delays], Cluster]


def app(version: int, hooks: tuple[str, ...] = (), grace: int = 30, unavailable: int = 0) -> str:
    return APP % {"version": version, "hooks": "\n        ".join(hooks), "grace": grace, "unavailable": unavailable}


@pytest.fixture
def make() -> Iterator[Make]:
    made: list[Cluster] = []

    def build(delays: Delays) -> Cluster:
        made.append(Cluster(nodes=2, seed=1, delays=delays))
        return made[-1]

    yield build
    for cluster in made:
        cluster.close()


async def load(outcomes: Counter[str]) -> None:
    """A request every INTERVAL_S, each on a connection of its own, whatever became of those before."""

    async def one() -> None:
        try:
            answer = await http_get("http://10.96.0.80/hostname", timeout=2.0)
            outcomes["ok" if answer.status == 200 else f"HTTP {answer.status}"] += 1
        except ConnectionRefusedError:
            outcomes["refused"] += 1
        except ConnectionResetError:
            outcomes["reset"] += 1
        except (TimeoutError, OSError):
            outcomes["lost"] += 1
        except HttpError:
            outcomes["cut off"] += 1

    async with asyncio.TaskGroup() as group:
        for _ in range(round(LOAD_S / INTERVAL_S)):
            group.create_task(one())
            await asyncio.sleep(INTERVAL_S)


def outcomes_of(cluster: Cluster, start: Callable[[], object]) -> Counter[str]:
    """What becomes of the requests while `start` takes effect."""
    outcomes: Counter[str] = Counter()
    process = spawn(cluster.loop, cluster.pod("client").netns, load(outcomes), name="load")
    cluster.run(seconds=0.5)
    assert outcomes.keys() == {"ok"}
    start()
    cluster.run_until(process)
    assert process.error is None
    return outcomes


def update(cluster: Cluster, *hooks: str, **options: int) -> Counter[str]:
    """Deploy, and roll to a second version under load."""
    cluster.apply(app(1, hooks, **options))
    before = {pod.name for pod in cluster.pods}
    outcomes = outcomes_of(cluster, lambda: cluster.apply(app(2, hooks, **options), wait=False))
    cluster.wait_for(lambda: cluster.control_plane.deployments.complete(cluster.get("Deployment", "web")) and len(cluster.pods) == 5, "the update")
    assert {pod.name for pod in cluster.pods} & before == {"client"}
    return outcomes


def test_pods_that_end_at_once_refuse_what_still_comes(make: Make) -> None:
    """SIGTERM and the removal from EndpointSlices go their ways at the same time: until kube-proxy has heard of it, nodes go on sending."""
    outcomes = update(make(LIKE_A_CLUSTER), READY)
    assert outcomes["refused"] > 0  # the program has ended
    assert outcomes["lost"] > 0  # the pod's network has gone, too
    assert outcomes["ok"] > 10 * (outcomes["refused"] + outcomes["lost"])


def test_pods_killed_without_grace_lose_what_still_comes(make: Make) -> None:
    """Nobody is left to refuse: the address is gone."""
    outcomes = update(make(LIKE_A_CLUSTER), READY, grace=0)
    assert outcomes["lost"] > 0


def test_nothing_is_lost_when_it_is_done_right(make: Make) -> None:
    """Traffic comes when a pod says it is ready, and it serves on until everybody knows that it goes."""
    outcomes = update(make(LIKE_A_CLUSTER), READY, PRE_STOP)
    assert outcomes == {"ok": round(LOAD_S / INTERVAL_S)}


def test_a_hook_shorter_than_the_slowest_proxy_is_not_enough(make: Make) -> None:
    """A hook of a second, and proxies that take three to hear of it."""
    outcomes = update(make(replace(LIKE_A_CLUSTER, proxy=3_000_000_000)), READY, PRE_STOP.replace("5", "1"))
    assert outcomes["refused"] > 0


def test_the_grace_period_runs_while_the_hook_does(make: Make) -> None:
    """A hook longer than the grace is cut short, and the program has two seconds to end."""
    cluster = make(LIKE_A_CLUSTER)
    cluster.apply(app(1, (READY, PRE_STOP), grace=1))
    victim = next(pod for pod in cluster.pods if pod.name.startswith("web-"))
    assert 1.0 < seconds_to_end(cluster, victim) < 2.0  # it heard SIGTERM when the grace was over
    sleeper = cluster.pod("client")
    sleeper.spec.spec.grace_seconds = 3.0
    assert 3.0 < seconds_to_end(cluster, sleeper) < 4.0  # process 1 that only sleeps hears SIGKILL alone


def seconds_to_end(cluster: Cluster, pod: Pod) -> float:
    begin = cluster.sim.now
    cluster.delete(pod.spec, wait=False)
    cluster.wait_for(lambda: ("default", pod.name) not in cluster.api.pods, "the end")
    return (cluster.sim.now - begin) / 1e9


def test_without_delays_there_is_no_race(make: Make) -> None:
    """The control plane of the Python API is instant, unless it is told otherwise."""
    assert update(make(Delays()), READY) == {"ok": round(LOAD_S / INTERVAL_S)}


@pytest.mark.parametrize(("probe", "lost"), [(READY, False), ("", True)])
def test_pods_that_take_time_to_start_need_a_readiness_probe(make: Make, probe: str, lost: bool) -> None:
    """Without one a pod counts as ready when its process runs, and is sent what it cannot yet take."""
    cluster = make(LIKE_A_CLUSTER)

    async def slow(container: Any) -> None:
        await asyncio.sleep(3.0)
        await HttpServer(container.hostname, 8080).serve()

    def with_program(deployment: Deployment) -> Deployment:
        deployment.template.spec.containers[0].program = slow
        return deployment

    hooks = (probe, PRE_STOP)
    cluster.apply(app(1, hooks))
    new = Cluster(nodes=1, seed=1)  # where the second version is read
    try:
        new.apply(app(2, hooks))
        deployment = with_program(new.get("Deployment", "web"))
    finally:
        new.close()
    outcomes = outcomes_of(cluster, lambda: cluster.apply(deployment, wait=False))
    assert (outcomes["refused"] > 0) == lost
    assert (outcomes == {"ok": round(LOAD_S / INTERVAL_S)}) == (not lost)


def test_deleting_one_pod_under_load(make: Make) -> None:
    """`kubectl delete pod` goes through Terminating, with the same race and the same cure."""
    for hooks, clean in (((READY,), False), ((READY, PRE_STOP), True)):
        cluster = make(LIKE_A_CLUSTER)
        cluster.apply(app(1, hooks))
        victim = next(pod for pod in cluster.pods if pod.name.startswith("web-"))
        outcomes = outcomes_of(cluster, lambda: cluster.delete(victim.spec, wait=False))  # noqa: B023  # called at once
        assert (set(outcomes) == {"ok"}) == clean, outcomes
