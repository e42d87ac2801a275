"""``themecoder migrate``: new databases, old ones, and what a kill leaves behind."""

import random
import shutil
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from service.settings import Settings
from service.storage.database import Database
from service.storage.schema import current_schema, newest_schema
from tests.service.database_commands.commands import (
    COMMAND,
    SECRET,
    assert_clean,
    names,
    refused,
    themecoder,
    wait_until,
)


@pytest.mark.usefixtures("on")
def test_migrate_makes_the_database_and_says_from_which_schema_to_which(database_url: str) -> None:
    result = themecoder("migrate")
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == f"The database went from schema none to {newest_schema()}\n"
    result = themecoder("migrate")
    assert result.stderr == f"The database has the newest schema already: {newest_schema()}\n"
    database = Database(database_url)
    assert current_schema(database) == newest_schema()
    database.close()


def test_the_default_database_lies_in_the_data_folder_for_its_owner_alone(data: Path) -> None:
    assert themecoder("migrate").exit_code == 0
    assert stat.S_IMODE(data.stat().st_mode) == 0o700
    assert (data / "themecoder.sqlite3").exists()


def test_a_password_in_the_setting_stands_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THEMECODER_DATABASE", f"postgresql://nobody:{SECRET}@127.0.0.1:1/nothing")
    assert SECRET not in repr(Settings())
    for command in (["migrate"], ["doctor"]):
        assert refused(themecoder(*command)).endswith("[storage_unavailable]")
    monkeypatch.setenv("THEMECODER_DATABASE", f"mysql://nobody:{SECRET}@127.0.0.1/nothing")
    assert refused(themecoder("migrate")).endswith("[cannot_start]")


def test_a_tilde_is_the_home_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("THEMECODER_DATA")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert Settings().database_url == f"sqlite:///{tmp_path}/.local/share/themecoder/themecoder.sqlite3"


@pytest.mark.parametrize("folder", ["~nobody-of-this-name/x", "what?"])
def test_a_data_folder_that_cannot_be_named_is_refused(monkeypatch: pytest.MonkeyPatch, folder: str) -> None:
    monkeypatch.setenv("THEMECODER_DATA", folder)
    assert "THEMECODER_DATA" in refused(themecoder("migrate"))


KILLED_AT = """
import os, signal, sys
from alembic.operations import Operations
from service.actions.decide import Decide, Kind, Wish
from service.cli import main
from service.errors import ServiceError
make = {name: getattr(Operations, name) for name in ("create_table", "create_index")}
left = int(sys.argv.pop())
def dying(name):
    def step(*args, **options):
        global left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return make[name](*args, **options)
    return step
for name in make:
    setattr(Operations, name, dying(name))
sys.argv[1:] = ["migrate"]
main()
"""


@pytest.mark.usefixtures("on")
@pytest.mark.parametrize("step", [1, 7, 16])
def test_a_migration_that_is_killed_half_way_is_finished_by_the_next(database_url: str, step: int) -> None:
    done = subprocess.run([sys.executable, "-c", KILLED_AT, str(step)], check=False, capture_output=True)
    assert done.returncode == -signal.SIGKILL
    assert themecoder("doctor").exit_code == 1
    assert themecoder("migrate").stderr == f"The database went from schema none to {newest_schema()}\n"
    assert_clean(themecoder("doctor"))


def test_a_migration_that_is_killed_at_any_time_is_finished_by_the_next(data: Path) -> None:
    chance = random.Random(11)  # noqa: S311 - moments, not secrets
    for _ in range(5):
        with subprocess.Popen([COMMAND, "migrate"], stderr=subprocess.DEVNULL) as process:
            wait_until(lambda: data.exists() and len(names(data)) > 1)
            time.sleep(chance.random() / 10)
            process.kill()
        assert themecoder("migrate").exit_code == 0
        assert_clean(themecoder("doctor"))
        shutil.rmtree(data)
