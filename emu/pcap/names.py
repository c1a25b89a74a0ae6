"""File names for interfaces: whatever a namespace and a device are called, the name stays inside the capture folder and can be read back.

The stem is quoted(namespace) `.` quoted(device). ASCII letters, digits, `-` and `_` stay, every other byte of the UTF-8 form becomes %XX; so the
only dot is the one in the middle. A name that would be the same file as another one, also on a file system that ignores case, gets `~2`, `~3` and so on.
"""

from __future__ import annotations

import string

MAX_STEM = 200  # bytes; file systems take 255 for the whole name, and the suffixes need some
_KEEP = frozenset((string.ascii_letters + string.digits + "-_").encode())
_QUOTED = [chr(byte) if byte in _KEEP else f"%{byte:02X}" for byte in range(256)]
# Windows takes these for devices, whatever follows the first dot.
_DEVICES = frozenset(["con", "prn", "aux", "nul", *(f"{port}{digit}" for port in ("com", "lpt") for digit in "0123456789")])


def quoted(name: str) -> str:
    """One part of a stem. Two different names never give the same text; the empty name gives a lone `%`."""
    data = name.encode("utf-8", "surrogatepass")
    text = "".join([_QUOTED[byte] for byte in data])
    if text.lower() in _DEVICES:
        return f"%{data[0]:02X}{text[1:]}"
    return text or "%"


def unquoted(text: str) -> str:
    """The name that `quoted` gave this text for."""
    if text == "%":
        return ""
    first, *parts = text.encode().split(b"%")
    return (first + b"".join([bytes([int(part[:2], 16)]) + part[2:] for part in parts])).decode("utf-8", "surrogatepass")


class Stems:
    """Gives every (namespace, device) of one capture folder its stem, always the same one."""

    __slots__ = ("_given", "_taken")

    def __init__(self) -> None:
        self._given: dict[tuple[str, str], str] = {}
        self._taken: dict[str, int] = {}  # stem without regard to case -> how many were given

    def stem(self, namespace: str, device: str) -> str:
        """The file name without its suffix, for example `node1.eth0`."""
        known = self._given.get((namespace, device))
        if known is not None:
            return known
        stem = f"{quoted(namespace)}.{quoted(device)}"
        if len(stem) > MAX_STEM:
            # The device's name is short on Linux; if it is not here, both are cut. What becomes equal by that is told apart below.
            tail = quoted(device)[: MAX_STEM // 2]
            stem = f"{quoted(namespace)[: MAX_STEM - 1 - len(tail)]}.{tail}"
        key = stem.lower()
        count = self._taken[key] = self._taken.get(key, 0) + 1
        if count > 1:
            stem = f"{stem}~{count}"  # no quoted name has a `~`, so this one is free
        self._given[namespace, device] = stem
        return stem
