"""A frame is a scapy `Ether` in everything that can be read, and cannot be changed."""

from __future__ import annotations

import copy
import pickle
import warnings
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.l2 import ARP, LLC, Ether
from scapy.packet import Packet, Raw
from scapy.plist import PacketList
from scapy.utils import rdpcap, wrpcap

from emu.wire.frame import Frame

CLIENT, SERVER = "02:00:00:00:00:01", "02:00:00:00:00:02"
BUILT = Ether(src=CLIENT, dst=SERVER) / IP(src="10.0.0.1", dst="10.0.0.2", ttl=63) / UDP(sport=40000, dport=53) / b"question"
WIRE = bytes(BUILT)
ARP_WIRE = bytes(Ether(src=CLIENT, dst="ff:ff:ff:ff:ff:ff") / ARP(hwsrc=CLIENT, psrc="10.0.0.1", pdst="10.0.0.2"))
ICMP_ERROR = bytes(Ether(src=SERVER, dst=CLIENT) / IP(src="10.0.0.2", dst="10.0.0.1") / ICMP(type=3, code=3) / BUILT[IP])
SPANNING_TREE = bytes.fromhex("0180c2000000 020000000001 0026 424203") + bytes(35)
SAMPLES = [WIRE, ARP_WIRE, ICMP_ERROR, WIRE[:50], WIRE + bytes(10), ARP_WIRE[:20]]


@pytest.fixture
def frame() -> Frame:
    return Frame.make(WIRE, 7)


@pytest.fixture
def no_host(monkeypatch: pytest.MonkeyPatch) -> None:
    """Asking scapy about this machine's routes, neighbours or interfaces fails the test."""
    from scapy.config import conf

    def asked(*args: object, **kwargs: object) -> None:
        raise AssertionError("scapy asked the host")

    monkeypatch.setattr(conf.route, "route", asked)
    monkeypatch.setattr(conf.neighbor, "resolve", asked)
    monkeypatch.setattr(type(conf.ifaces), "dev_from_name", asked)


# -- what it is


def test_it_is_an_ether_and_not_dissected_before_somebody_looks(frame: Frame) -> None:
    assert isinstance(frame, Ether)
    assert (frame.wire, frame.id, len(frame), bytes(frame)) == (WIRE, 7, len(WIRE), WIRE)
    with pytest.raises(AttributeError):
        object.__getattribute__(frame, "payload")
    assert frame[IP].dst == "10.0.0.2"
    assert object.__getattribute__(frame, "payload").name == "IP"


def test_a_frame_is_made_of_bytes_only() -> None:
    assert Frame(WIRE) == Frame(bytearray(WIRE)) == Frame.make(WIRE)
    for attempt in (lambda: Frame(dst=SERVER), lambda: Frame(BUILT), lambda: Frame("text")):
        with pytest.raises(TypeError, match="build with Ether"):
            attempt()


# -- what can be read from it is what can be read from an Ether


READ = {
    "fields": lambda p: (p.src, p.dst, p.type, p[IP].src, p.ttl, p.sport, p[UDP].dport, p.load),
    "haslayer": lambda p: [p.haslayer(layer) for layer in (Ether, IP, UDP, TCP, "Ether", "UDP", "Ethernet", Raw)],
    "in": lambda p: [layer in p for layer in (Ether, IP, UDP, TCP, ARP, "IP")],
    "getlayer": lambda p: (bytes(p.getlayer(IP)), p.getlayer("IP.dst"), p.getlayer(IP, 2), p.getlayer(Ether, 2)),
    "getlayer of itself": lambda p: (bytes(p[Ether]), bytes(p["Ether"]), bytes(p["Ethernet"]), p.getlayer("Ether.src")),
    "getlayer by number": lambda p: [type(p.getlayer(number)) for number in (1, 2, 3, 4)],
    "getlayer by field": lambda p: (bytes(p.getlayer(Ether, src=CLIENT)), p.getlayer(Ether, src=SERVER), bytes(p.getlayer(UDP, dport=53))),
    "slices": lambda p: bytes(p[Ether:1]),
    "layers": lambda p: p.layers(),
    "len": len,
    "bytes": bytes,
    "build": lambda p: p.build(),
    "show": lambda p: p.show(dump=True),
    "show2": lambda p: p.show2(dump=True),
    "summary": lambda p: p.summary(),
    "sprintf": lambda p: p.sprintf("%Ether.src% > %Ether.dst% %IP.src%:%UDP.sport%"),
    "command": lambda p: p.command(),
    "payload": lambda p: (bytes(p.payload), p.payload.payload.name, p.lastlayer().name, [layer.name for layer in p.iterpayloads()]),
    "underlayer": lambda p: p[IP].underlayer.src,
    "underlayer of a copied layer": lambda p: bytes(p[IP].copy()),
    "division": lambda p: (bytes(p / b"more"), bytes(b"before" / p), bytes(IP(src="1.1.1.1", dst="2.2.2.2") / p)),
    "multiplication": lambda p: len(p * 3),
    "iteration": lambda p: [bytes(each) for each in p],
    "truth": bool,
    "answers": lambda p: p.answers(p),
    "hashret": lambda p: p.hashret(),
    "get_field": lambda p: p.get_field("dst").name,
    "fields_desc": lambda p: [field.name for field in p.fields_desc],
    "name": lambda p: p.name,
    "clone_with": lambda p: bytes(p.clone_with(payload=None, src=CLIENT, dst=SERVER, type=0x88B5)),
}


@pytest.mark.parametrize("read", READ.values(), ids=READ)
@pytest.mark.usefixtures("no_host")
def test_it_reads_as_a_plain_ether_does(read: object) -> None:
    assert read(Frame.make(WIRE)) == read(Ether(WIRE))  # type: ignore[operator]


@pytest.mark.parametrize("wire", SAMPLES, ids=["udp", "arp", "icmp error", "truncated", "trailer", "cut arp"])
@pytest.mark.parametrize("read", ["layers", "show", "summary", "bytes", "command", "haslayer"])
def test_any_frame_reads_as_a_plain_ether_does(read: str, wire: bytes) -> None:
    assert READ[read](Frame.make(wire)) == READ[read](Ether(wire))  # type: ignore[no-untyped-call]


def test_a_quoted_header_is_not_taken_for_a_header() -> None:
    error = Frame.make(ICMP_ERROR)
    assert UDP not in error
    assert error.getlayer(IP, 2) is None
    assert "UDP in ICMP" in error


def test_its_time_is_not_the_wall_clock(frame: Frame) -> None:
    assert frame.time == 0


def test_its_repr_names_the_lineage(frame: Frame) -> None:
    assert repr(frame) == "<Frame 7: Ether / IP / UDP 10.0.0.1:40000 > 10.0.0.2:domain / Raw>"


# -- equality


@pytest.mark.usefixtures("no_host")
def test_equality_is_by_bytes_both_ways(frame: Frame) -> None:
    same, other = Ether(WIRE), Ether(ARP_WIRE)
    assert frame == same
    assert same == frame
    assert frame == Frame.make(WIRE, 8)
    assert frame == BUILT
    assert frame != other
    assert other != frame
    assert frame != WIRE
    assert hash(frame) == hash(Frame.make(WIRE, 9))
    assert len({frame, Frame.make(WIRE, 9), Frame.make(ARP_WIRE)}) == 2


@pytest.mark.usefixtures("no_host")
@pytest.mark.parametrize(
    "open_packet",
    [
        Ether() / IP(src="10.0.0.1", dst="10.0.0.2"),
        Ether(src=CLIENT, dst=SERVER) / IP(dst="10.0.0.2"),
        Ether(src=CLIENT, dst=SERVER) / ARP(pdst="10.0.0.2", psrc="10.0.0.1"),
    ],
    ids=["no MACs", "no source", "no ARP sender"],
)
def test_a_packet_with_open_addresses_equals_no_frame(frame: Frame, open_packet: Packet) -> None:
    assert frame != open_packet
    assert open_packet != frame


# -- copies


def test_copies_are_plain_and_free(frame: Frame) -> None:
    for twin in (frame.copy(), copy.copy(frame), copy.deepcopy(frame), copy.deepcopy([frame])[0], frame / b""):
        assert type(twin) is Ether
        twin[IP].ttl = 9
        twin.src = SERVER
        assert twin != frame
    assert bytes(frame) == WIRE
    assert frame[IP].ttl == 63


def test_pickle_keeps_the_frame(frame: Frame) -> None:
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        twin = pickle.loads(pickle.dumps(frame, protocol))
        assert (type(twin), twin.wire, twin.id) == (Frame, WIRE, 7)
    assert pickle.loads(pickle.dumps(frame[IP])) == Ether(WIRE)[IP]


# -- changes


CHANGES = {
    "a field": lambda f: setattr(f, "src", SERVER),
    "a field of a payload": lambda f: setattr(f, "ttl", 1),
    "the payload": lambda f: setattr(f, "payload", Raw(b"x")),
    "the bytes": lambda f: setattr(f, "wire", b""),
    "the lineage": lambda f: setattr(f, "id", 1),
    "the time": lambda f: setattr(f, "time", 1.0),
    "anything": lambda f: setattr(f, "colour", "red"),
    "del": lambda f: delattr(f, "type"),
    "setfieldval": lambda f: f.setfieldval("src", SERVER),
    "delfieldval": lambda f: f.delfieldval("src"),
    "add_payload": lambda f: f.add_payload(Raw(b"x")),
    "remove_payload": lambda f: f.remove_payload(),
    "a layer": lambda f: f.__setitem__(IP, IP()),
    "del a layer": lambda f: f.__delitem__(IP),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_changes_are_refused(frame: Frame, change: object) -> None:
    before = frame.show(dump=True)
    with pytest.raises(AttributeError, match=r"copy\(\) it first"):
        change(frame)  # type: ignore[operator]
    assert (frame.wire, frame.show(dump=True), frame.src, frame[IP].ttl) == (WIRE, before, CLIENT, 63)


def test_edits_of_its_layers_never_reach_the_wire(frame: Frame) -> None:
    frame[IP].ttl = 1
    del frame[IP].chksum
    frame[UDP].payload = Raw(b"forged")
    frame.fields["src"] = SERVER
    assert bytes(frame) == frame.build() == frame.wire == WIRE
    assert frame == Ether(WIRE)
    assert bytes(frame.copy()) == WIRE
    assert "forged" not in frame.show(dump=True)


# -- odd frames


def test_under_14_bytes_it_is_raw() -> None:
    stub = Frame.make(b"abc")
    assert stub.layers() == [Ether, Raw]
    assert stub[Raw].load == b"abc"
    assert (stub.summary(), type(stub.copy()), stub == Raw(b"abc")) == ("Raw", Raw, True)
    assert (stub.src, bytes(stub), stub.type) == ("00:00:00:00:00:00", b"abc", 0)


def test_an_802_3_frame_keeps_its_addresses() -> None:
    bpdu = Frame.make(SPANNING_TREE)
    assert (bpdu.src, bpdu.dst, bpdu.type) == (CLIENT, "01:80:c2:00:00:00", 38)
    assert bpdu[LLC].dsap == 0x42
    assert bytes(bpdu.copy()) == bytes(bpdu) == SPANNING_TREE


ETHERTYPES = st.sampled_from([b"\x08\x00", b"\x08\x06", b"\x81\x00", b"\x86\xdd", b"\x00\x10"])


@given(st.binary(max_size=60) | st.builds(lambda macs, kind, tail: macs + kind + tail, st.binary(min_size=12, max_size=12), ETHERTYPES, st.binary(max_size=80)))
def test_any_bytes_can_be_looked_at(wire: bytes) -> None:
    frame = Frame.make(wire)
    assert bytes(frame) == bytes(frame.copy()) == wire
    assert len(frame.src) == len(frame.dst) == 17
    assert frame.layers()[0] is Ether
    assert isinstance(frame.summary() + frame.show(dump=True) + repr(frame), str)
    assert frame == pickle.loads(pickle.dumps(frame))


# -- scapy's tools take it


def test_wrpcap_writes_it_without_a_warning(frame: Frame, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        wrpcap(str(tmp_path / "a.pcap"), [frame, Frame.make(ARP_WIRE), Ether(WIRE)])
    assert [bytes(packet) for packet in rdpcap(str(tmp_path / "a.pcap"))] == [WIRE, ARP_WIRE, WIRE]
    assert caplog.records == []


def test_a_packet_list_holds_frames(frame: Frame, capsys: pytest.CaptureFixture[str]) -> None:
    both = PacketList([frame, Frame.make(ARP_WIRE)])
    assert len(both[UDP]) == 1
    assert both.filter(lambda packet: ARP in packet)[0].wire == ARP_WIRE
    both.summary()
    assert capsys.readouterr().out.splitlines()[0] == "Ether / IP / UDP 10.0.0.1:40000 > 10.0.0.2:domain / Raw"
