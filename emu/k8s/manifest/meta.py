"""What every manifest begins with: apiVersion, kind, metadata."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from emu.k8s.manifest.fields import Fields
from emu.k8s.validation import check_name


@dataclass(slots=True, frozen=True)
class Header:
    """An object's metadata."""

    name: str
    namespace: str
    labels: dict[str, str]
    annotations: dict[str, str]
    manifest: dict[str, Any]

    def meta(self) -> dict[str, Any]:
        """The arguments that every object's constructor takes."""
        return {"annotations": self.annotations, "manifest": self.manifest}


def header(value: dict[str, Any], where: str, kind: str, namespaced: bool, namespace: str, dots: bool = True) -> tuple[Fields, Header]:
    """The document's fields, with the object's name in their `where`, and its header. `namespace`: of objects that give none."""
    metadata = Fields(value, where).mapping("metadata")
    metadata.where = f"{where}: {kind}"
    name = metadata.required("name")
    check_name(f"{where}: {kind}", name, dots)
    space = metadata.text("namespace", namespace) or namespace if namespaced else ""
    if space:
        check_name(f"{where}: {kind} {name!r}: Namespace", space, dots=False)
    fields = Fields(value, f'{where}: {kind} "{space}/{name}"' if space else f'{where}: {kind} "{name}"')
    metadata = fields.mapping("metadata")
    return fields, Header(name, space, metadata.labels("labels"), metadata.annotations("annotations"), value)
