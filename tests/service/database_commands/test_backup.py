"""``themecoder backup`` and ``restore``: one state that there was, and nothing lost on the way back."""

import fcntl
import os
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from service.storage.content_digest import content_digest
from service.storage.data_folder import LOCK_NAME, in_use
from service.storage.database import Database
from service.storage.examination import examine
from tests.service.database_commands.commands import (
    COMMAND,
    SECRET,
    WRITER,
    as_process,
    assert_clean,
    decide,
    names,
    refused,
    themecoder,
    wait_until,
)


def test_a_backup_is_one_file_for_its_owner_alone(sqlite: Database, tmp_path: Path) -> None:
    folder = tmp_path / "backups"
    folder.mkdir()
    result = themecoder("backup", folder / "monday")
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == f"Backup written to {folder / 'monday'}\n"
    assert names(folder) == ["monday"]
    assert stat.S_IMODE((folder / "monday").stat().st_mode) == 0o600


def test_a_backup_overwrites_nothing(sqlite: Database, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("older")
    (tmp_path / "link").symlink_to("absent")
    for target in ("file", "link", "data"):
        assert "[file_not_accepted]" in refused(themecoder("backup", tmp_path / target))
    assert (tmp_path / "file").read_text() == "older"
    assert refused(themecoder("backup", tmp_path / "absent" / "x")).endswith("[file_not_accepted]")


def test_without_a_database_there_is_no_backup(data: Path, tmp_path: Path) -> None:
    assert "no database yet" in refused(themecoder("backup", tmp_path / "x"))
    assert not (tmp_path / "x").exists()
    assert not (data / "themecoder.sqlite3").exists()


def test_on_postgresql_other_tools_make_backups(postgres: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THEMECODER_DATABASE", postgres)
    (tmp_path / "x").touch()
    assert "pg_dump" in refused(themecoder("backup", tmp_path / "new"))
    assert "pg_restore" in refused(themecoder("restore", tmp_path / "x"))
    assert not (tmp_path / "new").exists()


def test_a_backup_while_others_write_is_one_state_that_there_was(
    sqlite: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    states, stopping = set[str](), threading.Event()

    def write() -> None:
        number = 0
        while not stopping.is_set():
            number += 1
            with sqlite.write() as connection:
                decide(connection, "code", 1 + number % 3, code=f"n{number}")
                states.add(content_digest(connection))

    writer = threading.Thread(target=write)
    writer.start()
    wait_until(lambda: len(states) > 3)
    targets = [tmp_path / f"backup {number}" for number in range(5)]
    for target in targets:
        before = len(states)
        assert as_process("backup", target).returncode == 0
        assert len(states) > before
    stopping.set()
    writer.join()
    found = set()
    for number, target in enumerate(targets):
        monkeypatch.setenv("THEMECODER_DATA", str(tmp_path / f"elsewhere {number}"))
        assert themecoder("restore", target).exit_code == 0
        found.add(assert_clean(themecoder("doctor")))
    assert found <= states
    assert len(found) == len(targets)


def test_restore_takes_the_place_of_a_database_only_if_asked_and_keeps_it(
    sqlite: Database, data: Path, tmp_path: Path
) -> None:
    themecoder("backup", tmp_path / "backup")
    saved = assert_clean(themecoder("doctor"))
    with sqlite.write() as connection:
        decide(connection, "code", 3, code="d")
    later = assert_clean(themecoder("doctor"))
    assert "--replace" in refused(themecoder("restore", tmp_path / "backup"))
    assert assert_clean(themecoder("doctor")) == later
    sqlite.close()
    result = themecoder("restore", tmp_path / "backup", "--replace")
    assert (result.exit_code, result.stdout) == (0, "")
    assert assert_clean(themecoder("doctor")) == saved
    (kept,) = data.glob("themecoder-*.sqlite3")
    assert f"The database before is kept as {kept}" in result.stderr
    old = Database(f"sqlite:///{kept}")
    found = examine(old)
    old.close()
    assert (found.problems, found.digest) == ([], later)
    assert names(data) == sorted([kept.name, "themecoder.sqlite3", LOCK_NAME])
    assert stat.S_IMODE((data / "themecoder.sqlite3").stat().st_mode) == 0o600


def test_what_a_killed_service_left_in_the_log_is_kept_too(sqlite: Database, data: Path, tmp_path: Path) -> None:
    themecoder("backup", tmp_path / "backup")
    killed = subprocess.Popen([sys.executable, "-c", WRITER], stdout=subprocess.PIPE)
    assert killed.stdout
    last = [int(killed.stdout.readline()) for _ in range(20)][-1]
    killed.kill()
    killed.communicate()
    assert (data / "themecoder.sqlite3-wal").stat().st_size
    sqlite.close()
    assert themecoder("restore", tmp_path / "backup", "--replace").exit_code == 0
    (kept,) = data.glob("themecoder-*.sqlite3")
    assert not list(data.glob("*-wal"))
    with closing(sqlite3.connect(kept)) as connection:
        assert connection.execute("SELECT MAX(number) FROM decisions").fetchone()[0] >= last


def test_a_damaged_database_is_kept_as_it_is(sqlite: Database, data: Path, tmp_path: Path) -> None:
    themecoder("backup", tmp_path / "backup")
    sqlite.close()
    (data / "themecoder.sqlite3").write_bytes(b"nonsense")
    (data / "themecoder.sqlite3-wal").write_bytes(b"log")
    assert "--replace" in refused(themecoder("restore", tmp_path / "backup"))
    assert themecoder("restore", tmp_path / "backup", "--replace").exit_code == 0
    assert_clean(themecoder("doctor"))
    (kept,) = data.glob("themecoder-*.sqlite3")
    assert kept.read_bytes() == b"nonsense"
    assert (data / f"{kept.name}-wal").read_bytes() == b"log"


def not_sqlite(path: Path) -> None:
    path.write_bytes(SECRET.encode() * 1_000)


def empty(path: Path) -> None:
    path.write_bytes(b"")


def changed(*statements: str) -> Callable[[Path], None]:
    def change(path: Path) -> None:
        with closing(sqlite3.connect(path)) as connection, connection:
            for statement in statements:
                connection.execute(statement)

    return change


def foreign(path: Path) -> None:
    path.unlink()
    changed("CREATE TABLE notes (text)")(path)


def half_foreign(path: Path) -> None:
    path.unlink()
    changed("CREATE TABLE alembic_version (version_num)", "INSERT INTO alembic_version VALUES ('0001')")(path)


def damaged(path: Path) -> None:
    with path.open("r+b") as file:
        for page in range(2, 40):
            file.seek(page * 4_096)
            file.write(b"\xff" * 200)


def cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def with_a_log(path: Path) -> None:
    path.with_name(f"{path.name}-wal").write_bytes(b"log")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (not_sqlite, "no database of themecoder. [file_not_accepted]"),
        (empty, "no database of themecoder. [file_not_accepted]"),
        (foreign, "no database of themecoder. [file_not_accepted]"),
        (half_foreign, "no database of themecoder. [file_not_accepted]"),
        (changed("CREATE TABLE notes (text)"), "no database of themecoder. [file_not_accepted]"),
        (changed("ALTER TABLE codings DROP COLUMN score"), "no database of themecoder. [file_not_accepted]"),
        (changed("DELETE FROM alembic_version"), "no database of themecoder. [file_not_accepted]"),
        (
            changed("CREATE TRIGGER t AFTER INSERT ON decisions BEGIN DELETE FROM codings; END"),
            "no database of themecoder. [file_not_accepted]",
        ),
        (changed("UPDATE alembic_version SET version_num = '9999'"), "newer version of themecoder. [cannot_start]"),
        (damaged, "damaged. [file_not_accepted]"),
        (cut, "damaged. [file_not_accepted]"),
        (with_a_log, "not a backup: part of it lies in the -wal file beside it. [file_not_accepted]"),
    ],
)
@pytest.mark.parametrize("there", [False, True])
def test_what_is_no_sound_backup_is_refused_and_changes_nothing(
    sqlite: Database,
    data: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    change: Callable[[Path], None],
    words: str,
    there: bool,
) -> None:
    source = tmp_path / "backup"
    themecoder("backup", source)
    sqlite.close()
    if not there:
        data = tmp_path / "elsewhere"
        monkeypatch.setenv("THEMECODER_DATA", str(data))
    before = {name: (data / name).read_bytes() for name in names(data)} if there else {LOCK_NAME: b""}
    change(source)
    assert words in refused(themecoder("restore", source, "--replace"))
    assert {name: (data / name).read_bytes() for name in names(data)} == before


def test_a_source_that_never_ends_is_refused() -> None:
    assert "[file_not_accepted]" in refused(themecoder("restore", "/dev/zero"))


def test_restore_waits_for_nobody_who_uses_the_database(sqlite: Database, data: Path, tmp_path: Path) -> None:
    themecoder("backup", tmp_path / "backup")
    with in_use(sqlite):
        line = refused(themecoder("restore", tmp_path / "backup", "--replace"))
        assert line == "Error: The service or another command is using the database; stop it first. [cannot_start]"
        assert_clean(themecoder("doctor"))
    with in_use(sqlite, alone=True):
        for command in (["migrate"], ["doctor"], ["backup", tmp_path / "x"], ["serve", "--port", 0]):
            result = themecoder(*command)
            assert "being restored" in refused(result), command
    assert_clean(themecoder("doctor"))


def test_restore_is_refused_while_the_service_runs(sqlite: Database, data: Path, tmp_path: Path) -> None:
    themecoder("backup", tmp_path / "backup")
    environment = {**os.environ, "THEMECODER_MODEL": "hashing"}
    with subprocess.Popen(
        [COMMAND, "serve", "--port", "0"], stderr=subprocess.PIPE, text=True, env=environment
    ) as process:
        assert process.stderr
        while "themecoder on" not in process.stderr.readline():
            assert process.poll() is None
        assert "stop it first" in as_process("restore", tmp_path / "backup", "--replace").stderr
        process.kill()
    # The lock ends with the process, however it ends.
    assert as_process("restore", tmp_path / "backup", "--replace").returncode == 0
    with (data / LOCK_NAME).open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
