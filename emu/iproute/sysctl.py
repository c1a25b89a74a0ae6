"""`sysctl`: read and write kernel parameters of a namespace by name."""

from __future__ import annotations

from shlex import quote

from emu.net import sysctl_keys
from emu.net.netns import Namespace
from emu.trace.points import COMMAND


def set(ns: Namespace, key: str, value: int | str) -> None:  # noqa: A001
    """`sysctl -w KEY=VALUE`. Both `net.ipv4.ip_forward` and `net/ipv4/ip_forward` work. Raises NetError: ENOENT for an unknown key, EINVAL for a bad value."""
    sysctl_keys.set_(ns, key, value)
    if ns.tp.journal:
        told = quote(f"{key}={value}") if isinstance(value, str) else f"{key}={value}"
        ns.tp.on_journal(COMMAND, ns.name, f"sysctl -qw {told}")


def get(ns: Namespace, key: str) -> int | str:
    """`sysctl -n KEY`: an int, or text for keys that hold several numbers. Raises NetError ENOENT."""
    value = sysctl_keys.get(ns, key)
    if isinstance(value, int):
        return value
    if (value and isinstance(value[0], tuple)) or sysctl_keys.split_key(key)[-1] == "ip_local_reserved_ports":
        return ",".join(str(low) if low == high else f"{low}-{high}" for low, high in value)  # type: ignore[misc]
    return "\t".join(str(number) for number in value)


def show(ns: Namespace, *keys: str) -> str:
    """`sysctl KEY...`, or all of them (`sysctl -a`)."""
    return "".join(f"{key.replace('/', '.') if '.' not in key else key} = {get(ns, key)}\n" for key in keys or sysctl_keys.names(ns))
