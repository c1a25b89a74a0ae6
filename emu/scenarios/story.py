"""How a story is told: text, hop tables, and claims that the run itself has to bear out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from hashlib import sha256
from pathlib import Path
from textwrap import fill, wrap
from typing import Any, TypeVar

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.text import Text

from emu.lab import Cluster, Trace
from emu.observe.digest import Digest
from emu.observe.journal import Journal
from emu.scenarios.catalog import TITLES, module_of

T = TypeVar("T")


class Story:
    """One run of one story. `console`: where it is told, None for silence. `captures`: the folder, None for no captures."""

    def __init__(self, name: str, seed: int = 0, captures: Path | None = None, console: Console | None = None) -> None:
        self.name, self.seed, self.captures, self.console = name, seed, captures, console
        self.exchanges: list[Trace] = []
        self.drops: list[dict[str, Any]] = []
        self.claims: list[tuple[str, bool]] = []
        self.verdict_text = ""
        self.journal: Journal | None = None  # set it before the run, and all that is done is written down there
        self._digests: list[Digest] = []
        self._clusters: list[Cluster] = []

    # -- for the stories ----------------------------------------------------------------------------------------------------------

    def cluster(self, **options: Any) -> Cluster:
        """A cluster with the run's seed and captures; closed when the story ends."""
        folder = self.captures
        if folder is not None and self._clusters:
            folder = folder / f"cluster-{len(self._clusters) + 1}"
        cluster = Cluster(seed=self.seed, captures=folder, journal=self.journal, **options)
        self._clusters.append(cluster)
        self._digests.append(Digest(cluster.tp))
        cluster.tp.attach("drop", self._on_drop)
        return cluster

    def tell(self, text: str) -> None:
        """A paragraph."""
        if self.journal is not None:
            self.journal.tell(" ".join(text.split()))
        if self.console is not None:
            self.console.print(fill(" ".join(text.split()), min(self.console.width, 100)), markup=False, soft_wrap=True)
            self.console.print()

    def show(self, trace: Trace, table: bool = True) -> Trace:
        """Keep an exchange for `--json`, and print its hop table."""
        self.exchanges.append(trace)
        if table and self.console is not None:
            trace.show(self.console)
        return trace

    def claim(self, text: str, holds: bool) -> bool:
        """Something the run was to show; `text` carries the figures that were seen."""
        self.claims.append((text, bool(holds)))
        return bool(holds)

    def verdict(self, text: str) -> None:
        """The sentence that sums up what was seen, with its figures."""
        self.verdict_text = " ".join(text.split())

    def progress(self, things: Iterable[T], total: int, what: str) -> Iterator[T]:
        """Go through `things` with a progress bar, on a terminal."""
        if self.console is None or not self.console.is_terminal:
            yield from things
            return
        columns = (SpinnerColumn(), TextColumn(what), TextColumn("{task.completed}/{task.total}"), TimeElapsedColumn())
        with Progress(*columns, console=self.console, transient=True) as bar:
            task = bar.add_task(what, total=total)
            for thing in things:
                yield thing
                bar.advance(task)

    def _on_drop(self, t_ns: int, netns: Any, device: Any, frame_id: int, reason: str, text: str, wire: bytes | None) -> None:
        where = netns.name if netns is not None else ""
        self.drops.append({"t_ns": t_ns, "netns": where, "dev": device.name if device is not None else "", "reason": reason, "text": text})

    # -- running ------------------------------------------------------------------------------------------------------------------

    def run(self) -> bool:
        """Tell it from beginning to end. Returns whether it went as told."""
        if self.console is not None:
            self.console.rule(Text(f"{self.name}: {TITLES[self.name]}", style="bold"), align="left")
            self.console.print()
        try:
            module_of(self.name).tell(self)
        finally:
            for cluster in self._clusters:
                cluster.close()
        if self.console is not None:
            self._print_verdict()
        return self.went_well

    @property
    def went_well(self) -> bool:
        """Every claim was borne out."""
        return bool(self.claims) and all(holds for _, holds in self.claims)

    @property
    def broken_claims(self) -> list[str]:
        """What the run did not bear out."""
        return [text for text, holds in self.claims if not holds]

    @property
    def verdict_line(self) -> str:
        """What the story showed, and how many of its claims hold."""
        return f"{self.verdict_text} ({len(self.claims) - len(self.broken_claims)} of {len(self.claims)} claims hold)"

    @property
    def digest(self) -> str:
        """Over every frame at every device of the story's clusters."""
        return sha256(" ".join(digest.hex() for digest in self._digests).encode()).hexdigest()

    def _print_verdict(self) -> None:
        for text, holds in self.claims:
            self._print_line(f"  {'ok  ' if holds else 'NOT '}", text, "green" if holds else "bold red")
        self._print_line("verdict: ", self.verdict_line, "bold green" if self.went_well else "bold red")
        if self.captures is not None:
            self._print_line("captures: ", f"{self.captures}/ (all.pcapng has every interface, with the decisions as packet comments)", "dim")
        self._print_line("", "", "")

    def _print_line(self, label: str, text: str, style: str) -> None:
        """A label and a text beside it, however many lines it takes."""
        assert self.console is not None
        lines = wrap(text, max(self.console.width - len(label), 20), break_long_words=False, break_on_hyphens=False) or [""]
        self.console.print(Text(label + f"\n{' ' * len(label)}".join(lines), style=style), soft_wrap=True)

    def to_dict(self) -> dict[str, Any]:
        """The run as one JSON document."""
        return {
            "scenario": self.name,
            "seed": self.seed,
            "digest": self.digest,
            "exchanges": [trace.to_dict() for trace in self.exchanges],
            "drops": self.drops,
            "claims": [{"text": text, "holds": holds} for text, holds in self.claims],
            "verdict": self.verdict_text,
        }
