"""The demo study in a database: all of it, marked as invented, and never over what people have done."""

from click.testing import CliRunner
from sqlalchemy import func, select

from service.actions.load_demo_study import EXTERNAL_ID, load_demo_study
from service.cli import main
from service.storage.database import Database
from service.storage.projects import list_projects
from service.storage.tables import analysts, codings, no_codes, segments, transcripts
from service.storage.transcripts import list_segments


def counted(database: Database) -> dict[str, int]:
    with database.read() as connection:
        tables = (transcripts, segments, codings, no_codes)
        return {
            table.name: connection.execute(select(func.count()).select_from(table)).scalar_one() for table in tables
        }


def test_the_demo_study_is_loaded_whole_and_says_that_it_is_invented(database: Database) -> None:
    loaded, is_new = load_demo_study(database)
    assert is_new
    assert loaded.external_id == EXTERNAL_ID
    assert "invented" in loaded.name.lower()
    assert "no person said" in loaded.note
    counts = counted(database)
    assert counts["transcripts"] == 6
    assert 140 <= counts["segments"] <= 170
    with database.read() as connection:
        references = [segment.reference for segment in list_segments(connection, loaded.id)]
        assert len(set(references)) == len(references)
        assert "BU 11" in references
        assert set(connection.execute(select(analysts.c.name)).scalars()) == {"coder-a", "coder-b"}


def test_every_participants_turn_was_looked_at_by_both_coders(database: Database) -> None:
    loaded, _ = load_demo_study(database)
    with database.read() as connection:
        turns = {one.id for one in list_segments(connection, loaded.id) if one.role == "participant"}
        looked_at: dict[int, set[int]] = {}
        for table in (codings, no_codes):
            for row in connection.execute(select(table.c.coding_set_id, table.c.segment_id)):
                looked_at.setdefault(row.coding_set_id, set()).add(row.segment_id)
    assert list(looked_at.values()) == [turns, turns]


def test_a_second_time_nothing_is_loaded(database: Database) -> None:
    first, _ = load_demo_study(database)
    before = counted(database)
    assert load_demo_study(database) == (first, False)
    assert counted(database) == before
    with database.read() as connection:
        assert len(list_projects(connection, after=0, limit=10)) == 1


def test_the_command_makes_the_database_and_loads_the_study_once() -> None:
    first = CliRunner().invoke(main, ["demo"])
    assert (first.exit_code, first.stdout) == (0, "")
    assert "Loaded as project 1" in first.stderr
    second = CliRunner().invoke(main, ["demo"])
    assert (second.exit_code, second.stdout) == (0, "")
    assert "there already" in second.stderr
    assert CliRunner().invoke(main, ["doctor"]).stdout.startswith("no problems found\n")
