"""Files, folders, standard input, lists."""

from __future__ import annotations

from pathlib import Path

import pytest

from emu.k8s.manifest.source import Document, documents, read
from emu.k8s.objects import KubernetesError


def test_a_folder_gives_its_manifests_by_name(tmp_path: Path) -> None:
    (tmp_path / "b.yaml").write_text("b: 1\n---\nb: 2\n")
    (tmp_path / "a.json").write_text('{"a": 1}')
    (tmp_path / "notes.txt").write_text("not: read")
    (tmp_path / "deeper.yaml").mkdir()
    assert [document.value for document in read([tmp_path])] == [{"a": 1}, {"b": 1}, {"b": 2}]


def test_standard_input() -> None:
    assert list(read(["-"], lambda: "a: 1")) == [Document("standard input: document 1 (line 1)", {"a": 1})]


def test_lists_are_opened() -> None:
    text = "kind: List\nitems:\n- {kind: Pod}\n- kind: ServiceList\n  items: [{kind: Service}]\n"
    assert [(document.where, document.value["kind"]) for document in documents(text, "f")] == [
        ("f: document 1 (line 1): items[0]", "Pod"),
        ("f: document 1 (line 1): items[1]: items[0]", "Service"),
    ]


def test_what_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "latin.yaml").write_bytes(b"a: \xe9\n")
    (tmp_path / "empty").mkdir()
    for path, complaint in (
        ("missing.yaml", "No such file or directory"),
        ("latin.yaml", "byte 3: not UTF-8"),
        ("empty", "the folder holds no .yaml, .yml, .json file"),
        ("a\0b", "null"),
    ):
        with pytest.raises(KubernetesError, match=complaint) as caught:
            list(read([tmp_path / path]))
        assert path.split("\0")[0] in str(caught.value)
    with pytest.raises(KubernetesError, match=r"^f: document 1 \(line 1\): a manifest is a mapping with apiVersion and kind, this is a list"):
        list(documents("- a", "f"))
