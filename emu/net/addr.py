"""IPv4 addresses of devices (struct in_ifaddr, net/ipv4/devinet.c): adding, deleting, promotion, source address selection.

`dev.addresses` is a tuple of IfAddr, primaries first and among them larger scopes first, replaced as a whole. Primaries of one prefix have the
later ones as secondaries; with the primary they go, or the first is promoted where promote_secondaries says so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from emu.net import fib_frontend, notifier
from emu.net.fib import MASKS, RTN_LOCAL, SCOPE_HOST, SCOPE_LINK, SCOPE_UNIVERSE
from emu.net.netns import NetError
from emu.wire.addr import cidr_text

if TYPE_CHECKING:
    from emu.net.device import NetDevice
    from emu.net.netns import Namespace

EEXIST, EADDRNOTAVAIL, EINVAL = 17, 99, 22


Lifetime = tuple[int | None, int | None]


class IfAddr:
    """One address. `local`: what is ours. `address`: the peer's, or `local` again; it gives the prefix. `broadcast`: 0 = none. Never changed.

    `lifetime`: when it goes and from when it is deprecated (virtual ns, None: never), or None for an ordinary address.
    """

    __slots__ = ("address", "broadcast", "label", "length", "lifetime", "local", "mask", "metric", "noprefixroute", "scope", "secondary")

    def __init__(
        self, local: int, length: int, address: int = 0, broadcast: int = 0, scope: int = SCOPE_UNIVERSE, label: str = "", secondary: bool = False,
        metric: int = 0, noprefixroute: bool = False, lifetime: Lifetime | None = None,
    ) -> None:  # fmt: skip
        self.local = local
        self.length = length
        self.mask = MASKS[length]
        self.address = address or local
        self.broadcast = broadcast
        self.scope = scope
        self.label = label
        self.secondary = secondary
        self.metric = metric
        self.noprefixroute = noprefixroute
        self.lifetime = lifetime

    def __repr__(self) -> str:
        return f"<IfAddr {cidr_text(self.local, self.length)}>"

    def ranked(self, secondary: bool) -> IfAddr:
        """The same address as secondary or as primary."""
        return IfAddr(
            self.local, self.length, self.address, self.broadcast, self.scope, self.label, secondary, self.metric, self.noprefixroute, self.lifetime
        )  # fmt: skip

    def shares_prefix(self, other: IfAddr) -> bool:
        """Same prefix and length: one of the two is secondary."""
        return self.length == other.length and not (self.address ^ other.address) & self.mask


LOCALHOST = IfAddr(0x7F000001, 8, scope=SCOPE_HOST, label="lo")  # what every lo gets when it comes up, one object for all


def add(ns: Namespace, dev: NetDevice, ifa: IfAddr) -> None:
    """Give `dev` an address (__inet_insert_ifa) and the routes it brings. Raises NetError EEXIST if it has it already. 0.0.0.0 is ignored."""
    if not ifa.local:
        return
    addresses = list(dev.addresses)
    secondary = False
    place = 0  # after the last primary of at least this scope
    for index, other in enumerate(addresses):
        if not other.secondary and ifa.scope <= other.scope:
            place = index + 1
        if other.shares_prefix(ifa):
            if other.local == ifa.local:
                raise NetError(EEXIST, f"ipv4: Address already assigned: {cidr_text(ifa.local, ifa.length)} on {dev.name} in {ns.name}")
            if other.scope != ifa.scope:
                raise NetError(EINVAL, f"ipv4: Invalid scope value: {cidr_text(ifa.local, ifa.length)} on {dev.name} in {ns.name}")
            secondary = True
    ns.sysctl.confs.pin(dev)
    ns.sysctl.neighs.pin(dev)
    addresses.insert(len(addresses) if secondary else place, ifa.ranked(secondary) if secondary != ifa.secondary else ifa)
    fib_frontend.addresses_changed(ns, dev, tuple(addresses))
    watch_lifetime(dev, ifa)


def delete(ns: Namespace, dev: NetDevice, local: int, length: int, address: int = 0) -> None:
    """Take an address away (__inet_del_ifa); its secondaries go with it unless they are promoted. Raises NetError EADDRNOTAVAIL."""
    for victim in dev.addresses:
        if victim.local == local and victim.length == length and victim.address == (address or victim.address):
            break
    else:
        raise NetError(EADDRNOTAVAIL, f"ipv4: Address not found: {cidr_text(local, length)} on {dev.name} in {ns.name}")
    addresses = [ifa for ifa in dev.addresses if ifa is not victim]
    if not victim.secondary:
        heirs = [ifa for ifa in addresses if ifa.secondary and ifa.shares_prefix(victim)]
        if heirs and ns.sysctl.conf_or(dev, "promote_secondaries"):
            addresses.remove(heirs[0])
            place = max((index + 1 for index, ifa in enumerate(addresses) if not ifa.secondary and victim.scope <= ifa.scope), default=0)
            addresses.insert(place, heirs[0].ranked(secondary=False))
        else:
            addresses = [ifa for ifa in addresses if ifa not in heirs]
    gone = [ifa for ifa in dev.addresses if all(ifa.local != other.local for other in addresses)]
    fib_frontend.addresses_changed(ns, dev, tuple(addresses))
    if ns.ct is not None:
        from emu.net.conntrack import nat  # registers for device events itself, after this module

        for ifa in gone:
            nat.address_gone(ns, dev, ifa.local)


def change(ns: Namespace, dev: NetDevice, ifa: IfAddr, metric: int, lifetime: Lifetime | None) -> None:
    """What a replacement changes of an address that is there: its route's metric and its lifetime (inet_rtm_newaddr with NLM_F_REPLACE)."""
    if (ifa.metric, ifa.lifetime) != (metric, lifetime):
        other = ifa.ranked(ifa.secondary)
        other.metric, other.lifetime = metric, lifetime
        fib_frontend.addresses_changed(ns, dev, tuple(other if known is ifa else known for known in dev.addresses))
        watch_lifetime(dev, other)


def watch_lifetime(dev: NetDevice, ifa: IfAddr) -> None:
    """Take the address away when its time is over (check_lifetime)."""
    ends = ifa.lifetime[0] if ifa.lifetime is not None else None
    if ends is None:
        return

    def over() -> None:
        for known in dev.addresses:
            if known.local == ifa.local and known.length == ifa.length and known.lifetime == ifa.lifetime:
                delete(dev.netns, dev, ifa.local, ifa.length, ifa.address)

    dev.netns.sim.call_later(ends - dev.netns.sim.now, over)


def find_local(ns: Namespace, ip: int) -> NetDevice | None:
    """The device that has this address of ours (__ip_dev_find): by the local table, so that addresses of downed devices and all of 127/8 count."""
    found = ns.fib.local.lookup(ip)
    if isinstance(found, tuple) and found[0].type == RTN_LOCAL:
        dev: NetDevice | None = ns.by_index.get(found[1].oif)
        return dev
    return None


def is_configured(ns: Namespace, ip: int) -> bool:
    """Whether any device has exactly this address (inet_lookup_ifaddr_rcu)."""
    return any(ifa.local == ip for dev in ns.devices.values() for ifa in dev.addresses)


def select_source(ns: Namespace, dev: NetDevice | None, dst: int = 0, scope: int = SCOPE_UNIVERSE) -> int:
    """inet_select_addr: the primary address of `dev` on `dst`'s subnet, else its first, else another device's; 0 if there is none within `scope`."""
    if dev is not None:
        first = 0
        localnet_scope = SCOPE_LINK if dev.addresses and ns.sysctl.conf_or(dev, "route_localnet") else SCOPE_HOST
        for ifa in dev.addresses:
            if ifa.secondary or min(ifa.scope, localnet_scope) > scope:
                continue
            if not dst or not (dst ^ ifa.address) & ifa.mask:
                return int(ifa.local)
            first = first or ifa.local
        if first:
            return first
    for other in ns.devices.values():
        for ifa in other.addresses:
            if not ifa.secondary and ifa.scope != SCOPE_LINK and ifa.scope <= scope:
                return int(ifa.local)
    return 0


def on_link(dev: NetDevice, a: int, b: int) -> bool:
    """inet_addr_onlink: one subnet of `dev` holds both; `b` may be 0."""
    return any(not ifa.secondary and not (a ^ ifa.address) & ifa.mask and (not b or not (b ^ ifa.address) & ifa.mask) for ifa in dev.addresses)


def _device_event(dev: NetDevice, event: str) -> None:
    """inetdev_event."""
    ns = dev.netns
    if event == notifier.UP:
        if dev is ns.lo and all(ifa.local != LOCALHOST.local or ifa.length != 8 for ifa in dev.addresses):
            add(ns, dev, LOCALHOST)
        if dev.addresses and ns.sysctl.conf_max(dev, "arp_notify"):
            _announce(dev)
    elif event == notifier.CHANGEADDR:
        if dev.up and dev.addresses and ns.sysctl.conf_max(dev, "arp_notify"):
            _announce(dev)
    elif event == notifier.UNREGISTER:
        dev.addresses = ()
        ns.sysctl.device_removed(dev.ifindex)
    elif event == notifier.CHANGEMTU:
        if dev.mtu < 68 and dev.addresses:  # inetdev_valid_mtu: too small for IP, which leaves the device
            fib_frontend.addresses_changed(ns, dev, ())
    elif event == notifier.CHANGENAME:
        dev.addresses = tuple(_relabelled(ifa, dev.name) for ifa in dev.addresses)


def _announce(dev: NetDevice) -> None:
    from emu.net import arp

    for ifa in dev.addresses:
        arp.announce(dev, ifa.local)


def _relabelled(ifa: IfAddr, name: str) -> IfAddr:
    alias = ifa.label.partition(":")[2]
    other = ifa.ranked(ifa.secondary)
    other.label = f"{name}:{alias}" if alias else name
    return other


notifier.register(notifier.DEVINET, _device_event)
