"""The lines of iperf3 3.12: units, headings, one line per interval and the summary (iperf_locale.c, units.c)."""

from __future__ import annotations

from dataclasses import dataclass

DASHES = "- " * 24 + "-"
RULE = "-" * 59
TCP_SENDER, TCP_RECEIVER = "[ ID] Interval           Transfer     Bitrate         Retr  Cwnd", "[ ID] Interval           Transfer     Bitrate"
UDP_SENDER = "[ ID] Interval           Transfer     Bitrate         Total Datagrams"
UDP_RECEIVER = "[ ID] Interval           Transfer     Bitrate         Jitter    Lost/Total Datagrams"
TCP_SUMMARY = "[ ID] Interval           Transfer     Bitrate         Retr"
LETTERS = "KMGT"


def amount(number: float, unit: str, divisor: float) -> str:
    """`number` with the prefix that suits it, four characters wide (unit_snprintf)."""
    index = 0
    while number >= divisor and index < len(LETTERS):
        number /= divisor
        index += 1
    digits = 2 if number < 9.995 else 1 if number < 99.95 else 0
    return f"{number:4.{digits}f} {LETTERS[index - 1] if index else ''}{unit}"


def size(text: str, thousand: int = 1024) -> int:
    """`10K`; bit rates count in thousands. Raises ValueError."""
    index = LETTERS.find(text[-1:].upper()) if text[-1:] else -1
    return int(float(text[:-1] if index >= 0 else text) * (thousand ** (index + 1)))


@dataclass(slots=True)
class Numbers:
    """What was counted from `start` to `end` (seconds of the test). `jitter` in seconds; `packets`, `lost`: UDP."""

    start: float = 0.0
    end: float = 0.0
    octets: int = 0
    packets: int = 0
    lost: int = 0
    jitter: float = 0.0
    retransmits: int = 0
    cwnd: int = 0


def _begin(stream: int, found: Numbers) -> str:
    seconds = found.end - found.start
    rate = found.octets * 8 / seconds if seconds > 0 else 0.0
    return f"[{stream:3d}] {found.start:6.2f}-{found.end:<6.2f} sec  {amount(found.octets, 'Bytes', 1024)}  {amount(rate, 'bits/sec', 1000)}"


def interval(stream: int, found: Numbers, *, udp: bool, sends: bool) -> str:
    """One line while it runs."""
    begin = _begin(stream, found)
    if udp:
        return f"{begin}  {found.packets}  " if sends else _udp(begin, found, "")
    return f"{begin}  {found.retransmits:3d}   {amount(found.cwnd, 'Bytes', 1024)}       " if sends else f"{begin}                  "


def summary(stream: int, found: Numbers, *, udp: bool, sends: bool) -> str:
    """One line at the end."""
    begin, who = _begin(stream, found), "sender" if sends else "receiver"
    if udp:
        return _udp(begin, found, who)
    return f"{begin}  {found.retransmits:3d}             {who}" if sends else f"{begin}                  {who}"


def _udp(begin: str, found: Numbers, who: str) -> str:
    share = 100 * found.lost / found.packets if found.packets else 0.0
    return f"{begin}  {found.jitter * 1000:5.3f} ms  {found.lost}/{found.packets} ({share:.2g}%)  {who}"


def heading(*, udp: bool, sends: bool) -> str:
    """Above the intervals."""
    return (UDP_SENDER if sends else UDP_RECEIVER) if udp else (TCP_SENDER if sends else TCP_RECEIVER)


def summary_heading(*, udp: bool, sends: bool) -> str:
    """Above the summary. `sends`: a sender's numbers are in it."""
    return UDP_RECEIVER if udp else TCP_SUMMARY if sends else TCP_RECEIVER
