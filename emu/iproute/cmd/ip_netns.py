"""`ip netns`: the named namespaces of a machine. `exec` is the business of whoever starts programs."""

from __future__ import annotations

from emu.iproute.cmd.invocation import Invocation, Stop, not_emulated
from emu.iproute.cmd.options import Options
from emu.iproute.cmd.words import Words, pick
from emu.iproute.nsid import all_ids
from emu.net.netns import NetError

EEXIST = 17
VERBS = ("list*", "show*", "lst*", "list-id*", "help*", "add*", "set*", "delete*", "identify*", "pids*", "exec*", "monitor*", "attach*")


def run(call: Invocation, options: Options, words: Words) -> int:
    """`ip netns [list] | add NAME | del NAME | identify`."""
    word = words.take() if words else "list"
    verb = pick(word, VERBS)
    if verb in ("list", "show", "lst"):
        ids = all_ids(call.ns)
        for name, ns in reversed(call.machine.namespaces.items()):  # as the kernel reads the folder: newest first
            number = ids.get(ns)
            call.out.append(name + (f" (id: {number})" if number is not None else "") + "\n")
        return 0
    if verb == "list-id":
        for ns, number in sorted(all_ids(call.ns).items(), key=lambda item: item[1]):
            named = call.machine.namespaces.get(ns.name) is ns
            call.out.append(f"nsid {number} " + (f"(iproute2 netns name: {ns.name})" if named else "") + "\n")
        return 0
    if verb in ("add", "delete"):
        if not words:
            raise Stop("No netns name specified\n", 1)
        (_add if verb == "add" else _delete)(call, words.take())
        return 0
    if verb == "identify":
        call.out.append(f"{call.ns.name if call.ns is not call.machine.netns else ''}\n")
        return 0
    if verb is None:
        raise Stop(f'Command "{word}" is unknown, try "ip netns help".\n', 255)
    raise not_emulated(f"ip netns {verb} here")


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
