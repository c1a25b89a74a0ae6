"""The sysctls of one namespace as attributes that the packet path reads (struct netns_ipv4, struct ipv4_devconf, struct neigh_parms).

`ns.sysctl.X` is `net.ipv4.X`; dashes in a key become underscores. `ns.sysctl.conf(dev)` and `ns.sysctl.neigh(dev)` are the values of one device.
Names, ranges and side effects of writing by name are in `sysctl_keys`; this file holds values and defaults. Class attributes are the defaults of
Linux 6.18, an instance holds only what differs. Objects for devices are immutable and shared until somebody writes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, Self, TypeVar

if TYPE_CHECKING:
    from emu.net.device import NetDevice
    from emu.net.netns import Namespace


class Conf:
    """`net.ipv4.conf.<device>`: compiled-in values of `all` (net/ipv4/devinet.c, ipv4_devconf). Never changed once it is in use: `replaced` copies."""

    accept_local = 0
    accept_redirects = 1
    accept_source_route = 0
    arp_accept = 0
    arp_announce = 0
    arp_evict_nocarrier = 1
    arp_filter = 0
    arp_ignore = 0
    arp_notify = 0
    bc_forwarding = 0
    bootp_relay = 0
    disable_policy = 0
    disable_xfrm = 0
    drop_gratuitous_arp = 0
    drop_unicast_in_l2_multicast = 0
    force_igmp_version = 0
    forwarding = 0
    igmpv2_unsolicited_report_interval = 10000
    igmpv3_unsolicited_report_interval = 1000
    ignore_routes_with_linkdown = 0
    log_martians = 0
    mc_forwarding = 0
    medium_id = 0
    promote_secondaries = 0
    proxy_arp = 0
    proxy_arp_pvlan = 0
    route_localnet = 0
    rp_filter = 0
    secure_redirects = 1
    send_redirects = 1
    shared_media = 1
    src_valid_mark = 0
    tag = 0

    def replaced(self, name: str, value: int) -> Self:
        """A copy with one value changed."""
        copy = object.__new__(type(self))
        copy.__dict__.update(self.__dict__)
        setattr(copy, name, value)
        return copy


class NeighParms:
    """`net.ipv4.neigh.<device>` (net/ipv4/arp.c, arp_tbl.parms); times in the unit of the sysctl's name, else jiffies of 1/100 s or seconds as in Linux."""

    anycast_delay = 100  # jiffies
    app_solicit = 0
    base_reachable_time_ms = 30000
    delay_first_probe_time = 5  # s
    gc_stale_time = 60  # s
    interval_probe_time_ms = 5000
    locktime = 100  # jiffies
    mcast_resolicit = 0
    mcast_solicit = 3
    proxy_delay = 80  # jiffies
    proxy_qlen = 64
    retrans_time_ms = 1000
    ucast_solicit = 3
    unres_qlen_bytes = 212992

    def replaced(self, name: str, value: int) -> Self:
        """A copy with one value changed."""
        copy = object.__new__(type(self))
        copy.__dict__.update(self.__dict__)
        setattr(copy, name, value)
        return copy


P = TypeVar("P", Conf, NeighParms)

ALL = Conf()
DEFAULT = ALL.replaced("accept_source_route", 1)
NEIGH_DEFAULT = NeighParms()


class PerDevice(Generic[P]):
    """The values of `default` and of each device. A device follows `default` key by key until that key is written for it, or until it gets its first
    address, when everything it has becomes its own (devinet_copy_dflt_conf, ipv4_devconf_setall). `own` is by ifindex.
    """

    __slots__ = ("_ns", "_partly", "_written", "default", "own")

    def __init__(self, ns: Namespace, default: P) -> None:
        self._ns = ns
        self.default: P = default
        self.own: dict[int, P] = {}
        self._partly: dict[int, dict[str, bool]] | None = None  # devices that own some keys only
        self._written: dict[str, int] | None = None  # key of default that was written -> ifindex from which on devices were born owning it

    def of(self, dev: NetDevice) -> P:
        """The values in force for one device."""
        return self.own.get(dev.ifindex, self.default)

    def owns(self, ifindex: int, name: str) -> bool:
        """Whether a change of `default` leaves the device's key alone."""
        if ifindex in self.own and (self._partly is None or ifindex not in self._partly):
            return True
        if self._partly is not None and name in self._partly.get(ifindex, ()):
            return True
        return self._written is not None and ifindex >= self._written.get(name, 1 << 31)

    def pin(self, dev: NetDevice) -> None:
        """From now on nothing of this device follows `default`."""
        self.own.setdefault(dev.ifindex, self.default)
        if self._partly is not None:
            self._partly.pop(dev.ifindex, None)

    def set(self, dev: NetDevice, name: str, value: int) -> None:
        """Write one key of one device."""
        ifindex = dev.ifindex
        old = self.own.get(ifindex)
        if old is None:
            old = self.default
            if self._partly is None:
                self._partly = {}
            self._partly[ifindex] = {}
        if self._partly is not None and ifindex in self._partly:
            self._partly[ifindex][name] = True
        self.own[ifindex] = old.replaced(name, value)

    def set_default(self, name: str, value: int) -> None:
        """Write one key of `default`; devices that still follow get it too."""
        old = self.default
        for dev in self._ns.devices.values():
            ifindex = dev.ifindex
            if self.owns(ifindex, name):
                if ifindex not in self.own:  # born after an earlier write of this key: keeps what it was born with
                    self.set(dev, name, getattr(old, name))
            elif ifindex in self.own:
                self.own[ifindex] = self.own[ifindex].replaced(name, value)
        self.default = old.replaced(name, value)
        if self._written is None:
            self._written = {}
        self._written.setdefault(name, self._ns.next_ifindex)

    def forget(self, ifindex: int) -> None:
        """The device left this namespace."""
        self.own.pop(ifindex, None)
        if self._partly is not None:
            self._partly.pop(ifindex, None)


class Sysctl:
    """One namespace's sysctls. What is not given for a group below is `net.ipv4.<name>`."""

    __slots__ = ("__dict__", "all", "confs", "neighs")

    # IP
    ip_default_ttl = 64
    ip_forward_update_priority = 1
    ip_forward_use_pmtu = 0
    ip_no_pmtu_disc = 0
    ip_nonlocal_bind = 0
    ip_local_port_range = (32768, 60999)
    ip_local_reserved_ports: tuple[tuple[int, int], ...] = ()
    ip_unprivileged_port_start = 1024
    ping_group_range = (1, 0)
    fwmark_reflect = 0
    ipfrag_high_thresh = 4194304
    ipfrag_low_thresh = 3145728
    ipfrag_max_dist = 64
    ipfrag_time = 30  # s
    fib_multipath_hash_policy = 0
    fib_multipath_hash_seed = 0
    fib_multipath_use_neigh = 0
    # ICMP
    icmp_echo_ignore_all = 0
    icmp_echo_ignore_broadcasts = 1
    icmp_errors_use_inbound_ifaddr = 0
    icmp_ignore_bogus_error_responses = 1
    icmp_msgs_burst = 50
    icmp_msgs_per_sec = 1000
    icmp_ratelimit = 1000  # ms
    icmp_ratemask = 6168
    # net.ipv4.route.*
    route_error_burst = 5000  # ms here; the file shows jiffies
    route_error_cost = 1000
    route_min_adv_mss = 256
    route_min_pmtu = 552
    route_mtu_expires = 600  # s
    route_redirect_load = 20  # ms
    route_redirect_number = 9
    route_redirect_silence = 20480  # ms
    # TCP and UDP
    tcp_abort_on_overflow = 0
    tcp_base_mss = 1024
    tcp_ecn = 2
    tcp_fin_timeout = 60  # s
    tcp_invalid_ratelimit = 500  # ms
    tcp_keepalive_intvl = 75  # s
    tcp_keepalive_probes = 9
    tcp_keepalive_time = 7200  # s
    tcp_max_syn_backlog = 2048
    tcp_max_tw_buckets = 131072
    tcp_min_snd_mss = 48
    tcp_orphan_retries = 0
    tcp_retries1 = 3
    tcp_retries2 = 15
    tcp_rfc1337 = 0
    tcp_rmem = (4096, 131072, 33554432)
    tcp_rto_max_ms = 120000
    tcp_rto_min_us = 200000
    tcp_sack = 1
    tcp_slow_start_after_idle = 1
    tcp_syn_linear_timeouts = 4
    tcp_syn_retries = 6
    tcp_synack_retries = 5
    tcp_syncookies = 1
    tcp_timestamps = 1
    tcp_tw_reuse = 2
    tcp_window_scaling = 1
    tcp_wmem = (4096, 16384, 4194304)
    udp_rmem_min = 4096
    udp_wmem_min = 4096
    # net.core.*
    core_rmem_default = 212992
    core_rmem_max = 212992
    core_somaxconn = 4096
    core_wmem_default = 212992
    core_wmem_max = 212992
    # net.bridge.*
    bridge_nf_call_arptables = 1  # there are no ARP and IPv6 tables here, as on a Linux whose tables are empty
    bridge_nf_call_ip6tables = 1
    bridge_nf_call_iptables = 1
    bridge_nf_filter_pppoe_tagged = 0
    bridge_nf_filter_vlan_tagged = 0
    bridge_nf_pass_vlan_input_dev = 0
    # net.netfilter.*; times in seconds
    nf_conntrack_acct = 0
    nf_conntrack_buckets = 262144
    nf_conntrack_checksum = 1
    nf_conntrack_generic_timeout = 600
    nf_conntrack_icmp_timeout = 30
    nf_conntrack_log_invalid = 0
    nf_conntrack_tcp_be_liberal = 0
    nf_conntrack_tcp_ignore_invalid_rst = 0
    nf_conntrack_tcp_loose = 1
    nf_conntrack_tcp_max_retrans = 3
    nf_conntrack_tcp_timeout_close = 10
    nf_conntrack_tcp_timeout_close_wait = 60
    nf_conntrack_tcp_timeout_established = 432000
    nf_conntrack_tcp_timeout_fin_wait = 120
    nf_conntrack_tcp_timeout_last_ack = 30
    nf_conntrack_tcp_timeout_max_retrans = 300
    nf_conntrack_tcp_timeout_syn_recv = 60
    nf_conntrack_tcp_timeout_syn_sent = 120
    nf_conntrack_tcp_timeout_time_wait = 120
    nf_conntrack_tcp_timeout_unacknowledged = 300
    nf_conntrack_timestamp = 0
    nf_conntrack_udp_timeout = 30
    nf_conntrack_udp_timeout_stream = 120

    def __init__(self, ns: Namespace) -> None:
        init = ns.kernel.init_net
        if init is not None and init is not ns:  # net.core.devconf_inherit_init_net = 0: `all` and `default` are copied from the machine's first
            parent: Sysctl = init.sysctl
            self.all: Conf = parent.all
            self.confs: PerDevice[Conf] = PerDevice(ns, parent.confs.default)
            self.neighs: PerDevice[NeighParms] = PerDevice(ns, parent.neighs.default)
        else:
            self.all = ALL
            self.confs = PerDevice(ns, DEFAULT)
            self.neighs = PerDevice(ns, NEIGH_DEFAULT)

    @property
    def ip_forward(self) -> int:
        """`net.ipv4.ip_forward` is `net.ipv4.conf.all.forwarding` under another name."""
        return self.all.forwarding

    def conf(self, dev: NetDevice) -> Conf:
        """`net.ipv4.conf.<dev>`. Most keys are combined with `all`; see `conf_or`, `conf_max`, `conf_and`."""
        confs = self.confs
        return confs.own.get(dev.ifindex, confs.default)

    def neigh(self, dev: NetDevice) -> NeighParms:
        """`net.ipv4.neigh.<dev>`."""
        neighs = self.neighs
        return neighs.own.get(dev.ifindex, neighs.default)

    def conf_or(self, dev: NetDevice, name: str) -> bool:
        """IN_DEV_ORCONF: set for the device or for `all`."""
        return bool(getattr(self.all, name) or getattr(self.conf(dev), name))

    def conf_and(self, dev: NetDevice, name: str) -> bool:
        """IN_DEV_ANDCONF: set for the device and for `all`."""
        return bool(getattr(self.all, name) and getattr(self.conf(dev), name))

    def conf_max(self, dev: NetDevice, name: str) -> int:
        """IN_DEV_MAXCONF: the larger of the device's and `all`'s."""
        return max(int(getattr(self.all, name)), int(getattr(self.conf(dev), name)))

    def accepts_redirects(self, dev: NetDevice) -> bool:
        """IN_DEV_RX_REDIRECTS: a router needs both `all` and the device's accept_redirects, a host one of them."""
        if self.conf(dev).forwarding:
            return self.conf_and(dev, "accept_redirects")
        return self.conf_or(dev, "accept_redirects")

    def device_removed(self, ifindex: int) -> None:
        """Forget the values of a device that left the namespace."""
        self.confs.forget(ifindex)
        self.neighs.forget(ifindex)

