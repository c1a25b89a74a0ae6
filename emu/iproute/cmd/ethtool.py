"""`ethtool`: offloads are accepted and change nothing (frames here always are as on the wire); `-i` and `-k` answer as for such a device."""

from __future__ import annotations

from emu.iproute.cmd.invocation import Invocation, Stop, not_emulated
from emu.net.bridge import Bridge
from emu.net.bridge_port import FORWARDING
from emu.net.device import NetDevice
from emu.net.veth import Veth

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
XDP = (
    "rx_queue_0_xdp_packets", "rx_queue_0_xdp_bytes", "rx_queue_0_drops", "rx_queue_0_xdp_redirect", "rx_queue_0_xdp_drops", "rx_queue_0_xdp_tx",
    "rx_queue_0_xdp_tx_errors", "tx_queue_0_xdp_xmit", "tx_queue_0_xdp_xmit_errors",
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
    if not option.startswith("-"):
        return _settings(call, option)
    if option in ("--version",):
        call.out.append("ethtool version 6.1\n")
        return 0
    for names, do in QUESTIONS:
        if option in names:
            if not words:
                raise Stop("ethtool: bad command line argument(s)\nFor more information run ethtool -h\n", 1)
            do(call, words)
            return 0
    if option in UNSUPPORTED and words:
        _device(call, words[0], Stop(NO_DEVICE, UNSUPPORTED[option]))
        raise Stop("netlink error: Operation not supported\n", UNSUPPORTED[option])
    raise not_emulated(f"ethtool {option}")


# What none of these devices can do, and the status that says so.
UNSUPPORTED = {
    "-a": 1, "--show-pause": 1, "-A": 76, "--pause": 76, "-g": 1, "--show-ring": 1, "-G": 81, "--set-ring": 81, "-c": 1, "--show-coalesce": 1, "-C": 1,
    "--coalesce": 1, "-m": 1, "--module-info": 1, "-s": 75, "--change": 75,
}  # fmt: skip
# What a device without hardware reports: speed, duplex, port.
LINKS = {"veth": ("10000Mb/s", "Full", "Twisted Pair"), "bridge": ("Unknown!", "Unknown! (255)", "Other"), "nic": ("Unknown!", "Unknown! (255)", "Other")}
NOT_REPORTED = (
    "Supported ports: [  ]", "Supported link modes:   Not reported", "Supported pause frame use: No", "Supports auto-negotiation: No",
    "Supported FEC modes: Not reported", "Advertised link modes:  Not reported", "Advertised pause frame use: No", "Advertised auto-negotiation: No",
    "Advertised FEC modes: Not reported",
)  # fmt: skip


def _settings(call: Invocation, name: str) -> int:
    """`ethtool DEVICE`: a line of trouble for each of the five questions it asks."""
    dev = call.ns.devices.get(name)
    if dev is None:
        call.out.append("No data available\n")
        raise Stop(NO_DEVICE * 5, 75)
    lines = []
    if dev.kind in LINKS:
        speed, duplex, port = LINKS[dev.kind]
        if dev.kind == "bridge" and dev.running and isinstance(dev, Bridge) and any(port.state == FORWARDING for port in dev.ports):
            speed = "10000Mb/s"
        lines = [*NOT_REPORTED, f"Speed: {speed}", f"Duplex: {duplex}", "Auto-negotiation: off", f"Port: {port}", "PHYAD: 0", "Transceiver: internal"]
        lines += ["MDI-X: Unknown"] if dev.kind == "veth" else []
    lines.append(f"Link detected: {'yes' if dev.running else 'no'}")
    call.out.append(f"Settings for {name}:\n" + "".join(f"\t{line}\n" for line in lines))
    return 0


def _statistics(call: Invocation, words: list[str]) -> None:
    dev = _device(call, words[0], Stop("Cannot get stats strings information: No such device\n", 96))
    if not isinstance(dev, Veth):
        raise Stop("no stats available\n", 94)
    counters = {"peer_ifindex": dev.peer.ifindex if dev.peer is not None else 0} | dict.fromkeys(XDP, 0)
    call.out.append("NIC statistics:\n" + "".join(f"     {key}: {value}\n" for key, value in counters.items()))


def _permanent(call: Invocation, words: list[str]) -> None:
    _device(call, words[0], Stop("netlink error: No such device\n", 1))
    call.out.append("Permanent address: not set\n")


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
            raise Stop(f"ethtool (-K): flag '{value}' for parameter '(null)' is not followed by 'on' or 'off'\n", 1)
    if len(pairs) % 2:
        raise Stop("ethtool (-K): flag '(null)' for parameter '(null)' is not followed by 'on' or 'off'\n", 1)
    if not pairs:
        raise Stop("Could not change any device features\n", 1)


def _features(call: Invocation, words: list[str]) -> None:
    _device(call, words[0], Stop(NO_DEVICE, 1))
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


QUESTIONS = (
    (("-K", "--features", "--offload"), _set), (("-k", "--show-features", "--show-offload"), _features), (("-i", "--driver"), _driver),
    (("-S", "--statistics"), _statistics), (("-P", "--show-permaddr"), _permanent),
)  # fmt: skip
