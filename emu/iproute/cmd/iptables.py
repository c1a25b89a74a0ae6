"""iptables, iptables-save and iptables-restore as they are typed."""

from __future__ import annotations

from collections.abc import Callable

from emu.fabric import World
from emu.iproute import iptables
from emu.iproute.cmd.invocation import STDIN
from emu.iproute.cmd.iptables_said import said
from emu.net.netns import Namespace, NetError

Outcome = tuple[str, str, int]
IGNORED = ("-v", "--verbose", "-w", "--wait")


def run(netns: Namespace, argv: list[str], stdin: str, read: Callable[[str], str]) -> Outcome:
    """stdout, stderr, status."""
    name, words = argv[0].replace("-legacy", "").replace("-nft", ""), argv[1:]
    try:
        if name == "iptables-save":
            return _save(netns, words)
        if name == "iptables-restore":
            return _restore(netns, words, stdin, read)
        return iptables.command(netns, words), "", 0
    except iptables.IptablesError as error:
        return "", said(name, error), error.status
    except NetError as error:
        return "", f"{error.strerror}\n", 1


def _save(netns: Namespace, words: list[str]) -> Outcome:
    counters, table = False, None
    rest = iter(words)
    for word in rest:
        if word in ("-c", "--counters"):
            counters = True
        elif word in ("-t", "--table"):
            table = next(rest, "")
        else:
            return "", f"emu: not emulated: iptables-save {word}\n", 1
    return iptables.save(netns, counters=counters, table=table), "", 0


def _restore(netns: Namespace, words: list[str], stdin: str, read: Callable[[str], str]) -> Outcome:
    noflush = counters = test = False
    text = stdin
    rest = iter(words)
    for word in rest:
        if word in ("-n", "--noflush"):
            noflush = True
        elif word in ("-c", "--counters"):
            counters = True
        elif word in ("-t", "--test"):
            test = True
        elif word in IGNORED:
            continue
        elif not word.startswith("-") and word not in STDIN:
            text = read(word)
        else:
            return "", f"emu: not emulated: iptables-restore {word}\n", 1
    if test:  # on a copy of the rules, in a world of its own
        scratch = World().add_machine("test").netns
        iptables.restore(scratch, iptables.save(netns))
        netns = scratch
    iptables.restore(netns, text, noflush=noflush, counters=counters)
    return "", "", 0
