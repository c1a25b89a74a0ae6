"""dig: a DNS question and its answer in the words of BIND 9.18's dig."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from time import gmtime, strftime

from emu.apps import dns, resolv
from emu.apps.stdio import Stdio

EPOCH_S = 1_735_689_600
VERSION = "9.18.49-1~deb12u3-Debian"
SECTIONS = ("cmd", "comments", "question", "answer", "authority", "additional", "stats")
OPCODES = {0: "QUERY", 1: "IQUERY", 2: "STATUS", 4: "NOTIFY", 5: "UPDATE"}


@dataclass(slots=True)
class Query:
    """One question. `shown`: which parts of the answer. `server`: "" for those of resolv.conf."""

    name: str = "."
    type: int = dns.NS
    server: str = ""
    port: int = resolv.PORT
    local: tuple[str, int] | None = None
    short: bool = False
    shown: dict[str, bool] = field(default_factory=lambda: dict.fromkeys(SECTIONS, True))
    timeout: float = 5.0
    tries: int = 3
    search: bool = False
    recurse: bool = True
    edns: bool = True
    cookie: bool = True


class Dig:
    """`words`: the command line, which dig repeats."""

    def __init__(self, stdio: Stdio, resolver: resolv.Resolver, words: list[str]) -> None:
        self.stdio, self.resolver, self.words = stdio, resolver, words
        self.begun = False

    def say(self, *lines: str) -> None:
        """Lines to standard output."""
        self.stdio.write("".join(f"{line}\n" for line in lines).encode("utf-8", "surrogateescape"))

    async def run(self, query: Query, server_text: str) -> int:
        """The exit status. `server_text`: as it was typed."""
        try:
            dns.encode_name(query.name)
        except dns.MessageError as error:
            self.say(f"dig: {error}")
            return 10
        servers = (query.server,) if query.server else self.resolver.conf.asked
        names = self.resolver.conf.candidates(query.name) if query.search else [dns.absolute(query.name)]
        for index, name in enumerate(names):
            answer, server, took = await self._ask(query, name, servers)
            if answer is None:
                self._begin(query, server_text)
                self.say(";; no servers could be reached")
                return 9
            if answer.answers or index == len(names) - 1:
                self._show(query, answer, server, took, server_text)
                return 0
        return 0

    async def _ask(self, query: Query, name: str, servers: tuple[str, ...]) -> tuple[dns.Message | None, str, float]:
        loop = asyncio.get_running_loop()
        draw = self.resolver.draw.getrandbits
        cookie = draw(64).to_bytes(8, "big") if query.cookie and query.edns else b""
        message = dns.Message(
            draw(16), (dns.Question(name, query.type),), recursion_desired=query.recurse, authentic_data=True, udp_size=1232 if query.edns else 0,
            cookie=cookie,
        )  # fmt: skip
        for _ in range(query.tries):
            for server in servers:
                started = loop.time()
                try:
                    found = await resolv.ask_udp(server, [message], query.timeout, query.port, query.local, fragmentable=True)
                except TimeoutError:
                    self.say(f";; communications error to {server}#{query.port}: timed out")
                except OSError as error:
                    self.say(f";; communications error to {server}#{query.port}: {str(error.strerror or error).lower()}")
                else:
                    return found[0], server, loop.time() - started
        return None, "", 0.0

    def _begin(self, query: Query, server_text: str) -> None:
        if query.short or not query.shown["cmd"] or self.begun:
            return
        self.begun = True
        self.say("", f"; <<>> DiG {VERSION} <<>>{''.join(f' {word}' for word in self.words)}")
        if server_text:
            self.say("; (1 server found)")
        self.say(";; global options: +cmd")

    def _show(self, query: Query, answer: dns.Message, server: str, took: float, server_text: str) -> None:
        if query.short:
            self.say(*(record.data for record in answer.answers))
            return
        self._begin(query, server_text)
        shown = query.shown
        extra = len(answer.additionals) + (answer.udp_size > 0)
        if shown["comments"]:
            counts = f"QUERY: {len(answer.questions)}, ANSWER: {len(answer.answers)}, AUTHORITY: {len(answer.authorities)}, ADDITIONAL: {extra}"
            opcode = OPCODES.get(answer.opcode, f"RESERVED{answer.opcode}")
            rcode = dns.RCODES.get(answer.rcode, f"RESERVED{answer.rcode}")
            self.say(";; Got answer:", f";; ->>HEADER<<- opcode: {opcode}, status: {rcode}, id: {answer.id}", f";; flags: {_flags(answer)}; {counts}")
            if query.recurse and not answer.recursion_available:
                self.say(";; WARNING: recursion requested but not available")
            self.say("")
            if answer.udp_size:
                self.say(";; OPT PSEUDOSECTION:", f"; EDNS: version: 0, flags:; udp: {answer.udp_size}")
        if shown["question"] and answer.questions:
            title = [";; QUESTION SECTION:"] if shown["comments"] else []
            self.say(*title, *(_question(question) for question in answer.questions), "")
        for name, records in (("answer", answer.answers), ("authority", answer.authorities), ("additional", answer.additionals)):
            if shown[name] and records:
                title = [f";; {name.upper()} SECTION:"] if shown["comments"] else []
                self.say(*title, *map(record_line, records), *([""] if shown["comments"] else []))
        if shown["stats"]:
            when = strftime("%a %b %d %H:%M:%S UTC %Y", gmtime(EPOCH_S + int(asyncio.get_running_loop().time())))
            where = f";; SERVER: {server}#{query.port}({server_text or server}) (UDP)"
            self.say(f";; Query time: {int(took * 1000)} msec", where, f";; WHEN: {when}", f";; MSG SIZE  rcvd: {answer.length}", "")


def _flags(message: dns.Message) -> str:
    named = (
        ("qr", message.response), ("aa", message.authoritative), ("tc", message.truncated), ("rd", message.recursion_desired),
        ("ra", message.recursion_available), ("ad", message.authentic_data), ("cd", message.checking_disabled),
    )  # fmt: skip
    return " ".join(name for name, on in named if on)


def _question(question: dns.Question) -> str:
    return f"{_tabbed(f';{question.name}', 32)}IN\t{dns.TYPES.get(question.type, f'TYPE{question.type}')}"


def record_line(record: dns.Record) -> str:
    """As a zone file has it, in columns."""
    return f"{_tabbed(record.name, 24)}{record.ttl}\tIN\t{dns.TYPES.get(record.type, f'TYPE{record.type}')}\t{record.data}"


def _tabbed(text: str, column: int) -> str:
    """Tabs up to the column; beyond it a space."""
    at = len(text)
    if at >= column:
        return text + " "
    return text + "\t" * -(-(column - at) // 8)
