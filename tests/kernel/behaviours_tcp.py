"""Recorded: TCP connections."""

from __future__ import annotations

import struct
from collections.abc import Callable
from contextlib import suppress
from socket import SHUT_WR, SO_LINGER, SOCK_STREAM, SOL_SOCKET, socket

from scapy.layers.inet import IP, TCP

from tests.kernel.lab import Lab
from tests.kernel.stories import Recording, closed_tcp
from tests.kernel.topologies import frame_to_router, hosts_at_a_router


def connected(lab: Lab, client: str, address: tuple[str, int], server: str) -> tuple[socket, socket, socket]:
    """(client's socket, server's socket, listening socket)."""
    listening = lab.socket(server, SOCK_STREAM)
    listening.bind(("0.0.0.0", address[1]))
    listening.listen(5)
    calling = lab.socket(client, SOCK_STREAM)
    calling.connect(address)
    return calling, listening.accept()[0], listening


def bulk(lab: Lab, client: str, address: tuple[str, int], server: str, size: int) -> None:
    """`size` bytes from client to server in one send()."""
    calling, accepted, listening = connected(lab, client, address, server)
    calling.sendall(b"z" * size)
    left = size
    while left:
        left -= len(accepted.recv(65536))
    for sock in (calling, accepted, listening):
        sock.close()
        lab.settle(0.01)


def tcp(lab: Lab) -> Recording:
    hosts_at_a_router(lab)
    recording = Recording("TCP connections, each begun and ended in its own way", lab, [])
    recording.part("warm", lambda: lab.ping("a", "10.2.0.2"))
    port = iter(range(9001, 9100))

    def talk(title: str, play: Callable[[socket, socket], object]) -> None:
        def action() -> None:
            calling, accepted, listening = connected(lab, "a", ("10.2.0.2", next(port)), "b")
            play(calling, accepted)
            for sock in (calling, accepted, listening):
                sock.close()
            lab.settle(0.02)

        recording.part(title, action)

    def requests(calling: socket, accepted: socket) -> None:
        for number in range(3):
            calling.sendall(b"GET %d" % number)
            accepted.recv(100)
            accepted.sendall(b"OK %d" % number)
            calling.recv(100)
            lab.settle(0.1)

    def slow_answer(calling: socket, accepted: socket) -> None:
        requests(calling, accepted)
        calling.sendall(b"GET slow")
        accepted.recv(100)
        lab.settle(0.1)
        accepted.sendall(b"OK slow")
        calling.recv(100)
        lab.settle(0.1)

    def half_close(calling: socket, accepted: socket) -> None:
        calling.sendall(b"all of it")
        calling.shutdown(SHUT_WR)
        lab.settle(0.1)
        accepted.recv(100)
        accepted.recv(100)
        accepted.sendall(b"thanks")
        lab.settle(0.1)
        calling.recv(100)
        accepted.close()
        lab.settle(0.1)
        calling.recv(100)

    def unread(calling: socket, accepted: socket) -> None:
        calling.sendall(b"never read")
        lab.settle(0.1)
        accepted.close()
        lab.settle(0.05)

    def abort(calling: socket, accepted: socket) -> None:
        calling.setsockopt(SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 0))
        calling.close()
        lab.settle(0.05)

    def write_to_closed(calling: socket, accepted: socket) -> None:
        accepted.close()
        lab.settle(0.1)
        with suppress(OSError):
            calling.sendall(b"anybody?")
        lab.settle(0.05)

    talk("three requests on one connection", requests)
    talk("an answer after 100 ms", slow_answer)
    talk("half close", half_close)
    talk("closed with bytes unread", unread)
    talk("SO_LINGER 0", abort)
    talk("the client closes first, the server later", lambda calling, accepted: (calling.close(), lab.settle(0.1)))
    talk("written to after the peer closed", write_to_closed)
    talk("nothing said: the server closes first", lambda calling, accepted: (accepted.close(), lab.settle(0.1)))
    recording.part("closed port", lambda: closed_tcp(lab, "a", ("10.2.0.2", 9)))
    syn = IP(src="10.1.0.2", dst="10.2.0.2", id=1, flags="DF")
    for title, segment in (
        ("an ACK out of nowhere", TCP(sport=1000, dport=9, flags="A", seq=5000, ack=7000)),
        ("data out of nowhere", TCP(sport=1000, dport=9, flags="PA", seq=5000, ack=7000) / b"data"),
        ("a FIN without ACK out of nowhere", TCP(sport=1000, dport=9, flags="F", seq=5000)),
        ("a RST out of nowhere", TCP(sport=1000, dport=9, flags="R", seq=5000)),
        ("SYN with data to a closed port", TCP(sport=1000, dport=9, flags="S", seq=5000) / b"12345"),
        ("no flag at all", TCP(sport=1000, dport=9, flags=0, seq=5000)),
        ("a bad checksum", TCP(sport=1000, dport=9, flags="S", seq=5000, chksum=1)),
    ):
        recording.part(title, lambda segment=segment: lab.inject("a", "eth0", frame_to_router(lab, syn / segment)))
    lab.restore("b", "*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -p tcp --dport 99 -j DROP\nCOMMIT\n")
    recording.part("SYN into silence, 2.5 s of it", lambda: closed_tcp(lab, "a", ("10.2.0.2", 99), 2.5))
    return recording
