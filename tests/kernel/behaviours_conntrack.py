"""Recorded: when connection tracking forgets, second by second with short timeouts."""

from __future__ import annotations

import re
from collections.abc import Callable
from socket import SOCK_DGRAM

from tests.kernel.behaviours_tcp import connected
from tests.kernel.lab import Lab
from tests.kernel.stories import Recording, closed_tcp
from tests.kernel.topologies import hosts_at_a_router

TIMEOUTS = {
    "udp_timeout": 2, "udp_timeout_stream": 5, "icmp_timeout": 2, "generic_timeout": 2, "tcp_timeout_syn_sent": 2, "tcp_timeout_syn_recv": 2,
    "tcp_timeout_established": 5, "tcp_timeout_fin_wait": 3, "tcp_timeout_close_wait": 4, "tcp_timeout_last_ack": 2, "tcp_timeout_time_wait": 3,
    "tcp_timeout_close": 1, "tcp_timeout_max_retrans": 2, "tcp_timeout_unacknowledged": 3,
}  # fmt: skip


def conntrack_timeouts(lab: Lab) -> Recording:
    hosts_at_a_router(lab)
    lab.restore("r", "*filter\n:FORWARD ACCEPT [0:0]\n-A FORWARD -m conntrack --ctstate INVALID\n-A FORWARD -m conntrack --ctstate NEW\nCOMMIT\n")
    for key, seconds in TIMEOUTS.items():
        lab.sysctl("r", f"net.netfilter.nf_conntrack_{key}", seconds)
    recording = Recording("what connection tracking remembers, sampled half a second after each second", lab, [])
    lines: list[str] = []

    def watch(title: str, seconds: int, action: Callable[[], object]) -> None:
        action()
        lab.settle(0.5)
        for second in range(seconds):
            entries = re.findall(r"^(\w+) +\d+ \d+ ?([A-Z_]*) .*?( \[UNREPLIED\])?(?: src=.*?)( \[ASSURED\])?(?: mark.*)?$", lab.conntrack("r"), re.M)
            lines.append(f"{title}, {second}.5 s: " + ("; ".join(sorted(" ".join("".join(entry).split()) for entry in entries)) or "nothing"))
            lab.settle(1.0)

    def udp(replies: int, pause: float) -> None:
        with lab.socket("b", SOCK_DGRAM) as server, lab.socket("a", SOCK_DGRAM) as client:
            server.bind(("10.2.0.2", 5000))
            client.connect(("10.2.0.2", 5000))
            for _ in range(replies):
                client.send(b"x")
                server.sendto(b"y", server.recvfrom(100)[1])
                client.recv(100)
                lab.settle(pause)

    def tcp(how: str) -> None:
        calling, accepted, listening = connected(lab, "a", ("10.2.0.2", next(port)), "b")
        if how != "open":
            calling.close()
            lab.settle(0.01)
        if how == "closed":
            accepted.close()
        held.extend((calling, accepted))
        listening.close()

    held: list[object] = []
    port = iter(range(9001, 9009))
    watch("ping", 3, lambda: lab.ping("a", "10.2.0.2"))
    watch("a datagram nobody answers", 3, lambda: lab.send_udp("a", ("10.1.0.1", 9), b"x"))
    watch("a question and an answer", 3, lambda: udp(1, 0.0))
    watch("questions and answers for three seconds", 6, lambda: udp(4, 1.0))
    lab.restore("b", "*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -p tcp --dport 99 -j DROP\nCOMMIT\n")
    watch("a SYN nobody answers", 3, lambda: closed_tcp(lab, "a", ("10.2.0.2", 99), 0.1))
    watch("a refused connection", 1, lambda: closed_tcp(lab, "a", ("10.2.0.2", 9)))
    watch("an open connection", 6, lambda: tcp("open"))
    watch("a connection closed by the client", 5, lambda: tcp("half"))
    watch("a connection closed by both", 4, lambda: tcp("closed"))
    recording.texts.append(("entries", "\n".join(lines)))
    return recording
