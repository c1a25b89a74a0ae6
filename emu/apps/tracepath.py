"""tracepath, as iputils has it: the way to a host and the largest packet that fits through it, by UDP."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

from emu.aio import context
from emu.aio.icmp import AsyncSocket, IcmpError
from emu.aio.process import echo
from emu.net.sock.base import PMTUDISC_DO
from emu.net.sock.udp import UdpSocket
from emu.wire.addr import ip_int

EPOCH_S = 1_735_689_600
BASE_PORT, SLOTS = 44444, 64
OVERHEAD = 28
HOST_COLUMN = 52
WAIT_S = 1.0
REACHED, NO_ANSWER, GO_ON = 0, -1, 1  # what a probe came to
EACCES, EPROTO, EMSGSIZE, ENETUNREACH, ECONNREFUSED, EHOSTUNREACH = 13, 71, 90, 101, 111, 113
ENDS = {EPROTO: "!P", EHOSTUNREACH: "!H", ENETUNREACH: "!N", EACCES: "!A"}


class Tracepath:
    """One run. `length`: -l, 0 to find it out; `port`: the first one asked (-p)."""

    def __init__(self, address: str, max_hops: int = 30, length: int = 0, port: int = 0) -> None:
        self.address, self.max_hops = address, max_hops
        self.mtu = length or 65535
        self.port = port or BASE_PORT
        self.fixed_port = bool(port)
        self.slot = 0
        self.sent: dict[int, tuple[int, float]] = {}  # slot -> hops, and when
        self.hops_to = self.hops_from = -1
        sk = UdpSocket(context.netns())
        sk.recverr = True
        sk.pmtudisc = PMTUDISC_DO
        self.sock = AsyncSocket(sk)

    async def run(self) -> int:
        """The exit status."""
        try:
            await self._hops()
        finally:
            self.sock.close()
        text = f"     Resume: pmtu {self.mtu} "
        if self.hops_to >= 0:
            text += f"hops {self.hops_to} "
        if self.hops_from >= 0:
            text += f"back {self.hops_from} "
        echo(text)
        return 0

    async def _hops(self) -> None:
        for ttl in range(1, self.max_hops + 1):
            self.sock.sk.ttl = ttl
            self.sock.sk.options_changed()
            tries = 0
            found = NO_ANSWER
            while tries < 3:
                before = self.mtu
                found = await self._probe(ttl)
                if self.mtu != before:
                    tries = 0
                    continue
                if found == REACHED:
                    return
                if found == GO_ON:
                    break
                tries += 1
            if found == NO_ANSWER:
                echo(f"{ttl:2d}:  no reply")
        echo(f"     Too many hops: pmtu {self.mtu}")

    async def _probe(self, ttl: int) -> int:
        loop = asyncio.get_running_loop()
        sk: Any = self.sock.sk
        for _ in range(10):
            now = loop.time()
            micro = round(now * 1e6)
            header = ttl.to_bytes(8, "little") + (EPOCH_S + micro // 1_000_000).to_bytes(8, "little") + (micro % 1_000_000).to_bytes(8, "little")
            self.sent[self.slot] = (ttl, now)
            try:
                sk.sendto(header.ljust(max(self.mtu - OVERHEAD, 0), b"\0")[: max(self.mtu - OVERHEAD, 0)], ip_int(self.address), self.port + self.slot)
                break
            except OSError:
                self.sent.pop(self.slot, None)
                found = self._errors(ttl)
                if found == REACHED:
                    return REACHED
        else:
            echo(f"{ttl:2d}:  send failed")
            return REACHED
        self.slot = (self.slot + 1) % SLOTS
        if not sk.error_queue and not sk.queue:
            await self.sock.event(WAIT_S)
        try:
            if sk.queue and sk.recv() is not None:
                echo(f"{ttl:2d}?: reply received 8)")
                return REACHED
        except OSError:
            pass
        return self._errors(ttl)

    def _errors(self, ttl: int) -> int:
        """Tell what the error queue holds (recverr)."""
        progress = NO_ANSWER
        for error in self.sock.take_errors():
            progress = GO_ON
            if not self._error(error, ttl):
                return REACHED
        return progress

    def _error(self, error: IcmpError, ttl: int) -> bool:
        """One error's line; whether to go on."""
        hops, sent = -1, -1.0
        if not error.local and (found := self.sent.pop(error.port - self.port, None)) is not None:
            hops, sent = found
        if error.local:
            text = f"{ttl:2d}?: {'[LOCALHOST]':<32} "
        else:
            text = (f"{hops:2d}:  " if hops > 0 else f"{ttl:2d}?: ") + error.offender.ljust(HOST_COLUMN)
        if sent >= 0:
            micro = round((asyncio.get_running_loop().time() - sent) * 1e6)
            text += f"{micro // 1000:3d}.{micro % 1000:03d}ms "
        back = 65 - error.ttl if error.ttl <= 64 else 129 - error.ttl if error.ttl <= 128 else 256 - error.ttl
        if error.errno == EMSGSIZE:
            self.mtu = error.info
            echo(f"{text}pmtu {error.info}")
            return True
        if error.errno == ECONNREFUSED:
            echo(f"{text}reached")
            self.hops_to = hops if hops >= 0 else self.hops_to
            self.hops_from = back
            return False
        if error.errno == EHOSTUNREACH and not error.local and error.type == 11 and error.code == 0:
            echo(text + (f"asymm {back:2d} " if back != (hops if hops >= 0 else ttl) else ""))
            return True
        echo(text + ENDS.get(error.errno, ""))
        return False


async def tracepath(destination: str, max_hops: int = 30, length: int = 0, port: int = 0) -> int:
    """Run it; the exit status. Never raises for what the network does."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(destination, None, family=socket.AF_INET, type=socket.SOCK_DGRAM)
    except socket.gaierror as error:
        echo(f"tracepath: {destination}: {error.strerror}")
        return 1
    return await Tracepath(str(found[0][4][0]), max_hops, length, port).run()
