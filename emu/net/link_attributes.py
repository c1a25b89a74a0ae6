"""What `ip link set` can say of a device that changes no frame: alias, group, queue length and the like. Nearly all devices share the ordinary ones."""

from __future__ import annotations


class LinkAttributes:
    """`multicast`: None as devices of its kind are. `txqlen`: frames."""

    __slots__ = ("alias", "allmulti", "group", "multicast", "txqlen")

    def __init__(self) -> None:
        self.alias = ""
        self.group = 0
        self.txqlen = 1000
        self.multicast: bool | None = None
        self.allmulti = False

    def changed(self, key: str, value: object) -> LinkAttributes:
        """A copy with one of them changed."""
        other = LinkAttributes()
        for slot in self.__slots__:
            setattr(other, slot, getattr(self, slot))
        setattr(other, key, value)
        return other


ORDINARY = LinkAttributes()
