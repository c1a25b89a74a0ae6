"""Lines of LOG, word by word what the kernel wrote for the same packets (recorded from dmesg on 6.18, MACs put to those of this router)."""

from __future__ import annotations

import pytest

from tests.net.conntrack.packets import echo, error, icmp, ip, tcp, udp
from tests.net.netfilter.cases import LATER_FRAGMENT, MSS, A, B, header, ports
from tests.net.netfilter.router import Router

MAC = "MAC=02:00:00:00:01:01:02:00:00:00:01:02:08:00"
RULES = (
    '*filter\n-A FORWARD -j LOG --log-prefix "NF " --log-tcp-sequence --log-tcp-options --log-ip-options\nCOMMIT\n'
    "*mangle\n-A PREROUTING -p icmp -j MARK --set-mark 0x55\nCOMMIT\n"
)


@pytest.mark.parametrize(
    ("packet", "line"),
    [
        (
            ports(1, 2),
            "LEN=32 TOS=0x00 PREC=0x00 TTL=63 ID=1 PROTO=UDP SPT=1 DPT=2 LEN=12",
        ),
        (
            ports(1, 2, "tcp", options=MSS),
            "LEN=44 TOS=0x00 PREC=0x00 TTL=63 ID=1 PROTO=TCP SPT=1 DPT=2 SEQ=0 ACK=0 WINDOW=64240 RES=0x00 SYN URGP=0 OPT (020405B4)",
        ),
        (
            echo(A, B, 7),
            "LEN=32 TOS=0x00 PREC=0x00 TTL=63 ID=1 PROTO=ICMP TYPE=8 CODE=0 ID=7 SEQ=1 MARK=0x55",
        ),
        (
            error(A, B, udp(B, 1, "10.0.1.9", 2), 3, 3),
            "LEN=60 TOS=0x00 PREC=0x00 TTL=63 ID=1 PROTO=ICMP TYPE=3 CODE=3 "
            "[SRC=10.0.2.2 DST=10.0.1.9 LEN=32 TOS=0x00 PREC=0x00 TTL=64 ID=1 PROTO=UDP SPT=1 DPT=2 LEN=12 ] MARK=0x55",
        ),
        (
            LATER_FRAGMENT,
            "LEN=32 TOS=0x00 PREC=0x00 TTL=63 ID=1 FRAG:2 PROTO=UDP",
        ),
        (
            header(ports(1, 2), tos=0xBA, frag=0x4000),
            "LEN=32 TOS=0x1A PREC=0xA0 TTL=63 ID=1 DF PROTO=UDP SPT=1 DPT=2 LEN=12",
        ),
        (
            header(ports(1, 2), frag=0x2000),
            "LEN=32 TOS=0x00 PREC=0x00 TTL=63 ID=1 MF PROTO=UDP SPT=1 DPT=2 LEN=12",
        ),
        (
            ip(A, B, 99, b"xx"),
            "LEN=22 TOS=0x00 PREC=0x00 TTL=63 ID=1 PROTO=99",
        ),
        (
            ip(A, B, 17, b"abc"),
            "LEN=23 TOS=0x00 PREC=0x00 TTL=63 ID=1 PROTO=UDP INCOMPLETE [3 bytes]",
        ),
        (
            icmp(A, B, 5, 1, 0x0A000105, udp(B, 1, A, 2)),
            "LEN=60 TOS=0x00 PREC=0x00 TTL=63 ID=1 PROTO=ICMP TYPE=5 CODE=1 GATEWAY=10.0.1.5 "
            "[SRC=10.0.2.2 DST=10.0.1.2 LEN=32 TOS=0x00 PREC=0x00 TTL=64 ID=1 PROTO=UDP SPT=1 DPT=2 LEN=12 ] MARK=0x55",
        ),
        (
            error(A, B, tcp(B, 1, A, 2, "A", seq=5), 3, 4, 1400),
            "LEN=68 TOS=0x00 PREC=0x00 TTL=63 ID=1 PROTO=ICMP TYPE=3 CODE=4 "
            "[SRC=10.0.2.2 DST=10.0.1.2 LEN=40 TOS=0x00 PREC=0x00 TTL=64 ID=1 PROTO=TCP "
            "SPT=1 DPT=2 SEQ=5 ACK=0 WINDOW=64240 RES=0x00 ACK URGP=0 ] MTU=1400 MARK=0x55",
        ),
        (
            icmp(A, B, 12, 0, 5 << 24, udp(B, 1, A, 2)),
            "LEN=60 TOS=0x00 PREC=0x00 TTL=63 ID=1 PROTO=ICMP TYPE=12 CODE=0 PARAMETER=5 MARK=0x55",
        ),
        (
            tcp(A, 1, B, 2, "FPUA", seq=1, ack=2),
            "LEN=40 TOS=0x00 PREC=0x00 TTL=63 ID=1 PROTO=TCP SPT=1 DPT=2 SEQ=1 ACK=2 WINDOW=64240 RES=0x00 URG ACK PSH FIN URGP=0",
        ),
    ],
)
def test_lines_are_the_kernels(packet: bytes, line: str) -> None:
    router = Router()
    router.restore(RULES)
    router.send("a", packet)
    assert [text for _, text in router.ns.nf.log] == [f"NF IN=a OUT=b {MAC} SRC=10.0.1.2 DST=10.0.2.2 {line}"]


def test_other_forms_of_the_device_part() -> None:
    router = Router()
    router.restore("*filter\n-A INPUT -p udp -j LOG --log-macdecode\n-A INPUT -j REJECT\n-A OUTPUT -j LOG --log-prefix out:\nCOMMIT\n")
    router.send("a", udp(A, 1, "10.0.1.1", 9))
    (t_in, line_in), (t_out, line_out) = router.ns.nf.log
    assert line_in.startswith("IN=a OUT= MACSRC=02:00:00:00:01:02 MACDST=02:00:00:00:01:01 MACPROTO=0800 SRC=10.0.1.2 DST=10.0.1.1 LEN=32 ")
    assert line_out.startswith("out:IN= OUT=a SRC=10.0.1.1 DST=10.0.1.2 LEN=60 TOS=0x00 PREC=0xC0 TTL=64 ")
    assert t_in == t_out


def test_the_log_is_bounded() -> None:
    router = Router()
    router.restore("*filter\n-A FORWARD -j LOG\nCOMMIT\n")
    for _ in range(1100):
        router.send("a", ports(1, 2))
    assert len(router.ns.nf.log) == 1000
