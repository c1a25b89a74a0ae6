"""What was typed on Linux 6.18 with iproute2 6.1, typed again here: stdout, stderr and exit status byte for byte.

A transcript holds `$ command`, then what it printed, lines of stderr after `! `, then `? status` unless it is 0.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from emu.fabric import World
from emu.iproute.commands import Result, run
from emu.sim import NS_PER_MS
from tests.iproute.cmd.record import typed

TRANSCRIPTS = sorted((Path(__file__).parent / "transcripts").glob("*.txt"))
RANDOM_MAC = re.compile(r"\b(?!02:00:00|ff:ff|00:00|01:)([0-9a-f]{2}:){5}[0-9a-f]{2}\b")


def plain(text: str, command: str = "") -> str:
    """Without what no two runs have in common: random MACs, timers, and the order of neighbours, which is that of a hash with a secret."""
    if re.match(r"ip( -\S+)* n(e|ei\w*)?( |$)", command) and not re.search(r"-p|-s", command):
        text = "\n".join(sorted(text.replace("},{", "},\n{").replace("[{", "[\n{").replace("}]", "},\n]").splitlines()))
    text = re.sub(r"used \d+/\d+/\d+", "used", text)
    text = re.sub(r"(timer\t+) *[0-9.]+", r"\1", text)
    return re.sub(r"(_timer\W)\W*[0-9.]+", r"\1", RANDOM_MAC.sub("MAC", text))


def written(result: Result) -> str:
    """As the recorder writes it."""
    text = result.stdout + "".join(f"! {line}\n" for line in result.stderr.splitlines())
    return text + (f"? {result.status}\n" if result.status else "")


@pytest.mark.parametrize("path", TRANSCRIPTS, ids=lambda path: path.stem)
def test_transcript(path: Path) -> None:
    world = World(1)
    machine = world.add_machine("host")
    wrong = []
    for entry in re.split(r"^\$ ", path.read_text(), flags=re.M)[1:]:
        command, _, expected = entry.partition("\n")
        result = run(machine, machine.netns, *typed(command))
        got = written(result)
        if plain(got, command) != plain(expected, command):
            wrong.append(f"$ {command}\n--- Linux\n{expected}--- here\n{got}")
        world.sim.run(world.sim.now + 50 * NS_PER_MS)
    assert not wrong, "\n".join(["", *wrong])
