"""The guard against real sockets holds, and lets through what asyncio needs for itself."""

from __future__ import annotations

import _socket
import asyncio
import socket

import pytest


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6, socket.AF_PACKET])
@pytest.mark.parametrize("make", [socket.socket, _socket.socket])
def test_real_sockets_are_refused(no_real_sockets: list[str], family: int, make: type) -> None:
    with pytest.raises(PermissionError, match="only tests marked root"):
        make(family, socket.SOCK_RAW if family == socket.AF_PACKET else socket.SOCK_DGRAM)
    assert len(no_real_sockets) == 1  # the fixture would fail this test for it
    no_real_sockets.clear()


def test_asyncio_still_runs() -> None:
    assert asyncio.run(asyncio.sleep(0, "done")) == "done"


@pytest.mark.root
def test_root_tests_may_have_sockets() -> None:
    socket.socket(socket.AF_PACKET, socket.SOCK_RAW).close()
