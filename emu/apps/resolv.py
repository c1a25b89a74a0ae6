"""The stub resolver of a C library: /etc/hosts, then the name servers of /etc/resolv.conf over UDP (resolver(5), hosts(5))."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from dataclasses import dataclass, field

from emu.apps import dns
from emu.wire.addr import ip_int

PORT = 53
IP_MTU_DISCOVER, IP_PMTUDISC_DONT = 10, 0
NONAME, AGAIN = -2, -3  # EAI_NONAME, EAI_AGAIN


class NoAnswer(Exception):
    """No server gave one. `lines`: what went wrong with each, in dig's words."""

    def __init__(self, lines: list[str]) -> None:
        super().__init__(lines[-1] if lines else "no servers could be reached")
        self.lines = lines


@dataclass(slots=True)
class Config:
    """resolv.conf, and the hosts file as (address, names)."""

    servers: list[str] = field(default_factory=list)
    search: list[str] = field(default_factory=list)
    ndots: int = 1
    timeout: float = 5.0
    attempts: int = 2
    hosts: list[tuple[str, list[str]]] = field(default_factory=list)


def parse(resolv_conf: str, hosts: str = "") -> Config:
    """What is not understood is passed over, as the C library does."""
    config = Config()
    for line in resolv_conf.splitlines():
        words = line.split("#")[0].split(";")[0].split()
        if len(words) > 1 and words[0] == "nameserver" and _is_address(words[1]) and len(config.servers) < 3:
            config.servers.append(words[1])
        elif len(words) > 1 and words[0] in ("search", "domain"):
            config.search = words[1:]
        elif words[:1] == ["options"]:
            for option in words[1:]:
                name, _, value = option.partition(":")
                if value.isdigit() and name in ("ndots", "timeout", "attempts"):
                    setattr(config, name, float(value) if name == "timeout" else int(value))
    if not config.servers:
        config.servers = ["127.0.0.1"]
    for line in hosts.splitlines():
        words = line.split("#")[0].split()
        if len(words) > 1 and _is_address(words[0]):
            config.hosts.append((words[0], words[1:]))
    return config


def _is_address(text: str) -> bool:
    try:
        ip_int(text)
    except ValueError:
        return False
    return True


def candidates(name: str, config: Config) -> list[str]:
    """The names to ask for, in order: with few dots the search list first."""
    if name.endswith("."):
        return [name]
    searched = [f"{name}.{domain.strip('.')}." for domain in config.search]
    return [f"{name}.", *searched] if name.count(".") >= config.ndots else [*searched, f"{name}."]


class _Answers(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self.queue: asyncio.Queue[bytes | Exception] = asyncio.Queue()

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.queue.put_nowait(data)

    def error_received(self, exc: Exception) -> None:
        self.queue.put_nowait(exc)


async def ask(
    server: str, queries: list[dns.Message], timeout: float, port: int = PORT, local: tuple[str, int] | None = None, fragmentable: bool = False,
) -> list[dns.Message]:  # fmt: skip
    """Send the queries from one socket and wait for all answers, in the order of the queries. Raises TimeoutError, OSError.

    `fragmentable`: without "don't fragment", as BIND's tools send.
    """
    loop = asyncio.get_running_loop()
    transport, protocol = await loop.create_datagram_endpoint(_Answers, local_addr=local, remote_addr=(server, port))
    found: dict[int, dns.Message] = {}
    if fragmentable:
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DONT)
    try:
        for query in queries:
            transport.sendto(dns.encode(query))
        async with asyncio.timeout(timeout):
            while len(found) < len(queries):
                data = await protocol.queue.get()
                if isinstance(data, Exception):
                    raise data
                try:
                    answer = dns.decode(data)
                except dns.MessageError:
                    continue
                if answer.response and any(query.id == answer.id and query.questions == answer.questions for query in queries):
                    found[answer.id] = answer
    finally:
        transport.close()
    return [found[query.id] for query in queries]


async def ask_any(config: Config, make: Callable[[], list[dns.Message]]) -> tuple[str, list[dns.Message]]:
    """Each server in turn, the whole list `attempts` times; the one that answered, and its answers. Raises NoAnswer."""
    lines: list[str] = []
    queries = make()
    for _ in range(config.attempts):
        for server in config.servers:
            try:
                answers = await ask(server, queries, config.timeout)
            except TimeoutError:
                lines.append(f";; communications error to {server}#{PORT}: timed out")
            except OSError as error:
                lines.append(f";; communications error to {server}#{PORT}: {str(error.strerror or error).lower()}")
            else:
                if all(answer.rcode in (dns.NOERROR, dns.NXDOMAIN) for answer in answers):
                    return server, answers
                lines.append(f";; {server}#{PORT}: {dns.RCODES.get(answers[0].rcode, 'error')}")
    raise NoAnswer(lines)


class Resolver:
    """`draw()`: a number for the next query's id. Lookups as the C library makes them."""

    def __init__(self, config: Config, draw: Callable[[], int]) -> None:
        self.config, self.draw = config, draw

    def query(self, name: str, kind: int) -> dns.Message:
        """One question."""
        return dns.Message(self.draw() & 0xFFFF, (dns.Question(name, kind),))

    def in_hosts(self, name: str) -> tuple[list[str], str] | None:
        """Addresses and the canonical name of a name in the hosts file."""
        wanted = name.rstrip(".").lower()
        found = [(address, names) for address, names in self.config.hosts if wanted in (known.lower() for known in names)]
        return ([address for address, _ in found], found[0][1][0]) if found else None

    def names_in_hosts(self, address: str) -> list[str]:
        """The names of an address in the hosts file."""
        return next((names for known, names in self.config.hosts if known == address), [])

    async def addresses(self, name: str, kinds: tuple[int, ...] = (dns.A, dns.AAAA)) -> tuple[list[str], str]:
        """IPv4 addresses (none if the name has none) and the canonical name, as getaddrinfo asks: for both families at once. Raises NoAnswer."""
        if (known := self.in_hosts(name)) is not None:
            return known
        for candidate in candidates(name, self.config):
            _, answers = await ask_any(self.config, lambda candidate=candidate: [self.query(candidate, kind) for kind in kinds])  # type: ignore[misc]
            found = [record.data for answer in answers for record in answer.answers if record.type == dns.A]
            if found:
                return found, canonical(candidate, answers[0])
        return [], name

    async def pointers(self, address: str) -> list[str]:
        """The names of an address. Raises NoAnswer."""
        if names := self.names_in_hosts(address):
            return names
        _, answers = await ask_any(self.config, lambda: [self.query(dns.reverse_name(address), dns.PTR)])
        return [record.data.rstrip(".") for record in answers[0].answers if record.type == dns.PTR]


def canonical(name: str, answer: dns.Message) -> str:
    """The name at the end of the CNAMEs, without its dot."""
    aliases = {record.name.lower(): record.data for record in answer.answers if record.type == dns.CNAME}
    for _ in range(len(aliases)):
        name = aliases.get(name.lower(), name)
    return name.rstrip(".")
