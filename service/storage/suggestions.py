"""Suggestions that wait for decisions, and what they are made from."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, insert, select

from service.storage.codings import rejected_codes
from service.storage.decisions import make_way_for_new_suggestions
from service.storage.tables import codings, no_codes, suggestions

# Fewer than SQLite takes as parameters of one statement.
AT_ONCE = 500


def renew_suggestions(
    connection: Connection, coding_set_id: int, segment_ids: Collection[int], fresh: Sequence[Mapping[str, Any]]
) -> None:
    """Puts new suggestions for these segments in the place of those that wait.

    Where they are the same ones, those that wait stay, so that nobody who looks at them loses them.
    """
    wanted: dict[int, list[Mapping[str, Any]]] = {segment_id: [] for segment_id in segment_ids}
    for row in fresh:
        wanted[row["segment_id"]].append(row)
    waiting: dict[int, list[tuple[Any, ...]]] = {segment_id: [] for segment_id in segment_ids}
    ids = list(waiting)
    for at in range(0, len(ids), AT_ONCE):
        some = {"in_set": coding_set_id, "in_segments": ids[at : at + AT_ONCE]}
        for found in connection.execute(_WAITING, some).all():
            waiting[found.segment_id].append(tuple(found))
    changed = [one for one, rows in wanted.items() if [_same(row) for row in rows] != waiting[one]]
    make_way_for_new_suggestions(connection, coding_set_id, changed)
    rows = [row for one in changed for row in wanted[one]]
    if rows:
        connection.execute(insert(suggestions), rows)


def settled_codes(connection: Connection, coding_set_id: int) -> set[tuple[int, str]]:
    """Pairs of segment and code that are not offered again: the code stands there, or was rejected or replaced."""
    standing = select(codings.c.segment_id, codings.c.code).where(
        codings.c.coding_set_id == coding_set_id, codings.c.ended_by_id.is_(None)
    )
    rows = connection.execute(standing)
    return {(row.segment_id, row.code) for row in rows} | rejected_codes(connection, coding_set_id)


def settled_segments(connection: Connection, coding_set_id: int) -> set[int]:
    """Segments to which no code applies, as somebody found in this coding set."""
    query = select(no_codes.c.segment_id).where(
        no_codes.c.coding_set_id == coding_set_id, no_codes.c.ended_by_id.is_(None)
    )
    return set(connection.execute(query).scalars())


_COMPARED = ("segment_id", "code", "rank", "score", "basis", "content", "model_version", "codebook_version_id")
_WAITING = (
    select(*(suggestions.c[name] for name in _COMPARED))
    .where(
        suggestions.c.coding_set_id == bindparam("in_set"),
        suggestions.c.segment_id.in_(bindparam("in_segments", expanding=True)),
        suggestions.c.status == "pending",
    )
    .order_by(suggestions.c.id)
)


def _same(row: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(row[name] for name in _COMPARED)
