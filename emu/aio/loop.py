"""asyncio's event loop on virtual time: an adapter over `Sim`, which drives frames and programs alike. One loop serves the whole world.

Programs run in the context they were started in; what a callback sends is caused by the frame whose processing scheduled it. `sleep` takes no real
time. Nothing here opens a real socket, starts a thread or waits for the wall clock.
"""

from __future__ import annotations

import asyncio
import sys
import weakref
from asyncio import events
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Generator
from contextvars import Context
from typing import TYPE_CHECKING, Any, NoReturn

from emu.aio.context import current_process
from emu.aio.endpoints import Endpoints
from emu.aio.resolver import Resolver

if TYPE_CHECKING:
    from emu.aio.process import Process
    from emu.net.netns import Namespace
    from emu.sim import Sim, Timer

NS = 1_000_000_000
_running_loop = events._get_running_loop


class Handle(asyncio.Handle):
    """A callback to be called soon, which remembers its cause."""

    __slots__ = ("cause",)
    cause: int


class TimerHandle(asyncio.TimerHandle):
    """A callback to be called later."""

    __slots__ = ("timer",)
    timer: Timer
    _scheduled: bool


def _run_handle(handle: Any) -> None:
    if not handle._cancelled:
        loop = handle._loop
        loop.sim.cause = handle.cause
        if _running_loop() is loop:
            handle._run()
        else:
            loop.enter(handle._run)


class Loop(Endpoints):
    """`Loop(sim)`. `errors`: what asyncio reported to the exception handler (unhandled exceptions in callbacks and forgotten tasks), as its contexts.

    `processes`: running programs by namespace. `resolver`: names to addresses, per namespace.
    """

    def __init__(self, sim: Sim) -> None:
        self.sim = sim
        self.errors: list[dict[str, Any]] = []
        self.processes: dict[Namespace, list[Process]] = {}
        self.resolver = Resolver()
        self._pids: dict[Namespace, int] = {}
        self._exception_handler: Callable[[asyncio.AbstractEventLoop, dict[str, Any]], object] | None = None
        self._task_factory: Any = None
        self._closed = False
        self._running = False
        self._asyncgens: weakref.WeakKeyDictionary[AsyncGenerator[Any, Any], None] = weakref.WeakKeyDictionary()

    def __repr__(self) -> str:
        return f"<Loop at {self.sim.now} ns>"

    # -- time and callbacks -----------------------------------------------------------------------------------------------------------

    def time(self) -> float:
        """Virtual seconds."""
        return self.sim.now / NS

    def call_soon(self, callback: Callable[..., object], *args: Any, context: Context | None = None) -> asyncio.Handle:  # type: ignore[override]
        """Call in this instant, after what is already queued."""
        handle = Handle(callback, args, self, context)
        handle.cause = self.sim.cause
        self.sim.post_soon(_run_handle, handle)
        return handle

    call_soon_threadsafe = call_soon  # type: ignore[assignment]  # there is one thread

    def call_later(self, delay: float, callback: Callable[..., object], *args: Any, context: Context | None = None) -> asyncio.TimerHandle:  # type: ignore[override]
        """Call after `delay` virtual seconds, rounded to nanoseconds."""
        return self._at(self.sim.now + max(round(delay * NS), 0), callback, args, context)

    def call_at(self, when: float, callback: Callable[..., object], *args: Any, context: Context | None = None) -> asyncio.TimerHandle:  # type: ignore[override]
        """Call at `when` virtual seconds."""
        return self._at(round(when * NS), callback, args, context)

    def _at(self, when_ns: int, callback: Callable[..., object], args: tuple[Any, ...], context: Context | None) -> asyncio.TimerHandle:
        handle = TimerHandle(when_ns / NS, callback, args, self, context)
        handle.timer = self.sim.call_at(when_ns, self._timer_due, handle)
        handle._scheduled = True
        return handle

    def _timer_due(self, handle: TimerHandle) -> None:
        handle._scheduled = False
        if _running_loop() is self:
            handle._run()
        else:
            self.enter(handle._run)

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        if isinstance(handle, TimerHandle):
            handle.timer.cancel()

    def enter(self, call: Callable[..., object], *args: Any) -> None:
        """Call something as this loop does: asyncio finds the running loop and asynchronous generators are known."""
        before = _running_loop()
        if before is self:
            call(*args)
            return
        hooks = sys.get_asyncgen_hooks()
        events._set_running_loop(self)
        sys.set_asyncgen_hooks(firstiter=self._first_iteration, finalizer=self._finalize_asyncgen)
        try:
            call(*args)
        finally:
            sys.set_asyncgen_hooks(*hooks)
            events._set_running_loop(before)

    def _first_iteration(self, agen: AsyncGenerator[Any, Any]) -> None:
        self._asyncgens[agen] = None

    def _finalize_asyncgen(self, agen: AsyncGenerator[Any, Any]) -> None:
        self._asyncgens.pop(agen, None)
        if not self._closed:
            self.call_soon(self.create_task, agen.aclose())

    # -- running --------------------------------------------------------------------------------------------------------------------

    def run_until_complete(self, future: Generator[Any, None, Any] | Awaitable[Any]) -> Any:
        """Run the world until `future` is done; its result. Raises RuntimeError when nothing is left to happen and it still is not."""
        self._check_idle()
        mine = not asyncio.isfuture(future)
        task: asyncio.Future[Any] = asyncio.ensure_future(future, loop=self)  # type: ignore[arg-type]
        task.add_done_callback(self._stop_for)
        try:
            self._run()
        except BaseException:
            if mine and task.done() and not task.cancelled():
                task.exception()
            raise
        finally:
            task.remove_done_callback(self._stop_for)
        if not task.done():
            if mine:
                task.cancel()
                self._run()
            raise RuntimeError(f"nothing is left to happen at {self.time():g} s, and this still waits: {future!r}")
        return task.result()

    def run_forever(self) -> None:
        """Run the world until `stop()`, or until nothing is left to happen."""
        self._check_idle()
        self._run()

    def run_for(self, seconds: float) -> None:
        """Run the world for so many virtual seconds."""
        self._check_idle()
        self._run(self.sim.now + round(seconds * NS))

    def _run(self, until_ns: int | None = None) -> None:
        self._running = True
        try:
            self.enter(self.sim.run, until_ns)
        finally:
            self._running = False

    def _check_idle(self) -> None:
        if self._closed:
            raise RuntimeError("Event loop is closed")
        if self._running:
            raise RuntimeError("This event loop is already running")

    def _stop_for(self, _: object) -> None:
        self.sim.stop()

    def stop(self) -> None:
        """Make `run_forever` or `run_until_complete` return."""
        self.sim.stop()

    def is_running(self) -> bool:
        """Whether it runs now."""
        return self._running

    def is_closed(self) -> bool:
        """Whether close() was called."""
        return self._closed

    def close(self) -> None:
        """Kill every process, so that its coroutines end and nothing complains about being thrown away, then stay closed. What is pending is forgotten."""
        if self._running:
            raise RuntimeError("Cannot close a running event loop")
        if self._closed:
            return
        for processes in list(self.processes.values()):
            for process in list(processes):
                process.kill()
        self._run(self.sim.now)
        self._closed = True

    async def shutdown_asyncgens(self) -> None:
        """Close the asynchronous generators that are still open."""
        agens = list(self._asyncgens.keys())
        self._asyncgens.clear()
        for agen in agens:
            await agen.aclose()

    async def shutdown_default_executor(self, timeout: float | None = None) -> None:
        """There is none."""

    # -- tasks ----------------------------------------------------------------------------------------------------------------------

    def create_future(self) -> asyncio.Future[Any]:
        """A future of this loop."""
        return asyncio.Future(loop=self)

    def create_task(self, coro: Coroutine[Any, Any, Any], *, name: str | None = None, context: Context | None = None, **kwargs: Any) -> asyncio.Task[Any]:  # type: ignore[override]
        """A task of this loop; it belongs to the process of its context."""
        if self._closed:
            raise RuntimeError("Event loop is closed")
        if self._task_factory is None:
            task: asyncio.Task[Any] = asyncio.Task(coro, loop=self, name=name, context=context, **kwargs)
        else:
            task = self._task_factory(self, coro, **({} if context is None else {"context": context}))
            if name is not None and hasattr(task, "set_name"):
                task.set_name(name)
        process = current_process.get() if context is None else context.get(current_process)
        if process is not None:
            process.adopt_task(task)
        return task

    def set_task_factory(self, factory: Any) -> None:
        """As in asyncio."""
        self._task_factory = factory

    def get_task_factory(self) -> Any:
        """As in asyncio."""
        return self._task_factory

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> asyncio.Future[Any]:  # type: ignore[override]
        """Calls `func` now, in no virtual time."""
        future = self.create_future()
        try:
            future.set_result(func(*args))
        except Exception as error:  # noqa: BLE001 - whatever it is belongs to whoever awaits
            future.set_exception(error)
        return future

    def set_default_executor(self, executor: Any) -> None:
        """Accepted; functions run inline all the same."""

    # -- processes ------------------------------------------------------------------------------------------------------------------

    def next_pid(self, netns: Namespace) -> int:
        """The next process number of a namespace, from 1."""
        pid = self._pids.get(netns, 0) + 1
        self._pids[netns] = pid
        return pid

    def process_gone(self, process: Process) -> None:
        """A process ended."""
        running = self.processes.get(process.netns)
        if running is not None and process in running:
            running.remove(process)
            if not running:
                del self.processes[process.netns]

    def forget(self, netns: Namespace) -> None:
        """A namespace is gone for good: its process counter and its names are not needed any more."""
        self._pids.pop(netns, None)
        self.processes.pop(netns, None)
        self.resolver.forget(netns)

    # -- errors -----------------------------------------------------------------------------------------------------------------------

    def set_exception_handler(self, handler: Callable[[asyncio.AbstractEventLoop, dict[str, Any]], object] | None) -> None:
        """As in asyncio; None: collect in `errors`."""
        self._exception_handler = handler

    def get_exception_handler(self) -> Callable[[asyncio.AbstractEventLoop, dict[str, Any]], object] | None:
        """As in asyncio."""
        return self._exception_handler

    def default_exception_handler(self, context: dict[str, Any]) -> None:
        """Collect. CPython before 3.11.8 reports the cancelled handler of a stream server by mistake; that is not an error."""
        if not isinstance(context.get("exception"), asyncio.CancelledError):
            self.errors.append(context)

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """As in asyncio."""
        if self._exception_handler is None:
            self.default_exception_handler(context)
        else:
            self._exception_handler(self, context)

    def get_debug(self) -> bool:
        """Off: debug mode measures with the wall clock."""
        return False

    def set_debug(self, enabled: bool) -> None:
        """Refused when it is to be on."""
        if enabled:
            raise NotImplementedError("asyncio's debug mode measures with the wall clock; this loop runs on virtual time")

    # -- what virtual programs cannot have ------------------------------------------------------------------------------------------

    def add_signal_handler(self, sig: int, callback: Callable[..., object], *args: Any) -> NoReturn:  # type: ignore[override]
        """Refused: an emulated process gets no signals of the host."""
        raise NotImplementedError("an emulated program cannot handle the host's signals; it is ended by cancelling its task")

    def remove_signal_handler(self, sig: int) -> NoReturn:
        """Refused."""
        raise NotImplementedError("an emulated program cannot handle the host's signals; it is ended by cancelling its task")

    def add_reader(self, fd: Any, callback: Callable[..., Any], *args: Any) -> NoReturn:  # type: ignore[override]
        """Refused: emulated sockets have no descriptors."""
        raise NotImplementedError("emulated sockets have no file descriptors; use transports, streams or protocols")

    def add_writer(self, fd: Any, callback: Callable[..., Any], *args: Any) -> NoReturn:  # type: ignore[override]
        """Refused: emulated sockets have no descriptors."""
        raise NotImplementedError("emulated sockets have no file descriptors; use transports, streams or protocols")

    async def subprocess_exec(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Refused."""
        raise NotImplementedError("an emulated program cannot start processes of the host")

    async def subprocess_shell(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Refused."""
        raise NotImplementedError("an emulated program cannot start processes of the host")
