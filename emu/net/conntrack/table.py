"""The connection table of one namespace (nf_conntrack_core.c): every packet finds its connection, or begins one.

A packet meets it twice: `packet_in` right after it came in (or left a local program), before NAT; `confirm` when it goes out (or is delivered),
after NAT and all filtering. Only a confirmed connection is in the table, so that a dropped first packet leaves nothing behind.

The table is one dictionary from tuple to (entry, direction); a connection is in it under both its tuples. Entries expire when they are looked
at; a sweep as of the kernel's gc worker runs once a minute, but only when new connections come, so that an idle world stays idle.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from emu.net.conntrack import entry as bits
from emu.net.conntrack import icmp, tcp, tuples
from emu.net.conntrack.entry import ASSURED, CONFIRMED, DYING, FIXED_TIMEOUT, NAT_CLASH, SEEN_REPLY, Entry
from emu.net.conntrack.tcp_states import ESTABLISHED
from emu.net.skb import CT_ESTABLISHED, CT_INVALID, CT_IS_REPLY, CT_NEW, CT_RELATED, CT_UNTRACKED, Skb
from emu.wire.checksum import l4_verify

if TYPE_CHECKING:
    from emu.net.conntrack.events import Events
    from emu.net.conntrack.tuples import Tuple
    from emu.net.netns import Namespace
    from emu.net.sysctl import Sysctl

Hit = tuple[Entry, int]

_S = 1_000_000_000
GC_INTERVAL = 60 * _S  # GC_SCAN_INTERVAL_MAX
UDP_STREAM_AFTER = 2 * _S
CLASH_TIMEOUT = 1 * _S
EVICTION_RANGE = 8  # NF_CT_EVICTION_RANGE
WITH_PORTS = frozenset({6, 17, 132, 136})
MAY_CLASH = frozenset({17, 47, 136})  # protocols of which the second of two first packets may pass (allow_clash)


class Conntrack:
    """Connection tracking of one namespace, `ns.ct`. `sysctl`: the namespace's, of which nf_conntrack_* are read. `stats`: as `conntrack -S`."""

    __slots__ = ("_buckets", "_by_source", "_early_drop", "_gc_at", "count", "events", "ns", "sim", "stats", "sysctl", "table", "tp", "why")

    def __init__(self, ns: Namespace) -> None:
        self.ns = ns
        self.sim = ns.sim
        self.tp = ns.tp
        self.sysctl: Sysctl = ns.sysctl
        self.table: dict[Tuple, Hit] = {}
        self.count = 0  # connections, not yet swept expired ones included (nf_conntrack_count)
        self.why = ""  # why the last tracker found a packet invalid
        self.stats = {"invalid": 0, "insert_failed": 0, "drop": 0, "early_drop": 0, "clash_resolve": 0}
        self.events: Events | None = None  # while somebody listens
        self._gc_at = 0
        self._early_drop = False
        # What the kernel's hash table looks like, bucket -> entries by tuple; kept only while the table is full
        self._buckets: dict[int, dict[Tuple, Entry]] | None = None
        # NAT keeps connections by original source here (nf_nat_bysource): (proto, saddr, sport) -> entries, newest first
        self._by_source: dict[tuple[int, int, int], list[Entry]] = {}

    def resume(self) -> None:
        """Tracking begins, perhaps again: what was sent in between is unknown, so windows are learnt anew (nf_ct_tcp_fixup)."""
        for ct in self:
            if ct.tcp is not None and ct.tcp.state == ESTABLISHED:
                for side in ct.tcp.seen:
                    side.td_maxwin = 0

    # -- the two hooks ------------------------------------------------------------------------------------------------------------

    def packet_in(self, hook: int, skb: Skb) -> bool:
        """Find or begin the connection of a parsed packet (nf_conntrack_in): sets `skb.ct` and `skb.ctinfo` (CT_INVALID with no `ct` where it
        belongs to none). `hook`: 0 PREROUTING, 3 OUTPUT. False: dropped, and `ns.drop` was called.
        """
        if skb.ct is not None or skb.ctinfo == CT_UNTRACKED:
            return True  # seen already (loopback), or not to be tracked
        proto = skb.proto
        if skb.frag & 0x3FFF:
            if hook == 3:
                return True  # a program that sends fragments itself (IP_NODEFRAG, raw sockets)
            if skb.frag & 0x1FFF:
                self.invalid(skb, "a fragment on its own")
                return True
        if proto == 1 and icmp.error(self, skb, hook):
            return True
        l3 = skb.l3
        while True:
            if proto == 6 or proto == 17 or proto == 1 or proto in WITH_PORTS:
                key = (proto, skb.saddr, skb.daddr, skb.sport, skb.dport)
            else:
                key = (proto, skb.saddr, skb.daddr, 0, 0)
            hit = self.table.get(key)
            now = self.sim.now
            if hit is None or hit[0].timeout <= now:
                if proto in WITH_PORTS and len(l3) - skb.l4 < 4:
                    self.invalid(skb, "ports cut short")
                    return True
                if hit is not None:
                    self.remove(hit[0])
                ct = self._begin(key, skb)
                if ct is None:
                    return skb.ctinfo == CT_INVALID  # not trackable, or no room for it: dropped
                direction = 0
                ctinfo = CT_NEW
            else:
                ct, direction = hit
                if direction:
                    ctinfo = CT_ESTABLISHED + CT_IS_REPLY
                elif ct.status & SEEN_REPLY:
                    ctinfo = CT_ESTABLISHED
                else:
                    ctinfo = CT_RELATED if ct.status & bits.EXPECTED else CT_NEW
            skb.ct = ct
            skb.ctinfo = ctinfo

            if proto == 17:
                l4 = skb.l4
                room = len(l3) - l4
                if room < 8:
                    return self.invalid(skb, "UDP header cut short")
                length = l3[l4 + 4] << 8 | l3[l4 + 5]
                if length > room or length < 8:
                    return self.invalid(skb, f"UDP length {length}, {room} bytes are there")
                sysctl = self.sysctl
                if hook == 0 and sysctl.nf_conntrack_checksum and (l3[l4 + 6] or l3[l4 + 7]) and not l4_verify(skb.saddr, skb.daddr, 17, l3[l4:]):
                    return self.invalid(skb, "bad UDP checksum")
                status = ct.status
                if status & SEEN_REPLY:
                    if now > ct.stream_at:
                        timeout = sysctl.nf_conntrack_udp_timeout_stream
                        if not status & (ASSURED | NAT_CLASH):
                            ct.status = status = status | ASSURED
                            if self.tp.step:
                                self.step(skb, "traffic both ways for over 2 s: a stream, ASSURED")
                    else:
                        timeout = sysctl.nf_conntrack_udp_timeout
                    if not status & FIXED_TIMEOUT:
                        ct.timeout = now + timeout * _S
                elif status & CONFIRMED:
                    if not status & FIXED_TIMEOUT:
                        ct.timeout = now + sysctl.nf_conntrack_udp_timeout * _S
                else:
                    ct.stream_at = now + UDP_STREAM_AFTER
                    ct.timeout = sysctl.nf_conntrack_udp_timeout * _S
            elif proto == 6:
                verdict = tcp.packet(self, ct, skb, direction, hook)
                if verdict != tcp.ACCEPT:
                    skb.ct = None
                    skb.ctinfo = -1
                    if verdict == tcp.REPEAT:
                        continue
                    self.invalid(skb, self.why)
                    return True
                if direction and not ct.status & SEEN_REPLY:
                    ct.status |= SEEN_REPLY
                return True
            elif proto == 1:
                if ct.orig[4] >> 8 not in tuples.ICMP_REQUESTS:
                    return self.invalid(skb, f"ICMP type {ct.orig[4] >> 8} cannot begin a connection")
                self._refresh(ct, self.sysctl.nf_conntrack_icmp_timeout * _S)
            else:
                self._refresh(ct, self.sysctl.nf_conntrack_generic_timeout * _S)
            if ct.acct:
                ct.account(ctinfo, len(l3))
            if direction and not ct.status & SEEN_REPLY:
                ct.status |= SEEN_REPLY
                if self.tp.step:
                    self.step(skb, f"answered: {tuples.text(ct.orig)}")
            return True

    def confirm(self, skb: Skb) -> bool:
        """Enter the connection of a packet that has come through into the table (nf_confirm, __nf_conntrack_confirm). False: another packet
        was first with that tuple and this one cannot share its entry; dropped, and `ns.drop` was called.
        """
        ct = skb.ct
        if ct is None or ct.status & CONFIRMED or skb.ctinfo >= CT_IS_REPLY:
            if self.events is not None and ct is not None and not ct.status & DYING:
                self.events.seen(ct)
            return True
        if ct.status & DYING:
            return self._no_insert(skb, "its connection was deleted meanwhile")
        table = self.table
        now = self.sim.now
        winner = self.find(ct.orig) or self.find(ct.reply)
        if winner is not None:
            return self._resolve_clash(skb, ct, winner[0])
        ct.timeout += now  # the life of an entry begins here
        table[ct.orig], table[ct.reply] = ct.hits
        if self._buckets is not None:
            self._index(ct.orig, ct)
            self._index(ct.reply, ct)
        ct.status |= CONFIRMED
        self.count += 1
        if ct.status & bits.SRC_NAT_DONE:
            orig = ct.orig
            self._by_source.setdefault((orig[0], orig[1], orig[3]), []).insert(0, ct)
        if self.events is not None:
            self.events.new(ct)
        return True

    # -- parts of packet_in -------------------------------------------------------------------------------------------------------

    def _begin(self, key: Tuple, skb: Skb) -> Entry | None:
        """A new, unconfirmed connection (init_conntrack); None: the packet is INVALID (`ctinfo` says so) or was dropped for want of room."""
        self.ns.trail = None
        reply = tuples.invert(key)
        if reply is None:
            self.invalid(skb, f"ICMP type {key[4] >> 8} is never answered")
            return None
        now = self.sim.now
        if now >= self._gc_at:
            self._gc(now)
        limit = self.ns.kernel.conntrack_max
        if self.count + 1 > limit and not self._make_room(key):
            self._early_drop = True
            self.stats["drop"] += 1
            self.ns.drop(skb, "NETFILTER_DROP", f"nf_conntrack: table full ({self.count} of {limit}), dropping packet")
            return None
        ct = Entry(key, reply, bool(self.sysctl.nf_conntrack_acct))
        if self.tp.step:
            self.step(skb, f"new connection {tuples.text(key)}")
        return ct

    def invalid(self, skb: Skb, why: str) -> bool:
        """The packet belongs to no connection: it passes as INVALID. Always True."""
        skb.ct = None
        skb.ctinfo = CT_INVALID
        self.stats["invalid"] += 1
        if self.tp.step:
            self.step(skb, f"INVALID: {why}")
        return True

    def _refresh(self, ct: Entry, timeout: int) -> None:
        status = ct.status
        if not status & FIXED_TIMEOUT:
            ct.timeout = self.sim.now + timeout if status & CONFIRMED else timeout

    def step(self, skb: Skb, text: str) -> None:
        """A step of kind "ct"; call only when `tp.step` is not empty."""
        self.tp.on_step(self.ns, skb.id, "ct", text)

    # -- parts of confirm ---------------------------------------------------------------------------------------------------------

    def _no_insert(self, skb: Skb, why: str) -> bool:
        self.stats["insert_failed"] += 1
        self.stats["drop"] += 1
        self.ns.drop(skb, "NETFILTER_DROP", f"conntrack: {why}")
        return False

    def _resolve_clash(self, skb: Skb, ct: Entry, winner: Entry) -> bool:
        """Two first packets of one connection were under way at once (nf_ct_resolve_clash)."""
        if winner.orig[0] in MAY_CLASH:
            if self._join(skb, ct, winner):
                return True
            other = self.find(ct.reply)
            if other is not None:
                if self._join(skb, ct, other[0]):
                    return True
            else:
                # Only the original tuples clash: keep the entry for the answer alone, for a second, out of sight of `conntrack -L`.
                ct.status |= FIXED_TIMEOUT | NAT_CLASH | CONFIRMED
                ct.timeout = self.sim.now + CLASH_TIMEOUT
                self.table[ct.reply] = ct.hits[1]
                if self._buckets is not None:
                    self._index(ct.reply, ct)
                self.count += 1
                self.stats["clash_resolve"] += 1
                return True
        return self._no_insert(skb, f"{tuples.text(ct.orig)} clashes with {tuples.text(winner.orig)}")

    def _join(self, skb: Skb, ct: Entry, winner: Entry) -> bool:
        """Give the packet to the entry in the table if both are the same connection, seen from the same or from opposite sides."""
        if (winner.orig, winner.reply) not in ((ct.orig, ct.reply), (ct.reply, ct.orig)):
            return False
        if ct.acct:
            winner.account(skb.ctinfo, len(skb.l3))
        skb.ct = winner
        self.stats["clash_resolve"] += 1
        return True

    # -- the table ----------------------------------------------------------------------------------------------------------------

    def find(self, tup: Tuple) -> Hit | None:
        """(entry, direction) of a living connection (nf_conntrack_find_get); removes it if it has expired."""
        hit = self.table.get(tup)
        if hit is not None and hit[0].timeout <= self.sim.now:
            self.remove(hit[0])
            return None
        return hit

    def tuple_taken(self, tup: Tuple, ignored: Entry) -> bool:
        """Whether a connection other than `ignored` receives packets with that tuple (nf_conntrack_tuple_taken)."""
        hit = self.find(tup)
        # With the same original tuple it is the same connection, and `confirm` will deal with it.
        return hit is not None and hit[0] is not ignored and hit[0].orig != ignored.orig

    def same_source(self, proto: int, saddr: int, sport: int) -> list[Entry]:
        """Living connections with that original source, newest first (nf_nat_bysource)."""
        now = self.sim.now
        return [ct for ct in self._by_source.get((proto, saddr, sport), ()) if ct.timeout > now]

    def kill(self, ct: Entry) -> None:
        """End a connection now (nf_ct_kill); one that is not in the table yet will never get there."""
        if ct.status & CONFIRMED:
            self.remove(ct)
        else:
            ct.status |= DYING

    def remove(self, ct: Entry, by_user: bool = False) -> None:
        """Take a confirmed entry out of the table (nf_ct_delete). Twice is once. `by_user`: a command of his wants it so."""
        if ct.status & DYING:
            return
        ct.status |= DYING
        table = self.table
        for tup in (ct.orig, ct.reply):
            hit = table.get(tup)
            if hit is not None and hit[0] is ct:
                del table[tup]
                if self._buckets is not None:
                    self._buckets.get(hash(tup) % self.sysctl.nf_conntrack_buckets, {}).pop(tup, None)
        self.count -= 1
        if ct.status & bits.SRC_NAT_DONE:
            key = (ct.orig[0], ct.orig[1], ct.orig[3])
            left = [other for other in self._by_source.get(key, ()) if other is not ct]
            if left:
                self._by_source[key] = left
            else:
                self._by_source.pop(key, None)
        self.ns.generation += 1
        if self.events is not None:
            self.events.gone(ct, by_user)

    def __iter__(self) -> Iterator[Entry]:
        """Living connections in the order they were confirmed; those kept only for a clash are hidden, as from `conntrack -L`."""
        now = self.sim.now
        return (hit[0] for hit in list(self.table.values()) if not hit[1] and hit[0].timeout > now)

    def entries(self) -> list[Entry]:
        """Living connections in the order they were confirmed."""
        return list(self)

    def flush(self) -> int:
        """Remove every connection; how many there were."""
        return self.remove_if(lambda _ct: True, True)

    def remove_if(self, condition: Callable[[Entry], bool], by_user: bool = False) -> int:
        """Remove every connection of which `condition(entry)` is true (nf_ct_iterate_cleanup); how many there were."""
        doomed = [hit[0] for hit in self.table.values() if hit[1] and condition(hit[0])]
        for ct in doomed:
            self.remove(ct, by_user)
        return len(doomed)

    # -- room ---------------------------------------------------------------------------------------------------------------------

    def _gc(self, now: int) -> None:
        """Remove what has expired and, after a packet found the table full, what can be spared (gc_worker)."""
        self._gc_at = now + GC_INTERVAL
        self._buckets = None
        self.remove_if(lambda ct: ct.timeout <= now)
        if self._early_drop:
            self._early_drop = False
            floor = self.ns.kernel.conntrack_max // 100 * 95
            self.remove_if(lambda ct: self.count >= floor and (not ct.status & ASSURED or tcp.can_early_drop(ct)))

    def _make_room(self, key: Tuple) -> bool:
        """Give up connections that were never ASSURED and lie in the new one's place in the hash table or just behind it (early_drop)."""
        if self._buckets is None:
            self._buckets = {}
            for tup, (ct, _) in self.table.items():
                self._index(tup, ct)
        buckets = self._buckets
        size = self.sysctl.nf_conntrack_buckets
        now = self.sim.now
        before = self.stats["early_drop"]
        first = hash(key) % size
        for at in range(first, first + EVICTION_RANGE):
            for ct in list(buckets.get(at % size, {}).values()):
                if ct.timeout <= now:
                    self.remove(ct)
                elif not ct.status & (ASSURED | DYING):
                    self.remove(ct)
                    self.stats["early_drop"] += 1
            if self.stats["early_drop"] > before:
                return True
        return False

    def _index(self, tup: Tuple, ct: Entry) -> None:
        if self._buckets is not None:
            self._buckets.setdefault(hash(tup) % self.sysctl.nf_conntrack_buckets, {})[tup] = ct
