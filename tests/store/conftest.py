from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hivectl.store.opening import open_store
from tests.support.postgres import Server, server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hivectl.store.base import Store


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """One server for all tests of a worker."""
    with server() as running:
        yield running


@pytest.fixture(params=["sqlite", "postgresql"])
def location(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Where a lab's store is, of either kind."""
    if request.param == "sqlite":
        return str(tmp_path_factory.mktemp("lab") / "lab.db")
    running: Server = request.getfixturevalue("postgres")
    return running.database()


@pytest.fixture
def store(location: str) -> Iterator[Store]:
    """A lab's store, of either kind."""
    opened = open_store(location)
    yield opened
    opened.close()
