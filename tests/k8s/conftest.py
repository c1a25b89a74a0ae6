"""Clusters for the tests of the public API."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from emu import Cluster


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    """Two nodes and nothing on them."""
    with Cluster(nodes=2, seed=1) as cluster:
        yield cluster
