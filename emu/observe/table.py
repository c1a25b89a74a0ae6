"""The hop table: an exchange as a person would tell it, one row a device visit.

Under the frame stand the decisions taken there, a `·` before each. Where the frame is, byte for byte, what it was at its previous hop, the row says so;
and where a device's decisions are, word for word, what they were at an earlier row (as those about a connection's later segments are), it names the row.
"""

from __future__ import annotations

from textwrap import wrap

from rich.box import SIMPLE_HEAD
from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text

from emu.observe.decisions import decisions
from emu.observe.describe import FrameInfo, describe
from emu.observe.recorder import Hop, Recording

STYLES = {
    "dropped": "bold red", "delivered": "green", "nat": "magenta", "rule": "cyan", "route": "yellow", "arp": "blue", "neigh": "blue", "fdb": "dim cyan",
    "flood": "bright_blue", "learn": "dim", "ct": "dim magenta", "icmp": "red", "tcp": "dim",
}  # fmt: skip
# What kinds of decision are called where their text does not begin with it.
LABELS = {"route": "route", "ct": "conntrack", "delivered": "delivered", "neigh": "neighbour", "tcp": "TCP", "icmp": "ICMP", "frag": "fragments"}
SPEAKING = ("ARP", "TCP", "ICMP")  # texts that begin so need no label

NO_MAC = "00:00:00:00:00:00"
MIN_FRAME = 30  # columns
MAX_WHERE = 24  # columns of a namespace's or a device's name, two thirds of it on a narrow terminal; a pod's may be long, what is longer folds
NARROW = 100
GAP = 1  # columns between columns


def time_text(ns: int) -> str:
    """Nanoseconds since the exchange began, in the unit that reads best."""
    if ns < 10_000_000:
        return f"{ns / 1000:.0f} µs"
    if ns < 1_000_000_000:
        return f"{ns / 1_000_000:.1f} ms"
    return f"{ns / 1_000_000_000:.3f} s"


def short_mac(mac: str) -> str:
    """The last three octets are enough to tell devices apart."""
    return "broadcast" if mac == "ff:ff:ff:ff:ff:ff" else mac[9:]


def frame_parts(info: FrameInfo) -> list[str]:
    """Layer 2, 3 and 4 of a frame, as far as it has them."""
    # No MACs: it has no Ethernet header yet, or crosses lo, where all are zero.
    addressed = info.src_mac and not info.src_mac == info.dst_mac == NO_MAC
    parts = [f"{short_mac(info.src_mac)} → {short_mac(info.dst_mac)}"] if addressed else []
    if info.proto == "ARP":
        return [*parts, f"ARP {info.info}"]
    if info.src:
        parts.append(f"{info.src} → {info.dst} ttl {info.ttl}")
    ports = f" {info.sport} → {info.dport}" if info.sport is not None else ""
    return [*parts, f"{info.proto}{ports} {info.info}".strip()]


def wrapped(text: str, width: int) -> list[str]:
    """The lines of a text; all but the first are indented. Names with hyphens stay whole where they can."""
    return wrap(text, width, subsequent_indent="  ", break_on_hyphens=False)


def frame_lines(info: FrameInfo, width: int) -> list[str]:
    """The parts of a frame, as many on a line as fit."""
    lines: list[str] = []
    for part in frame_parts(info):
        if lines and len(lines[-1]) + 3 + len(part) <= width:
            lines[-1] += "   " + part
        else:
            lines.append(part)
    return [piece for line in lines for piece in wrapped(line, width)]


def decision_lines(kind: str, text: str, width: int) -> list[str]:
    """One decision; lines after the first are indented."""
    label = LABELS.get(kind, "")
    if label and not text.lower().startswith(label.lower()) and not text.startswith(SPEAKING):
        text = f"{label}: {text}"
    return wrapped(f"· {text}", width)


class HopTable:
    """Renderable for rich: `console.print(HopTable(title, recording))`."""

    def __init__(self, title: str, recording: Recording) -> None:
        self.title, self.recording = title, recording

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        start, hops = self.recording.start_ns, self.recording.hops
        times = [time_text(hop.t_ns - start) for hop in hops]
        names = [len(name) for hop in hops for name in (hop.netns, hop.dev)]
        number_width, time_width = len(str(len(hops))), max([len("time"), *map(len, times)])
        fixed = number_width + time_width + 2 + 4 * GAP + 2  # the direction; the box's edges
        limit = MAX_WHERE if options.max_width >= NARROW else MAX_WHERE * 2 // 3
        where_width = min(max([len("where"), *names]), limit, max(options.max_width - fixed - MIN_FRAME, 8))
        width = max(options.max_width - fixed - where_width, MIN_FRAME)
        table = Table(box=SIMPLE_HEAD, title=Text(self.title, style="bold"), title_justify="left", pad_edge=False, padding=(0, 0), expand=False)
        table.add_column("#", justify="right", style="dim", no_wrap=True, width=number_width)
        table.add_column("time", justify="right", style="dim", no_wrap=True, width=time_width)
        table.add_column("where", overflow="fold", width=where_width)
        table.add_column("", no_wrap=True, width=2)
        table.add_column("frame, and what was decided", width=width)
        latest: dict[int, bytes] = {}  # frame id -> its bytes at its latest hop
        told: dict[object, int] = {}  # device and decisions -> the row that has them
        for number, hop in enumerate(hops, 1):
            same = latest.get(hop.frame_id) == hop.wire
            if hop.wire:
                latest[hop.frame_id] = hop.wire
            decided = decisions(hop.steps)
            first = told.setdefault((hop.netns, hop.dev, tuple(decided)), number)
            what = Text("\n").join(filter(None, (frame_text(hop, same, width), decided_text(decided, width, first if first != number else 0))))
            table.add_row(str(number), times[number - 1], where_text(hop), hop.direction, what)
        yield table


def where_text(hop: Hop) -> Text:
    """Namespace, and under it the device, if it was at one."""
    text = Text().append(hop.netns, style="bold")
    return text if hop.dev == "-" else text.append(f"\n{hop.dev}")


def frame_text(hop: Hop, same: bool, width: int) -> Text:
    """The frame, or that it is the `same` as at its previous hop. Empty for what happened later than the frame, by a timer say."""
    if not hop.wire:
        return Text()
    info = describe(hop.wire)
    if same:
        return Text().append("\n".join(wrapped(f"same frame: {frame_parts(info)[-1]}", width)), style="dim")
    return Text("\n".join(frame_lines(info, width)))


def decided_text(decided: list[tuple[str, str]], width: int, earlier: int) -> Text:
    """The decisions; or, if row `earlier` has the same and it takes more than a line to repeat them, its number. A drop is always told."""
    parts = [(kind, decision_lines(kind, words, width)) for kind, words in decided]
    if earlier and sum(len(lines) for _, lines in parts) > 1 and all(kind != "dropped" for kind, _ in parts):
        return Text(f"· decided as in row {earlier}", style="dim")
    return Text("\n").join(Text("\n".join(lines), style=STYLES.get(kind, "")) for kind, lines in parts)
