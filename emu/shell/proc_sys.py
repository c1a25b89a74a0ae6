"""/proc/sys/net as files: the namespace's sysctls."""

from __future__ import annotations

import os
import stat
import sys
from errno import EINVAL
from typing import TYPE_CHECKING

from emu.iproute import sysctl
from emu.net import sysctl_keys
from emu.net.netns import NetError

if TYPE_CHECKING:
    from emu.net.netns import Namespace
    from emu.shell.fuse import Path

FOLDER, WRITABLE, READABLE = stat.S_IFDIR | 0o555, stat.S_IFREG | 0o644, stat.S_IFREG | 0o444
Names = dict[str, "Names | None"]  # a folder; None stands for a file


class ProcSys:
    """Keys as paths: `net.ipv4.conf.eth0.rp_filter` is ipv4/conf/eth0/rp_filter."""

    def __init__(self) -> None:
        self._told: dict[Path, None] = {}
        self._folders: dict[Namespace, tuple[list[str], Names]] = {}  # devices there were then, what there was then

    def mode(self, netns: Namespace, path: Path) -> int | None:
        """See Tree."""
        found: Names | None = self._all(netns)
        for name in path:
            if found is None or name not in found:
                return None
            found = found[name]
        if found is not None:
            return FOLDER
        key = ".".join(["net", *path])
        return READABLE if key in sysctl_keys.READ_ONLY or path[-1] == "nf_conntrack_count" else WRITABLE

    def names(self, netns: Namespace, path: Path) -> list[str]:
        """See Tree."""
        found: Names | None = self._all(netns)
        for name in path:
            found = found.get(name) if found is not None else None
        return list(found or ())

    def read(self, netns: Namespace, path: Path) -> bytes:
        """See Tree."""
        return f"{sysctl.get(netns, _key(path))}\n".encode()

    def write(self, netns: Namespace, path: Path, data: bytes) -> None:
        """See Tree."""
        try:
            sysctl.set(netns, _key(path), data.decode("ascii", "replace").partition("\n")[0].strip())
        except NetError as error:
            if error.errno == EINVAL and "the emulator does not do that" in (error.strerror or ""):
                _tell(path, data.decode("ascii", "replace").strip())
            raise

    def absent(self, path: Path) -> None:
        """See Tree."""
        if len(path) == 3 and path[1] in ("conf", "neigh"):
            return  # a device that there is not
        there = [name if before not in ("conf", "neigh") else "default" for before, name in zip(("", *path), path, strict=False)]
        if path not in self._told and os.path.exists("/".join(["/proc/sys/net", *there])):  # Linux has it
            self._told[path] = None
            _tell(path, "")

    def _all(self, netns: Namespace) -> Names:
        devices = list(netns.devices)
        known = self._folders.get(netns)
        if known is None or known[0] != devices:
            known = self._folders[netns] = devices, _folders(netns)
        return known[1]


def _folders(netns: Namespace) -> Names:
    top: Names = {}
    for key in sysctl_keys.names(netns):
        *folders, name = sysctl_keys.split_key(key)[1:]
        found = top
        for folder in folders:
            below = found.setdefault(folder, {})
            assert below is not None
            found = below
        found[name] = None
    return top


def _key(path: Path) -> str:
    return "/".join(["net", *path])


def _tell(path: Path, value: str) -> None:
    print(f"emu: not emulated: {f'{value} in ' if value else ''}/proc/sys/net/{'/'.join(path)}", file=sys.stderr, flush=True)
