"""YAML as kubectl reads it, and texts that mean harm."""

from __future__ import annotations

import math

import pytest

from emu.k8s.manifest.loader import load
from emu.k8s.objects import KubernetesError


def values(text: str) -> list[object]:
    return [value for _, _, value in load(text, "f.yaml")]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("80", 80), ("-7", -7), ("0644", 0o644), ("0o17", 0o17), ("0x1F", 31), ("1_000", 1000), ("1.5", 1.5), ("1e3", 1000.0), (".inf", math.inf),
        ("yes", True), ("Off", False), ("y", "y"), ("~", None), ("", None), ("null", None), ("'80'", "80"), ('"yes"', "yes"), ("!!str 80", "80"),
        ("2020-01-01", "2020-01-01"), ("1:30", "1:30"), ("10.0.0.1", "10.0.0.1"), ("1.2.3", "1.2.3"), ("0b", "0b"), ("09", "09"), ("!!float 3", 3.0),
    ],
)  # fmt: skip
def test_scalar(text: str, value: object) -> None:
    assert values(f"a: {text}") == [{"a": value}]
    assert type(values(f"a: {text}")[0]["a"]) is type(value)  # type: ignore[index]


def test_documents_know_their_number_and_line() -> None:
    text = "a: 1\n---\n# nothing\n---\nb: 2\n...\n---\n- c\n"
    assert list(load(text, "f")) == [(1, 1, {"a": 1}), (3, 5, {"b": 2}), (4, 8, ["c"])]


def test_aliases_and_merges() -> None:
    assert values("base: &b {x: 1, y: 2}\nmore:\n  <<: *b\n  y: 3\nboth: {<<: [*b, {z: 4}]}") == [
        {"base": {"x": 1, "y": 2}, "more": {"x": 1, "y": 3}, "both": {"x": 1, "y": 2, "z": 4}}
    ]


def test_keys_are_texts() -> None:
    assert values("80: a\ntrue: b\n1.5: c") == [{"80": "a", "true": "b", "1.5": "c"}]


def test_json_and_what_only_looks_like_it() -> None:
    assert values('{"a": [1, "x", null]}') == [{"a": [1, "x", None]}]
    assert values("{a: 1}") == [{"a": 1}]


BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(f"{chr(98 + i)}: &{chr(98 + i)} [{','.join(['*' + chr(97 + i)] * 9)}]\n" for i in range(12))


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (BOMB, "line 8: its aliases stand for more than 10,000,000 values"),
        ("[" * 5000, "line 1: nested more than 100 deep"),
        ("- " * 200_000, "line 1: nested more than 100 deep"),
        ("a: " + "{b: " * 5000, "line 1: nested more than 100 deep"),
        ('{"a":' * 100_000, "nested more than 100 deep"),
        ("- &a [*a]", "line 1: the alias *a names nothing before it"),
        ("a: 1\nb: 2\na: 3", "line 3: the key 'a' is there twice"),
        ('{"a": 1, "a": 2}', "the key 'a' is there twice"),
        ("a: [1", "did not find expected ',' or ']'"),
        ("a:\n\t- b", "line 2: found character that cannot start any token"),
        ("? [a]\n: b", "line 1: a key must be text"),
        ("a: !!python/object/apply:os.system ['x']", "line 1: tag:yaml.org,2002:python/object/apply:os.system is not allowed in a manifest"),
        ("a: !!python/name:os.system x", "line 1: 'x' as tag:yaml.org,2002:python/name:os.system is not allowed in a manifest"),
        ("a: !!int x", "line 1: 'x' as tag:yaml.org,2002:int is not allowed in a manifest"),
        ("<<: 3", "<< merges mappings only"),
        ("a: \x00", "unacceptable character"),
        (f"a: '{'x' * 5_000_000}'", "line 1: a text of 5,000,000 characters"),
    ],
    ids=range(17),
)
def test_refused(text: str, complaint: str) -> None:
    with pytest.raises(KubernetesError, match=r"^f\.yaml: ") as caught:
        values(text)
    assert complaint in str(caught.value)
    assert len(str(caught.value)) < 200
