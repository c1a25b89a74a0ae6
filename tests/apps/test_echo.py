"""Echo servers and clients, and the kubelet's probes."""

from __future__ import annotations

import asyncio

import pytest

from emu.apps.echo import tcp_echo_server, tcp_request, udp_echo_server, udp_request
from emu.apps.http_server import HttpServer
from emu.apps.probe import http_probe, tcp_probe
from tests.aio.lab import B, Lab, Routed


@pytest.fixture
def lab() -> Lab:
    return Lab()


def test_udp_echo(lab: Lab) -> None:
    server = lab.spawn(lab.b, udp_echo_server())
    assert lab.run(lab.a, udp_request(B, 7, b"hello")) == b"hello"
    assert lab.run(lab.a, udp_request(B, 7, b"hello", source_port=5000)) == b"hello"
    server.terminate()
    lab.go(1)
    with pytest.raises(ConnectionRefusedError):
        lab.run(lab.a, udp_request(B, 7, b"hello"))


def test_udp_without_an_answer_times_out(lab: Lab) -> None:
    async def mute() -> None:
        await asyncio.get_running_loop().create_datagram_endpoint(asyncio.DatagramProtocol, local_addr=("0.0.0.0", 7))
        await asyncio.sleep(1e9)

    lab.spawn(lab.b, mute())
    with pytest.raises(TimeoutError):
        lab.run(lab.a, udp_request(B, 7, b"hello", timeout=2))
    assert lab.sim.now == 2_000_000_000


def test_tcp_echo(lab: Lab) -> None:
    lab.spawn(lab.b, tcp_echo_server())
    assert lab.run(lab.a, tcp_request(B, 7, b"")) == b""
    data = bytes(range(256)) * 5000
    assert lab.run(lab.a, tcp_request(B, 7, data)) == data
    with pytest.raises(ConnectionRefusedError):
        lab.run(lab.a, tcp_request(B, 8, b"x"))


def test_http_probes(lab: Lab) -> None:
    server = HttpServer("web-0", 8080)
    lab.spawn(lab.b, server.serve())
    assert lab.run(lab.a, http_probe(B, 8080, "/healthz"))
    server.ready = False
    assert lab.run(lab.a, http_probe(B, 8080, "healthz")).message == "HTTP probe failed with statuscode: 412"
    refused = lab.run(lab.a, http_probe(B, 81))
    assert not refused
    assert refused.message == f'Get "http://{B}:81/": dial tcp {B}:81: connect: connection refused'
    assert any(b"User-Agent: kube-probe/" in wire for *_, wire in lab.frames)


def test_tcp_probes(lab: Lab) -> None:
    lab.spawn(lab.b, tcp_echo_server())
    assert lab.run(lab.a, tcp_probe(B, 7))
    assert lab.run(lab.a, tcp_probe(B, 8)).message == f"dial tcp {B}:8: connect: connection refused"
    assert lab.run(lab.a, tcp_probe("10.0.0.99", 7)).message == "dial tcp 10.0.0.99:7: i/o timeout"
    assert lab.run(lab.a, tcp_probe("192.0.2.1", 7)).message == "dial tcp 192.0.2.1:7: connect: network is unreachable"


def test_a_probe_that_hangs_is_given_up() -> None:
    lab = Routed()

    async def hang() -> None:
        await (await asyncio.start_server(lambda r, w: None, "0.0.0.0", 8080)).serve_forever()

    lab.spawn(lab.b, hang())
    assert "context deadline exceeded" in lab.run(lab.a, http_probe("10.0.9.2", 8080)).message
