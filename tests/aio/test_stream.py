"""Connections and servers: unmodified asyncio programs over emulated TCP."""

from __future__ import annotations

import asyncio
import socket
from struct import pack
from typing import Any

import pytest

from emu.iproute import link
from tests.aio.lab import B, Lab


@pytest.fixture
def lab() -> Lab:
    return Lab()


async def upper(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while line := await reader.readline():
        writer.write(line.upper())
        await writer.drain()
    writer.close()


async def serve(handler: Any = upper, port: int = 80, host: str | None = "0.0.0.0", **options: Any) -> None:
    server = await asyncio.start_server(handler, host, port, **options)
    async with server:
        await server.serve_forever()


def test_streams_work_unchanged(lab: Lab) -> None:
    async def client() -> tuple[bytes, bytes, Any, Any]:
        reader, writer = await asyncio.open_connection(B, 80)
        writer.write(b"one\ntwo\n")
        await writer.drain()
        answer = await reader.readline() + await reader.readline()
        writer.write_eof()
        end = await reader.read()
        writer.close()
        await writer.wait_closed()
        return answer, end, writer.get_extra_info("peername"), writer.get_extra_info("socket").getsockname()

    lab.spawn(lab.b, serve())
    answer, end, peer, mine = lab.run(lab.a, client())
    assert (answer, end, peer, mine[0]) == (b"ONE\nTWO\n", b"", (B, 80), "10.0.0.1")
    lab.go(120)
    assert lab.unbalanced() == []
    assert lab.loop.errors == []
    assert lab.drops == []


@pytest.mark.parametrize(
    ("address", "port", "error", "text", "seconds"),
    [
        (B, 81, ConnectionRefusedError, r"\[Errno 111\] Connect call failed \('10.0.0.2', 81\)", 0),
        ("10.0.0.99", 80, OSError, r"\[Errno 113\] Connect call failed \('10.0.0.99', 80\)", 3),
        ("192.0.2.1", 80, OSError, r"\[Errno 101\] Network is unreachable", 0),
        ("nowhere", 80, socket.gaierror, "Name or service not known", 0),
        ("::1", 80, socket.gaierror, "Address family for hostname not supported", 0),
    ],
)
def test_what_connect_can_end_with(lab: Lab, address: str, port: int, error: type[Exception], text: str, seconds: int) -> None:
    async def client() -> None:
        await asyncio.open_connection(address, port)

    with pytest.raises(error, match=text):
        lab.run(lab.a, client())
    assert round(lab.sim.now / 1e9) == seconds
    assert lab.a.sockets is None or lab.a.sockets.established == {}


def test_nobody_answers_until_the_program_or_the_kernel_gives_up(lab: Lab) -> None:
    lab.b.protocols = lab.b.protocols | {6: lambda ns, skb: ns.drop(skb, "NETFILTER_DROP")}

    async def client(timeout: float | None) -> None:
        async with asyncio.timeout(timeout):
            await asyncio.open_connection(B, 80)

    with pytest.raises(TimeoutError):
        lab.run(lab.a, client(5))
    assert lab.sim.now == 5_000_000_000
    assert lab.a.sockets.established == {}, "a connect that was cancelled leaves nothing behind"
    with pytest.raises(TimeoutError, match=r"\[Errno 110\]"):
        lab.run(lab.a, client(None))


def test_a_port_is_taken_once(lab: Lab) -> None:
    first = lab.spawn(lab.b, serve())
    lab.go(0)
    second = lab.spawn(lab.b, serve())
    lab.go(1)
    assert first.running
    assert isinstance(second.error, OSError)
    assert second.error.errno == 98
    assert str(second.error) == "[Errno 98] error while attempting to bind on address ('0.0.0.0', 80): address already in use"
    assert second.status == 1


def test_a_server_may_listen_on_one_address_only(lab: Lab) -> None:
    lab.spawn(lab.b, serve(host="127.0.0.1"))

    async def client(address: str) -> bytes:
        reader, writer = await asyncio.open_connection(address, 80)
        writer.write(b"x\n")
        answer = await reader.readline()
        writer.close()
        return answer

    with pytest.raises(ConnectionRefusedError):
        lab.run(lab.a, client(B))
    assert lab.run(lab.b, client("localhost")) == b"X\n"
    process = lab.spawn(lab.a, serve(host="10.9.9.9"))
    lab.go(1)
    assert "[Errno 99]" in str(process.error)


def test_half_close_lets_the_other_side_finish(lab: Lab) -> None:
    async def count(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        data = await reader.read()
        await asyncio.sleep(10)
        writer.write(b"%d bytes" % len(data))
        writer.close()

    async def client() -> bytes:
        reader, writer = await asyncio.open_connection(B, 80)
        writer.write(bytes(100_000))
        writer.write_eof()
        with pytest.raises(RuntimeError, match="write_eof"):
            writer.write(b"more")
        answer = await reader.read()
        writer.close()
        return answer

    lab.spawn(lab.b, serve(count))
    assert lab.run(lab.a, client()) == b"100000 bytes"


def transfer(lab: Lab, size: int, seconds: float = 600) -> tuple[bytes, bytes]:
    """Both ends send `size` bytes at once; returns what each received."""
    data = {"a": b"".join(pack("!I", n) for n in range(size // 4)), "b": b"".join(pack("!I", n ^ 0xFFFFFFFF) for n in range(size // 4))}
    received: dict[str, bytes] = {}

    async def side(name: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async def send() -> None:
            for at in range(0, size, 50_000):
                writer.write(data[name][at : at + 50_000])
                await writer.drain()
            writer.write_eof()

        sending = asyncio.create_task(send())
        received[name] = await reader.read()
        await sending
        writer.close()
        await writer.wait_closed()  # a process that ends takes along what it has not handed to the kernel

    async def server(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await side("b", reader, writer)

    async def client() -> None:
        await side("a", *(await asyncio.open_connection(B, 80)))

    lab.spawn(lab.b, serve(server))
    lab.run(lab.a, client(), timeout=seconds)
    lab.go(200)
    assert received == {"a": data["b"], "b": data["a"]}
    return received["a"], received["b"]


def test_a_megabyte_both_ways(lab: Lab) -> None:
    transfer(lab, 1_000_000)
    assert lab.drops == []
    assert lab.unbalanced() == []


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_nothing_is_lost_on_a_lossy_cable(seed: int) -> None:
    lab = Lab(seed, cable=True)
    lab.cable.lose_randomly(0.03)
    transfer(lab, 300_000)
    assert {drop[1] for drop in lab.drops} == {"EMU_WIRE_LOSS"}
    assert lab.unbalanced() == []
    assert lab.loop.errors == []


def test_the_same_seed_gives_the_same_frames() -> None:
    def frames(seed: int) -> list[tuple[int, str, str, bytes]]:
        lab = Lab(seed, cable=True)
        lab.cable.lose_randomly(0.05)
        transfer(lab, 100_000)
        return lab.frames

    assert frames(5) == frames(5)
    assert frames(5) != frames(6)


class Recorder(asyncio.Protocol):
    """A protocol that writes down what happens to it."""

    def __init__(self) -> None:
        self.calls: list[Any] = []
        self.keep = False

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.calls.append("made")

    def data_received(self, data: bytes) -> None:
        self.calls.append(data)

    def eof_received(self) -> bool:
        self.calls.append("eof")
        return self.keep

    def connection_lost(self, exc: Exception | None) -> None:
        self.calls.append(("lost", type(exc).__name__ if exc else None))

    def pause_writing(self) -> None:
        self.calls.append("pause")

    def resume_writing(self) -> None:
        self.calls.append("resume")


def connected(lab: Lab) -> tuple[Recorder, Recorder]:
    """A recorder at each end: client, server."""
    servers: list[Recorder] = []

    def factory() -> Recorder:
        servers.append(Recorder())
        return servers[-1]

    async def server() -> None:
        await (await asyncio.get_running_loop().create_server(factory, port=80)).serve_forever()

    async def client() -> Recorder:
        return (await asyncio.get_running_loop().create_connection(Recorder, B, 80))[1]

    async def hold() -> None:
        found.append(await client())
        await asyncio.sleep(1e6)

    found: list[Recorder] = []
    lab.spawn(lab.b, server())
    lab.spawn(lab.a, hold())
    lab.go(0.1)
    return found[0], servers[0]


def test_a_writer_that_is_faster_than_its_reader_is_paused(lab: Lab) -> None:
    client, server = connected(lab)
    server.transport.pause_reading()
    assert not server.transport.is_reading()
    client.transport.set_write_buffer_limits(high=100_000)
    assert client.transport.get_write_buffer_limits() == (25_000, 100_000)
    for _ in range(200):
        client.transport.write(bytes(50_000))
    lab.go(5)
    assert client.calls == ["made", "pause"]
    assert client.transport.get_write_buffer_size() > 100_000
    server.transport.resume_reading()
    lab.go(60)
    assert client.calls == ["made", "pause", "resume"]
    assert client.transport.get_write_buffer_size() == 0
    assert sum(len(call) for call in server.calls if isinstance(call, bytes)) == 10_000_000


def test_close_sends_what_is_buffered_and_abort_does_not(lab: Lab) -> None:
    client, server = connected(lab)
    client.transport.write(bytes(5_000_000))
    client.transport.close()
    assert client.transport.is_closing()
    client.transport.write(b"ignored or not: the transport is closing")
    lab.go(60)
    assert client.calls[-1] == ("lost", None)
    assert server.calls[-2:] == ["eof", ("lost", None)]
    assert sum(len(call) for call in server.calls if isinstance(call, bytes)) >= 5_000_000
    client, server = connected(Lab(2))
    client.transport.write(bytes(5_000_000))
    client.transport.abort()


def test_abort_tells_the_protocol_and_ends_the_connection(lab: Lab) -> None:
    client, server = connected(lab)
    client.transport.abort()
    lab.go(1)
    assert client.calls == ["made", ("lost", None)]
    assert server.calls == ["made", "eof", ("lost", None)]


def test_a_reset_is_connection_lost_with_its_error(lab: Lab) -> None:
    client, server = connected(lab)
    server.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, pack("<ii", 1, 0))
    server.transport.abort()
    lab.go(1)
    assert client.calls == ["made", ("lost", "ConnectionResetError")]


def test_writing_to_a_connection_the_peer_forgot(lab: Lab) -> None:
    client, server = connected(lab)
    server.keep = True
    server.transport.close()
    lab.go(1)
    assert client.calls == ["made", "eof", ("lost", None)]


def test_keeping_half_open_and_being_reset(lab: Lab) -> None:
    client, server = connected(lab)
    client.keep = True
    server.transport.close()
    lab.go(1)
    client.transport.write(b"to nobody")
    lab.go(1)
    assert client.calls == ["made", "eof", ("lost", "BrokenPipeError")]


def test_a_dead_cable_ends_in_a_time_out() -> None:
    lab = Lab(1, cable=True)
    client, _ = connected(lab)
    lab.cable.lose(lambda frame: True)
    client.transport.write(b"into the void")
    lab.go(1200)
    assert client.calls[0] == "made"
    assert client.calls[-1] in (("lost", "TimeoutError"), ("lost", "OSError"))


def test_a_bug_in_a_protocol_ends_its_connection_and_is_reported(lab: Lab) -> None:
    client, server = connected(lab)

    def fail(data: bytes) -> None:
        raise ZeroDivisionError

    server.data_received = fail  # type: ignore[method-assign]
    client.transport.write(b"x")
    lab.go(1)
    assert server.calls == ["made", ("lost", "ZeroDivisionError")]
    assert [error["message"] for error in lab.loop.errors] == ["Fatal error: protocol.data_received() call failed."]
    assert client.calls[-1] == ("lost", None)


def test_a_buffered_protocol_gets_its_buffer_filled(lab: Lab) -> None:
    class Buffered(asyncio.BufferedProtocol):
        def __init__(self) -> None:
            self.buffer, self.got = bytearray(1000), b""

        def get_buffer(self, sizehint: int) -> bytearray:
            return self.buffer

        def buffer_updated(self, nbytes: int) -> None:
            self.got += self.buffer[:nbytes]

    made: list[Buffered] = []

    async def server() -> None:
        def factory() -> Buffered:
            made.append(Buffered())
            return made[-1]

        await (await asyncio.get_running_loop().create_server(factory, port=80)).serve_forever()

    async def client() -> None:
        _, writer = await asyncio.open_connection(B, 80)
        writer.write(bytes(range(256)) * 40)
        writer.close()

    lab.spawn(lab.b, server())
    lab.run(lab.a, client())
    lab.go(1)
    assert made[0].got == bytes(range(256)) * 40


def test_a_server_can_be_closed_and_waited_for(lab: Lab) -> None:
    async def program() -> tuple[bool, bool, int]:
        server = await asyncio.start_server(upper, "0.0.0.0", 80)
        name = server.sockets[0].getsockname()
        assert name == ("0.0.0.0", 80)
        serving = server.is_serving()
        _, writer = await asyncio.open_connection("127.0.0.1", 80)
        await asyncio.sleep(1)
        server.close()
        waiting = asyncio.create_task(server.wait_closed())
        await asyncio.sleep(1)
        assert not waiting.done(), "a connection still lives"
        writer.close()
        await waiting
        return serving, server.is_serving(), len(server.sockets)

    assert lab.run(lab.a, program()) == (True, False, 0)


def test_socket_options_reach_the_socket(lab: Lab) -> None:
    client, _ = connected(lab)
    sock = client.transport.get_extra_info("socket")
    assert (sock.family, sock.type, sock.fileno()) == (socket.AF_INET, socket.SOCK_STREAM, -1)
    assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1, "as asyncio sets it"
    sock.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, 9)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    assert sock.getsockopt(socket.IPPROTO_IP, socket.IP_TTL) == 9
    client.transport.write(b"x")
    lab.go(0.1)
    assert lab.frames[-4][3][22] == 9 or lab.frames[-3][3][22] == 9
    with pytest.raises(OSError, match="Protocol not available"):
        sock.setsockopt(socket.SOL_SOCKET, 999, 1)


def test_a_link_that_goes_down_is_survived(lab: Lab) -> None:
    client, server = connected(lab)
    link.set_down(lab.b, "eth0")
    client.transport.write(b"held back")
    lab.go(2)
    link.set_up(lab.b, "eth0")
    lab.go(10)
    assert server.calls == ["made", b"held back"]
