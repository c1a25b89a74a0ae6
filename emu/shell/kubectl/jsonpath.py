"""`-o jsonpath=...`: the part of kubectl's template language that scripts use: fields, indexes, `[*]`, filters by equality, range, text."""

from __future__ import annotations

import json
import re
from typing import Any

from emu.k8s.objects import KubernetesError

_STEP = re.compile(
    r"\.(?P<name>(?:\\.|[\w-])+)|\[(?P<index>-?\d+)\]|\[(?P<slice>-?\d*:-?\d*)\]|(?P<all>\[\*\]|\.\*)|\['(?P<quoted>[^']+)'\]"
    r"|\[\?\(@(?P<path>[\w.\\-]+)\s*(?P<op>==|!=)\s*(?P<quote>[\"']?)(?P<value>[^\"')]*)(?P=quote)\)\]"
)


def evaluate(template: str, value: Any) -> str:
    """What the template makes of a value. Raises KubernetesError for what is not understood."""
    return _text(_parse(template), value)


def _parse(template: str) -> list[tuple[str, Any]]:
    """(`text`, what), (`path`, expression) or (`range`, (expression, body))."""
    parts = re.split(r"(\{[^}]*\})", template)
    stack: list[list[tuple[str, Any]]] = [[]]
    heads: list[str] = []
    for part in parts:
        if not part.startswith("{"):
            if part:
                stack[-1].append(("text", part))
            continue
        inner = part[1:-1].strip()
        if inner.startswith("range "):
            heads.append(inner[6:].strip())
            stack.append([])
        elif inner == "end":
            if not heads:
                raise KubernetesError("error: error parsing jsonpath: not in range, nothing to end")
            body = stack.pop()
            stack[-1].append(("range", (heads.pop(), body)))
        elif len(inner) > 1 and inner[0] in "\"'" and inner[-1] == inner[0]:
            stack[-1].append(("text", inner[1:-1].encode().decode("unicode_escape")))
        else:
            stack[-1].append(("path", inner))
    if heads:
        raise KubernetesError("error: error parsing jsonpath: unclosed range")
    return stack[0]


def _text(parts: list[tuple[str, Any]], value: Any) -> str:
    out = ""
    for kind, what in parts:
        if kind == "text":
            out += what
        elif kind == "path":
            out += " ".join(_shown(found) for found in _walk(what, value))
        else:
            expression, body = what
            out += "".join(_text(body, found) for found in _walk(expression, value))
    return out


def _walk(expression: str, value: Any) -> list[Any]:
    path = expression.removeprefix("$").removeprefix("@")
    if path and path[0] not in ".[":
        path = f".{path}"
    found = [value]
    at = 0
    while at < len(path):
        match = _STEP.match(path, at)
        if match is None:
            if path[at:] == ".":
                break
            raise KubernetesError(f"error: error parsing jsonpath {{{expression}}}: not understood here: {path[at:]!r}")
        at = match.end()
        found = [each for one in found for each in _step(match, one)]
    return found


def _step(match: re.Match[str], value: Any) -> list[Any]:
    name = match["name"] or match["quoted"]
    if name is not None:
        name = name.replace("\\", "")
        return [value[name]] if isinstance(value, dict) and name in value else []
    items = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []
    if match["all"]:
        return list(items)
    if match["index"] is not None:
        index = int(match["index"])
        return [items[index]] if -len(items) <= index < len(items) else []
    if match["slice"] is not None:
        first, _, last = match["slice"].partition(":")
        return items[int(first) if first else None : int(last) if last else None]
    wanted, equal = match["value"], match["op"] == "=="
    return [each for each in items if any(_shown(inner) == wanted for inner in _walk(match["path"], each)) == equal]


def _shown(value: Any) -> str:
    if isinstance(value, str):
        return value
    return json.dumps(value, separators=(",", ":"))
