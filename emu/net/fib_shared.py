"""Routes that many namespaces have in common, held once: every node's routes to the pods of all the other nodes.

5,000 nodes with 4,999 routes each would be 25 million routes. A RouteSet holds prefix -> gateway once; a table that it is attached to looks into it
at each prefix length after its own routes, and makes a Route only for what a packet asks. A node's own prefix (the entry whose gateway is an address
of that namespace) is no route for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from emu.net.fib import MASKS, PROTO_STATIC, RTN_UNICAST, SCOPE_LINK, SCOPE_UNIVERSE, NextHop, Route, Table
from emu.net.netns import NetError

if TYPE_CHECKING:
    from emu.net.device import NetDevice
    from emu.net.netns import Namespace

EEXIST, EINVAL, ENETDOWN, ESRCH = 17, 22, 100, 3


class SharedRoute(Route):
    """A route made from a RouteSet's entry."""

    __slots__ = ()
    shared = True


class Attachment:
    """A RouteSet in one table: by which device, with which metric. `hidden`: keys this namespace has deleted or replaced."""

    __slots__ = ("hidden", "metric", "oif", "own", "protocol", "routes", "table")

    def __init__(self, routes: RouteSet, table: Table, oif: int, own: tuple[int, ...], metric: int, protocol: int) -> None:
        self.routes = routes
        self.table = table
        self.oif = oif
        self.own = own
        self.metric = metric
        self.protocol = protocol
        self.hidden: dict[int, bool] | None = None

    def get(self, key: int) -> SharedRoute | None:
        """The route of `network << 6 | length`, if this namespace has it."""
        gateway = self.routes.entries.get(key)
        if gateway is None or gateway in self.own or (self.hidden is not None and key in self.hidden):
            return None
        hops = (NextHop(self.oif, gateway, 1, False, SCOPE_LINK),)
        return SharedRoute(key >> 6, key & 63, hops, RTN_UNICAST, SCOPE_UNIVERSE, self.table.id, self.metric, 0, self.protocol)

    def __iter__(self) -> Iterator[SharedRoute]:
        for key in self.routes.entries:
            route = self.get(key)
            if route is not None:
                yield route

    def hide(self, key: int) -> None:
        """This namespace deletes one of the routes."""
        if self.hidden is None:
            self.hidden = {}
        self.hidden[key] = True


class RouteSet:
    """`entries[network << 6 | length]` is the gateway."""

    __slots__ = ("attached", "entries", "lengths")

    def __init__(self) -> None:
        self.entries: dict[int, int] = {}
        self.lengths: tuple[tuple[int, int], ...] = ()
        self.attached: list[Attachment] = []

    def __len__(self) -> int:
        return len(self.entries)

    def set(self, network: int, length: int, gateway: int) -> None:
        """Add a route, or give it another gateway. Raises NetError EINVAL for host bits in the prefix."""
        if network & ~MASKS[length] & 0xFFFFFFFF:
            raise NetError(EINVAL, "Invalid prefix for given prefix length")
        self.entries[network << 6 | length] = gateway
        entry = (MASKS[length], length)
        if entry not in self.lengths:
            self.lengths = (*self.lengths, entry)
            for attachment in self.attached:
                attachment.table.add_lengths(self.lengths)
        self._changed()

    def remove(self, network: int, length: int) -> None:
        """Take a route away from everybody. Raises NetError ESRCH."""
        if self.entries.pop(network << 6 | length, None) is None:
            raise NetError(ESRCH, "No such process: no such route in the set")
        self._changed()

    def _changed(self) -> None:
        for attachment in self.attached:
            attachment.table.ns.generation += 1

    def attach(self, ns: Namespace, dev: NetDevice, table: Table, metric: int = 0, protocol: int = PROTO_STATIC) -> Attachment:
        """Give a namespace all these routes, by `dev`. They go when the device goes down, as others do. Raises NetError EEXIST, ENETDOWN."""
        if not dev.up:
            raise NetError(ENETDOWN, f"Device for nexthop is not up: {dev.name} in {ns.name}")
        if any(other.routes is self for other in table.shared):
            raise NetError(EEXIST, f"File exists: these routes in {ns.name}")
        own = tuple(ifa.local for other in ns.devices.values() for ifa in other.addresses)
        attachment = Attachment(self, table, dev.ifindex, own, metric, protocol)
        self.attached.append(attachment)
        table.shared = (*table.shared, attachment)
        table.add_lengths(self.lengths)
        ns.generation += 1
        return attachment

    def detach(self, table: Table) -> None:
        """Take all these routes away from one table."""
        self.attached = [attachment for attachment in self.attached if attachment.table is not table]
        table.shared = tuple(attachment for attachment in table.shared if attachment.routes is not self)
        table.ns.generation += 1
