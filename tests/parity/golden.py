"""Golden files: what the kernel did with a script, as text."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.parity.lots import Draws, draws_lines, parse_draws
from tests.parity.observed import Observed
from tests.parity.report import Report
from tests.parity.script import Script

GOLDEN = Path(__file__).parent / "golden"
LOTS = "drawn by the kernel"
VERSIONS = {
    "arping": "-V", "brctl": "--version", "bridge": "-V", "conntrack": "--version", "curl": "--version", "dig": "-v", "ethtool": "--version", "ip": "-V",
    "iperf3": "--version", "iptables": "--version", "ping": "-V", "python3": "--version", "socat": "-V", "ss": "-V", "sysctl": "--version",
    "tcpdump": "--version", "tracepath": "-V", "traceroute": "--version",
}  # fmt: skip
PACKAGES = {"nc": "netcat-openbsd"}  # which do not say it themselves


class GoldenError(Exception):
    """There is nothing to compare with; the text says why."""


@dataclass
class Golden:
    report: Report
    draws: Draws


def versions(observed: Observed) -> list[str]:
    """The kernel's and that of each tool that the script used."""
    used = {command.argv[0].partition("-")[0] for command in observed.commands} | {"ip", "bridge", "iptables", "conntrack"}
    lines = [f"Linux {os.uname().release}"]
    for name in sorted(used):
        if name in VERSIONS and shutil.which(name):
            done = subprocess.run([name, VERSIONS[name]], capture_output=True, text=True, check=False)
            said = next((line for line in (done.stdout + done.stderr).splitlines() if any(letter.isdigit() for letter in line)), "?")
            lines.append(said.strip())
        elif name in PACKAGES and shutil.which("dpkg-query"):
            done = subprocess.run(["dpkg-query", "-W", PACKAGES[name]], capture_output=True, text=True, check=False)
            lines.append(" ".join(done.stdout.split()))
    return lines


def write(script: Script, observed: Observed, report: Report, draws: Draws) -> None:
    GOLDEN.mkdir(exist_ok=True)
    out = [f"# {script.name}: what the kernel did ({'; '.join(versions(observed))})", f"# the script's checksum: {script.checksum}"]
    sections = {**report, **({LOTS: draws_lines(draws)} if draws else {})}
    for title, lines in sections.items():
        out += ["", f"=== {title}", *lines]
    (GOLDEN / f"{script.name}.txt").write_text("\n".join(out) + "\n", errors="surrogateescape")


def read(script: Script) -> Golden:
    """Raises GoldenError."""
    path = GOLDEN / f"{script.name}.txt"
    try:
        lines = path.read_text(errors="surrogateescape").splitlines()
    except FileNotFoundError:
        raise GoldenError("not recorded (tools/parity --record)") from None
    if lines[1] != f"# the script's checksum: {script.checksum}":
        raise GoldenError("the script has changed since it was recorded (tools/parity --record)")
    report: Report = {}
    section: list[str] = []
    for line in lines[2:]:
        if line.startswith("=== "):
            if section and not section[-1]:
                section.pop()  # the empty line between sections
            section = report[line[4:]] = []
        else:
            section.append(line)
    return Golden(report, parse_draws(report.pop(LOTS, [])))
