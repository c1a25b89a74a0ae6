"""Programs: a task tree in a namespace with a pid, an output and an exit status, and what the kernel does when it ends."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, Protocol

from emu.aio.context import current_netns, current_process

if TYPE_CHECKING:
    from emu.aio.loop import Loop
    from emu.net.netns import Namespace

SIGKILL, SIGTERM = 9, 15


class Resource(Protocol):
    """Something a process has open: a listening server, a connection, a datagram socket."""

    def process_exit(self) -> None:
        """Close it as the kernel closes a dead process's descriptor."""


class Process:
    """`name`, `pid` (counted per namespace, from 1), `netns`; `output`: lines printed so far; `status`: None while it runs, then its exit status
    (what the coroutine returned, 0 for None; 1 for an exception, which is in `error`; 128 + signal when killed). `on_exit(process)` is called then.
    """

    __slots__ = (
        "_ending", "_left", "_program", "error", "loop", "main", "name", "netns", "on_exit", "output", "pid", "resources", "result", "status", "tasks",
    )  # fmt: skip

    def __init__(self, loop: Loop, netns: Namespace, name: str, pid: int) -> None:
        self.loop = loop
        self.netns = netns
        self.name = name
        self.pid = pid
        self.output: list[str] = []
        self.status: int | None = None
        self.result: Any = None
        self.error: BaseException | None = None
        self.tasks: dict[asyncio.Task[Any], None] = {}
        self.resources: dict[Resource, None] = {}
        self.on_exit: Callable[[Process], object] | None = None
        self.main: asyncio.Task[Any] = None  # type: ignore[assignment]  # set by spawn
        self._ending: int | None = None
        self._program: Coroutine[Any, Any, Any] | None = None
        self._left: asyncio.Future[None] | None = None

    def __repr__(self) -> str:
        state = "running" if self.status is None else f"exit {self.status}"
        return f"<process {self.pid} {self.name} in {self.netns.name}: {state}>"

    @property
    def running(self) -> bool:
        """Not yet ended."""
        return self.status is None

    def terminate(self) -> None:
        """SIGTERM: its tasks are cancelled and may clean up; then its sockets are closed. The status is 143, unless the program returns one."""
        if self.status is None and self._ending is None:
            self._ending = 128 + SIGTERM
            self.main.cancel()

    def kill(self) -> None:
        """SIGKILL: its sockets are closed at once (listeners close, connections end by FIN, or by RST with unread data), its tasks come to nothing."""
        if self.status is None:
            self._ending = 128 + SIGKILL
            self.status = 128 + SIGKILL
            self._close_resources()
            for task in list(self.tasks):
                task.cancel()
            self._gone()

    async def wait(self) -> int:
        """The exit status, once it has one."""
        if self.status is None:
            if self._left is None:
                self._left = self.loop.create_future()
            await asyncio.shield(self._left)
        assert self.status is not None
        return self.status

    # -- bookkeeping of loop and transports -----------------------------------------------------------------------------------------

    def adopt_task(self, task: asyncio.Task[Any]) -> None:
        """A task was created in this process."""
        self.tasks[task] = None
        task.add_done_callback(self._task_done)
        if self.status is not None:
            task.cancel()

    def _task_done(self, task: asyncio.Task[Any]) -> None:
        self.tasks.pop(task, None)
        if task is self.main and self._program is not None:
            self._program.close()  # one that was killed before its first step would be called "never awaited"
            self._program = None
        if self.status is not None:
            if not task.cancelled():
                task.exception()  # whatever a killed program still says, nobody hears
            return
        if task is self.main:
            self._main_done(task)
        if self.main.done() and not self.tasks:
            self._exit()

    def _main_done(self, task: asyncio.Task[Any]) -> None:
        if task.cancelled():
            self._ending = self._ending if self._ending is not None else 128 + SIGTERM
        elif (error := task.exception()) is not None:
            self.error = error
            self._ending = 1
            self.output.append(f"{type(error).__name__}: {error}" if str(error) else type(error).__name__)
        else:
            self.result = task.result()
            self._ending = self.result if isinstance(self.result, int) and not isinstance(self.result, bool) else 0
        for other in list(self.tasks):  # as asyncio.run() does when the main coroutine is over
            other.cancel()

    def _exit(self) -> None:
        self.status = self._ending or 0
        self._close_resources()
        self._gone()

    def _close_resources(self) -> None:
        resources = list(reversed(self.resources))  # the last opened is closed first (task_work_run)
        self.resources.clear()
        for resource in resources:
            resource.process_exit()

    def _gone(self) -> None:
        self.loop.process_gone(self)
        if self._left is not None and not self._left.done():
            self._left.set_result(None)
        if self.on_exit is not None:
            self.on_exit(self)


async def _main(coro: Coroutine[Any, Any, Any]) -> Any:
    try:
        return await coro
    except SystemExit as stop:  # sys.exit() ends the program, not the emulator
        return stop.code if isinstance(stop.code, int) else 0 if stop.code is None else 1


def spawn(loop: Loop, netns: Namespace, coro: Coroutine[Any, Any, Any], name: str = "program") -> Process:
    """Start a program in a namespace. It begins to run in this instant, with the next turn of the event loop."""
    process = Process(loop, netns, name, loop.next_pid(netns))
    process._program = coro
    context = contextvars.copy_context()
    context.run(current_netns.set, netns)
    context.run(current_process.set, process)
    loop.processes.setdefault(netns, []).append(process)
    process.main = loop.create_task(_main(coro), name=f"{netns.name}/{name}", context=context)
    return process


def kill_all(loop: Loop, netns: Namespace) -> None:
    """SIGKILL to every process of a namespace."""
    for process in list(loop.processes.get(netns, ())):
        process.kill()


def run(loop: Loop, netns: Namespace, coro: Coroutine[Any, Any, Any], name: str = "program", timeout: float | None = None) -> Any:
    """Run a program to its end, and the world with it; returns the coroutine's result or raises its exception.

    `timeout`: virtual seconds after which it is killed and TimeoutError raised.
    """
    process = spawn(loop, netns, coro, name)
    limit = loop.call_later(timeout, process.kill) if timeout is not None else None
    loop.run_until_complete(process.wait())
    if limit is not None:
        limit.cancel()
    if process.error is not None:
        raise process.error
    if process.status == 128 + SIGKILL:
        raise TimeoutError(f"{name} in {netns.name} was still running after {timeout:g} s" if timeout is not None else f"{name} in {netns.name} was killed")
    return process.result


def echo(line: str = "") -> None:
    """Print a line to the output of the present process; outside of every process, to standard output."""
    process = current_process.get()
    if process is None:
        print(line)
    else:
        process.output.append(line)
