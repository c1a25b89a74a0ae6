"""Two runs are the same text exactly when they did the same."""

from __future__ import annotations

from pathlib import Path

from scapy.layers.inet import ICMP, IP, UDP
from scapy.layers.l2 import Ether

from tests.kernel.lab import Captured
from tests.parity.observed import KILLED, TABLES, Command, Observed, Owner
from tests.parity.report import report
from tests.parity.script import Script

A, B, BRIDGE = "02:aa:00:00:00:01", "02:aa:00:00:00:02", "02:aa:00:00:00:03"
SCRIPT = Script("s", Path("s.sh"), "nc 10.0.0.2 7777\n")


def seen(time: int, data: Ether, dev: str = "eth0", outgoing: bool = True, partial: bool = False) -> Captured:
    return Captured(time, "red", dev, 4 if outgoing else 0, partial, bytes(data))


def datagram(src: str, sport: int, dport: int = 7777, ident: int = 9) -> Ether:
    return Ether(src=src, dst=B) / IP(src="10.0.0.1", dst="10.0.0.2", id=ident) / UDP(sport=sport, dport=dport) / b"x"


def observed(**given: object) -> Observed:
    return Observed(owners=[Owner(A, "red.eth0", False), Owner(B, "blue.eth0", False)], **given)  # type: ignore[arg-type]


def test_what_is_drawn_is_named_and_what_the_script_chose_stays() -> None:
    one = report(SCRIPT, observed(frames=[seen(1, datagram(A, 40001))]))
    other = observed(frames=[seen(1, datagram("02:ff:00:00:00:01", 50001, ident=77))])
    other.owners[0] = Owner("02:ff:00:00:00:01", "red.eth0", False)
    assert one == report(SCRIPT, other)
    assert one["frames of red.eth0"] == ["tx red.eth0>blue.eth0 ip 10.0.0.1>10.0.0.2 ttl 64 id x | udp p1>7777 data 1 'x'"]


def test_another_port_that_the_script_chose_is_another_frame() -> None:
    script = Script("s", Path("s.sh"), "nc 10.0.0.2 7777; nc 10.0.0.2 7778\n")
    assert report(script, observed(frames=[seen(1, datagram(A, 1, 7777))])) != report(script, observed(frames=[seen(1, datagram(A, 1, 7778))]))


def test_a_mac_that_the_script_wrote_out_stays() -> None:
    script = Script("s", Path("s.sh"), f"ip link set eth0 address {A}\n")
    assert f"tx {A}>blue.eth0 " in report(script, observed(frames=[seen(1, datagram(A, 40001))]))["frames of red.eth0"][0]


def test_a_checksum_is_left_alone_on_lo_only() -> None:
    wrong = Ether(src=A, dst=B) / IP(src="10.0.0.1", dst="10.0.0.2", id=1) / UDP(sport=7777, dport=7777, chksum=1) / b"x"
    frames = report(SCRIPT, observed(frames=[seen(1, wrong, partial=True), seen(2, wrong, "lo", partial=True), seen(3, wrong, "lo")]))
    assert [("BAD-CHECKSUM" in line) for line in frames["frames of red.eth0"] + frames["frames of red.lo"]] == [True, False, True]


def test_frames_are_by_interface_in_the_order_of_time() -> None:
    first, second = (Ether(src=A, dst=B) / IP(src="10.0.0.1", dst="10.0.0.2", id=1) / ICMP(id=9, seq=number) for number in (1, 2))
    frames = report(SCRIPT, observed(frames=[seen(2, second), seen(1, first), seen(3, first, "eth1", outgoing=False)]))
    assert [line.split(" data")[0][-5:] for line in frames["frames of red.eth0"]] == ["seq 1", "seq 2"]
    assert frames["frames of red.eth1"][0].startswith("rx ")


def test_commands_are_in_the_order_they_were_forked() -> None:
    commands = [Command(9, "red", ("nc", "-l", "80"), KILLED), Command(7, "red", ("ping", "-c1", "10.0.0.9"), "1"), Command(8, "host", ("ip", "link"), "0")]
    sections = report(SCRIPT, observed(commands=commands))
    assert sections["commands in red"] == ["ping -c1 10.0.0.9 -> 1", "nc -l 80 -> killed"]
    assert sections["commands in host"] == ["ip link -> 0"]


def tables(**texts: str) -> dict[tuple[str, str], str]:
    return {("red", title): texts.get(title.split()[0] if title != "ip neigh" else "neigh", "") for title, _ in TABLES}


def test_tables_without_order_are_sorted_and_timeouts_left_out() -> None:
    entry = "udp      17 {} src=10.0.0.1 dst=10.0.0.2 sport={} dport=7777 src=10.0.0.2 dst=10.0.0.1 sport=7777 dport={} mark=0 use={}\n"
    one = observed(tables=tables(neigh=f"10.0.0.2 dev eth0 lladdr {B} STALE\n10.0.0.1 dev eth0  FAILED\n", conntrack=entry.format(29, 40001, 40001, 1)))
    other = observed(tables=tables(neigh=f"10.0.0.1 dev eth0 FAILED\n10.0.0.2 dev eth0 lladdr {B} STALE\n", conntrack=entry.format(17, 50001, 50001, 2)))
    assert report(SCRIPT, one)["conntrack -L in red"] == report(SCRIPT, other)["conntrack -L in red"]
    assert sorted(line.replace("  ", " ") for line in report(SCRIPT, one)["ip neigh in red"]) == report(SCRIPT, other)["ip neigh in red"]


def test_an_entry_in_another_state_differs() -> None:
    one, other = (observed(tables=tables(neigh=f"10.0.0.2 dev eth0 lladdr {B} {state}\n")) for state in ("STALE", "REACHABLE"))
    assert report(SCRIPT, one) != report(SCRIPT, other)


def test_a_bridge_has_its_mac_from_whichever_port() -> None:
    def bridge(lowest: str) -> Observed:
        macs = {"p": "02:00:00:00:00:01" if lowest == "p" else "02:00:00:00:00:03", "q": "02:00:00:00:00:02"}
        owners = [Owner(macs["p"], "red.p", False), Owner(macs["q"], "red.q", False), Owner(macs[lowest], "red.br0", True)]
        fdb = f"{macs['p']} dev p master br0 permanent\n{macs['q']} dev q master br0 permanent\n"
        frame = Ether(src=macs[lowest], dst="ff:ff:ff:ff:ff:ff") / IP(src="10.0.0.1", dst="10.0.0.2", id=1) / ICMP()
        return Observed(owners=owners, frames=[seen(1, frame, "br0")], tables=tables(bridge=fdb))

    assert report(SCRIPT, bridge("p")) == report(SCRIPT, bridge("q"))
    assert report(SCRIPT, bridge("p"))["bridge fdb in red"] == ["red.p dev p master br0 permanent", "red.q dev q master br0 permanent"]
