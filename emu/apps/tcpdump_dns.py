"""DNS in tcpdump 4.99's words, without -v."""

from __future__ import annotations

from emu.apps.dns import RCODES, TYPES, MessageError, Record, decode

WORDS = {1: "FormErr", 2: "ServFail", 3: "NXDomain", 4: "NotImp", 5: "Refused"}


def dns(data: bytes, size: int, verbose: int) -> str:
    """`39+ A? web.example. (29)`."""
    try:
        message = decode(data)
    except MessageError:
        return f"domain [length {size} {'<' if size < 12 else 'invalid'}] (invalid)" if size >= 12 else f"[|domain] ({size})"
    question = message.questions[0] if message.questions else None
    asked = f"{TYPES.get(question.type, f'Type{question.type}')}? {question.name}" if question is not None else ""
    if not message.response:
        flags = "+" * message.recursion_desired + "%" * message.checking_disabled
        extra = " [1au]" if message.udp_size else ""
        return f"{message.id}{flags}{extra} {asked} ({size})"
    flags = "*" * message.authoritative + "-" * (not message.recursion_available) + "|" * message.truncated + "$" * message.authentic_data
    error = f" {WORDS[message.rcode]}" if message.rcode in WORDS else "" if message.rcode in RCODES else f" Resp{message.rcode}"
    counts = f"{len(message.answers)}/{len(message.authorities)}/{len(message.additionals) + (message.udp_size > 0)}"
    records = ", ".join(map(_record, message.answers))
    question_text = f" q: {asked}" if verbose and asked else ""
    return f"{message.id}{error}{flags}{question_text} {counts}{' ' + records if records else ''} ({size})"


def _record(record: Record) -> str:
    kind = TYPES.get(record.type, f"Type{record.type}")
    if record.type == 33:
        priority, weight, port, name = record.data.split()
        return f"SRV {name}:{port} {priority} {weight}"
    if record.type == 15:
        preference, name = record.data.split()
        return f"MX {name} {preference}"
    if record.type == 6:
        return "SOA"
    return f"{kind} {record.data}"
