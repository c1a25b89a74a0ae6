"""`ip address`: give a device IPv4 addresses, take them away, show them."""

from __future__ import annotations

from emu.iproute import addr_text, link_text
from emu.net import addr as net_addr
from emu.net import fib_frontend
from emu.net.addr import IfAddr
from emu.net.device import NetDevice
from emu.net.fib import SCOPE_HOST, SCOPE_LINK, SCOPE_UNIVERSE
from emu.net.netns import Namespace, NetError
from emu.trace.points import COMMAND
from emu.wire.addr import cidr_parse, cidr_text, ip_int, is_loopback_ip

EINVAL = 22
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


def add(
    ns: Namespace, dev: str | NetDevice, address: str, *, peer: str | None = None, brd: str | None = None, scope: str | None = None, label: str | None = None,
    metric: int = 0, noprefixroute: bool = False,
) -> None:  # fmt: skip
    """`ip addr add ADDRESS[/LEN] [peer PEER[/LEN]] [brd +|-|ADDRESS] [scope S] [label L] dev DEV`. A second address of a prefix is secondary.

    Raises NetError: ENODEV, EINVAL, EEXIST.
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
    if scope is not None and scope not in SCOPES:
        raise NetError(EINVAL, f'invalid scope value "{scope}" for {address} on {device.name} in {ns.name}')
    if label is not None and not (label == device.name or label.startswith(f"{device.name}:")):
        raise NetError(EINVAL, f'"label" ({label}) must match "dev" ({device.name}) or be prefixed by "dev" with a colon, in {ns.name}')
    number = SCOPES[scope] if scope is not None else SCOPE_HOST if is_loopback_ip(local) else SCOPE_UNIVERSE
    net_addr.add(ns, device, IfAddr(local, length, other, broadcast, number, label or device.name, False, metric, noprefixroute))
    if ns.tp.journal:
        given = (("peer", peer), ("brd", brd), ("scope", scope), ("label", label), ("metric", metric))
        words = "".join(f" {word} {value}" for word, value in given if value) + (" noprefixroute" if noprefixroute else "")
        ns.tp.on_journal(COMMAND, ns.name, f"ip addr add {address}{words} dev {device.name}")


def delete(ns: Namespace, dev: str | NetDevice, address: str) -> None:
    """`ip addr del ADDRESS/LEN dev DEV`. Secondaries go with their primary unless promote_secondaries is set. Raises NetError EADDRNOTAVAIL."""
    device = device_of(ns, dev)
    local, length = parse_prefix(ns, address, f"address of {device.name}")
    net_addr.delete(ns, device, local, length)
    if ns.tp.journal:
        ns.tp.on_journal(COMMAND, ns.name, f"ip addr del {address} dev {device.name}")


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
