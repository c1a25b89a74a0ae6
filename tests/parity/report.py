"""One run as text: sections of lines that are equal on both sides exactly when emulator and kernel did the same.

Sections: `exit status`; `commands in NETNS` (each with its status, in the order they were forked); `frames of NETNS.DEVICE`; the tables of each
namespace at the end, `ip route in NETNS`; `output`, which is only for the reader and for what a script expects of it.
"""

from __future__ import annotations

import re
import shlex

from tests.kernel.normalise import Normaliser, conntrack_lines, without_clock
from tests.parity.observed import TABLES, Command, Observed, Owner
from tests.parity.script import Script

Report = dict[str, list[str]]

# Ports that programs use by themselves; those that the script writes out are kept too, all others were drawn.
PROGRAMS = {53, 67, 68, 80, 123, 443, 4789, 5201, 8000, 8472}
TRACING = {"traceroute": range(33434, 33534), "tracepath": range(44444, 44475)}
MAC = re.compile(r"\b(?:[0-9a-f]{2}:){5}[0-9a-f]{2}\b")
UNEQUAL = "output"  # the section that is not compared
TIMES = (
    (re.compile(r"\d+(?:\.\d+)?(?= ?m?s\b)"), "T"),
    (re.compile(r"\d+(?:\.\d+)?/\d+\.\d+/\d+\.\d+(?:/\d+\.\d+)?"), "T/T/T"),
    (re.compile(r"(?<=time )\d+(?=ms)"), "T"),
    (re.compile(r"/tmp/parity-\w+/work|/run/parity/work"), "."),
    (re.compile(r"\btmp\.\w{10}\b"), "tmp.X"),
)


def report(script: Script, observed: Observed) -> Report:
    """The sections, in an order for reading."""
    names = mac_names(observed.owners, script.macs)
    fixed = script.numbers | PROGRAMS
    for program, ports in TRACING.items():
        if program in script.text:
            fixed.update(ports)
    normaliser = Normaliser(names, lambda port: port in fixed)
    frames: Report = {}
    for frame in sorted(observed.frames, key=lambda frame: frame.time_ns):
        line = f"{frame.direction} {normaliser.line(frame.data, frame.partial and frame.dev == 'lo')}"
        frames.setdefault(f"frames of {frame.netns}.{frame.dev}", []).append(line)

    def named(text: str) -> str:
        return MAC.sub(lambda found: names.get(found[0], found[0]), text)

    own = {(owner.mac, owner.place) for owner in observed.owners}

    def of_port(text: str, netns: str) -> str:
        """FDB lines: a port's own MAC is the port's there, whichever port it is that the bridge has its MAC from."""

        def say(found: re.Match[str]) -> str:
            place = f"{netns}.{found[2]}"
            return f"{place if (found[1], place) in own and found[1] in names else names.get(found[1], found[1])} dev {found[2]}"

        return re.sub(rf"^({MAC.pattern}) dev (\S+)", say, text, flags=re.M)

    sections: Report = {"exit status": [str(observed.status)]}
    for command in sorted(observed.commands, key=lambda command: command.order):
        sections.setdefault(f"commands in {command.netns}", []).append(masked(named(told(command))))
    sections.update(sorted(frames.items()))
    for netns in sorted({netns for netns, _ in observed.tables}):
        for title, is_unordered in TABLES:
            text = observed.tables[netns, title]
            if title.startswith("iptables-save"):
                text = without_clock(text)
            elif title.startswith("conntrack"):
                text = conntrack_lines(text, normaliser)
            elif title.startswith("bridge"):
                text = of_port(text, netns)
            if lines := [line.rstrip() for line in named(text).splitlines()]:
                sections[f"{title} in {netns}"] = sorted(lines) if is_unordered else lines
    sections[UNEQUAL] = [masked(named(line)) for line in observed.output.splitlines()]
    return sections


def mac_names(owners: list[Owner], literal: set[str]) -> dict[str, str]:
    """A MAC that the script did not write out is called by the last place of the device that had it; a bridge's by the bridge, which has it from a port."""
    names = {owner.mac: owner.place for owner in owners if owner.mac not in literal}
    names.update({owner.mac: owner.place for owner in owners if owner.bridge and owner.mac not in literal})
    return names


def told(command: Command) -> str:
    words = shlex.join(command.argv).replace("\n", "\\n")
    return f"{words} -> {command.status}"


def masked(line: str) -> str:
    """Without times and the names of temporary files."""
    for pattern, mask in TIMES:
        line = pattern.sub(mask, line)
    return line
