"""``themecoder doctor``: it finds what cannot be, and nothing else."""

import random
import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from typing import get_args

import pytest
from click.testing import Result
from sqlalchemy import insert, select, text

from service.actions.decide import Decide, Kind, Wish
from service.errors import ServiceError
from service.storage.content_digest import content_digest
from service.storage.database import Database
from service.storage.examination import examine
from service.storage.invariants import INVARIANTS
from service.storage.schema import migrate, newest_schema
from service.storage.tables import coding_sets, idempotency_keys, metadata, projects, suggestions
from service.storage.times import now
from tests.service.database_commands.commands import DIGEST, SECRET, assert_clean, decide, themecoder


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
