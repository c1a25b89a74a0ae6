"""A parity script's directives."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.parity.script import Expectation, ScriptError, load

HEAD = "# Something.\n# expect: status 0\n# expect: output fine\n"


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "subject.sh"
    path.write_text(text)
    return path


def test_directives_are_read(tmp_path: Path) -> None:
    text = "# On.\n# expect: status 3\n# expect: no output Unreachable\n# expect: red.eth0 tx arp who-has = 2\n"
    script = load(write(tmp_path, text + "# quick\n# gotcha: 13\n# needs: socat conntrack\n# keep: ipv6\ntrue\n"))
    assert script.expectations == [
        Expectation("status 3", "status", "3"),
        Expectation("no output Unreachable", "no output", "Unreachable"),
        Expectation("red.eth0 tx arp who-has = 2", "frame", "arp who-has", "red.eth0", "tx", 2),
    ]
    assert (script.name, script.quick, script.gotchas, script.needs, script.keep) == ("subject", True, ["13"], ["socat", "conntrack"], ["ipv6"])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("# expect: output x\n", "no `# expect: status N`"),
        ("# expect: status 0\n", "says only what its exit status is"),
        (HEAD + "# expect: red tx arp\n", r"subject\.sh:4: 'red' is no device"),
        (HEAD + "# expect: red.eth0 arp\n", r"subject\.sh:4: not understood"),
        (HEAD + "# expect: output (\n", r"subject\.sh:4: '\(': missing \)"),
        (HEAD + "# keep: warm\n", r"subject\.sh:4: cannot keep 'warm'"),
    ],
)
def test_what_cannot_be_judged_is_said(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ScriptError, match=said):
        load(write(tmp_path, text))


def test_the_checksum_is_of_what_the_script_does(tmp_path: Path) -> None:
    plain = load(write(tmp_path, HEAD + "ip link\n")).checksum
    assert load(write(tmp_path, HEAD + "# expect: output more\n\n   # a remark\nip link\n")).checksum == plain
    assert load(write(tmp_path, HEAD + "ip addr\n")).checksum != plain
    assert load(write(tmp_path, HEAD + "# keep: ipv6\nip link\n")).checksum != plain


def test_numbers_and_macs_that_it_writes_out(tmp_path: Path) -> None:
    script = load(write(tmp_path, HEAD + "# 9999\nnc 10.0.0.254 8080; ip link set x address 02:00:00:00:00:AA mtu 1400; iptables --dport 5000:5010\n"))
    assert {8080, 1400, 5000, 5010} <= script.numbers
    assert not {254, 9999} & script.numbers
    assert script.macs == {"02:00:00:00:00:aa"}
