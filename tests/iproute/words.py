"""`ip` and `sysctl` command lines as the emulator's functions, for tests that replay what was typed on a real Linux."""

from __future__ import annotations

import shlex
from typing import Any

from emu.iproute import addr, link, route, rule, sysctl
from emu.net.netns import Namespace, NetError

NUMBERS = ("metric", "tos", "mtu", "mark")
KINDS = ("unreachable", "blackhole", "prohibit", "throw", "local", "broadcast")
RENAMED = {"from": "src", "to": "dst", "pref": "priority", "lookup": "table"}


def run(ns: Namespace, line: str) -> str:
    """Run one line; returns what it prints, or the error's text."""
    words = shlex.split(line)
    try:
        if words[:2] == ["ip", "route"]:
            return _route(ns, words[2], words[3:])
        if words[:2] == ["ip", "addr"]:
            return _addr(ns, words[2], words[3:])
        if words[:2] == ["ip", "rule"]:
            return _rule(ns, words[2], words[3:])
        if words[:3] == ["ip", "link", "set"]:
            (link.set_up if words[4] == "up" else link.set_down)(ns, words[3])
            return ""
        if words[0] == "sysctl":
            return _sysctl(ns, words[1:])
    except NetError as error:
        return f"{error.strerror}\n"
    raise AssertionError(line)


def _pairs(words: list[str]) -> dict[str, Any]:
    options: dict[str, Any] = {}
    while words:
        word = words.pop(0)
        if word == "onlink":
            options[word] = True
        else:
            value = words.pop(0)
            options[word] = int(value, 0) if word in NUMBERS else value
    return options


def _route(ns: Namespace, verb: str, words: list[str]) -> str:
    if verb == "show":
        return route.show(ns, **_pairs(words))
    if verb == "get":
        options = _pairs(words[1:])
        return route.get(ns, words[0], **{RENAMED.get(key, key): value for key, value in options.items()})
    kind = {"type": words.pop(0)} if words[0] in KINDS else {}
    prefix, options = words[0], _pairs(words[1:])
    if verb == "del":
        route.delete(ns, prefix, **kind, **options)
    else:
        route.add(ns, prefix, mode=verb, **kind, **options)
    return ""


def _addr(ns: Namespace, verb: str, words: list[str]) -> str:
    if verb == "show":
        return addr.show(ns, words[1])
    if verb == "flush":
        addr.flush(ns, words[1])
        return ""
    options = _pairs(words[1:])
    dev = options.pop("dev")
    if verb == "add":
        addr.add(ns, dev, words[0], **options)
    else:
        addr.delete(ns, dev, words[0])
    return ""


def _rule(ns: Namespace, verb: str, words: list[str]) -> str:
    if verb == "show":
        return rule.show(ns)
    options: dict[str, Any] = {}
    if words[-1] in ("prohibit", "unreachable", "blackhole"):
        options["action"] = words.pop()
    options |= {RENAMED.get(key, key): int(value) if key == "pref" else value for key, value in _pairs(words).items()}
    (rule.add if verb == "add" else rule.delete)(ns, **options)
    return ""


def _sysctl(ns: Namespace, words: list[str]) -> str:
    if words[0] in ("-w", "-qw"):
        key, _, value = words[1].partition("=")
        sysctl.set(ns, key, value)
        return f"{key} = {value}\n" if words[0] == "-w" else ""
    return sysctl.show(ns, *words)
