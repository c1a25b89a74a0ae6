"""The neighbour table: which MAC an IPv4 next hop has, and packets that wait for the answer. Read RFC 1122 2.3.2 and RFC 4861 7.3 first.

An entry's state says how sure we are (net/core/neighbour.c). `neigh_entry.MOVES` is the machine for what we do ourselves; what others tell us by
ARP goes through `NeighTable.update`, which has Linux's rules about who may overwrite what. There is one timer per entry, and only in the states that
wait for something; confirming an entry only stores a time, the timer looks at it when it fires.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from emu.net import arp, neigh_gc, notifier
from emu.net.neigh_entry import (
    CONNECTED,
    DELAY,
    FAILED,
    IN_TIMER,
    INCOMPLETE,
    MOVES,
    NOARP,
    NUD_NAMES,
    PERMANENT,
    PROBE,
    REACHABLE,
    STALE,
    VALID,
    Neigh,
    truesize,
)
from emu.sim import NS_PER_MS, NS_PER_S
from emu.wire.addr import ZERO_MAC, ip_text

if TYPE_CHECKING:
    from emu.net.device import NetDevice
    from emu.net.netns import Namespace
    from emu.net.skb import Skb
    from emu.net.sysctl import NeighParms

_TICK_NS = 10 * NS_PER_MS  # timers are not set closer than HZ/100
_REACH_EPOCH_NS = 300 * NS_PER_S  # the random reachable time of a device is drawn anew as often
_IP = b"\x08\x00"


class NeighTable:
    """The entries of one namespace (arp_tbl), in the order they were made. `ns.neigh.output(skb, dev, nexthop)` sends a packet."""

    __slots__ = ("entries", "ns", "proxies", "proxy_queue")

    def __init__(self, ns: Namespace) -> None:
        self.ns = ns
        self.entries: dict[int, Neigh] = {}  # ifindex << 32 | ip
        self.proxies: dict[int, None] | None = None  # ifindex << 32 | ip: see arp.add_proxy
        self.proxy_queue = 0  # requests that wait for proxy_delay

    def __iter__(self) -> Iterator[Neigh]:
        return iter(list(self.entries.values()))

    def __len__(self) -> int:
        return len(self.entries)

    # -- sending ------------------------------------------------------------------------------------------------------------------

    def output(self, skb: Skb, dev: NetDevice, nexthop: int) -> None:
        """Send an IPv4 packet to a neighbour, or hold it until the neighbour's MAC is known (neigh_output)."""
        entry = self.entries.get(dev.ifindex << 32 | nexthop)
        if entry is not None and entry.header is not None:
            skb.eth = entry.header
            skb.frame = None
            dev.transmit(skb)
            return
        self._output_slowly(entry, skb, dev, nexthop)

    def _output_slowly(self, entry: Neigh | None, skb: Skb, dev: NetDevice, nexthop: int) -> None:
        """neigh_resolve_output, for all but a connected entry."""
        self.ns.trail = None
        if not dev.needs_neighbour:
            skb.set_eth(ZERO_MAC + dev.mac + _IP)
            dev.transmit(skb)
            return
        if entry is None:
            entry = self.create(dev, nexthop)
            if entry is None:
                self.ns.drop(skb, "NEIGH_CREATEFAIL", f"the neighbour table of {self.ns.kernel.name} is full (gc_thresh3)", dev)
                return
        if self._event_send(entry, skb):
            if not entry.hh:  # neigh_hh_init
                entry.hh = True
                if entry.state & CONNECTED:
                    entry.header = entry.mac + dev.mac + _IP
            skb.set_eth(entry.mac + dev.mac + _IP)
            dev.transmit(skb)

    def resolve(self, dev: NetDevice, ip: int) -> bool:
        """Whether a neighbour's MAC is known; if it is not, ask for it, with no packet that waits (neigh_event_send(neigh, NULL))."""
        entry = self.lookup(dev, ip) or self.create(dev, ip)
        if entry is None:
            return False
        if not entry.state & VALID:
            self._event_send(entry, None)
        return bool(entry.state & VALID)

    def _event_send(self, entry: Neigh, skb: Skb | None) -> bool:
        """A packet is to be sent (__neigh_event_send). True: send it now; False: it is held or dropped. None: only ask."""
        now = self.ns.sim.now
        frame_id = skb.id if skb is not None else self.ns.sim.cause
        entry.used = now
        state = entry.state
        if state & (CONNECTED | DELAY | PROBE):
            return True
        if state == STALE:
            self._step(entry, frame_id, "DELAY", "sent, an answer from above within 5 s will do")
            self._set_state(entry, MOVES[STALE]["send"])
            entry.updated = now
            self._set_timer(entry, now + self._parms(entry.dev).delay_first_probe_time * NS_PER_S)
            return True
        if state != INCOMPLETE:
            parms = self._parms(entry.dev)
            if parms.mcast_solicit + parms.app_solicit == 0:
                self._set_state(entry, FAILED)
                entry.updated = now
                if skb is not None:
                    self.ns.drop(skb, "NEIGH_FAILED", f"no requests may be sent for {ip_text(entry.ip)} (mcast_solicit is 0)", entry.dev)
                return False
            entry.probes = parms.ucast_solicit  # no unicast requests: nothing is known to send them to
            self._step(entry, frame_id, NUD_NAMES[MOVES[state]["send"]], "asks where it is")
            self._set_state(entry, MOVES[state]["send"])
            entry.updated = now
            self._set_timer(entry, now + max(parms.retrans_time_ms * NS_PER_MS, _TICK_NS))
            if skb is not None:
                self._hold(entry, skb)
            self._probe(entry)
        elif skb is not None:
            self._hold(entry, skb)
        return False

    def _hold(self, entry: Neigh, skb: Skb) -> None:
        """Put the packet at the end of the queue; the oldest ones make room for it."""
        ns = self.ns
        queue = entry.queue
        if queue is None:
            queue = entry.queue = deque()
        size = truesize(skb)
        limit = self._parms(entry.dev).unres_qlen_bytes
        while queue and entry.queue_bytes + size > limit:
            old = queue.popleft()
            entry.queue_bytes -= truesize(old)
            ns.released(old)
            ns.drop(old, "NEIGH_QUEUEFULL", f"{len(queue) + 1} packets wait for {ip_text(entry.ip)} already", entry.dev)
        queue.append(skb)
        entry.queue_bytes += size
        ns.held(skb)
        if ns.tp.step:
            ns.tp.on_step(ns, skb.id, "arp", f"ARP: who has {ip_text(entry.ip)}? held until answered")

    def _probe(self, entry: Neigh) -> None:
        """Ask once (neigh_probe)."""
        queue = entry.queue
        arp.solicit(self.ns, entry, queue[-1] if queue else None, self._parms(entry.dev))
        entry.probes += 1

    # -- time ---------------------------------------------------------------------------------------------------------------------

    def _set_timer(self, entry: Neigh, when: int) -> None:
        if entry.timer is not None:
            entry.timer.cancel()
        sim = self.ns.sim
        entry.timer = sim.call_at(when, self._timeout, entry)

    def _timeout(self, entry: Neigh) -> None:
        """neigh_timer_handler."""
        entry.timer = None
        now = self.ns.sim.now
        parms = self._parms(entry.dev)
        state = entry.state
        when = now + max(parms.retrans_time_ms * NS_PER_MS, _TICK_NS)
        delay = parms.delay_first_probe_time * NS_PER_S
        if state == REACHABLE:
            reachable = self.reachable_time(entry.dev)
            if now < entry.confirmed + reachable:
                self._set_timer(entry, entry.confirmed + reachable)
                return
            if now <= entry.used + delay:
                self._move(entry, "used lately")
                when = now + delay
            else:
                self._move(entry, "quiet")
                return
        elif state == DELAY:
            if now <= entry.confirmed + delay:
                self._move(entry, "confirmed")
                self._set_timer(entry, max(entry.confirmed + self.reachable_time(entry.dev), now + _TICK_NS))
                return
            self._move(entry, "not confirmed")
            entry.probes = 0
        if entry.state & (INCOMPLETE | PROBE):
            solicits = parms.mcast_resolicit if entry.state == PROBE else parms.mcast_solicit
            if entry.probes >= parms.ucast_solicit + parms.app_solicit + solicits:
                self._move(entry, "no answer")
                self._fail(entry)
                return
            self._set_timer(entry, when)
            self._probe(entry)
        else:
            self._set_timer(entry, when)

    def reachable_time(self, dev: NetDevice) -> int:
        """How long a confirmation is good, ns: a random time between 1/2 and 3/2 of base_reachable_time, one for each device, drawn anew every 300 s."""
        base = self._parms(dev).base_reachable_time_ms
        epoch = self.ns.sim.now // _REACH_EPOCH_NS
        drawn = dev.neigh_parms
        if drawn is None or drawn[0] != epoch or drawn[1] != base:
            random = self.ns.sim.stream(f"{self.ns.name}/neigh")
            drawn = dev.neigh_parms = (epoch, base, ((base >> 1) + random.randrange(base)) * NS_PER_MS if base else 0)
        time: int = drawn[2]
        return time

    def _parms(self, dev: NetDevice) -> NeighParms:
        parms: NeighParms = self.ns.sysctl.neigh(dev)
        return parms

    # -- states -------------------------------------------------------------------------------------------------------------------

    def _move(self, entry: Neigh, event: str) -> None:
        state = MOVES[entry.state][event]
        self._step(entry, self.ns.sim.cause, NUD_NAMES[state], event)
        self._set_state(entry, state)
        entry.updated = self.ns.sim.now

    def _set_state(self, entry: Neigh, state: int) -> None:
        """Change the state, and with it whether packets are sent without a look (neigh_connect, neigh_suspect)."""
        entry.state = state
        entry.header = entry.mac + entry.dev.mac + _IP if state & CONNECTED and entry.hh else None
        self.ns.generation += 1

    def _step(self, entry: Neigh, frame_id: int, state: str, why: str) -> None:
        ns = self.ns
        if ns.tp.step:
            ns.tp.on_step(ns, frame_id, "neigh", f"{ip_text(entry.ip)} dev {entry.dev.name}: {NUD_NAMES[entry.state]} → {state} ({why})")

    def _fail(self, entry: Neigh) -> None:
        """Nobody answered: tell the senders of what waits (neigh_invalidate)."""
        ns = self.ns
        entry.updated = ns.sim.now
        queue, entry.queue, entry.queue_bytes = entry.queue, None, 0
        for skb in queue or ():
            from emu.net import ip_output

            ns.sim.cause = skb.id
            ns.released(skb)
            ip_output.link_failure(ns, skb)
            ns.drop(skb, "NEIGH_FAILED", f"{ip_text(entry.ip)} did not answer ARP on {entry.dev.name}", entry.dev)

    def update(self, entry: Neigh, mac: bytes | None, new: int, *, override: bool = False, weak: bool = False, admin: bool = False) -> bool:
        """Somebody says: `mac` is there and its state is `new` (neigh_update). `override`: may replace another MAC. `weak`: another MAC only makes
        a connected entry STALE. `admin`: a user says so, which NOARP and PERMANENT obey too. False: refused."""
        now = self.ns.sim.now
        old = entry.state
        if entry.dead or (not admin and old & (NOARP | PERMANENT)):
            return False
        if not new & VALID:
            self._cancel(entry)
            self._set_state(entry, new)
            if old & (INCOMPLETE | PROBE) and new == FAILED:
                self._fail(entry)
            return True
        if mac is None and not old & VALID:
            return False
        if new & CONNECTED:
            entry.confirmed = now
        mac, new = entry.judge(mac, new, override, weak, admin)
        if new == old and mac == entry.mac:
            return True
        entry.updated = now
        if mac != entry.mac:
            entry.mac = mac
            if not new & CONNECTED:
                entry.confirmed = now - 2 * self._parms(entry.dev).base_reachable_time_ms * NS_PER_MS
        if new != old:
            self._step(entry, self.ns.sim.cause, NUD_NAMES[new], "told where it is" if not old & VALID or new == REACHABLE else "told otherwise")
        self._set_state(entry, new)
        if new != old:
            self._cancel(entry)
            if new == PROBE:
                entry.probes = 0
            if new & IN_TIMER:
                self._set_timer(entry, now + (self.reachable_time(entry.dev) if new == REACHABLE else 0))
            if not old & VALID:
                self._send_held(entry)
        return True

    def _send_held(self, entry: Neigh) -> None:
        """The MAC is known now: send what waited for it, oldest first."""
        ns = self.ns
        cause = ns.sim.cause
        queue, entry.queue, entry.queue_bytes = entry.queue, None, 0
        for skb in queue or ():
            ns.sim.cause = skb.id
            ns.released(skb)
            self.output(skb, entry.dev, entry.ip)
        ns.sim.cause = cause

    def _cancel(self, entry: Neigh) -> None:
        if entry.timer is not None:
            entry.timer.cancel()
            entry.timer = None

    # -- the table ----------------------------------------------------------------------------------------------------------------

    def lookup(self, dev: NetDevice, ip: int) -> Neigh | None:
        """The entry for that address on that device."""
        return self.entries.get(dev.ifindex << 32 | ip)

    def confirm(self, dev: NetDevice, ip: int) -> None:
        """A protocol above got an answer by way of this neighbour (neigh_confirm)."""
        entry = self.entries.get(dev.ifindex << 32 | ip)
        if entry is not None:
            entry.confirmed = self.ns.sim.now

    def create(self, dev: NetDevice, ip: int, permanent: bool = False) -> Neigh | None:
        """A new entry (neigh_create, arp_constructor); None if the machine's table is full. Multicast, broadcast and devices without ARP need no
        question: their entries are NOARP from the start."""
        ns = self.ns
        table: neigh_gc.ArpTable | None = ns.kernel.arp_tbl
        if table is None:
            table = ns.kernel.arp_tbl = neigh_gc.ArpTable(ns.kernel)
        if not permanent and not table.make_room():
            return None
        entry = Neigh(dev, ip, ns.sim.now)
        mac = arp.mapped_mac(ns, dev, ip)
        if mac is not None:
            entry.mac = mac
            entry.state = NOARP
        else:
            entry.confirmed = ns.sim.now - 2 * self._parms(dev).base_reachable_time_ms * NS_PER_MS
        self.entries[dev.ifindex << 32 | ip] = entry
        if not permanent:
            table.add(entry, self)
        ns.generation += 1
        return entry

    def replace(self, dev: NetDevice, ip: int, mac: bytes | None, state: int = PERMANENT) -> Neigh | None:
        """Set an entry as `ip neigh replace` does; None if the machine's table is full."""
        entry = self.lookup(dev, ip) or self.create(dev, ip, permanent=state == PERMANENT)
        if entry is not None:
            self.update(entry, mac, state, override=True, admin=True)
            self.ns.kernel.arp_tbl.note(entry, self)
        return entry

    def delete(self, dev: NetDevice, ip: int) -> bool:
        """Remove an entry as `ip neigh del` does: what waits for it fails. False if there is none."""
        entry = self.lookup(dev, ip)
        if entry is None:
            return False
        self.update(entry, None, FAILED, override=True, admin=True)
        self.remove(entry)
        return True

    def flush(self, dev: NetDevice, keep_permanent: bool = False) -> None:
        """Remove a device's entries (neigh_changeaddr): it has another MAC now, does ARP no more, or (`keep_permanent`) lost its carrier."""
        for entry in list(self.entries.values()):
            if entry.dev is dev and not (keep_permanent and entry.state == PERMANENT):
                self.remove(entry)

    def ifdown(self, dev: NetDevice) -> None:
        """It went down or lost its last address (neigh_ifdown): its entries go, and those it answers for by proxy."""
        self.flush(dev)
        if self.proxies:
            self.proxies = {key: None for key in self.proxies if key >> 32 != dev.ifindex}

    def remove(self, entry: Neigh) -> None:
        """Take an entry out; what waits for it is dropped."""
        ns = self.ns
        entry.dead = True
        entry.header = None
        self._cancel(entry)
        del self.entries[entry.dev.ifindex << 32 | entry.ip]
        ns.kernel.arp_tbl.forget(entry)
        ns.generation += 1
        queue, entry.queue, entry.queue_bytes = entry.queue, None, 0
        for skb in queue or ():
            ns.released(skb)
            ns.drop(skb, "QUEUE_PURGE", f"the neighbour entry of {ip_text(entry.ip)} was removed", entry.dev)


def device_event(dev: NetDevice, event: str) -> None:
    """What a change of a device does to its neighbours (arp_netdev_event, fib_disable_ip)."""
    table: Any = dev.netns.neigh
    if table is None or not (table.entries or table.proxies):
        return
    if event == notifier.CHANGEADDR:
        table.flush(dev)
    elif event in (notifier.DOWN, notifier.UNREGISTER):
        table.ifdown(dev)
    elif event == notifier.CHANGE and not dev.carrier and dev.netns.sysctl.conf_and(dev, "arp_evict_nocarrier"):
        table.flush(dev, keep_permanent=True)  # measured: proxies stay


notifier.register(notifier.ARP, device_event)
