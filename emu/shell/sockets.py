"""Programs that open a network socket by themselves: each is named in one line and gets an error, instead of a network in which nobody is.

seccomp with user notification (seccomp_unotify(2), Linux 5.0): the fence installs `program()` on everything of the script, and the kernel asks here before a
socket of one of these families is made. Sockets of all other families, the stand-ins' own above all, are never asked about.
"""

from __future__ import annotations

import fcntl
import os
import platform
import struct
import sys
from errno import EPERM
from pathlib import Path

# Machine -> its number in struct seccomp_data, the number of socket(2) there, that of seccomp(2).
MACHINES = {"x86_64": (0xC000003E, 41, 317), "aarch64": (0xC00000B7, 198, 277)}
AF_INET, AF_INET6, AF_NETLINK, AF_PACKET = 2, 10, 16, 17
FAMILIES = {AF_INET: "AF_INET", AF_INET6: "AF_INET6", AF_NETLINK: "AF_NETLINK", AF_PACKET: "AF_PACKET"}
# NETLINK_ROUTE, SOCK_DIAG, XFRM, NETFILTER: what a copy of a real `ip` or `nft` under another name would use.
NETLINK_PROTOCOLS = (0, 4, 6, 12)
ALLOW, NOTIFY = 0x7FFF0000, 0x7FC00000  # SECCOMP_RET_ALLOW, SECCOMP_RET_USER_NOTIF
LOAD, EQUAL, RETURN = 0x20, 0x15, 0x06  # BPF_LD|W|ABS, BPF_JMP|JEQ|K, BPF_RET|K
NR, ARCH, ARGUMENT_0, ARGUMENT_2 = 0, 4, 16, 32  # offsets in struct seccomp_data; the low half of an argument, little endian
CONTINUE = 1  # SECCOMP_USER_NOTIF_FLAG_CONTINUE
RECV, SEND = 0xC0502100, 0xC0182101  # SECCOMP_IOCTL_NOTIF_RECV, _SEND
LONGEST_NAME = 60


def program(machine: str = platform.machine()) -> bytes:
    """The filter: an array of struct sock_filter. b"" on a machine that is not known here."""
    if machine not in MACHINES:
        return b""
    arch, socket_nr, _ = MACHINES[machine]
    # Each test skips one instruction if it holds: the jump to the end that follows.
    allow, notify = -1, -2
    code: list[tuple[int, int, int]] = [(LOAD, ARCH, 0), (EQUAL, arch, allow), (LOAD, NR, 0), (EQUAL, socket_nr, allow), (LOAD, ARGUMENT_0, 0)]
    code += [(EQUAL, family, notify) for family in (AF_INET, AF_INET6, AF_PACKET)]
    code += [(EQUAL, AF_NETLINK, allow), (LOAD, ARGUMENT_2, 0)]
    code += [(EQUAL, protocol, notify) for protocol in NETLINK_PROTOCOLS]
    code += [(RETURN, ALLOW, 0), (RETURN, NOTIFY, 0)]
    end = len(code)
    out = b""
    for index, (what, value, to) in enumerate(code):
        yes = no = 0
        if to == allow:
            no = end - 2 - index - 1
        elif to == notify:
            yes = end - 1 - index - 1
        out += struct.pack("<HBBI", what, yes, no, value)
    return out


def argument(machine: str = platform.machine()) -> str:
    """What the fence is told: the number of seccomp(2), and the filter."""
    return f"{MACHINES[machine][2]}:{program(machine).hex()}" if machine in MACHINES else ""


class Sockets:
    """`listener`: the descriptor on which the kernel asks."""

    def __init__(self, listener: int) -> None:
        self.listener = listener
        self._told: dict[tuple[int, str], None] = {}

    def fileno(self) -> int:
        """For a selector."""
        return self.listener

    def close(self) -> None:
        """From now on such sockets fail with ENOSYS."""
        os.close(self.listener)

    def answer(self) -> None:
        """One question: no; and who asked is named, once."""
        asked = bytearray(80)
        try:
            fcntl.ioctl(self.listener, RECV, asked)
            number, pid = struct.unpack_from("<QI", asked)
            family = struct.unpack_from("<Q", asked, 32)[0] & 0xFFFFFFFF
            name = _name(pid)
            # A Python library may ask what devices there are when it is imported (scapy does), for a program that only reads captures.
            only_asks = family == AF_NETLINK and name.startswith("python")
            self._tell(pid, name, "asks which network there is, and finds none" if only_asks else f"opens a network socket ({FAMILIES[family]})")
            fcntl.ioctl(self.listener, SEND, struct.pack("<QqiI", number, 0, 0 if only_asks else -EPERM, CONTINUE if only_asks else 0))
        except OSError:
            return  # it was killed meanwhile

    def _tell(self, pid: int, name: str, what: str) -> None:
        # Once for each process, by its number and the 22nd field, when it was started (the second, its name, may hold anything); asking and opening apart.
        key = pid, Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19] + what[:4]
        if key not in self._told:
            self._told[key] = None
            print(f"emu: not emulated: {name} {what}; only the stand-ins reach the emulated network", file=sys.stderr, flush=True)


def _name(pid: int) -> str:
    """A process's command line, to be told."""
    words = Path(f"/proc/{pid}/cmdline").read_bytes().decode("utf-8", "replace").split("\0")
    name = " ".join([os.path.basename(words[0]), *words[1:]]).strip() or str(pid)
    name = "".join(char if char.isprintable() else " " for char in name)
    return name if len(name) <= LONGEST_NAME else name[: LONGEST_NAME - 3] + "..."
