"""What any machine, pod or container can be told to do: ping, fetch, send. Each call runs virtual time until it is over."""

from __future__ import annotations

from collections.abc import Coroutine
from shlex import quote
from typing import TYPE_CHECKING, Any

from emu.aio.process import spawn
from emu.apps.echo import udp_request
from emu.apps.http_client import http_get
from emu.apps.ping import ping as ping_program
from emu.apps.traceroute import traceroute as traceroute_program
from emu.iproute import neigh
from emu.lab import send
from emu.lab.trace import Trace
from emu.trace.points import OMITTED, RAN, RUN

if TYPE_CHECKING:
    from scapy.packet import Packet

    from emu.lab.cluster import Cluster

MOST_SECONDS = 1e9


class Reply:
    """An answer, or the error instead of it. `status` is HTTP's, 0 for other protocols; `peer` the address that answered."""

    def __init__(self, trace: Trace, status: int = 0, body: str = "", error: OSError | None = None) -> None:
        self.trace, self.status, self.body, self.error = trace, status, body, error

    @property
    def ok(self) -> bool:
        """An answer came."""
        return self.error is None

    @property
    def refused(self) -> bool:
        """The connection was refused at once."""
        return isinstance(self.error, ConnectionRefusedError)

    @property
    def timed_out(self) -> bool:
        """Nothing came back in time."""
        return isinstance(self.error, TimeoutError)


class Host:
    """Something with a network namespace in a cluster."""

    cluster: Cluster
    name: str

    @property
    def netns(self) -> Any:
        """Its network namespace: `devices`, `fib`, `neigh`, `nf`, `ct`, `sysctl`, `drops`."""
        raise NotImplementedError

    @property
    def ip(self) -> str:
        """Its address."""
        raise NotImplementedError

    def neighbour(self, ip: str) -> tuple[str, str]:
        """MAC and state of its neighbour entry for `ip` on eth0, as `ip neigh` prints them; empty texts without one."""
        for line in neigh.show(self.netns, "eth0").splitlines():
            words = line.split()
            if words[0] == ip:
                return words[words.index("lladdr") + 1] if "lladdr" in words else "", words[-1]
        return "", ""

    # -- programs -----------------------------------------------------------------------------------------------------------------

    def ping(self, destination: str, count: int = 1, *, interval: float = 1.0, timeout: float = 1.0, ttl: int | None = None, size: int = 56) -> Trace:
        """`ping -c COUNT`: delivered if every request was answered."""
        where = f"{self.name}: ping {destination}"
        in_range(where, "count", count, 1, 1_000_000)
        in_range(where, "size", size, 0, 65507)
        in_range(where, "interval", interval, 0, MOST_SECONDS)
        in_range(where, "timeout", timeout, 0, MOST_SECONDS)
        if ttl is not None:
            in_range(where, "ttl", ttl, 1, 255)
        trace, result = self._run(
            f"ping {destination}", destination, ping_program(destination, count, interval, size, timeout=timeout, ttl=ttl, quiet=False),
            _ping_command(destination, count, interval, size, timeout, ttl),
        )  # fmt: skip
        trace.result = result
        trace.delivered = result is not None and result.received == count
        if result is not None and result.replies:
            trace.ttl, trace.rtt_ns = result.ttl, result.replies[0].time_ns
        return trace

    def traceroute(self, destination: str, *, max_hops: int = 30, queries: int = 1) -> Trace:
        """`traceroute -q QUERIES`: `trace.result.hops` lists who answered at each distance."""
        in_range(f"{self.name}: traceroute {destination}", "max_hops", max_hops, 1, 255)
        in_range(f"{self.name}: traceroute {destination}", "queries", queries, 1, 10)
        trace, result = self._run(
            f"traceroute {destination}", destination, traceroute_program(destination, max_hops=max_hops, queries=queries),
            f"traceroute -n -q {queries} -m {max_hops} {destination}",
        )  # fmt: skip
        trace.result = result
        trace.delivered = result is not None and result.reached
        return trace

    def http_get(self, url: str, *, timeout: float = 5.0) -> Reply:
        """GET `url`; an error status is an answer too."""
        if not isinstance(url, str):
            raise ValueError(f"{self.name}: GET: {url!r} is not an http:// URL")
        command = f"python3 -m emu.apps.http_client {quote(url)}" + (f" --timeout {timeout:g}" if timeout != 5 else "")
        trace, response = self._run(f"GET {url}", url, http_get(url, timeout=timeout), command)
        if response is None:
            return Reply(trace, error=_os_error(trace.result))
        trace.delivered = True
        return Reply(trace, response.status, response.body)

    def udp(self, destination: str, port: int, data: bytes = b"hello", *, timeout: float = 1.0) -> Reply:
        """Send one datagram and wait for one back."""
        in_range(f"{self.name}: UDP {destination}", "port", port, 1, 65535)
        if not isinstance(data, bytes):
            raise ValueError(f"{self.name}: UDP {destination}: data: {type(data).__name__} is not bytes")
        text = quote(data.decode("latin-1"))
        command = f"python3 -m emu.apps.echo {port} --to {destination} --text {text}" + (f" --timeout {timeout:g}" if timeout != 1 else "")
        trace, answer = self._run(f"UDP {destination}:{port}", f"{destination}:{port}", udp_request(destination, port, data, timeout=timeout), command)
        if answer is None:
            return Reply(trace, error=_os_error(trace.result))
        trace.delivered = True
        return Reply(trace, body=answer.decode("utf-8", "replace"))

    def send(self, packet: Packet | bytes, device: str | None = None) -> Trace:
        """Send anything scapy can build, or raw bytes; what is left open is filled from this namespace. Returns when it has come to rest.

        Delivered: it reached somebody who took it (a copy did, of every packet of a set). Raises NetError naming what is missing.
        """
        cluster = self.cluster
        if cluster.tp.journal:
            cluster.tp.on_journal(OMITTED, self.netns.name, f"{self.name} sends a frame made by hand: {send.title(packet)}")
        recording = cluster.recorder.begin()
        trace = Trace(f"{self.name}: {send.title(packet)} by hand", self.name, "", recording)
        try:
            sent = send.transmit(self.netns, packet, device)
            cluster.settle(recording)
        finally:
            cluster.recorder.end(recording)
        trace.delivered = bool(sent) and all(frame_id in recording.delivered for frame_id in sent)
        return trace

    def run(self, program: Coroutine[Any, Any, Any], title: str = "program", command: str = "") -> Trace:
        """Run a coroutine of your own in this namespace until it returns; `trace.result` is what it returned or raised.

        `command`: a command line that does the same, for the journal.
        """
        if not isinstance(program, Coroutine):
            raise ValueError(f"{self.name}: {title}: {program!r} is not a coroutine: call the async function")
        trace, result = self._run(title, "", program, command)
        if trace.error == "":
            trace.result, trace.delivered = result, True
        return trace

    def _run(self, title: str, destination: str, program: Coroutine[Any, Any, Any], command: str = "") -> tuple[Trace, Any]:
        cluster = self.cluster
        tp = cluster.tp
        try:
            netns = self.netns
            if not isinstance(destination, str):
                raise ValueError(f"{self.name}: {title}: an address or a name is text, not {type(destination).__name__}")
        except ValueError:
            program.close()
            raise
        recording = cluster.recorder.begin()
        trace = Trace(f"{self.name}: {title}", self.name, destination, recording)
        result = None
        if tp.journal:
            tp.on_journal(*((RUN, netns.name, command, self.name) if command else (OMITTED, netns.name, f"{self.name} runs a program: {title}")))
        try:
            process = spawn(cluster.loop, netns, program, name=f"{self.name}: {title}")
            cluster.run_until(process)
            error = process.error
            if error is None:
                result = process.result
            elif isinstance(error, OSError):
                trace.error, trace.result = str(error) or type(error).__name__, error
            else:
                raise error
            if tp.journal:
                tp.on_journal(RAN, netns.name, trace.error or getattr(result, "failure", ""), self.name)
            cluster.settle(recording)
        finally:
            cluster.recorder.end(recording)
        return trace, result


def _ping_command(destination: str, count: int, interval: float, size: int, timeout: float, ttl: int | None) -> str:
    given = (("-c", count, None), ("-i", interval, 1), ("-W", timeout, None), ("-t", ttl, None), ("-s", size, 56))
    return "ping " + "".join(f"{option} {value:g} " for option, value, usual in given if value is not None and value != usual) + quote(str(destination))


def in_range(where: str, name: str, value: float, low: float, high: float) -> None:
    """Raise ValueError unless a number is where it may be."""
    if not isinstance(value, (int, float)) or not low <= value <= high:
        raise ValueError(f"{where}: {name}: {value!r} is not between {low:g} and {high:g}")


def _os_error(error: Any) -> OSError:
    return error if isinstance(error, OSError) else TimeoutError("timed out")
