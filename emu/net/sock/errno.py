"""Linux's error numbers and texts for socket calls, the same on every host (on another system Python's own numbers differ)."""

from __future__ import annotations

EPERM, EBADF, EAGAIN, EACCES, ENODEV, EINVAL, EPIPE, EPROTO = 1, 9, 11, 13, 19, 22, 32, 71
EDESTADDRREQ, EMSGSIZE, ENOPROTOOPT, EOPNOTSUPP, EAFNOSUPPORT, EADDRINUSE, EADDRNOTAVAIL = 89, 90, 92, 95, 97, 98, 99
ENETDOWN, ENETUNREACH, ECONNABORTED, ECONNRESET, ENOBUFS, EISCONN, ENOTCONN = 100, 101, 103, 104, 105, 106, 107
ETIMEDOUT, ECONNREFUSED, EHOSTDOWN, EHOSTUNREACH, EALREADY, EINPROGRESS, EREMOTEIO, ENONET = 110, 111, 112, 113, 114, 115, 121, 64

STRERROR: dict[int, str] = {
    EPERM: "Operation not permitted",
    EBADF: "Bad file descriptor",
    EAGAIN: "Resource temporarily unavailable",
    EACCES: "Permission denied",
    ENODEV: "No such device",
    EINVAL: "Invalid argument",
    EPIPE: "Broken pipe",
    ENONET: "Machine is not on the network",
    EPROTO: "Protocol error",
    EDESTADDRREQ: "Destination address required",
    EMSGSIZE: "Message too long",
    ENOPROTOOPT: "Protocol not available",
    EOPNOTSUPP: "Operation not supported",
    EAFNOSUPPORT: "Address family not supported by protocol",
    EADDRINUSE: "Address already in use",
    EADDRNOTAVAIL: "Cannot assign requested address",
    ENETDOWN: "Network is down",
    ENETUNREACH: "Network is unreachable",
    ECONNABORTED: "Software caused connection abort",
    ECONNRESET: "Connection reset by peer",
    ENOBUFS: "No buffer space available",
    EISCONN: "Transport endpoint is already connected",
    ENOTCONN: "Transport endpoint is not connected",
    ETIMEDOUT: "Connection timed out",
    ECONNREFUSED: "Connection refused",
    EHOSTDOWN: "Host is down",
    EHOSTUNREACH: "No route to host",
    EALREADY: "Operation already in progress",
    EINPROGRESS: "Operation now in progress",
    EREMOTEIO: "Remote I/O error",
}

_CLASSES: dict[int, type[OSError]] = {
    EPERM: PermissionError,
    EACCES: PermissionError,
    EAGAIN: BlockingIOError,
    EALREADY: BlockingIOError,
    EINPROGRESS: BlockingIOError,
    EPIPE: BrokenPipeError,
    ECONNABORTED: ConnectionAbortedError,
    ECONNRESET: ConnectionResetError,
    ECONNREFUSED: ConnectionRefusedError,
    ETIMEDOUT: TimeoutError,
}


def os_error(code: int) -> OSError:
    """The exception that a socket call ending in `code` raises on Linux, whatever system this runs on."""
    return _CLASSES.get(code, OSError)(code, STRERROR.get(code, f"Unknown error {code}"))


# ICMP type 3 code -> (errno, fatal), icmp_err_convert in net/ipv4/icmp.c.
UNREACH: tuple[tuple[int, bool], ...] = (
    (ENETUNREACH, False),
    (EHOSTUNREACH, False),
    (ENOPROTOOPT, True),
    (ECONNREFUSED, True),
    (EMSGSIZE, False),
    (EOPNOTSUPP, False),
    (ENETUNREACH, True),
    (EHOSTDOWN, True),
    (ENONET, True),
    (ENETUNREACH, True),
    (EHOSTUNREACH, True),
    (ENETUNREACH, False),
    (EHOSTUNREACH, False),
    (EHOSTUNREACH, True),
    (EHOSTUNREACH, True),
    (EHOSTUNREACH, True),
)
