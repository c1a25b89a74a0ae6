"""Fragments: cutting (ip_do_fragment in net/ipv4/ip_output.c) and putting together (net/ipv4/ip_fragment.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from emu.net import icmp_send, notifier, route
from emu.net.fib import RTN_LOCAL
from emu.net.ip_header import IP_DF, IP_MF, IP_OFFSET, parse, rechecksum
from emu.net.ip_options import without_uncopied
from emu.net.skb import Skb
from emu.trace.points import COPIED, MERGED

if TYPE_CHECKING:
    from emu.net.device import NetDevice
    from emu.net.netns import Namespace
    from emu.sim.loop import Timer

# Who asks (enum ip_defrag_users): queues of different users never mix.
DEFRAG_LOCAL_DELIVER, DEFRAG_CONNTRACK_IN, DEFRAG_CONNTRACK_OUT, DEFRAG_BRIDGE_IN = 0, 3, 4, 5
OVERHEAD = 768  # what the kernel counts for a small sk_buff beside its bytes (truesize)


# -- cutting ------------------------------------------------------------------------------------------------------------------------


def pieces(ns: Namespace, skb: Skb, mtu: int) -> list[Skb]:
    """Fragments of at most `mtu` bytes, in order; those it was put together from if they fit.

    The first keeps every option, the others those with the copied bit; the ids are the packet's.
    """
    l3 = skb.l3
    ihl = skb.ihl
    room = (mtu - ihl) & ~7
    if room < 8:
        ns.drop(skb, "PKT_TOO_BIG", f"an MTU of {mtu} leaves no room for data")
        return []
    size = len(l3) - ihl
    sizes = skb.frag_sizes
    if sizes is None or max(sizes) > mtu - ihl or sum(sizes) != size:
        sizes = (*(room for _ in range(room, size, room)), (size - 1) % room + 1)
    start = (skb.frag & IP_OFFSET) << 3
    flags = skb.frag & IP_DF
    more = skb.frag & IP_MF
    later = without_uncopied(l3[:ihl])
    made: list[Skb] = []
    offset = 0
    for length in sizes:
        data = l3[ihl + offset : ihl + offset + length]
        piece = skb.clone()
        piece.frame = None
        piece.frag_max = 0
        piece.frag_sizes = None
        piece.frag = flags | (more if offset + length >= size else IP_MF) | (start + offset) >> 3
        head = later if offset else l3[:ihl]
        piece.l3 = rechecksum(head[:2] + (ihl + len(data)).to_bytes(2, "big") + head[4:6] + piece.frag.to_bytes(2, "big") + head[8:] + data, ihl)
        if piece.frag & IP_OFFSET:
            piece.sport = piece.dport = 0
        made.append(piece)
        offset += length
    tp = ns.tp
    if tp.life:
        tp.on_life(COPIED, skb.id, len(made) - 1)
    if tp.step:
        tp.on_step(ns, skb.id, "frag", f"{len(l3)} bytes in {len(made)} fragments for MTU {mtu}")
    return made


# -- putting together ---------------------------------------------------------------------------------------------------------------


class Queue:
    """The fragments of one packet so far (struct ipq), ordered by offset. `meat`: bytes of data that are here. `end`: data bytes in all, as far as known."""

    __slots__ = ("end", "fragments", "key", "last_in", "max_df", "max_size", "meat", "memory", "rid", "timer")

    def __init__(self, key: tuple[int, ...], timer: Timer) -> None:
        self.key = key
        self.timer = timer
        self.fragments: list[tuple[int, int, Skb]] = []  # (start, end, skb)
        self.meat = self.end = self.max_size = self.max_df = self.memory = self.rid = 0
        self.last_in = False


class Reassembly:
    """A namespace's queues by (id, source, destination, protocol, user, device)."""

    __slots__ = ("memory", "queues")

    def __init__(self) -> None:
        self.queues: dict[tuple[int, ...], Queue] = {}
        self.memory = 0


def defrag(ns: Namespace, skb: Skb, user: int) -> Skb | None:
    """ip_defrag: take a fragment. Returns the whole packet once it is complete, else None: the fragment is held or dropped."""
    state: Reassembly | None = ns.reasm
    if state is None:
        state = ns.reasm = Reassembly()
    dev = skb.dev
    key = (skb.ip_id, skb.saddr, skb.daddr, skb.proto, user, 0)
    queue = state.queues.get(key)
    if queue is None:
        if state.memory > ns.sysctl.ipfrag_high_thresh:
            ns.drop(skb, "NOMEM", "ipfrag_high_thresh: too many bytes of incomplete packets")
            return None
        timer = ns.sim.call_later(ns.sysctl.ipfrag_time * 1_000_000_000, _expire, ns, key)
        queue = state.queues[key] = Queue(key, timer)
    if _too_far(ns, queue, skb):
        _reinit(ns, state, queue)
    reason, text = _insert(queue, skb)
    if reason == "kill":
        _kill(ns, state, queue, "NOT_SPECIFIED", text)
        ns.drop(skb, "NOT_SPECIFIED", text, dev)
        return None
    if reason:
        ns.drop(skb, reason, text, dev)
        return None
    memory = len(skb.l3) + OVERHEAD
    queue.memory += memory
    state.memory += memory
    first = queue.fragments[0]
    if first[0] == 0 and queue.last_in and queue.meat == queue.end:
        return _complete(ns, state, queue, skb, user)
    skb.dst = None
    ns.held(skb)
    return None


def _insert(queue: Queue, skb: Skb) -> tuple[str, str]:
    """ip_frag_queue: (drop reason, text); the reason "kill" ends the whole queue."""
    ihl = skb.ihl
    start = (skb.frag & IP_OFFSET) << 3
    end = start + len(skb.l3) - ihl
    if not skb.frag & IP_MF:
        if end < queue.end or (queue.last_in and end != queue.end):
            return "kill", "fragments disagree about the packet's end"
        queue.last_in = True
        queue.end = end
    else:
        end &= ~7
        if end > queue.end:
            if queue.last_in:
                return "kill", "a fragment beyond the packet's end"
            queue.end = end
    if end == start:
        return "kill", "a fragment without data"
    fragments = queue.fragments
    place = len(fragments)
    while place and fragments[place - 1][0] > start:
        place -= 1
    for other_start, other_end, _ in fragments[max(place - 1, 0) : place + 1]:
        if start < other_end and other_start < end:
            # Within what one run of fragments already covers it is a duplicate, else an overlap: an attack (RFC 8900).
            if _covered(fragments, start, end):
                return "DUP_FRAG", "duplicate fragment"
            return "kill", "overlapping fragments"
    size = len(skb.l3)
    queue.max_size = max(queue.max_size, size)
    if skb.frag & IP_DF:
        queue.max_df = max(queue.max_df, size)
    fragments.insert(place, (start, end, skb))
    queue.meat += end - start
    return "", ""


def _covered(fragments: list[tuple[int, int, Skb]], start: int, end: int) -> bool:
    """Whether one contiguous run of fragments holds all of [start, end)."""
    run_start = run_end = -1
    for other_start, other_end, _ in fragments:
        if other_start != run_end:
            run_start = other_start
        run_end = other_end
        if run_start <= start and end <= run_end:
            return True
    return False


def _too_far(ns: Namespace, queue: Queue, skb: Skb) -> bool:
    """ip_frag_too_far: so many other fragments came from this source since the queue's last that the id may have come round."""
    limit = ns.sysctl.ipfrag_max_dist
    if not limit:
        return False
    peer = icmp_send.rates(ns).peer(skb.saddr, ns.sim.now // icmp_send.MS)
    start = queue.rid
    peer[3] += 1
    queue.rid = peer[3]
    return bool(queue.fragments) and queue.rid - start > limit


def _complete(ns: Namespace, state: Reassembly, queue: Queue, last: Skb, user: int) -> Skb | None:
    """ip_frag_reasm: the header of the first fragment, the data of all. The other fragments end here as merged."""
    fragments = queue.fragments
    head = fragments[0][2]
    for _, _, skb in fragments:
        if skb is not last:
            ns.released(skb)
    _forget(state, queue)
    length = head.ihl + queue.end
    if length > 0xFFFF:
        for _, _, skb in fragments:
            ns.drop(skb, "NOT_SPECIFIED", "fragments of more than 65535 bytes")
        return None
    frag = IP_DF if queue.max_df and queue.max_df == queue.max_size else 0
    first = head.l3
    data = b"".join(skb.l3[skb.ihl : skb.ihl + end - start] for start, end, skb in fragments)
    head.set_l3(rechecksum(first[:2] + length.to_bytes(2, "big") + first[4:6] + frag.to_bytes(2, "big") + first[8 : head.ihl] + data, head.ihl))
    head.frag_max = queue.max_size
    if user != DEFRAG_LOCAL_DELIVER:  # it goes on: in the same pieces if they fit (nf_ct_ipv4_gather_frags, ip_frag_coalesce_ok)
        head.ignore_df = True
        head.frag_sizes = tuple(end - start for start, end, _ in fragments)
    kept = (head.dst if head.dst is not None else last.dst, head.dev, head.iif, head.mark)
    parse(head)
    head.dst, head.dev, head.iif, head.mark = kept
    tp = ns.tp
    if tp.life:
        for _, _, skb in fragments:
            if skb is not head:
                tp.on_life(MERGED, skb.id)
    if tp.step:
        tp.on_step(ns, head.id, "frag", f"{length} bytes put together from {len(fragments)} fragments")
    return head


def _forget(state: Reassembly, queue: Queue) -> None:
    queue.timer.cancel()
    state.memory -= queue.memory
    state.queues.pop(queue.key, None)


def _drop_all(ns: Namespace, queue: Queue, reason: str, text: str) -> None:
    for _, _, skb in queue.fragments:
        ns.released(skb)
        ns.drop(skb, reason, text)


def _kill(ns: Namespace, state: Reassembly, queue: Queue, reason: str, text: str) -> None:
    _forget(state, queue)
    _drop_all(ns, queue, reason, text)


def _reinit(ns: Namespace, state: Reassembly, queue: Queue) -> None:
    """ip_frag_reinit: the old fragments go, the queue starts anew."""
    _drop_all(ns, queue, "FRAG_TOO_FAR", "too many fragments from this source in between")
    state.memory -= queue.memory
    queue.timer.cancel()
    queue.timer = ns.sim.call_later(ns.sysctl.ipfrag_time * 1_000_000_000, _expire, ns, queue.key)
    queue.fragments = []
    queue.meat = queue.end = queue.max_size = queue.max_df = queue.memory = 0
    queue.last_in = False


def _expire(ns: Namespace, key: tuple[int, ...]) -> None:
    """ip_expire: fragments are missing. The sender hears of it only from an end host that has the first one."""
    state: Any = ns.reasm
    queue = state.queues.get(key)
    if queue is None:
        return
    _forget(state, queue)
    if queue.fragments and queue.fragments[0][0] == 0 and not ns.gone:
        head = queue.fragments[0][2]
        if head.dev is not None and head.dev.netns is ns:
            head.dst = route.lookup_input(ns, head)
            if head.dst.reason == "" and (key[4] == DEFRAG_LOCAL_DELIVER or head.dst.type == RTN_LOCAL):
                icmp_send.send_error(ns, head, 11, 1)
    _drop_all(ns, queue, "FRAG_REASM_TIMEOUT", f"fragments missing for {ns.sysctl.ipfrag_time} s")


def _device_event(dev: NetDevice, event: str) -> None:
    """The namespace goes away when its lo does: what waits there ends (fqdir_exit)."""
    ns = dev.netns
    if event == notifier.UNREGISTER and dev is ns.lo and ns.reasm is not None:
        for queue in list(ns.reasm.queues.values()):
            _kill(ns, ns.reasm, queue, "EMU_NETNS_GONE", f"{ns.name} is gone")


notifier.register(notifier.DEVINET, _device_event)
