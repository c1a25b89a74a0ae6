"""Record what the kernel does: `python -m tests.kernel.record NAME...` writes golden/NAME.txt (all of them without a name). Needs root."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.kernel.behaviours_bridge import arp_settings, bridge, routing
from tests.kernel.behaviours_conntrack import conntrack_timeouts
from tests.kernel.behaviours_ip import INTERNET
from tests.kernel.behaviours_link import LINK
from tests.kernel.behaviours_loss import tcp_loss
from tests.kernel.behaviours_nat import nat
from tests.kernel.behaviours_tcp import tcp
from tests.kernel.behaviours_vxlan import VXLAN
from tests.kernel.cluster import is_fixed_port
from tests.kernel.lab import Captured, Lab, privately
from tests.kernel.matches import matches
from tests.kernel.normalise import Normaliser, conntrack_lines, without_clock
from tests.kernel.programs import PROGRAMS
from tests.kernel.rejects import physdev, rejects
from tests.kernel.stories import STORIES, Recording
from tests.kernel.variants import VARIANTS

RECORDINGS = {
    **STORIES,
    **LINK,
    **INTERNET,
    **VARIANTS,
    **PROGRAMS,
    **VXLAN,
    "matches": matches,
    "rejects": rejects,
    "physdev": physdev,
    "tcp": tcp,
    "tcp-loss": tcp_loss,
    "nat": nat,
    "conntrack-timeouts": conntrack_timeouts,
    "bridge": bridge,
    "arp-settings": arp_settings,
    "routing": routing,
}
GOLDEN = Path(__file__).parent / "golden"


def per_netns(frames: list[Captured], normaliser: Normaliser) -> dict[str, list[str]]:
    """The frames of each namespace's devices, normalised, in the order in which they passed."""
    lists: dict[str, list[str]] = {}
    for frame in frames:
        line = normaliser.line(frame.data, frame.partial or frame.dev == "lo")
        lists.setdefault(frame.netns, []).append(f"{frame.dev} {frame.direction} {line}")
    return lists


def versions() -> str:
    def first_line(*command: str) -> str:
        return (subprocess.run(command, capture_output=True, text=True, check=False).stdout.splitlines() or ["?"])[0]

    return f"Linux {os.uname().release}; {first_line('iptables', '--version')}; {first_line('ip', '-V')}; {first_line('ping', '-V')}"


def golden_text(recording: Recording) -> str:
    """The whole recording as text: per part the frames of each namespace, then the texts, then tables and conntrack of each node."""
    normaliser = Normaliser(recording.macs, is_fixed_port)
    out = [f"# {versions()}", f"# {recording.title}"]
    for title, frames in recording.parts:
        out += ["", f"=== {title}"]
        for name, lines in sorted(per_netns(frames, normaliser).items()):
            out += [f"--- {name}", *lines]
    for title, text in recording.texts:
        out += ["", f"=== {title}", conntrack_lines(text, normaliser) if title.startswith("conntrack") else text.rstrip()]
    return "\n".join(out) + "\n"


def record(name: str, lab: Lab) -> str:
    """Play a story in a lab, this one or the emulator's, and tell it."""
    recording = RECORDINGS[name](lab)
    for netns in recording.tables:
        recording.texts.append((f"iptables-save -c on {netns}", without_clock(lab.saved_rules(netns))))
        recording.texts.append((f"conntrack -L on {netns}", lab.conntrack(netns)))
    text = golden_text(recording)
    lab.close()
    return text


def main(arguments: list[str]) -> int:
    show = "-" in arguments
    names = [name for name in arguments if name != "-"] or list(RECORDINGS)
    unknown = [name for name in names if name not in RECORDINGS]
    if unknown:
        print(f"no such recording: {unknown[0]} (there are {', '.join(RECORDINGS)})", file=sys.stderr)
        return 2
    if os.geteuid() != 0:
        print("recording needs root", file=sys.stderr)
        return 2

    status = 0
    for name in names:

        def job(name: str = name) -> None:
            text = record(name, Lab())
            if show:
                print(text)
            else:
                (GOLDEN / f"{name}.txt").write_text(text)

        status |= privately(job)
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
