"""What every test gets: skips that say why, no way out to the host's network, and a ledger that every frame has to balance in.

Tests marked `root` build real network namespaces, tests marked `tshark` read captures with Wireshark's tools. All others run with real sockets
forbidden: scapy asks the host (routes, ARP) when a frame leaves something open, and an emulated program must never reach the real internet.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import hypothesis
import pytest

from emu.observe.ledger import Ledger
from emu.trace import Tracepoints
from tests.hops import Watch, tables

# The same examples in every run, and no verdict that depends on how fast the machine is; --hypothesis-profile=explore looks for new ones.
hypothesis.settings.register_profile("emu", derandomize=True, deadline=None, database=None, print_blob=True)
hypothesis.settings.register_profile("explore", deadline=None, max_examples=1000)
hypothesis.settings.load_profile("emu")

FORBIDDEN = (socket.AF_INET, socket.AF_INET6, getattr(socket, "AF_PACKET", None))
_may_use_sockets = False
_attempts: list[str] = []


@cache
def why_no_root() -> str | None:
    """The reason why tests on real namespaces cannot run here, None if they can."""
    if os.geteuid() != 0:
        return "needs root (real network namespaces)"
    absent = [tool for tool in ("unshare", "ip", "iptables", "tcpdump", "conntrack", "ethtool") if shutil.which(tool) is None]
    if absent:
        return f"needs {', '.join(absent)} (not installed)"
    if subprocess.run(["unshare", "-n", "-m", "true"], capture_output=True).returncode != 0:
        return "root here may not make network namespaces (unshare -n -m fails)"
    return None


@cache
def why_no_tshark() -> str | None:
    absent = [tool for tool in ("tshark", "capinfos") if shutil.which(tool) is None]
    return f"needs {' and '.join(absent)} (not installed; Wireshark's command line tools)" if absent else None


def run_is_whole(config: pytest.Config) -> bool:
    """Whether every test runs, not a selection."""
    root = Path(__file__).parents[1]
    everything = all(Path(argument).resolve() in (root, root / "tests") for argument in config.args)
    return everything and not config.option.keyword and config.option.markexpr in ("", "not slow") and not config.getoption("lf", False)


LAST = "test_every_reason_that_can_be_given_is_reached"  # sums up what all others did


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: item.name == LAST)
    for item in items:
        for marker, why in (("root", why_no_root), ("tshark", why_no_tshark)):
            if item.get_closest_marker(marker) is not None and (reason := why()) is not None:
                item.add_marker(pytest.mark.skip(reason=reason))


def _forbid_real_sockets(event: str, args: tuple[object, ...]) -> None:
    if event != "socket.__new__" or _may_use_sockets or args[1] not in FORBIDDEN:
        return
    _attempts.append(f"family {args[1]}, type {args[2]}, protocol {args[3]}")
    raise PermissionError(f"a real socket was asked for ({_attempts[-1]}): only tests marked root may touch the host's network")


# Set for the life of the process, so that imports and session fixtures are guarded too. It sees sockets made from C and by `import _socket`.
sys.addaudithook(_forbid_real_sockets)


@pytest.fixture(autouse=True)
def no_real_sockets(request: pytest.FixtureRequest) -> Iterator[list[str]]:
    """Fails a test that asked for a real socket, even when the code under test swallowed the error. The value is what was asked for so far."""
    global _may_use_sockets
    _may_use_sockets = request.node.get_closest_marker("root") is not None
    _attempts.clear()
    yield _attempts
    _may_use_sockets = False
    assert _attempts == [], "real sockets were asked for"


# -- the ledger (DESIGN.md rule 2) and the drop reasons that were reached

reached_reasons: dict[str, str] = {}  # reason -> the first test that reached it
_present_test = ""


class Books:
    """The ledgers of every world that a test makes."""

    def __init__(self, watched: bool) -> None:
        self.ledgers: list[tuple[Tracepoints, Ledger]] = []
        self.watched = watched
        self.watches: list[Watch] = []

    def open(self, tp: Tracepoints) -> None:
        """A world was made."""
        self.ledgers.append((tp, Ledger(tp)))
        if self.watched:
            self.watches = [*self.watches[-2:], Watch(tp)]  # a law test makes hundreds of worlds; the last ones tell
        tp.attach("drop", _note_reason)

    def close(self) -> None:
        """Judge no world of this test."""
        for tp, ledger in self.ledgers:
            ledger.detach()
            tp.drop = tuple(callback for callback in tp.drop if callback is not _note_reason)
        self.ledgers.clear()

    def check(self) -> None:
        """Every frame that was born was delivered, dropped or merged, or is held somewhere, or is still an event to come."""
        for tp, ledger in self.ledgers:
            ledger.check(frames_to_come(tp.sim))


def _note_reason(t_ns: int, netns: Any, device: Any, frame_id: int, reason: str, text: str, wire: bytes | None) -> None:
    reached_reasons.setdefault(reason, _present_test)


def frames_to_come(sim: Any) -> dict[int, int]:
    """Frame id -> how many events of the queue carry it: what is on a wire, or waits for its turn."""
    found: dict[int, int] = {}
    entries = [(fn, arg) for fn, arg in getattr(sim, "_fifo", ())] + [(entry[2], entry[3]) for entry in getattr(sim, "_heap", ())]
    for _, arg in entries:
        for thing in getattr(arg, "args", None) or (arg,):
            frame_id = getattr(thing, "id", None)
            if isinstance(frame_id, int) and (hasattr(thing, "wire") or hasattr(thing, "l3")):
                found[frame_id] = found.get(frame_id, 0) + 1
    return found


@pytest.fixture(autouse=True)
def ledger(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Books]:
    """Every world that the test makes has a ledger from its first frame on, and it balances when the test is over."""
    global _present_test
    _present_test = request.node.nodeid
    books = Books(request.config.getoption("--hops"))
    make = Tracepoints.__init__

    def init(self: Tracepoints, sim: Any) -> None:
        make(self, sim)
        books.open(self)

    monkeypatch.setattr(Tracepoints, "__init__", init)
    request.node.stash[BOOKS] = books
    yield books
    books.check()


BOOKS = pytest.StashKey[Books]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """A failing test says how to see the hop tables of its worlds, and with --hops it shows them."""
    report = yield
    books = item.stash.get(BOOKS, None)
    if report.failed and books is not None and books.ledgers:
        text = tables(books.watches) if books.watched else f"for the hop tables: ./tools/test --hops '{item.nodeid}'"
        report.sections.append(("what happened", text))
    return report


def pytest_addoption(parser: pytest.Parser) -> None:
    # Not always: with nobody looking, namespaces take short cuts that are to be tested too (emu/net/flow.py).
    parser.addoption("--hops", action="store_true", help="failing tests show the hop tables of their worlds")


@pytest.fixture
def unbalanced(ledger: Books) -> Iterator[None]:
    """For a test that ends in an error in the middle of a packet's way, or invents what is told to the tracepoints."""
    yield
    ledger.close()


@pytest.fixture(autouse=True)
def worlds_end(ledger: Books, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Programs that still run when a test is over are killed, so that no coroutine or stream complains, in some later test, that nobody closed it."""
    from emu.aio.loop import Loop

    loops: list[Loop] = []
    make = Loop.__init__

    def init(self: Loop, sim: Any) -> None:
        make(self, sim)
        loops.append(self)

    monkeypatch.setattr(Loop, "__init__", init)
    yield
    for loop in loops:
        loop.close()
