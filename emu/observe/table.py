"""The hop table: an exchange as a person would tell it, one row a device visit."""

from __future__ import annotations

from rich.box import SIMPLE_HEAD
from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text

from emu.observe.describe import FrameInfo, describe
from emu.observe.recorder import Hop, Recording

STYLES = {
    "dropped": "bold red", "delivered": "green", "nat": "magenta", "rule": "cyan", "route": "yellow", "arp": "blue", "neigh": "blue", "fdb": "dim cyan",
    "flood": "bright_blue", "learn": "dim", "ct": "dim magenta", "icmp": "red",
}  # fmt: skip


def time_text(ns: int) -> str:
    """Nanoseconds since the exchange began, in the unit that reads best."""
    if ns < 1_000_000:
        return f"{ns / 1000:.0f} µs"
    if ns < 1_000_000_000:
        return f"{ns / 1_000_000:.3f} ms"
    return f"{ns / 1_000_000_000:.3f} s"


def short_mac(mac: str) -> str:
    """The last three octets are enough to tell devices apart."""
    return "broadcast" if mac == "ff:ff:ff:ff:ff:ff" else mac[9:]


def frame_lines(info: FrameInfo) -> list[str]:
    """Layer 2, 3 and 4, a line each."""
    lines = [f"{short_mac(info.src_mac)} → {short_mac(info.dst_mac)}"] if info.src_mac else []
    if info.proto == "ARP":
        return [*lines, f"ARP {info.info}"]
    if info.src:
        lines.append(f"{info.src} → {info.dst} ttl {info.ttl}")
    ports = f" {info.sport} → {info.dport}" if info.sport is not None else ""
    lines.append(f"{info.proto}{ports} {info.info}".strip())
    return lines


def what_lines(hop: Hop) -> list[tuple[str, str]]:
    """The decisions taken at the hop, in order, each once."""
    seen: dict[tuple[str, str], None] = {}
    for step in hop.steps:
        seen[step] = None
    return list(seen)


class HopTable:
    """Renderable for rich: `console.print(HopTable(title, recording))`."""

    def __init__(self, title: str, recording: Recording) -> None:
        self.title, self.recording = title, recording

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        table = Table(box=SIMPLE_HEAD, title=Text(self.title, style="bold"), title_justify="left", pad_edge=False, padding=(0, 1), expand=False)
        table.add_column("#", justify="right", style="dim", no_wrap=True)
        table.add_column("time", justify="right", style="dim", no_wrap=True)
        table.add_column("where", overflow="fold", ratio=None)
        table.add_column("", no_wrap=True)
        table.add_column("frame", overflow="fold", min_width=26)
        table.add_column("what happened", overflow="fold")
        start = self.recording.start_ns
        for number, hop in enumerate(self.recording.hops, 1):
            what = Text()
            for kind, text in what_lines(hop):
                what.append(("\n" if what else "") + text, style=STYLES.get(kind, ""))
            where = Text(hop.netns, style="bold")
            where.append(f"\n{hop.dev}", style="")
            frame = Text("\n".join(frame_lines(describe(hop.wire))))
            table.add_row(str(number), time_text(hop.t_ns - start), where, hop.direction, frame, what)
        yield table
