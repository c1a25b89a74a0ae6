"""One question: can FROM reach TO? It is asked with real packets; the answer says who took them, or why nobody did."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from emu.apps.echo import udp_request
from emu.apps.http_client import HttpError, Response, http_get
from emu.k8s.objects import KubernetesError, Pod
from emu.lab.ask.explain import Why, why_not
from emu.lab.ask.places import Target, source, target
from emu.lab.host import Host

if TYPE_CHECKING:
    from emu.lab.cluster import Cluster
    from emu.lab.trace import Trace

PROTOCOLS = ("tcp", "udp", "icmp", "http")
TIMEOUT = 5.0
DNS = 53


@dataclass(frozen=True, slots=True)
class Answer:
    """`delivered`: the other side took it (a TCP connection stood, an HTTP answer came, an echo came back; a datagram reached a socket).

    `backend`: who took it, in words. `why` is None where it was delivered. `status` and `body` of an HTTP answer.
    """

    source: str
    target: Target
    protocol: str
    trace: Trace
    delivered: bool
    backend: str
    why: Why | None
    status: int = 0
    body: str = ""

    @property
    def verdict(self) -> str:
        """One sentence."""
        what = f"{self.protocol.upper()} {self.source} → {self.target.name}"
        what += f" ({self.target.address}{f':{self.target.port}' if self.target.port else ''})"
        if self.why is not None:
            return f"{what}: not delivered. {self.why.reason}"
        http = f", which answered {self.status}" if self.status else ""
        return f"{what}: delivered to {self.backend}{http}"

    def to_dict(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "from": self.source,
            "to": self.target.name,
            "address": self.target.address,
            "port": self.target.port,
            "protocol": self.protocol,
            "delivered": self.delivered,
            "backend": self.backend,
            "verdict": self.verdict,
            "reason": self.why.reason if self.why is not None else "",
            "advice": self.why.advice if self.why is not None else "",
            "status": self.status,
            "trace": self.trace.to_dict(),
        }


def ask(cluster: Cluster, sender: str, receiver: str, *, protocol: str = "", path: str = "/", namespace: str = "default", timeout: float = TIMEOUT) -> Answer:
    """Send from `sender` to `receiver` (see places.py). Raises KubernetesError for what cannot be asked."""
    host = source(cluster, sender, namespace)
    where = target(cluster, receiver, host, namespace)
    chosen = protocol or where.protocol or "icmp"
    if chosen not in PROTOCOLS:
        raise KubernetesError(f"{receiver}: {chosen} cannot be sent here: one of {', '.join(PROTOCOLS)}")
    if chosen == "icmp":
        where = Target(where.name, where.address, 0, "", where.thing)
    elif not where.port:
        where = Target(where.name, where.address, 80, chosen if chosen == "udp" else "tcp", where.thing)
    return answer_of(cluster, host, _called(sender, host), where, chosen, path, timeout)


def _called(text: str, host: Host) -> str:
    return text if text == "internet" or text.partition("/")[0] in ("node", "nodes", "no") else f"pod {host.name}" if "/" not in text else text


def answer_of(cluster: Cluster, host: Host, name: str, where: Target, protocol: str, path: str, timeout: float) -> Answer:
    """Send, and say what became of it."""
    status, body = 0, ""
    error: BaseException | None = None
    if protocol == "icmp":
        trace = host.ping(where.address, timeout=timeout)
        error = trace.result if isinstance(trace.result, BaseException) else None
        delivered = trace.delivered
    elif protocol == "http":
        url = f"http://{where.address}:{where.port}{path}"
        trace = host.run(_get(url, timeout), f"GET {url}")
        if isinstance(trace.result, HttpError):
            other = Why(f"{where.name} was reached, but {trace.result}", "ask without HTTP, or let a program that speaks it listen there")
            return Answer(name, where, protocol, trace, False, "", other)
        delivered = not trace.error
        if delivered:
            status, body = trace.result.status, trace.result.body
    elif protocol == "udp":
        trace = host.run(udp_request(where.address, where.port, b"hello", timeout=timeout), f"UDP {where.address}:{where.port}")
        delivered = not trace.error or _datagram_taken(trace, host.netns.name, where.port)
    else:
        trace = host.run(connect(where.address, where.port, timeout), f"TCP {where.address}:{where.port}")
        delivered = not trace.error
    if not delivered and error is None and isinstance(trace.result, BaseException):
        error = trace.result
    backend = _backend(cluster, trace, host, protocol) if delivered else ""
    why = None if delivered else why_not(cluster, trace, where, error)
    return Answer(name, where, protocol, trace, delivered, backend, why, status, body)


async def connect(address: str, port: int, timeout: float) -> str:
    """Open a connection and close it; the address that answered."""
    async with asyncio.timeout(timeout):
        _, writer = await asyncio.open_connection(address, port)
    peer = writer.get_extra_info("peername")
    writer.close()
    return str(peer[0])


async def _get(url: str, timeout: float) -> Response | HttpError:
    """The answer, or what is wrong with it."""
    try:
        return await http_get(url, timeout=timeout)
    except HttpError as error:
        return error


def _datagram_taken(trace: Trace, sender: str, port: int) -> bool:
    """Whether a socket elsewhere took the datagram, though it did not answer; questions to DNS on the way do not count."""
    for hop in trace.hops:
        for kind, text in hop.steps:
            if kind == "delivered" and text.startswith("to UDP") and hop.netns != sender and (port == DNS or not text.endswith(f":{DNS}")):
                return True
    return False


def _backend(cluster: Cluster, trace: Trace, host: Host, protocol: str) -> str:
    word = {"icmp": "echo request", "udp": "to UDP"}.get(protocol, "to TCP")
    taken = ""
    for hop in trace.hops:
        for kind, text in hop.steps:
            # The name was looked up first: DNS servers took frames, too. The last to take one is who was meant.
            if kind == "delivered" and text.startswith(word) and (hop.netns != host.netns.name or not taken):
                taken = hop.netns if hop.netns != host.netns.name else taken
    taken = taken or host.netns.name
    pod: Pod | None = next((each for each in cluster.api.pods.values() if cluster.netns_of(each) == taken and not each.spec.host_network), None)
    if pod is not None:
        return f"pod {pod.namespace}/{pod.name} ({pod.ip}) on {pod.node}"
    return taken if taken not in {node.name: None for node in cluster.nodes} else f"node {taken}"
