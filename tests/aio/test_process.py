"""Processes: output, exit status, and what the kernel does with the sockets of a dead one."""

from __future__ import annotations

import asyncio
import gc
import sys

import pytest

from emu.aio.process import echo, kill_all
from tests.aio.lab import B, Lab
from tests.aio.test_stream import serve


@pytest.fixture
def lab() -> Lab:
    return Lab()


def flags(lab: Lab, device: str = "b.eth0") -> list[int]:
    """TCP flags of what a device transmitted."""
    return [wire[47] for _, name, way, wire in lab.frames if name == device and way == "tx" and wire[12:14] == b"\x08\x00" and wire[23] == 6]


def test_output_and_exit_status(lab: Lab) -> None:
    async def program(status: object) -> object:
        echo("working")
        await asyncio.sleep(1)
        if isinstance(status, BaseException):
            raise status
        return status

    ok, two, failed, stopped = (lab.spawn(lab.a, program(status), "job") for status in (None, 2, ValueError("no such thing"), SystemExit(7)))
    assert ok.running
    lab.go(2)
    assert [process.status for process in (ok, two, failed, stopped)] == [0, 2, 1, 7]
    assert failed.output == ["working", "ValueError: no such thing"]
    assert isinstance(failed.error, ValueError)
    assert [process.pid for process in (ok, two, failed, stopped)] == [1, 2, 3, 4]
    assert repr(two) == "<process 2 job in a: exit 2>"
    other = lab.spawn(lab.b, program(None))
    assert other.pid == 1
    assert lab.loop.processes == {lab.b: [other]}
    lab.go(2)
    assert lab.loop.processes == {}


def test_tasks_of_a_program_end_with_it(lab: Lab) -> None:
    log: list[str] = []

    async def background() -> None:
        try:
            await asyncio.sleep(1e9)
        finally:
            log.append("cleaned up")

    tasks: list[asyncio.Task[None]] = []

    async def program() -> None:
        tasks.append(asyncio.create_task(background()))
        await asyncio.sleep(1)

    process = lab.spawn(lab.a, program())
    lab.go(2)
    assert (process.status, log) == (0, ["cleaned up"])


def test_terminate_lets_it_clean_up(lab: Lab) -> None:
    async def program() -> None:
        try:
            await asyncio.sleep(1e9)
        finally:
            await asyncio.sleep(3)
            echo("bye")

    process = lab.spawn(lab.a, program())
    lab.go(1)
    process.terminate()
    process.terminate()
    lab.go(2)
    assert process.running
    lab.go(2)
    assert (process.status, process.output) == (143, ["bye"])


def test_a_killed_server_closes_its_connections(lab: Lab) -> None:
    process = lab.spawn(lab.b, serve())

    async def client() -> tuple[bytes, str]:
        reader, writer = await asyncio.open_connection(B, 80)
        writer.write(b"one\n")
        answer = await reader.readline()
        process.kill()
        end = await reader.read()
        writer.close()
        try:
            await asyncio.open_connection(B, 80)
        except ConnectionRefusedError:
            return answer + end, "refused"
        return answer + end, "connected"

    assert lab.run(lab.a, client()) == (b"ONE\n", "refused")
    assert process.status == 137
    assert 0x11 in flags(lab), "FIN"
    lab.go(100)
    assert lab.b.sockets.all() == []
    assert lab.loop.errors == []
    assert lab.unbalanced() == []


def test_a_killed_server_resets_connections_with_unread_data(lab: Lab) -> None:
    async def lazy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        await asyncio.sleep(1e9)

    process = lab.spawn(lab.b, serve(lazy))

    async def client() -> None:
        reader, writer = await asyncio.open_connection(B, 80)
        await asyncio.sleep(1)
        writer.write(b"anybody there?")
        await asyncio.sleep(1)
        process.kill()
        await reader.read()

    with pytest.raises(ConnectionResetError):
        lab.run(lab.a, client())
    assert flags(lab)[-1] == 0x14


def test_a_program_that_ends_gives_its_port_back(lab: Lab) -> None:
    async def program() -> None:
        await asyncio.start_server(lambda r, w: None, "0.0.0.0", 80)
        await asyncio.get_running_loop().create_datagram_endpoint(asyncio.DatagramProtocol, local_addr=("0.0.0.0", 80))

    for _ in range(2):
        lab.run(lab.b, program())
    assert lab.b.sockets.all() == []


def test_kill_all_spares_other_namespaces(lab: Lab) -> None:
    here, there = lab.spawn(lab.a, asyncio.sleep(100)), lab.spawn(lab.b, asyncio.sleep(100))
    lab.go(1)
    kill_all(lab.loop, lab.a)
    lab.go(100)
    assert (here.status, there.status) == (137, 0)


def test_a_program_killed_before_its_first_step_is_not_complained_of(lab: Lab, recwarn: pytest.WarningsRecorder) -> None:
    started = []

    async def program() -> None:
        started.append(True)

    process = lab.spawn(lab.b, program())
    process.kill()
    lab.go(1)
    del process
    gc.collect()
    assert started == []
    assert list(recwarn) == []


def test_a_killed_program_starts_no_more_tasks(lab: Lab) -> None:
    ran: list[str] = []

    async def stubborn() -> None:
        try:
            await asyncio.sleep(1e9)
        finally:
            asyncio.create_task(later())  # noqa: RUF006

    async def later() -> None:
        await asyncio.sleep(1)
        ran.append("later")

    process = lab.spawn(lab.a, stubborn())
    lab.go(1)
    process.kill()
    lab.go(10)
    assert ran == []
    assert lab.loop.errors == []


def test_run_kills_what_takes_too_long(lab: Lab) -> None:
    with pytest.raises(TimeoutError, match=r"program in a was still running after 5 s"):
        lab.run(lab.a, asyncio.sleep(100), timeout=5)
    assert lab.sim.now == 5_000_000_000


def test_output_outside_of_a_process_goes_to_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    echo("hello")
    assert capsys.readouterr().out == "hello\n"
    assert sys.exc_info()[0] is None
