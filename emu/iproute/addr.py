"""`ip address`: give a device IPv4 addresses, take them away, show them."""

from __future__ import annotations

from typing import Any

from emu.iproute import addr_text, link_text
from emu.net import addr as net_addr
from emu.net import fib_frontend
from emu.net.addr import IfAddr
from emu.net.device import NetDevice
from emu.net.fib import SCOPE_HOST, SCOPE_LINK, SCOPE_UNIVERSE
from emu.net.netns import Namespace, NetError
from emu.sim import NS_PER_S
from emu.trace.points import COMMAND
from emu.wire.addr import cidr_parse, cidr_text, ip_int, is_loopback_ip

EEXIST, EINVAL = 17, 22
SCOPES = {"global": SCOPE_UNIVERSE, "site": 200, "link": SCOPE_LINK, "host": SCOPE_HOST}


def device_of(ns: Namespace, dev: str | NetDevice) -> NetDevice:
    """A device by name, or itself. Raises NetError ENODEV."""
    return ns.device(dev) if isinstance(dev, str) else dev


def parse_prefix(ns: Namespace, text: str, what: str) -> tuple[int, int]:
    """`10.0.0.1/24` -> (address, length). Raises NetError EINVAL in iproute2's words."""
    try:
        return cidr_parse(text)
    except ValueError:
        raise NetError(EINVAL, f'any valid prefix is expected rather than "{text}" ({what} in {ns.name})') from None


def parse_address(ns: Namespace, text: str, what: str) -> int:
    """`10.0.0.1` -> int. Raises NetError EINVAL."""
    try:
        return ip_int(text)
    except ValueError:
        raise NetError(EINVAL, f'inet address is expected rather than "{text}" ({what} in {ns.name})') from None


def scope_number(scope: str) -> int:
    """`link` or `253`: 253."""
    return SCOPES[scope] if scope in SCOPES else int(scope)


def _lifetime(ns: Namespace, valid: int | None, preferred: int | None) -> net_addr.Lifetime | None:
    """Seconds from now (None: for ever) as instants."""
    now = ns.sim.now
    if valid is None:  # an address that stays can only be deprecated from the first
        return (None, now) if preferred == 0 else None
    return now + valid * NS_PER_S, None if preferred is None else now + preferred * NS_PER_S


def replace(
    ns: Namespace, dev: str | NetDevice, address: str, *, peer: str | None = None, metric: int = 0, valid_lft: int | None = None,
    preferred_lft: int | None = None, **others: Any,
) -> None:  # fmt: skip
    """`ip addr replace`: as `add`; of an address that is there already only the metric and the lifetimes are changed (inet_rtm_newaddr)."""
    device = device_of(ns, dev)
    try:
        add(ns, device, address, peer=peer, metric=metric, valid_lft=valid_lft, preferred_lft=preferred_lft, **others)
    except NetError as error:
        if error.errno != EEXIST:
            raise
        local, length = parse_prefix(ns, address, f"address for {device.name}")
        length = parse_prefix(ns, peer, f"peer address on {device.name}")[1] if peer is not None else length
        known = next(ifa for ifa in device.addresses if (ifa.local, ifa.length) == (local, length))
        net_addr.change(ns, device, known, metric, _lifetime(ns, valid_lft, preferred_lft))


def add(
    ns: Namespace, dev: str | NetDevice, address: str, *, peer: str | None = None, brd: str | None = None, scope: str | None = None, label: str | None = None,
    metric: int = 0, noprefixroute: bool = False, valid_lft: int | None = None, preferred_lft: int | None = None,
) -> None:  # fmt: skip
    """`ip addr add ADDRESS[/LEN] [peer PEER[/LEN]] [brd +|-|ADDRESS] [scope S] [label L] dev DEV`. A second address of a prefix is secondary.

    `valid_lft`: it goes after so many seconds; `preferred_lft`: it is shown as deprecated from then on. Raises NetError: ENODEV, EINVAL, EEXIST.
    """
    device = device_of(ns, dev)
    local, length = parse_prefix(ns, address, f"address for {device.name}")
    other = 0
    if peer is not None:
        other, length = parse_prefix(ns, peer, f"peer address on {device.name}")
    broadcast = 0
    if brd in ("+", "-"):
        if length > 30:
            raise NetError(EINVAL, f"Broadcast can be set only for IPv4 prefixes up to /30: {address} on {device.name} in {ns.name}")
        host = (1 << (32 - length)) - 1
        broadcast = (other or local) | host if brd == "+" else (other or local) & ~host
    elif brd is not None:
        broadcast = parse_address(ns, brd, f"broadcast address on {device.name}")
    if scope is not None and scope not in SCOPES and not (scope.isdecimal() and int(scope) < 256):
        raise NetError(EINVAL, f'invalid scope value "{scope}" for {address} on {device.name} in {ns.name}')
    number = scope_number(scope) if scope is not None else SCOPE_HOST if is_loopback_ip(local) else SCOPE_UNIVERSE
    net_addr.add(ns, device, IfAddr(local, length, other, broadcast, number, label or device.name, False, metric, noprefixroute,
                                    _lifetime(ns, valid_lft, preferred_lft)))  # fmt: skip
    if ns.tp.journal:
        given = (("peer", peer), ("brd", brd), ("scope", scope), ("label", label), ("metric", metric), ("valid_lft", valid_lft),
                 ("preferred_lft", preferred_lft))  # fmt: skip
        words = "".join(f" {word} {value}" for word, value in given if value) + (" noprefixroute" if noprefixroute else "")
        ns.tp.on_journal(COMMAND, ns.name, f"ip addr add {address}{words} dev {device.name}")


def delete(ns: Namespace, dev: str | NetDevice, address: str, peer: str | None = None) -> None:
    """`ip addr del ADDRESS/LEN [peer PEER/LEN] dev DEV`. Secondaries go with their primary unless promote_secondaries is set. Raises NetError EADDRNOTAVAIL."""
    device = device_of(ns, dev)
    local, length = parse_prefix(ns, address, f"address of {device.name}")
    other = 0
    if peer is not None:
        other, length = parse_prefix(ns, peer, f"peer address on {device.name}")
    net_addr.delete(ns, device, local, length, other)
    if ns.tp.journal:
        ns.tp.on_journal(COMMAND, ns.name, f"ip addr del {address}{f' peer {peer}' if peer else ''} dev {device.name}")


def flush(ns: Namespace, dev: str | NetDevice) -> None:
    """`ip addr flush dev DEV`: take all addresses away."""
    device = device_of(ns, dev)
    if device.addresses:
        fib_frontend.addresses_changed(ns, device, ())
    if ns.tp.journal:
        ns.tp.on_journal(COMMAND, ns.name, f"ip addr flush dev {device.name}")


def of(ns: Namespace, dev: str | NetDevice) -> list[str]:
    """The addresses of a device as `10.0.0.1/24`, in Linux's order."""
    return [cidr_text(ifa.local, ifa.length) for ifa in device_of(ns, dev).addresses]


def delete_entry(ns: Namespace, dev: NetDevice, ifa: IfAddr) -> None:
    """Take this very address away."""
    net_addr.delete(ns, dev, ifa.local, ifa.length, ifa.address)
    if ns.tp.journal:
        ns.tp.on_journal(COMMAND, ns.name, f"ip addr del {addr_text.where(ifa)} dev {dev.name}")


def show(ns: Namespace, dev: str | NetDevice | None = None) -> str:
    """`ip addr show [dev DEV]`, as iproute2 prints it."""
    text = ""
    for device in [device_of(ns, dev)] if dev is not None else ns.devices.values():
        record = link_text.link_record(device, mode=False)
        addr_text.add_addresses(record, device, device.addresses)
        text += record.text
    return text
