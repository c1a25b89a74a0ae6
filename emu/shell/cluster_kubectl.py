"""kubectl as a stand-in: the verbs run as an emulated process; exec, run -it and debug run a program in a pod's namespace."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emu.aio.process import spawn
from emu.k8s.environment import variables
from emu.k8s.manifest.source import Document
from emu.k8s.objects import KubernetesError, Pod
from emu.shell import programs
from emu.shell.call import NETNS
from emu.shell.kubectl import command
from emu.shell.kubectl.change import pod_manifest
from emu.shell.kubectl.session import Session, Verb
from emu.shell.kubectl.words import Words, parse

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from typing import Any

    from emu.lab import Cluster
    from emu.net.netns import Namespace
    from emu.shell.call import Call
    from emu.shell.in_cluster import ClusterCommands

RUN_SECONDS = 60.0  # --pod-running-timeout
WITHOUT_INPUT = ["sh", "-c", 'exec "$@" < /dev/null', "sh"]
SHELL = ["sh"]  # what an image starts that has a command line to offer


class Screen:
    """A call (None: what is said is not heard), with its files' names in errors as they were given."""

    def __init__(self, call: Call | None = None) -> None:
        self.call = call
        self._names: dict[str, str] = {}

    def write(self, data: bytes) -> None:
        """To standard output."""
        if self.call is not None:
            self.call.write(data)

    def error(self, data: bytes) -> None:
        """To standard error."""
        text = data.decode("utf-8", "surrogateescape")
        for path, name in self._names.items():
            text = text.replace(path, name)
        if self.call is not None:
            self.call.error(text.encode("utf-8", "surrogateescape"))

    async def read(self) -> bytes:
        """Standard input."""
        return await self.call.read() if self.call is not None else b""

    def path(self, name: str) -> str:
        """Where a file is for the emulator."""
        path = self.call.path(name) if self.call is not None else name
        self._names[path] = name
        return path


class Kubectl:
    """One for a script: it remembers the current namespace."""

    def __init__(self, commands: ClusterCommands, cluster: Cluster, namespace: str) -> None:
        self.commands, self.cluster = commands, cluster
        self.session = Session(cluster)
        self.session.namespace = namespace

    def run(self, call: Call, inside: Namespace) -> None:
        """Take up a command."""
        screen = Screen(call)
        name, words = command.verb_first(call.argv[1:])
        try:
            if name == "exec":
                netns, program, flags = command.exec_target(self.session, call.argv, screen)
                if not flags.has("stdin"):
                    program = [*WITHOUT_INPUT, *program]
                pod = command.pod_named(Verb(self.session, flags, screen), flags.rest[0])
                self.commands.put_into(call, netns, program, self._variables(pod, flags.get("container")))
            elif name == "debug":
                self._debug(call, Verb(self.session, parse(words), screen))
            elif name == "run" and _is_attached(verb := Verb(self.session, parse(words), screen)):
                self._start(call, inside, self._run_attached(call, verb, screen))
            else:
                self._start(call, inside, command.run(self.session, call.argv, screen))
        except ValueError as error:
            screen.error(command.said(error))
            self.commands.finish(call, 1)

    def netns_of_pod(self, name: str) -> str:
        """The namespace of `POD`, `pod/POD`, `deploy/NAME`. Raises KubernetesError."""
        pod = command.pod_named(Verb(self.session, Words(), Screen()), name)
        if not pod.ip:
            raise KubernetesError(f'Pod "{pod.namespace}/{pod.name}" does not run: {pod.message or pod.phase}')
        return self.cluster.netns_of(pod)

    def _variables(self, pod: Pod, container: str) -> dict[str, str]:
        """What a container finds in its environment, the first if none is named."""
        containers = (*pod.spec.containers, *pod.spec.init_containers)
        spec = next((each for each in containers if each.name == container), containers[0])
        return variables(pod, spec, self.cluster.api.services.values())

    def _start(self, call: Call, inside: Namespace, main: Coroutine[Any, Any, int]) -> None:
        """As a process. It talks to the API server past the network."""
        loop = self.commands.loop
        process = call.process = spawn(loop, inside, main, name="kubectl")
        loop.sim.cause = 0
        process.output = programs.Lines(call, ())
        call.on_gone = process.kill
        loop.create_task(programs.watch(self.commands, call, process, None))

    def _debug(self, call: Call, verb: Verb) -> None:
        """`kubectl debug node/NAME -it --image=IMAGE [-- COMMAND]`: a shell on the node, in its own network."""
        words = verb.words
        kind, slash, name = (words.rest or [""])[0].partition("/")
        if not slash or kind not in ("node", "nodes", "no"):
            raise KubernetesError("emu: not emulated: kubectl debug of anything but node/NAME")
        list(verb.picked([f"node/{name}"]))
        program = words.command or words.rest[1:] or SHELL
        self.commands.enter(call, name, program if words.has("stdin") else [*WITHOUT_INPUT, *program])

    async def _run_attached(self, call: Call, verb: Verb, screen: Screen) -> int:
        """`kubectl run NAME --rm -it --image=IMAGE -- COMMAND`: the pod is made, the command runs in it, the pod goes."""
        words = verb.words
        program = words.command if words.command is not None else words.rest[1:]
        words.command, words.rest = None, words.rest[:1]
        manifest = pod_manifest(verb)
        name = words.rest[0]
        manifest["spec"]["containers"][0]["command"] = ["sleep", "infinity"]  # in its place
        if verb.api.get("Pod", name, verb.namespace) is not None:
            raise KubernetesError(f'Error from server (AlreadyExists): pods "{name}" already exists')
        self.cluster.objects.apply([Document("command line", manifest)], verb.namespace)
        pod: Pod = verb.api.get("Pod", name, verb.namespace)
        ended = self.commands.loop.create_future()
        try:
            if not await verb.until(lambda: pod.phase == "Running" and bool(pod.ip), RUN_SECONDS):
                because = f": {pod.message}" if pod.message else ""
                raise KubernetesError(f"error: timed out waiting for the condition{because}")
            netns = self.cluster.netns_of(pod)
            call.on_child = lambda status: None if ended.done() else ended.set_result(status)
            self.commands.move(call, netns)
            call.supervise(program or SHELL, {NETNS: netns, **self._variables(pod, "")})
            self.commands.loop.stop()
            status: int = await ended
        except ValueError as error:
            screen.error(command.said(error))
            status = 1
        finally:
            if words.has("rm"):
                self.cluster.control_plane.delete_pod(pod, 0.0)
        if words.has("rm"):
            await verb.until(lambda: verb.api.pods.get((pod.namespace, pod.name)) is not pod, RUN_SECONDS)
            call.write(f'pod "{name}" deleted from {verb.namespace} namespace\n'.encode())
        return status


def _is_attached(verb: Verb) -> bool:
    return verb.words.has("stdin") or verb.words.has("attach") or verb.words.has("rm")
