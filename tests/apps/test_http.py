"""The HTTP server and its client: answers, keep-alive, bad requests, what can go wrong on the way."""

from __future__ import annotations

import asyncio
import socket

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from emu.aio.process import echo
from emu.apps.http_client import HttpError, Response, http_get, http_request
from emu.apps.http_server import HttpServer
from tests.aio.lab import B, Lab


@pytest.fixture
def lab() -> Lab:
    lab = Lab()
    lab.spawn(lab.b, HttpServer("web-0", 8080).serve(), "http")
    return lab


def get(lab: Lab, path: str, method: str = "GET", content: bytes = b"") -> Response:
    response: Response = lab.run(lab.a, http_request(method, f"http://{B}:8080{path}", content=content))
    return response


@pytest.mark.parametrize(
    ("path", "status", "body"),
    [
        ("/hostname", 200, "web-0"),
        ("/", 200, "web-0"),
        ("/echo?msg=hello%20there", 200, "hello there"),
        ("/echo", 200, ""),
        ("/echo?msg=x&code=503", 503, "x"),
        ("/echo?msg=x&code=nonsense", 200, "x"),
        ("/healthz", 200, ""),
        ("/nothing", 404, "404 page not found\n"),
    ],
)
def test_what_it_answers(lab: Lab, path: str, status: int, body: str) -> None:
    response = get(lab, path)
    assert (response.status, response.body) == (status, body)
    assert response.header("Content-Length") == str(len(body))
    assert response.header("Date") == "Wed, 01 Jan 2025 00:00:00 GMT", "virtual time"


def test_it_says_who_asked(lab: Lab) -> None:
    response = get(lab, "/clientip")
    assert response.body == f"{response.local[0]}:{response.local[1]}"
    assert response.local[0] == "10.0.0.1"
    assert response.remote == (B, 8080)


def test_methods(lab: Lab) -> None:
    assert get(lab, "/echo", "POST", b"\x00\xffbinary").content == b"\x00\xffbinary"
    assert get(lab, "/hostname", "HEAD").content == b""
    assert get(lab, "/hostname", "HEAD").header("content-length") == "5"
    assert get(lab, "/hostname", "DELETE").status == 405
    big = bytes(range(256)) * 4000
    assert get(lab, "/echo", "POST", big).content == big


def test_health_follows_the_switch() -> None:
    lab = Lab()
    server = HttpServer("web-0", 8080, ready=False)
    lab.spawn(lab.b, server.serve())
    assert get(lab, "/healthz").status == 412
    server.ready = True
    assert get(lab, "/healthz").status == 200
    assert server.requests == 2


def test_a_handler_of_one_s_own_comes_first() -> None:
    lab = Lab()
    server = HttpServer("web-0", 8080, log=echo, handler=lambda method, path, query, body, peer: (200, b"mine") if path == "/mine" else None)
    process = lab.spawn(lab.b, server.serve())
    assert get(lab, "/mine").body == "mine"
    assert get(lab, "/hostname").body == "web-0"
    assert [line.partition(" ")[2] for line in process.output] == ["GET /mine 200", "GET /hostname 200"]


def talk(lab: Lab, data: bytes, ns: str = "a") -> bytes:
    """Everything the server says to these bytes."""

    async def client() -> bytes:
        reader, writer = await asyncio.open_connection(B, 8080)
        writer.write(data)
        writer.write_eof()
        try:
            return await reader.read()
        except ConnectionError:
            return b"reset"
        finally:
            writer.close()

    answer: bytes = lab.run(lab.a, client(), timeout=100)
    return answer


def test_keep_alive_and_pipelining(lab: Lab) -> None:
    answer = talk(lab, b"GET /hostname HTTP/1.1\r\nHost: x\r\n\r\n" * 3)
    assert answer.count(b"HTTP/1.1 200 OK") == 3
    answer = talk(lab, b"GET /hostname HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n" * 3)
    assert answer.count(b"HTTP/1.1 200 OK") == 1
    assert talk(lab, b"GET /hostname HTTP/1.0\r\n\r\n" * 2).count(b"HTTP/1.1 200 OK") == 1


def test_expect_100_continue(lab: Lab) -> None:
    async def client() -> list[bytes]:
        reader, writer = await asyncio.open_connection(B, 8080)
        writer.write(b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n")
        first = await reader.readuntil(b"\r\n\r\n")
        writer.write(b"ok")
        rest = [first, await reader.readuntil(b"\r\n\r\n"), await reader.readexactly(2)]
        writer.close()
        return rest

    first, _, body = lab.run(lab.a, client())
    assert first.startswith(b"HTTP/1.1 100")
    assert body == b"ok"


def test_bad_requests_get_400_and_end(lab: Lab) -> None:
    for data in (b"nonsense\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n", b"GET /\x80 HTTP/1.1\r\nHost: x\r\n\r\n", b"GET http://[ HTTP/1.1\r\nHost: x\r\n\r\n"):
        assert talk(lab, data).startswith(b"HTTP/1.1 400 "), data
    assert talk(lab, b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nshort").startswith(b"HTTP/1.1 400 ")
    assert talk(lab, b"GET / HTTP/1.1\r\n" + b"a" * 100_000).startswith((b"HTTP/1.1 431", b"HTTP/1.1 400", b"reset"))
    assert get(lab, "/hostname").body == "web-0", "it goes on serving"
    assert lab.loop.errors == []


PIECES = [b"GET ", b"POST ", b"/", b"/echo?msg=", b" HTTP/1.1", b"\r\n", b"Host: x\r\n", b"Content-Length: "]


@settings(max_examples=60)
@given(st.lists(st.one_of(st.binary(max_size=60), st.sampled_from(PIECES)), max_size=20))
@example([b"GET /echo?" + b"a&" * 200 + b" HTTP/1.1\r\nHost: x\r\n\r\n"])
@example([b"GET /echo?code=\xc2\xb2\xc2\xb2\xc2\xb2 HTTP/1.1\r\nHost: x\r\n\r\n"])
def test_no_bytes_break_the_server(pieces: list[bytes]) -> None:
    lab = Lab()
    lab.spawn(lab.b, HttpServer("web-0", 8080).serve())
    answer = talk(lab, b"".join(pieces))
    assert answer == b"" or answer.startswith(b"HTTP/1.1 ") or answer == b"reset"
    assert get(lab, "/hostname").body == "web-0"
    assert lab.loop.errors == []
    lab.go(200)
    assert lab.unbalanced() == []
    assert lab.a.sockets.established == {}
    assert lab.b.sockets.established == {}


def test_the_port_is_taken(lab: Lab) -> None:
    second = lab.spawn(lab.b, HttpServer("web-1", 8080).serve())
    lab.go(1)
    assert second.status == 1
    assert second.output == ["OSError: [Errno 98] error while attempting to bind on address ('0.0.0.0', 8080): address already in use"]


@pytest.mark.parametrize(
    ("url", "error", "text"),
    [
        (f"http://{B}:81/", ConnectionRefusedError, "Connect call failed"),
        ("http://10.0.0.99/", OSError, "Errno 113"),
        ("http://nowhere/", socket.gaierror, "not known"),
        ("https://10.0.0.2/", HttpError, "not an http:// URL"),
        ("http://10.0.0.2:99999/", HttpError, "port"),
        (f"http://{B}:8080/a b", HttpError, "target"),
    ],
)
def test_what_the_client_reports(lab: Lab, url: str, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        lab.run(lab.a, http_get(url))


@pytest.mark.parametrize(
    ("says", "error"), [(b"", "closed before"), (b"nonsense\r\n\r\n", "not HTTP"), (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort", "not HTTP")]
)
def test_a_server_that_is_none(lab: Lab, says: bytes, error: str) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(says)
        writer.close()

    async def serve() -> None:
        await (await asyncio.start_server(answer, "0.0.0.0", 9000)).serve_forever()

    lab.spawn(lab.b, serve())
    with pytest.raises(HttpError, match=error):
        lab.run(lab.a, http_get(f"http://{B}:9000/"))


def test_a_time_out_covers_everything(lab: Lab) -> None:
    async def silent() -> None:
        await (await asyncio.start_server(lambda r, w: None, "0.0.0.0", 9000)).serve_forever()

    lab.spawn(lab.b, silent())
    with pytest.raises(TimeoutError):
        lab.run(lab.a, http_get(f"http://{B}:9000/", timeout=2))
    assert lab.sim.now >= 2_000_000_000
    lab.go(200)
    assert lab.a.sockets.established == {}
