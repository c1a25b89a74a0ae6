"""Commands that run another program, take time, or have to do with the machine rather than its network."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

from emu.shell.names import MODULE_FAMILIES, MODULES

if TYPE_CHECKING:
    from emu.shell.call import Call
    from emu.shell.commands import Commands

UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
NETNS_FOLDERS = ("/run/netns/", "/var/run/netns/")
# Options with a value, so that what follows them is not taken for the command.
SUDO_VALUES = ("-u", "-g", "-p", "-C", "-h", "-T", "-D", "-R", "-r", "-t", "--user", "--group", "--prompt", "--host", "--chdir")


def netns_exec(argv: list[str]) -> tuple[str | None, list[str]] | None:
    """`ip [OPTIONS] netns exec NAME COMMAND...`: the name and the command, empty if they are missing; None for the name with -all, which takes none.

    None when it is something else.
    """
    words = argv[1:]
    everywhere = False
    while words and words[0].startswith("-"):
        everywhere = everywhere or abbreviates(words[0].lstrip("-"), "all", 1)
        words = words[2 if words[0] in ("-n", "-netns") else 1 :]
    if len(words) < 2 or not abbreviates(words[0], "netns", 2) or not abbreviates(words[1], "exec", 1):
        return None
    if everywhere:
        return None, words[2:]
    return (words[2] if len(words) > 2 else ""), words[3:]


def netns_pids(argv: list[str]) -> str | None:
    """`ip netns pids NAME`: the name; None when it is something else."""
    words = argv[1:]
    asked = len(words) == 3 and abbreviates(words[0], "netns", 2) and abbreviates(words[1], "pids", 1)
    return words[2] if asked else None


def pids(commands: Commands, call: Call, name: str) -> None:
    """The processes of a namespace, as they see themselves."""
    netns = commands.find(name) if name else None
    if netns is None:
        commands.fail(call, "Cannot open network namespace: No such file or directory", 1)
        return
    numbers = sorted(int(word) for word in os.listdir(f"{commands.root or ''}/proc") if word.isdigit())
    call.write("".join(f"{number}\n" for number in numbers if commands.namespace_of(number) is netns).encode())
    commands.finish(call, 0)


# In each namespace, as iproute2's do_each_netns does it.
EVERYWHERE = 'names=$1; shift; for name in $names; do printf "\\nnetns: %s\\n" "$name"; ip netns exec "$name" "$@"; done'


def abbreviates(word: str, name: str, least: int) -> bool:
    """`netn` is `netns`."""
    return len(word) >= least and name.startswith(word)


def run(commands: Commands, call: Call) -> None:
    """Take up one of them."""
    name, words = call.name, call.argv[1:]
    if name in ("sudo", "doas"):
        _sudo(commands, call, words)
    elif name == "su":
        _su(call, words)
    elif name == "nsenter":
        _nsenter(commands, call, words)
    elif name == "sleep":
        _sleep(commands, call, words)
    elif name == "timeout":
        _timeout(commands, call, words)
    elif name == "id":
        _id(commands, call, words)
    else:
        _modules(commands, call, words)


def _sudo(commands: Commands, call: Call, words: list[str]) -> None:
    env: dict[str, str] = {}
    shell = False
    while words and (words[0].startswith("-") or "=" in words[0].split("/")[0]):
        word = words.pop(0)
        if word == "--":
            break
        if word in SUDO_VALUES:
            words = words[1:]
        elif word.startswith("-"):
            shell = shell or word in ("-i", "-s", "--login", "--shell")
        else:
            name, _, value = word.partition("=")
            env[name] = value
    if shell:
        words = ["bash", "-c", " ".join(words)] if words else ["bash"]
    if words:
        call.become(words, env)
    else:
        commands.finish(call, 0)  # sudo -v, sudo -k


def _su(call: Call, words: list[str]) -> None:
    for index, word in enumerate(words):
        if word in ("-c", "--command") and index + 1 < len(words):
            call.become(["bash", "-c", words[index + 1]])
            return
    call.become(["bash"])


def _nsenter(commands: Commands, call: Call, words: list[str]) -> None:
    target, process, net = "", "", False
    while words and words[0].startswith("-"):
        word = words.pop(0)
        option, _, value = word.partition("=")
        if word == "--":
            break
        if option in ("-t", "--target"):
            process = value or (words.pop(0) if words else "")
        elif word.startswith("-t"):
            process = word[2:]
        elif option in ("-n", "--net"):
            target, net = value, True
        elif word.startswith("-n"):
            target, net = word[2:], True
        elif word not in ("-m", "--mount", "-F", "--no-fork", "-u", "--uts", "-i", "--ipc", "-p", "--pid"):  # the others are shared by all
            commands.fail(call, f"emu: not emulated: nsenter {word}", 1)
            return
    if net and not target and process:
        target = f"/proc/{process}/ns/net"
    name = _namespace_of_file(commands, target)
    if not net:
        commands.fail(call, "emu: not emulated: nsenter without --net", 1)
    elif name is None:
        commands.fail(call, f"nsenter: cannot open {target}: No such file or directory", 1)
    else:
        commands.put_into(call, name, words or ["bash"])


def _namespace_of_file(commands: Commands, path: str) -> str | None:
    """The name of the namespace that a file stands for, "" for the starting one; None: for none."""
    parts = path.split("/")
    if len(parts) == 5 and parts[:2] == ["", "proc"] and parts[2].isdigit() and parts[3:] == ["ns", "net"]:
        netns = commands.namespace_of(int(parts[2]))
        return None if netns is None else "" if netns is commands.machine.netns else netns.name
    folder = next((folder for folder in NETNS_FOLDERS if path.startswith(folder)), None)
    name = path.removeprefix(folder or "")
    return name if folder is not None and name and commands.find(name) is not None else None


def duration(text: str) -> float | None:
    """`1.5`, `2m`: seconds; None for what is none."""
    unit = UNITS.get(text[-1:], 0.0)
    try:
        seconds = float(text[:-1] if unit else text) * (unit or 1.0)
    except ValueError:
        return None
    return seconds if seconds >= 0 else None


def _sleep(commands: Commands, call: Call, words: list[str]) -> None:
    if not words:
        commands.fail(call, "sleep: missing operand\nTry 'sleep --help' for more information.", 1)
        return
    total = 0.0
    for word in words:
        seconds = duration(word)
        if seconds is None:
            commands.fail(call, f"sleep: invalid time interval ‘{word}’\nTry 'sleep --help' for more information.", 1)
            return
        total += seconds
    if total == float("inf"):
        return
    call.on_gone = commands.loop.sim.call_later(round(total * 1e9), call.exit, 0).cancel


def _timeout(commands: Commands, call: Call, words: list[str]) -> None:
    number, kill_after, preserve = int(signal.SIGTERM), 0.0, False
    while words and words[0].startswith("-"):
        word = words.pop(0)
        option, _, value = word.partition("=")
        if option in ("-s", "--signal", "-k", "--kill-after"):
            value = value or (words.pop(0) if words else "")
            if option in ("-k", "--kill-after"):
                kill_after = duration(value) or 0.0
            else:
                number = _signal_number(value)
        elif word.startswith("-s"):
            number = _signal_number(word[2:])
        elif word == "--preserve-status":
            preserve = True
    if len(words) < 2 or (seconds := duration(words[0])) is None:
        reason = "missing operand" if len(words) < 2 else f"invalid time interval ‘{words[0]}’"
        commands.fail(call, f"timeout: {reason}\nTry 'timeout --help' for more information.", 125)
        return
    sim = commands.loop.sim
    timers = []
    sent: list[int] = []

    def kill(what: int) -> None:
        sent.append(what)
        call.signal_child(what)
        if kill_after and what != signal.SIGKILL:
            timers.append(sim.call_later(round(kill_after * 1e9), kill, int(signal.SIGKILL)))

    def forget() -> None:
        for timer in timers:
            timer.cancel()

    def ended(status: int) -> None:
        forget()
        if sent and not preserve:
            status = 137 if signal.SIGKILL in sent else 124
        call.exit(status)

    if seconds:
        timers.append(sim.call_later(round(seconds * 1e9), kill, number))
    call.on_child = ended
    call.on_gone = forget
    call.supervise(words[1:])


def _signal_number(text: str) -> int:
    if text.isdigit():
        return int(text)
    return int(getattr(signal, "SIG" + text.upper().removeprefix("SIG"), signal.SIGTERM))


def _id(commands: Commands, call: Call, words: list[str]) -> None:
    """Without a fence: who runs a script is root in it."""
    answers = {("-u",): "0", ("-g",): "0", ("-un",): "root", ("-u", "-n"): "root", (): "uid=0(root) gid=0(root) groups=0(root)"}
    if (answer := answers.get(tuple(words))) is None:
        call.become(call.real_program())
    else:
        call.write(f"{answer}\n".encode())
        commands.finish(call, 0)


def _modules(commands: Commands, call: Call, words: list[str]) -> None:
    if call.name == "lsmod":
        call.write(b"Module                  Size  Used by\n" + b"".join(b"%-19s %8d  0\n" % (name.encode(), 16384) for name in MODULES))
        commands.finish(call, 0)
        return
    names = [word for word in words if not word.startswith("-")]
    if call.name == "modprobe" and not any(word in ("-a", "--all") for word in words):
        names = names[:1]  # the others are the module's parameters
    for name in names:
        known = name.replace("-", "_")
        if known not in MODULES and not known.startswith(MODULE_FAMILIES):
            commands.fail(call, f"modprobe: FATAL: Module {name} not found in directory /lib/modules/6.18.0", 1)
            return
    commands.finish(call, 0)
