"""A small redis: PING, ECHO, SET, GET, DEL, EXISTS, INCR, DBSIZE, ROLE, QUIT over RESP2 or typed in, and replication from a leader.

Source: redis.io/docs/latest/develop/reference/protocol-spec and its page on replication. The data set of a new replica is sent as commands, after an
empty RDB file.
"""

from __future__ import annotations

import asyncio

PORT = 6379
RETRY_SECONDS = 1.0
MAX_ARGUMENTS, MAX_BYTES, MAX_LINE = 1024, 1 << 20, 1 << 16
REPLICATION_ID = "0" * 40
EMPTY_RDB = b"REDIS0009\xff" + bytes(8)  # version, end of file, a checksum of 0: not to be checked


class RedisError(ConnectionError):
    """The other side does not speak the protocol, or answers with an error."""


async def read_command(reader: asyncio.StreamReader) -> list[bytes] | None:
    """One command: an array of bulk strings, or a line of words. None at the end. Raises RedisError."""
    line = await _line(reader)
    if line is None:
        return None
    if not line.startswith(b"*"):
        return line.split()
    words = []
    for _ in range(_number(line[1:], MAX_ARGUMENTS)):
        head = await _line(reader)
        if head is None or not head.startswith(b"$"):
            raise RedisError("Protocol error: expected '$'")
        words.append((await reader.readexactly(_number(head[1:], MAX_BYTES) + 2))[:-2])
    return words


async def _line(reader: asyncio.StreamReader) -> bytes | None:
    try:
        line = await reader.readline()
    except ValueError as error:
        raise RedisError("Protocol error: too big inline request") from error
    return line.rstrip(b"\r\n") if line.endswith(b"\n") else None


def _number(text: bytes, most: int) -> int:
    if not text.isdigit() or int(text) > most:
        raise RedisError("Protocol error: invalid length")
    return int(text)


def array(*words: bytes) -> bytes:
    """A command on the wire."""
    return b"*%d\r\n" % len(words) + b"".join(bulk(word) for word in words)


def bulk(value: bytes | None) -> bytes:
    """A string on the wire; None is the null."""
    return b"$-1\r\n" if value is None else b"$%d\r\n%s\r\n" % (len(value), value)


class Redis:
    """`leader`: (host, port) to follow, or None. `data`: what it holds; `linked`: a follower has its leader's data."""

    def __init__(self, port: int = PORT, leader: tuple[str, int] | None = None) -> None:
        self.port = port
        self.leader = leader
        self.data: dict[bytes, bytes] = {}
        self.linked = False
        self._followers: dict[asyncio.StreamWriter, None] = {}

    async def serve(self) -> None:
        """Answer until cancelled, and follow the leader if there is one. Raises OSError EADDRINUSE."""
        server = await asyncio.start_server(self._connection, "0.0.0.0", self.port, limit=MAX_LINE)
        follow = asyncio.get_running_loop().create_task(self._follow(*self.leader)) if self.leader is not None else None
        try:
            await server.serve_forever()
        finally:
            server.close()
            if follow is not None:
                follow.cancel()

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while (words := await read_command(reader)) is not None:
                if not words:
                    continue
                if words[0].upper() == b"PSYNC":
                    self._adopt(writer)
                elif words[0].upper() == b"REPLCONF":
                    writer.write(b"+OK\r\n")
                else:
                    writer.write(self.execute(words))
                    if words[0].upper() == b"QUIT":
                        break
                await writer.drain()
        except RedisError as error:
            writer.write(f"-ERR {error}\r\n".encode())
        except (ConnectionError, TimeoutError, asyncio.IncompleteReadError):
            pass  # the client is gone
        finally:
            self._followers.pop(writer, None)
            writer.close()

    def _adopt(self, writer: asyncio.StreamWriter) -> None:
        writer.write(f"+FULLRESYNC {REPLICATION_ID} 0\r\n".encode() + b"$%d\r\n" % len(EMPTY_RDB) + EMPTY_RDB)
        for key, value in self.data.items():
            writer.write(array(b"SET", key, value))
        self._followers[writer] = None

    def execute(self, words: list[bytes], replicated: bool = False) -> bytes:
        """The answer to one command, on the wire."""
        name, args = words[0].upper(), words[1:]
        least = {b"ECHO": 1, b"SET": 2, b"GET": 1, b"DEL": 1, b"EXISTS": 1, b"INCR": 1}.get(name, 0)
        if len(args) < least:
            return f"-ERR wrong number of arguments for '{name.decode('latin-1').lower()}' command\r\n".encode()
        if name in (b"SET", b"DEL", b"INCR") and self.leader is not None and not replicated:
            return b"-READONLY You can't write against a read only replica.\r\n"
        answer = self._answer(name, args)
        if name in (b"SET", b"DEL", b"INCR"):
            for follower in self._followers:
                follower.write(array(*words))
        return answer

    def _answer(self, name: bytes, args: list[bytes]) -> bytes:
        data = self.data
        if name == b"PING":
            return bulk(args[0]) if args else b"+PONG\r\n"
        if name == b"ECHO":
            return bulk(args[0])
        if name == b"SET":
            data[args[0]] = args[1]
            return b"+OK\r\n"
        if name == b"GET":
            return bulk(data.get(args[0]))
        if name == b"DEL":
            return b":%d\r\n" % sum(data.pop(key, None) is not None for key in args)
        if name == b"EXISTS":
            return b":%d\r\n" % sum(key in data for key in args)
        if name == b"INCR":
            value = data.get(args[0], b"0")
            if not value.lstrip(b"-").isdigit() or len(value) > 19:
                return b"-ERR value is not an integer or out of range\r\n"
            data[args[0]] = b"%d" % (int(value) + 1)
            return b":%s\r\n" % data[args[0]]
        if name == b"DBSIZE":
            return b":%d\r\n" % len(data)
        if name == b"ROLE":
            return self._role()
        if name in (b"QUIT", b"SELECT"):
            return b"+OK\r\n"
        return f"-ERR unknown command '{name.decode('latin-1')}'\r\n".encode("latin-1")

    def _role(self) -> bytes:
        if self.leader is None:
            return b"*3\r\n" + bulk(b"master") + b":0\r\n*0\r\n"
        state = b"connected" if self.linked else b"connect"
        return b"*5\r\n" + bulk(b"slave") + bulk(self.leader[0].encode()) + b":%d\r\n" % self.leader[1] + bulk(state) + b":0\r\n"

    async def _follow(self, host: str, port: int) -> None:
        """Keep a copy of the leader's data; try again when it is not there."""
        while True:
            writer: asyncio.StreamWriter | None = None
            try:
                reader, writer = await asyncio.open_connection(host, port, limit=MAX_LINE)
                await self._copy(reader, writer)
            except (OSError, asyncio.IncompleteReadError):
                pass
            finally:
                self.linked = False
                if writer is not None:
                    writer.close()
            await asyncio.sleep(RETRY_SECONDS)

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for words in ((b"PING",), (b"REPLCONF", b"listening-port", b"%d" % self.port), (b"PSYNC", b"?", b"-1")):
            writer.write(array(*words))
            line = await _line(reader)
            if line is None or not line.startswith(b"+"):
                raise RedisError("the leader does not answer")
        head = await _line(reader)
        await reader.readexactly(_number((head or b"").lstrip(b"$"), MAX_BYTES))
        self.data.clear()
        self.linked = True
        while (command := await read_command(reader)) is not None:
            if command:
                self.execute(command, replicated=True)


async def command(host: str, port: int, *words: bytes, timeout: float = 5.0) -> bytes | None:
    """What a redis answers: a string (also of a number or a status), None for the null. Raises RedisError for an error, OSError."""
    async with asyncio.timeout(timeout):
        reader, writer = await asyncio.open_connection(host, port)
        try:
            writer.write(array(*words))
            line = await _line(reader)
            if line is None or line.startswith(b"-"):
                raise RedisError((line or b"-no answer")[1:].decode("latin-1"))
            if not line.startswith(b"$"):
                return line[1:]
            return None if line == b"$-1" else (await reader.readexactly(_number(line[1:], MAX_BYTES) + 2))[:-2]
        except asyncio.IncompleteReadError as error:
            raise RedisError("the connection ended early") from error
        finally:
            writer.close()
