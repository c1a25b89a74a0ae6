"""`emu matrix`: the table of who reaches whom, asked on all processors."""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from rich.progress import Progress
from rich.table import Table
from rich.text import Text

from emu.cli.cluster import build
from emu.cli.console import make_console
from emu.cli.errors import UserError, one_line
from emu.lab.ask.matrix import Cell, row, sources, targets

if TYPE_CHECKING:
    from rich.console import Console

    from emu.k8s.objects import Pod
    from emu.lab import Cluster
    from emu.lab.ask.places import Target

MARKS = {True: ("✓", "green"), False: ("✗", "bold red"), None: ("·", "dim")}
FEW = 60  # cells for which another process is not worth its start

_given: tuple[Any, list[Any], list[Any]] = (None, [], [])  # what the processes that fork off find


def matrix(options: argparse.Namespace) -> bool:
    """Ask, and print. Whether everything was reached. Raises UserError."""
    with build(options) as cluster:
        try:
            wanted = targets(cluster, options.port, options.system)
            pods = sources(cluster, options.system)
            if not pods:
                raise ValueError("no pod runs: nobody can ask")
            rows = _ask(cluster, pods, wanted)
        except ValueError as error:
            raise UserError(one_line(error)) from None
    cells = [cell for cells in rows for cell in cells]
    if options.json:
        print(json.dumps({"cells": [cell.to_dict() for cell in cells]}))
    else:
        _print(make_console(), rows)
    return not any(cell.reached is False for cell in cells)


def _ask(cluster: Cluster, pods: list[Pod], wanted: list[Target]) -> list[list[Cell]]:
    """A row per pod, in order. Every process has the cluster as it is now, so that no answer depends on what was asked before in another."""
    global _given
    _given = (cluster, pods, wanted)
    with Progress(transient=True, disable=not sys.stderr.isatty(), console=_stderr()) as progress:
        task = progress.add_task("asking", total=len(pods))
        rows = []
        for cells in _rows(len(pods), len(pods) * len(wanted)):
            rows.append(cells)
            progress.advance(task)
    return rows


def _rows(count: int, cells: int) -> Iterator[list[Cell]]:
    processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if cells <= FEW or processors == 1 or "fork" not in multiprocessing.get_all_start_methods():
        yield from map(_row, range(count))
        return
    sys.stdout.flush()
    # One row per process: what a row finds does not depend on how many processors there are.
    with multiprocessing.get_context("fork").Pool(min(processors, count)) as pool:
        yield from pool.imap(_row, range(count))


def _row(number: int) -> list[Cell]:
    cluster, pods, wanted = _given
    return row(cluster, pods[number], wanted)


def _stderr() -> Console:
    from rich.console import Console

    return Console(stderr=True)


def _print(console: Console, rows: list[list[Cell]]) -> None:
    columns = [cell.target for cell in rows[0]]
    widest = max(len(cells[0].source) for cells in rows)
    numbered = widest + sum(len(name) + 2 for name in columns) > console.width  # then the names stand below
    table = Table(box=None, pad_edge=False)
    table.add_column("from \\ to", no_wrap=True)
    for number, name in enumerate(columns, 1):
        table.add_column(str(number) if numbered else name, justify="center", no_wrap=True)
    for cells in rows:
        table.add_row(cells[0].source, *(Text(*MARKS[cell.reached]) for cell in cells))
    console.print(table)
    if numbered:
        for number, name in enumerate(columns, 1):
            console.print(f"{number:>4} {name}", highlight=False)
    _reasons(console, rows)


def _reasons(console: Console, rows: list[list[Cell]]) -> None:
    """Every reason once, with whom it concerns."""
    grouped: dict[tuple[str, str], list[Cell]] = {}
    for cells in rows:
        for cell in cells:
            if cell.reached is False:
                grouped.setdefault((cell.reason, cell.advice), []).append(cell)
    for (reason, advice), cells in grouped.items():
        pairs = ", ".join(f"{cell.source} → {cell.target}" for cell in cells[:4]) + (f" and {len(cells) - 4} more" if len(cells) > 4 else "")
        console.print(Text.assemble(("✗ ", "bold red"), reason, (f"  [{pairs}]", "dim")))
        if advice:
            console.print(Text(f"  What to change: {advice}", "dim"))
    asked = [cell for cells in rows for cell in cells if cell.reached is not None]
    console.print(f"{sum(cell.reached is True for cell in asked)} of {len(asked)} reached", highlight=False)
