"""The databases that the commands work on."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from service.settings import Settings
from service.storage.database import Database
from service.storage.schema import migrate
from tests.service.database_commands.commands import fill


@pytest.fixture(autouse=True)
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The data folder of the commands."""
    folder = tmp_path / "data"
    monkeypatch.setenv("THEMECODER_DATA", str(folder))
    return folder


@pytest.fixture
def on(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The commands work on ``database_url``."""
    monkeypatch.setenv("THEMECODER_DATABASE", database_url)


@pytest.fixture
def filled(database: Database) -> Database:
    with database.write() as connection:
        fill(connection)
    return database


@pytest.fixture
def sqlite(data: Path) -> Iterator[Database]:
    """The database of the data folder, with something in it."""
    database = Database(Settings().database_url)
    migrate(database)
    with database.write() as connection:
        fill(connection)
    yield database
    database.close()
