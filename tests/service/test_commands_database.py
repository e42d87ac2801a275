"""``themecoder migrate``, ``doctor``, ``backup``, ``restore``: what they do, and what a crash leaves behind."""

import fcntl
import os
import random
import re
import resource
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import get_args

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import Connection, func, insert, select, text, update

from service.actions.decide import Decide, Kind, Wish
from service.cli import main
from service.errors import ServiceError
from service.settings import Settings
from service.storage.content_digest import content_digest
from service.storage.data_folder import LOCK_NAME, in_use
from service.storage.database import Database
from service.storage.examination import examine
from service.storage.invariants import INVARIANTS
from service.storage.schema import current_schema, migrate, newest_schema
from service.storage.tables import (
    adaptations,
    analysts,
    chunks,
    codebook_versions,
    coding_sets,
    codings,
    decisions,
    failed_segments,
    idempotency_keys,
    metadata,
    model_choices,
    no_codes,
    projects,
    rounds,
    runs,
    segments,
    suggestions,
    transcripts,
    vectors,
)
from service.storage.times import now

SECRET = "Zwiebelturm"
COMMAND = Path(sys.executable).with_name("themecoder")
DIGEST = re.compile(r"content digest [0-9a-f]{64}")
# `make crash` asks for more.
CUTS = int(os.environ.get("THEMECODER_TORN_LOGS", "400"))
BESIDE = ("", "-wal")

Themecoder = Callable[..., Result]


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


def themecoder(*arguments: object) -> Result:
    return CliRunner().invoke(main, list(map(str, arguments)))


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def as_process(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([COMMAND, *map(str, arguments)], capture_output=True, text=True, check=False, timeout=60)


def refused(result: Result) -> str:
    assert (result.exit_code, result.stdout) == (1, "")
    (line,) = result.stderr.splitlines()
    assert SECRET not in line
    return line


def assert_clean(result: Result) -> str:
    """The digest that the doctor prints."""
    assert (result.exit_code, result.stderr) == (0, "")
    line, digest = result.stdout.splitlines()
    assert line == "no problems found"
    assert DIGEST.fullmatch(digest)
    return digest.rpartition(" ")[2]


def fill(connection: Connection) -> None:
    """A project with two transcripts, and one row or more in every table."""
    at, here = now(), {"project_id": 1}
    on = {**here, "coding_set_id": 1}
    texts = [f"{SECRET} {number}" for number in range(4)]
    connection.execute(insert(analysts), [{"name": name, "created_at": at} for name in ("a", "b")])
    connection.execute(insert(projects), {"name": SECRET, "created_at": at})
    connection.execute(
        insert(codebook_versions), {**here, "number": 1, "digest": "x", "content": {"b": 1, "a": [2]}, "created_at": at}
    )
    connection.execute(insert(transcripts), [{**here, "label": label, "created_at": at} for label in "xy"])
    connection.execute(
        insert(segments),
        [
            {
                **here,
                "transcript_id": 1 + n // 2,
                "position": n % 2,
                "paragraph": n,
                "text": words,
                "role": "participant",
            }
            for n, words in enumerate(texts)
        ],
    )
    connection.execute(
        insert(rounds), {**here, "number": 1, "name": "r", "visibility": "open", "help": "assisted", "created_at": at}
    )
    connection.execute(insert(coding_sets), {**here, "round_id": 1, "last_decision": 0})
    suggested = {"score": 0.1, "basis": "prior", "content": "{}", "model_version": "m", "codebook_version_id": 1}
    connection.execute(
        insert(suggestions),
        [{**on, **suggested, "segment_id": n, "rank": 1, "code": "c", "status": "pending"} for n in (1, 2, 3)],
    )
    decide(connection, "accept", 1, suggestion=1)
    decide(connection, "code", 2)
    decide(connection, "no_code", 4)
    connection.execute(insert(vectors), {**here, "model_hash": "m", "text_hash": b"\0" * 32, "vector": b"\xff\0"})
    connection.execute(
        insert(idempotency_keys),
        {"key": "k", "request_hash": b"\1" * 32, "status": 201, "answer": "", "created_at": at},
    )
    run = {"kind": "suggest", "request": {"top_k": 3}, "codebook_version_id": 1, "step": "score", "created_at": at}
    ended = {"state": "completed_with_failures", "step_size": 2, "step_done": 2, "segments": 2, "abstained": 1}
    connection.execute(insert(runs), {**on, **run, **ended, "failed": 1, "pinned": {"reference": []}, "ended_at": at})
    chunk = {"run_id": 1, "step": "score", "segment_ids": [1, 2], "size": 2, "state": "done", "fence": 1}
    connection.execute(insert(chunks), {**here, **chunk})
    connection.execute(insert(failed_segments), {**here, "run_id": 1, "segment_id": 2, "reason": "encoder_failed"})
    refused_fit = {"run_id": 1, "codebook_version_id": 1, "number": 1, "decision_number": 3, "seed": 2**32 - 1}
    of_base = {"base_key": "m", "base_hash": "m", "comparison": {"examples": 24}, "model_hash": None}
    connection.execute(insert(adaptations), {"project_id": 1, **refused_fit, **of_base, "made_at": at})
    connection.execute(insert(model_choices), {"project_id": 1, "adaptation_id": None, "chosen_at": at})


def decide(connection: Connection, kind: str, segment: int, *, code: str = "c", suggestion: int | None = None) -> None:
    """One decision of the first coding set, with what it makes."""
    number = connection.execute(
        update(coding_sets).values(last_decision=coding_sets.c.last_decision + 1).returning(coding_sets.c.last_decision)
    ).scalar_one()
    on = {"project_id": 1, "coding_set_id": 1, "segment_id": segment}
    made = {"number": number, "analyst_id": 1, "suggestion_id": suggestion, "kind": kind, "at": now()}
    key = connection.execute(
        insert(decisions).values(**on, **made, code=None if kind == "no_code" else code, suggestions_visible=True)
    ).inserted_primary_key
    assert key
    if kind == "no_code":
        connection.execute(insert(no_codes), {**on, "decision_id": key[0]})
        return
    origin = {"accept": "accepted", "code": "hand"}[kind]
    connection.execute(
        insert(codings), {**on, "code": code, "origin": origin, "decision_id": key[0], "codebook_version_id": 1}
    )
    if suggestion is not None:
        connection.execute(
            update(suggestions).where(suggestions.c.id == suggestion).values(status="accepted", decision_number=number)
        )


# migrate


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


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.002)


# doctor


@pytest.mark.usefixtures("on")
def test_the_doctor_finds_nothing_in_a_sound_database(filled: Database) -> None:
    digest = assert_clean(themecoder("doctor"))
    with filled.write() as connection:
        assert content_digest(connection) == digest
        decide(connection, "code", 3, code="d")
    assert assert_clean(themecoder("doctor")) != digest


@pytest.mark.parametrize("seed", range(3))
def test_the_doctor_finds_nothing_whatever_people_decide(filled: Database, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - choices, not secrets
    decide_for_people, kinds = Decide(filled), get_args(Kind)
    with filled.write() as connection:
        here = {"project_id": 1, "coding_set_id": 1, "rank": 1, "score": 0.5, "basis": "prior", "content": "{}"}
        waiting = [{**here, "segment_id": 1 + n % 4, "code": "cde"[n % 3], "model_version": "m"} for n in range(12)]
        connection.execute(insert(suggestions), [{**row, "codebook_version_id": 1} for row in waiting])
    made = 0
    for _ in range(150):
        kind = chance.choice(kinds)
        wish = Wish(
            kind=kind,
            suggestion_id=chance.randint(1, 15) if kind in ("accept", "reject", "replace") else None,
            segment_id=chance.randint(1, 4) if kind in ("code", "uncode", "no_code") else None,
            code=chance.choice("cdef") if kind in ("replace", "code", "uncode") else None,
            decision_id=chance.randint(1, 3 + made) if kind == "undo" else None,
        )
        with suppress(ServiceError):
            decide_for_people(
                project_id=1, coding_set_id=1, analyst_id=1, wishes=[wish], active_codes=lambda _version: "cdef"
            )
            made += 1
    assert made > 25
    assert examine(filled).problems == []


def test_the_doctor_makes_no_database(data: Path) -> None:
    result = themecoder("doctor")
    assert (result.exit_code, result.stdout.partition(":")[0]) == (1, "schema")
    assert not (data / "themecoder.sqlite3").exists()


@pytest.mark.usefixtures("on")
def test_the_doctor_names_a_schema_that_is_not_the_newest(database: Database) -> None:
    with database.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0000'"))
    result = themecoder("doctor")
    assert result.exit_code == 1
    assert result.stdout == f"schema: it is 0000, and this program needs {newest_schema()}\n"


BREAKING = {
    "standing_codings_were_decided": "UPDATE codings SET decision_id = NULL WHERE id = 1",
    "codings_are_as_decided": "UPDATE codings SET origin = 'hand' WHERE id = 1",
    "codings_place_of_decision_id": "UPDATE codings SET decision_id = 2 WHERE id = 1",
    "codings_place_of_ended_by_id": "UPDATE codings SET ended_by_id = 2 WHERE id = 1",
    "no_codes_place_of_decision_id": "UPDATE no_codes SET decision_id = 1",
    "no_codes_place_of_ended_by_id": "UPDATE no_codes SET ended_by_id = 1",
    "decisions_place_of_suggestion_id": "UPDATE decisions SET suggestion_id = 3 WHERE id = 2",
    "decisions_place_of_undoes_id": "UPDATE decisions SET kind = 'undo', undoes_id = 1 WHERE id = 2",
    "decided_suggestions_have_one_decision": "UPDATE decisions SET suggestion_id = NULL WHERE id = 1",
    "suggestions_name_their_decision": "UPDATE suggestions SET decision_number = 2 WHERE id = 1",
    "decisions_let_codes_stand": "DELETE FROM codings WHERE id = 1",
    "pending_suggestions_are_undecided": "UPDATE suggestions SET status = 'pending' WHERE id = 1",
    "decisions_are_numbered_from_1": "UPDATE decisions SET number = 9 WHERE id = 3",
    "undo_names_a_decision": "UPDATE decisions SET undoes_id = 1 WHERE id = 2",
    "no_code_means_no_coding": "UPDATE no_codes SET segment_id = 1",
    "positions_are_counted_from_0": "UPDATE segments SET position = 5 WHERE id = 3",
    "active_runs_go_on": "UPDATE runs SET state = 'working', ended_at = NULL",
    "ended_runs_are_over": "UPDATE chunks SET state = 'waiting'",
    "chunks_that_are_worked_on_are_leased": "UPDATE chunks SET lease_until = 1.5",
    "progress_is_what_is_done": "UPDATE chunks SET size = 3",
    "coverage_is_counted": "UPDATE runs SET failed = 0",
    "segments_project_of_transcript_id": "UPDATE segments SET project_id = 2 WHERE id = 1",
    "decisions_project_of_coding_set_id": "UPDATE decisions SET project_id = 2 WHERE id = 1",
}
# An undo of the first decision, the third or the fourth, of which only part was done.
UNDOING = (
    "INSERT INTO decisions (project_id, coding_set_id, number, analyst_id, segment_id, kind, undoes_id,"
    " suggestions_visible, at) SELECT 1, 1, 4, 1, segment_id, 'undo', id, true, at FROM decisions WHERE id = {}"
)
HALF_UNDONE = {
    "standing_codings_were_decided": ("UPDATE suggestions SET status = 'pending', decision_number = NULL", 1),
    "standing_no_codes_were_decided": ("SELECT 1", 3),
    "ended_codings_stay_ended": ("UPDATE codings SET ended_by_id = 1 WHERE id = 1", 1),
    "ended_no_codes_stay_ended": ("UPDATE no_codes SET ended_by_id = 3", 3),
}


def names_found(result: Result) -> list[str]:
    assert result.exit_code == 1
    assert SECRET not in result.stdout
    *found, digest = result.stdout.splitlines()
    assert DIGEST.fullmatch(digest)
    return [line.partition(":")[0] for line in found]


@pytest.mark.usefixtures("on")
@pytest.mark.parametrize("name", BREAKING)
def test_the_doctor_finds_what_cannot_be(filled: Database, name: str) -> None:
    with filled.write() as connection:
        connection.execute(insert(projects), {"name": "another", "created_at": now()})
        connection.execute(text(BREAKING[name]))
    assert name in names_found(themecoder("doctor"))


@pytest.mark.usefixtures("on")
@pytest.mark.parametrize("name", HALF_UNDONE)
def test_the_doctor_finds_what_was_undone_by_half(filled: Database, name: str) -> None:
    change, undone = HALF_UNDONE[name]
    with filled.write() as connection:
        connection.execute(text(UNDOING.format(undone)))
        connection.execute(text("UPDATE coding_sets SET last_decision = 4"))
        connection.execute(text(change))
    assert name in names_found(themecoder("doctor"))


def test_every_invariant_is_tested() -> None:
    by_hand = {invariant.name for invariant in INVARIANTS if "_project_of_" not in invariant.name}
    assert by_hand == {name for name in (*BREAKING, *HALF_UNDONE) if "_project_of_" not in name}
    for table in metadata.sorted_tables:
        if "transcript_id" in table.c or "coding_set_id" in table.c:
            assert any(invariant.name.startswith(f"{table.name}_project_of_") for invariant in INVARIANTS)


def test_the_doctor_finds_rows_whose_parents_are_gone(sqlite: Database) -> None:
    assert sqlite.path
    with closing(sqlite3.connect(sqlite.path)) as connection, connection:
        connection.execute("DELETE FROM analysts WHERE id = 1")
    assert set(names_found(themecoder("doctor"))) == {"foreign_key_check"}


def test_the_doctor_finds_a_damaged_page(sqlite: Database) -> None:
    assert sqlite.path
    sqlite.close()
    with sqlite.path.open("r+b") as file:
        for page in range(2, 40):
            file.seek(page * 4_096)
            file.write(b"\xff" * 200)
    result = themecoder("doctor")
    assert result.exit_code == 1
    assert all(line.startswith("integrity_check: ") for line in result.stdout.splitlines())
    assert result.stdout


def test_many_findings_of_one_kind_are_one_line(filled: Database) -> None:
    with filled.write() as connection:
        for number in range(2, 10):
            connection.execute(insert(coding_sets), {"project_id": 1, "round_id": 1, "last_decision": number})
    (line,) = examine(filled).problems
    assert line.endswith(": coding_sets 2, 3, 4, 5, 6 and 3 more")


def test_equal_content_has_an_equal_digest_on_both_kinds(tmp_path: Path, filled: Database, postgres: str) -> None:
    other = Database(f"sqlite:///{tmp_path}/other/x.sqlite3")
    migrate(other)
    with filled.write() as reading, other.write() as writing:
        # Texts are ordered by their bytes, whatever the locale of the server.
        for key in ("B", "a", "ä", "_", "A"):
            values = {"key": key, "request_hash": b"", "status": 1, "answer": "", "created_at": now()}
            reading.execute(insert(idempotency_keys), values)
        for table in metadata.sorted_tables:
            rows = [dict(row._mapping) for row in reading.execute(select(table))]
            writing.execute(insert(table), rows)
    with filled.read() as one, other.read() as two:
        assert content_digest(one) == content_digest(two)
    other.close()


# backup and restore


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


# Disks that are full or cannot be written


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


# Power cuts

WRITER = """
import itertools
from service.settings import Settings
from service.storage.database import Database
from tests.service.test_commands_database import decide
database = Database(Settings().database_url)
for number in itertools.count(1):
    with database.write() as connection:
        decide(connection, "code", 1 + number % 3, code=f"n{number}")
        decide(connection, "code", 1 + number % 3, code=f"m{number}")
        last = connection.exec_driver_sql("SELECT last_decision FROM coding_sets").scalar_one()
    print(last, flush=True)
"""


def test_a_torn_log_leaves_a_beginning_of_what_was_acknowledged(sqlite: Database, data: Path, tmp_path: Path) -> None:
    sqlite.close()
    with subprocess.Popen([sys.executable, "-c", WRITER], stdout=subprocess.PIPE) as writer:
        assert writer.stdout
        acknowledged = [int(writer.stdout.readline()) for _ in range(40)][-1]
        writer.kill()
    # Less than what SQLite folds in of itself: what it has folded in was synced before, and no cut can tear it.
    assert 100_000 < (data / "themecoder.sqlite3-wal").stat().st_size < 4_000_000
    whole = copied(data, tmp_path / "whole")
    assert last_decision(whole) >= acknowledged
    chance = random.Random(5)  # noqa: S311 - places, not secrets
    recovered = set()
    for number in range(CUTS):
        torn = copied(data, tmp_path / f"torn {number}")
        damage(torn.with_name(f"{torn.name}-wal"), chance, garble=bool(number % 2))
        database = Database(f"sqlite:///{torn}")
        assert examine(database).problems == []
        with database.write() as connection:
            decide(connection, "code", 1, code="afterwards")
        assert examine(database).problems == []
        database.close()
        recovered.add(last_decision(torn) - 1)
    assert len(recovered) > 20
    # Three decisions to begin with, and two at a time.
    assert all(3 <= last <= last_decision(whole) and last % 2 == 1 for last in recovered)


def copied(data: Path, folder: Path) -> Path:
    folder.mkdir()
    for ending in BESIDE:
        shutil.copy(data / f"themecoder.sqlite3{ending}", folder)
    return folder / "themecoder.sqlite3"


def damage(log: Path, chance: random.Random, *, garble: bool) -> None:
    size = log.stat().st_size
    place = chance.randrange(size)
    if not garble:
        os.truncate(log, place)
        return
    with log.open("r+b") as file:
        file.seek(place)
        file.write(chance.randbytes(min(chance.randrange(1, 10_000), size - place)))


def last_decision(path: Path) -> int:
    database = Database(f"sqlite:///{path}")
    with database.read() as connection:
        last = connection.execute(select(func.max(decisions.c.number))).scalar_one()
    database.close()
    return int(last)


# copy-database


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
