"""Where Services get their addresses and node ports from (pkg/registry/core/service/ipallocator, portallocator).

Both keep a lower band for addresses people choose and draw from the upper band first.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network
from random import Random

from emu.k8s.objects import KubernetesError


def band_offset(size: int, divisor: int, smallest: int, largest: int) -> int:
    """How many values at the start of a range are kept for static use: min(max(smallest, size/divisor), largest), 0 if `size` is small."""
    return 0 if size <= smallest else min(max(smallest, size // divisor), largest)


class BandAllocator:
    """Integers of `first..last`, random within the upper band, then within the lower one."""

    def __init__(self, what: str, first: int, last: int, offset: int, random: Random) -> None:
        self.what, self.first, self.last, self.offset, self.random = what, first, last, offset, random
        self.taken: dict[int, str] = {}

    def take(self, value: int, owner: str, text: str) -> None:
        """Reserve a chosen value. Raises KubernetesError if it is outside the range or taken."""
        if not self.first <= value <= self.last:
            raise KubernetesError(f"Service {owner}: {self.what} {text} is not in the valid range")
        if value in self.taken:
            raise KubernetesError(f"Service {owner}: {self.what} {text} is already allocated to {self.taken[value]}")
        self.taken[value] = owner

    def draw(self, owner: str) -> int:
        """Reserve a free value. Raises KubernetesError when there is none."""
        for low, high in ((self.first + self.offset, self.last), (self.first, self.first + self.offset - 1)):
            size = high - low + 1
            if size <= 0:
                continue
            start = self.random.randrange(size)
            for step in range(size):
                value = low + (start + step) % size
                if value not in self.taken:
                    self.taken[value] = owner
                    return value
        raise KubernetesError(f"Service {owner}: no {self.what} is left")

    def release(self, value: int) -> None:
        """Give a value back."""
        self.taken.pop(value, None)


def cluster_ips(cidr: str, random: Random) -> BandAllocator:
    """The allocator of a service range; network and broadcast address are never given."""
    network = IPv4Network(cidr)
    size = network.num_addresses - 2
    first = int(network.network_address) + 1
    return BandAllocator("cluster IP", first, int(network.broadcast_address) - 1, band_offset(size, 16, 16, 256), random)


def node_ports(random: Random, first: int = 30000, last: int = 32767) -> BandAllocator:
    """The allocator of node ports."""
    return BandAllocator("node port", first, last, band_offset(last - first + 1, 32, 16, 128), random)


def ip_of(value: int) -> str:
    """int -> text."""
    return str(IPv4Address(value))
