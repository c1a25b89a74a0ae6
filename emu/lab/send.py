"""Sending a scapy packet somebody built: what it leaves open is filled from the emulated namespace, never from the host.

scapy fills unset addresses from the machine it runs on: it consults the host's routes, and even sends a real ARP request. So every open
address is set here, before scapy is asked for bytes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from emu.net import route
from emu.net.netns import NetError
from emu.net.skb import Skb
from emu.trace.points import BORN
from emu.wire.addr import ip_int, ip_text, mac_bytes, mac_text
from emu.wire.frame import Frame, addresses_open

if TYPE_CHECKING:
    from scapy.packet import Packet

ETH_P_IP = 0x0800
EINVAL, ENODEV, ENETDOWN = 22, 19, 100


def title(packet: Packet | bytes) -> str:
    """What is sent, in a few words: `Ether / IP / UDP`. Nothing is built for it. Raises ValueError for what scapy did not make."""
    if isinstance(packet, (bytes, bytearray)):
        return f"{len(packet)} bytes"
    if not hasattr(packet, "layers"):
        raise ValueError(f"a frame is a scapy packet or bytes, not {type(packet).__name__}")
    return " / ".join(layer.__name__ for layer in packet.layers())


def transmit(netns: Any, packet: Packet | bytes, device: str | None = None) -> list[int]:
    """Send `packet` from `netns`: bytes and whole frames as they are, out of `device` (by default the one the route names, else the first up).

    A packet without a destination MAC is resolved by the namespace's neighbour table, which asks by ARP. Returns the ids of what was sent: one,
    unless the packet is a set of several. Raises NetError where there is no route, ValueError for what is no packet.
    """
    if isinstance(packet, (bytes, bytearray)):
        return [_out(netns, _device(netns, device), bytes(packet))]
    if isinstance(packet, Frame):
        return [_out(netns, _device(netns, device), packet.wire)]
    return [_transmit_built(netns, single, device) for single in _whole(packet)]


def _whole(packet: Packet) -> list[Packet]:
    """The packets of a set of packets. Raises ValueError for what scapy did not make."""
    title(packet)  # refuses what is no packet
    return list(iter(packet))  # list(packet) would ask for its length, for which scapy builds it, for which it asks the host


def _transmit_built(netns: Any, packet: Packet, device: str | None) -> int:
    from scapy.layers.inet import IP
    from scapy.layers.l2 import ARP, Ether

    ether = packet if isinstance(packet, Ether) else None
    body = packet.payload if ether is not None else packet
    if isinstance(body, IP):
        if body.fields.get("dst") is None:
            raise NetError(EINVAL, f"{netns.name}: {title(packet)} has no destination: set dst of IP")
        if ether is not None and "src" in ether.fields and "dst" not in ether.fields:
            raise NetError(EINVAL, f"{netns.name}: {title(packet)} has a source MAC, so it needs a destination MAC too")
        destination = ip_int(str(body.fields["dst"]))
        found = route.lookup_output(netns, destination, oif=netns.device(device) if device else None)
        if isinstance(found, int):
            if ether is None or "dst" not in ether.fields:
                raise NetError(found, f"Network is unreachable: {netns.name} has no route to {ip_text(destination)}")
            dev, nexthop, source = _device(netns, device), destination, 0
        else:
            dev, nexthop, source = found.dev, found.gateway or destination, found.prefsrc
        _fill_sources(body, source)
        l3 = _built(body)
        if ether is None or "dst" not in ether.fields:
            skb = netns.born(ETH_P_IP, l3)
            skb.daddr = destination
            netns.neigh.output(skb, dev, nexthop)
            return int(skb.id)
        source_mac = mac_bytes(str(ether.fields["src"])) if "src" in ether.fields else dev.mac
        kind = int(ether.fields.get("type", ETH_P_IP))
        return _out(netns, dev, mac_bytes(str(ether.fields["dst"])) + source_mac + kind.to_bytes(2, "big") + l3)
    dev = _device(netns, device)
    if ether is None:
        raise NetError(EINVAL, f"{netns.name}: {title(packet)} is neither an Ethernet frame nor an IP packet")
    if "src" not in ether.fields:
        ether.src = mac_text(dev.mac)
    if isinstance(body, ARP):
        if "hwsrc" not in body.fields:
            body.hwsrc = mac_text(dev.mac)
        if "psrc" not in body.fields:
            body.psrc = ip_text(dev.addresses[0].local) if dev.addresses else "0.0.0.0"
    if "dst" not in ether.fields:
        ether.dst = "ff:ff:ff:ff:ff:ff"
    inner = body
    while inner:
        if isinstance(inner, IP):
            _fill_sources(inner, dev.addresses[0].local if dev.addresses else 0)
        inner = inner.payload
    return _out(netns, dev, _built(packet))


def _built(packet: Packet) -> bytes:
    """The bytes of a packet all of whose addresses are set."""
    if addresses_open(packet):
        raise NetError(EINVAL, f"{title(packet)} leaves an address open that is not filled in here: set it")
    return bytes(packet)


def _fill_sources(packet: Packet, source: int) -> None:
    from scapy.layers.inet import IP

    layer: Any = packet
    while layer:
        if isinstance(layer, IP) and "src" not in layer.fields:
            layer.src = ip_text(source)
        layer = layer.payload


def _device(netns: Any, name: str | None) -> Any:
    if name is not None:
        return netns.device(name)
    for device in netns.devices.values():
        if device is not netns.lo and device.up:
            return device
    raise NetError(ENETDOWN, f"Network is down: {netns.name} has no device that is up")


def _out(netns: Any, device: Any, wire: bytes) -> int:
    """As a packet socket does: straight to the device, past IP and netfilter. Returns the frame's id."""
    frame = Frame.make(wire, netns.sim.new_id())
    if netns.tp.life:
        netns.tp.on_life(BORN, frame.id)
    skb = Skb(frame.id, int.from_bytes(wire[12:14], "big") if len(wire) >= 14 else 0, wire[14:], wire[:14], frame)
    skb.dev = device
    device.transmit(skb)
    return frame.id


def inject(device: Any, packet: Packet | bytes) -> None:
    """Have `device` receive these bytes, as if they came from its wire. Nothing is filled in: raises NetError for an address that is left open."""
    if isinstance(packet, (bytes, bytearray)):
        wires = [bytes(packet)]
    elif isinstance(packet, Frame):
        wires = [packet.wire]
    else:
        wires = [_built(single) for single in _whole(packet)]
    netns = device.netns
    if netns is None:
        raise NetError(ENODEV, f"{device.name} is gone")
    for wire in wires:
        frame = Frame.make(wire, netns.sim.new_id())
        if netns.tp.life:
            netns.tp.on_life(BORN, frame.id)
        netns.sim.post(0, device.receive, frame)
