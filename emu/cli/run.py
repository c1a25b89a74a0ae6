"""`emu run`: stories on the terminal, as verdicts, or as one JSON document."""

from __future__ import annotations

import argparse
import json
import sys
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emu.cli.errors import UserError, one_line
from emu.scenarios.catalog import TOUR, UnknownScenario, expand

if TYPE_CHECKING:
    from emu.scenarios.story import Story


def run_stories(options: argparse.Namespace) -> bool:
    """Run the stories that `options` name, in order. Returns whether all went as told. Raises UserError."""
    try:
        names = expand(options.names)
    except UnknownScenario as error:
        raise UserError(str(error)) from None
    folders = [capture_folder(name, names, options) for name in names]
    prepare(folders)
    stories = [_run(name, options, folder) for name, folder in zip(names, folders, strict=True)]
    if options.json:
        document = stories[0].to_dict() if len(names) == 1 and options.names != [TOUR] else together(options.names, stories)
        print(json.dumps(document))
    return all(story.went_well for story in stories)


def capture_folder(name: str, names: list[str], options: argparse.Namespace) -> Path | None:
    """Where the captures of story `name` go, one of `names`."""
    if options.no_captures:
        return None
    if options.captures is None:
        return Path("captures", name)
    return Path(options.captures, name) if len(names) > 1 else Path(options.captures)


def prepare(folders: list[Path | None]) -> None:
    """Make the folders, so that one that cannot be written is noticed before the first word is told. Raises UserError."""
    from emu.pcap.file import CaptureError
    from emu.pcap.folder import CaptureFolder

    for folder in folders:
        if folder is not None:
            try:
                CaptureFolder(folder)
            except CaptureError as error:
                raise UserError(one_line(error)) from None


def _run(name: str, options: argparse.Namespace, captures: Path | None) -> Story:
    # From here on scapy and rich are needed; they take most of the start-up time.
    from emu.cli.console import make_console
    from emu.k8s.objects import KubernetesError
    from emu.net.netns import NetError
    from emu.pcap.file import CaptureError
    from emu.scenarios.story import Story

    story = Story(name, options.seed, captures, None if options.json or options.quiet else make_console())
    try:
        story.run()
    except (CaptureError, KubernetesError, NetError) as error:
        raise UserError(f"{name}: {one_line(error)}") from error
    if options.quiet and not options.json:
        print(f"{name}: {story.verdict_line}", flush=True)
        for text in story.broken_claims:
            print(f"emu: {name}: not so: {text}", file=sys.stderr)
    return story


def together(asked: list[str], stories: list[Story]) -> dict[str, Any]:
    """Several stories as one document."""
    documents = [story.to_dict() for story in stories]
    return {
        "scenario": " ".join(asked),
        "seed": stories[0].seed,
        "digest": sha256(" ".join(document["digest"] for document in documents).encode()).hexdigest(),
        "exchanges": [{"scenario": document["scenario"], **exchange} for document in documents for exchange in document["exchanges"]],
        "drops": [{"scenario": document["scenario"], **drop} for document in documents for drop in document["drops"]],
        "stories": [{key: value for key, value in document.items() if key not in ("exchanges", "drops")} for document in documents],
    }
