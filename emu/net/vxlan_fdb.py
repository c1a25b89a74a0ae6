"""The forwarding database of a VXLAN device: behind which tunnel endpoints a MAC is (struct vxlan_fdb in drivers/net/vxlan/vxlan_core.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emu.sim import NS_PER_S
from emu.wire.addr import ZERO_MAC

if TYPE_CHECKING:
    from collections.abc import Callable

    from emu.net.device import NetDevice
    from emu.sim import Sim, Timer

AGEING_S = 300
LOOK_NS = 10 * NS_PER_S  # FDB_AGE_INTERVAL: the longest time between two looks at what has aged


class Remote:
    """One tunnel endpoint (struct vxlan_rdst). `ip`: int. `port`, `vni`: 0 = the device's. `dev`: the device to reach it by, None = by route."""

    __slots__ = ("dev", "ip", "port", "vni")

    def __init__(self, ip: int, port: int = 0, vni: int = 0, dev: NetDevice | None = None) -> None:
        self.ip, self.port, self.vni, self.dev = ip, port, vni, dev

    def same(self, other: Remote) -> bool:
        """Whether both are the same endpoint."""
        return (self.ip, self.port, self.vni, self.dev) == (other.ip, other.port, other.vni, other.dev)


class VxlanEntry:
    """`state`: permanent, static or "" (dynamic: it ages). `updated`: ns, last seen as a source. Several remotes: a copy goes to each."""

    __slots__ = ("mac", "remotes", "state", "updated")

    def __init__(self, mac: bytes, remote: Remote, state: str, now: int) -> None:
        self.mac = mac
        self.remotes = [remote]
        self.state = state
        self.updated = now


class VxlanFdb:
    """The table of one device. `changed` is called when an entry comes, moves or goes."""

    __slots__ = ("_changed", "_looked", "_sim", "_sweep", "ageing_ns", "entries")

    def __init__(self, sim: Sim, ageing_s: int, changed: Callable[[], None]) -> None:
        self._sim = sim
        self._changed = changed
        self._sweep: Timer | None = None
        self._looked: int | None = None  # when it was looked at last, or should have been; None: the device is down
        self.ageing_ns = ageing_s * NS_PER_S
        self.entries: dict[bytes, VxlanEntry] = {}

    def find(self, mac: bytes) -> VxlanEntry | None:
        """The entry for a destination, or the default one (vxlan_xmit)."""
        return self.entries.get(mac) or self.entries.get(ZERO_MAC)

    def set(self, mac: bytes, remote: Remote, state: str) -> VxlanEntry:
        """Make an entry, or give an entry this one endpoint (vxlan_fdb_create, vxlan_fdb_replace)."""
        entry = self.entries.get(mac)
        if entry is None:
            entry = self.entries[mac] = VxlanEntry(mac, remote, state, self._sim.now)
        else:
            entry.remotes = [remote]
            entry.state = state
            entry.updated = self._sim.now
        self._changed()
        if not state:
            self._wait()
        return entry

    def append(self, entry: VxlanEntry, remote: Remote) -> None:
        """One more endpoint of the default entry or a group's (vxlan_fdb_append); one that is there stays as it is."""
        if not any(known.same(remote) for known in entry.remotes):
            entry.remotes.append(remote)
            self._changed()

    def remove(self, entry: VxlanEntry, remote: Remote | None = None) -> None:
        """Take away an endpoint, the entry with the last one; all of it with None."""
        if remote is not None and len(entry.remotes) > 1:
            entry.remotes = [known for known in entry.remotes if not known.same(remote)]
        else:
            del self.entries[entry.mac]
        self._changed()

    def learn(self, mac: bytes, ip: int) -> str | None:
        """A frame from `mac` came by the endpoint `ip` (vxlan_snoop). Returns what was learned, "" if nothing new, None: the entry does not
        move, the frame is to be dropped."""
        entry = self.entries.get(mac)
        if entry is None:
            self.set(mac, Remote(ip), "")
            return "learned"
        entry.updated = self._sim.now
        remote = entry.remotes[0]
        if remote.ip == ip and remote.dev is None:
            return ""
        if entry.state:
            return None
        entry.remotes[0] = Remote(ip, remote.port, remote.vni)
        self._changed()
        return "moved"

    def start(self) -> None:
        """The device comes up: the first look is an interval away (vxlan_open)."""
        self._looked = self._sim.now
        if any(not entry.state for entry in self.entries.values()):
            self._wait()

    def flush(self) -> None:
        """The device goes down: what ages is forgotten (vxlan_stop)."""
        self._looked = None
        for entry in [entry for entry in self.entries.values() if not entry.state]:
            self.remove(entry)
        if self._sweep is not None:
            self._sweep.cancel()
            self._sweep = None

    def set_ageing(self, seconds: int) -> None:
        """Change the time after which what was learned ends."""
        self.ageing_ns = seconds * NS_PER_S
        if self._sweep is not None:
            self._sweep.cancel()
            self._sweep = None
        if self._looked is not None:
            self._cleanup()

    def _wait(self) -> None:
        """Look at the next full interval; while nothing can age, no timer runs."""
        if self._sweep is None and self.ageing_ns and self._looked is not None:
            now = self._sim.now
            self._schedule(now + LOOK_NS - (now - self._looked) % LOOK_NS)

    def _schedule(self, when: int) -> None:
        sim = self._sim
        cause, sim.cause = sim.cause, 0  # nobody's packet causes an entry to end
        self._sweep = sim.call_at(when, self._cleanup)
        sim.cause = cause

    def _cleanup(self) -> None:
        """Remove what has aged and come back when the next can, but within the interval (vxlan_cleanup)."""
        self._sweep = None
        now = self._looked = self._sim.now
        for entry in [entry for entry in self.entries.values() if not entry.state and entry.updated + self.ageing_ns <= now]:
            self.remove(entry)
        ends = [entry.updated + self.ageing_ns for entry in self.entries.values() if not entry.state]
        if ends:
            self._schedule(min(*ends, now + LOOK_NS))
