"""File names: nothing leaves the folder, nothing collides, everything can be read back."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emu.pcap.names import Stems, quoted, unquoted

ANY = st.text(st.characters(), max_size=40)  # control characters, slashes, half surrogate pairs


@pytest.mark.parametrize(
    ("namespace", "device", "stem"),
    [
        ("node1", "eth0", "node1.eth0"),
        ("default_web-0", "veth1a2b", "default_web-0.veth1a2b"),
        ("a.b", "eth0.100", "a%2Eb.eth0%2E100"),
        ("../../etc", "passwd", "%2E%2E%2F%2E%2E%2Fetc.passwd"),
        ("", "", "%.%"),
        ("ü", "100%", "%C3%BC.100%25"),
        ("a\0b", "x~2", "a%00b.x%7E2"),
        ("con", "LPT1", "%63on.%4CPT1"),
    ],
)
def test_a_stem_is_the_quoted_namespace_and_device(namespace: str, device: str, stem: str) -> None:
    assert Stems().stem(namespace, device) == stem


def test_names_that_differ_only_in_case_are_told_apart() -> None:
    stems = Stems()
    assert [stems.stem("Web", "eth0"), stems.stem("web", "eth0"), stems.stem("WEB", "eth0")] == ["Web.eth0", "web.eth0~2", "WEB.eth0~3"]
    assert stems.stem("Web", "eth0") == "Web.eth0"  # asked again: the same


def test_a_name_that_ends_in_a_number_cannot_take_the_second_place_of_another() -> None:
    stems = Stems()
    names = [stems.stem("a", "x"), stems.stem("A", "x"), stems.stem("A", "x~2"), stems.stem("a", "X")]
    assert len({name.lower() for name in names}) == 4


def test_long_names_are_cut_and_told_apart() -> None:
    stems = Stems()
    one, two = stems.stem("n" * 300 + "1", "eth0"), stems.stem("n" * 300 + "2", "eth0")
    assert one.endswith("n.eth0")
    assert two == one + "~2"
    assert len(stems.stem("ü" * 300, "ü" * 300)) <= 200


@given(ANY)
def test_quoting_can_be_undone(name: str) -> None:
    assert unquoted(quoted(name)) == name


@given(st.lists(st.tuples(ANY, ANY), unique=True, max_size=20))
def test_every_name_is_one_file_in_the_folder_and_no_two_are_the_same(pairs: list[tuple[str, str]]) -> None:
    stems = Stems()
    found = [stems.stem(namespace, device) for namespace, device in pairs]
    for stem in found:
        assert os.path.basename(stem) == stem
        assert stem.isascii()
        assert stem.isprintable()
        assert not stem.startswith(".")
        assert not stem.endswith(".")
    assert len({stem.lower() for stem in found}) == len(pairs)
