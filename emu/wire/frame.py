"""A scapy `Ether` that dissects itself only when somebody looks.

`Frame` is created from wire bytes in one allocation, without scapy's `__init__`: scapy's own slots stay unset. Reading an unset slot ends
in `__getattr__`, which dissects the wire once and goes on. `wire` is the truth: the dissected layers are a view, and changing them is
refused, so that nobody believes an edit was sent.
"""

from __future__ import annotations

from typing import Any, NoReturn

from scapy.config import conf
from scapy.layers.l2 import Ether
from scapy.packet import Packet, Raw

_new = object.__new__
_set = object.__setattr__


class Frame(Ether):
    """One Ethernet frame on its way.

    `wire`: its bytes, without FCS. `id`: its lineage id; copies and rewritten forms keep it. Use `Frame.make(wire, id)`.
    """

    __slots__ = ("id", "wire")
    name = "Ethernet"
    match_subclass = True

    wire: bytes
    id: int

    @classmethod
    def make(cls, wire: bytes, frame_id: int = 0) -> Frame:
        """A frame of these bytes; any bytes, any length."""
        frame = _new(cls)
        frame_set_wire(frame, wire)
        frame_set_id(frame, frame_id)
        return frame

    # scapy calls cls(bytes) when it dissects or unpickles; everything else that looks like a constructor call is for Ether.
    def __init__(self, _pkt: bytes = b"", *args: Any, **kwargs: Any) -> None:
        if args or kwargs or not isinstance(_pkt, (bytes, bytearray, memoryview)):
            raise TypeError("a Frame is made from wire bytes; build with Ether()/... and send that")
        frame_set_wire(self, bytes(_pkt))
        frame_set_id(self, 0)

    def __getattr__(self, attr: str) -> Any:
        if attr in _LAZY_SLOTS:
            _dissect(self)
            return object.__getattribute__(self, attr)
        return Ether.__getattr__(self, attr)

    def __setattr__(self, attr: str, value: Any) -> None:
        if attr in _OPEN_SLOTS:
            _set(self, attr, value)
            return
        raise AttributeError(f"a frame in flight cannot be changed ({attr}): copy() it first, the copy is a plain Ether")

    def __delattr__(self, attr: str) -> NoReturn:
        raise AttributeError(f"a frame in flight cannot be changed ({attr}): copy() it first, the copy is a plain Ether")

    def __bytes__(self) -> bytes:
        return self.wire

    def build(self) -> bytes:
        return self.wire

    def do_build(self) -> bytes:
        return self.wire

    def __len__(self) -> int:
        return len(self.wire)

    def __bool__(self) -> bool:
        return True

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Frame):
            return self.wire == other.wire
        if isinstance(other, Packet):
            return self.wire == bytes(other)
        return NotImplemented

    def __ne__(self, other: object) -> bool:
        result = self.__eq__(other)
        return result if result is NotImplemented else not result

    def __hash__(self) -> int:
        return hash(self.wire)

    def copy(self) -> Packet:
        """A plain scapy `Ether` (or `Raw`, under 14 bytes) of the same bytes, free to be changed."""
        return plain(self.wire)

    __copy__ = copy

    def __deepcopy__(self, memo: dict[int, Any]) -> Packet:
        return self.copy()

    def __div__(self, other: Any) -> Packet:
        return self.copy() / other

    __truediv__ = __div__

    def __reduce__(self) -> tuple[Any, ...]:
        return (Frame.make, (self.wire, self.id))

    def summary(self, intern: int = 0) -> str:
        return str(plain(self.wire).summary(intern))

    def __iter__(self) -> Any:
        yield self


frame_set_wire = Frame.__dict__["wire"].__set__
frame_set_id = Frame.__dict__["id"].__set__

# Every slot that scapy's Packet fills in __init__: unset in a Frame until somebody looks.
_LAZY_SLOTS = frozenset(
    slot for cls in Ether.__mro__ for slot in ([cls.__dict__.get("__slots__", ())] if isinstance(cls.__dict__.get("__slots__", ()), str) else cls.__dict__.get("__slots__", ()))
) - {"id", "wire", "__dict__", "__weakref__"}
# scapy keeps notes of its own on a packet while it writes or shows it; they never reach the wire.
_OPEN_SLOTS = frozenset({"sent_time", "time", "comment", "comments", "sniffed_on", "direction", "process_information"}) & _LAZY_SLOTS


def plain(wire: bytes) -> Packet:
    """`wire` dissected by scapy into a plain `Ether`, or into `Raw` where it is too short for an Ethernet header."""
    # scapy learns the layers above Ethernet by import; without them a view would end at the first header.
    import scapy.layers.dhcp
    import scapy.layers.dns
    import scapy.layers.inet
    import scapy.layers.vxlan  # noqa: F401

    return Ether(wire) if len(wire) >= 14 else Raw(wire)


def _dissect(frame: Frame) -> None:
    """Fill scapy's slots of `frame` from its bytes, in place."""
    view = plain(frame.wire)
    if not isinstance(view, Ether):
        holder = Ether()
        holder.remove_payload()
        view = holder / view
    for slot in _LAZY_SLOTS:
        try:
            value = object.__getattribute__(view, slot)
        except AttributeError:
            continue
        _set(frame, slot, value)
    payload = view.payload
    if payload is not None and hasattr(payload, "underlayer") and isinstance(payload, Packet):
        try:
            payload.underlayer = frame
        except AttributeError:
            pass


conf.l2types.register_layer2num(1, Frame)
