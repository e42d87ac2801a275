"""Many rows named in one statement."""

import pytest
from sqlalchemy import event, insert, select
from sqlalchemy.engine import Connection

from service.storage.codings import rejected_codes
from service.storage.database import Database
from service.storage.decisions import make_way_for_new_suggestions
from service.storage.open_segments import best_suggestions
from service.storage.rows import is_among
from service.storage.suggestions import renew_suggestions, settled_codes
from service.storage.tables import analysts
from service.storage.times import now


@pytest.mark.parametrize("ids", [[], [2], [3, 2, 2], range(2, 60_000)])
def test_rows_are_found_by_however_many_ids(database: Database, ids: list[int]) -> None:
    with database.write() as connection:
        connection.execute(insert(analysts), [{"name": str(number), "created_at": now()} for number in range(5)])
        found = connection.execute(select(analysts.c.id).where(is_among(analysts.c.id, "these", ids))).scalars().all()
        all_ids = connection.execute(select(analysts.c.id)).scalars().all()
    assert sorted(found) == sorted(set(all_ids) & set(ids))


def test_what_lies_on_some_segments_is_searched_by_these_and_not_in_the_whole_set(database: Database) -> None:
    if not database.is_sqlite:
        pytest.skip("PostgreSQL has statistics to choose an index by")
    asked: list[tuple[str, object]] = []

    def remember(_connection: Connection, _cursor: object, statement: str, parameters: object, *_more: object) -> None:
        asked.append((statement, parameters))

    with database.write() as connection:
        event.listen(connection, "before_cursor_execute", remember)
        settled_codes(connection, 1, [1, 2])
        rejected_codes(connection, 1, [1, 2])
        best_suggestions(connection, 1, [1, 2])
        renew_suggestions(connection, 1, [1, 2], [])
        make_way_for_new_suggestions(connection, 1, [1, 2])
        event.remove(connection, "before_cursor_execute", remember)
        named = [(statement, parameters) for statement, parameters in asked if "json_each" in statement]
        plans = [
            str(connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters).all())
            for statement, parameters in named
        ]
    assert len(plans) >= 7
    assert all("(segment_id=?" in plan for plan in plans), plans
    assert not any("SCAN suggestions" in plan or "SCAN codings" in plan for plan in plans), plans
