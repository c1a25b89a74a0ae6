"""CoreDNS as far as a cluster uses it: the cluster's zone, everything else forwarded, over UDP and TCP, with its health endpoints."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from random import Random
from typing import Any, cast

from emu.apps.dns import NOERROR, NOTIMP, NXDOMAIN, SERVFAIL, UDP_SIZE, A, Message, MessageError, Question, Record, absolute, decode, encode
from emu.apps.http_server import HttpServer
from emu.apps.resolv import ask_tcp, ask_udp
from emu.k8s.dns.zone import Zone
from emu.sim import NS_PER_S

HEALTH_PORT, READY_PORT = 8080, 8181
FORWARD_SECONDS = 2.0  # the forward plugin's read time-out
CACHE_SECONDS = 30
MAX_ALIASES = 8


class DnsServer:
    """`zone` None: a server that only forwards. `upstreams`: where everything else is asked, in order. `draw`: message ids and the order of addresses."""

    def __init__(self, zone: Zone | None, upstreams: tuple[str, ...], draw: Random, records: dict[str, str] | None = None) -> None:
        self.zone = zone
        self.upstreams = upstreams
        self.draw = draw
        self.records = records  # names (also `*.domain`) that it knows by itself, to addresses
        self.queries = 0
        self._cache: dict[tuple[str, int], tuple[int, Message]] = {}

    async def serve(self, port: int = 53, health: bool = True) -> None:
        """Until cancelled. Raises OSError EADDRINUSE."""
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(lambda: _Udp(self), local_addr=("0.0.0.0", port))
        server = await asyncio.start_server(self._connection, "0.0.0.0", port)
        servers: list[Any] = [server.serve_forever()]
        if health:
            servers += [HttpServer("coredns", number, handler=lambda *request: (200, b"OK")).serve() for number in (HEALTH_PORT, READY_PORT)]
        try:
            await asyncio.gather(*servers)
        finally:
            transport.close()
            server.close()

    async def answer(self, query: Message) -> Message:
        """The answer to a query."""
        self.queries += 1
        if query.opcode or len(query.questions) != 1:
            return query.reply(NOTIMP)
        [question] = query.questions
        local = self._local(query, question)
        if local is not None:
            return local if not isinstance(local, str) else await self._through_alias(query, question, local)
        return await self._forward(query, question)

    def _local(self, query: Message, question: Question) -> Message | str | None:
        """An answer from what is known here; a name, where that is an alias to follow; None: not ours."""
        if self.records is not None:
            return self._from_records(query, question)
        found = self.zone.answer(question) if self.zone is not None else None
        if found is None or self.zone is None:
            return None
        if found.alias:
            return found.alias
        records = list(found.records)
        self.draw.shuffle(records)  # the loadbalance plugin
        authorities = () if records else (self.zone.soa(),)
        return replace(query.reply(found.rcode, tuple(records), authorities, tuple(found.additionals)), authoritative=True)

    def _from_records(self, query: Message, question: Question) -> Message:
        assert self.records is not None
        address = find(self.records, question.name)
        if address is None:
            return query.reply(NXDOMAIN)
        return query.reply(NOERROR, (Record(question.name, A, 300, address),) if question.type == A else ())

    async def _through_alias(self, query: Message, question: Question, alias: str) -> Message:
        """An ExternalName: the CNAME, and what it leads to."""
        chain = [Record(question.name, 5, 30, alias)]
        for _ in range(MAX_ALIASES):
            inner = Message(self.draw.getrandbits(16), (Question(absolute(alias), question.type),))
            local = self._local(inner, inner.questions[0])
            if isinstance(local, str):
                chain.append(Record(absolute(alias), 5, 30, local))
                alias = local
                continue
            found = local if local is not None else await self._forward(inner, inner.questions[0])
            return query.reply(found.rcode, (*chain, *found.answers))
        return query.reply(SERVFAIL, tuple(chain))

    async def _forward(self, query: Message, question: Question) -> Message:
        """The forward and cache plugins."""
        loop: Any = asyncio.get_running_loop()
        key = (question.name.lower(), question.type)
        now = round(loop.time() * NS_PER_S)
        cached = self._cache.get(key)
        if cached is not None and cached[0] > now:
            return replace(cached[1], id=query.id, questions=query.questions)
        for server in self.upstreams:
            asked = Message(self.draw.getrandbits(16), (question,))
            try:
                [found] = await ask_udp(server, [asked], FORWARD_SECONDS)
                if found.truncated:
                    [found] = await ask_tcp(server, [asked], FORWARD_SECONDS)
            except (OSError, TimeoutError, MessageError):
                continue
            answer = query.reply(found.rcode, found.answers, found.authorities, found.additionals)
            if found.rcode in (NOERROR, NXDOMAIN):
                seconds = min([CACHE_SECONDS, *(record.ttl for record in found.answers)])
                self._cache[key] = now + seconds * NS_PER_S, answer
            return answer
        return query.reply(SERVFAIL)

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """DNS over TCP: each message with its length before it (RFC 1035 4.2.2)."""
        try:
            while True:
                size = int.from_bytes(await reader.readexactly(2), "big")
                data = encode(await self.answer(decode(await reader.readexactly(size))))
                writer.write(len(data).to_bytes(2, "big") + data)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError, TimeoutError, MessageError):
            pass
        finally:
            writer.close()


def find(records: dict[str, str], name: str) -> str | None:
    """The address of a name in a table that may have wildcards (`*.example.com`)."""
    labels = name.lower().rstrip(".").split(".")
    found = records.get(".".join(labels))
    for start in range(1, len(labels)):
        found = found if found is not None else records.get("*." + ".".join(labels[start:]))
    return found


class _Udp(asyncio.DatagramProtocol):
    def __init__(self, server: DnsServer) -> None:
        self.server = server
        self.tasks: dict[asyncio.Task[None], None] = {}

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        try:
            query = decode(data)
        except MessageError:
            return
        if query.response:
            return
        task = asyncio.get_running_loop().create_task(self._answer(query, addr))
        self.tasks[task] = None
        task.add_done_callback(lambda done: self.tasks.pop(done, None))

    async def _answer(self, query: Message, addr: tuple[str, int]) -> None:
        answer = await self.server.answer(query)
        data = encode(answer)
        if len(data) > max(UDP_SIZE, query.udp_size):
            data = encode(replace(answer, answers=(), authorities=(), additionals=(), truncated=True))
        self.transport.sendto(data, addr)
