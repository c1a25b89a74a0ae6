"""What the real tools print: `tests/shell/transcripts/NAME.sh` and, recorded from Linux, `NAME.txt`.

`python -m tests.shell.transcripts NAME...` records again (root; the tools that the script uses must be installed).
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).parent / "transcripts"
ROOT = Path(__file__).parents[2]
OPEN = "mkdir -p /run/netns; mount -t tmpfs x /run/netns; sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1; exec bash"
CHANGES = (  # what no two runs share: process ids, clocks, ephemeral ports, message ids
    (r"pid=\d+", "pid=N"), (r"socat\[\d+\]", "socat[N]"), (r"\d{4}[-/]\d\d[-/]\d\d \d\d:\d\d:\d\d", "WHEN"), (r"WHEN: .*", "WHEN: T"),
    (r"(Date|Last-Modified): .*", r"\1: T"), (r"after \d+ m", "after N m"),
    (r"Query time: \d+", "Query time: N"), (r", id: \d+", ", id: N"), (r"\d+\.\d{3}ms", "T"), (r" +T ", " T "), (r":[3-6]\d{4}\b", ":P"),
    (r"\(\d+(\.\d+)? [KM]B/s\)", "(SPEED)"), (r"0x[0-9a-f]{6,}|0x0\b", "0xA"), (r"DiG [\w.~-]+", "DiG V"), (r"(?m) +$", ""),
)  # fmt: skip


def normalise(text: str) -> str:
    """Without what no two runs share."""
    for pattern, replacement in CHANGES:
        text = re.sub(pattern, replacement, text)
    return text


def real(script: Path) -> str:
    """Run it on the kernel, in namespaces of its own."""
    command = ["unshare", "-n", "-m", "-p", "-f", "--kill-child", "--mount-proc", "bash", "-c", f"{OPEN} {script}"]
    environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment).stdout


def main(names: list[str]) -> None:
    for script in sorted(FOLDER.glob("*.sh")):
        if not names or script.stem in names:
            script.with_suffix(".txt").write_text(normalise(real(script)))
            print(script.stem)


if __name__ == "__main__":
    main(sys.argv[1:])
