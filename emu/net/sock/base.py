"""What sockets of every kind have in common (struct sock, struct inet_sock): addresses, options, pending errors, waking the program."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from emu.net import route
from emu.net.sock.errno import EADDRNOTAVAIL, EBADF, ENETUNREACH, ENODEV, ENOTCONN, os_error

if TYPE_CHECKING:
    from emu.net.device import NetDevice
    from emu.net.netns import Namespace

RTN_UNICAST, RTN_LOCAL, RTN_BROADCAST, RTN_MULTICAST = 1, 2, 3, 5
PMTUDISC_DONT, PMTUDISC_WANT, PMTUDISC_DO, PMTUDISC_PROBE = 0, 1, 2, 3
LOOPBACK = 0x7F000001
ORIGIN_LOCAL, ORIGIN_ICMP = 1, 2


class QueuedError:
    """One entry of the error queue (struct sock_extended_err): `errno`; `origin` ORIGIN_LOCAL or ORIGIN_ICMP; ICMP `type` and `code`; `info`: the MTU of
    a "too big"; `offender`: who sent the ICMP; `daddr`, `dport`: where the packet had been going; `data`: what of its payload came back; `frame_id`.
    """

    __slots__ = ("code", "daddr", "data", "dport", "errno", "frame_id", "info", "offender", "origin", "ttl", "type")

    def __init__(self, errno: int, origin: int, kind: int, code: int, info: int, offender: int, daddr: int, dport: int, data: bytes, ttl: int = 0) -> None:
        self.errno = errno
        self.origin = origin
        self.type = kind
        self.code = code
        self.info = info
        self.offender = offender
        self.daddr = daddr
        self.dport = dport
        self.data = data
        self.ttl = ttl
        self.frame_id = 0


class Socket:
    """`rcv_saddr`, `sport`: what it is bound to (0.0.0.0 is 0); `daddr`, `dport`: its peer when connected; addresses are ints.

    `on_event` is called by the event loop, never by the packet path, once something may have changed: data, room, an error, an end. It is
    called with `sim.cause` set to the frame that changed it. The owner then asks `recv`, `take_error` and so on until they have no more.
    Socket calls raise OSError as Linux does.
    """

    kind = "socket"

    __slots__ = (
        "_cause", "_waking", "bound_dev", "broadcast", "closed", "daddr", "dport", "error", "error_queue", "mark", "ns", "on_event", "owner", "pmtudisc",
        "rcv_saddr", "rcvbuf", "recverr", "reuse_address", "reuse_port", "rmem", "saddr", "sim", "sport", "tos", "ttl",
    )  # fmt: skip

    def __init__(self, ns: Namespace) -> None:
        self.ns = ns
        self.sim = ns.sim
        self.closed = False
        self.rcv_saddr = self.saddr = self.sport = self.daddr = self.dport = 0
        self.bound_dev: NetDevice | None = None
        self.reuse_address = self.reuse_port = self.broadcast = self.recverr = False
        self.ttl = -1  # -1: the namespace's ip_default_ttl
        self.tos = self.mark = 0
        self.pmtudisc = PMTUDISC_DONT if ns.sysctl.ip_no_pmtu_disc else PMTUDISC_WANT
        self.error = 0
        self.error_queue: deque[QueuedError] = deque()
        self.rcvbuf: int = ns.sysctl.core_rmem_default
        self.rmem = 0
        self.on_event: Callable[[], object] | None = None
        self.owner: Any = None  # whoever made it, for lists of sockets
        self._waking = False
        self._cause = 0

    def __repr__(self) -> str:
        return f"<{self.kind} {self.local_text()} in {self.ns.name}>"

    # -- addresses ----------------------------------------------------------------------------------------------------------------

    def local_text(self) -> str:
        """`10.0.0.1:53`."""
        return f"{text(self.saddr or self.rcv_saddr)}:{self.sport}"

    def peer_text(self) -> str:
        """`10.0.0.2:53`."""
        return f"{text(self.daddr)}:{self.dport}"

    def sockname(self) -> tuple[str, int]:
        """getsockname()."""
        return text(self.saddr), self.sport

    def set_local(self, addr: int) -> None:
        """What bind() remembers; a broadcast or multicast address is received on but not sent from. Raises EADDRNOTAVAIL (inet_bind)."""
        kind = route.addr_type(self.ns, addr) if addr else RTN_LOCAL
        if addr and kind not in (RTN_LOCAL, RTN_BROADCAST, RTN_MULTICAST) and not self.ns.sysctl.ip_nonlocal_bind:
            raise os_error(EADDRNOTAVAIL)
        self.rcv_saddr = addr
        self.saddr = 0 if kind in (RTN_BROADCAST, RTN_MULTICAST) else addr

    def bind_to_device(self, name: str) -> None:
        """SO_BINDTODEVICE; the empty name takes it back. Raises ENODEV."""
        self.check_open()
        if not name:
            self.bound_dev = None
            return
        dev = self.ns.devices.get(name)
        if dev is None:
            raise os_error(ENODEV)
        self.bound_dev = dev

    def hears(self, dev: NetDevice | None) -> bool:
        """Whether a packet that came in by `dev` may reach it (inet_sk_bound_dev_eq; a port of a bridge enters IP by the bridge)."""
        return self.bound_dev is None or self.bound_dev is dev

    def peername(self) -> tuple[int, int]:
        """getpeername(). Raises ENOTCONN."""
        if not self.daddr:
            raise os_error(ENOTCONN)
        return self.daddr, self.dport

    def sets_df(self, dst: Any) -> bool:
        """Whether a packet that fits gets DF (ip_dont_fragment)."""
        return self.pmtudisc >= PMTUDISC_DO or (self.pmtudisc == PMTUDISC_WANT and (dst is None or not dst.mtu_locked))

    def options_changed(self) -> None:
        """An option that outgoing packets depend on was set."""

    # -- errors -------------------------------------------------------------------------------------------------------------------

    def check_open(self) -> None:
        """Raises EBADF after close()."""
        if self.closed:
            raise os_error(EBADF)

    def take_error(self) -> int:
        """SO_ERROR: the pending error number, which is thereby taken."""
        error, self.error = self.error, 0
        return error

    def raise_error(self) -> None:
        """What most calls begin with: a pending error is theirs to report (sock_error)."""
        if self.error:
            raise os_error(self.take_error())

    def report_error(self, error: int, cause: int = 0) -> None:
        """sk_err and sk_error_report."""
        self.error = error
        self.wake(cause)

    # -- waking the program -------------------------------------------------------------------------------------------------------

    def wake(self, cause: int = 0) -> None:
        """Have `on_event` called in this instant, once for however many changes; `cause`: the frame that made the (last) change."""
        self._cause = cause or self.sim.cause
        if not self._waking:
            self._waking = True
            self.sim.post_soon(_call_owner, self)

    def kill(self) -> None:
        """Die without a packet: the namespace is gone."""
        self.error = self.error or ENETUNREACH
        self.release()
        self.wake()

    def close(self) -> None:
        """Give the socket back."""
        self.release()

    def release(self) -> None:
        """Leave every table."""
        raise NotImplementedError(self.kind)


def _call_owner(sk: Socket) -> None:
    sk._waking = False
    sk.sim.cause = sk._cause
    if sk.on_event is not None:
        sk.on_event()


def text(ip: int) -> str:
    """An address for people."""
    return f"{ip >> 24 & 255}.{ip >> 16 & 255}.{ip >> 8 & 255}.{ip & 255}"


def truesize(length: int) -> int:
    """What a packet of `length` bytes of IP costs a receive buffer (skb->truesize on x86-64, measured: 832, 1280, 2304, then powers of two)."""
    need = length + 350  # room for link headers, and struct skb_shared_info behind the data
    if need <= 576:
        return 832
    return (1 << (need - 1).bit_length()) + 256
