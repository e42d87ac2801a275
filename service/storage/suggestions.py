"""Suggestions that wait for decisions, and what they are made from."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, select

from service.storage.codings import rejected_codes
from service.storage.decisions import make_way_for_new_suggestions
from service.storage.rows import add_many, on_segments
from service.storage.tables import codings, no_codes, suggestions


def renew_suggestions(
    connection: Connection, coding_set_id: int, segment_ids: Collection[int], fresh: Sequence[Mapping[str, Any]]
) -> None:
    """Puts new suggestions for these segments in the place of those that wait.

    Where they are the same ones, those that wait stay, so that nobody who looks at them loses them.
    """
    wanted: dict[int, list[Mapping[str, Any]]] = {segment_id: [] for segment_id in segment_ids}
    for row in fresh:
        wanted[row["segment_id"]].append(row)
    ids = list(wanted)
    waiting = _waiting(connection, coding_set_id, [one for one in ids if not wanted[one]])
    if fresh:
        made_under = _made_under(fresh[0])
        waiting |= _waiting(connection, coding_set_id, [one for one in ids if wanted[one]], *made_under)
    changed = [one for one in ids if not _are_same(wanted[one], waiting[one])]
    make_way_for_new_suggestions(connection, coding_set_id, changed)
    add_many(connection, suggestions, [row for one in changed for row in wanted[one]])


def settled_codes(connection: Connection, coding_set_id: int, segment_ids: Sequence[int]) -> set[tuple[int, str]]:
    """Pairs of these segments and codes not offered again: the code stands there, or was rejected or replaced."""
    rows = connection.execute(_STANDING, {"in_set": coding_set_id, "in_segments": segment_ids}).all()
    return {(row.segment_id, row.code) for row in rows} | rejected_codes(connection, coding_set_id, segment_ids)


def settled_segments(connection: Connection, coding_set_id: int) -> set[int]:
    """Segments to which no code applies, as somebody found in this coding set."""
    query = select(no_codes.c.segment_id).where(
        no_codes.c.coding_set_id == coding_set_id, no_codes.c.ended_by_id.is_(None)
    )
    return set(connection.execute(query).scalars())


_STANDING = select(codings.c.segment_id, codings.c.code).where(
    on_segments(codings),
    codings.c.ended_by_id.is_(None),
)
_PENDING = (
    on_segments(suggestions),
    suggestions.c.status == "pending",
)
_COMPARED = ("segment_id", "code", "rank", "score", "basis", "content", "model_version", "codebook_version_id")
_WAITING = select(*(suggestions.c[name] for name in _COMPARED)).where(*_PENDING).order_by(suggestions.c.id)


def _made_under(row: Mapping[str, Any]) -> Sequence[ColumnElement[bool]]:
    """Of this codebook and model: whatever else waits differs, and to read it would only take time."""
    return tuple(suggestions.c[name] == row[name] for name in ("codebook_version_id", "model_version"))


def _waiting(
    connection: Connection, coding_set_id: int, segment_ids: Sequence[int], *conditions: ColumnElement[bool]
) -> dict[int, list[tuple[Any, ...]]]:
    found: dict[int, list[tuple[Any, ...]]] = {segment_id: [] for segment_id in segment_ids}
    there = {"in_set": coding_set_id, "in_segments": segment_ids}
    for row in connection.execute(_WAITING.where(*conditions), there).all():
        found[row.segment_id].append(tuple(row))
    return found


def _are_same(wanted: Sequence[Mapping[str, Any]], waiting: Sequence[tuple[Any, ...]]) -> bool:
    return len(wanted) == len(waiting) and [tuple(row[name] for name in _COMPARED) for row in wanted] == waiting
