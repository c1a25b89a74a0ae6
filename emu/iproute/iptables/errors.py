"""What iptables refuses. `status`: what the program would exit with; 2 bad usage, 1 no such thing, 4 refused by the kernel."""

from __future__ import annotations

from emu.net.netns import NetError

_STATUS_OF_ERRNO = {2: 1, 17: 1, 7: 1, 39: 1}


class IptablesError(NetError):
    """One line: what, where (with the line of a restore text), and why. `words`: the same without the where; `line`: of a restore text, else 0.

    `emulated`: False if Linux knows what was asked for.
    """

    def __init__(self, text: str, status: int = 2, errno: int = 22, words: str = "", line: int = 0, emulated: bool = True) -> None:
        super().__init__(errno, text)
        self.status = status
        self.words = words or text
        self.line = line
        self.emulated = emulated

    def __str__(self) -> str:
        return str(self.strerror)

    def placed(self, where: str, line: int = 0) -> IptablesError:
        """The same with a place in front."""
        return IptablesError(f"{where}{self.strerror}", self.status, self.errno or 22, self.words, line or self.line, self.emulated)


def refused(error: NetError, where: str, line: int = 0) -> IptablesError:
    """The kernel's refusal as iptables reports it."""
    if isinstance(error, IptablesError):
        return error.placed(where, line)
    status = _STATUS_OF_ERRNO.get(error.errno or 0, 4)
    words = str(error.strerror)
    if "Bad " in words:
        status = 1
    return IptablesError(f"{where}{words}", status, error.errno or 22, words, line)
