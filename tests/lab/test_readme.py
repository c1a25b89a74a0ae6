"""The page-long example of the README runs as it stands there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from emu.pcap.reader import CaptureReader

README = Path(__file__).parents[2] / "README.md"


def example(section: str = "From Python") -> str:
    """The first code of a section."""
    found = re.search(rf"^## {section}\n.*?^```python\n(.*?)^```$", README.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    assert found is not None
    return found[1]


def test_the_example_runs_and_says_what_it_promises(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    exec(compile(example(), str(README), "exec"), {"__name__": "__main__"})
    said = capsys.readouterr().out
    assert "client: ping 10.244.2.2" in said
    assert "ICMP echo reply" in said  # in the hop table
    assert "default via 10.244.1.1 dev eth0" in said  # trace.steps("route")
    assert re.search(r"^200 web-[0-3]$", said, re.MULTILINE)
    assert "<veth client.eth0> tx Ether / IP / UDP" in said  # the tap
    assert "-A KUBE-SERVICES" in said
    assert "10.244.2.0/24 via 192.168.0.3 dev eth0" in said
    assert "192.168.0.3 dev eth0 lladdr" in said
    assert re.search(r"dev veth\w+ master cbr0", said)
    assert "[ASSURED]" in said


def test_its_captures_can_be_read_and_hold_what_it_did(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    exec(compile(example(), str(README), "exec"), {"__name__": "__main__"})
    folder = tmp_path / "captures" / "mine"
    names = sorted(path.name for path in folder.iterdir())
    for expected in ("all.pcapng", "client.eth0.pcap", "web-0.eth0.pcap", "node1.eth0.pcap", "node1.cbr0.pcap", "switch.p3.pcap"):
        assert expected in names
    assert any(b"by hand" in record.data for record in CaptureReader(folder / "client.eth0.pcap"))
    comments = [record.comment for record in CaptureReader(folder / "all.pcapng")]
    assert any("DNAT" in comment for comment in comments)


@pytest.mark.parametrize(("section", "said"), [("Manifests", "dropped: True"), ("Plugins of one's own", "ICMP echo reply")])
def test_the_short_examples_run_too(section: str, said: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(README.parent)
    exec(compile(example(section), str(README), "exec"), {"__name__": "__main__"})
    assert said in capsys.readouterr().out
