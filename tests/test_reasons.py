"""Drop reasons: each that the code names is described, and each that it can give is reached by some test."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from emu.trace.reasons import REASONS
from tests.conftest import reached_reasons, run_is_whole

EMU = Path(__file__).parents[1] / "emu"


def given(call: ast.Call) -> ast.expr | None:
    """The reason that a call of `ns.drop(skb, reason, ...)` or `ns.drop_frame(frame, reason, ...)` gives."""
    name = call.func.attr if isinstance(call.func, ast.Attribute) else ""
    return call.args[1] if name in ("drop", "drop_frame") and len(call.args) >= 2 else None


def texts(path: Path) -> dict[str, int]:
    """String constants of a file, and their lines."""
    nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    return {node.value: node.lineno for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}


def sources() -> list[Path]:
    return sorted(path for package in ("net", "fabric", "aio", "lab") for path in (EMU / package).rglob("*.py"))


def test_every_reason_that_is_given_is_known() -> None:
    unknown = []
    for path in sources():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            reason = given(node) if isinstance(node, ast.Call) else None
            if isinstance(reason, ast.Constant) and reason.value not in REASONS:
                unknown.append(f"{path.relative_to(EMU.parent)}:{reason.lineno}: {reason.value}")
    assert unknown == []


def possible_reasons() -> dict[str, str]:
    """Reasons that the code names, and where."""
    return {text: f"{path.relative_to(EMU.parent)}:{line}" for path in sources() for text, line in texts(path).items() if text in REASONS}


def test_no_reason_is_described_in_vain() -> None:
    assert sorted(REASONS) == sorted(possible_reasons())


def test_reasons_have_a_description_and_the_emulators_own_a_prefix() -> None:
    assert all(text and name.isupper() for name, text in REASONS.items())
    assert len([name for name in REASONS if name.startswith("EMU_")]) >= 2


def test_every_reason_that_can_be_given_is_reached(request: pytest.FixtureRequest) -> None:
    """Runs last, see conftest.py."""
    if not run_is_whole(request.config):
        pytest.skip("only a run of all tests reaches all drop reasons")
    assert {reason: where for reason, where in possible_reasons().items() if reason not in reached_reasons} == {}
