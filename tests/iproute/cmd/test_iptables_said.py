"""What iptables and iptables-restore write to standard error, line for line as version 1.8.9 does."""

from __future__ import annotations

import pytest

from emu.fabric import World
from emu.iproute.cmd import iptables

HINT = "Try `iptables -h' or 'iptables --help' for more information.\n"
RESTORE_HINT = "Try `iptables-restore -h' or 'iptables-restore --help' for more information.\n"


def say(command: str, stdin: str = "") -> tuple[str, int]:
    netns = World().add_machine("m").netns
    for words in ("-N MINE", "-A OUTPUT -j MINE"):
        iptables.run(netns, ["iptables", *words.split()], "", open_nothing)
    out, err, status = iptables.run(netns, command.split(), stdin, open_nothing)
    assert out == ""
    return err, status


def open_nothing(name: str) -> str:
    raise FileNotFoundError(name)


@pytest.mark.parametrize(
    ("command", "text", "status"),
    [
        ("iptables -A INPUT -j NOPE", "iptables v1.8.9 (nf_tables): Chain 'NOPE' does not exist\n" + HINT, 2),
        ("iptables -A NOPE -j DROP", "iptables: No chain/target/match by that name.\n", 1),
        ("iptables -A INPUT -m nope", "iptables v1.8.9 (nf_tables): Couldn't load match `nope':No such file or directory\n\n" + HINT, 2),
        ("iptables -A INPUT -o eth0", "iptables v1.8.9 (nf_tables): Can't use -o with INPUT\n\n" + HINT, 2),
        ("iptables -A INPUT -m comment", 'iptables v1.8.9 (nf_tables): comment: option "--comment" must be specified\n\n' + HINT, 2),
        ("iptables -A INPUT nonsense", "Bad argument `nonsense'\n" + HINT, 2),
        ("iptables -I INPUT -j DNAT --to-destination 1.1.1.1", "iptables v1.8.9 (nf_tables):  RULE_INSERT failed (Invalid argument): rule in chain INPUT\n", 4),
        ("iptables -A MINE -j MINE", "iptables v1.8.9 (nf_tables):  RULE_APPEND failed (Too many links): rule in chain MINE\n", 4),
        ("iptables -N LOG", "iptables v1.8.9 (nf_tables): chain name may not clash with target name\n" + HINT, 2),
        ("iptables -P INPUT MAYBE", "iptables: Bad policy name. Run `dmesg' for more information.\n", 1),
        (
            "iptables -t nat -A POSTROUTING -j DROP",
            'iptables v1.8.9 (nf_tables): \nThe "nat" table is not intended for filtering, the use of DROP is therefore inhibited.\n\n\n' + HINT,
            2,
        ),
        ("iptables -t nope -L", "iptables v1.8.9 (nf_tables): table 'nope' does not exist\nPerhaps iptables or your kernel needs to be upgraded.\n", 3),
    ],
)
def test_a_refusal_is_written_as_iptables_writes_it(command: str, text: str, status: int) -> None:
    assert say(command) == (text, status)


@pytest.mark.parametrize(
    ("document", "text", "status"),
    [
        ("*filter\n-A INPUT --nope\nCOMMIT\n", 'iptables-restore v1.8.9 (nf_tables): unknown option "--nope"\nError occurred at line: 2\n' + RESTORE_HINT, 2),
        (
            "*filter\n-A INPUT -j NOPE\nCOMMIT\n",
            "iptables-restore v1.8.9 (nf_tables): Chain 'NOPE' does not exist\nError occurred at line: 3\n" + RESTORE_HINT,
            2,
        ),
        ("*filter\n-A NOPE -j DROP\nCOMMIT\n", "iptables-restore: line 2 failed: No chain/target/match by that name.\n", 1),
        (
            "*nat\n-A POSTROUTING -j REDIRECT\nCOMMIT\n",
            "iptables-restore v1.8.9 (nf_tables): \nline 2: RULE_APPEND failed (Invalid argument): rule in chain POSTROUTING\n",
            4,
        ),
        ("*filter\n-A INPUT -j ACCEPT\n", "iptables-restore: COMMIT expected at line 3\n", 1),
        ("-A INPUT -j ACCEPT\n", "iptables-restore: line 1 failed\n", 1),
    ],
)
def test_a_text_that_does_not_load_is_refused_as_iptables_restore_does(document: str, text: str, status: int) -> None:
    assert say("iptables-restore", document) == (text, status)


@pytest.mark.parametrize(
    ("command", "text"),
    [
        ("iptables -A INPUT -m set --match-set x src", "emu: not emulated: iptables -m set\n"),
        ("iptables -A INPUT -m owner --uid-owner 0", "emu: not emulated: iptables -m owner\n"),
        ("iptables -t mangle -A PREROUTING -p tcp -j TPROXY --on-port 1", "emu: not emulated: iptables -j TPROXY\n"),
        ("iptables -A INPUT -j NFQUEUE", "emu: not emulated: iptables -j NFQUEUE\n"),
    ],
)
def test_what_linux_has_and_this_has_not_is_named(command: str, text: str) -> None:
    err, status = say(command)
    assert (err, status != 0) == (text, True)
