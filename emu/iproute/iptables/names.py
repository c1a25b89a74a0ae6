"""Names that iptables reads and writes instead of numbers: protocols, services, and how numbers are written."""

from __future__ import annotations

from emu.iproute.iptables.errors import IptablesError

PROTOCOLS = {
    "tcp": 6, "udp": 17, "icmp": 1, "sctp": 132, "udplite": 136, "esp": 50, "ah": 51, "ipv6-icmp": 58, "icmpv6": 58, "mobility-header": 135,
    "ipv6-mh": 135, "mh": 135, "all": 0, "igmp": 2, "ggp": 3, "ipencap": 4, "st": 5, "egp": 8, "igp": 9, "pup": 12, "hmp": 20, "xns-idp": 22,
    "rdp": 27, "iso-tp4": 29, "dccp": 33, "xtp": 36, "ddp": 37, "idpr-cmtp": 38, "ipv6": 41, "ipv6-route": 43, "ipv6-frag": 44, "idrp": 45,
    "rsvp": 46, "gre": 47, "skip": 57, "ipv6-nonxt": 59, "ipv6-opts": 60, "rspf": 73, "vmtp": 81, "eigrp": 88, "ospf": 89, "ax.25": 93, "ipip": 94,
    "etherip": 97, "encap": 98, "pim": 103, "ipcomp": 108, "vrrp": 112, "l2tp": 115, "isis": 124, "fc": 133, "mpls-in-ip": 137, "manet": 138,
    "hip": 139, "shim6": 140, "wesp": 141, "rohc": 142, "ethernet": 143,
}  # fmt: skip
PROTOCOL_NAMES: dict[int, str] = {}
for _name, _number in PROTOCOLS.items():
    PROTOCOL_NAMES.setdefault(_number, _name)

SERVICES = {
    "tcpmux": 1, "echo": 7, "discard": 9, "daytime": 13, "ftp-data": 20, "ftp": 21, "ssh": 22, "telnet": 23, "smtp": 25, "time": 37, "domain": 53,
    "bootps": 67, "bootpc": 68, "tftp": 69, "finger": 79, "http": 80, "kerberos": 88, "pop3": 110, "sunrpc": 111, "auth": 113, "nntp": 119,
    "ntp": 123, "netbios-ns": 137, "netbios-dgm": 138, "netbios-ssn": 139, "imap2": 143, "snmp": 161, "snmp-trap": 162, "bgp": 179, "ldap": 389,
    "https": 443, "microsoft-ds": 445, "submissions": 465, "isakmp": 500, "syslog": 514, "submission": 587, "ipp": 631, "ldaps": 636, "domain-s": 853,
    "rsync": 873, "imaps": 993, "pop3s": 995, "openvpn": 1194, "nfs": 2049, "mysql": 3306, "rdp": 3389, "ms-wbt-server": 3389, "postgresql": 5432,
    "mdns": 5353, "http-alt": 8080,
}  # fmt: skip
SERVICE_NAMES = {number: name for name, number in SERVICES.items()}
SERVICES["www"] = 80


def number(text: str, low: int, high: int) -> int | None:
    """A number as strtoul with base 0 reads it (0x.., 0.. octal); None if it is none or out of range."""
    if text.isascii() and text.isdigit() and (text[0] != "0" or text == "0"):
        plain = int(text)
        return plain if low <= plain <= high else None
    try:
        if text[:2] in ("0x", "0X"):
            value = int(text, 16)
        elif len(text) > 1 and text[0] == "0":
            value = int(text, 8)
        else:
            return None
    except ValueError:
        return None
    return value if low <= value <= high and "_" not in text else None


def port(text: str) -> int:
    """A port number or the name of a service."""
    value = number(text, 0, 65535)
    if value is None:
        value = SERVICES.get(text)
    if value is None:
        raise IptablesError(f"invalid port/service `{text}' specified")
    return value


def port_range(text: str) -> tuple[int, int]:
    """`80`, `1000:2000`, `:1024`, `1024:`."""
    first, colon, last = text.partition(":")
    if not colon:
        value = port(first)
        return value, value
    low, high = port(first) if first else 0, port(last) if last else 65535
    if low > high:
        raise IptablesError(f"invalid portrange (min > max): `{text}'")
    return low, high


def range_text(low: int, high: int, sep: str = ":") -> str:
    """A range as it is saved: one number if it is one."""
    return str(low) if low == high else f"{low}{sep}{high}"


def protocol(text: str) -> int:
    """A protocol's number from its number or name in any case."""
    value = number(text, 0, 255)
    if value is None:
        value = PROTOCOLS.get(text.lower())
    if value is None:
        raise IptablesError(f'unknown protocol "{text}" specified')
    return value


def protocol_text(value: int) -> str:
    """A protocol's name, or its number if it has none."""
    return PROTOCOL_NAMES.get(value) or str(value)


def value_mask(name: str, option: str, text: str, top: int = 0xFFFFFFFF) -> tuple[int, int]:
    """`value[/mask]` of marks; the mask is all ones if left out."""
    first, slash, rest = text.partition("/")
    value, mask = number(first, 0, top), number(rest, 0, top) if slash else top
    if value is None or mask is None:
        raise IptablesError(f'{name}: bad integer value for option "--{option}", or out of range.')
    return value, mask
