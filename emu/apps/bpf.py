"""Classic BPF programs (struct sock_filter): what a compiled capture filter is, and the machine that runs it."""

from __future__ import annotations

LD, LDX, ST, STX, ALU, JMP, RET, MISC = range(8)
ABS, IND, MEM, LEN, MSH = 0x20, 0x40, 0x60, 0x80, 0xA0
SIZES = {0x00: 4, 0x08: 2, 0x10: 1}
WORD = 0xFFFFFFFF
MEMORY_WORDS = 16
Instruction = tuple[int, int, int, int]  # code, jump if true, jump if false, k
ANCILLARY = 0xFFFFF000  # loads from there ask the kernel about the packet (SKF_AD_OFF)
PROTOCOL, PKTTYPE, IFINDEX = 0, 4, 8
PACKET_HOST, PACKET_OUTGOING = 0, 4


class ProgramError(ValueError):
    """An instruction that the machine does not have."""


def run(program: list[Instruction], packet: bytes, ancillary: dict[int, int] | None = None) -> int:
    """How many bytes of the packet the program wants, 0 for none of it; a load beyond the packet's end is "none" (bpf_filter in libpcap).

    `ancillary`: what is known beside the bytes, by SKF_AD number (PKTTYPE for `inbound` and `outbound`). Raises ProgramError.
    """
    size = len(packet)
    a = x = 0
    memory = [0] * MEMORY_WORDS
    at = 0
    while True:
        code, true, false, k = program[at]
        at += 1
        kind = code & 7
        if kind == LD:
            mode = code & 0xE0
            if mode in (ABS, IND):
                start = k if mode == ABS else k + x & WORD
                if start >= ANCILLARY:
                    if ancillary is None or start - ANCILLARY not in ancillary:
                        raise ProgramError(f"ancillary data {start - ANCILLARY}")
                    a = ancillary[start - ANCILLARY]
                    continue
                end = start + SIZES[code & 0x18]
                if end > size:
                    return 0
                a = int.from_bytes(packet[start:end], "big")
            else:
                a = memory[k] if mode == MEM else size if mode == LEN else k
        elif kind == JMP:
            operand = x if code & 8 else k
            test = code & 0xF0
            if test == 0x00:
                at += k
            elif test == 0x10:
                at += true if a == operand else false
            elif test == 0x20:
                at += true if a > operand else false
            elif test == 0x30:
                at += true if a >= operand else false
            else:
                at += true if a & operand else false
        elif kind == RET:
            return a if code & 0x18 == 0x10 else k
        elif kind == LDX:
            mode = code & 0xE0
            if mode == MSH:
                if k >= size:
                    return 0
                x = (packet[k] & 15) * 4
            else:
                x = memory[k] if mode == MEM else size if mode == LEN else k
        elif kind == ALU:
            result = _arithmetic(code & 0xF0, a, x if code & 8 else k)
            if result is None:
                return 0
            a = result
        elif kind == ST:
            memory[k] = a
        elif kind == STX:
            memory[k] = x
        elif code & 0xF8 == 0x80:
            a = x
        else:
            x = a


def _arithmetic(operation: int, a: int, b: int) -> int | None:
    """None: a division by zero, which ends the program with "no"."""
    if operation == 0x00:
        return a + b & WORD
    if operation == 0x10:
        return a - b & WORD
    if operation == 0x20:
        return a * b & WORD
    if operation == 0x40:
        return a | b
    if operation == 0x50:
        return a & b
    if operation == 0x60:
        return a << b & WORD if b < 32 else 0
    if operation == 0x70:
        return a >> b if b < 32 else 0
    if operation == 0x80:
        return -a & WORD
    if operation == 0xA0:
        return a ^ b
    if operation not in (0x30, 0x90):
        raise ProgramError(f"arithmetic 0x{operation:02x}")
    if not b:
        return None
    return a // b if operation == 0x30 else a % b
