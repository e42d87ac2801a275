"""Suggestions that wait for decisions, and what they are made from."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, insert, or_, select

from service.storage.codings import rejected_codes
from service.storage.decisions import make_way_for_new_suggestions
from service.storage.rows import in_parts
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
    outdated = _outdated(connection, coding_set_id, ids, fresh[0]) if fresh else set()
    waiting = _waiting(connection, coding_set_id, [one for one in ids if one not in outdated])
    changed = [one for one in ids if one in outdated or [_same(row) for row in wanted[one]] != waiting[one]]
    make_way_for_new_suggestions(connection, coding_set_id, changed)
    rows = [row for one in changed for row in wanted[one]]
    if rows:
        connection.execute(insert(suggestions), rows)


def settled_codes(connection: Connection, coding_set_id: int, segment_ids: Sequence[int]) -> set[tuple[int, str]]:
    """Pairs of these segments and codes not offered again: the code stands there, or was rejected or replaced."""
    settled: set[tuple[int, str]] = set()
    for some in _parts(coding_set_id, segment_ids):
        settled |= {(row.segment_id, row.code) for row in connection.execute(_STANDING, some)}
        settled |= rejected_codes(connection, coding_set_id, some["in_segments"])
    return settled


def settled_segments(connection: Connection, coding_set_id: int) -> set[int]:
    """Segments to which no code applies, as somebody found in this coding set."""
    query = select(no_codes.c.segment_id).where(
        no_codes.c.coding_set_id == coding_set_id, no_codes.c.ended_by_id.is_(None)
    )
    return set(connection.execute(query).scalars())


_STANDING = select(codings.c.segment_id, codings.c.code).where(
    codings.c.coding_set_id == bindparam("in_set"),
    codings.c.segment_id.in_(bindparam("in_segments", expanding=True)),
    codings.c.ended_by_id.is_(None),
)
_PENDING = (
    suggestions.c.coding_set_id == bindparam("in_set"),
    suggestions.c.segment_id.in_(bindparam("in_segments", expanding=True)),
    suggestions.c.status == "pending",
)
_OUTDATED = (
    select(suggestions.c.segment_id)
    .where(*_PENDING)
    .where(
        or_(
            suggestions.c.codebook_version_id != bindparam("of_codebook"),
            suggestions.c.model_version != bindparam("of_model"),
        )
    )
    .distinct()
)
_COMPARED = ("segment_id", "code", "rank", "score", "basis", "content", "model_version", "codebook_version_id")
_WAITING = select(*(suggestions.c[name] for name in _COMPARED)).where(*_PENDING).order_by(suggestions.c.id)


def _outdated(
    connection: Connection, coding_set_id: int, segment_ids: Sequence[int], fresh: Mapping[str, Any]
) -> set[int]:
    """Where something waits that was made under another codebook or model: to compare it would only take time."""
    made_under = {"of_codebook": fresh["codebook_version_id"], "of_model": fresh["model_version"]}
    found: set[int] = set()
    for some in _parts(coding_set_id, segment_ids):
        found.update(connection.execute(_OUTDATED, {**some, **made_under}).scalars())
    return found


def _waiting(
    connection: Connection, coding_set_id: int, segment_ids: Sequence[int]
) -> dict[int, list[tuple[Any, ...]]]:
    found: dict[int, list[tuple[Any, ...]]] = {segment_id: [] for segment_id in segment_ids}
    for some in _parts(coding_set_id, segment_ids):
        for row in connection.execute(_WAITING, some).all():
            found[row.segment_id].append(tuple(row))
    return found


def _parts(coding_set_id: int, segment_ids: Sequence[int]) -> Iterator[dict[str, Any]]:
    for some in in_parts(segment_ids):
        yield {"in_set": coding_set_id, "in_segments": some}


def _same(row: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(row[name] for name in _COMPARED)
