"""Sending again, and the shape of what is sent again (tcp_retransmit_skb, tcp_fragment, tcp_retrans_try_collapse)."""
from __future__ import annotations

from emu.tcp.chunk import EVER_RETRANS, LOST, RETRANS, SACKED, Chunk
from emu.tcp.output import MS, current_mss, emit, syn_segment
from emu.tcp.segment import ACK, FIN, PSH, SYN
from emu.tcp.seq import HALF, MASK
from emu.tcp.sock import TcpSock
from emu.tcp.states import State


def send_again(tp: TcpSock, index: int, now: int) -> bool:
    """Send the chunk at `index` of the retransmission queue again; False when the peer's window forbids (__tcp_retransmit_skb)."""
    chunk = tp.rtx_queue[index]
    if chunk.flags & SYN:
        tp.out.append(syn_segment(tp, now, SYN if tp.state is State.SYN_SENT else SYN | ACK))
    else:
        mss = current_mss(tp)
        room = (tp.snd_una + tp.snd_wnd - chunk.seq) & MASK
        if room == 0 or room & HALF:  # the window shrank; its first segment may still go, as a probe
            if chunk.seq != tp.snd_una:
                return False
            room = mss
        room = min(room, mss)
        size = len(chunk.data)
        if size > room:
            split(tp, index, room)
        elif size < room:
            collapse(tp, index, room)
        emit(tp, now, chunk.seq, chunk.flags, chunk.data)
    chunk.sent_ns = tp.wstamp = now if now > tp.wstamp else tp.wstamp + 1
    chunk.sacked |= EVER_RETRANS
    return True


def retransmit(tp: TcpSock, index: int, now: int) -> bool:
    """send_again() as part of a recovery: counted, and remembered for undo (tcp_retransmit_skb)."""
    if not send_again(tp, index, now):
        return False
    tp.total_retrans += 1
    chunk = tp.rtx_queue[index]
    if not chunk.sacked & RETRANS:
        chunk.sacked |= RETRANS
        tp.retrans_out += 1
    if not tp.retrans_stamp:
        tp.retrans_stamp = (now // MS + tp.ts_offset) & MASK or 1
    tp.undo_retrans = max(tp.undo_retrans, 0) + 1
    return True


def split(tp: TcpSock, index: int, size: int) -> None:
    """Cut a sent chunk in two, as when the path's MTU fell (tcp_fragment)."""
    chunk = tp.rtx_queue[index]
    rest = Chunk((chunk.seq + size) & MASK, chunk.end, chunk.data[size:], chunk.flags)
    rest.sacked = chunk.sacked
    rest.sent_ns = chunk.sent_ns
    rest.cost = chunk.cost
    chunk.cost = 0
    chunk.data = chunk.data[:size]
    chunk.end = rest.seq
    chunk.flags &= ~(FIN | PSH)
    tp.rtx_queue.insert(index + 1, rest)
    tp.packets_out += 1
    if chunk.sacked & SACKED:
        tp.sacked_out += 1
    if chunk.sacked & LOST:
        tp.lost_out += 1
    if chunk.sacked & RETRANS:
        tp.retrans_out += 1


def collapse(tp: TcpSock, index: int, room: int) -> None:
    """Small neighbours travel in one segment when sent again (tcp_retrans_try_collapse)."""
    queue = tp.rtx_queue
    chunk = queue[index]
    while index + 1 < len(queue) and not chunk.flags & FIN and not chunk.sacked & SACKED:
        following = queue[index + 1]
        if following.sacked & SACKED or len(chunk.data) + len(following.data) > room:
            return
        join(tp, index)


def join(tp: TcpSock, index: int) -> None:
    """Make one chunk of this one and the next (tcp_collapse_retrans)."""
    queue = tp.rtx_queue
    chunk, following = queue[index], queue[index + 1]
    del queue[index + 1]
    chunk.data += following.data
    chunk.end = following.end
    chunk.flags |= following.flags
    chunk.cost += following.cost
    chunk.sacked |= following.sacked & EVER_RETRANS
    if following.sacked & LOST:
        tp.lost_out -= 1
    if following.sacked & RETRANS:
        tp.retrans_out -= 1
    tp.packets_out -= 1


def recut(tp: TcpSock, mss: int) -> None:
    """Cut segments that are too long now. Full ones in a row were one packet to the kernel (segmented on its way out), and are cut as one."""
    queue = tp.rtx_queue
    index = 0
    while index < len(queue):
        chunk = queue[index]
        if not chunk.sacked & SACKED and len(chunk.data) > mss:
            while index + 1 < len(queue) and not chunk.flags & (PSH | FIN):
                following = queue[index + 1]
                if following.sacked != chunk.sacked or len(following.data) <= mss:
                    break
                join(tp, index)
            while len(queue[index].data) > mss:
                split(tp, index, mss)
                index += 1
        index += 1
