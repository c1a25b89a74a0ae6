"""Port numbers and their names (Debian's /etc/services), as far as programs print them."""

from __future__ import annotations

BOTH = {
    7: "echo", 9: "discard", 13: "daytime", 19: "chargen", 37: "time", 53: "domain", 88: "kerberos", 111: "sunrpc", 161: "snmp", 162: "snmp-trap",
    389: "ldap", 443: "https", 636: "ldaps", 853: "domain-s", 1194: "openvpn", 1812: "radius", 2049: "nfs", 5060: "sip", 5061: "sip-tls",
}  # fmt: skip
TCP = {
    20: "ftp-data", 21: "ftp", 22: "ssh", 23: "telnet", 25: "smtp", 43: "whois", 70: "gopher", 79: "finger", 80: "http", 110: "pop3", 113: "auth",
    119: "nntp", 139: "netbios-ssn", 143: "imap2", 179: "bgp", 445: "microsoft-ds", 465: "submissions", 514: "shell", 515: "printer", 587: "submission",
    631: "ipp", 873: "rsync", 993: "imaps", 995: "pop3s", 1080: "socks", 1433: "ms-sql-s", 3306: "mysql", 3389: "ms-wbt-server", 5222: "xmpp-client",
    5432: "postgresql", 5671: "amqps", 5672: "amqp", 6379: "redis", 6667: "ircd", 8080: "http-alt", 9418: "git", 10050: "zabbix-agent",
}  # fmt: skip
UDP = {
    21: "fsp", 67: "bootps", 68: "bootpc", 69: "tftp", 123: "ntp", 137: "netbios-ns", 138: "netbios-dgm", 514: "syslog", 546: "dhcpv6-client",
    547: "dhcpv6-server", 4500: "ipsec-nat-t", 5353: "mdns",
}  # fmt: skip


def service(port: int, protocol: str = "tcp") -> str:
    """The port's name, "" if it has none."""
    return (UDP if protocol == "udp" else TCP).get(port) or BOTH.get(port, "")


def number(name: str) -> int | None:
    """The port of a name, None if there is no such name."""
    return next((port for names in (BOTH, TCP, UDP) for port, known in names.items() if known == name), None)
