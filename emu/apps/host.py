"""host and nslookup: DNS questions in the words of BIND 9.18's tools."""

from __future__ import annotations

from dataclasses import replace

from emu.apps import dns, resolv
from emu.apps.resolv import Resolver
from emu.apps.stdio import Stdio

WORDS = {
    dns.A: "has address", dns.AAAA: "has IPv6 address", dns.CNAME: "is an alias for", dns.PTR: "domain name pointer", dns.MX: "mail is handled by",
    dns.NS: "name server", dns.TXT: "descriptive text", dns.SRV: "has SRV record", dns.SOA: "has SOA record",
}  # fmt: skip
EQUALS = {dns.CNAME: "canonical name =", dns.PTR: "name =", dns.MX: "mail exchanger =", dns.NS: "nameserver =", dns.TXT: "text =", dns.SRV: "service ="}


class Tool:
    """What host and nslookup share. `server`: "" for those of resolv.conf."""

    def __init__(self, stdio: Stdio, resolver: Resolver, server: str = "", port: int = resolv.PORT) -> None:
        self.stdio, self.resolver, self.port = stdio, resolver, port
        self.conf = replace(resolver.conf, servers=(server,)) if server else resolver.conf
        self.server = self.conf.asked[0]

    def say(self, *lines: str) -> None:
        """Lines to standard output."""
        self.stdio.write("".join(f"{line}\n" for line in lines).encode("utf-8", "surrogateescape"))

    async def ask(self, name: str, kind: int) -> dns.Message | None:
        """The answer about one absolute name; None if no server gave one, which is told."""
        for _ in range(self.conf.attempts):
            for server in self.conf.asked:
                try:
                    found = await resolv.ask_udp(server, [self.resolver.query(name, kind)], self.conf.timeout, self.port, fragmentable=True)
                except TimeoutError:
                    self.say(f";; communications error to {server}#{self.port}: timed out")
                except OSError as error:
                    self.say(f";; communications error to {server}#{self.port}: {str(error.strerror or error).lower()}")
                else:
                    self.server = server
                    return found[0]
        self.say(";; no servers could be reached")
        return None

    async def search(self, name: str, kind: int) -> tuple[str, dns.Message | None]:
        """As `ask`, by the search list; the name that was found, else the last one tried."""
        answer: dns.Message | None = None
        candidate = name
        for candidate in self.conf.candidates(name):
            answer = await self.ask(candidate, kind)
            if answer is None or answer.rcode != dns.NXDOMAIN:
                break
        return candidate, answer


async def host(stdio: Stdio, resolver: Resolver, name: str, kind: int | None, server: str, port: int = resolv.PORT) -> int:
    """host NAME [SERVER]; `kind` None: addresses and mail. The exit status."""
    tool = Tool(stdio, resolver, server, port)
    if server:
        tool.say("Using domain server:", f"Name: {server}", f"Address: {server}#{port}", "Aliases: ", "")
    try:
        asked, kinds = dns.reverse_name(name), [dns.PTR]
    except ValueError:
        asked, kinds = name, [kind] if kind is not None else [dns.A, dns.AAAA, dns.MX]
    for index, one in enumerate(kinds):
        if index:
            answer = await tool.ask(asked, one)
        else:
            asked, answer = await tool.search(asked, one)
        if answer is None:
            return 1
        if answer.rcode != dns.NOERROR:
            if not index:
                tool.say(f"Host {name if one != dns.PTR else asked} not found: {answer.rcode}({dns.RCODES.get(answer.rcode, 'RESERVED')})")
                return 1
            continue
        if not answer.answers and kind is not None:
            tool.say(f"{asked.rstrip('.')} has no {dns.TYPES[one]} record")
        for record in answer.answers:
            tool.say(f"{record.name.rstrip('.')} {WORDS.get(record.type, f'has {dns.TYPES.get(record.type, record.type)} record')} {record.data}")
        asked = dns.absolute(resolv.canonical(asked, answer))
    return 0


async def nslookup(stdio: Stdio, resolver: Resolver, name: str, kind: int | None, server: str, port: int = resolv.PORT) -> int:
    """nslookup NAME [SERVER]. The exit status."""
    tool = Tool(stdio, resolver, server, port)
    tool.conf = replace(tool.conf, attempts=max(tool.conf.attempts, 3))
    try:
        asked, kinds = dns.reverse_name(name), [dns.PTR]
    except ValueError:
        asked, kinds = name, [kind] if kind is not None else [dns.A, dns.AAAA]
    begun = False
    for index, one in enumerate(kinds):
        if index:
            answer = await tool.ask(asked, one)
        else:
            asked, answer = await tool.search(asked, one)
        if answer is None:
            tool.say("")
            return 1
        if not begun and one != dns.PTR:
            tool.say(f"Server:\t\t{tool.server}", f"Address:\t{tool.server}#{port}", "")
        if answer.rcode != dns.NOERROR:
            if not index:
                shown = name if one != dns.PTR else asked.rstrip(".")
                tool.say(f"** server can't find {shown}: {dns.RCODES.get(answer.rcode, 'RESERVED')}", "")
                return 1
            continue
        if not begun and one != dns.PTR and not answer.authoritative and (answer.answers or kind is None):
            tool.say("Non-authoritative answer:")
        begun = True
        for record in answer.answers:
            if record.type in (dns.A, dns.AAAA):
                tool.say(f"Name:\t{record.name.rstrip('.')}", f"Address: {record.data}")
            else:
                data = record.data if index == 0 else ""
                if data:
                    tool.say(f"{record.name.rstrip('.')}\t{EQUALS.get(record.type, dns.TYPES.get(record.type, '') + ' =')} {data}")
        if not answer.answers and kind is not None:
            tool.say(f"*** Can't find {name}: No answer")
        asked = dns.absolute(resolv.canonical(asked, answer))
    if kinds[0] in (dns.A, dns.AAAA):
        tool.say("")
    else:
        tool.say("", "Authoritative answers can be found from:", "")
    return 0
