"""The links of one kernel namespace as they come, change and go, what they drew for their neighbours (rtnetlink), and their offloads (ethtool)."""

from __future__ import annotations

import array
import fcntl
import socket
import struct
from contextlib import suppress
from dataclasses import dataclass

RTMGRP_LINK, RTM_NEWLINK, RTM_DELLINK, AF_BRIDGE = 1, 16, 17, 7
IFLA_ADDRESS, IFLA_IFNAME, IFLA_LINKINFO, IFLA_INFO_KIND = 1, 3, 18, 1
NESTED = 0x3FFF
RTM_GETNEIGHTBL, NLM_REQUEST_DUMP, NLMSG_DONE, NDTA_PARMS = 66, 0x301, 3, 6
NDTPA_IFINDEX, NDTPA_REACHABLE_TIME, NDTPA_BASE_REACHABLE_TIME = 1, 3, 4
SIOCETHTOOL = 0x8946
SET_RX_CHECKSUM, SET_TX_CHECKSUM, SET_SG, SET_TSO, SET_GSO, SET_GRO = 0x15, 0x17, 0x19, 0x1F, 0x24, 0x2C
GET_LINK = 0x0A
OFFLOADS = (SET_RX_CHECKSUM, SET_TSO, SET_GSO, SET_GRO, SET_TX_CHECKSUM, SET_SG)


@dataclass(frozen=True)
class Link:
    index: int
    name: str
    mac: str
    kind: str


class Links:
    """Made while the calling thread is inside the namespace. `now`: by index."""

    def __init__(self) -> None:
        self.socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_NONBLOCK, socket.NETLINK_ROUTE)
        self.socket.setsockopt(socket.SOL_SOCKET, 33, 8 << 20)  # SO_RCVBUFFORCE
        self.socket.bind((0, RTMGRP_LINK))
        self.asking = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
        self.ioctl = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.now: dict[int, Link] = {index: Link(index, name, "", "") for index, name in socket.if_nameindex()}

    def update(self) -> list[Link]:
        """Read what has happened; the links that are new here."""
        new: dict[int, Link] = {}
        while True:
            try:
                data = self.socket.recv(1 << 20)
            except BlockingIOError:
                return [link for index, link in new.items() if index in self.now]
            at = 0
            while at + 16 <= len(data):
                length, kind = struct.unpack_from("=IH", data, at)
                if kind in (RTM_NEWLINK, RTM_DELLINK) and data[at + 16] != AF_BRIDGE:
                    index = struct.unpack_from("=i", data, at + 20)[0]
                    if kind == RTM_DELLINK:
                        self.now.pop(index, None)
                        new.pop(index, None)
                    else:
                        link = parse(index, data[at + 32 : at + length])
                        if index not in self.now or index in new:
                            new[index] = link
                        self.now[index] = link
                at += (length + 3) & ~3

    def reachable_times(self) -> dict[str, tuple[int, int]]:
        """Device -> base_reachable_time_ms, and what was drawn around it: how long a neighbour's confirmation is good, in ms."""
        self.asking.send(struct.pack("=IHHIIB3x", 20, RTM_GETNEIGHTBL, NLM_REQUEST_DUMP, 0, 0, socket.AF_INET))
        times: dict[str, tuple[int, int]] = {}
        while True:
            data = self.asking.recv(1 << 18)
            at = 0
            while at + 16 <= len(data):
                length, kind = struct.unpack_from("=IH", data, at)
                if kind == NLMSG_DONE:
                    return times
                parms = attributes_of(attributes_of(data[at + 20 : at + length]).get(NDTA_PARMS, b""))
                link = self.now.get(int.from_bytes(parms.get(NDTPA_IFINDEX, b""), "little"))
                if link is not None:
                    base, drawn = (int.from_bytes(parms[kind], "little") for kind in (NDTPA_BASE_REACHABLE_TIME, NDTPA_REACHABLE_TIME))
                    times[link.name] = base, drawn
                at += (length + 3) & ~3

    def offloads_off(self, name: str) -> None:
        """Frames have the size and the checksums of the wire."""
        for command in OFFLOADS:
            self.ethtool(name, command)

    def settle(self) -> None:
        """Have every link's carrier taken note of now. The kernel does it between at once and a second later, as its work queue happens to run."""
        for link in self.now.values():
            self.ethtool(link.name, GET_LINK)

    def ethtool(self, name: str, command: int) -> None:
        value = array.array("I", [command, 0])
        with suppress(OSError):  # a device that has no such thing, or is gone by now
            fcntl.ioctl(self.ioctl, SIOCETHTOOL, struct.pack("16sP", name.encode(), value.buffer_info()[0]))

    def close(self) -> None:
        self.socket.close()
        self.ioctl.close()
        self.asking.close()


def parse(index: int, attributes: bytes) -> Link:
    found = attributes_of(attributes)
    kind = attributes_of(found.get(IFLA_LINKINFO, b"")).get(IFLA_INFO_KIND, b"")
    return Link(index, text(found.get(IFLA_IFNAME, b"")), found.get(IFLA_ADDRESS, b"").hex(":"), text(kind))


def attributes_of(data: bytes) -> dict[int, bytes]:
    found, at = {}, 0
    while at + 4 <= len(data):
        length, kind = struct.unpack_from("=HH", data, at)
        if length < 4:
            break
        found[kind & NESTED] = data[at + 4 : at + length]
        at += (length + 3) & ~3
    return found


def text(raw: bytes) -> str:
    return raw.partition(b"\0")[0].decode(errors="replace")
