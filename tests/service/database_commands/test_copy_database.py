"""``themecoder copy-database``: all of it or nothing, with equal digests."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import Result
from sqlalchemy import insert

from service.storage.database import Database
from service.storage.examination import examine
from service.storage.tables import analysts
from service.storage.times import now
from tests.service.database_commands.commands import assert_clean, refused, themecoder


def moved(source: Database, target_url: str) -> tuple[Result, Result]:
    result = themecoder("copy-database", source.path or source.engine.url.render_as_string(False), target_url)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("THEMECODER_DATABASE_URL", target_url)
        return result, themecoder("doctor")


def test_a_copy_on_the_other_kind_or_the_same_holds_all_with_equal_digests(
    sqlite: Database, database_url: str, tmp_path: Path
) -> None:
    target = database_url.replace("/data/", "/copy/")
    before = examine(sqlite).digest
    result, doctor = moved(sqlite, target)
    assert result.exit_code == 0, result.stderr
    assert "segments: 4" in result.stdout.splitlines()
    assert result.stdout.splitlines()[-1] == f"content digest {before} on both sides"
    assert assert_clean(doctor) == before
    # Numbers go on where they were, and not with those of rows that are gone.
    there = Database(target)
    with there.write() as connection:
        key = connection.execute(insert(analysts), {"name": "c", "created_at": now()}).inserted_primary_key
    there.close()
    assert key == (3,)
    back = tmp_path / "back.sqlite3"
    assert themecoder("copy-database", target, back).exit_code == 0
    with closing(sqlite3.connect(back)) as connection:
        assert connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'analysts'").fetchone() == (3,)


def test_a_copy_into_what_is_not_empty_or_from_what_is_not_there_is_refused(
    sqlite: Database, database_url: str, tmp_path: Path
) -> None:
    target = database_url.replace("/data/", "/copy/")
    assert moved(sqlite, target)[0].exit_code == 0
    again, doctor = moved(sqlite, target)
    assert "not empty" in refused(again)
    assert_clean(doctor)
    assert "no database to be copied" in refused(themecoder("copy-database", tmp_path / "none", tmp_path / "new"))
    assert "must begin with" in refused(themecoder("copy-database", "mysql://x", tmp_path / "new"))
    assert not (tmp_path / "new").exists()
