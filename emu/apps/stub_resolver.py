"""The stub resolver of glibc: a name, resolv.conf's search list and ndots, and real DNS packets to its servers (resolv.conf(5), res_search, res_send).

IPv4 only: as on a machine without IPv6 addresses, getaddrinfo with AI_ADDRCONFIG asks for A alone.
"""

from __future__ import annotations

import asyncio
import socket
from dataclasses import dataclass, replace
from random import Random

from emu.aio.resolver import gaierror
from emu.apps.dns import CNAME, NOERROR, NXDOMAIN, SERVFAIL, A, Message, MessageError, Question, absolute, decode, encode

MAX_SERVERS, MAX_SEARCH, MAX_NDOTS = 3, 32, 15  # MAXNS; Kubernetes' limit of search domains; RES_MAXNDOTS
MAX_TIMEOUT, MAX_ATTEMPTS = 30, 5  # RES_MAXRETRANS, RES_MAXRETRY
MAX_ALIASES = 16


@dataclass(frozen=True, slots=True)
class ResolvConf:
    """What /etc/resolv.conf says. `timeout` in seconds, `attempts`: how often each server is asked."""

    servers: tuple[str, ...] = ()
    search: tuple[str, ...] = ()
    ndots: int = 1
    timeout: float = 5.0
    attempts: int = 2

    @classmethod
    def parse(cls, text: str) -> ResolvConf:
        """The file's text; what it says wrongly is ignored, as glibc does."""
        conf = cls()
        for line in text.splitlines():
            words = line.split("#")[0].split(";")[0].split()
            if not words:
                continue
            if words[0] == "nameserver" and len(words) > 1 and len(conf.servers) < MAX_SERVERS:
                conf = replace(conf, servers=(*conf.servers, words[1]))
            elif words[0] in ("search", "domain"):
                conf = replace(conf, search=tuple(word.rstrip(".") for word in words[1:][:MAX_SEARCH]))
            elif words[0] == "options":
                for word in words[1:]:
                    name, _, value = word.partition(":")
                    if not value.isdigit():
                        continue
                    if name == "ndots":
                        conf = replace(conf, ndots=min(int(value), MAX_NDOTS))
                    elif name == "timeout":
                        conf = replace(conf, timeout=float(min(int(value), MAX_TIMEOUT)))
                    elif name == "attempts":
                        conf = replace(conf, attempts=min(int(value), MAX_ATTEMPTS))
        return conf

    def __str__(self) -> str:
        lines = [f"nameserver {server}" for server in self.servers]
        lines += [f"search {' '.join(self.search)}"] if self.search else []
        options = [f"ndots:{self.ndots}"] if self.ndots != 1 else []
        options += [f"timeout:{self.timeout:g}"] if self.timeout != 5.0 else []
        options += [f"attempts:{self.attempts}"] if self.attempts != 2 else []
        lines += [f"options {' '.join(options)}"] if options else []
        return "\n".join([*lines, ""])

    def candidates(self, name: str) -> list[str]:
        """The full names to ask for, in order (res_search)."""
        if name.endswith("."):
            return [name]
        searched = [absolute(f"{name}.{domain}" if domain else name) for domain in self.search]
        as_is = [absolute(name)]
        return [*as_is, *searched] if name.count(".") >= self.ndots else [*searched, *as_is]


class _Answer(asyncio.DatagramProtocol):
    def __init__(self, ident: int) -> None:
        self.ident = ident
        self.answer: asyncio.Future[Message] = asyncio.get_running_loop().create_future()

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        try:
            message = decode(data)
        except MessageError:
            return
        if message.response and message.id == self.ident and not self.answer.done():
            self.answer.set_result(message)

    def error_received(self, exc: Exception) -> None:
        if not self.answer.done():
            self.answer.set_exception(exc)


async def query_udp(server: str, message: Message, port: int = 53, timeout: float = 5.0) -> Message:
    """Ask one server once. Raises TimeoutError, OSError (ConnectionRefusedError)."""
    loop = asyncio.get_running_loop()
    transport, protocol = await loop.create_datagram_endpoint(lambda: _Answer(message.id), remote_addr=(server, port))
    try:
        transport.sendto(encode(message))
        async with asyncio.timeout(timeout):
            return await protocol.answer
    finally:
        transport.close()


async def query_tcp(server: str, message: Message, port: int = 53, timeout: float = 5.0) -> Message:
    """The same over TCP. Raises TimeoutError, OSError, MessageError."""
    async with asyncio.timeout(timeout):
        reader, writer = await asyncio.open_connection(server, port)
        try:
            data = encode(message)
            writer.write(len(data).to_bytes(2, "big") + data)
            size = int.from_bytes(await reader.readexactly(2), "big")
            return decode(await reader.readexactly(size))
        except asyncio.IncompleteReadError:
            raise MessageError("the server closed the connection") from None
        finally:
            writer.close()


class StubResolver:
    """`await lookup(name)` gives addresses as getaddrinfo would, after /etc/hosts. `draw`: random numbers for message ids."""

    def __init__(self, conf: ResolvConf, draw: Random) -> None:
        self.conf = conf
        self.draw = draw

    async def lookup(self, name: str) -> list[str]:
        """IPv4 addresses, [] if there is no such name. Raises socket.gaierror EAI_AGAIN when no server can tell, EAI_NODATA for a name without any."""
        failed = without_address = False
        candidates = self.conf.candidates(name)
        while candidates:
            full = candidates.pop(0)
            answer = await self.ask(full, A)
            if answer is None:
                # Nobody answered: res_search gives the list up, and tries the name as it is, if it has not yet.
                failed = True
                candidates = [each for each in candidates if each == absolute(name)]
            elif answer.rcode not in (NOERROR, NXDOMAIN):
                failed = True
            elif found := addresses(answer, full):
                return found
            else:
                without_address = without_address or answer.rcode == NOERROR
        if failed:
            raise gaierror(socket.EAI_AGAIN)
        if without_address:
            raise gaierror(socket.EAI_NODATA)
        return []

    async def ask(self, full: str, kind: int) -> Message | None:
        """One question to the servers in turn, `attempts` times round. None: nobody answered. Raises socket.gaierror when all refused, which ends it."""
        last: Message | None = None
        refused = True
        for _ in range(self.conf.attempts):
            for server in self.conf.servers or ("127.0.0.1",):
                message = Message(self.draw.getrandbits(16), (Question(absolute(full), kind),))
                try:
                    answer = await query_udp(server, message, timeout=self.conf.timeout)
                    if answer.truncated:
                        answer = await query_tcp(server, message, timeout=self.conf.timeout)
                except ConnectionRefusedError:
                    continue
                except (OSError, TimeoutError, MessageError):
                    refused = False
                    continue
                refused = False
                if answer.rcode in (NOERROR, NXDOMAIN):
                    return answer
                last = answer if answer.rcode == SERVFAIL else last
        if refused:
            raise gaierror(socket.EAI_AGAIN)
        return last


def addresses(answer: Message, full: str) -> list[str]:
    """The addresses that an answer gives a name, aliases followed."""
    name = absolute(full).lower()
    aliases = {record.name.lower(): record.data.lower() for record in answer.answers if record.type == CNAME}
    for _ in range(MAX_ALIASES):
        if name not in aliases:
            break
        name = aliases[name]
    return [record.data for record in answer.answers if record.type == A and record.name.lower() == name]
