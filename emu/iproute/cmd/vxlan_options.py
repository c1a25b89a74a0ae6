"""The words of `ip link add ... type vxlan` (iproute2's iplink_vxlan.c)."""

from __future__ import annotations

from typing import Any

from emu.iproute import link
from emu.iproute.cmd.invocation import Invocation, Stop, not_emulated
from emu.iproute.cmd.words import Words, garbage, integer, pick, wrong
from emu.net.netns import Namespace, NetError
from emu.net.vxlan import DEFAULT_PORT, Vxlan
from emu.wire.addr import ip_int, is_multicast_ip

KEYWORDS = (
    "id*", "vni*", "group", "remote", "local", "dev", "ttl*", "hoplimit", "tos*", "dsfield*", "df", "flowlabel*", "label*", "ageing", "maxaddress", "port*",
    "srcport", "dstport",
)  # fmt: skip
# Switches: what they set, or None for what is off here and stays so.
SWITCHES: dict[str, str | None] = {
    "learning": "learning", "udpcsum": "udpcsum", "proxy": "proxy", "rsc": None, "l2miss": "l2miss", "l3miss": "l3miss", "udp6zerocsumtx": None,
    "udp6zerocsumrx": None, "remcsumtx": None, "remcsumrx": None, "external": None, "gbp": None, "gpe": None, "vnifilter": None,
}  # fmt: skip
NO_PORT = (
    "vxlan: destination port not specified\nWill use Linux kernel default (non-standard value)\nUse 'dstport 4789' to get the IANA assigned value\n"
    "Use 'dstport 0' to get default and quiet this message\n"
)


def _number(words: Words, why: str, low: int, high: int) -> int:
    word = words.take()
    number = integer(word)
    if number is None or not low <= number <= high:
        raise wrong(word, why)
    return number


def _address(words: Words) -> str:
    word = words.take()
    try:
        ip_int(word)
    except ValueError:
        raise Stop(f'Error: any valid address is expected rather than "{word}".\n', 1) from None
    return word


def _ttl(words: Words) -> int | str:
    if words and words.peek() in ("auto", "inherit"):
        return words.take()
    number = _number(words, "invalid TTL", 0, 0xFFFFFFFF)
    if number > 255:
        raise wrong(words.words[words.at - 1], "TTL must be <= 255")
    return number


def _tos(words: Words) -> int | str:
    if words and words.peek() == "inherit":
        return words.take()
    word = words.take()
    number = integer(f"0x{word.removeprefix('0x')}")
    if number is None or number > 255:
        raise wrong(word, "bad TOS value")
    return number


def parse(call: Invocation, words: Words) -> dict[str, Any]:
    """The arguments of `link.add_vxlan`."""
    found: dict[str, Any] = {}
    while words:
        word = words.take()
        key = pick(word, KEYWORDS)
        plain = word.removeprefix("no")
        if word in SWITCHES or plain in SWITCHES:
            name = word if word in SWITCHES else plain
            _switch(found, name, word in SWITCHES)
        elif key is None:
            raise Stop(f'vxlan: unknown command "{word}"?\n', 1)
        elif key in ("id", "vni"):
            if "vni" in found:
                raise garbage("id", words.take())
            found["vni"] = _number(words, "invalid id", 0, (1 << 24) - 1)
        elif key in ("group", "remote"):
            found["remote"] = _address(words)
            if is_multicast_ip(ip_int(found["remote"])):
                raise not_emulated(f"type vxlan group {found['remote']} (multicast between tunnel endpoints)", 2)
        elif key == "local":
            found["local"] = _address(words)
        elif key == "dev":
            found["dev"] = words.take()
            if found["dev"] not in call.ns.devices:
                raise Stop(f'Cannot find device "{found["dev"]}"\n', 255)
        elif key in ("ttl", "hoplimit"):
            found["ttl"] = _ttl(words)
        elif key in ("tos", "dsfield"):
            found["tos"] = _tos(words)
        elif key == "df":
            found["df"] = words.take()
            if found["df"] not in ("unset", "set", "inherit"):
                raise wrong(found["df"], "DF must be 'unset', 'set' or 'inherit'")
        elif key == "ageing":
            found["ageing"] = _number(words, "ageing timer", 0, 0xFFFFFFFF) if not words or words.peek() != "none" else _none(words)
        elif key in ("port", "srcport"):
            found["srcport"] = (_number(words, "min port", 0, 65535), _number(words, "max port", 0, 65535))
        elif key == "dstport":
            found["dstport"] = _number(words, "dst port", 0, 65535) or DEFAULT_PORT
        else:
            raise not_emulated(f"type vxlan {key}", 2)
    return found


def _none(words: Words) -> int:
    words.take()
    return 0


def _switch(found: dict[str, Any], name: str, on: bool) -> None:
    argument = SWITCHES[name]
    if argument is not None:
        found[argument] = on
    elif on:
        raise not_emulated(f"type vxlan {name}", 2)


def add(call: Invocation, target: Namespace, name: str, mac: bytes | None, words: Words) -> Vxlan:
    """Make the device."""
    given = bool(words)
    found = parse(call, words)
    if "vni" not in found and given:
        raise Stop("vxlan: missing virtual network identifier\n", 1)
    if "vni" not in found:
        raise Stop("Error: Required attributes not provided to perform the operation.\n", 2)
    if "dstport" not in found:
        call.err.append(NO_PORT)
    if target is not call.ns and "dev" in found:
        raise not_emulated("type vxlan with a device of another namespace", 2)
    try:
        return link.add_vxlan(target, name, found.pop("vni"), mac=mac, **found)
    except NetError as error:
        if (error.strerror or "").startswith("A VXLAN device with the specified VNI already exists"):
            raise Stop("Error: A VXLAN device with the specified VNI already exists.\n", 2) from None
        raise


# What `ip link set ... type vxlan` can change; of the others some are refused by the kernel itself.
CHANGES = ("remote", "local", "ttl", "tos", "df", "ageing", "learning")
KERNEL_REFUSES = {"vni": "Cannot change VNI", "dstport": "Cannot change port", "srcport": "Cannot change port range"}


def change(call: Invocation, dev: Vxlan, words: Words) -> None:
    """`ip link set DEV type vxlan ...`."""
    found = parse(call, words)
    for key, value in found.items():
        if key in KERNEL_REFUSES and value != {"vni": dev.vni, "dstport": dev.udp_port, "srcport": dev.ports}[key]:
            raise Stop(f"Error: {KERNEL_REFUSES[key]}.\n", 2)
        if key not in CHANGES and key not in KERNEL_REFUSES:
            raise not_emulated(f"ip link set type vxlan {key}", 2)
    link.change_vxlan(call.ns, dev.name, **{key: value for key, value in found.items() if key in CHANGES})
