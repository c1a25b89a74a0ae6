"""host-local, the address management plugin of the CNI reference plugins: one range, round robin."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network

from emu.k8s.objects import KubernetesError


class HostLocal:
    """Addresses of one node's pod range. A freed address is not given again before the range has been gone round.

    Source: containernetworking/plugins, plugins/ipam/host-local (allocator.go).
    """

    __slots__ = ("_first", "_last", "_last_reserved", "gateway", "network", "prefix_length", "reserved")

    def __init__(self, cidr: str) -> None:
        network = IPv4Network(cidr)
        if network.prefixlen > 30:
            raise KubernetesError(f"pod range {cidr} is too small: host-local needs a /30 or larger")
        self.network = network
        self.prefix_length = network.prefixlen
        self._first = int(network.network_address) + 1
        self._last = int(network.broadcast_address) - 1
        self.gateway = str(IPv4Address(self._first))
        self._last_reserved = 0
        self.reserved: dict[int, str] = {}  # address -> owner, in order of reservation

    @property
    def free(self) -> int:
        """How many addresses could still be given out."""
        return self._last - self._first - len(self.reserved)

    def allocate(self, owner: str) -> str:
        """The next free address for `owner` (container id and interface). Raises KubernetesError when the range is exhausted."""
        gateway = self._first
        start = self._last_reserved + 1 if self._last_reserved else self._first
        size = self._last - self._first + 1
        for step in range(size):
            address = self._first + (start - self._first + step) % size
            if address != gateway and address not in self.reserved:
                self.reserved[address] = owner
                self._last_reserved = address
                return str(IPv4Address(address))
        span = f"{IPv4Address(self._first)}-{IPv4Address(self._last)}"
        raise KubernetesError(f"no IP addresses available in range set: {span} (pod range {self.network} is full)")

    def release(self, owner: str) -> None:
        """Give back what `owner` has; nothing if it has nothing."""
        for address, holder in list(self.reserved.items()):
            if holder == owner:
                del self.reserved[address]

    def release_address(self, address: str, owner: str) -> None:
        """Give back one address that `owner` has; the same as `release`, without a search."""
        number = int(IPv4Address(address))
        if self.reserved.get(number) == owner:
            del self.reserved[number]
