"""`ip route`: add, replace, delete, get, show, flush."""

from __future__ import annotations

from typing import Any

from emu.iproute import route
from emu.iproute.addr import SCOPES
from emu.iproute.cmd.answers import flushed
from emu.iproute.cmd.invocation import Invocation, Stop, not_emulated
from emu.iproute.cmd.link_options import device
from emu.iproute.cmd.options import Options
from emu.iproute.cmd.route_filter import RouteFilter
from emu.iproute.cmd.route_words import dsfield, known, table_of
from emu.iproute.cmd.words import Words, checked_address, checked_prefix, garbage, integer, pick, wrong
from emu.iproute.record import json_text, render
from emu.iproute.route_text import Hidden, got_members, route_record
from emu.net import fib_frontend

VERBS = (
    "list*", "show*", "lst*", "get*", "add*", "change*", "chg", "replace*", "prepend*", "append*", "test*", "delete*", "flush*", "save*", "restore*",
    "showdump*", "help*",
)  # fmt: skip
MODES = {"add": "add", "change": "change", "chg": "change", "replace": "replace", "prepend": "prepend", "append": "append"}

KEYWORDS = (
    "src", "as", "via", "from", "tos", "dsfield*", "expires", "metric*", "priority", "preference", "scope", "mtu", "onlink", "nexthop", "nhid", "protocol*",
    "table*", "vrf", "dev", "oif", "initcwnd", "initrwnd", "advmss*", "quickack*", "congctl*", "rto_min", "hoplimit*", "reordering*", "rtt", "rttvar",
    "window*", "cwnd*", "ssthresh*", "realms*", "features*", "pervasive", "encap", "ttl-propagate", "fastopen_no_cookie*", "pref",
)  # fmt: skip


def run(call: Invocation, options: Options, words: Words) -> int:
    """`ip route [show] ...`."""
    word = words.take() if words else "list"
    verb = pick(word, VERBS)
    if verb in ("list", "show", "lst"):
        return _show(call, options, words)
    if verb == "get":
        return _get(call, options, words)
    if verb in MODES:
        prefix, found = _read(call, words)
        route.add(call.ns, prefix, mode=MODES[verb], **found)
        return 0
    if verb == "delete":
        return _delete(call, words)
    if verb == "flush":
        return _flush(call, options, words)
    if verb is None:
        raise Stop(f'Command "{word}" is unknown, try "ip route help".\n', 255)
    raise not_emulated(f"ip route {verb}", 255)


def _read(call: Invocation, words: Words) -> tuple[str, dict[str, Any]]:
    """A route as it was typed: its prefix, and the arguments of `route.add`."""
    prefix = ""
    found: dict[str, Any] = {}
    while words:
        word = words.take()
        key = pick(word, KEYWORDS)
        if key is None:
            word = words.take() if word == "to" else word
            if word in route.TYPES and not word[0].isdecimal():
                found["type"] = word
                word = words.take()
            if prefix:
                raise garbage("to", word)
            prefix = checked_prefix(word)
        elif key == "nexthop":
            found["nexthops"] = [_nexthop(call, words)]
            while words:
                if (word := words.take()) != "nexthop":
                    raise Stop(f'Error: "nexthop" or end of line is expected instead of "{word}"\n', 255)
                found["nexthops"].append(_nexthop(call, words))
        else:
            _keyword(call, words, key, found)
    if not prefix:
        raise not_emulated("the help text of ip route", 255)
    return prefix, found


def _keyword(call: Invocation, words: Words, key: str, found: dict[str, Any]) -> None:
    if key in ("dev", "oif"):
        found["dev"] = device(call.ns, words.take())
    elif key == "via":
        if "via" in found:
            raise wrong("via", "use nexthop syntax to specify multiple via\n")
        found["via"] = _via(words)
    elif key == "src":
        found["src"] = words.address()
    elif key in ("metric", "priority", "preference"):
        found["metric"] = words.number('"metric" value is invalid\n')
    elif key in ("tos", "dsfield"):
        found["tos"] = dsfield(words, '"tos" value is invalid\n')
    elif key == "scope":
        found["scope"] = known(words, (*SCOPES, "nowhere"), 255, 'invalid "scope" value\n')
    elif key == "protocol":
        found["proto"] = known(words, tuple(route.PROTOCOLS), 255, '"protocol" value is invalid\n')
    elif key == "table":
        found["table"] = table_of(words, '"table" value is invalid\n')
        if found["table"] == "0":  # no table in particular
            del found["table"]
    elif key == "onlink":
        found["onlink"] = True
    elif key == "pref":  # a matter of IPv6
        if (word := words.take()) not in ("low", "medium", "high"):
            raise wrong(word, '"pref" value is invalid\n')
    elif key in ("advmss", "hoplimit") and not (words and words.peek() == "lock"):
        if key == "hoplimit":
            found[key] = words.number('"hoplimit" value is invalid\n', 0, 255)
        else:
            found[key] = min(words.number('"mss" value is invalid\n'), 65535 - 40)  # ip_metrics_convert, as for the MTU
    elif key == "mtu":
        if words and words.peek() == "lock":
            words.take()
            found["mtu_lock"] = True
        found["mtu"] = min(words.number('"mtu" value is invalid\n'), 65535 - 15)
    else:
        raise not_emulated(f"ip route {key}", 2)


def _via(words: Words) -> str:
    word = words.take()
    if word in ("inet", "inet6") and words:
        if word == "inet6":
            raise not_emulated("an IPv6 nexthop (via inet6)", 2)
        word = words.take()
    return checked_address(word)


def _nexthop(call: Invocation, words: Words) -> dict[str, object]:
    hop: dict[str, object] = {}
    if not words:
        raise Stop('Error: unexpected end of line after "nexthop"\n', 255)
    while words and words.peek() != "nexthop":
        word = words.take()
        if word == "via":
            hop["via"] = _via(words)
        elif word in ("dev", "oif"):
            hop["dev"] = device(call.ns, words.take()).name
        elif word == "weight":
            hop["weight"] = words.number('"weight" is invalid\n', 1, 256)
        elif word == "onlink":
            hop["onlink"] = True
        else:
            if word in ("realms", "encap", "as", "nhid"):
                raise not_emulated(f"nexthop {word}", 2)
            words.at -= 1
            break
    return hop


def _delete(call: Invocation, words: Words) -> int:
    prefix, found = _read(call, words)
    for key in ("mtu_lock", "onlink"):
        found.pop(key, None)
    route.delete(call.ns, prefix, **found)
    return 0


def _get(call: Invocation, options: Options, words: Words) -> int:
    address = ""
    fibmatch = False
    found: dict[str, Any] = {}
    keys = ("tos", "dsfield*", "from", "iif", "mark", "oif*", "dev", "notify", "connected", "vrf", "uid", "ipproto", "sport", "dport", "fibmatch", "to", "as")
    while words:
        word = words.take()
        key = pick(word, keys)
        if key in ("tos", "dsfield"):
            found["tos"] = dsfield(words, '"tos" value is invalid\n')
        elif key == "from":
            found["src"] = words.numeric_prefix(words.take()).partition("/")[0]
        elif key == "iif":
            found["iif"] = device(call.ns, words.take())
        elif key in ("oif", "dev"):
            found["oif"] = device(call.ns, words.take())
        elif key == "mark":
            found["mark"] = words.number("invalid mark value")
        elif key == "uid":
            found["uid"] = words.number("invalid UID\n")
        elif key == "ipproto":
            _protocol(words)
        elif key in ("sport", "dport"):
            words.number(f"invalid {key}\n", 0, 65535)
        elif key == "fibmatch":
            fibmatch = True
        elif key in ("notify", "connected", "vrf", "as"):
            raise not_emulated(f"ip route get {key}", 2)
        else:
            word = words.take() if key == "to" else word
            address, slash, length = words.numeric_prefix(word).partition("/")
            length = length if word[0].isdigit() else "32"
            if slash and length != "32":
                call.err.append(f"Warning: /{length} as prefix is invalid, only /32 (or none) is supported.\n")
    if not address:
        raise Stop("need at least a destination address\n", 1)
    if fibmatch:
        if options.json:
            raise not_emulated("ip -j route get fibmatch", 2)
        found.pop("uid", None)
        call.out.append(route.match(call.ns, address, **found))
        return 0
    text = route.get(call.ns, address, **found)
    if options.json:
        call.out.append(json_text([got_members(text)], bool(options.pretty)))
        return 0
    call.out.append(text[:-1].replace("\n", "\\") + "\n" if options.oneline else text)
    return 0


def _protocol(words: Words) -> None:
    """inet_proto_a2n; no rule here looks at it."""
    word = words.take()
    number = integer(word)
    if word not in ("tcp", "udp", "icmp", "sctp", "dccp", "udplite") and (number is None or not 0 < number < 256):
        raise wrong(word, 'Invalid "ipproto" value\n')


def _show(call: Invocation, options: Options, words: Words) -> int:
    which = RouteFilter(call, words)
    if options.family == "inet6" or which.cached:
        call.out.append(render([], bool(options.json), bool(options.pretty)))
        return 0
    routes = [one for table in which.tables(call.ns) for one in table if which.meant(one)]
    records = [route_record(call.ns, one, which.hidden, bool(options.details)) for one in routes]
    call.out.append(render(records, bool(options.json), bool(options.pretty), bool(options.oneline)))
    return 0


def _flush(call: Invocation, options: Options, words: Words) -> int:
    if not words:
        raise Stop('"ip route flush" requires arguments.\n', 1)
    which = RouteFilter(call, words)
    if which.cached:
        call.ns.fib.flush_cache()
        call.out.append("*** IPv4 routing cache is flushed.\n" if options.stats else "")
        return 0
    tables = which.tables(call.ns, "Flush")
    lines = [route_record(call.ns, one, Hidden(), bool(options.details)).text for table in tables for one in table if which.meant(one)]
    fib_frontend.flush(call.ns, lambda one: any(one.table == table.id for table in tables) and which.meant(one))
    call.out.append(flushed(options.stats, lines, "entries"))
    return 0
