"""Kubernetes' test image agnhost: `netexec`, `serve-hostname`, `porter`, `connect`, `test-webserver`, `pause`.

Source: test/images/agnhost of kubernetes/kubernetes. What would run programs or write files in the image (`/shell`, `/upload`) is refused.
"""

from __future__ import annotations

import asyncio
import json
import re
import socket
from collections.abc import Awaitable, Callable, Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import h11

from emu.apps.echo import udp_request
from emu.apps.http_client import HttpError, http_get
from emu.apps.http_server import EPOCH_S, Answer, HttpServer, split_target

DIAL_SECONDS = 5.0
UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
VERBS = ("netexec", "serve-hostname", "porter", "connect", "test-webserver", "pause")


class Netexec(HttpServer):
    """The HTTP half. `healthy()` is asked on /healthz; `over` gets the exit status once a client asks for the end (/exit, /shutdown)."""

    def __init__(self, hostname: str, port: int = 8080, *, healthy: Callable[[], bool] = lambda: True, log: Callable[[str], object] | None = None) -> None:
        super().__init__(hostname, port, log=log)
        self.healthy = healthy
        self.over: asyncio.Future[int] | None = None

    async def respond(self, request: h11.Request, body: bytes, peer: tuple[str, int]) -> Answer:
        """One of netexec's paths; the time for any other, as the real one has it."""
        parts = split_target(request.target)
        if parts is None:
            return 400, b"400 Bad Request"
        path, query = parts
        given = {name: values[0] for name, values in query.items()}
        if path in ("/hostname", "/hostName"):
            return 200, self.hostname.encode()
        if path == "/clientip":
            return 200, f"{peer[0]}:{peer[1]}".encode()
        if path == "/healthz":
            return (200, b"") if self.healthy() else (412, b"")
        if path == "/header":
            return 200, _header(request, given.get("key", ""))
        if path == "/echo":
            return _with_code(given, 200, lambda status: (status, given.get("msg", "").encode("utf-8", "replace")))
        if path == "/redirect":
            location = given.get("location", "")
            link = f'<a href="{location}">Found</a>.\n\n'.encode("utf-8", "replace")
            return _with_code(given, 302, lambda status: (status, link, [("Location", location), ("Content-Type", "text/html; charset=utf-8")]))
        if path == "/dial":
            return await dial(given)
        if path in ("/exit", "/shutdown"):
            return await self._exit(given if path == "/exit" else {})
        if path in ("/shell", "/upload"):
            return 501, f"emu: not emulated: {path}\n".encode()
        return 200, f"NOW: {now()}".encode()

    async def _exit(self, given: dict[str, str]) -> Answer:
        wait, timeout = duration(given.get("wait", "")), duration(given.get("timeout", ""))
        if wait is None or timeout is None:
            name = "wait" if wait is None else "timeout"
            return 200, f"argument '{name}' must be a valid golang duration or empty, got {json.dumps(given[name])}\n".encode()
        code = given.get("code", "") or "0"
        if not _is_number(code):
            return 200, f"argument 'code' must be an integer [0-127] or empty, got {json.dumps(code)}\n".encode()
        await asyncio.sleep(wait)
        if self.over is not None and not self.over.done():
            asyncio.get_running_loop().call_later(timeout, _finish, self.over, int(code) & 255)
        return 200, b""


def _finish(over: asyncio.Future[int], code: int) -> None:
    if not over.done():
        over.set_result(code)


def _is_number(text: str) -> bool:
    return re.fullmatch(r"[-+]?[0-9]{1,9}", text) is not None


def _with_code(given: dict[str, str], usual: int, answer: Callable[[int], Answer]) -> Answer:
    code = given.get("code", "")
    if code and not _is_number(code):
        return 200, f"argument 'code' must be an integer or empty, got {json.dumps(code)}\n".encode()
    status = int(code) if code else usual
    return answer(status if 200 <= status < 600 and status not in (204, 304) else usual)


def _header(request: h11.Request, key: str) -> bytes:
    """One header's value, or all but Host as JSON, with names written as Go writes them."""
    found: dict[str, list[str]] = {}
    for name, value in request.headers:
        found.setdefault("-".join(part.capitalize() for part in name.decode("latin-1").split("-")), []).append(value.decode("latin-1"))
    if key:
        return ",".join(next((values for name, values in found.items() if name.lower() == key.lower()), [])).encode("latin-1")
    found.pop("Host", None)
    return json.dumps(dict(sorted(found.items())), separators=(",", ":")).encode()


def now() -> str:
    """The time as Go prints it, with the monotonic clock's reading."""
    seconds = asyncio.get_running_loop().time()
    moment = datetime.fromtimestamp(EPOCH_S, UTC) + timedelta(seconds=int(seconds))
    return f"{moment:%Y-%m-%d %H:%M:%S}.{round(seconds % 1 * 1e9):09} +0000 UTC m=+{seconds:.9f}"


def duration(text: str) -> float | None:
    """Go's durations (`1m30s`, `250ms`) in seconds; 0 for nothing, None for what is none."""
    if text in ("", "0"):
        return 0.0
    parts = re.findall(r"([0-9]+(?:\.[0-9]*)?)(ns|us|µs|ms|s|m|h)", text)
    return sum(float(number) * UNITS[unit] for number, unit in parts) if "".join(number + unit for number, unit in parts) == text else None


async def dial(given: dict[str, str]) -> Answer:
    """/dial: ask another netexec, by HTTP or UDP, `tries` times."""
    request, tries, protocol = given.get("request", ""), given.get("tries", "") or "1", given.get("protocol", "").lower()
    host, port = given.get("host", ""), given.get("port", "")
    if not tries.isascii() or not tries.isdigit() or int(tries) > 1000:
        return 400, b"tries parameter is invalid.\n"
    if not request:
        return 400, b"request parameter not specified.\n"
    if protocol not in ("", "http", "udp"):
        return 400, f"unsupported protocol. {protocol}\n".encode("utf-8", "replace")
    if not port.isascii() or not port.isdigit() or not 0 < int(port) < 65536:
        return 400, b"host and/or port param are invalid.\n"
    answers: dict[str, list[str]] = {}
    for _ in range(int(tries)):
        try:
            if protocol == "udp":
                text = (await udp_request(host, int(port), request.encode(), timeout=DIAL_SECONDS)).decode("utf-8", "replace")
            else:
                text = (await http_get(f"http://{host}:{port}/{request}", timeout=DIAL_SECONDS)).body
        except (OSError, HttpError) as error:
            answers.setdefault("errors", []).append(str(error) or type(error).__name__)
        else:
            answers.setdefault("responses", []).append(text)
    return 200, json.dumps(dict(sorted(answers.items())), separators=(",", ":")).encode()


class _Commands(asyncio.DatagramProtocol):
    """The UDP half: `hostname`, `echo TEXT` (which comes back in lower case, as there) and `clientip`; anything else gets no answer."""

    def __init__(self, hostname: str, log: Callable[[str], object] | None) -> None:
        self.hostname = hostname
        self.log = log

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        text = data[:2048].decode("utf-8", "replace").strip().lower()
        if text == "hostname":
            self.transport.sendto(self.hostname.encode(), addr)
        elif text.startswith("echo "):
            self.transport.sendto(text.partition(" ")[2].encode(), addr)
        elif text == "clientip":
            self.transport.sendto(f"{addr[0]}:{addr[1]}".encode(), addr)
        elif text and self.log is not None:
            self.log(f"Unknown UDP command received from {addr[0]}:{addr[1]}: {text}")


async def udp_commands(hostname: str, port: int = 8081, addresses: tuple[str, ...] = ("0.0.0.0",), log: Callable[[str], object] | None = None) -> None:
    """Answer netexec's UDP commands, until cancelled. Raises OSError EADDRINUSE."""
    loop = asyncio.get_running_loop()
    transports = []
    try:
        for address in addresses:
            transport, _ = await loop.create_datagram_endpoint(lambda: _Commands(hostname, log), local_addr=(address, port))
            transports.append(transport)
        await loop.create_future()
    finally:
        for transport in transports:
            transport.close()


async def hostname_on_tcp(hostname: str, port: int) -> None:
    """`serve-hostname --tcp`: the name to whoever connects, and the end."""

    async def tell(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(hostname.encode())
        writer.close()

    server = await asyncio.start_server(tell, "0.0.0.0", port)
    try:
        await server.serve_forever()
    finally:
        server.close()


def option(words: list[str], *names: str) -> str | None:
    """The value of `--port=80` or `--port 80`."""
    for index, word in enumerate(words):
        name, equals, value = word.partition("=")
        if name in names:
            return value if equals else words[index + 1] if index + 1 < len(words) else None
    return None


def verb(words: list[str]) -> str:
    """What agnhost is told to do; it pauses when told nothing."""
    return next((word for word in words if word in VERBS), words[0] if words else "pause")


async def run(
    words: list[str], hostname: str, env: dict[str, str], healthy: Callable[[], bool] = lambda: True, log: Callable[[str], object] | None = None
) -> int:
    """`agnhost WORDS`; returns its exit status when it ends by itself."""
    chosen = verb(words)
    if chosen == "connect":
        return await connect(words[words.index("connect") + 1 :], log or (lambda line: None))
    servers: list[Coroutine[Any, Any, object]] = []
    over: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    if chosen == "netexec":
        udp = _port(words, 8081, "--udp-port")
        # It calls itself well once its UDP server runs: never, without one.
        http = Netexec(hostname, _port(words, 8080, "--http-port"), healthy=lambda: udp > 0 and healthy(), log=log)
        http.over = over
        servers.append(http.serve())
        if udp > 0:
            addresses = tuple(each for each in (option(words, "--udp-listen-addresses") or "").split(",") if each)
            servers.append(udp_commands(hostname, udp, addresses or ("0.0.0.0",), log))
    elif chosen == "serve-hostname":
        port = _port(words, 9376, "--port")
        if "--udp" in words:
            servers.append(_name_by_udp(hostname, port))
        servers.append(hostname_on_tcp(hostname, port) if "--tcp" in words else HttpServer(hostname, port, handler=lambda *_: (200, hostname.encode())).serve())
    elif chosen == "test-webserver":
        servers.append(HttpServer(hostname, _port(words, 80, "--port")).serve())
    elif chosen == "porter":
        for name, text in env.items():
            if (match := re.fullmatch(r"SERVE_PORT_([0-9]{1,5})", name)) is not None:
                servers.append(_tells(hostname, int(match.group(1)), text))
    return await _until(over, servers)


def _port(words: list[str], usual: int, name: str) -> int:
    given = option(words, name)
    return int(given) if given is not None and re.fullmatch(r"-?[0-9]{1,5}", given) else usual


def _tells(hostname: str, port: int, text: str) -> Coroutine[Any, Any, object]:
    return HttpServer(hostname, port, handler=lambda *_: (200, text.encode())).serve()


async def _name_by_udp(hostname: str, port: int) -> None:
    class Name(_Commands):
        def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
            self.transport.sendto(hostname.encode(), addr)

    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(lambda: Name(hostname, None), local_addr=("0.0.0.0", port))
    try:
        await loop.create_future()
    finally:
        transport.close()


async def _until(over: asyncio.Future[int], servers: list[Coroutine[Any, Any, object]]) -> int:
    """Until somebody asks for the end, or a server cannot go on; what is left then ends with the process."""
    tasks: list[asyncio.Future[Any]] = [asyncio.get_running_loop().create_task(server) for server in servers]
    done, _ = await asyncio.wait([over, *tasks], return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        if task in done:
            task.result()  # raises what ended it
    return over.result()


async def connect(words: list[str], say: Callable[[str], object]) -> int:
    """`agnhost connect HOST:PORT [--timeout DURATION] [--protocol tcp|udp]`: 0, or 1 and one of TIMEOUT, REFUSED, DNS, OTHER."""
    host, _, port = next((word for word in words if ":" in word and not word.startswith("-")), "").rpartition(":")
    timeout = duration(option(words, "--timeout") or "") or None
    if not host or not port.isascii() or not port.isdigit():
        say("OTHER: missing or bad HOST:PORT")
        return 1
    asking: Awaitable[object]
    if (option(words, "--protocol") or "tcp").lower() == "udp":
        asking = udp_request(host, int(port), b"hostname", timeout=timeout)
    else:
        asking = _open(host, int(port), timeout)
    try:
        await asking
    except TimeoutError:
        say("TIMEOUT")
    except ConnectionRefusedError:
        say("REFUSED")
    except socket.gaierror as error:
        say(f"DNS: {error}")
    except OSError as error:
        say(f"OTHER: {error}")
    else:
        return 0
    return 1


async def _open(host: str, port: int, timeout: float | None) -> None:
    async with asyncio.timeout(timeout):
        _, writer = await asyncio.open_connection(host, port)
    writer.close()
