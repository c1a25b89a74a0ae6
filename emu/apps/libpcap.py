"""libpcap's own filter compiler, where the machine has that library (anyone who has tcpdump or Wireshark does): pcap-filter(7) to classic BPF."""

from __future__ import annotations

import ctypes
import ctypes.util
import re
from functools import cache
from typing import Any

from emu.apps.bpf import Instruction

EN10MB, LINUX_SLL2 = 1, 276
NETMASK_UNKNOWN = 0xFFFFFFFF
WORDS = re.compile(r"[\w\\][\w.:-]*")


class FilterError(ValueError):
    """The expression is wrong; the text is libpcap's."""


class _Instruction(ctypes.Structure):
    _fields_ = [("code", ctypes.c_ushort), ("jt", ctypes.c_ubyte), ("jf", ctypes.c_ubyte), ("k", ctypes.c_uint)]


class _Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_uint), ("instructions", ctypes.POINTER(_Instruction))]


@cache
def library() -> Any:
    """The library, None where there is none."""
    for name in (ctypes.util.find_library("pcap"), "libpcap.so.1", "libpcap.so.0.8", "libpcap.dylib"):
        try:
            found = ctypes.CDLL(name) if name else None
        except OSError:
            continue
        if found is not None:
            found.pcap_open_dead.restype = ctypes.c_void_p
            found.pcap_open_dead.argtypes = [ctypes.c_int, ctypes.c_int]
            found.pcap_compile.argtypes = [ctypes.c_void_p, ctypes.POINTER(_Program), ctypes.c_char_p, ctypes.c_int, ctypes.c_uint]
            found.pcap_geterr.restype = ctypes.c_char_p
            found.pcap_geterr.argtypes = [ctypes.c_void_p]
            found.pcap_freecode.argtypes = [ctypes.POINTER(_Program)]
            found.pcap_close.argtypes = [ctypes.c_void_p]
            return found
    return None


def compile_expression(expression: str, link_type: int = EN10MB, netmask: int = NETMASK_UNKNOWN) -> list[Instruction]:
    """The program for an expression; `library()` must be there. `netmask`: of the device, its bytes as this machine reads them. Raises FilterError."""
    pcap = library()
    handle = pcap.pcap_open_dead(link_type, 262144)
    try:
        program = _Program()
        if pcap.pcap_compile(handle, ctypes.byref(program), expression.encode("utf-8", "surrogateescape"), 1, netmask):
            raise FilterError(pcap.pcap_geterr(handle).decode("utf-8", "replace"))
        found = [(one.code, one.jt, one.jf, one.k) for one in program.instructions[: program.length]]
        pcap.pcap_freecode(ctypes.byref(program))
        return found
    finally:
        pcap.pcap_close(handle)


def hosts_in(expression: str) -> list[str]:
    """Words that libpcap would look up as hosts or networks: with the DNS servers of the machine we run on, which are not the emulated ones."""
    found = []
    names_ports = False
    for word in WORDS.findall(expression):
        if word.lower() in KEYWORDS:
            if word in ("host", "net", "gateway", "src", "dst"):
                names_ports = False
            elif word in ("port", "portrange", "proto", "protochain", "on", "ifname"):
                names_ports = True
        elif word[0].isalpha() and not names_ports and ":" not in word:
            found.append(word)
    return found


KEYWORDS = frozenset(
    """dst src link ether ppp slip fddi tr wlan arp rarp ip sctp tcp udp icmp igmp igrp pim vrrp carp radio ip6 icmp6 ah esp atalk aarp decnet lat sca
    moprc mopdl iso esis is-is isis l1 l2 iih lsp snp csnp psnp stp ipx netbeui host net mask port portrange proto protochain gateway type subtype
    direction dir address1 address2 address3 address4 addr1 addr2 addr3 addr4 ra ta less greater byte broadcast multicast and or not len inbound outbound
    ifindex vlan mpls pppoed pppoes geneve on ifname rset ruleset rnr rulenum srnr subrulenum reason action
    icmptype icmpcode icmp-echoreply icmp-unreach icmp-sourcequench icmp-redirect icmp-echo icmp-routeradvert icmp-routersolicit icmp-timxceed icmp-paramprob
    icmp-tstamp icmp-tstampreply icmp-ireq icmp-ireqreply icmp-maskreq icmp-maskreply tcpflags tcp-fin tcp-syn tcp-rst tcp-push tcp-ack tcp-urg tcp-ece
    tcp-cwr x""".split()
)
