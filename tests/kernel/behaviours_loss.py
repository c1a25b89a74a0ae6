"""Recorded: TCP when packets are lost."""

from __future__ import annotations

from collections.abc import Callable
from socket import socket

from tests.kernel.behaviours_tcp import connected
from tests.kernel.lab import Lab
from tests.kernel.stories import Recording, closed_tcp
from tests.kernel.topologies import hosts_at_a_router

TABLE = "*filter\n:FORWARD ACCEPT [0:0]\n{rules}COMMIT\n"
TO_B, TO_A = "-i ra -p tcp", "-i rb -p tcp"


def tcp_loss(lab: Lab) -> Recording:
    hosts_at_a_router(lab)
    recording = Recording("TCP over a router that loses chosen packets", lab, [])
    recording.part("warm", lambda: lab.ping("a", "10.2.0.2"))
    port = iter(range(9001, 9009))

    def lose(*matches: str) -> None:
        """The router drops what matches (the text of a rule without its target); nothing any more if there is none."""
        lab.restore("r", TABLE.format(rules="".join(f"-A FORWARD {match} -j DROP\n" for match in matches)))

    def once(match: str, packet: int = 0) -> str:
        return f"{match} -m statistic --mode nth --every 1000 --packet {packet}"

    def talk(title: str, lost: list[str], play: Callable[[socket, socket], object], settle: float = 1.0) -> None:
        def action() -> None:
            calling, accepted, listening = connected(lab, "a", ("10.2.0.2", next(port)), "b")
            lose(*lost)
            play(calling, accepted)
            lab.settle(settle)
            lose()
            for sock in (calling, accepted, listening):
                sock.close()
                lab.settle(0.1)

        recording.part(title, action)

    def one_way(calling: socket, accepted: socket) -> None:
        calling.sendall(b"one segment")
        accepted.recv(100)

    def both_ways(calling: socket, accepted: socket) -> None:
        one_way(calling, accepted)
        accepted.sendall(b"and its answer")
        calling.recv(100)

    talk("a segment is lost", [once(TO_B)], one_way)
    talk("a segment and what is sent instead are lost", [f"{TO_B} -m statistic --mode nth --every 1000 --packet {number}" for number in (0, 0)], one_way, 1.5)
    talk("the answer is lost", [once(f"{TO_A} -m tcp --tcp-flags PSH PSH")], both_ways)
    talk("the ACK is lost", [once(TO_A)], one_way)
    talk("the FIN is lost", [once(f"{TO_B} -m tcp --tcp-flags FIN FIN")], lambda calling, accepted: calling.close())
    talk("the FIN's ACK is lost", [once(TO_A)], lambda calling, accepted: calling.close())
    lose(once(f"{TO_B} -m tcp --syn"))
    recording.part("the first SYN is lost", lambda: closed_tcp(lab, "a", ("10.2.0.2", 9), 2.0), 0.2)
    return recording
