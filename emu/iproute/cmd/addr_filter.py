"""Which devices and addresses `ip address show` and `ip address flush` mean (iproute2's ipaddr_filter)."""

from __future__ import annotations

from fnmatch import fnmatchcase

from emu.iproute.addr import SCOPES
from emu.iproute.addr_text import is_deprecated
from emu.iproute.cmd.invocation import Invocation, Stop, not_emulated
from emu.iproute.cmd.link_options import device, group_number
from emu.iproute.cmd.words import Words, garbage, integer, pick, wrong
from emu.net.addr import IfAddr
from emu.net.device import NetDevice
from emu.net.fib import MASKS
from emu.wire.addr import cidr_parse

KEYWORDS = ("to", "scope", "up", "label", "group", "master", "vrf", "nomaster", "type", "dev")
# Flags of an address: a word, or its opposite with a `-`. Those that IPv4 addresses never have are here to be asked for too.
OPPOSITES = {"dynamic": "permanent", "primary": "secondary"}
FLAGS = (
    "secondary", "temporary", "nodad", "optimistic", "dadfailed", "home", "deprecated", "tentative", "permanent", "mngtmpaddr", "noprefixroute", "autojoin",
    "stable-privacy",
)  # fmt: skip


class AddrFilter:
    """`given`: whether anything was asked for at all."""

    def __init__(self, words: Words, call: Invocation, what: str) -> None:
        self.dev = self.kind = self.label = ""
        self.master: NetDevice | None = None
        self.nomaster = self.up = False
        self.scope: int | None = None
        self.group: int | None = None
        self.to: tuple[int, int] | None = None
        self.flags: dict[str, bool] = {}
        self.given = bool(words)
        while words:
            word = words.take()
            key = pick(word, KEYWORDS)
            flag = word.removeprefix("-")
            if key == "to":
                self.to = cidr_parse(words.numeric_prefix(words.take()))
            elif key == "scope":
                self.scope = _scope(words.take())
            elif key == "up":
                self.up = True
            elif key == "label":
                self.label = words.take()
            elif key == "group":
                self.group = group_number(words.take())
            elif key == "master":
                self.master = call.ns.devices.get(name := words.take())
                if self.master is None:
                    raise wrong(name, "Device does not exist\n")
            elif key == "nomaster":
                self.nomaster = True
            elif key == "type":
                self.kind = words.take()
            elif key == "vrf":
                raise not_emulated(f"ip address {what} {key}", 255)
            elif flag in FLAGS or flag in OPPOSITES:
                name = "secondary" if flag == "temporary" else OPPOSITES.get(flag, flag)
                self.flags[name] = word.startswith("-") == (flag in OPPOSITES)
            else:
                if self.dev:
                    raise garbage("dev", word)
                self.dev = words.take() if key == "dev" else word
        if self.dev:
            self.dev = device(call.ns, self.dev, Stop(f'Device "{self.dev}" does not exist.\n', 1)).name

    def device(self, dev: NetDevice) -> bool:
        """Whether the device is meant."""
        if self.kind and not _is_kind(dev, self.kind):
            return False
        return (
            (not self.dev or dev.name == self.dev) and (not self.up or dev.up) and (self.master is None or dev.master is self.master)
            and not (self.nomaster and dev.master is not None) and (self.group is None or dev.attributes.group == self.group)
        )  # fmt: skip

    def address(self, dev: NetDevice, ifa: IfAddr) -> bool:
        """Whether the address is meant."""
        if self.to is not None and (self.to[0] ^ ifa.address) & MASKS[self.to[1]]:
            return False
        if self.label and not fnmatchcase(ifa.label or dev.name, self.label):
            return False
        has = {
            "secondary": ifa.secondary, "noprefixroute": ifa.noprefixroute, "deprecated": is_deprecated(dev, ifa),
            "permanent": ifa.lifetime is None or ifa.lifetime[0] is None,
        }  # fmt: skip
        return (self.scope is None or ifa.scope == self.scope) and all(has.get(flag, False) == wanted for flag, wanted in self.flags.items())

    def addresses(self, dev: NetDevice) -> list[IfAddr]:
        """Those of a device that are meant."""
        return [ifa for ifa in dev.addresses if self.address(dev, ifa)]


def _is_kind(dev: NetDevice, kind: str) -> bool:
    return dev.kind == kind or (kind == "bridge_slave" and dev.port is not None)


def _scope(name: str) -> int | None:
    """rtnl_rtscope_a2n; None for `all`."""
    if name == "all":
        return None
    number = SCOPES.get(name, integer(name))
    if number is None or not 0 <= number < 256:
        raise wrong(name, 'invalid "scope"\n')
    return number
