"""Serves the stand-ins. Virtual time moves only while all of the script's processes are at rest, so the same script always meets the same world."""

from __future__ import annotations

import selectors
import signal
import socket
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from emu.shell.call import Call
from emu.shell.rest import QUIET_S, Tree, at_rest

if TYPE_CHECKING:
    from collections.abc import Callable

    from emu.shell.commands import Commands
    from emu.shell.fuse import Fuse

FIRST_LOOK_S, LAST_LOOK_S = 0.0003, 0.005  # between looks at processes that are not at rest
SLICE_S = 0.05  # of real time, after which a run of the world is interrupted to see whether the script still wants it


class Server:
    """`listener`: where stand-ins connect; `control`: tells by its end that the script has ended; `top`: the process above all of the script's, 0 where nobody
    can tell what its processes do.
    """

    def __init__(self, listener: socket.socket, control: socket.socket, top: int, commands: Commands) -> None:
        self.listener, self.control, self.top, self.commands = listener, control, top, commands
        self.loop = commands.loop
        self.calls: dict[socket.socket, Call] = {}
        self.ended = False
        self._lost: list[Call] = []  # stand-ins that have disappeared since the last rest
        self._shown: list[Fuse] = []
        self._watched: dict[object, Callable[[], object]] = {}
        self._selector = selectors.DefaultSelector()
        listener.setblocking(False)
        control.setblocking(False)
        self.watch(listener, self._accept)
        self.watch(control, self._controlled)

    def watch(self, thing: Any, ready: Callable[[], object]) -> None:
        """Call `ready` when there is something to read."""
        self._watched[thing] = ready
        self._selector.register(thing, selectors.EVENT_READ)

    def show(self, fuse: Fuse) -> None:
        """Serve a file system."""
        self._shown.append(fuse)
        self.watch(fuse, fuse.receive)

    def serve(self) -> None:
        """Until the script's bash has ended."""
        before = signal.signal(signal.SIGALRM, lambda *_: self.loop.stop())
        try:
            self._serve()
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)
            for sock in list(self.calls):
                self._gone(sock)
            self._bury()
            self._selector.close()

    def _serve(self) -> None:
        look = FIRST_LOOK_S
        timeout: float | None = None
        while not self.ended:
            if self._poll(timeout):
                look, timeout = FIRST_LOOK_S, 0.0
                continue
            asked = [request for fuse in self._shown for request in fuse.waiting]
            if not self.calls and not self._lost and not asked:
                timeout = None
                continue
            if self.top:
                tree = at_rest(self.top, [request.pid for request in asked])
                if tree is None:
                    timeout = look
                    look = min(look * 1.5, LAST_LOOK_S)
                    continue
            else:
                tree = Tree(0)
            if self._poll(0 if self.top else QUIET_S):
                continue
            look = FIRST_LOOK_S
            timeout = 0.0 if self._advance(tree) else None

    def _poll(self, timeout: float | None) -> bool:
        """Deal with the sockets; whether there was anything."""
        events = self._selector.select(timeout)
        for key, mask in events:
            sock = key.fileobj
            if (ready := self._watched.get(sock)) is not None:
                ready()
            elif isinstance(sock, socket.socket) and (call := self.calls.get(sock)) is not None:
                if mask & selectors.EVENT_READ and not call.receive():
                    self._gone(sock)
                elif mask & selectors.EVENT_WRITE:
                    self._flush(call)
        return bool(events)

    def _accept(self) -> None:
        with suppress(BlockingIOError):
            while True:
                sock, _ = self.listener.accept()
                sock.setblocking(False)
                self.calls[sock] = Call(sock, self.loop, self.commands.root is not None)
                self._selector.register(sock, selectors.EVENT_READ)

    def _controlled(self) -> None:
        try:
            self.ended = not self.control.recv(4096)
        except ConnectionError:
            self.ended = True

    def _gone(self, sock: socket.socket) -> None:
        call = self.calls.pop(sock)
        self._selector.unregister(sock)
        sock.close()
        self._lost.append(call)

    def _bury(self) -> None:
        lost, self._lost = sorted(self._lost, key=Call.order), []
        for call in lost:
            call.gone()

    def _flush(self, call: Call) -> None:
        call.flush()
        wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if call.outbox else 0)
        if self._selector.get_key(call.sock).events != wanted:
            self._selector.modify(call.sock, wanted)

    def _advance(self, tree: Tree) -> bool:
        """Everything rests: what the stand-ins have said takes effect, in fork order, then the commands that wait are taken up, and then the world goes on,
        unless there is something to tell the stand-ins. False: nothing is left to happen.
        """
        for call in self.calls.values():
            call.chain = tree.chains.get(call.pid, call.chain)
        calls = sorted(self.calls.values(), key=Call.order)
        if self.top:
            self.commands.forget_all_but(tree)
        if self._tell(calls) or self._answer(tree):
            return True
        self._bury()
        for call in calls:
            if call.news:
                call.hear()
        for call in calls:
            if call.ready and not call.admitted:
                call.admitted = True
                self.commands.admit(call)
        if self._tell(calls):
            return True
        if self.loop.sim.idle():
            return False
        signal.setitimer(signal.ITIMER_REAL, SLICE_S, SLICE_S)
        try:
            self.loop.run_forever()
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
        self._tell(calls)
        return True

    def _tell(self, calls: list[Call]) -> bool:
        """Send what there is to send, to one of them: what it does then is done before another wakes. Whether there was anything."""
        for call in calls:
            if call.outbox and not self._is_full(call):
                self._flush(call)
                return True
        return False

    def _answer(self, tree: Tree) -> bool:
        """Do what is asked of a file that is shown, for one process: the first in fork order. Whether there was anything."""
        waiting = [(tree.threads.get(request.pid, ()), fuse, request) for fuse in self._shown for request in fuse.waiting]
        if not waiting:
            return False
        _, fuse, request = min(waiting, key=lambda entry: entry[0])
        fuse.waiting.remove(request)
        fuse.answer(request)
        return True

    def _is_full(self, call: Call) -> bool:
        """Whether the stand-in does not take what was sent."""
        return bool(self._selector.get_key(call.sock).events & selectors.EVENT_WRITE)
