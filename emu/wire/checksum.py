"""The Internet checksum (RFC 1071) and its incremental update (RFC 1624)."""

from __future__ import annotations

# Multiples of 16 bits, and of CPython's digits of 30.
_LOW_5760, _LOW_2880, _LOW_1440 = ((1 << bits) - 1 for bits in (5760, 2880, 1440))


def ones_sum(data: bytes) -> int:
    """Sum of 16-bit words modulo 0xffff (0 and 0xffff are the same class), odd lengths padded with zero.

    65536 = 1 modulo 65535, so the big integer modulo 65535 is the one's complement sum; CPython does this in one C call. For the same reason a
    long one may be folded at any multiple of 16 bits, which is quicker than dividing all of it (a third less at 1,400 bytes).
    """
    if len(data) & 1:
        data += b"\x00"
    total = int.from_bytes(data, "big")
    if len(data) > 512:
        total = (total >> 5760) + (total & _LOW_5760)
        total = (total >> 2880) + (total & _LOW_2880)
        total = (total >> 1440) + (total & _LOW_1440)
    return total % 0xFFFF


def checksum(data: bytes) -> int:
    """Checksum of `data` whose checksum field is zero. Never 0 for non-zero data except where the sum is 0xffff, as in RFC 1071."""
    total = ones_sum(data)
    return 0xFFFF - total if total or not any(data) else 0


def verify(data: bytes) -> bool:
    """Whether `data`, checksum field included, sums to zero (0xffff in one's complement)."""
    return ones_sum(data) == 0


def pseudo_sum(saddr: int, daddr: int, proto: int, length: int) -> int:
    """Sum of the TCP/UDP pseudo header (RFC 9293 section 3.1), not folded."""
    return (saddr >> 16) + (saddr & 0xFFFF) + (daddr >> 16) + (daddr & 0xFFFF) + proto + length


def l4_checksum(saddr: int, daddr: int, proto: int, segment: bytes) -> int:
    """Checksum of a TCP/UDP `segment` (its checksum field zero) under its pseudo header. UDP's caller turns 0 into 0xffff."""
    total = (pseudo_sum(saddr, daddr, proto, len(segment)) + ones_sum(segment)) % 0xFFFF
    return 0xFFFF - total if total else 0


def l4_verify(saddr: int, daddr: int, proto: int, segment: bytes) -> bool:
    """Whether a TCP/UDP `segment` with its checksum is right under its pseudo header."""
    return (pseudo_sum(saddr, daddr, proto, len(segment)) + ones_sum(segment)) % 0xFFFF == 0


def update(old_checksum: int, old_words_sum: int, new_words_sum: int) -> int:
    """RFC 1624 eqn. 3: the checksum after words summing to `old_words_sum` were replaced by words summing to `new_words_sum`.

    HC' = ~(~HC + ~m + m') is, modulo 0xffff, HC + m - m'. A sum that is a multiple of 0xffff folds to 0xffff and its complement is 0.
    """
    return (old_checksum + old_words_sum - new_words_sum) % 0xFFFF
