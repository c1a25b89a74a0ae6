"""A scapy `Ether` that dissects itself only when somebody looks.

`Frame` is created from wire bytes in one allocation, without scapy's `__init__`: scapy's own slots stay unset. Reading an unset slot ends
in `__getattr__`, which dissects the wire once and goes on. `wire` is the truth: the dissected layers are a view, and changing the frame is
refused, so that nobody believes an edit was sent.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NoReturn

from scapy.config import conf
from scapy.layers.l2 import Dot3, Ether
from scapy.packet import Packet, Raw

_new = object.__new__
_set = object.__setattr__

ETHERNET_HEADER = 14
MAX_LENGTH_FIELD = 1500  # up to here the two bytes after the addresses are IEEE 802.3's length, above a type
NO_MAC = "00:00:00:00:00:00"


class Frame(Ether):
    """One Ethernet frame on its way.

    `wire`: its bytes, without FCS. `id`: its lineage id; copies and rewritten forms keep it. Use `Frame.make(wire, id)`. Everything scapy
    reads from an `Ether` can be read from it; `copy()` gives a plain one, which can be changed and sent. A frame has no time of its own
    (`time` is 0): the same frame is seen by many devices, and taps are told when.
    """

    __slots__ = ("id", "wire")
    name = "Ethernet"

    wire: bytes
    id: int

    @classmethod
    def make(cls, wire: bytes, frame_id: int = 0) -> Frame:
        """A frame of these bytes; any bytes, any length."""
        frame = _new(cls)
        _set_wire(frame, wire)
        _set_id(frame, frame_id)
        return frame

    def __init__(self, _pkt: bytes = b"", *args: Any, **kwargs: Any) -> None:
        # scapy calls cls(bytes) here and there; what looks like building a packet is for Ether.
        if args or kwargs or not isinstance(_pkt, (bytes, bytearray, memoryview)):
            raise TypeError("a Frame is made from wire bytes; build with Ether()/... and send that")
        _set_wire(self, bytes(_pkt))
        _set_id(self, 0)

    def __getattr__(self, attr: str) -> Any:
        if attr in _LAZY_SLOTS:
            _dissect(self)
            return object.__getattribute__(self, attr)
        return Ether.__getattr__(self, attr)

    # -- bytes --------------------------------------------------------------------------------------------------------------------

    def __bytes__(self) -> bytes:
        return self.wire

    def build(self) -> bytes:
        """The wire bytes; a frame is never put together again from its layers."""
        return self.wire

    def do_build(self) -> bytes:
        """The wire bytes."""
        return self.wire

    def __len__(self) -> int:
        return len(self.wire)

    def __bool__(self) -> bool:
        return True

    # A packet whose addresses are still open (scapy would ask this machine's routes for them) has no bytes yet and equals no frame.
    def __eq__(self, other: object) -> bool:
        if isinstance(other, Frame):
            return self.wire == other.wire
        if isinstance(other, Packet):
            return not addresses_open(other) and self.wire == bytes(other)
        return NotImplemented

    def __ne__(self, other: object) -> bool:
        equal = self.__eq__(other)
        return equal if equal is NotImplemented else not equal

    def __hash__(self) -> int:  # type: ignore[override]  # a Packet can be changed and has none; a frame cannot
        return hash(self.wire)

    def __reduce__(self) -> tuple[Any, ...]:
        return (Frame.make, (self.wire, self.id))

    # -- copies are plain packets -------------------------------------------------------------------------------------------------

    def copy(self) -> Packet:  # type: ignore[override]  # plain, so that it can be changed
        """What scapy dissects the wire to: an `Ether`, free to be changed. (`Dot3` for IEEE 802.3, `Raw` under 14 bytes.)"""
        return plain(self.wire)

    __copy__ = copy

    def __deepcopy__(self, memo: dict[int, Any]) -> Packet:
        return self.copy()

    def clone_with(self, payload: Any = None, **fields: Any) -> Any:
        """As scapy's, of a plain copy."""
        return self.copy().clone_with(payload, **fields)

    def __div__(self, other: Any) -> Any:
        return self.copy() / other

    __truediv__ = __div__

    def __iter__(self) -> Iterator[Packet]:
        yield self

    # -- no changes ---------------------------------------------------------------------------------------------------------------

    def __setattr__(self, attr: str, value: Any) -> None:
        _refuse(attr)

    def __delattr__(self, attr: str) -> None:
        _refuse(attr)

    def setfieldval(self, attr: str, val: Any) -> None:
        """Refused, as all changes."""
        _refuse(attr)

    def delfieldval(self, attr: str) -> None:
        """Refused, as all changes."""
        _refuse(attr)

    def add_payload(self, payload: Any) -> None:
        """Refused, as all changes."""
        _refuse("payload")

    def remove_payload(self) -> None:
        """Refused, as all changes."""
        _refuse("payload")

    def __setitem__(self, cls: Any, val: Any) -> None:
        _refuse(str(getattr(cls, "__name__", cls)))

    def __delitem__(self, cls: Any) -> None:
        _refuse(str(getattr(cls, "__name__", cls)))

    # -- looking: by the wire, and under the name Ether -----------------------------------------------------------------------------

    def haslayer(self, cls: Any, _subclass: bool | None = None) -> int:
        """As `Ether.haslayer`, which compares classes: a frame is an `Ether`."""
        return True if cls is Ether or cls == "Ether" else super().haslayer(cls, _subclass)

    def getlayer(self, cls: Any, nb: int = 1, _track: Any = None, _subclass: bool | None = None, **flt: Any) -> Any:
        """As `Ether.getlayer`."""
        if cls is Ether:
            cls = Frame
        elif isinstance(cls, str) and cls.partition(".")[0] == "Ether":
            cls = "Ethernet" + cls[len("Ether") :]
        return super().getlayer(cls, nb, _track, _subclass, **flt)

    def layers(self) -> list[type[Packet]]:
        """The classes of its layers, `Ether` first."""
        return [Ether, *super().layers()[1:]]

    def summary(self, intern: int = 0) -> str:
        """One line, as scapy's."""
        return str(plain(self.wire).summary(intern))

    def show(self, *args: Any, **kwargs: Any) -> Any:
        """As scapy's."""
        return plain(self.wire).show(*args, **kwargs)

    def show2(self, *args: Any, **kwargs: Any) -> Any:
        """As scapy's; there is nothing left to compute, so the same as `show`."""
        return plain(self.wire).show(*args, **kwargs)

    def sprintf(self, fmt: str, relax: int = 1) -> str:
        """As scapy's."""
        return plain(self.wire).sprintf(fmt, relax)

    def command(self, *args: Any, **kwargs: Any) -> Any:
        """As scapy's."""
        return plain(self.wire).command(*args, **kwargs)

    def __repr__(self) -> str:
        return f"<Frame {self.id}: {self.summary()}>"


_set_wire = Frame.__dict__["wire"].__set__
_set_id = Frame.__dict__["id"].__set__


def _slots(cls: type) -> tuple[str, ...]:
    slots = cls.__dict__.get("__slots__", ())
    return (slots,) if isinstance(slots, str) else tuple(slots)


# Every slot that scapy's Packet fills in __init__: unset in a Frame until somebody looks.
_LAZY_SLOTS = dict.fromkeys(slot for cls in Ether.__mro__ for slot in _slots(cls))


def _refuse(attr: str) -> NoReturn:
    raise AttributeError(f"a frame in flight cannot be changed ({attr}): copy() it first, the copy is a plain Ether")


def plain(wire: bytes) -> Packet:
    """`wire` as scapy dissects it: `Ether`, `Dot3`, or `Raw` where it is too short for an Ethernet header."""
    # scapy learns the layers above Ethernet by import; without them a view would end at the first header.
    import scapy.layers.dhcp
    import scapy.layers.dns
    import scapy.layers.inet
    import scapy.layers.vxlan  # noqa: F401

    return Ether(wire) if len(wire) >= ETHERNET_HEADER else Raw(wire)


def addresses_open(packet: Packet) -> bool:
    """Whether a layer leaves an address for scapy to find out, which it does by asking the machine it runs on."""
    layer = packet
    while layer:
        for name in ("src", "dst", "hwsrc", "psrc"):
            if name in layer.default_fields and layer.fields.get(name, layer.overloaded_fields.get(name, layer.default_fields[name])) is None:
                return True
        layer = layer.payload
    return False


def _dissect(frame: Frame) -> None:
    """Fill scapy's slots of `frame` from its bytes, in place."""
    dissected = plain(frame.wire)
    view = dissected
    if not isinstance(dissected, Ether):
        view = _new(Ether)
        if isinstance(dissected, Dot3):
            Ether.__init__(view, dst=dissected.dst, src=dissected.src, type=dissected.len)
            view.add_payload(dissected.payload)
        else:
            Ether.__init__(view, dst=NO_MAC, src=NO_MAC, type=0)
            view.add_payload(dissected)
    for slot in _LAZY_SLOTS:
        try:
            _set(frame, slot, object.__getattribute__(view, slot))
        except AttributeError:
            continue
    _set(frame, "time", 0.0)  # scapy's is the wall clock
    if frame.payload:
        frame.payload.underlayer = frame


# wrpcap looks the link type up by class.
conf.l2types.register_layer2num(1, Frame)
