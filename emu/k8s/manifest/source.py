"""Where manifests come from: files, folders, standard input."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from emu.k8s.manifest.loader import load
from emu.k8s.objects import KubernetesError

SUFFIXES = (".yaml", ".yml", ".json")
MAX_BYTES = 256 << 20


@dataclass(slots=True, frozen=True)
class Document:
    """One document of a file. `where`: what error messages call it."""

    where: str
    value: Any


def read(paths: Iterable[str | Path], stdin: Callable[[], str] | None = None) -> Iterator[Document]:
    """Every document of the files, in order; a folder gives its .yaml, .yml and .json files by name, `-` what `stdin()` returns.

    Raises KubernetesError naming what cannot be read.
    """
    for path in paths:
        if str(path) == "-":
            if stdin is None:
                raise KubernetesError("-: there is no standard input to read manifests from")
            yield from documents(stdin(), "standard input")
            continue
        for file in _files(Path(path)):
            yield from documents(_text(file), str(file))


def documents(text: str, name: str) -> Iterator[Document]:
    """The documents of one text; lists (`kind: List`) are opened."""
    for number, line, value in load(text, name):
        where = f"{name}: document {number} (line {line})"
        yield from _opened(value, where)


def _opened(value: Any, where: str) -> Iterator[Document]:
    if not isinstance(value, dict):
        raise KubernetesError(f"{where}: a manifest is a mapping with apiVersion and kind, this is {describe(value)}")
    kind = value.get("kind")
    if isinstance(kind, str) and kind.endswith("List") and isinstance(value.get("items"), list):
        for index, item in enumerate(value["items"]):
            yield from _opened(item, f"{where}: items[{index}]")
    else:
        yield Document(where, value)


def _files(path: Path) -> list[Path]:
    try:
        if path.is_dir():
            found = sorted(file for file in path.iterdir() if file.suffix in SUFFIXES and file.is_file())
            if not found:
                raise KubernetesError(f"{path}: the folder holds no {', '.join(SUFFIXES)} file")
            return found
        return [path]
    except (OSError, ValueError) as error:
        if isinstance(error, KubernetesError):
            raise
        raise KubernetesError(f"{str(path)[:200]!r}: {getattr(error, 'strerror', None) or error}") from None


def _text(file: Path) -> str:
    try:
        size = file.stat().st_size
        if size > MAX_BYTES:
            raise KubernetesError(f"{file}: {size:,} bytes are more than a manifest may have ({MAX_BYTES:,})")
        return file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise KubernetesError(f"{file}: byte {error.start}: not UTF-8") from None
    except (OSError, ValueError) as error:
        if isinstance(error, KubernetesError):
            raise
        raise KubernetesError(f"{str(file)[:200]}: {getattr(error, 'strerror', None) or error}") from None


def describe(value: Any) -> str:
    """A value in a few words, however big it is."""
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    if value is None:
        return "nothing"
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
