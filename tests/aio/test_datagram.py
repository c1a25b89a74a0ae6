"""Datagram endpoints: asyncio's protocols over emulated UDP."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import pytest

from tests.aio.lab import B, Lab


@pytest.fixture
def lab() -> Lab:
    return Lab()


class Recorder(asyncio.DatagramProtocol):
    def __init__(self, answer: bool = False) -> None:
        self.calls: list[Any] = []
        self.answer = answer

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.calls.append("made")

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.calls.append((data, addr))
        if self.answer:
            self.transport.sendto(data.upper(), addr)

    def error_received(self, exc: Exception) -> None:
        self.calls.append(type(exc).__name__)

    def connection_lost(self, exc: Exception | None) -> None:
        self.calls.append(("lost", exc))


def endpoint(lab: Lab, ns: Any, answer: bool = False, **options: Any) -> Recorder:
    """An endpoint whose program stays."""
    found: list[Recorder] = []

    async def program() -> None:
        found.append((await asyncio.get_running_loop().create_datagram_endpoint(lambda: Recorder(answer), **options))[1])
        await asyncio.sleep(1e9)

    process = lab.spawn(ns, program())
    lab.go(0)
    if process.error:
        raise process.error
    return found[0]


def test_question_and_answer(lab: Lab) -> None:
    server = endpoint(lab, lab.b, answer=True, local_addr=("0.0.0.0", 53))
    client = endpoint(lab, lab.a, remote_addr=(B, 53))
    client.transport.sendto(b"question")
    lab.go(1)
    mine = client.transport.get_extra_info("sockname")
    assert server.calls == ["made", (b"question", mine)]
    assert client.calls == ["made", (b"QUESTION", (B, 53))]
    assert client.transport.get_extra_info("peername") == (B, 53)
    assert lab.unbalanced() == []


def test_a_refusal_is_told(lab: Lab) -> None:
    client = endpoint(lab, lab.a, remote_addr=(B, 99))
    client.transport.sendto(b"x")
    lab.go(1)
    assert client.calls == ["made", "ConnectionRefusedError"]


def test_errors_of_sending_are_told_not_raised(lab: Lab) -> None:
    client = endpoint(lab, lab.a, local_addr=("0.0.0.0", 0))
    client.transport.sendto(b"x", ("192.0.2.1", 1))
    client.transport.sendto(bytes(70000), (B, 1))
    client.transport.sendto(b"x", ("10.0.0.255", 1))
    assert client.calls == ["made", "OSError", "OSError", "PermissionError"]
    with pytest.raises(ValueError, match="no destination"):
        client.transport.sendto(b"x")
    with pytest.raises(TypeError, match="bytes-like"):
        client.transport.sendto("text")


def test_a_connected_endpoint_sends_to_its_peer_only(lab: Lab) -> None:
    client = endpoint(lab, lab.a, remote_addr=(B, 99))
    with pytest.raises(ValueError, match="Invalid address"):
        client.transport.sendto(b"x", (B, 98))


def test_a_port_is_taken_once(lab: Lab) -> None:
    endpoint(lab, lab.b, local_addr=("0.0.0.0", 53))
    with pytest.raises(OSError, match="Address already in use") as caught:
        endpoint(lab, lab.b, local_addr=(B, 53))
    assert caught.value.errno == 98
    endpoint(lab, lab.a, local_addr=("0.0.0.0", 53), reuse_port=True)
    endpoint(lab, lab.a, local_addr=("0.0.0.0", 53), reuse_port=True)


def test_broadcast(lab: Lab) -> None:
    server = endpoint(lab, lab.b, local_addr=("0.0.0.0", 67))
    client = endpoint(lab, lab.a, local_addr=("0.0.0.0", 68), allow_broadcast=True)
    client.transport.sendto(b"discover", ("255.255.255.255", 67))
    lab.go(1)
    assert server.calls[1:] == [] or server.calls[1:] == [(b"discover", ("10.0.0.1", 68))]
    client.transport.sendto(b"discover", ("10.0.0.255", 67))
    lab.go(1)
    assert server.calls[-1] == (b"discover", ("10.0.0.1", 68))


def test_close_and_nothing_after_it(lab: Lab) -> None:
    client = endpoint(lab, lab.a, local_addr=("0.0.0.0", 5000))
    client.transport.close()
    client.transport.abort()
    client.transport.sendto(b"x", (B, 1))
    lab.go(1)
    assert client.transport.is_closing()
    assert client.calls == ["made", ("lost", None)]
    assert lab.a.sockets.udp == {}


def test_a_bug_in_a_protocol_ends_its_endpoint(lab: Lab) -> None:
    server = endpoint(lab, lab.b, local_addr=("0.0.0.0", 53))
    server.datagram_received = lambda data, addr: 1 // 0  # type: ignore[method-assign,assignment,return-value]
    client = endpoint(lab, lab.a, remote_addr=(B, 53))
    client.transport.sendto(b"x")
    lab.go(1)
    assert server.calls[-1][0] == "lost"
    assert len(lab.loop.errors) == 1


def test_names_are_those_of_the_namespace(lab: Lab) -> None:
    lab.loop.resolver.hosts[lab.a] = {"server": B}

    async def lookup(name: str) -> list[str]:
        await asyncio.sleep(0.1)
        return ["10.0.0.2", "10.0.0.3"] if name == "svc.default" else []

    lab.loop.resolver.lookups[lab.a] = lookup

    async def resolve(host: str, **options: Any) -> list[str]:
        found = await asyncio.get_running_loop().getaddrinfo(host, "http", type=socket.SOCK_STREAM, **options)
        assert all(entry[4][1] == 80 for entry in found)
        return [entry[4][0] for entry in found]

    assert lab.run(lab.a, resolve("server")) == [B]
    assert lab.run(lab.a, resolve("SERVER.")) == [B]
    assert lab.run(lab.a, resolve("svc.default")) == ["10.0.0.2", "10.0.0.3"]
    assert lab.run(lab.a, resolve("localhost")) == ["127.0.0.1"]
    for ns, host in ((lab.b, "server"), (lab.a, "other"), (lab.a, "")):
        with pytest.raises(socket.gaierror):
            lab.run(ns, resolve(host))
    with pytest.raises(socket.gaierror, match="not known"):
        lab.run(lab.a, resolve("server", flags=socket.AI_NUMERICHOST))
