"""`kubectl rollout` and `kubectl wait`: verbs that let time pass."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from emu.k8s.manifest.encode import timestamp
from emu.k8s.objects import Deployment, Job, KubernetesError, Pod
from emu.k8s.owned import pods_of
from emu.shell.kubectl.resources import full_name, kind_of
from emu.shell.kubectl.session import Verb

RESTARTED = "kubectl.kubernetes.io/restartedAt"
PROGRESS_SECONDS = 600.0  # spec.progressDeadlineSeconds


async def rollout(verb: Verb) -> int:
    """`rollout status|restart|history`."""
    if not verb.words.rest:
        raise KubernetesError("error: must specify a subcommand: status, restart")
    what, named = verb.words.rest[0], verb.words.rest[1:]
    if what not in ("status", "restart", "pause", "resume"):
        raise KubernetesError(f"emu: not emulated: kubectl rollout {what}")
    for kind, thing in verb.picked(named):
        if kind not in ("Deployment", "DaemonSet", "StatefulSet"):
            raise KubernetesError(f"error: no rollout {what} for {full_name(kind, thing.name)}")
        if what == "restart":
            stamp = {**thing.template.annotations, RESTARTED: timestamp(verb.api.sim.now)}
            thing.template = replace(thing.template, annotations=stamp)
            verb.api.update(thing)
            verb.say(f"{full_name(kind, thing.name)} restarted")
        elif what == "status":
            if not await _status(verb, kind, thing):
                return 1
        else:
            thing.paused = what == "pause"
            verb.api.update(thing)
            verb.say(f"{full_name(kind, thing.name)} {what}d")
    return 0


async def _status(verb: Verb, kind: str, thing: Any) -> bool:
    """Tell every step until it is over. False: it takes too long."""
    seconds = duration(verb.words.get("timeout")) or PROGRESS_SECONDS
    told = ""
    loop_limit = verb.api.sim.now + round(seconds * 1e9)
    while True:
        line = _progress(verb, kind, thing)
        if not line:
            word = {"Deployment": "deployment", "DaemonSet": "daemon set", "StatefulSet": "statefulset rolling update complete"}[kind]
            if kind == "StatefulSet":
                verb.say(f"{word} {thing.replicas} pods at revision {thing.name}...")
            else:
                verb.say(f'{word} "{thing.name}" successfully rolled out')
            return True
        if line != told:
            verb.say(line)
            told = line
        if verb.api.sim.now >= loop_limit:
            verb.warn(
                "error: timed out waiting for the condition"
                if verb.words.get("timeout")
                else f'error: deployment "{thing.name}" exceeded its progress deadline'
            )
            return False
        before = line
        await verb.until(lambda before=before: _progress(verb, kind, thing) != before, (loop_limit - verb.api.sim.now) / 1e9)  # type: ignore[misc]


def _progress(verb: Verb, kind: str, thing: Any) -> str:
    """What is still missing, in kubectl's words; empty when nothing is."""
    api = verb.api
    pods = pods_of(thing, api)
    ready = sum(pod.ready for pod in pods)
    if kind == "Deployment":
        assert isinstance(thing, Deployment)
        current = verb.cluster.control_plane.deployments.current_set(thing)
        fresh = [pod for pod in pods if current is not None and pod.owner == ("ReplicaSet", current.name)]
        head = f'Waiting for deployment "{thing.name}" rollout to finish: '
        if current is None or len(fresh) < thing.replicas:
            return f"{head}{len(fresh)} out of {thing.replicas} new replicas have been updated..."
        if len(pods) > len(fresh):
            return f"{head}{len(pods) - len(fresh)} old replicas are pending termination..."
        if ready < len(fresh):
            return f"{head}{ready} of {len(fresh)} updated replicas are available..."
        return ""
    wanted = thing.replicas if kind == "StatefulSet" else len(pods)
    if ready < wanted or (kind == "StatefulSet" and len(pods) < wanted):
        return f"Waiting for {wanted - ready} pods to be ready..."
    hashes = {pod.labels.get("controller-revision-hash", ""): None for pod in pods}
    if len(hashes) > 1:
        return f"waiting for statefulset rolling update to complete {len(hashes) - 1} pods at revision {thing.name}..."
    return ""


async def wait(verb: Verb) -> int:
    """`kubectl wait --for=condition=Ready|Available|Complete` or `--for=delete`."""
    wanted = verb.words.get("for")
    seconds = duration(verb.words.get("timeout")) or 30.0
    name, _, value = wanted.partition("=")
    if name not in ("condition", "delete", "create") or not verb.words.rest:
        raise KubernetesError("error: --for must be condition=..., delete or create, and a resource must be named")
    if name == "create":
        kind = kind_of(verb.words.rest[0].partition("/")[0])
        named = verb.words.rest[0].partition("/")[2] or (verb.words.rest[1] if len(verb.words.rest) > 1 else "")
        if await verb.until(lambda: verb.api.get(kind, named, verb.namespace) is not None, seconds):
            verb.say(f"{full_name(kind, named)} condition met")
            return 0
        verb.warn(f"error: timed out waiting for the condition on {full_name(kind, named)}")
        return 1
    for kind, thing in list(verb.picked(verb.words.rest)):
        holds = (lambda kind=kind, thing=thing: verb.api.get(kind, thing.name, thing.namespace) is not thing) if name == "delete" else (
            lambda thing=thing: _holds(verb, thing, value.lower())
        )  # fmt: skip
        if not await verb.until(holds, seconds):
            verb.warn(f"error: timed out waiting for the condition on {full_name(kind, thing.name)}")
            return 1
        verb.say(f"{full_name(kind, thing.name)} condition met")
    return 0


def _holds(verb: Verb, thing: Any, condition: str) -> bool:
    if isinstance(thing, Pod):
        return {"ready": thing.ready, "podscheduled": bool(thing.node), "containersready": thing.ready, "initialized": thing.phase != "Pending"}.get(
            condition, False
        )
    if isinstance(thing, Deployment):
        return condition in ("available", "progressing") and sum(pod.ready for pod in pods_of(thing, verb.api)) >= thing.replicas
    if isinstance(thing, Job):
        return condition == "complete" and verb.cluster.control_plane.jobs.complete(thing)
    return condition == "ready" and bool(getattr(thing, "ready", False))


def duration(text: str) -> float:
    """`90s`, `2m`, `1h` in seconds; 0 for none. Raises KubernetesError."""
    if not text:
        return 0.0
    units = {"s": 1.0, "m": 60.0, "h": 3600.0}
    number, unit = (text[:-1], text[-1]) if text[-1] in units else (text, "s")
    try:
        return float(number) * units[unit]
    except ValueError:
        raise KubernetesError(f'error: invalid argument "{text}" for "--timeout" flag: time: invalid duration "{text}"') from None
