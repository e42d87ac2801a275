"""Disks that are full or cannot be written, under the commands that look after a database."""

import resource
import subprocess
from pathlib import Path

import pytest

from service.storage.database import Database
from tests.service.database_commands.commands import COMMAND, assert_clean, names, refused, themecoder


def with_little_disk(size: int, *arguments: object) -> subprocess.CompletedProcess[str]:
    """The command in a process that can make no file larger than this, as on a full disk."""
    return subprocess.run(
        [COMMAND, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size)),
    )


@pytest.mark.parametrize("size", [0, 20_000, 100_000])
def test_a_full_disk_fails_a_migration_which_can_be_repeated(data: Path, size: int) -> None:
    done = with_little_disk(size, "migrate")
    assert (done.returncode, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    assert line.endswith("[storage_unavailable]")
    assert themecoder("migrate").exit_code == 0
    assert_clean(themecoder("doctor"))


@pytest.mark.parametrize("size", [0, 20_000, 100_000])
def test_a_full_disk_fails_a_backup_and_a_restore_and_leaves_nothing_half_written(
    sqlite: Database, data: Path, tmp_path: Path, size: int
) -> None:
    folder = tmp_path / "backups"
    folder.mkdir()
    digest = assert_clean(themecoder("doctor"))
    themecoder("backup", tmp_path / "good")
    sqlite.close()
    before = whole_files(data)
    for command in (["backup", folder / "x"], ["restore", tmp_path / "good", "--replace"]):
        done = with_little_disk(size, *command)
        assert (done.returncode, done.stdout) == (1, "")
        (line,) = done.stderr.splitlines()
        assert line.endswith("[storage_unavailable]")
    assert names(folder) == []
    assert whole_files(data) == before
    assert assert_clean(themecoder("doctor")) == digest


def whole_files(folder: Path) -> list[str]:
    """Without what SQLite itself keeps beside a database that it could not close."""
    return [name for name in names(folder) if not name.endswith(("3-wal", "3-shm"))]


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    for folder in (tmp_path / "file" / "x", Path("/proc/themecoder")):
        monkeypatch.setenv("THEMECODER_DATA", str(folder))
        assert refused(themecoder("migrate")) == "Error: The data folder cannot be made. [storage_unavailable]"


def test_a_folder_that_cannot_be_written_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    # Nobody, not even root, makes files there.
    monkeypatch.setenv("THEMECODER_DATA", "/proc/self")
    assert refused(themecoder("migrate")) == "Error: The data folder cannot be written. [storage_unavailable]"
