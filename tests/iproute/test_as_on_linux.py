"""What was typed on Linux 6.18 with iproute2 6.1, typed again here: the same output line by line, and the same refusals.

Our refusals say more (which thing, in which namespace) after the kernel's words.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from emu.fabric import World
from emu.iproute import link
from tests.iproute.words import run

TRANSCRIPTS = sorted((Path(__file__).parent / "transcripts").glob("*.txt"))


def plain(text: str) -> str:
    """Output without what differs between two machines: MACs, the peer's ifindex, who complains about an error."""
    text = re.sub(r"link/ether \S+", "link/ether MAC", text)
    return text.removeprefix("RTNETLINK answers: ").removeprefix("Error: ").removesuffix("Dump terminated\n")


@pytest.mark.parametrize("path", TRANSCRIPTS, ids=lambda path: path.stem)
def test_transcript(path: Path) -> None:
    world = World(1)
    ns, peer = world.add_machine("m").add_netns("n"), world.add_machine("p").add_netns("q")
    world.machines["p"].namespaces["p"] = peer
    link.set_up(ns, "lo")
    link.add_veth(ns, "eth0", peer, "eth0")
    link.set_up(peer, "eth0")
    entries = path.read_text().split("\n$ ")[1:]
    assert len(entries) > 50
    for entry in entries:
        command, _, expected = entry.partition("\n")
        expected = plain(expected.rstrip("\n") + "\n" if expected.strip() else "")
        got = plain(run(ns, command)).replace("link-netns q", "link-netns p")
        if "sysctl: setting key" in expected:
            assert "sysctl: setting key" in got, command
            assert "Invalid argument" in got, command
        elif re.match(r"(ipv4: |sysctl: )?[A-Z][A-Za-z]|sysctl: ", expected):
            assert got.startswith(expected.rstrip(".\n")), command
        else:
            assert got == expected, command
        world.sim.run(world.sim.now + 100_000_000)
