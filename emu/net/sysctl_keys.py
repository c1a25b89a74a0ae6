"""Sysctls by name: which exist, what values they take, what writing them does besides (net/ipv4/sysctl_net_ipv4.c, devinet.c, neighbour.c).

Only keys that something here acts on exist. What Linux has and the emulator does not act on is refused with a text that says so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from emu.net.netns import NetError
from emu.net.sysctl import Conf, NeighParms, PerDevice, Sysctl

if TYPE_CHECKING:
    from emu.net.device import NetDevice
    from emu.net.netns import Namespace

ENOENT, EPERM, EINVAL, EACCES, EOPNOTSUPP = 2, 1, 22, 13, 95
INT_MAX, INT_MIN = 0x7FFFFFFF, -0x80000000
Value = int | str | tuple[int, ...]

# Attribute of Sysctl -> (least, largest); what is not listed takes any int. From the tables' extra1 and extra2.
RANGES: dict[str, tuple[int, int]] = {
    "fib_multipath_hash_seed": (0, 0xFFFFFFFF),
    "ip_default_ttl": (1, 255), "ip_forward_update_priority": (0, 1), "ip_forward_use_pmtu": (0, 255), "ip_no_pmtu_disc": (0, 3), "ip_nonlocal_bind": (0, 255),
    "ip_unprivileged_port_start": (0, 65535), "fwmark_reflect": (0, 255), "ipfrag_max_dist": (0, INT_MAX), "ipfrag_time": (0, INT_MAX // 1000),
    "fib_multipath_hash_policy": (0, 0), "fib_multipath_use_neigh": (0, 0), "icmp_echo_ignore_all": (0, 1), "icmp_echo_ignore_broadcasts": (0, 1),
    "icmp_errors_use_inbound_ifaddr": (0, 1), "icmp_ignore_bogus_error_responses": (0, 1), "icmp_msgs_burst": (0, INT_MAX), "icmp_msgs_per_sec": (0, INT_MAX),
    "icmp_ratelimit": (0, INT_MAX), "route_min_pmtu": (68, 65535), "route_mtu_expires": (1, INT_MAX // 1000), "route_min_adv_mss": (256, 65535),
    "tcp_abort_on_overflow": (0, 255), "tcp_ecn": (0, 5), "tcp_min_snd_mss": (48, 65535), "tcp_retries1": (0, 255), "tcp_retries2": (0, 255),
    "tcp_rto_max_ms": (1000, 120000), "tcp_rto_min_us": (1, INT_MAX), "tcp_sack": (0, 255), "tcp_syn_linear_timeouts": (0, 127), "tcp_syn_retries": (1, 127),
    "tcp_synack_retries": (0, 255), "tcp_syncookies": (0, 255), "tcp_timestamps": (0, 255), "tcp_tw_reuse": (0, 2), "tcp_window_scaling": (0, 255),
    "tcp_orphan_retries": (0, 255), "tcp_keepalive_probes": (0, 255), "tcp_slow_start_after_idle": (0, 255), "tcp_rfc1337": (0, 255),
    "udp_rmem_min": (4096, INT_MAX), "udp_wmem_min": (4096, INT_MAX), "core_somaxconn": (0, INT_MAX), "core_rmem_default": (2304, INT_MAX),
    "core_rmem_max": (2304, INT_MAX), "core_wmem_default": (4608, INT_MAX), "core_wmem_max": (4608, INT_MAX), "nf_conntrack_acct": (0, 1),
    "nf_conntrack_checksum": (0, 1), "nf_conntrack_tcp_loose": (0, 1), "nf_conntrack_tcp_be_liberal": (0, 1), "nf_conntrack_tcp_ignore_invalid_rst": (0, 1),
    "nf_conntrack_tcp_max_retrans": (0, 255), "nf_conntrack_timestamp": (0, 1), "nf_conntrack_log_invalid": (0, 255),
    "bridge_nf_filter_vlan_tagged": (0, 0), "bridge_nf_filter_pppoe_tagged": (0, 0), "bridge_nf_pass_vlan_input_dev": (0, 0),
}  # fmt: skip
# Keys of conf.* that only take what is done here: no IGMP, no source routing, no logging of martians, no bootp relay, no forwarding of broadcasts.
CONF_RANGES: dict[str, tuple[int, int]] = {
    "fib_multipath_hash_seed": (0, 0xFFFFFFFF),
    "bc_forwarding": (0, 0), "bootp_relay": (0, 0), "force_igmp_version": (0, 0), "log_martians": (0, 1), "mc_forwarding": (0, 0), "tag": (INT_MIN, INT_MAX),
}  # fmt: skip
DISABLE_IPV6 = "disable_ipv6"  # net.ipv6.conf.*: 1, and nothing else, since there is no IPv6 here
MACHINE = ("gc_thresh1", "gc_thresh2", "gc_thresh3")
READ_ONLY = ("net.ipv4.conf.all.mc_forwarding", "net.netfilter.nf_conntrack_buckets")


def _names(cls: type) -> list[str]:
    return [name for name, value in vars(cls).items() if not name.startswith("_") and isinstance(value, (int, tuple))]


def _keys() -> dict[str, str]:
    """Key -> attribute of Sysctl, for everything that is not per device."""
    keys = {}
    for name in _names(Sysctl):
        if name.startswith("route_"):
            keys[f"net.ipv4.route.{name.removeprefix('route_')}"] = name
        elif name.startswith("core_"):
            keys[f"net.core.{name.removeprefix('core_')}"] = name
        elif name.startswith("bridge_nf_"):
            keys[f"net.bridge.{name.replace('_', '-')}"] = name
        elif name.startswith("nf_conntrack_"):
            keys[f"net.netfilter.{name}"] = name
        else:
            keys[f"net.ipv4.{name}"] = name
    return keys


KEYS = _keys()
CONF_NAMES = _names(Conf)
NEIGH_NAMES = _names(NeighParms)


def _absent(ns: Namespace, key: str) -> NetError:
    return NetError(ENOENT, f"sysctl: cannot stat /proc/sys/{key.replace('.', '/')}: No such file or directory (in {ns.name})")


def _invalid(ns: Namespace, key: str, value: object, why: str = "") -> NetError:
    return NetError(EINVAL, f'sysctl: setting key "{key}" in {ns.name} to {str(value)!r}: Invalid argument{why}')


def split_key(key: str) -> list[str]:
    """`net.ipv4.conf.eth0.rp_filter`, or `net/ipv4/conf/eth0.100/rp_filter`: the first separator rules, the other one then stands for itself (sysctl(8))."""
    first = next((char for char in key if char in "./"), ".")
    if first == "/":
        return key.strip("/").split("/")
    return [part.replace("/", ".") for part in key.split(".")]


def _find(ns: Namespace, key: str) -> tuple[str, str, NetDevice | None]:
    """(kind, attribute, device): kind is `plain`, `conf.all`, `conf.default`, `conf.dev`, `neigh.default`, `neigh.dev`, `machine`."""
    parts = split_key(key)
    plain = ".".join(parts)
    if plain in KEYS:
        return "plain", KEYS[plain], None
    if plain == "net.ipv4.route.flush":
        return "flush", plain, None
    if plain in ("net.ipv4.ip_forward", "net.ipv4.conf.all.forwarding"):
        return "conf.all", "forwarding", None
    if plain in ("net.netfilter.nf_conntrack_max", "net.nf_conntrack_max", "net.netfilter.nf_conntrack_count"):
        return "machine", parts[-1], None
    if len(parts) == 5 and parts[:3] == ["net", "ipv6", "conf"] and parts[4] == DISABLE_IPV6 and (parts[3] in ("all", "default") or parts[3] in ns.devices):
        return "ipv6", DISABLE_IPV6, None
    if len(parts) == 5 and parts[:2] == ["net", "ipv4"] and parts[2] in ("conf", "neigh"):
        group, where, name = parts[2:]
        if group == "neigh" and name in MACHINE and where == "default" and ns.kernel.init_net is ns:
            return "machine", name, None
        if name in (CONF_NAMES if group == "conf" else NEIGH_NAMES):
            # The neighbour defaults belong to the machine: other namespaces have no neigh/default (neigh_sysctl_register).
            if (where == "default" and (group == "conf" or ns.kernel.init_net is ns)) or (where == "all" and group == "conf"):
                return f"{group}.{where}", name, None
            dev = ns.devices.get(where)
            if dev is not None:
                return f"{group}.dev", name, dev
    raise _absent(ns, plain)


def get(ns: Namespace, key: str) -> int | tuple[int, ...] | tuple[tuple[int, int], ...]:
    """The value of a key. Raises NetError ENOENT."""
    kind, name, dev = _find(ns, key)
    sysctl: Sysctl = ns.sysctl
    if kind == "plain":
        return getattr(sysctl, name)  # type: ignore[no-any-return]
    if kind == "flush":  # only written
        raise NetError(EACCES, f'sysctl: permission denied on key "{name}" in {ns.name}')
    if kind == "machine":
        if name == "nf_conntrack_count":
            return len(ns.ct) if ns.ct is not None and hasattr(ns.ct, "__len__") else 0
        return int(getattr(ns.kernel, "conntrack_max" if name == "nf_conntrack_max" else name))
    if kind == "conf.all":
        return int(getattr(sysctl.all, name))
    if kind == "ipv6":
        return 1
    table: PerDevice[Conf] | PerDevice[NeighParms] = sysctl.confs if kind.startswith("conf") else sysctl.neighs
    return int(getattr(table.of(dev) if dev is not None else table.default, name))


def _ints(ns: Namespace, key: str, value: Value) -> tuple[int, ...]:
    if isinstance(value, int):
        return (int(value),)
    if isinstance(value, tuple):
        return value
    try:
        return tuple(int(word, 0) for word in value.replace(",", " ").split())
    except ValueError:
        raise _invalid(ns, key, value) from None


def _port_ranges(ns: Namespace, key: str, value: Value) -> tuple[tuple[int, int], ...]:
    """`8080,9000-9010` -> ((8080, 8080), (9000, 9010)), sorted and joined."""
    ranges: list[tuple[int, int]] = []
    for word in str(value).replace(" ", "").split(","):
        if not word:
            continue
        first, _, last = word.partition("-")
        if not first.isdecimal() or (last and not last.isdecimal()) or not 0 <= int(first) <= int(last or first) <= 65535:
            raise _invalid(ns, key, value)
        ranges.append((int(first), int(last or first)))
    joined: list[tuple[int, int]] = []
    for low, high in sorted(ranges):
        if joined and low <= joined[-1][1] + 1:
            joined[-1] = (joined[-1][0], max(high, joined[-1][1]))
        else:
            joined.append((low, high))
    return tuple(joined)


def set_(ns: Namespace, key: str, value: Value) -> None:
    """Write a key. `value`: an int, or text as in `sysctl -w`. Raises NetError ENOENT, EINVAL, EACCES, EPERM."""
    kind, name, dev = _find(ns, key)
    plain = ".".join(split_key(key))
    if plain in READ_ONLY or name == "nf_conntrack_count":
        raise NetError(EACCES, f'sysctl: permission denied on key "{plain}" in {ns.name}')
    sysctl: Sysctl = ns.sysctl
    if name == "ip_local_reserved_ports":
        sysctl.ip_local_reserved_ports = _port_ranges(ns, plain, value)
        return
    numbers = _ints(ns, plain, value)
    if kind == "flush":
        ns.fib.flush_cache()
        return
    if kind == "plain" and isinstance(getattr(Sysctl, name), tuple):
        setattr(sysctl, name, _tuple(ns, plain, name, numbers, value))
        return
    if len(numbers) != 1:
        raise _invalid(ns, plain, value)
    number = numbers[0]
    if kind == "machine":
        if ns.kernel.init_net is not ns:
            raise NetError(EPERM, f'sysctl: permission denied on key "{plain}": it belongs to the machine {ns.kernel.name}, not to {ns.name}')
        setattr(ns.kernel, "conntrack_max" if name == "nf_conntrack_max" else name, number)
        return
    if kind == "ipv6":
        if number != 1:
            raise _invalid(ns, plain, value, " (the emulator does not do that)")
        return
    low, high = (RANGES if kind == "plain" else CONF_RANGES).get(name, (INT_MIN, INT_MAX))
    if kind.startswith("neigh"):
        low = 0
    if name == "accept_source_route" and kind == "conf.all":
        low = high = 0
    if not low <= number <= high:
        raise _invalid(ns, plain, value, " (the emulator does not do that)" if low == high == 0 else f" ({low} to {high})")
    if kind == "plain":
        setattr(sysctl, name, number)
    else:
        _write_device(ns, kind, name, dev, number)
    ns.fib.invalidate()


def _tuple(ns: Namespace, key: str, name: str, numbers: tuple[int, ...], value: Value) -> tuple[int, ...]:
    old: tuple[int, ...] = getattr(ns.sysctl, name)
    new = (*numbers, *old[len(numbers) :])
    if len(new) != len(old) or not numbers:
        raise _invalid(ns, key, value)
    if name == "ip_local_port_range" and not (1 <= new[0] <= new[1] <= 65535 and new[0] >= ns.sysctl.ip_unprivileged_port_start):
        raise _invalid(ns, key, value)
    if name == "ping_group_range" and not all(0 <= number < 1 << 32 for number in new):
        raise _invalid(ns, key, value)
    if name == "ping_group_range" and new[1] < new[0]:
        return (1, 0)
    if name in ("tcp_rmem", "tcp_wmem") and min(new) < 1:
        raise _invalid(ns, key, value)
    return new


def _write_device(ns: Namespace, kind: str, name: str, dev: NetDevice | None, number: int) -> None:
    sysctl: Sysctl = ns.sysctl
    if kind == "conf.all":
        if name == "forwarding":
            if bool(sysctl.all.forwarding) != bool(number) or sysctl.all.forwarding != number:
                _forward_change(ns, number)
            return
        sysctl.all = sysctl.all.replaced(name, number)
        return
    table: PerDevice[Conf] | PerDevice[NeighParms] = sysctl.confs if kind.startswith("conf") else sysctl.neighs
    if dev is not None:
        table.set(dev, name, number)
    else:
        table.set_default(name, number)


def _forward_change(ns: Namespace, on: int) -> None:
    """inet_forward_change: every device forwards or none does; a router does not believe redirects."""
    sysctl: Sysctl = ns.sysctl
    sysctl.all = sysctl.all.replaced("forwarding", on).replaced("accept_redirects", 0 if on else 1)
    sysctl.confs.set_default("forwarding", on)
    for dev in ns.devices.values():
        if sysctl.confs.of(dev).forwarding != on:
            sysctl.confs.set(dev, "forwarding", on)


def names(ns: Namespace) -> list[str]:
    """Every key that exists in this namespace, sorted as `sysctl -a` shows them."""
    keys = [*KEYS, "net.ipv4.ip_forward", "net.netfilter.nf_conntrack_max", "net.netfilter.nf_conntrack_count"]
    places: list[str] = ["all", "default", *(dev.replace(".", "/") for dev in ns.devices)]
    keys += [f"net.ipv4.conf.{place}.{name}" for place in places for name in CONF_NAMES]
    keys += [f"net.ipv4.neigh.{place}.{name}" for place in places[2:] for name in NEIGH_NAMES]
    keys += [f"net.ipv6.conf.{place}.{DISABLE_IPV6}" for place in places]
    if ns.kernel.init_net is ns:
        keys += [f"net.ipv4.neigh.default.{name}" for name in NEIGH_NAMES]
        keys += [f"net.ipv4.neigh.default.{name}" for name in MACHINE]
    return sorted(keys)


