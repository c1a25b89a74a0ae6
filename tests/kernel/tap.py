"""Every frame of a namespace, copied at the moment the kernel hands it over.

An ordinary AF_PACKET socket shares the bytes with the packet that travels on, and a later rewrite (br_netfilter restores a MAC
that cbr0 has already sent, for one) shows in what is read. A receive ring (packet_mmap, TPACKET_V2) holds copies. Not bound to
a device, it sees all of them, also those made later, and switches none to promiscuous mode.
"""

from __future__ import annotations

import mmap
import socket
import struct
from collections.abc import Iterator

ETH_P_ALL = 0x0003
SOL_PACKET, PACKET_RX_RING, PACKET_STATISTICS, PACKET_VERSION, PACKET_COPY_THRESH, TPACKET_V2 = 263, 5, 6, 10, 7, 1
TP_STATUS_USER, TP_STATUS_COPY, TP_STATUS_CSUMNOTREADY, TP_STATUS_VLAN_VALID, TP_STATUS_VLAN_TPID_VALID = 1, 2, 1 << 3, 1 << 4, 1 << 6
FRAME_SIZE, FRAMES, BLOCK_SIZE = 4096, 2048, 1 << 16
HEADER = struct.Struct("=IIIHHIIHH4x")
SO_RCVBUFFORCE = 33
ADDRESS = struct.Struct("=HHiHBB8x")


class Tap:
    """Made while the calling thread is inside the namespace; holds up to 2,048 frames between reads. Those of more than about 4,000 bytes (on lo) do not
    fit the ring and come by the socket.
    """

    def __init__(self) -> None:
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
        self.socket.setblocking(False)
        self.socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 32 << 20)
        self.socket.setsockopt(SOL_PACKET, PACKET_VERSION, TPACKET_V2)
        self.socket.setsockopt(SOL_PACKET, PACKET_COPY_THRESH, 1)
        size = FRAME_SIZE * FRAMES
        self.socket.setsockopt(SOL_PACKET, PACKET_RX_RING, struct.pack("=IIII", BLOCK_SIZE, size // BLOCK_SIZE, FRAME_SIZE, FRAMES))
        self.ring = mmap.mmap(self.socket.fileno(), size)
        self.next = 0

    def read(self) -> Iterator[tuple[int, int, int, bool, bytes]]:
        """(wall clock ns, interface index, packet type, checksum not filled in, bytes) of each new frame."""
        while True:
            at = self.next * FRAME_SIZE
            status, length, kept, mac, _net, seconds, nanos, tci, tpid = HEADER.unpack_from(self.ring, at)
            if not status & TP_STATUS_USER:
                break
            _family, _protocol, index, _hardware, packet_type, _size = ADDRESS.unpack_from(self.ring, at + 32)
            data = self.ring[at + mac : at + mac + kept]
            if kept < length:
                if not status & TP_STATUS_COPY:
                    raise RuntimeError(f"a frame of {length} bytes was not captured whole")
                data = self.socket.recv(1 << 17)
            if status & TP_STATUS_VLAN_VALID:  # the kernel keeps a tag beside the packet
                data = data[:12] + (tpid if status & TP_STATUS_VLAN_TPID_VALID else 0x8100).to_bytes(2, "big") + tci.to_bytes(2, "big") + data[12:]
            yield seconds * 1_000_000_000 + nanos, index, packet_type, bool(status & TP_STATUS_CSUMNOTREADY), data
            self.ring[at : at + 4] = b"\0\0\0\0"
            self.next = (self.next + 1) % FRAMES
        dropped = struct.unpack("=II", self.socket.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8))[1]
        if dropped:
            raise RuntimeError(f"{dropped} frames were not captured")

    def close(self) -> None:
        self.ring.close()
        self.socket.close()
