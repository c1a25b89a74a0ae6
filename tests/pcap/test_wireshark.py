"""What Wireshark's own tools say about the files."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from emu.pcap.folder import CaptureFolder
from emu.pcap.pcapng import INBOUND, OUTBOUND

pytestmark = pytest.mark.tshark
ARP = bytes.fromhex("ffffffffffff 020000000001 0806 0001 0800 0604 0001 020000000001 0a000001 000000000000 0a000002") + bytes(18)


def tshark(path: Path, *fields: str, where: str = "frame") -> list[list[str]]:
    """The fields of every frame that the filter lets through."""
    command = ["tshark", "-n", "-r", str(path), "-Y", where, "-T", "fields", *(part for field in fields for part in ("-e", field))]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env={"PATH": "/usr/bin:/bin", "TZ": "UTC", "HOME": str(path.parent)})
    return [line.split("\t") for line in done.stdout.splitlines()]


@pytest.fixture
def run(tmp_path: Path) -> Path:
    with CaptureFolder(tmp_path) as folder:
        everything = folder.pcapng()
        hops = [("node1", OUTBOUND, "flood: 3 ports"), ("pod-ü", INBOUND, "DNAT 10.96.0.10:80 → 10.0.0.2:8080")]
        for number, (namespace, direction, comment) in enumerate(hops):
            interface = everything.add_interface(f"{namespace}.eth0")
            t_ns = 1_000_000_001 * number
            folder.pcap(namespace, "eth0").write(t_ns, ARP)
            everything.write(t_ns, interface, ARP, comment, direction)
        everything.write(2_000_000_002, 0, ARP)
    return tmp_path


def test_tshark_reads_classic_pcap_to_the_nanosecond(run: Path) -> None:
    assert tshark(run / "node1.eth0.pcap", "frame.time_epoch", "eth.src", "arp.dst.proto_ipv4") == [["1735689600.000000000", "02:00:00:00:00:01", "10.0.0.2"]]
    assert tshark(run / "pod-%C3%BC.eth0.pcap", "frame.time_epoch") == [["1735689601.000000001"]]


def test_tshark_reads_names_directions_and_comments(run: Path) -> None:
    assert tshark(run / "all.pcapng", "frame.time_epoch", "frame.interface_name", "frame.packet_flags_direction", "frame.comment") == [
        ["1735689600.000000000", "node1.eth0", "0x00000002", "flood: 3 ports"],
        ["1735689601.000000001", "pod-ü.eth0", "0x00000001", "DNAT 10.96.0.10:80 → 10.0.0.2:8080"],
        ["1735689602.000000002", "node1.eth0", "", ""],
    ]


def test_comments_can_be_filtered(run: Path) -> None:
    assert tshark(run / "all.pcapng", "frame.number", where='frame.comment contains "DNAT"') == [["2"]]


def test_capinfos_finds_nothing_wrong(run: Path) -> None:
    for path in sorted(run.iterdir()):
        done = subprocess.run(["capinfos", str(path)], capture_output=True, text=True, check=True)
        assert done.stderr == ""
        assert "Strict time order:   True" in done.stdout
        assert "nanoseconds (9)" in done.stdout
