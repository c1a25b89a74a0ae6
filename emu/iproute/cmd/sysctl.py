"""`sysctl`: read and write kernel parameters (procps 4.0)."""

from __future__ import annotations

import re

from emu.iproute import sysctl
from emu.iproute.cmd.invocation import Invocation, Stop, not_emulated
from emu.iproute.cmd.sysctl_others import is_linux_key
from emu.net import sysctl_keys
from emu.net.netns import NetError

EINVAL, EACCES, EPERM = 22, 13, 1
SHORT = {"a": "all", "A": "all", "X": "all", "n": "values", "N": "names", "e": "ignore", "q": "quiet", "w": "write", "b": "binary", "o": "", "x": ""}
LONG = {
    "--all": "all", "--values": "values", "--names": "names", "--ignore": "ignore", "--quiet": "quiet", "--write": "write", "--binary": "binary",
    "--dry-run": "dry", "--deprecated": "",
}  # fmt: skip


class Switches:
    """The options that were given."""

    def __init__(self) -> None:
        self.given: dict[str, bool] = {}
        self.pattern = ""
        self.files: list[str] = []

    def __contains__(self, name: str) -> bool:
        return name in self.given


def run(call: Invocation) -> int:
    """The command line of `sysctl`."""
    switches, words = _options(call)
    if "version" in switches:
        call.out.append("sysctl from procps-ng 4.0.2\n")
        return 0
    status = 0
    for path in switches.files:
        status |= _load(call, switches, path)
    if "all" in switches:
        for key in sysctl_keys.names(call.ns):
            if not switches.pattern or re.search(switches.pattern, key):
                _print(call, switches, key, str(sysctl.get(call.ns, key)))
        return status
    if not words and not switches.files:
        raise Stop("sysctl: no variables specified\nTry `sysctl --help' for more information.\n", 1)
    for number, word in enumerate(words):
        if "write" in switches and "=" not in word:
            call.err.append(f"sysctl: command line({number}): invalid syntax, continuing...\n")
            return 1
        status = _one(call, switches, word, status)
    return status


def _options(call: Invocation) -> tuple[Switches, list[str]]:
    """getopt_long: options and variables in any order."""
    switches = Switches()
    words: list[str] = []
    pending = list(reversed(call.argv))
    while pending:
        word = pending.pop()
        if word == "--":
            words += reversed(pending)
            break
        if word in LONG:
            switches.given[LONG[word]] = True
        elif word in ("--version", "-V"):
            switches.given["version"] = True
        elif word in ("--pattern", "-r"):
            switches.pattern = pending.pop() if pending else ""
        elif word.startswith("--pattern="):
            switches.pattern = word.partition("=")[2]
        elif word.startswith("--load=") or word == "--load":
            switches.files.append(word.partition("=")[2] or _file(pending))
        elif word == "--system":
            raise not_emulated("sysctl --system")
        elif word in ("-h", "--help", "-d"):
            raise not_emulated("the help text of sysctl")
        elif word.startswith("-") and len(word) > 1 and not word.startswith("--"):
            for at, letter in enumerate(word[1:], 2):
                if letter == "r":
                    switches.pattern = word[at:] or (pending.pop() if pending else "")
                    break
                if letter in "pf":
                    switches.files.append(word[at:] or _file(pending))
                    break
                if letter not in SHORT:
                    raise Stop(f"sysctl: invalid option -- '{letter}'\n", 1)
                switches.given[SHORT[letter]] = True
        elif word.startswith("--"):
            raise Stop(f"sysctl: unrecognized option '{word}'\n", 1)
        else:
            words.append(word)
    return switches, words


def _file(pending: list[str]) -> str:
    """The file of `-p`: the next word unless that is an option."""
    named = pending and (pending[-1] == "-" or not pending[-1].startswith("-"))
    return pending.pop() if named else "/etc/sysctl.conf"


def _one(call: Invocation, switches: Switches, word: str, status: int) -> int:
    """One `KEY` or `KEY=VALUE`: the status after it. What cannot be shown is counted."""
    key, equals, value = word.partition("=")
    if not equals:
        return status + _show(call, switches, key)
    if not key.strip():
        call.err.append("sysctl: Path is not under /proc/sys/: /proc/sys/\n" if value else "")
        return status + 1
    return status | _write(call, switches, key.strip(), value.strip())


def _shown(key: str) -> str:
    """A key with dots, as it is printed."""
    parts = sysctl_keys.split_key(key)
    return ".".join(part.replace(".", "/") for part in parts)


def _show(call: Invocation, switches: Switches, key: str) -> int:
    """A key, or all below it."""
    name = _shown(key)
    try:
        value = str(sysctl.get(call.ns, key))
        if re.search(switches.pattern, name):
            _print(call, switches, name, value)
    except NetError:
        below = [other for other in sysctl_keys.names(call.ns) if other.startswith(f"{name}.")]
        if not below:
            return _absent(call, switches, name)
        for other in below:
            if not re.search(switches.pattern, other):
                continue
            _print(call, switches, other, str(sysctl.get(call.ns, other)))
    return 0


def _print(call: Invocation, switches: Switches, key: str, value: str) -> None:
    if "names" in switches:
        call.out.append(f"{key}\n")
    elif "binary" in switches:
        call.out.append(value)
    else:
        call.out.append(f"{value}\n" if "values" in switches else f"{key} = {value}\n")


def _absent(call: Invocation, switches: Switches, name: str) -> int:
    """A key that does not exist; one that only the emulator lacks is told so."""
    if is_linux_key(name):
        call.err.append(f"emu: not emulated: sysctl {name}\n")
        return 1
    if "ignore" in switches:
        return 0
    call.err.append(f"sysctl: cannot stat /proc/sys/{name.replace('.', chr(0)).replace('/', '.').replace(chr(0), '/')}: No such file or directory\n")
    return 1


def _write(call: Invocation, switches: Switches, key: str, value: str) -> int:
    name = _shown(key)
    try:
        if "dry" not in switches:
            _set(call, key, value)
    except NetError as error:
        if error.errno == EINVAL:
            if "the emulator does not do that" in (error.strerror or ""):
                call.err.append(f"emu: not emulated: sysctl {name}={value.strip()}\n")
            else:
                call.err.append(f'sysctl: setting key "{name}": Invalid argument\n')
            return 1
        if error.errno in (EACCES, EPERM):
            call.err.append(f'sysctl: permission denied on key "{name}"\n')
            return 1
        return _absent(call, switches, name)
    if "quiet" not in switches:
        _print(call, switches, name, value)
    return 0


def _set(call: Invocation, key: str, value: str) -> None:
    """Of several numbers for a key that holds one, the kernel takes the first (proc_dointvec)."""
    try:
        sysctl.set(call.ns, key, value)
    except NetError as error:
        if error.errno != EINVAL or not isinstance(sysctl.get(call.ns, key), int) or len(value.split()) < 2:
            raise
        sysctl.set(call.ns, key, value.split()[0])


def _load(call: Invocation, switches: Switches, path: str) -> int:
    """`-p FILE`: a line `KEY = VALUE` each; `-KEY` may be missing; `#` and `;` begin comments."""
    try:
        text = call.stdin if path in ("-", "/dev/stdin") else call.read(path)
    except OSError as error:
        call.err.append(f'sysctl: cannot open "{path}": {error.strerror}\n')
        return 1
    status = 0
    for number, line in enumerate(text.splitlines(), 1):
        line = line.strip()
        if not line or line[0] in "#;":
            continue
        key, equals, value = line.partition("=")
        if not equals:
            call.err.append(f"sysctl: {path}({number}): invalid syntax, continuing...\n")
            continue
        failed = _write(call, switches, key.strip().lstrip("-"), value.strip())
        status |= 0 if line.startswith("-") else failed
    return status
