"""Label selectors (Kubernetes API meta/v1 LabelSelector)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


def matches(selector: Mapping[str, str] | None, labels: Mapping[str, str]) -> bool:
    """Whether an equality selector selects these labels; an empty or missing one selects nothing, as in a Service."""
    return bool(selector) and all(labels.get(key) == value for key, value in (selector or {}).items())


@dataclass(slots=True, frozen=True)
class Requirement:
    """One of matchExpressions. `operator`: In, NotIn, Exists, DoesNotExist."""

    key: str
    operator: str
    values: tuple[str, ...] = ()

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether these labels fulfil it."""
        if self.operator == "Exists":
            return self.key in labels
        if self.operator == "DoesNotExist":
            return self.key not in labels
        if self.operator == "In":
            return self.key in labels and labels[self.key] in self.values
        # Lacking the label is as good as another value of it (labels.Requirement.Matches).
        return labels.get(self.key) not in self.values

    def __str__(self) -> str:
        if self.operator in ("In", "NotIn"):
            return f"{self.key} {'in' if self.operator == 'In' else 'notin'} ({','.join(self.values)})"
        return self.key if self.operator == "Exists" else f"!{self.key}"


@dataclass(slots=True, frozen=True)
class LabelSelector:
    """Both parts must hold; an empty selector selects everything."""

    match_labels: dict[str, str] = field(default_factory=dict)
    match_expressions: tuple[Requirement, ...] = ()

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether these labels are selected."""
        return all(labels.get(key) == value for key, value in self.match_labels.items()) and all(
            requirement.matches(labels) for requirement in self.match_expressions
        )

    def __bool__(self) -> bool:
        return bool(self.match_labels or self.match_expressions)

    def __str__(self) -> str:
        words = [f"{key}={value}" for key, value in self.match_labels.items()] + [str(requirement) for requirement in self.match_expressions]
        return ",".join(words) or "<all>"
