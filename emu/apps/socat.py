"""socat for TCP, UDP and standard input and output: two addresses, and what one says goes to the other (socat 1.7.4)."""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass
from time import gmtime, strftime

from emu.aio.context import current_process
from emu.apps.nc import ROUND_S
from emu.apps.socat_address import Address, AddressError, Listening, open_address, open_listener, parse
from emu.apps.socat_endpoint import Endpoint
from emu.apps.stdio import Stdio

EPOCH_S = 1_735_689_600


@dataclass(frozen=True, slots=True)
class Options:
    """`left_to_right`, `right_to_left`: -u, -U or both. `linger`: -t. `inactivity`: -T, None for ever."""

    left_to_right: bool = True
    right_to_left: bool = True
    linger: float = 0.5
    inactivity: float | None = None


class Socat:
    """One run."""

    def __init__(self, stdio: Stdio, options: Options) -> None:
        self.stdio, self.options = stdio, options
        self.children: list[asyncio.Task[int]] = []

    def fail(self, text: str) -> int:
        """A line as socat logs errors."""
        process = current_process.get()
        when = strftime("%Y/%m/%d %H:%M:%S", gmtime(EPOCH_S + int(asyncio.get_running_loop().time())))
        self.stdio.error(f"{when} socat[{process.pid if process is not None else 1}] E {text}\n".encode())
        return 1

    async def run(self, words: list[str]) -> int:
        """The exit status."""
        if len(words) != 2:
            return self.fail(f'exactly 2 addresses required (there are {len(words)}); use option "-h" for help')
        try:
            first, second = parse(words[0]), parse(words[1])
            return await self._run(first, second)
        except AddressError as error:
            return self._refused(error)

    def _refused(self, error: AddressError) -> int:
        if str(error).startswith("emu: "):
            self.stdio.error(f"{error}\n".encode())
            return 1
        return self.fail(str(error))

    async def _run(self, first: Address, second: Address) -> int:
        if not first.listens:
            return await self._relay(await open_address(first, self.stdio), second)
        listening = await open_listener(first)
        while True:
            endpoint = await listening.accept()
            if not first.has("fork"):
                listening.close()
                return await self._relay(endpoint, second)
            self.children.append(asyncio.create_task(self._child(endpoint, second, listening)))

    async def _child(self, endpoint: Endpoint, second: Address, listening: Listening) -> int:
        try:
            return await self._relay(endpoint, second)
        except AddressError as error:
            return self._refused(error)
        finally:
            listening.ended(endpoint)

    async def _relay(self, left: Endpoint, second: Address) -> int:
        try:
            if second.listens:
                listening = await open_listener(second)
                right = await listening.accept()
                listening.close()
            else:
                right = await open_address(second, self.stdio)
        except BaseException:
            left.close()
            raise
        try:
            return await self._copy(left, right)
        finally:
            left.close()
            right.close()

    async def _copy(self, left: Endpoint, right: Endpoint) -> int:
        """Until both directions have ended, or one and -t seconds went by, or nothing happened for -T seconds."""
        options = self.options
        loop = asyncio.get_running_loop()
        last = [loop.time()]
        failed: list[str] = []

        async def pump(source: Endpoint, sink: Endpoint) -> None:
            try:
                while data := await source.read():
                    last[0] = loop.time()
                    await sink.write(data)
                    await asyncio.sleep(ROUND_S)
            except OSError as error:
                if not isinstance(error, ConnectionResetError):
                    failed.append(f"read(5, 0x0, 8192): {_words(error)}")
                return
            try:
                sink.shut()
            except OSError:
                pass

        pumps = [asyncio.create_task(pump(*pair)) for on, pair in ((options.left_to_right, (left, right)), (options.right_to_left, (right, left))) if on]
        try:
            while True:
                timeout = None if options.inactivity is None else max(last[0] + options.inactivity - loop.time(), 0.0)
                done, _ = await asyncio.wait(pumps, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
                if done or (options.inactivity is not None and loop.time() >= last[0] + options.inactivity - 1e-9):
                    break
            if len(pumps) > 1 and done and not failed:
                await asyncio.wait(pumps, timeout=options.linger)
        finally:
            for task in pumps:
                task.cancel()
        return self.fail(failed[0]) if failed else 0


def _words(error: OSError) -> str:
    return os.strerror(error.errno) if error.errno else str(error)
