"""The TCP tracker (nf_conntrack_proto_tcp.c): state by the table of tcp_states.py, and window tracking, which tells real segments from forged
or stale ones ("Real Stateful TCP Packet Filtering in IP Filter", Guido van Rooij):

    I.   seq        <= sender.td_maxend                        not beyond what the receiver has allowed
    II.  seq + len  >= sender.td_end - receiver.td_maxwin      not so old that it was acknowledged long ago
    III. ack        <= receiver.td_end                         nothing acknowledged that was never sent
    IV.  ack        >= receiver.td_end - MAXACKWINDOW          no acknowledgement out of the far past

`ack` is the right edge of the rightmost SACK block where there is one. td_end: highest seq + len sent; td_maxend: highest that may be sent;
td_maxwin: largest window offered.
"""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING

from emu.net.conntrack.entry import ASSURED, CONFIRMED, FIXED_TIMEOUT, SEEN_REPLY, Entry
from emu.net.conntrack.tcp_states import (
    ACK,
    ACK_SET,
    CLOSE,
    CLOSE_WAIT,
    ESTABLISHED,
    FIN_SET,
    FIN_WAIT,
    IGNORE,
    LAST_ACK,
    MAX,
    NONE,
    RST,
    RST_SET,
    SEGMENT_KIND,
    SEGMENT_NAMES,
    STATE_NAMES,
    SYN,
    SYN_RECV,
    SYN_SENT,
    SYN_SENT2,
    SYN_SET,
    SYNACK_SET,
    TIME_WAIT,
    TRANSITIONS,
)
from emu.net.conntrack.tcp_track import (
    BE_LIBERAL,
    CLOSE_INIT,
    DATA_UNACKNOWLEDGED,
    EXP_CHALLENGE_ACK,
    HALF,
    MAXACK_SET,
    SACK_PERM,
    SIMULTANEOUS_OPEN,
    WINDOW_SCALE,
    M,
    Side,
    TcpTrack,
    highest_sack,
    parse_options,
)
from emu.wire.checksum import l4_verify

if TYPE_CHECKING:
    from emu.net.conntrack.table import Conntrack
    from emu.net.skb import Skb

# Verdicts of a tracker.
ACCEPT, INVALID, DROP, REPEAT = 1, 0, 2, 3

MAXACKWINCONST = 66_000

_HEADER = Struct(">IIHH").unpack_from  # seq, ack, offset and flags, window
_S = 1_000_000_000
# State -> sysctl of its timeout; SYN_SENT2 has none, it is 120 s.
_TIMEOUTS = tuple(f"nf_conntrack_tcp_timeout_{name.lower()}" for name in STATE_NAMES)
_DOUBTFUL = (SYN_SENT, IGNORE)
_OPENING = (SYN_RECV, ESTABLISHED)


def _init_sender(sender: Side, receiver: Side, l3: bytes, options: int, options_end: int, end: int, win: int, direction: int) -> None:
    """A SYN from a side of which nothing was known (tcp_init_sender)."""
    sender.td_end = sender.td_maxend = end
    sender.td_maxwin = win or 1
    parse_options(l3, options, options_end, sender)
    # RFC 7323: the window is scaled only if both sides offered it.
    if direction and not (sender.flags & WINDOW_SCALE and receiver.flags & WINDOW_SCALE):
        sender.td_scale = receiver.td_scale = 0


def _new(track: Conntrack, ct: Entry, kind: int, l3: bytes, options: int, options_end: int, end: int, win: int) -> bool:
    """The first segment of a connection (tcp_new); False: it cannot be one."""
    new_state = TRANSITIONS[0][kind][NONE]
    if new_state == MAX:
        track.why = f"a {SEGMENT_NAMES[kind]} cannot begin a connection"
        return False
    if new_state != SYN_SENT and not track.sysctl.nf_conntrack_tcp_loose:
        track.why = "no SYN seen, and nf_conntrack_tcp_loose is 0"
        return False
    ct.tcp = tcp = TcpTrack()
    side = tcp.seen[0]
    side.td_end = end
    side.td_maxwin = win or 1
    if new_state == SYN_SENT:
        side.td_maxend = end
        parse_options(l3, options, options_end, side)
    else:  # picked up in its middle: the scale is not known, so be liberal
        side.td_maxend = (end + side.td_maxwin) & M
        side.flags = tcp.seen[1].flags = SACK_PERM | BE_LIBERAL
    return True


def _handle_invalid(track: Conntrack, ct: Entry, tcp: TcpTrack, direction: int, kind: int) -> None:
    """FIN or RST out of window from both sides: the ends have closed, so do not wait five days (nf_tcp_handle_invalid)."""
    if not ct.status & ASSURED or ct.status & FIXED_TIMEOUT or kind not in (RST_SET, FIN_SET):
        return
    if tcp.last_dir != direction and tcp.last_index in (FIN_SET, RST_SET):
        now = track.sim.now
        left = ct.timeout - now
        unacknowledged = track.sysctl.nf_conntrack_tcp_timeout_unacknowledged * _S
        if left >= 120 * _S and left > unacknowledged:
            ct.timeout = now + unacknowledged
    else:
        tcp.last_index = kind
        tcp.last_dir = direction


def packet(track: Conntrack, ct: Entry, skb: Skb, direction: int, hook: int) -> int:
    """Judge a segment and follow the connection (nf_conntrack_tcp_packet). INVALID and DROP leave their reason in `track.why`."""
    l3 = skb.l3
    l4 = skb.l4
    length = len(l3) - l4
    if length < 20:
        track.why = "TCP header cut short"
        return INVALID
    seq, ack, bits, win = _HEADER(l3, l4 + 4)
    doff = (bits >> 12) * 4
    if doff < 20 or length < doff:
        track.why = "TCP header cut short"
        return INVALID
    sysctl = track.sysctl
    if hook == 0 and sysctl.nf_conntrack_checksum and not l4_verify(skb.saddr, skb.daddr, 6, l3[l4:]):
        track.why = "bad TCP checksum"
        return INVALID
    kind = SEGMENT_KIND[bits & 0xFF]
    if kind < 0:
        track.why = f"TCP flags 0x{bits & 0x3F:02x} never go together"
        return INVALID
    syn = bits & SYN
    end = (seq + length - doff + (1 if syn else 0) + (bits & 1)) & M
    options, options_end = l4 + 20, l4 + doff
    status = ct.status
    if not status & CONFIRMED and not _new(track, ct, kind, l3, options, options_end, end, win):
        return INVALID
    tcp = ct.tcp
    if tcp is None:  # cannot be: an entry of TCP is confirmed with its state
        return INVALID
    old = tcp.state
    new = TRANSITIONS[direction][kind][old]
    check_window = True

    if new == old == ESTABLISHED:
        pass  # by far the most common; none of the exceptions below applies
    elif new in _DOUBTFUL:
        if new == SYN_SENT and old < TIME_WAIT:
            pass
        else:
            if new == SYN_SENT and ((tcp.seen[0].flags | tcp.seen[1].flags) & CLOSE_INIT or (tcp.last_dir == direction and tcp.last_index == RST_SET)):
                # The old connection was closed or aborted: forget it, and begin again with this SYN (RFC 1122 4.2.2.13).
                track.kill(ct)
                return REPEAT
            if kind == SYNACK_SET and tcp.last_index == SYN_SET and tcp.last_dir != direction and ack == tcp.last_end:
                # It answers a SYN that we had let through in doubt: the ends are in sync and we were not.
                old, new = SYN_SENT, SYN_RECV
                side = tcp.seen[tcp.last_dir]
                side.td_end = side.td_maxend = tcp.last_end
                side.td_maxwin = tcp.last_win or 1
                side.td_scale = tcp.last_wscale
                tcp.last_flags &= ~EXP_CHALLENGE_ACK
                side.flags = tcp.last_flags
                side = tcp.seen[direction]
                side.td_end = side.td_maxend = side.td_maxwin = side.td_maxack = side.td_scale = 0
                side.flags &= BE_LIBERAL
            else:
                _ignore(tcp, l3, options, options_end, direction, kind, old, seq, ack, end, win)
                return ACCEPT
    elif new == MAX:
        track.why = f"a {SEGMENT_NAMES[kind]} from the {'answering' if direction else 'opening'} side in state {STATE_NAMES[old]}"
        return INVALID
    elif new == TIME_WAIT:
        if (
            old == LAST_ACK and kind == ACK_SET and tcp.last_dir != direction and tcp.last_index == SYN_SET and tcp.last_flags & EXP_CHALLENGE_ACK
        ):  # RFC 5961: this ACK answers the SYN, not the FIN
            tcp.last_flags &= ~EXP_CHALLENGE_ACK
            return ACCEPT
    elif new == SYN_SENT2:
        tcp.last_flags |= SIMULTANEOUS_OPEN
    elif new == SYN_RECV:
        if direction and kind == ACK_SET and tcp.last_flags & SIMULTANEOUS_OPEN:
            new = ESTABLISHED
    elif new == CLOSE and kind == RST_SET:
        verdict = _reset(track, ct, tcp, direction, old, seq, ack)
        if verdict == _RST_INVALID:
            return INVALID
        if verdict == _RST_KEEP:
            new = old
        elif verdict == _RST_SURE:
            check_window = False
        elif verdict == _RST_SURE_KEEP:
            new = old
            check_window = False

    if check_window:
        # -- tcp_in_window --------------------------------------------------------------------------------------------------------
        sender = tcp.seen[direction]
        receiver = tcp.seen[1 - direction]
        raw_win = win
        sack = ack
        if receiver.flags & SACK_PERM and options < options_end:
            sack = highest_sack(l3, options, options_end, ack)
        if sender.td_maxwin == 0:
            if syn:
                _init_sender(sender, receiver, l3, options, options_end, end, win, direction)
                if not bits & ACK:
                    check_window = False  # simultaneous open
            else:  # the middle of a connection: take what the segment says
                sender.td_end = end
                sender.td_maxwin = (win << sender.td_scale) or 1
                sender.td_maxend = (end + sender.td_maxwin) & M
                if receiver.td_maxwin == 0:
                    receiver.td_end = receiver.td_maxend = sack
                elif sack == (receiver.td_end + 1) & M:
                    receiver.td_end = (receiver.td_end + 1) & M  # answers a keepalive
        elif syn and (sender.td_end - end) & M > HALF and tcp.state in (SYN_SENT, SYN_RECV):
            # RFC 9293: a TCP that was reinitialised may begin again with higher sequence numbers.
            _init_sender(sender, receiver, l3, options, options_end, end, win, direction)
            if direction and not bits & ACK:
                check_window = False
    if check_window:
        if not bits & ACK or (bits & RST and ack == 0):  # no ACK, or a broken stack's RST: take it as right
            ack = sack = receiver.td_end
        if bits & RST and seq == 0 and tcp.state == SYN_SENT:
            seq = end = sender.td_end  # answers a SYN
        sender_end = sender.td_end
        receiver_end = receiver.td_end
        max_ack_window = sender.td_maxwin if sender.td_maxwin > MAXACKWINCONST else MAXACKWINCONST
        liberal = sender.flags & BE_LIBERAL or sysctl.nf_conntrack_tcp_be_liberal
        if (seq - sender.td_maxend - 1) & M <= HALF:  # I
            overshot = (end - sender.td_maxend + 1) & M
            if (
                receiver.td_maxwin
                and (sender_end - receiver.td_maxwin - 1 - end) & M > HALF
                and (receiver_end - max_ack_window - 1 - sack) & M > HALF
                and overshot <= receiver.td_maxwin
                and (sack - receiver_end - 1) & M > HALF
            ):
                # Only a little more than the window allows: note it, so that the acknowledgement of it is not invalid too.
                sender.td_end = end
                sender.flags |= DATA_UNACKNOWLEDGED
                if not liberal:
                    return ACCEPT
            elif not liberal:
                track.why = f"sequence number {seq} is beyond the receiver's window ({(sender.td_maxend + 1) & M})"
                _handle_invalid(track, ct, tcp, direction, kind)
                return INVALID
        elif (sack - receiver_end - 1) & M <= HALF:  # III
            if not liberal:
                track.why = f"acknowledges {sack}, which was not sent ({receiver_end})"
                _handle_invalid(track, ct, tcp, direction, kind)
                return INVALID
        elif (receiver.td_maxwin and (sender_end - receiver.td_maxwin - 1 - end) & M <= HALF) or (  # II
            receiver_end - max_ack_window - 1 - sack
        ) & M <= HALF:  # IV
            if not liberal:
                return ACCEPT
        else:
            if not syn:
                win <<= sender.td_scale
            window = win + ((sack - ack) & M)
            if sender.td_maxwin < window:
                sender.td_maxwin = window
            if (sender_end - end) & M > HALF:
                sender.td_end = end
                sender.flags |= DATA_UNACKNOWLEDGED
            if bits & ACK:
                if not sender.flags & MAXACK_SET:
                    sender.td_maxack = ack
                    sender.flags |= MAXACK_SET
                elif (sender.td_maxack - ack) & M > HALF:
                    sender.td_maxack = ack
            if receiver.td_maxwin and (sender.td_maxend - end) & M > HALF:
                receiver.td_maxwin += (end - sender.td_maxend) & M
            edge = (sack + win) & M
            if (receiver.td_maxend - 1 - edge) & M > HALF:
                receiver.td_maxend = edge if win else (edge + 1) & M
            if ack == receiver_end:
                receiver.flags &= ~DATA_UNACKNOWLEDGED
            if kind == ACK_SET:
                if (
                    tcp.last_dir == direction and tcp.last_seq == seq and tcp.last_ack == ack and tcp.last_end == end and tcp.last_win == raw_win
                ):  # a retransmission
                    tcp.retrans += 1
                else:
                    tcp.last_dir = direction
                    tcp.last_seq = seq
                    tcp.last_ack = ack
                    tcp.last_end = end
                    tcp.last_win = raw_win
                    tcp.retrans = 0

    # -- the segment is in the window: follow it ----------------------------------------------------------------------------------
    tcp.last_index = kind
    tcp.last_dir = direction
    tcp.state = new
    timeout = sysctl.nf_conntrack_tcp_timeout_established if new == ESTABLISHED else getattr(sysctl, _TIMEOUTS[new], 120)
    if old != new:
        if new == FIN_WAIT:
            tcp.seen[direction].flags |= CLOSE_INIT
        if track.tp.step and (old or new != SYN_SENT):  # that a SYN begins a connection is said already
            track.step(skb, f"{STATE_NAMES[old]} → {STATE_NAMES[new]}")
    # A connection that seems stuck is not kept for days.
    if tcp.retrans >= sysctl.nf_conntrack_tcp_max_retrans and timeout > sysctl.nf_conntrack_tcp_timeout_max_retrans:
        timeout = sysctl.nf_conntrack_tcp_timeout_max_retrans
    elif kind == RST_SET:
        timeout = sysctl.nf_conntrack_tcp_timeout_close
    elif (tcp.seen[0].flags | tcp.seen[1].flags) & DATA_UNACKNOWLEDGED and timeout > sysctl.nf_conntrack_tcp_timeout_unacknowledged:
        timeout = sysctl.nf_conntrack_tcp_timeout_unacknowledged
    elif tcp.last_win == 0 and timeout > sysctl.nf_conntrack_tcp_timeout_max_retrans:
        timeout = sysctl.nf_conntrack_tcp_timeout_max_retrans
    if not status & SEEN_REPLY:
        if kind == RST_SET:  # only a RST came back: there is no connection
            if ct.acct:
                ct.account(skb.ctinfo, len(l3))
            track.kill(ct)
            return ACCEPT
        if kind == SYN_SET and old == SYN_SENT:  # a SYN again and again does not keep the entry (and its NAT) alive
            return ACCEPT
        if new == ESTABLISHED:  # picked up in its middle
            timeout = min(timeout, sysctl.nf_conntrack_tcp_timeout_unacknowledged)
    elif new == ESTABLISHED and not status & ASSURED and old in _OPENING:
        ct.status = status | ASSURED
    if not status & FIXED_TIMEOUT:
        ct.timeout = track.sim.now + timeout * _S if status & CONFIRMED else timeout * _S
    if ct.acct:
        ct.account(skb.ctinfo, len(l3))
    return ACCEPT


def _ignore(tcp: TcpTrack, l3: bytes, options: int, options_end: int, direction: int, kind: int, old: int, seq: int, ack: int, end: int, win: int) -> None:
    """Let a segment in doubt through and remember it: the answer will tell whether it was good."""
    tcp.last_index = kind
    tcp.last_dir = direction
    tcp.last_seq = seq
    tcp.last_end = end
    tcp.last_win = win
    if kind == SYN_SET and not direction:
        seen = Side()
        parse_options(l3, options, options_end, seen)
        tcp.last_flags = seen.flags & (WINDOW_SCALE | SACK_PERM)
        tcp.last_wscale = seen.td_scale
        if old == LAST_ACK:
            tcp.last_flags |= EXP_CHALLENGE_ACK
    if old == SYN_SENT and kind == ACK_SET and direction:
        tcp.last_ack = ack  # perhaps a challenge ACK to the SYN


_RST_CHECK, _RST_KEEP, _RST_SURE, _RST_SURE_KEEP, _RST_INVALID = range(5)
_CLOSING = (FIN_WAIT, LAST_ACK, TIME_WAIT, CLOSE, CLOSE_WAIT)


def _reset(track: Conntrack, ct: Entry, tcp: TcpTrack, direction: int, old: int, seq: int, ack: int) -> int:
    """What a RST means: closes if in window, is not exact so that a challenge ACK may follow (keep the state), certain, or forged."""
    if old in _CLOSING:  # the tuple may be in use again already; what we remember is outdated
        return _RST_SURE
    keep = False
    other = tcp.seen[1 - direction]
    established = old == ESTABLISHED and ct.status & ASSURED
    if other.flags & MAXACK_SET and tcp.last_index != SYN_SET:
        if seq == 0 and not established:
            return _RST_CHECK
        if (seq - other.td_maxack) & M > HALF and not track.sysctl.nf_conntrack_tcp_ignore_invalid_rst:
            track.why = f"RST with sequence number {seq}, but {other.td_maxack} is acknowledged"
            return _RST_INVALID
        if not established or seq == other.td_maxack:
            return _RST_CHECK
        if tcp.last_index == ACK_SET and tcp.last_dir == direction and seq == tcp.last_end:
            return _RST_CHECK
        keep = True
    status = ct.status
    if ack == tcp.last_end and ((status & SEEN_REPLY and tcp.last_index == SYN_SET) or (not status & ASSURED and tcp.last_index == ACK_SET)):
        return _RST_SURE_KEEP if keep else _RST_SURE  # answers the SYN or ACK that was let through in doubt
    if old == SYN_SENT and tcp.last_index == ACK_SET and tcp.last_dir == 1 and seq == tcp.last_ack:
        return _RST_SURE_KEEP if keep else _RST_SURE  # answers a challenge ACK
    return _RST_KEEP if keep else _RST_CHECK


def can_early_drop(ct: Entry) -> bool:
    """Whether a full table may give this connection up although it is ASSURED (tcp_can_early_drop)."""
    return ct.tcp is not None and ct.tcp.state in _CLOSING
