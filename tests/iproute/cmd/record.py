"""Type the commands of transcripts on the real Linux and write down what it says: `python -m tests.iproute.cmd.record NAME...` (root).

`NAME`: of a transcript, or the path of a file. Each runs in private network and mount namespaces that vanish afterwards. A new transcript begins
as a file with `$ command` lines only.
"""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import time
from pathlib import Path

from tests.kernel.lab import privately

NO_IPV6 = ("net.ipv6.conf.all.disable_ipv6=1", "net.ipv6.conf.default.disable_ipv6=1")
FOLDER = Path(__file__).parent / "transcripts"
# After such a command the kernel's link watch may take up to a second to tell what became of a carrier.
CARRIER = re.compile(r"\b(up|down|del|delete|netns|master|nomaster|addif|delif|add)\b")


def split(text: str) -> tuple[str, list[str]]:
    """A transcript's head (comments), and its commands."""
    head, *entries = re.split(r"^\$ ", text, flags=re.M)
    return head, [entry.partition("\n")[0] for entry in entries]


def typed(command: str) -> tuple[list[str], str]:
    """The words of a command and its standard input (`ip -batch - <<< line;line`)."""
    words, _, text = command.partition(" <<< ")
    return shlex.split(words), "".join(f"{line}\n" for line in text.split(";")) if text else ""


def _answer(command: str) -> str:
    words, text = typed(command)
    done = subprocess.run(words, input=text, capture_output=True, text=True)
    if words[0] == "ip" and "add" in words and "netns" in words:
        subprocess.run(["ip", "-all", "netns", "exec", "sysctl", "-qw", *NO_IPV6], capture_output=True)
    time.sleep(1.1 if CARRIER.search(command) and " link " in command else 0.05)
    return done.stdout + "".join(f"! {line}\n" for line in done.stderr.splitlines()) + (f"? {done.returncode}\n" if done.returncode else "")


def record(path: Path) -> None:
    """Write the transcript anew."""
    head, commands = split(path.read_text())
    subprocess.run(["sysctl", "-qw", *NO_IPV6], check=True)
    path.write_text(head + "".join(f"$ {command}\n{_answer(command)}" for command in commands))


if __name__ == "__main__":
    for name in sys.argv[1:]:
        status = privately(lambda name=name: record(FOLDER / name if name.endswith(".txt") else FOLDER / f"{name}.txt"))  # type: ignore[misc]
        if status:
            sys.exit(status)
