"""kubectl's entry: which verb, and its errors."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import cast

from emu.k8s.objects import KubernetesError, Pod
from emu.k8s.owned import pods_of
from emu.shell.kubectl import change, rollout
from emu.shell.kubectl.columns import VERSION
from emu.shell.kubectl.describe import describe
from emu.shell.kubectl.get import get
from emu.shell.kubectl.resources import NAMES, find
from emu.shell.kubectl.session import Output, Session, Verb
from emu.shell.kubectl.words import Words, parse

VERBS: dict[str, Callable[[Verb], Awaitable[int]]] = {
    "get": get, "describe": describe, "apply": change.apply, "create": change.create, "delete": change.delete, "scale": change.scale,
    "label": change.label, "annotate": change.annotate, "cordon": change.cordon, "uncordon": change.uncordon, "drain": change.drain,
    "expose": change.expose, "run": change.run, "set": change.set_, "rollout": rollout.rollout, "wait": rollout.wait,
}  # fmt: skip
NOT_EMULATED = (
    "port-forward", "proxy", "cp", "attach", "edit", "patch", "replace", "debug", "top", "auth", "certificate", "taint", "autoscale", "diff", "explain",
    "kustomize",
)  # fmt: skip


async def run(session: Session, argv: list[str], output: Output) -> int:
    """One command line (`argv[0]` is kubectl); its exit status."""
    try:
        return await _run(session, argv[1:], output)
    except ValueError as error:
        output.error(said(error))
        return 1


def said(error: ValueError) -> bytes:
    """An error as kubectl words it."""
    text = str(error)
    return f"{text if text.startswith(('error:', 'Error from', 'emu:', 'You must')) else f'error: {text}'}\n".encode()


def verb_first(words: list[str]) -> tuple[str, list[str]]:
    """The verb, empty if there is none, and the other words: flags may stand before it, `kubectl -n shop get pods`."""
    lead: list[str] = []
    rest = list(words)
    while rest and rest[0].startswith("-"):
        lead.append(rest.pop(0))
        if lead[-1] in ("-n", "--namespace", "--context") and rest:
            lead.append(rest.pop(0))
    name = rest.pop(0) if rest else ""
    if name == "logs":  # where -f is no file
        rest = ["--follow" if word == "-f" else word for word in rest]
    return name, [*lead, *rest]


async def _run(session: Session, words: list[str], output: Output) -> int:
    name, rest = verb_first(words)
    if not name:
        raise KubernetesError("error: a verb is missing: get, describe, apply, delete, exec, logs, scale, rollout, label, cordon, drain, expose, run ...")
    verb = Verb(session, parse(rest), output)
    if name in VERBS:
        return await VERBS[name](verb)
    if name == "config":
        return _config(verb)
    if name == "logs":
        return _logs(verb)
    if name == "version":
        verb.say(f"Client Version: {VERSION}\nServer Version: {VERSION}")
        return 0
    if name == "cluster-info":
        verb.say("Kubernetes control plane is running in the emulator")
        return 0
    if name == "api-resources":
        for kind, (plural, _, short) in NAMES.items():
            verb.say(f"{plural.partition('.')[0]:<24} {','.join(short):<10} {kind}")
        return 0
    if name in NOT_EMULATED:
        raise KubernetesError(f"emu: not emulated: kubectl {name}")
    raise KubernetesError(f'error: unknown command "{name}" for "kubectl"')


def _config(verb: Verb) -> int:
    """`config set-context --current --namespace=NS`, `config current-context`, `config view`."""
    words = verb.words
    if words.rest[:1] == ["set-context"] and "namespace" in words.flags:
        verb.session.namespace = words.get("namespace")
        verb.say('Context "emu" modified.')
        return 0
    if words.rest[:1] == ["current-context"]:
        verb.say("emu")
        return 0
    raise KubernetesError(f"emu: not emulated: kubectl config {' '.join(words.rest)}")


def _logs(verb: Verb) -> int:
    """What a container's program has printed."""
    if not verb.words.rest:
        raise KubernetesError("error: expected 'logs [-f] [-p] (POD | TYPE/NAME) [-c CONTAINER]'")
    pod = pod_named(verb, verb.words.rest[0])
    lines = verb.cluster.kubelet(pod.node).worker(pod).log(verb.words.get("container"))
    tail = verb.words.whole("tail", -1)
    for line in lines[-tail:] if tail > 0 else lines:
        verb.say(line)
    return 0


def pod_named(verb: Verb, name: str) -> Pod:
    """The pod of `NAME`, `pod/NAME`, `deploy/NAME`: that one, or the first that is ready. Raises KubernetesError."""
    kind, slash, rest = name.partition("/")
    if not slash:
        return cast("Pod", find(verb.api, "Pod", name, verb.namespace))
    [(found, thing)] = list(verb.picked([f"{kind}/{rest}"]))
    if isinstance(thing, Pod):
        return thing
    pods = pods_of(thing, verb.api) if found != "Service" else [
        pod for pod in verb.api.pods.values() if pod.namespace == thing.namespace and thing.selector and thing.selector.items() <= pod.labels.items()
    ]  # fmt: skip
    if not pods:
        raise KubernetesError(f"error: timed out waiting for the condition: {name} has no pods")
    return next((pod for pod in pods if pod.ready), pods[0])


def exec_target(session: Session, argv: list[str], output: Output) -> tuple[str, list[str], Words]:
    """For `kubectl exec [-it] POD [-c CONTAINER] -- COMMAND...`: the namespace to run in, and the command. Raises KubernetesError."""
    verb = Verb(session, parse(verb_first(argv[1:])[1]), output)
    words = verb.words
    command = words.command if words.command is not None else words.rest[1:]
    if not words.rest:
        raise KubernetesError("error: pod, type/name or --filename must be specified")
    if not command:
        raise KubernetesError("error: you must specify at least one command for the container")
    pod = pod_named(verb, words.rest[0])
    netns: str = session.cluster.netns_of(pod)
    name = words.get("container")
    spec = pod.spec
    if name and name not in [container.name for container in (*spec.containers, *spec.init_containers)]:
        raise KubernetesError(f"Error from server (BadRequest): container {name} is not valid for pod {pod.name}")
    if not pod.ip:
        raise KubernetesError(f"error: cannot exec into a container in a pod that does not run: {pod.name}")
    return netns, command, words
