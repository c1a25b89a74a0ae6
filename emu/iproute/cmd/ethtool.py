"""`ethtool`: offloads are accepted and change nothing (frames here always are as on the wire); `-i` and `-k` answer as for such a device."""

from __future__ import annotations

from emu.iproute.cmd.invocation import Invocation, Stop, not_emulated
from emu.net.device import NetDevice

NO_DEVICE = "netlink error: no device matches name (offset 24)\nnetlink error: No such device\n"
# Names that `-K` takes: the short ones, and what the kernel calls the features that matter to scripts.
FEATURES = (
    "rx", "tx", "sg", "tso", "ufo", "gso", "gro", "lro", "rxvlan", "txvlan", "ntuple", "rxhash", "rx-checksumming", "tx-checksumming", "scatter-gather",
    "tcp-segmentation-offload", "udp-fragmentation-offload", "generic-segmentation-offload", "generic-receive-offload", "large-receive-offload",
    "rx-vlan-offload", "tx-vlan-offload", "tx-checksum-ip-generic", "tx-checksum-ipv4", "tx-checksum-ipv6", "tx-checksum-sctp", "tx-scatter-gather",
    "tx-tcp-segmentation", "tx-tcp-ecn-segmentation", "tx-tcp-mangleid-segmentation", "tx-tcp6-segmentation", "tx-udp-segmentation", "rx-gro-list",
    "rx-udp-gro-forwarding", "tx-gso-list", "tx-nocache-copy", "rx-checksum", "rx-gro", "tx-generic-segmentation", "tx-udp_tnl-segmentation",
    "tx-udp_tnl-csum-segmentation",
)  # fmt: skip
SHOWN = (
    "rx-checksumming", "tx-checksumming", "\ttx-checksum-ip-generic", "scatter-gather", "tcp-segmentation-offload", "\ttx-tcp-segmentation",
    "generic-segmentation-offload", "generic-receive-offload", "large-receive-offload", "rx-vlan-offload", "tx-vlan-offload",
)  # fmt: skip
# Kind of device -> driver, its version, what it says of firmware and bus, whether it has statistics.
DRIVERS = {
    "veth": ("veth", "1.0", "", "", "yes"), "bridge": ("bridge", "2.3", "N/A", "N/A", "no"), "vxlan": ("vxlan", "0.1", "", "", "no"),
    "dummy": ("dummy", "6.18.0", "", "", "no"), "nic": ("virtio_net", "1.0.0", "", "", "no"),
}  # fmt: skip


def run(call: Invocation) -> int:
    """The command line of `ethtool`."""
    if not call.argv:
        raise Stop("ethtool: bad command line argument(s)\nFor more information run ethtool -h\n", 1)
    option, *words = call.argv
    if option in ("--version",):
        call.out.append("ethtool version 6.1\n")
        return 0
    for names, do in (((("-K", "--features", "--offload")), _set), (("-k", "--show-features", "--show-offload"), _features), (("-i", "--driver"), _driver)):
        if option in names:
            if not words:
                raise Stop("ethtool: bad command line argument(s)\nFor more information run ethtool -h\n", 1)
            do(call, words)
            return 0
    raise not_emulated(f"ethtool {option if option.startswith('-') else 'DEVICE'}")


def _device(call: Invocation, name: str, missing: Stop | None = None) -> NetDevice:
    dev = call.ns.devices.get(name)
    if dev is None:
        raise missing or Stop(NO_DEVICE, 92)
    return dev


def _set(call: Invocation, words: list[str]) -> None:
    _device(call, words[0])
    pairs = words[1:]
    for name, value in zip(pairs[::2], pairs[1::2], strict=False):
        if name not in FEATURES:
            raise Stop("netlink error: bit name not found (offset 52)\nnetlink error: Operation not supported\n", 92)
        if value not in ("on", "off"):
            raise Stop("ethtool: bad command line argument(s)\nFor more information run ethtool -h\n", 1)
    if len(pairs) % 2 or not pairs:
        raise Stop("ethtool: bad command line argument(s)\nFor more information run ethtool -h\n", 1)


def _features(call: Invocation, words: list[str]) -> None:
    _device(call, words[0])
    call.out.append(f"Features for {words[0]}:\n" + "".join(f"{name}: off\n" for name in SHOWN))


def _driver(call: Invocation, words: list[str]) -> None:
    dev = _device(call, words[0], Stop("Cannot get driver information: No such device\n", 71))
    if dev.kind not in DRIVERS:
        raise Stop("Cannot get driver information: Operation not supported\n", 71)
    driver, version, firmware, bus, statistics = DRIVERS[dev.kind]
    lines = {
        "driver": driver, "version": version, "firmware-version": firmware, "expansion-rom-version": "", "bus-info": bus, "supports-statistics": statistics,
        "supports-test": "no", "supports-eeprom-access": "no", "supports-register-dump": "no", "supports-priv-flags": "no",
    }  # fmt: skip
    call.out.append("".join(f"{key}: {value}\n" for key, value in lines.items()))
