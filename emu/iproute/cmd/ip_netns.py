"""`ip netns`: the named namespaces of a machine. `exec` is the business of whoever starts programs."""

from __future__ import annotations

from typing import Any

from emu.iproute.cmd.invocation import Invocation, Stop, not_emulated
from emu.iproute.cmd.options import Options
from emu.iproute.cmd.words import Words, integer, pick, wrong
from emu.iproute.nsid import all_ids, set_nsid
from emu.iproute.record import json_text
from emu.net.netns import NetError

EEXIST = 17
VERBS = ("list*", "show*", "lst*", "list-id*", "help*", "add*", "set*", "delete*", "identify*", "pids*", "exec*", "monitor*", "attach*")


def run(call: Invocation, options: Options, words: Words) -> int:
    """`ip netns [list] | add NAME | del NAME | set NAME NUMBER | identify | list-id`."""
    word = words.take() if words else "list"
    verb = pick(word, VERBS)
    if verb in ("list", "show", "lst"):
        ids = all_ids(call.ns)
        names = list(reversed(call.machine.namespaces.items()))  # as the kernel reads the folder: newest first
        items = [{"name": name} | ({"id": ids[ns]} if ns in ids else {}) for name, ns in names]
        call.out.append(json_text(items) if options.json else "".join(_listed(item) for item in items))
        return 0
    if verb == "list-id":
        return _list_id(call, options, words)
    if verb in ("add", "delete"):
        if verb == "delete" and options.all:
            for name in list(call.machine.namespaces):
                call.machine.delete_netns(name)
            return 0
        if not words:
            raise Stop("No netns name specified\n", 1)
        (_add if verb == "add" else _delete)(call, words.take())
        return 0
    if verb == "set":
        return _set(call, words)
    if verb == "identify":
        return _identify(call, words)
    if verb == "pids":
        if not words:
            raise Stop("No netns name specified\n", 1)
        if words.peek() not in call.machine.namespaces:
            raise Stop("Cannot open network namespace: No such file or directory\n", 1)
    if verb is None:
        raise Stop(f'Command "{word}" is unknown, try "ip netns help".\n', 255)
    raise not_emulated(f"ip netns {verb} here")


def _listed(item: dict[str, Any]) -> str:
    return str(item["name"]) + (f" (id: {item['id']})" if "id" in item else "") + "\n"


def _list_id(call: Invocation, options: Options, words: Words) -> int:
    wanted: int | None = None
    while words:
        word = words.take()
        if word == "nsid":
            wanted = words.number("\"nsid\" value is invalid\n", 0, 0x7FFFFFFF)
        else:
            raise not_emulated(f"ip netns list-id {word}")
    items: list[dict[str, Any]] = []
    for ns, number in sorted(all_ids(call.ns).items(), key=lambda item: item[1]):
        if wanted in (None, number):
            items.append({"nsid": number} | ({"name": ns.name} if call.machine.namespaces.get(ns.name) is ns else {}))
    if options.json:
        call.out.append(json_text(items))
    else:
        call.out.append("".join(f"nsid {item['nsid']} " + (f"(iproute2 netns name: {item['name']})" if "name" in item else "") + "\n" for item in items))
    return 0


def _set(call: Invocation, words: Words) -> int:
    if not words:
        raise Stop("No netns name specified\n", 1)
    name = words.take()
    if not words:
        raise Stop("No nsid specified\n", 1)
    word = words.take()
    number = None if word == "auto" else integer(word)
    if word != "auto" and (number is None or not 0 <= number < 1 << 31):
        raise wrong(word, 'Invalid "netnsid" value')
    other = call.namespace(name)
    if other is None:
        raise Stop(f'Cannot open network namespace "{name}": No such file or directory\n', 1)
    set_nsid(call.ns, other, number)
    return 0


def _identify(call: Invocation, words: Words) -> int:
    """Of a process of the script (`$$`): its namespace is the one that the command was given in; process 1 is the machine's own."""
    word = words.take() if words else "self"
    if word != "self" and not word.isdecimal():
        raise Stop(f"Specified string '{word}' is not a pid\n", 1)
    call.out.append(f"{call.ns.name if call.ns is not call.machine.netns and word != '1' else ''}\n")
    return 0


def _add(call: Invocation, name: str) -> None:
    if "/" in name or name in ("", ".", ".."):
        raise Stop(f'Invalid netns name "{name}"\n', 255)
    if name in call.machine.namespaces:
        raise Stop(f'Cannot create namespace file "/run/netns/{name}": File exists\n', 1)
    try:
        call.machine.add_netns(name)
    except NetError as error:
        why = "the name is in use elsewhere in this world" if error.errno == EEXIST else error.strerror
        raise Stop(f'emu: not emulated: a namespace "{name}": {why}\n', 1) from None


def _delete(call: Invocation, name: str) -> None:
    if name not in call.machine.namespaces:
        raise Stop(f'Cannot remove namespace file "/run/netns/{name}": No such file or directory\n', 1)
    call.machine.delete_netns(name)
