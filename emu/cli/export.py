"""`emu export`: a story as a shell script."""

from __future__ import annotations

import argparse
from pathlib import Path

from emu.cli.errors import UserError, one_line
from emu.scenarios.catalog import UnknownScenario, expand


def export_story(options: argparse.Namespace) -> None:
    """Print the script, or write it to a file that can be run. Raises UserError."""
    try:
        names = expand([options.name])
    except UnknownScenario as error:
        raise UserError(str(error)) from None
    if len(names) > 1:
        raise UserError(f"{options.name} is {len(names)} stories: export one of {', '.join(names)}")
    # scapy is needed from here on.
    from emu.scenarios.export import export

    text = export(names[0], options.seed)
    if options.output is None:
        print(text, end="")
        return
    try:
        path = Path(options.output)
        path.write_text(text, encoding="utf-8")
        path.chmod(0o755)
    except OSError as error:
        raise UserError(f"{options.output}: {one_line(error)}") from None
