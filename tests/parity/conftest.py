"""The scripts are begun with when it is known which are wanted, so that they are done by the time their tests come."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.parity.pool import Pool
from tests.parity.script import FOLDER

AGAINST_GOLDEN, AFRESH = "test_the_emulator_does_what_the_kernel_did", "test_the_kernel_still_does_it"
STARTED: pytest.StashKey[Pool] = pytest.StashKey()


def pool_of(session: pytest.Session, test: str, fresh: bool) -> Pool:
    """For all scripts that the test is asked about."""
    items = [item for item in session.items if isinstance(item, pytest.Function) and item.originalname == test]
    return Pool([FOLDER / f"{item.callspec.params['name']}.sh" for item in items], fresh)


def pytest_collection_finish(session: pytest.Session) -> None:
    wanted = any(isinstance(item, pytest.Function) and item.originalname == AGAINST_GOLDEN for item in session.items)
    if wanted and not session.config.option.collectonly:
        session.config.stash[STARTED] = pool_of(session, AGAINST_GOLDEN, fresh=False)


@pytest.fixture(scope="session")
def recorded(request: pytest.FixtureRequest) -> Iterator[Pool]:
    pool = request.config.stash[STARTED]
    yield pool
    pool.close()


@pytest.fixture(scope="session")
def asked(request: pytest.FixtureRequest) -> Iterator[Callable[[], Pool]]:
    """Begun with by the first test, since only tests marked root may have real sockets."""
    started: list[Pool] = []

    def pool() -> Pool:
        if not started:
            started.append(pool_of(request.session, AFRESH, fresh=True))
        return started[0]

    yield pool
    for one in started:
        one.close()
