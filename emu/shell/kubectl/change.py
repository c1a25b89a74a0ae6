"""The verbs that change objects: apply, create, delete, scale, label, annotate, cordon, uncordon, drain, expose, run, set image."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from emu.k8s.manifest.source import Document
from emu.k8s.objects import KubernetesError, Pod
from emu.shell.kubectl.resources import full_name, is_namespaced
from emu.shell.kubectl.session import Verb

DELETE_SECONDS = 300.0
SCALED = ("Deployment", "ReplicaSet", "StatefulSet")


async def apply(verb: Verb) -> int:
    """`kubectl apply -f`."""
    objects = verb.cluster.objects
    noted = len(objects.notes)
    for outcome in objects.apply(await verb.documents(), verb.namespace):
        if outcome.thing is not None:
            verb.say(f"{full_name(outcome.thing.kind, outcome.thing.name)} {outcome.what}")
    for note in objects.notes[noted:]:
        verb.warn(f"Warning: {note}")
    return 0


async def create(verb: Verb) -> int:
    """`kubectl create -f`, `create namespace NAME`, `create deployment NAME --image=IMAGE`, `create service`."""
    words = verb.words.rest
    if "filename" in verb.words.flags:
        for document, thing in verb.cluster.objects.decode(await verb.documents(), verb.namespace):
            if verb.api.get(thing.kind, thing.name, thing.namespace) is not None:
                raise KubernetesError(
                    f'Error from server (AlreadyExists): error when creating "{document.where}": {full_name(thing.kind, thing.name)} already exists'
                )
        return await apply(verb)
    if len(words) < 2:
        raise KubernetesError("error: must specify one of -f and -k, or what to create and its name")
    what, name = words[0], words[1]
    if what in ("namespace", "ns"):
        return await _make(verb, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    if what in ("deployment", "deploy"):
        image = verb.words.get("image")
        if not image:
            raise KubernetesError('error: required flag(s) "image" not set')
        container: dict[str, Any] = {"name": image.partition(":")[0].rpartition("/")[2], "image": image}
        if verb.words.command:
            container["command"] = verb.words.command
        if "port" in verb.words.flags:
            container["ports"] = [{"containerPort": verb.words.whole("port", 0)}]
        labels = {"app": name}
        spec = {
            "replicas": verb.words.whole("replicas", 1),
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
        }
        return await _make(verb, {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name, "labels": labels}, "spec": spec})
    raise KubernetesError(f"emu: not emulated: kubectl create {what}")


async def _make(verb: Verb, manifest: dict[str, Any]) -> int:
    kind, name = manifest["kind"], manifest["metadata"]["name"]
    if verb.api.get(kind, name, verb.namespace if is_namespaced(kind) else "") is not None:
        raise KubernetesError(f'error: failed to create {kind.lower()}: {full_name(kind, "")[:-1]}s "{name}" already exists')
    verb.cluster.objects.apply([Document("command line", manifest)], verb.namespace)
    verb.say(f"{full_name(kind, name)} created")
    return 0


async def delete(verb: Verb) -> int:
    """`kubectl delete`: waits for pods to be gone, unless --wait=false."""
    if "filename" in verb.words.flags:
        found = [
            (thing.kind, verb.api.get(thing.kind, thing.name, thing.namespace), thing)
            for _, thing in verb.cluster.objects.decode(await verb.documents(), verb.namespace)
        ]
        missing = next((thing for _, present, thing in found if present is None), None)
        if missing is not None and not verb.words.has("ignore-not-found"):
            raise KubernetesError(f"Error from server (NotFound): {full_name(missing.kind, missing.name)} not found")
        picked = [(kind, present) for kind, present, _ in found if present is not None]
    else:
        picked = list(verb.picked(verb.words.rest))
    if not picked and not verb.words.has("ignore-not-found"):
        verb.say("No resources found")
    grace = verb.words.whole("grace-period", -1)
    for kind, thing in picked:
        if isinstance(thing, Pod):
            seconds = 0.0 if verb.words.has("force") and grace <= 0 else float(grace) if grace >= 0 else thing.spec.grace_seconds
            verb.cluster.control_plane.delete_pod(thing, 1.0 if verb.words.has("now") else seconds)
        else:
            verb.cluster.control_plane.delete(thing)
        forced = "force " if verb.words.has("force") else ""
        where = f" from {thing.namespace} namespace" if thing.namespace else ""
        name = f'{full_name(kind, "").rstrip("/")} "{thing.name}"'
        verb.say(f"{name} {forced}deleted{where}")
    if verb.words.get("wait", "true") != "false":
        pods = [thing for _, thing in picked if isinstance(thing, Pod)]
        await verb.until(lambda: not any(verb.api.pods.get((pod.namespace, pod.name)) is pod for pod in pods), DELETE_SECONDS)
    return 0


async def scale(verb: Verb) -> int:
    """`kubectl scale TYPE NAME --replicas=N`."""
    if "replicas" not in verb.words.flags:
        raise KubernetesError('error: required flag(s) "replicas" not set')
    replicas = verb.words.whole("replicas", 0)
    if replicas < 0:
        raise KubernetesError("error: The --replicas=COUNT flag is required, and COUNT must be greater than or equal to 0")
    for kind, thing in verb.picked(verb.words.rest):
        if kind not in SCALED:
            raise KubernetesError("Error from server (NotFound): the server could not find the requested resource")
        thing.replicas = replicas
        verb.api.update(thing)
        verb.say(f"{full_name(kind, thing.name)} scaled")
    return 0


async def label(verb: Verb) -> int:
    """`kubectl label`."""
    return _pairs(verb, "labels", "labeled")


async def annotate(verb: Verb) -> int:
    """`kubectl annotate`."""
    return _pairs(verb, "annotations", "annotated")


def _pairs(verb: Verb, field: str, done: str) -> int:
    """`KEY=VALUE` sets, `KEY-` removes."""
    changes = [word for word in verb.words.rest if "=" in word or word.endswith("-")]
    named = [word for word in verb.words.rest if word not in changes]
    if not changes:
        raise KubernetesError(f"error: at least one {field[:-1]} update is required")
    for kind, thing in verb.picked(named):
        pairs = getattr(thing, field)
        for change in changes:
            key, equals, value = change.partition("=")
            if not equals:
                pairs.pop(change[:-1], None)
            elif key in pairs and pairs[key] != value and not verb.words.has("overwrite"):
                raise KubernetesError(f"error: '{key}' already has a value ({pairs[key]}), and --overwrite is false")
            else:
                pairs[key] = value
        verb.api.update(thing)
        verb.say(f"{full_name(kind, thing.name)} {done if any('=' in change for change in changes) else f'un{done}'}")
    return 0


async def cordon(verb: Verb) -> int:
    """`kubectl cordon NODE`."""
    return _schedulable(verb, unschedulable=True)


async def uncordon(verb: Verb) -> int:
    """`kubectl uncordon NODE`."""
    return _schedulable(verb, unschedulable=False)


def _schedulable(verb: Verb, unschedulable: bool) -> int:
    for _, node in verb.picked(["node", *verb.words.rest]):
        word = "cordoned" if unschedulable else "uncordoned"
        if node.unschedulable == unschedulable:
            verb.say(f"node/{node.name} already {word}")
            continue
        node.unschedulable = unschedulable
        verb.api.update(node)
        verb.say(f"node/{node.name} {word}")
    return 0


async def drain(verb: Verb) -> int:
    """`kubectl drain NODE`: cordon, then end the pods that something makes anew elsewhere."""
    for _, node in verb.picked(["node", *verb.words.rest]):
        node.unschedulable = True
        verb.api.update(node)
        verb.say(f"node/{node.name} cordoned")
        pods = [pod for pod in verb.api.pods.values() if pod.node == node.name and pod.phase not in ("Succeeded", "Failed")]
        daemons = [pod for pod in pods if pod.owner is not None and pod.owner[0] == "DaemonSet"]
        bare = [pod for pod in pods if pod.owner is None]
        if daemons and not verb.words.has("ignore-daemonsets"):
            names = ", ".join(f"{pod.namespace}/{pod.name}" for pod in daemons)
            raise _undrained(node.name, "DaemonSet-managed Pods (use --ignore-daemonsets to ignore)", names)
        if bare and not verb.words.has("force"):
            names = ", ".join(f"{pod.namespace}/{pod.name}" for pod in bare)
            raise _undrained(node.name, "Pods that declare no controller (use --force to override)", names)
        going = [pod for pod in pods if pod not in daemons]
        if daemons:
            verb.warn(f"Warning: ignoring DaemonSet-managed Pods: {', '.join(f'{pod.namespace}/{pod.name}' for pod in daemons)}")
        for pod in going:
            verb.say(f"evicting pod {pod.namespace}/{pod.name}")
            verb.cluster.control_plane.delete_pod(pod, pod.spec.grace_seconds)
        await verb.until(lambda pods=going: not any(verb.api.pods.get((pod.namespace, pod.name)) is pod for pod in pods), DELETE_SECONDS)  # type: ignore[misc]
        for pod in going:
            verb.say(f"pod/{pod.name} evicted")
        verb.say(f"node/{node.name} drained")
    return 0


def _undrained(node: str, what: str, names: str) -> KubernetesError:
    return KubernetesError(f'error: unable to drain node "{node}" due to error: cannot delete {what}: {names}, continuing command...')


async def expose(verb: Verb) -> int:
    """`kubectl expose TYPE NAME --port=P [--target-port=T] [--type=T] [--name=N]`."""
    [(kind, thing)] = list(verb.picked(verb.words.rest))
    if kind == "Pod":
        selector = dict(thing.labels)
    elif kind == "Service":
        selector = dict(thing.selector or {})
    elif hasattr(thing, "selector"):
        selector = dict(thing.selector.match_labels)
    else:
        raise KubernetesError(f"error: cannot expose a {kind}")
    if not selector:
        raise KubernetesError("error: couldn't retrieve selectors via --selector flag or introspection: the object has no labels")
    spec = thing.template.spec if hasattr(thing, "template") else getattr(thing, "spec", None)
    declared = [port for container in spec.containers for port in container.ports] if spec is not None else []
    given = verb.words.get("port") or (str(declared[0].container_port) if declared else "")
    if not given.isdigit():
        raise KubernetesError("error: couldn't find port via --port flag or introspection")
    target = verb.words.get("target-port")
    port: dict[str, Any] = {"port": int(given), "protocol": verb.words.get("protocol", "TCP").upper()}
    if target:
        port["targetPort"] = int(target) if target.isdigit() else target
    name = verb.words.get("name", thing.name)
    service = {"selector": selector, "ports": [port], "type": verb.words.get("type", "ClusterIP")}
    if "cluster-ip" in verb.words.flags:
        service["clusterIP"] = verb.words.get("cluster-ip")
    manifest = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "labels": dict(thing.labels)}, "spec": service}
    if verb.api.get("Service", name, verb.namespace) is not None:
        raise KubernetesError(f'Error from server (AlreadyExists): services "{name}" already exists')
    verb.cluster.objects.apply([Document("command line", manifest)], verb.namespace)
    verb.say(f"service/{name} exposed")
    return 0


def pod_manifest(verb: Verb) -> dict[str, Any]:
    """What `kubectl run NAME --image=IMAGE` makes. Raises KubernetesError."""
    if not verb.words.rest:
        raise KubernetesError("error: NAME is required for run")
    name, image = verb.words.rest[0], verb.words.get("image")
    if not image:
        raise KubernetesError('error: required flag(s) "image" not set')
    labels = {"run": name}
    for pair in filter(None, verb.words.get("labels").split(",")):
        key, _, value = pair.partition("=")
        labels = {**(labels if "run" not in labels else {}), key: value}
    container: dict[str, Any] = {"name": name, "image": image}
    command = verb.words.command or verb.words.rest[1:]
    if command:
        container["command" if verb.words.has("command") else "args"] = command
    if "port" in verb.words.flags:
        container["ports"] = [{"containerPort": verb.words.whole("port", 0)}]
    container["env"] = [{"name": pair.partition("=")[0], "value": pair.partition("=")[2]} for pair in verb.words.many.get("env", [])]
    spec = {"containers": [container], "restartPolicy": verb.words.get("restart", "Always")}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": labels}, "spec": spec}


async def run(verb: Verb) -> int:
    """`kubectl run NAME --image=IMAGE`, left running. (With a command to be watched, the shell does more: see exec.)"""
    code = await _make(verb, pod_manifest(verb))
    if verb.words.has("expose"):
        verb.words.rest = ["pod", verb.words.rest[0]]
        verb.words.flags.pop("name", None)
        return await expose(verb)
    return code


async def set_(verb: Verb) -> int:
    """`kubectl set image TYPE/NAME CONTAINER=IMAGE...`."""
    if verb.words.rest[:1] != ["image"]:
        raise KubernetesError(f"emu: not emulated: kubectl set {' '.join(verb.words.rest[:1])}")
    changes = [word.partition("=") for word in verb.words.rest[1:] if "=" in word]
    for kind, thing in verb.picked([word for word in verb.words.rest[1:] if "=" not in word]):
        if not hasattr(thing, "template"):
            raise KubernetesError(f"error: {full_name(kind, thing.name)}: its images cannot be changed")
        containers = thing.template.spec.containers
        names = [container.name for container in containers]
        for name, _, _ in changes:
            if name not in (*names, "*"):
                raise KubernetesError(f'error: unable to find container named "{name}"')
        images = {name: image for name, _, image in changes}
        new = tuple(replace(each, image=images.get(each.name, images.get("*", each.image))) for each in containers)
        thing.template = replace(thing.template, spec=replace(thing.template.spec, containers=new))
        verb.api.update(thing)
        verb.say(f"{full_name(kind, thing.name)} image updated")
    return 0
