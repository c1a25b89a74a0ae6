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
EINVAL = 22


def title(packet: Packet | bytes) -> str:
    """What is sent, in a few words: `Ether / IP / UDP`. Nothing is built for it."""
    if isinstance(packet, (bytes, bytearray)):
        return f"{len(packet)} bytes"
    return " / ".join(layer.__name__ for layer in packet.layers())


def transmit(netns: Any, packet: Packet | bytes, device: str | None = None) -> None:
    """Send `packet` from `netns`: bytes and whole frames as they are, out of `device` (by default the one the route names, else the first up).

    A packet without a destination MAC is resolved by the namespace's neighbour table, which asks by ARP. Raises NetError where there is no route.
    """
    if isinstance(packet, (bytes, bytearray)):
        _out(netns, _device(netns, device), bytes(packet))
    elif isinstance(packet, Frame):
        _out(netns, _device(netns, device), packet.wire)
    else:
        for single in packet:
            _transmit_built(netns, single, device)


def _transmit_built(netns: Any, packet: Packet, device: str | None) -> None:
    from scapy.layers.inet import IP
    from scapy.layers.l2 import ARP, Ether

    ether = packet if isinstance(packet, Ether) else None
    body = packet.payload if ether is not None else packet
    if isinstance(body, IP):
        destination = ip_int(str(body.fields.get("dst", "127.0.0.1")))
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
            if ether is not None and "src" in ether.fields:
                raise NetError(EINVAL, "a frame with a source MAC needs a destination MAC too")
            netns.neigh.output(skb, dev, nexthop)
            return
        source_mac = mac_bytes(str(ether.fields["src"])) if "src" in ether.fields else dev.mac
        kind = int(ether.fields.get("type", ETH_P_IP))
        _out(netns, dev, mac_bytes(str(ether.fields["dst"])) + source_mac + kind.to_bytes(2, "big") + l3)
        return
    dev = _device(netns, device)
    if ether is None:
        raise NetError(EINVAL, f"{packet.name} is neither an Ethernet frame nor an IP packet")
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
    _out(netns, dev, _built(packet))


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
    raise NetError(100, f"Network is down: {netns.name} has no device that is up")


def _out(netns: Any, device: Any, wire: bytes) -> None:
    """As a packet socket does: straight to the device, past IP and netfilter."""
    frame = Frame.make(wire, netns.sim.new_id())
    if netns.tp.life:
        netns.tp.on_life(BORN, frame.id)
    skb = Skb(frame.id, int.from_bytes(wire[12:14], "big") if len(wire) >= 14 else 0, wire[14:], wire[:14], frame)
    skb.dev = device
    device.transmit(skb)


def inject(device: Any, packet: Packet | bytes) -> None:
    """Have `device` receive these bytes, as if they came from its wire."""
    frame = packet if isinstance(packet, Frame) else Frame.make(bytes(packet))
    frame = Frame.make(frame.wire, device.netns.sim.new_id())
    if device.netns.tp.life:
        device.netns.tp.on_life(BORN, frame.id)
    device.netns.sim.post(0, device.receive, frame)
