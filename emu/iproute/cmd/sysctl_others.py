"""Keys that Linux 6.18 has and the emulator does not: asking for them is no mistake of the script's, and is told so."""

from __future__ import annotations

# Whole branches.
ROOTS = (
    "kernel", "vm", "fs", "user", "dev", "abi", "debug", "net.core", "net.ipv6", "net.mptcp", "net.unix", "net.nf_conntrack", "net.netfilter", "net.bridge",
)  # fmt: skip
IPV4 = frozenset("""
fib_multipath_hash_fields fib_multipath_hash_seed fib_notify_on_flag_change icmp_echo_enable_probe igmp_link_local_mcast_reports igmp_max_memberships
igmp_max_msf igmp_qrv ip_autobind_reuse ip_dynaddr ip_early_demux nexthop_compat_mode raw_l3mdev_accept tcp_adv_win_scale tcp_allowed_congestion_control
tcp_app_win tcp_autocorking tcp_available_congestion_control tcp_backlog_ack_defer tcp_challenge_ack_limit tcp_child_ehash_entries tcp_comp_sack_delay_ns
tcp_comp_sack_nr tcp_comp_sack_slack_ns tcp_congestion_control tcp_dsack tcp_early_demux tcp_early_retrans tcp_ecn_fallback tcp_ecn_option
tcp_ecn_option_beacon tcp_ehash_entries tcp_fack tcp_fastopen tcp_fastopen_blackhole_timeout_sec tcp_fastopen_key tcp_frto tcp_fwmark_accept
tcp_l3mdev_accept tcp_limit_output_bytes tcp_max_reordering tcp_migrate_req tcp_min_rtt_wlen tcp_min_tso_segs tcp_moderate_rcvbuf tcp_mtu_probe_floor
tcp_mtu_probing tcp_no_metrics_save tcp_no_ssthresh_metrics_save tcp_notsent_lowat tcp_pacing_ca_ratio tcp_pacing_ss_ratio tcp_pingpong_thresh
tcp_plb_cong_thresh tcp_plb_enabled tcp_plb_idle_rehash_rounds tcp_plb_rehash_rounds tcp_plb_suspend_rto_sec tcp_probe_interval tcp_probe_threshold
tcp_recovery tcp_reflect_tos tcp_reordering tcp_retrans_collapse tcp_shrink_window tcp_stdurg tcp_thin_linear_timeouts tcp_tso_rtt_log
tcp_tso_win_divisor tcp_tw_reuse_delay tcp_workaround_signed_windows udp_child_hash_entries udp_early_demux udp_hash_entries udp_l3mdev_accept
xfrm4_gc_thresh
""".split())  # fmt: skip
NEIGH = frozenset(("base_reachable_time", "retrans_time", "unres_qlen"))


def is_linux_key(name: str) -> bool:
    """Whether a key (with dots) that the emulator lacks is one of Linux."""
    if any(name == root or name.startswith(f"{root}.") for root in ROOTS):
        return True
    parts = name.split(".")
    if parts[:2] != ["net", "ipv4"]:
        return False
    return (len(parts) == 3 and parts[2] in IPV4) or (len(parts) == 5 and parts[2] == "neigh" and parts[4] in NEIGH)
