"""What a connection tells its socket. Compare by identity with the constants, or by class where there is an errno."""
from __future__ import annotations


class Event:
    """Something the program behind the socket should hear of."""

    __slots__ = ()

    def __repr__(self) -> str:
        return type(self).__name__


class Connected(Event):
    """The handshake is done (client side)."""

    __slots__ = ()


class Readable(Event):
    """read() has bytes. Told once until they are read, again for bytes that come later."""

    __slots__ = ()


class Eof(Event):
    """The peer sent FIN: after the bytes that wait there is nothing more to read."""

    __slots__ = ()


class Writable(Event):
    """write() took less than it was given; now a third of the send buffer is free again (sk_stream_is_writeable)."""

    __slots__ = ()


class Failed(Event):
    """The connection is gone with an error; `errno` is what the next system call would return."""

    __slots__ = ("errno",)

    def __init__(self, errno: int) -> None:
        self.errno = errno

    def __repr__(self) -> str:
        return f"{type(self).__name__}(errno={self.errno})"


class Reset(Failed):
    """A RST came, or an ICMP error ended connect(): ECONNREFUSED in SYN_SENT, EPIPE in CLOSE_WAIT, else ECONNRESET (tcp_reset)."""

    __slots__ = ()


class TimedOut(Failed):
    """No answer for too long: ETIMEDOUT, or the soft ICMP error that was seen meanwhile (tcp_write_err)."""

    __slots__ = ()


class Closed(Event):
    """The state is CLOSE; nothing will be sent any more and the owner may forget the connection. Always the last event."""

    __slots__ = ()


CONNECTED = Connected()
READABLE = Readable()
EOF = Eof()
WRITABLE = Writable()
CLOSED = Closed()
