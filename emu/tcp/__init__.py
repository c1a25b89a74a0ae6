"""TCP as Linux 6.18 speaks it, without I/O: no clock, no sockets, no randomness. Segments and the time go in; segments, events and a timeout come out.

    from emu.tcp import Connection, Listener, Settings, decode, encode, reset_for, Readable
    settings = Settings()                                         # the net.ipv4.tcp_* sysctls
    client = Connection(40000, 80, isn=1000, ts_offset=7, mss_limit=1460, settings=settings)      # mss_limit: the route's MTU - 40
    listener = Listener(128, settings, isn=lambda peer, sport, dport: 5000, ts_offset=lambda peer, sport, dport: 9)
    client.connect(now)                                           # now: integer nanoseconds
    for segment in client.segments_to_send(now): ...              # after EVERY verb: encode(segment), checksum, IP header, send
    child = listener.receive(segment, now, peer, 1460)            # peer: any hashable naming the two addresses
    for peer, segment in listener.segments_to_send(now): ...
    if child is not None: ...                                     # established: give it its segments from now on
    peer, child = listener.accept()                               # the program takes it; None when nothing waits
    client.receive(decode(data), now)                             # decode gives None for what is no TCP header
    while (event := client.next_event()) is not None: ...         # Connected Readable Eof Writable Reset TimedOut Closed (match or isinstance)
    taken = client.write(b"GET / ...")                            # less than len(data): wait for Writable
    data = child.read()                                           # b"": nothing waits (or, after Eof, the end)
    client.shutdown_write(); client.close(); client.abort()       # FIN; FIN and no more reading; RST
    when = client.next_timeout()                                  # absolute ns or None; ask again after every verb
    client.handle_timer(now)                                      # then segments_to_send
    answer = reset_for(segment)                                   # RST for a segment nobody owns; None if it is itself a RST
    isn = client.time_wait_isn(segment)                           # not None: forget client, listener.receive(segment, now, peer, mss, isn=isn)
"""
from __future__ import annotations

from emu.tcp.connection import Connection
from emu.tcp.events import Closed, Connected, Eof, Event, Failed, Readable, Reset, TimedOut, Writable
from emu.tcp.listener import Listener
from emu.tcp.segment import Segment, decode, encode, reset_for
from emu.tcp.settings import Settings
from emu.tcp.states import State

__all__ = [
    "Closed", "Connected", "Connection", "Eof", "Event", "Failed", "Listener", "Readable", "Reset", "Segment", "Settings", "State", "TimedOut",
    "Writable", "decode", "encode", "reset_for",
]
