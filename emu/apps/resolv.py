"""The stub resolver of glibc: /etc/hosts, resolv.conf's search list and ndots, and real DNS packets to its servers (resolv.conf(5), res_search, res_send).

IPv4 only: AAAA may be asked for, what comes back is IPv4 addresses.
"""

from __future__ import annotations

import asyncio
import socket
from dataclasses import dataclass, replace
from random import Random

from emu.aio.resolver import gaierror
from emu.apps.dns import AAAA, CNAME, NOERROR, NXDOMAIN, PTR, SERVFAIL, A, Message, MessageError, Question, absolute, decode, encode, reverse_name
from emu.wire.addr import ip_int

PORT = 53
MAX_SERVERS, MAX_SEARCH, MAX_NDOTS = 3, 32, 15  # MAXNS; Kubernetes' limit of search domains; RES_MAXNDOTS
MAX_TIMEOUT, MAX_ATTEMPTS = 30, 5  # RES_MAXRETRANS, RES_MAXRETRY
MAX_ALIASES = 16
IP_MTU_DISCOVER, IP_PMTUDISC_DONT = 10, 0


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
            if words[0] == "nameserver" and len(words) > 1 and is_address(words[1]) and len(conf.servers) < MAX_SERVERS:
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

    @property
    def asked(self) -> tuple[str, ...]:
        """The servers that are asked: without any, the machine's own."""
        return self.servers or ("127.0.0.1",)

    def candidates(self, name: str) -> list[str]:
        """The full names to ask for, in order (res_search): with few dots the search list first."""
        if name.endswith("."):
            return [name]
        searched = [absolute(f"{name}.{domain}" if domain else name) for domain in self.search]
        as_is = [absolute(name)]
        return [*as_is, *searched] if name.count(".") >= self.ndots else [*searched, *as_is]

    def seconds(self, index: int) -> float:
        """How long the server of this index is waited for (send_dg)."""
        return max(self.timeout if not index else self.timeout * 2**index // len(self.asked), 1.0)


def is_address(text: str) -> bool:
    """Whether it is an IPv4 address."""
    try:
        ip_int(text)
    except ValueError:
        return False
    return True


def parse_hosts(text: str) -> list[tuple[str, list[str]]]:
    """/etc/hosts as (address, names)."""
    lines = [line.split("#")[0].split() for line in text.splitlines()]
    return [(words[0], words[1:]) for words in lines if len(words) > 1 and is_address(words[0])]


# -- one server


class _Answers(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self.queue: asyncio.Queue[bytes | Exception] = asyncio.Queue()

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.queue.put_nowait(data)

    def error_received(self, exc: Exception) -> None:
        self.queue.put_nowait(exc)


async def ask_udp(
    server: str, queries: list[Message], timeout: float = 5.0, port: int = PORT, local: tuple[str, int] | None = None, fragmentable: bool = False,
) -> list[Message]:  # fmt: skip
    """Send the queries from one UDP socket and wait for all answers, in the order of the queries. Raises TimeoutError, OSError.

    `fragmentable`: without "don't fragment", as BIND's tools send.
    """
    loop = asyncio.get_running_loop()
    transport, protocol = await loop.create_datagram_endpoint(_Answers, local_addr=local, remote_addr=(server, port))
    found: dict[int, Message] = {}
    if fragmentable:
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DONT)
    try:
        for query in queries:
            transport.sendto(encode(query))
        async with asyncio.timeout(timeout):
            while len(found) < len(queries):
                data = await protocol.queue.get()
                if isinstance(data, Exception):
                    raise data
                try:
                    answer = decode(data)
                except MessageError:
                    continue
                if answer.response and any(query.id == answer.id and query.questions == answer.questions for query in queries):
                    found[answer.id] = answer
    finally:
        transport.close()
    return [found[query.id] for query in queries]


async def ask_tcp(server: str, queries: list[Message], timeout: float = 5.0, port: int = PORT) -> list[Message]:
    """The same over one TCP connection, one after the other. Raises TimeoutError, OSError, MessageError."""
    async with asyncio.timeout(timeout):
        reader, writer = await asyncio.open_connection(server, port)
        try:
            found = []
            for query in queries:
                data = encode(query)
                writer.write(len(data).to_bytes(2, "big") + data)
                size = int.from_bytes(await reader.readexactly(2), "big")
                found.append(decode(await reader.readexactly(size)))
            return found
        except asyncio.IncompleteReadError:
            raise MessageError("the server closed the connection") from None
        finally:
            writer.close()


# -- the servers of resolv.conf


class Resolver:
    """Lookups as the C library makes them. `draw`: random numbers for message ids. `hosts`: what parse_hosts gives. `kinds`: what `lookup` asks for at once."""

    def __init__(self, conf: ResolvConf, draw: Random, hosts: list[tuple[str, list[str]]] | None = None, kinds: tuple[int, ...] = (A,)) -> None:
        self.conf, self.draw, self.hosts, self.kinds = conf, draw, hosts or [], kinds

    def query(self, name: str, kind: int) -> Message:
        """One question."""
        return Message(self.draw.getrandbits(16), (Question(absolute(name), kind),))

    def in_hosts(self, name: str) -> tuple[list[str], str] | None:
        """Addresses and the canonical name of a name in the hosts file."""
        wanted = name.rstrip(".").lower()
        found = [(address, names) for address, names in self.hosts if wanted in (known.lower() for known in names)]
        return ([address for address, _ in found], found[0][1][0]) if found else None

    def names_in_hosts(self, address: str) -> list[str]:
        """The names of an address in the hosts file."""
        return next((names for known, names in self.hosts if known == address), [])

    async def lookup(self, name: str) -> list[str]:
        """IPv4 addresses as getaddrinfo gives them, [] if there is no such name. Raises socket.gaierror as `addresses` does."""
        return (await self.addresses(name, self.kinds))[0]

    async def addresses(self, name: str, kinds: tuple[int, ...] = (A, AAAA)) -> tuple[list[str], str]:
        """IPv4 addresses and the canonical name; no addresses if there is no such name.

        Raises socket.gaierror: EAI_AGAIN when no server can tell, EAI_NODATA for a name without any address.
        """
        if (known := self.in_hosts(name)) is not None:
            return known
        candidates = self.conf.candidates(name)
        before: set[int] = set()  # what the names of the search list came to, if none was found
        first: int | None = None  # what the name as it is came to, if it was asked for first
        while candidates:
            full = candidates.pop(0)
            from_list = full != absolute(name)
            try:
                answers = await self.ask(full, kinds)
            except ConnectionRefusedError:
                if from_list or not candidates:
                    raise gaierror(socket.EAI_AGAIN) from None
                answers = []
            if any(answer.rcode == NOERROR and answer.answers for answer in answers):
                found = [address for answer in answers for address in addresses(answer, full)]
                if not found and A in kinds:
                    raise gaierror(socket.EAI_NODATA)
                return found, canonical(full, answers[0])
            result = _error(answers)
            if not from_list and candidates:
                first = result
            elif from_list and not answers:
                # Nobody answered: res_search gives the list up, and tries the name as it is, if it has not yet.
                candidates = [each for each in candidates if each == absolute(name)]
            before.add(result)
        for result in [first] if first is not None else [socket.EAI_NODATA, socket.EAI_AGAIN]:
            if result in before and result != socket.EAI_NONAME:
                raise gaierror(result)
        return [], name

    async def pointers(self, address: str) -> list[str]:
        """The names of an address. Raises socket.gaierror EAI_AGAIN."""
        if names := self.names_in_hosts(address):
            return names
        try:
            answers = await self.ask(reverse_name(address), (PTR,))
        except ConnectionRefusedError:
            answers = []
        if _error(answers) == socket.EAI_AGAIN:
            raise gaierror(socket.EAI_AGAIN)
        return [record.data.rstrip(".") for record in answers[0].answers if record.type == PTR]

    async def ask(self, full: str, kinds: tuple[int, ...]) -> list[Message]:
        """The same questions to the servers in turn, `attempts` times round, until one knows. [] if nobody answered; SERVFAIL if that was the last answer.

        Raises ConnectionRefusedError when all refused, which ends a search.
        """
        last: list[Message] = []
        refused = True
        queries = [self.query(full, kind) for kind in kinds]
        for _ in range(self.conf.attempts):
            for index, server in enumerate(self.conf.asked):
                seconds = self.conf.seconds(index)
                try:
                    answers = await ask_udp(server, queries, seconds)
                    if any(answer.truncated for answer in answers):
                        answers = await ask_tcp(server, queries, seconds)
                except ConnectionRefusedError:
                    continue
                except (OSError, MessageError):
                    refused = False
                    continue
                refused = False
                if known := [answer for answer in answers if answer.rcode in (NOERROR, NXDOMAIN)]:
                    return known
                last = answers if answers[0].rcode == SERVFAIL else last
        if refused:
            raise ConnectionRefusedError
        return last


def _error(answers: list[Message]) -> int:
    """The EAI_ code of answers without what was asked for."""
    if any(answer.rcode == NOERROR for answer in answers):
        return socket.EAI_NODATA
    return socket.EAI_NONAME if any(answer.rcode == NXDOMAIN for answer in answers) else socket.EAI_AGAIN


def addresses(answer: Message, full: str) -> list[str]:
    """The IPv4 addresses that an answer gives a name, aliases followed."""
    name = canonical(absolute(full), answer).lower()
    return [record.data for record in answer.answers if record.type == A and record.name.rstrip(".").lower() == name]


def canonical(name: str, answer: Message) -> str:
    """The name at the end of the CNAMEs, without its dot."""
    aliases = {record.name.lower(): record.data for record in answer.answers if record.type == CNAME}
    for _ in range(min(len(aliases), MAX_ALIASES)):
        name = aliases.get(name.lower(), name)
    return name.rstrip(".")
