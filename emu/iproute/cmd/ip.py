"""`ip`: its options, its objects, and `-batch`."""

from __future__ import annotations

from collections.abc import Callable

from emu.iproute.cmd import ip_addr, ip_link, ip_neigh, ip_netns, ip_route, ip_rule
from emu.iproute.cmd.batch import run_batch
from emu.iproute.cmd.invocation import Invocation, Stop, not_emulated
from emu.iproute.cmd.options import Options
from emu.iproute.cmd.words import Words, matches, wrong

Do = Callable[[Invocation, Options, Words], int]

# In the order in which iproute2 tries them: a beginning means the first that fits. None: nothing here emulates it.
OBJECTS: dict[str, Do | None] = {
    "address": ip_addr.run, "addrlabel": None, "maddress": None, "route": ip_route.run, "rule": ip_rule.run, "neighbor": ip_neigh.run,
    "neighbour": ip_neigh.run, "ntable": None, "ntbl": None, "link": ip_link.run, "l2tp": None, "fou": None, "ila": None, "macsec": None, "tunnel": None,
    "tunl": None, "tuntap": None, "tap": None, "token": None, "tcpmetrics": None, "tcp_metrics": None, "monitor": None, "xfrm": None, "mroute": None,
    "mrule": None, "netns": ip_netns.run, "netconf": None, "vrf": None, "sr": None, "nexthop": None, "mptcp": None, "ioam": None, "stats": None,
}  # fmt: skip

VERSION = "ip utility, iproute2-6.1.0, libbpf 1.1.2\n"
# Option -> the attribute of Options that it sets, in iproute2's order; a beginning will do where there is a `*`.
FLAGS = {
    "-4": "inet", "-6": "inet6", "-0": "", "-human*": "", "-stats*": "stats", "-statistics*": "stats", "-details*": "details", "-resolve*": "",
    "-oneline*": "oneline", "-timestamp*": "", "-tshort*": "", "-iec": "", "-force*": "force", "-brief*": "brief", "-json*": "json", "-pretty*": "pretty",
    "-echo*": "",
}  # fmt: skip


def run(call: Invocation) -> int:
    """The command line of `ip`: options, then an object and what to do with it."""
    options = Options()
    words = Words(call.argv)
    batch = ""
    while words and words.peek().startswith("-"):
        word = words.take()
        option = word[1:] if word.startswith("--") and len(word) > 2 else word
        if word == "--":
            break
        if matches(option, "-batch"):
            batch = words.take()
        elif matches(option, "-netns"):
            _switch(call, words.take())
        elif matches(option, "-family"):
            options.family = words.take()
            if options.family not in ("inet", "inet6", "link", "mpls", "bridge"):
                raise wrong(options.family, "invalid protocol family")
        elif matches(option, "-loops") or (matches(option, "-rcvbuf") and len(option) > 2):
            words.take()
        elif matches(option, "-Version"):
            call.out.append(VERSION)
            return 0
        elif matches(option, "-all"):
            options.all = 1
        elif option.startswith("-c") and matches(option.partition("=")[0], "-color"):  # there is no terminal here
            if option.partition("=")[2] not in ("", "always", "auto", "never"):
                raise Stop(f'Option "{option}" is unknown, try "ip -help".\n', 255)
        else:
            _flag(options, option)
    if options.family not in ("", "inet", "inet6"):
        raise not_emulated(f"ip -family {options.family}")
    if batch:
        return run_batch(call, options, batch, _object)
    return _object(call, options, words)


def _flag(options: Options, option: str) -> None:
    if matches(option, "-Numeric"):
        raise not_emulated("ip -Numeric")
    for name, attribute in FLAGS.items():
        if option == name or (name.endswith("*") and matches(option, name[:-1]) and len(option) > 1):
            if attribute in ("inet", "inet6"):
                options.family = attribute
            elif attribute:
                setattr(options, attribute, getattr(options, attribute) + 1)
            return
    raise Stop(f'Option "{option}" is unknown, try "ip -help".\n', 255)


def _switch(call: Invocation, name: str) -> None:
    ns = call.namespace(name)
    if ns is None:
        raise Stop(f'Cannot open network namespace "{name}": No such file or directory\n', 255)
    call.ns = ns


def _object(call: Invocation, options: Options, words: Words) -> int:
    if not words:
        raise not_emulated("the help text of ip", 255)
    words.family = "inet" if options.family == "inet" else words.family
    word = words.take()
    for name, do in OBJECTS.items():
        if matches(word, name):
            if do is None:
                raise not_emulated(f"ip {name}")
            if options.family == "inet6" and name in ("address", "route", "rule", "neighbor", "neighbour") and not _only_shows(words):
                raise not_emulated(f"IPv6 (ip -6 {name})")
            return do(call, options, words)
    if matches(word, "help"):
        raise not_emulated("the help text of ip", 255)
    raise Stop(f'Object "{word}" is unknown, try "ip help".\n', 1)


def _only_shows(words: Words) -> bool:
    return not words or matches(words.peek(), "show") or matches(words.peek(), "list") or words.peek() == "lst"
