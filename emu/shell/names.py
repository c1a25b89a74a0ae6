"""Which commands are stand-ins."""

from __future__ import annotations

CONFIGURE = (
    "ip", "bridge", "brctl", "sysctl", "conntrack", "ethtool",
    *(f"iptables{variant}{verb}" for variant in ("", "-legacy", "-nft") for verb in ("", "-save", "-restore")),
)  # fmt: skip
PROGRAMS = (
    "ss", "hostname", "socat", "wget", "tracepath", "dig", "host", "nslookup", "getent", "ping", "traceroute", "curl", "nc", "netcat", "nc.openbsd",
    "iperf3", "tcpdump", "arping", "python3", "python",
)  # fmt: skip
CLUSTER = ("kubectl",)  # only where there is one
ELSEWHERE = ("sudo", "doas", "su", "nsenter", "sleep", "timeout", "modprobe", "lsmod", "rmmod")
REFUSED = (
    "nft", "tc", "ipvsadm", "ipset", "ebtables", "arptables", "ifconfig", "route", "netstat", "arp", "wg", "ovs-vsctl", "dhclient", "ifup", "ifdown",
    *(f"ip6tables{variant}{verb}" for variant in ("", "-legacy", "-nft") for verb in ("", "-save", "-restore")),
    "ping6", "mtr", "iperf", "telnet", "ncat", "nmap", "tshark", "dumpcap", "ssh", "scp",
    "unshare", "nstat", "rtmon", "tipc", "devlink", "rdma", "dcb",
)  # fmt: skip
ONLY_UNFENCED = ("id",)  # behind the fence the real one says what it should
STAND_INS = (*CONFIGURE, *PROGRAMS, *ELSEWHERE, *CLUSTER, *REFUSED)

MODULES = (
    "bridge", "br_netfilter", "vxlan", "veth", "overlay", "dummy", "ip_tables", "iptable_filter", "iptable_nat", "iptable_mangle", "iptable_raw",
)  # fmt: skip
MODULE_FAMILIES = ("nf_", "xt_", "ipt_")
