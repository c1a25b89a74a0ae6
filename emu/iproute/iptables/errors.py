"""What iptables refuses. `status`: what the program would exit with; 2 bad usage, 1 no such thing, 4 refused by the kernel."""

from __future__ import annotations

from emu.net.netns import NetError

_STATUS_OF_ERRNO = {2: 1, 17: 1, 7: 1}


class IptablesError(NetError):
    """One line: what, where (with the line of a restore text), and why."""

    def __init__(self, text: str, status: int = 2, errno: int = 22) -> None:
        super().__init__(errno, text)
        self.status = status

    def __str__(self) -> str:
        return str(self.strerror)


def refused(error: NetError, where: str) -> IptablesError:
    """The kernel's refusal as iptables reports it."""
    if isinstance(error, IptablesError):
        return IptablesError(f"{where}{error.strerror}", error.status, error.errno or 22)
    status = _STATUS_OF_ERRNO.get(error.errno or 0, 4)
    if "Bad " in str(error.strerror):
        status = 1
    return IptablesError(f"{where}{error.strerror}", status, error.errno or 22)
