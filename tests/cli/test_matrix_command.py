"""`emu matrix` as it is typed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from emu.cli import main

APP = """
apiVersion: v1
kind: Pod
metadata: {name: a, labels: {app: a}}
spec: {containers: [{name: web, image: nginx, ports: [{containerPort: 80, name: http}]}]}
---
apiVersion: v1
kind: Pod
metadata: {name: b, labels: {app: b}}
spec: {containers: [{name: web, image: nginx, ports: [{containerPort: 80, name: http}]}]}
---
apiVersion: v1
kind: Pod
metadata: {name: idle}
spec: {containers: [{name: c, image: busybox}]}
---
apiVersion: v1
kind: Service
metadata: {name: a}
spec: {selector: {app: a}, ports: [{port: 8000, targetPort: http}]}
"""
POLICY = """
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: guard}
spec: {podSelector: {matchLabels: {app: a}}, ingress: [{from: [{podSelector: {matchLabels: {app: b}}}]}]}
"""


@pytest.fixture
def files(tmp_path: Path) -> dict[str, str]:
    for name, text in (("open", APP), ("guarded", APP + POLICY)):
        (tmp_path / f"{name}.yaml").write_text(text)
    return {name: str(tmp_path / f"{name}.yaml") for name in ("open", "guarded")}


def cells(out: str) -> dict[tuple[str, str], bool | None]:
    return {(cell["from"], cell["to"]): cell["reached"] for cell in json.loads(out)["cells"]}


def test_everything_is_reached_without_policies(files: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["matrix", "-f", files["open"]]) == 0
    out = capsys.readouterr().out
    assert out.splitlines()[-1] == "7 of 7 reached"
    assert "✗" not in out


def test_a_policy_says_no(files: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["matrix", "-f", files["guarded"], "--json"]) == 1
    assert cells(capsys.readouterr().out) == {
        ("default/a", "default/a:80"): None, ("default/a", "default/b:80"): True, ("default/a", "svc default/a:8000"): True,  # oneself, always
        ("default/b", "default/a:80"): True, ("default/b", "default/b:80"): None, ("default/b", "svc default/a:8000"): True,
        ("default/idle", "default/a:80"): False, ("default/idle", "default/b:80"): True, ("default/idle", "svc default/a:8000"): False,
    }  # fmt: skip


def test_a_reason_is_told_once(files: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["matrix", "-f", files["guarded"]]) == 1
    out = " ".join(capsys.readouterr().out.split())
    assert out.count("NetworkPolicy default/guard isolates pod default/a for ingress") == 1
    assert "[default/idle → default/a:80, default/idle → svc default/a:8000]" in out
    assert out.endswith("5 of 7 reached")


def test_more_processes_find_the_same(files: dict[str, str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    main(["matrix", "-f", files["guarded"], "--json"])
    alone = capsys.readouterr().out
    monkeypatch.setattr("emu.cli.matrix.FEW", 0)
    main(["matrix", "-f", files["guarded"], "--json"])
    assert cells(capsys.readouterr().out) == cells(alone)


@pytest.mark.parametrize(
    ("words", "complaint"), [(["--port", "9999x"], "emu: no pod declares a port 9999x, and no Service has one: there is nothing to reach")]
)
def test_bad_usage(files: dict[str, str], words: list[str], complaint: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["matrix", "-f", files["open"], *words]) == 2
    assert complaint in capsys.readouterr().err
