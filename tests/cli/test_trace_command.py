"""`emu trace` as it is typed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from emu.cli import main
from tests.lab.ask.test_question import APP


@pytest.fixture
def app(tmp_path: Path) -> str:
    (tmp_path / "app.yaml").write_text(APP)
    return str(tmp_path / "app.yaml")


def test_delivered(app: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["trace", "-f", app, "client", "svc/web", "--path", "/hostname", "--captures", str(tmp_path / "caps")]) == 0
    out = capsys.readouterr().out
    assert "DNAT" in out
    assert out.rstrip().splitlines()[-1].startswith("web-")  # the answer's body
    assert (tmp_path / "caps" / "client.eth0.pcap").stat().st_size > 24


def test_not_delivered(app: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["trace", "-f", app, "client", "svc/typo", "--quiet"]) == 1
    captured = capsys.readouterr()
    assert captured.out.splitlines()[-1] == "What to change: make the selector and the pods' labels agree"
    assert 'emu: note: after two minutes not ready: Pod "default/sick"' in captured.err


def test_json(app: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["trace", "-f", app, "client", "svc/typo", "--json"]) == 1
    data = json.loads(capsys.readouterr().out)
    assert (data["delivered"], data["protocol"], data["port"]) == (False, "tcp", 80)
    assert data["reason"].startswith("Service default/typo has no ready endpoints")
    assert data["trace"]["hops"]


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["client", "svc/none"], 'emu: Service "default/none" not found; there are'),
        (["client", "svc/web", "--path", "x"], "emu: --path 'x' does not begin with /"),
        (["client"], "emu: the following arguments are required: TO[:PORT] (see emu trace --help)"),
        (["-f", "missing.yaml", "client", "svc/web"], "emu: missing.yaml: No such file or directory"),
    ],
)
def test_bad_usage(app: str, words: list[str], complaint: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["trace", "-f", app, *words]) == 2
    assert complaint in capsys.readouterr().err


def test_a_bad_manifest_is_told_with_its_place(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bad = tmp_path / "bad.yaml"
    bad.write_text("apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {ports: [{port: 70000}]}\n")
    assert main(["trace", "-f", str(bad), "client", "svc/web"]) == 2
    err = capsys.readouterr().err
    assert err == (
        f'emu: {bad}: document 1 (line 1): Service "default/web": spec.ports[0].port: Invalid value: 70000: must be between 1 and 65535, inclusive\n'
    )
