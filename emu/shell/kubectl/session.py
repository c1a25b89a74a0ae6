"""What kubectl's verbs work on, and how they wait."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Protocol

from emu.k8s.manifest.source import Document, documents, read
from emu.k8s.objects import KubernetesError, LabelSelector
from emu.shell.kubectl.resources import find, is_namespaced, kind_of, listed, parse_selector
from emu.shell.kubectl.words import Words

if TYPE_CHECKING:
    from emu.lab import Cluster

POLL_S = 0.1


class Output(Protocol):
    """Where a verb prints, what it reads, and where its files are."""

    def write(self, data: bytes) -> None: ...

    def error(self, data: bytes) -> None: ...

    async def read(self) -> bytes: ...

    def path(self, name: str) -> str: ...


class Session:
    """A cluster and the current namespace."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.api = cluster.api
        self.namespace = "default"


class Verb:
    """One command: its words, and its surroundings."""

    def __init__(self, session: Session, words: Words, output: Output) -> None:
        self.session = session
        self.cluster = session.cluster
        self.api = session.api
        self.words = words
        self.output = output

    def say(self, line: str) -> None:
        """A line on standard output."""
        self.output.write(f"{line}\n".encode())

    def warn(self, line: str) -> None:
        """A line on standard error."""
        self.output.error(f"{line}\n".encode())

    @property
    def namespace(self) -> str:
        """Of names that are given without."""
        return self.words.get("namespace", self.session.namespace)

    def selector(self) -> LabelSelector:
        """`-l`."""
        return parse_selector(self.words.get("selector"))

    async def until(self, condition: Callable[[], bool], seconds: float) -> bool:
        """Let virtual time pass until something holds; whether it does."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        while not condition():
            if loop.time() >= deadline:
                return False
            await asyncio.sleep(POLL_S)
        return True

    async def documents(self) -> list[Document]:
        """What `-f` names; `-` is standard input. Raises KubernetesError."""
        names = self.words.many.get("filename", [])
        if not names:
            raise KubernetesError("error: must specify one of -f and -k")
        found: list[Document] = []
        for name in names:
            if name == "-":
                found += documents(await self.stdin(), "STDIN")
            else:
                found += read([self.output.path(name)])
        return found

    async def stdin(self) -> str:
        """All of it."""
        data = b""
        while more := await self.output.read():
            data += more
        return data.decode("utf-8", "replace")

    def picked(self, words: list[str]) -> Iterator[tuple[str, Any]]:
        """(kind, object) for `TYPE NAME...`, `TYPE/NAME...`, or `TYPE` with -l or --all. Raises KubernetesError for what is not there."""
        if not words:
            raise KubernetesError("error: You must provide one or more resources by argument or filename.")
        if "/" in words[0]:
            for word in words:
                resource, slash, name = word.partition("/")
                if not slash:
                    raise KubernetesError(
                        "error: there is no need to specify a resource type as a separate argument when passing arguments in resource/name form"
                    )
                kind = kind_of(resource)
                yield kind, find(self.api, kind, name, self.namespace)
            return
        for resource in words[0].split(","):
            kind = kind_of(resource)
            if len(words) > 1:
                for name in words[1:]:
                    yield kind, find(self.api, kind, name, self.namespace)
            elif "selector" in self.words.flags or self.words.has("all"):
                space = None if self.words.has("all-namespaces") or not is_namespaced(kind) else self.namespace
                for thing in listed(self.api, kind, space, self.selector()):
                    yield kind, thing
            else:
                raise KubernetesError("error: resource(s) were provided, but no name was specified")
