"""Recorded: what ping and traceroute print, and the frames they send."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress

from emu.apps.echo import udp_echo_server, udp_request
from emu.apps.http_client import http_get, http_request
from emu.apps.http_server import HttpServer
from tests.kernel.lab import Lab
from tests.kernel.stories import Recording
from tests.kernel.topologies import hosts_at_a_router


def without_times(text: str) -> str:
    """Program output without what a clock measured."""
    text = re.sub(r"time=[\d.]+ ms", "time=T ms", text)
    text = re.sub(r", time \d+ms", ", time Tms", text)
    text = re.sub(r"= [\d.]+/[\d.]+/[\d.]+/[\d.]+ ms", "= T/T/T/T ms", text)
    return re.sub(r"  [\d.]+ ms", "  T ms", text)


def watch(lab: Lab, recording: Recording, frames: bool = True) -> Callable[[str, str], None]:
    """A function that runs a command in a namespace and keeps its text, and its frames if they are wanted."""

    def go(netns: str, command: str) -> None:
        printed: list[str] = []
        recording.part(f"{netns}: {command}", lambda: printed.append(without_times(lab.program(netns, command))))
        recording.texts.append((f"{netns}: {command}", printed[0]))
        if not frames:
            recording.parts.pop()

    return go


def ping(lab: Lab) -> Recording:
    hosts_at_a_router(lab)
    recording = Recording("ping", lab, [])
    go = watch(lab, recording)
    go("a", "ping -c 2 -i 0.2 10.2.0.2")
    go("a", "ping -q -c 3 -i 0.2 10.2.0.2")
    go("a", "ping -c 1 -s 8 10.2.0.2")
    go("a", "ping -c 1 -s 16 10.2.0.2")
    go("a", "ping -c 1 -s 3000 10.2.0.2")
    go("a", "ping -c 2 -i 0.2 -W 0.5 -t 1 10.2.0.2")
    go("a", "ping -c 1 -W 0.5 10.77.0.1")
    for number, kind in enumerate(("unreachable", "prohibit", "blackhole"), 78):
        lab.settle(1.1)
        lab.add_route("r", f"10.{number}.0.0/16", kind=kind)
        go("a", f"ping -c 1 -W 0.5 10.{number}.0.1")
        go("r", f"ping -c 1 -W 0.5 10.{number}.0.1")
    go("r", "ping -c 1 10.99.0.1")
    go("a", "ping -c 3 -i 0.5 -W 5 10.1.0.77")
    go("a", "ping -c 1 -W 4 10.2.0.77")
    go("a", "ping -c 2 -i 0.2 -W 0.3 10.1.0.255")
    go("a", "ping -b -c 2 -i 0.2 -W 0.3 10.1.0.255")
    lab.set_mtu("r", "rb", 1000)
    go("a", "ping -c 2 -i 0.2 -W 0.5 -M do -s 1200 10.2.0.2")
    go("a", "ping -c 1 -W 0.5 -M do -s 1600 10.1.0.1")
    go("a", "ping -c 1 127.0.0.1")
    go("a", "ping -c 1 10.1.0.2")
    return recording


def traceroute(lab: Lab) -> Recording:
    hosts_at_a_router(lab)
    recording = Recording("traceroute", lab, [])
    # How answers come between the sixteen probes that are sent at once depends on nothing but the speed of the machine.
    go = watch(lab, recording, frames=False)
    lab.ping("a", "10.2.0.2")
    go("a", "traceroute -n -m 1 10.2.0.2")
    lab.settle(7)
    go("a", "traceroute -n -q 1 -m 2 10.2.0.2")
    lab.settle(7)
    go("a", "traceroute -n -q 1 -m 1 -w 0.5 10.77.0.1")
    go("r", "traceroute -n 10.99.0.1")
    lab.add_route("r", "10.78.0.0/16", kind="unreachable")
    lab.add_route("r", "10.79.0.0/16", kind="prohibit")
    lab.settle(7)
    go("a", "traceroute -n -q 1 -m 3 -w 0.5 10.78.0.1")
    go("a", "traceroute -n -q 1 -m 3 -w 0.5 10.79.0.1")
    lab.restore("b", "*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -p udp -j DROP\nCOMMIT\n")
    lab.settle(7)
    go("a", "traceroute -n -q 1 -m 3 -w 0.5 10.2.0.2")
    return recording


def http(lab: Lab) -> Recording:
    """The emulator's own programs, run as they are on the kernel too.

    Not over lo: the kernel delivers there before the program that sent runs on, the emulator a microsecond later.
    """
    hosts_at_a_router(lab)
    recording = Recording("an HTTP server, its clients, and a UDP echo server", lab, [])
    recording.part("warm", lambda: lab.ping("a", "10.2.0.2"))
    recording.part("the server begins", lambda: lab.serve("b", lambda: HttpServer("b", 8080).serve()))
    recording.part("a name", lambda: lab.complete("a", lambda: http_get("http://10.2.0.2:8080/hostname")))
    recording.part("not found", lambda: lab.complete("a", lambda: http_get("http://10.2.0.2:8080/nothing")))
    recording.part("a body each way", lambda: lab.complete("a", lambda: http_request("POST", "http://10.2.0.2:8080/echo", content=b"x" * 1000)))
    recording.part("no server", lambda: lab.complete("a", lambda: refused("http://10.2.0.2:8000/")))
    recording.part("echo over UDP begins", lambda: lab.serve("b", lambda: udp_echo_server(7)))
    recording.part("echo over UDP", lambda: lab.complete("a", lambda: udp_request("10.2.0.2", 7, b"hello?")))
    return recording


async def refused(url: str) -> None:
    with suppress(ConnectionRefusedError):
        await http_get(url)


PROGRAMS: dict[str, Callable[[Lab], Recording]] = {"ping": ping, "traceroute": traceroute, "http": http}
