"""What the kernel refused, as iproute2 says it: `RTNETLINK answers: ...` for an errno, `Error: ....` where the kernel has words of its own for it."""

from __future__ import annotations

from emu.iproute.cmd.invocation import Stop
from emu.net.netns import NetError

STRERROR = {
    1: "Operation not permitted", 2: "No such file or directory", 3: "No such process", 12: "Cannot allocate memory", 13: "Permission denied",
    16: "Device or resource busy", 17: "File exists", 19: "No such device", 22: "Invalid argument", 34: "Numerical result out of range",
    40: "Too many levels of symbolic links", 93: "Protocol not supported", 95: "Operation not supported", 97: "Address family not supported by protocol",
    98: "Address already in use", 99: "Cannot assign requested address", 100: "Network is down",
    101: "Network is unreachable", 105: "No buffer space available", 113: "No route to host",
}  # fmt: skip

# Beginnings of NetError's texts that are the kernel's extended answers (NL_SET_ERR_MSG); what follows names the place.
EXTENDED = (
    "ipv4: Address already assigned", "ipv4: Address not found", "ipv4: Invalid scope value", "ipv4: FIB table does not exist",
    "Invalid prefix for given prefix length", "Invalid scope", "Gateway, device and multipath can not be specified for this route type",
    "Route with host scope can not have a gateway", "Device for nexthop is not up", "Nexthop has invalid scope",
    "Nexthop device required for onlink", "Nexthop device is not up", "Nexthop has invalid gateway", "Invalid prefsrc address",
    "mtu less than device minimum", "mtu greater than device maximum", "The interface netns is immutable", "Can not enslave a bridge to a bridge",
    "No link layer address given", "Backward goto not supported", "Cannot replace non-unicast fdb entries",
    "Peer netns already has a nsid assigned", "The specified nsid is already used",
    "Invalid flags for nexthop - PERVASIVE and ONLINK can not be set",
    "Nexthop gateway does not match RTA_GATEWAY or RTA_VIA",
    "Invalid dsfield (tos): ECN bits must be 0", "Unknown device type", "Attribute failed policy validation",
)  # fmt: skip


def words_of(error: NetError) -> str:
    """The line for an error: `Error: Nexthop has invalid gateway.` or `RTNETLINK answers: File exists`."""
    text = error.strerror or ""
    for known in EXTENDED:
        if text.startswith(known):
            return f"Error: {known}.\n"
    return f"RTNETLINK answers: {STRERROR.get(error.errno or 0, 'Invalid argument')}\n"


def refused(error: NetError, status: int = 2) -> Stop:
    """The kernel said no."""
    text = error.strerror or ""
    if text.startswith("emu: not emulated"):
        return Stop(f"{text}\n", 1)
    return Stop(words_of(error), status)


def flushed(stats: int, lines: list[str], what: str) -> str:
    """What a `flush` says: nothing; with -s how many went, with -s -s also which."""
    if not stats:
        return ""
    if not lines:
        return "Nothing to flush.\n"
    shown = "".join(lines) if stats > 1 else ""
    return f"{shown}\n*** Round 1, deleting {len(lines)} {what} ***\n*** Flush is complete after 1 round ***\n"
