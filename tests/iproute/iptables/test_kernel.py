"""spellings.txt on the real program: the recording is still true; and whole generated rulesets give the same iptables-save there and here."""

from __future__ import annotations

import json
import random
import subprocess
from pathlib import Path

import pytest

from emu.iproute import iptables
from emu.iproute.iptables import IptablesError
from tests.iproute.iptables.node import node, saved, spellings
from tests.iproute.iptables.rulesets import ruleset
from tests.kernel.lab import privately


def real(*command: str, text: str = "") -> tuple[int, str]:
    done = subprocess.run(command, input=text, text=True, capture_output=True, check=False)
    return done.returncode, done.stdout


def play(path: Path, documents: list[str], listed: list[list[str]]) -> list[list[object]]:
    """[status, iptables-save -c, listings] of each document, loaded into an empty namespace."""

    def job() -> None:
        out = []
        for document, commands in zip(documents, listed, strict=True):
            real("nft", "flush", "ruleset")
            status, _ = real("iptables-restore", "-c", text=document)
            out.append([status, real("iptables-save", "-c")[1] if not status else "", [real("iptables", *command.split())[1] for command in commands]])
        path.write_text(json.dumps(out))

    assert privately(job) == 0
    made: list[list[object]] = json.loads(path.read_text())
    return made


@pytest.mark.root
def test_the_recorded_spellings_are_the_programs(tmp_path: Path) -> None:
    cases = spellings()
    outcome = play(tmp_path / "out.json", [case.document() for case in cases], [[] if case.status else [f"-t {case.table} -nL {case.chain}"] for case in cases])
    for case, (status, save, listings) in zip(cases, outcome, strict=True):
        assert status == case.status, case.written
        if not case.status:
            head = f"-A {case.chain}"
            assert [line.partition(head)[2].strip() for line in str(save).splitlines() if line.startswith("[")] == case.saved
            assert isinstance(listings, list)
            assert [line.rstrip() for line in listings[0].splitlines()[2:]] == case.listed


@pytest.mark.root
def test_whole_rulesets_are_saved_as_the_program_saves_them(tmp_path: Path) -> None:
    documents = [ruleset(random.Random(seed)) for seed in range(15)]
    refused = 0
    listings = ["-nvL", "-t nat -L", "-t mangle -S"]
    for document, (status, save, listed) in zip(documents, play(tmp_path / "out.json", documents, [listings] * len(documents)), strict=True):
        ns = node()
        try:
            iptables.restore(ns, document, counters=True)
        except IptablesError as error:
            assert error.status == status, (document, str(error))
            refused += 1
            continue
        assert status == 0, document
        assert saved(ns, counters=True) == [line for line in str(save).splitlines() if not line.startswith("#")], document
        assert [iptables.command(ns, command.split()) for command in listings] == listed, document
        again = node()
        iptables.restore(again, str(save), counters=True)
        assert saved(again, counters=True) == saved(ns, counters=True)
    assert refused < 10
