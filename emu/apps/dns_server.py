"""A DNS server for scripts: `python3 -m emu.apps.dns_server NAME=DATA ...`, on a real machine too. UDP only."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from typing import cast

from emu.apps import dns
from emu.apps.entry import Parser, run
from emu.apps.stdio import Stdio

TTL = 30


def parse_record(text: str) -> dns.Record:
    """`web.test=10.0.0.80`, `www.test=CNAME web.test.`, `2.0.0.10.in-addr.arpa=PTR ns.test.` Raises ValueError."""
    name, equals, data = text.partition("=")
    kind, space, rest = data.partition(" ")
    if not equals or not name or not data:
        raise ValueError(f"{text!r} is not NAME=DATA")
    number = dns.NUMBERS.get(kind.upper()) if space else dns.A
    if number is None:
        raise ValueError(f"{text!r}: {kind} is no type of record")
    record = dns.Record(dns.absolute(name), number, TTL, rest if space else data)
    dns.encode(dns.Message(0, answers=(record,)))
    return record


def answer(query: dns.Message, records: list[dns.Record]) -> dns.Message:
    """What a server that knows these records, and no others, answers."""
    if query.opcode or len(query.questions) != 1:
        return query.reply(dns.NOTIMP if query.opcode else dns.FORMERR)
    question = query.questions[0]
    name = question.name.lower()
    found: list[dns.Record] = []
    for _ in range(8):
        here = [record for record in records if record.name.lower() == name]
        alias = next((record for record in here if record.type == dns.CNAME), None)
        if alias is None or question.type == dns.CNAME:
            found += [record for record in here if question.type in (record.type, dns.ANY)]
            break
        found.append(alias)
        name = alias.data.lower()
    exists = found or any(record.name.lower() == name for record in records)
    return query.reply(dns.NOERROR if exists else dns.NXDOMAIN, tuple(found))


class _Server(asyncio.DatagramProtocol):
    def __init__(self, records: list[dns.Record]) -> None:
        self.records = records

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        try:
            query = dns.decode(data)
        except dns.MessageError:
            return
        if not query.response:
            self.transport.sendto(dns.encode(answer(query, self.records)), addr)


async def serve(records: list[dns.Record], host: str = "0.0.0.0", port: int = 53, listening: Callable[[], object] = lambda: None) -> None:
    """Answer until cancelled. Raises OSError."""
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(lambda: _Server(records), local_addr=(host, port))
    listening()
    try:
        await loop.create_future()
    finally:
        transport.close()


async def main(words: list[str], stdio: Stdio) -> int:
    """The command line."""
    parser = Parser("dns_server", "A DNS server that knows the given records; says when it listens.", stdio)
    parser.add_argument("records", nargs="*", metavar="NAME=DATA", help="an address, or a type and its data: web.test=10.0.0.80 'www.test=CNAME web.test.'")
    parser.add_argument("--address", default="0.0.0.0", help="where to listen")
    parser.add_argument("--port", type=int, default=53)
    options = parser.parse_args(words)
    try:
        records = [parse_record(text) for text in options.records]
    except ValueError as error:
        parser.error(str(error))
    try:
        await serve(records, options.address, options.port, lambda: stdio.write(f"listening on {options.address} port {options.port}\n".encode()))
    except OSError as error:
        stdio.error(f"port {options.port}: {os.strerror(error.errno) if error.errno else error}\n".encode())
        return 7
    return 0


if __name__ == "__main__":
    run(main)
