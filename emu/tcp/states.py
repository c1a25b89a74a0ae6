"""The connection's states and every way between them (RFC 9293 figure 5, with the ways Linux adds). The code moves only along this table."""
from __future__ import annotations

from enum import IntEnum


class State(IntEnum):
    """Numbers and names as in Linux's tcp_states.h (and /proc/net/tcp)."""

    ESTABLISHED = 1
    SYN_SENT = 2
    SYN_RECV = 3
    FIN_WAIT1 = 4
    FIN_WAIT2 = 5
    TIME_WAIT = 6
    CLOSE = 7
    CLOSE_WAIT = 8
    LAST_ACK = 9
    LISTEN = 10
    CLOSING = 11


class Cause(IntEnum):
    """What makes a connection change its state."""

    ACTIVE_OPEN = 1      # connect()
    PASSIVE_OPEN = 2     # a listener made it for the last ACK of a handshake
    RCV_SYN = 3          # a SYN crosses ours
    RCV_SYN_ACK = 4
    RCV_ACK_OF_SYN = 5
    SND_FIN = 6          # close() or shutdown(SHUT_WR): our FIN is queued
    RCV_FIN = 7
    RCV_ACK_OF_FIN = 8
    RST = 9              # received or sent, or an ICMP error that ends connect()
    TIMEOUT = 10         # gave up, or TIME_WAIT is over
    DROP = 11            # close() before anything was sent


_CLOSES = {Cause.RST: State.CLOSE, Cause.TIMEOUT: State.CLOSE}

TRANSITIONS: dict[State, dict[Cause, State]] = {
    State.CLOSE: {Cause.ACTIVE_OPEN: State.SYN_SENT, Cause.PASSIVE_OPEN: State.SYN_RECV, Cause.DROP: State.CLOSE},
    State.SYN_SENT: {Cause.RCV_SYN_ACK: State.ESTABLISHED, Cause.RCV_SYN: State.SYN_RECV, Cause.DROP: State.CLOSE, **_CLOSES},
    State.SYN_RECV: {Cause.RCV_ACK_OF_SYN: State.ESTABLISHED, Cause.SND_FIN: State.FIN_WAIT1, Cause.RCV_FIN: State.CLOSE_WAIT, **_CLOSES},
    State.ESTABLISHED: {Cause.SND_FIN: State.FIN_WAIT1, Cause.RCV_FIN: State.CLOSE_WAIT, **_CLOSES},
    State.FIN_WAIT1: {Cause.RCV_ACK_OF_FIN: State.FIN_WAIT2, Cause.RCV_FIN: State.CLOSING, **_CLOSES},
    State.FIN_WAIT2: {Cause.RCV_FIN: State.TIME_WAIT, **_CLOSES},
    State.CLOSING: {Cause.RCV_ACK_OF_FIN: State.TIME_WAIT, **_CLOSES},
    State.CLOSE_WAIT: {Cause.SND_FIN: State.LAST_ACK, **_CLOSES},
    State.LAST_ACK: {Cause.RCV_ACK_OF_FIN: State.CLOSE, **_CLOSES},
    State.TIME_WAIT: dict(_CLOSES),
}
