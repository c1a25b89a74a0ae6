"""The guestbook tutorial's frontend: it writes entries to the redis leader and reads them from a follower, both found by name."""

from __future__ import annotations

import json
from collections.abc import Callable

import h11

from emu.apps.http_server import Answer, HttpServer, split_target
from emu.apps.redis import PORT, RedisError, command

JSON = [("Content-Type", "application/json")]


class Guestbook(HttpServer):
    """`/guestbook.php?cmd=set&key=K&value=V`, `/guestbook.php?cmd=get&key=K`, and a page at `/`. `leader`, `follower`: names of Services."""

    def __init__(
        self, hostname: str, port: int = 80, leader: str = "redis-leader", follower: str = "redis-follower", log: Callable[[str], object] | None = None
    ) -> None:
        super().__init__(hostname, port, log=log)
        self.leader = leader
        self.follower = follower

    async def respond(self, request: h11.Request, body: bytes, peer: tuple[str, int]) -> Answer:
        """A page, or what redis says; 500 when it says nothing."""
        parts = split_target(request.target)
        if parts is None:
            return 400, b"400 Bad Request"
        path, query = parts
        if path in ("/", "/index.html"):
            return 200, f"<html><head><title>Guestbook</title></head><body>{self.hostname}</body></html>\n".encode(), [("Content-Type", "text/html")]
        if path != "/guestbook.php":
            return 404, b"404 Not Found\n"
        key, value = (query.get(name, [""])[0].encode("utf-8", "replace") for name in ("key", "value"))
        try:
            if query.get("cmd") == ["set"]:
                await command(self.leader, PORT, b"SET", key, value)
                return 200, b'{"message": "Updated"}', JSON
            stored = await command(self.follower, PORT, b"GET", key)
        except (OSError, RedisError) as error:
            return 500, f"redis: {error or type(error).__name__}\n".encode()
        return 200, json.dumps({"data": (stored or b"").decode("utf-8", "replace")}).encode(), JSON
