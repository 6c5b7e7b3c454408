"""Every store test runs on each database the services may be given."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from subprocess import run

import pytest

from shared.store import Store
from tests.integration.store.states import MemoryState, State
from tests.postgresql import USER, postgresql_server

NOW = datetime(2026, 3, 1, 12, 30, 15, 123456, tzinfo=UTC)


@dataclass(frozen=True)
class NewDatabase:
    """Gives the URL of a database that nobody has opened yet, as often as called."""

    folder: Path
    server: Path | None
    given: list[str] = field(default_factory=list)

    def __call__(self) -> str:
        name = f"t{next(_NUMBERS)}"
        self.given.append(name)
        if self.server is None:
            return f"sqlite+aiosqlite:///{self.folder / name}.db"
        run(["createdb", "-h", str(self.server), "-U", USER, name], check=True)
        return f"postgresql+asyncpg://{USER}@/{name}?host={self.server}"

    def drop(self) -> None:
        """Give the room back at once: hundreds of databases would take long to remove together."""
        for name in self.given if self.server else ():
            run(["dropdb", "-h", str(self.server), "-U", USER, "--force", name], check=True)


_NUMBERS = count(1)


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Path]:
    with postgresql_server() as socket_folder:
        yield socket_folder


@pytest.fixture(params=["sqlite", "postgresql"])
def new_database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[NewDatabase]:
    databases = _databases(request, tmp_path)
    yield databases
    databases.drop()


def _databases(request: pytest.FixtureRequest, folder: Path) -> NewDatabase:
    server = request.getfixturevalue("postgresql") if request.param == "postgresql" else None
    return NewDatabase(folder, server)


@pytest.fixture
async def store(new_database: NewDatabase) -> AsyncIterator[Store]:
    async with await Store.open(new_database(), lambda: NOW) as opened:
        yield opened


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
async def state(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[State]:
    """The state of services as its definition and on each database."""
    if request.param == "memory":
        yield MemoryState()
        return
    databases = _databases(request, tmp_path)
    async with await Store.open(databases(), lambda: NOW) as opened:
        yield opened
    databases.drop()
