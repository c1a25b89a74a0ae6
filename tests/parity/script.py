"""A parity script: a bash script on one subject whose comments say what it is about and what must come of it.

Directives, each a comment line of its own:

    # expect: status 0                          its exit status (always there)
    # expect: output 2 received                 a line of what it prints matches the regular expression
    # expect: no output Unreachable             none does
    # expect: red.eth0 tx arp who-has           a frame of that device and direction matches, as the normaliser writes it
    # expect: blue.eth0 rx echo request = 2     exactly so many do
    # quick                                     short enough to be asked of the kernel in every run of the tests
    # gotcha: 13                                it shows that row of the gotchas
    # needs: socat                              tools beyond iproute2, iptables and ping
    # keep: ipv6                                IPv6 is not switched off (also: snooping)
"""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass, field
from pathlib import Path

FOLDER = Path(__file__).parent
DIRECTIVE = re.compile(r"#\s*(expect|gotcha|needs|keep):\s*(.*?)\s*$|#\s*(quick)\s*$")
FRAMES = re.compile(r"(\S+)\s+(rx|tx)\s+(.+?)(?:\s+=\s+(\d+))?$")
KEEP = ("ipv6", "snooping")


class ScriptError(Exception):
    """A script that cannot be judged; the text names it and the line."""


@dataclass(frozen=True)
class Expectation:
    """`kind`: status, output, no output, frame. `device`, `direction`, `count` belong to frame; `count` None: at least one."""

    text: str
    kind: str
    pattern: str
    device: str = ""
    direction: str = ""
    count: int | None = None


@dataclass
class Script:
    """`name`: what it is called in results. `text`: the whole script."""

    name: str
    path: Path
    text: str
    expectations: list[Expectation] = field(default_factory=list)
    quick: bool = False
    gotchas: list[str] = field(default_factory=list)
    needs: list[str] = field(default_factory=list)
    keep: list[str] = field(default_factory=list)

    @property
    def checksum(self) -> str:
        """Changes with what the script does, not with its comments or what it expects."""
        keep = [f"keep {word}" for word in self.keep]
        return f"{zlib.crc32(chr(10).join([*code_lines(self.text), *keep]).encode()):08x}"

    @property
    def numbers(self) -> set[int]:
        """Every number that the script writes out: ports it names itself."""
        return {int(number) for line in code_lines(self.text) for number in re.findall(r"(?<![\d.])\d{1,5}(?![\d.]*\.\d)", line)}

    @property
    def macs(self) -> set[str]:
        """Every MAC that it writes out."""
        return {mac.lower() for mac in re.findall(r"(?i)(?<![0-9a-f:])(?:[0-9a-f]{2}:){5}[0-9a-f]{2}(?![0-9a-f:])", self.text)}


def code_lines(text: str) -> list[str]:
    """The lines that are not comments or empty."""
    return [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]


def load(path: Path) -> Script:
    """Read a script and its directives. Raises ScriptError, OSError."""
    text = path.read_text(encoding="utf-8", errors="surrogateescape")
    script = Script(path.stem, path, text)
    for number, line in enumerate(text.splitlines(), 1):
        found = DIRECTIVE.fullmatch(line.strip())
        if found is None:
            continue
        word, rest = found[1] or found[3], found[2] or ""
        if word == "expect":
            script.expectations.append(expectation(rest, f"{path}:{number}"))
        elif word == "quick":
            script.quick = True
        elif word == "gotcha":
            script.gotchas += rest.replace(",", " ").split()
        elif word == "needs":
            script.needs += rest.replace(",", " ").split()
        else:
            for what in rest.replace(",", " ").split():
                if what not in KEEP:
                    raise ScriptError(f"{path}:{number}: cannot keep {what!r}; there are {', '.join(KEEP)}")
                script.keep.append(what)
    if not any(expected.kind == "status" for expected in script.expectations):
        raise ScriptError(f"{path}: no `# expect: status N`")
    if not any(expected.kind != "status" for expected in script.expectations):
        raise ScriptError(f"{path}: says only what its exit status is: `# expect:` who received what")
    return script


def expectation(text: str, where: str) -> Expectation:
    """One `# expect:` line."""
    if status := re.fullmatch(r"status (\d+)", text):
        return Expectation(text, "status", status[1])
    if output := re.fullmatch(r"(no output|output) (.+)", text):
        return Expectation(text, output[1], checked(output[2], where))
    if frames := FRAMES.fullmatch(text):
        if "." not in frames[1]:
            raise ScriptError(f"{where}: {frames[1]!r} is no device; it is called NETNS.DEVICE")
        return Expectation(text, "frame", checked(frames[3], where), frames[1], frames[2], None if frames[4] is None else int(frames[4]))
    raise ScriptError(f"{where}: not understood: {text!r}")


def checked(pattern: str, where: str) -> str:
    try:
        re.compile(pattern)
    except re.error as error:
        raise ScriptError(f"{where}: {pattern!r}: {error}") from None
    return pattern
