"""The event loop: virtual time, order, contexts, what it refuses."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from typing import Any

import pytest

from emu.aio.context import current_netns
from emu.aio.loop import Loop
from emu.sim import NS_PER_S, Sim
from tests.aio.lab import Lab


@pytest.fixture
def lab() -> Lab:
    return Lab()


def test_an_hour_of_sleep_takes_an_hour_of_virtual_time(lab: Lab) -> None:
    async def sleeper() -> float:
        before = asyncio.get_running_loop().time()
        await asyncio.sleep(3600)
        return asyncio.get_running_loop().time() - before

    events = lab.sim.events
    assert lab.run(lab.a, sleeper()) == 3600
    assert lab.sim.now == 3600 * NS_PER_S
    assert lab.sim.events - events < 20


@pytest.mark.parametrize("seconds", [0.1, 0.7, 1.1, 2.3, 1e-9, 123456.789012345])
def test_seconds_are_rounded_to_nanoseconds(seconds: float) -> None:
    loop = Loop(Sim())
    loop.run_until_complete(sleep_on(loop, seconds))
    assert loop.sim.now == round(seconds * 1e9)


async def sleep_on(loop: Loop, seconds: float) -> None:
    future = loop.create_future()
    loop.call_later(seconds, future.set_result, None)
    await future


def test_equal_times_are_in_order(lab: Lab) -> None:
    order: list[int] = []

    async def program() -> None:
        loop = asyncio.get_running_loop()
        for number in range(5):
            loop.call_later(1, order.append, number)
        loop.call_soon(order.append, -1)
        await asyncio.sleep(2)

    lab.run(lab.a, program())
    assert order == [-1, 0, 1, 2, 3, 4]


def test_asyncio_s_own_tools_work(lab: Lab) -> None:
    async def worker(queue: asyncio.Queue[int], lock: asyncio.Lock, out: list[tuple[float, int]]) -> None:
        while True:
            item = await queue.get()
            async with lock:
                await asyncio.sleep(item)
                out.append((asyncio.get_running_loop().time(), item))
            queue.task_done()

    async def program() -> list[tuple[float, int]]:
        queue: asyncio.Queue[int] = asyncio.Queue()
        lock, out = asyncio.Lock(), list[tuple[float, int]]()
        workers = [asyncio.create_task(worker(queue, lock, out)) for _ in range(3)]
        for item in (3, 1, 2):
            queue.put_nowait(item)
        await queue.join()
        for task in workers:
            task.cancel()
        assert all(isinstance(end, asyncio.CancelledError) for end in await asyncio.gather(*workers, return_exceptions=True))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(5):
                await asyncio.Event().wait()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.sleep(10), 1)
        assert await asyncio.to_thread(lambda x: x + 1, 1) == 2
        with pytest.raises(ZeroDivisionError):
            await asyncio.get_running_loop().run_in_executor(None, lambda: 1 // 0)
        async with asyncio.TaskGroup() as group:
            group.create_task(asyncio.sleep(1))
            group.create_task(asyncio.sleep(2))
        return out

    assert lab.run(lab.a, program()) == [(3.0, 3), (4.0, 1), (6.0, 2)]
    assert lab.sim.now == 14 * NS_PER_S
    assert lab.loop.errors == []


def test_programs_in_two_namespaces_know_where_they_are(lab: Lab) -> None:
    async def where(seconds: float) -> list[str]:
        found = []
        for _ in range(3):
            found.append(current_netns.get().name)
            await asyncio.sleep(seconds)
        return found

    first, second = lab.spawn(lab.a, where(0.3)), lab.spawn(lab.b, where(0.2))
    lab.go(2)
    assert (first.result, second.result) == (["a"] * 3, ["b"] * 3)


def test_tasks_run_also_when_the_simulation_is_run_directly(lab: Lab) -> None:
    async def program() -> str:
        await asyncio.sleep(1)
        assert asyncio.get_running_loop() is lab.loop
        return "done"

    process = lab.spawn(lab.a, program())
    lab.sim.run(2 * NS_PER_S)
    assert process.result == "done"
    with pytest.raises(RuntimeError, match="no running event loop"):
        asyncio.get_running_loop()


def test_it_runs_inside_a_program_of_another_loop(lab: Lab) -> None:
    """As in a notebook, where a loop of the host is running already."""

    async def inner() -> float:
        await asyncio.sleep(60)
        return asyncio.get_running_loop().time()

    async def outer() -> tuple[float, bool]:
        mine = asyncio.get_running_loop()
        found = lab.run(lab.a, inner())
        return found, asyncio.get_running_loop() is mine

    assert asyncio.run(outer()) == (60.0, True)


def test_asynchronous_generators_are_closed(lab: Lab) -> None:
    closed: list[str] = []

    async def numbers() -> AsyncIterator[int]:
        try:
            yield 1
            yield 2
        finally:
            await asyncio.sleep(1)
            closed.append(current_netns.get().name)

    async def program() -> None:
        async for _ in numbers():
            break
        await asyncio.sleep(2)

    lab.run(lab.a, program())
    assert closed == ["a"]
    assert sys.get_asyncgen_hooks() == (None, None)

    agen = numbers()

    async def begin() -> None:
        await anext(agen)

    lab.run(lab.a, begin())
    lab.run(lab.a, lab.loop.shutdown_asyncgens())
    assert closed == ["a", "a"]


def test_what_goes_wrong_in_callbacks_is_collected(lab: Lab) -> None:
    async def program() -> None:
        loop = asyncio.get_running_loop()
        loop.call_soon(lambda: 1 // 0)
        await asyncio.sleep(1)

    lab.run(lab.a, program())
    assert [type(error["exception"]) for error in lab.loop.errors] == [ZeroDivisionError]
    heard: list[dict[str, Any]] = []
    lab.loop.set_exception_handler(lambda loop, context: heard.append(context))
    lab.run(lab.a, program())
    assert len(heard) == len(lab.loop.errors) == 1


def test_waiting_for_what_can_never_happen_is_an_error(lab: Lab) -> None:
    with pytest.raises(RuntimeError, match="nothing is left to happen"):
        lab.loop.run_until_complete(lab.loop.create_future())


def test_a_cancelled_timer_does_not_keep_the_world_busy(lab: Lab) -> None:
    async def program() -> None:
        handle = asyncio.get_running_loop().call_later(1000, lambda: None)
        handle.cancel()
        assert handle.cancelled()

    lab.run(lab.a, program())
    lab.loop.run_forever()
    assert lab.sim.now < NS_PER_S * 1001


def test_it_refuses_what_an_emulated_program_cannot_have(lab: Lab) -> None:
    loop = lab.loop
    with pytest.raises(NotImplementedError, match="signals"):
        loop.add_signal_handler(signal.SIGTERM, print)
    with pytest.raises(NotImplementedError, match="file descriptors"):
        loop.add_reader(0, print)
    with pytest.raises(NotImplementedError, match="wall clock"):
        loop.set_debug(True)

    async def start() -> None:
        await asyncio.create_subprocess_exec("true")

    with pytest.raises(NotImplementedError, match="processes of the host"):
        lab.run(lab.a, start())

    async def connect() -> None:
        await asyncio.open_connection("10.0.0.2", 443, ssl=True)

    with pytest.raises(NotImplementedError, match="ssl"):
        lab.run(lab.a, connect())


def test_a_program_outside_of_every_namespace_has_no_network() -> None:
    loop = Loop(Sim())
    with pytest.raises(RuntimeError, match="not inside a network namespace"):
        loop.run_until_complete(loop.create_connection(asyncio.Protocol, "10.0.0.2", 80))


def test_a_closed_loop_stays_closed() -> None:
    loop = Loop(Sim())
    loop.close()
    assert loop.is_closed()
    with pytest.raises(RuntimeError, match="closed"):
        loop.run_forever()
