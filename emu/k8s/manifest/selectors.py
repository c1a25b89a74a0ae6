"""LabelSelectors of manifests."""

from __future__ import annotations

from emu.k8s.manifest.fields import Fields
from emu.k8s.objects import LabelSelector, Requirement

OPERATORS = ("In", "NotIn", "Exists", "DoesNotExist")


def selector(fields: Fields) -> LabelSelector:
    """meta/v1 LabelSelector."""
    requirements = []
    for item in fields.items("matchExpressions"):
        key = item.required("key")
        item.check_label_key("key", key)
        operator = item.choice("operator", OPERATORS)
        values = item.texts("values")
        if operator in ("In", "NotIn") and not values:
            item.fail("values", "Required value: must be specified when `operator` is 'In' or 'NotIn'")
        if operator in ("Exists", "DoesNotExist") and values:
            item.fail("values", "Forbidden: may not be specified when `operator` is 'Exists' or 'DoesNotExist'")
        requirements.append(Requirement(key, operator, values))
    return LabelSelector(fields.labels("matchLabels"), tuple(requirements))
