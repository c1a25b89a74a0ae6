"""`kubectl get`."""

from __future__ import annotations

import json
from typing import Any

import yaml

from emu.k8s.manifest.encode import encode
from emu.k8s.objects import KubernetesError
from emu.shell.kubectl.columns import table
from emu.shell.kubectl.jsonpath import evaluate
from emu.shell.kubectl.resources import ALL, find, full_name, is_namespaced, kind_of, listed
from emu.shell.kubectl.session import Verb


async def get(verb: Verb) -> int:
    """Lists and single objects, in every form."""
    groups = _groups(verb)
    output = verb.words.get("output")
    things = [thing for _, found, _ in groups for thing in found]
    if output in ("", "wide"):
        return _tables(verb, groups, output == "wide")
    single = len(groups) == 1 and groups[0][2] and len(things) == 1
    if output == "name":
        for thing in things:
            verb.say(full_name(thing.kind, thing.name))
        return 0
    encoded = [encode(thing, verb.api) for thing in things]
    value: Any = encoded[0] if single else {"apiVersion": "v1", "kind": "List", "items": encoded, "metadata": {"resourceVersion": ""}}
    if output == "yaml":
        verb.output.write(yaml.safe_dump(value, sort_keys=False).encode())
    elif output == "json":
        verb.say(json.dumps(value, indent=4))
    elif output.startswith("jsonpath="):
        verb.output.write(evaluate(output.removeprefix("jsonpath="), value).encode())
    elif output.startswith("custom-columns="):
        _custom(verb, output.removeprefix("custom-columns="), encoded)
    else:
        raise KubernetesError(f'error: unable to match a printer suitable for the output format "{output}", allowed formats are: '
                              "custom-columns,json,jsonpath,name,wide,yaml")  # fmt: skip
    return 0


def _groups(verb: Verb) -> list[tuple[str, list[Any], bool]]:
    """(kind, objects, whether they were named) for every resource asked for."""
    words = verb.words.rest
    everywhere = verb.words.has("all-namespaces")
    if not words:
        raise KubernetesError("You must specify the type of resource to get. Use \"kubectl api-resources\" for a complete list of supported resources.\n\n"
                              "error: Required resource not specified.")  # fmt: skip
    if "/" in words[0]:
        return [(kind, [thing], True) for kind, thing in verb.picked(words)]
    kinds = [kind for word in words[0].split(",") for kind in (ALL if word == "all" else (kind_of(word),))]
    if len(words) > 1:
        return [(kind, [_named(verb, kind, name) for name in words[1:]], True) for kind in kinds]
    groups = []
    for kind in kinds:
        stored = "Service" if kind == "Endpoints" else kind  # there is an Endpoints object for every Service
        space = None if everywhere or not is_namespaced(kind) else verb.namespace
        groups.append((kind, listed(verb.api, stored, space, verb.selector()), False))
    return groups


def _named(verb: Verb, kind: str, name: str) -> Any:
    return find(verb.api, "Service" if kind == "Endpoints" else kind, name, verb.namespace)


def _tables(verb: Verb, groups: list[tuple[str, list[Any], bool]], wide: bool) -> int:
    everywhere = verb.words.has("all-namespaces")
    shown = [(kind, things) for kind, things, _ in groups if things]
    if not shown:
        if not verb.words.has("ignore-not-found"):
            verb.warn("No resources found" if everywhere else f"No resources found in {verb.namespace} namespace.")
        return 0
    texts = []
    for kind, things in shown:
        texts.append(
            table(
                kind,
                things,
                verb.api,
                wide,
                everywhere and is_namespaced(kind),
                verb.words.has("show-labels"),
                not verb.words.has("no-headers"),
                len(shown) > 1,
            )
        )
    verb.output.write("\n".join(texts).encode())
    return 0


def _custom(verb: Verb, text: str, encoded: list[dict[str, Any]]) -> None:
    columns = [column.partition(":") for column in text.split(",")]
    if not all(path for _, _, path in columns):
        raise KubernetesError("error: expected <header>:<json-path-expr>")
    rows = [[name for name, _, _ in columns]]
    rows += [[evaluate("{" + path + "}", value) or "<none>" for _, _, path in columns] for value in encoded]
    widths = [max(len(row[index]) for row in rows) for index in range(len(columns))]
    for row in rows:
        verb.say("   ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
