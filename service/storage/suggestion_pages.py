"""Pages of suggestions, as JSON that the database writes.

Fetched row by row, a page takes several times as long under load: the interpreter's lock changes hands with each row.
"""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    Select,
    Text,
    bindparam,
    case,
    cast,
    func,
    literal_column,
    select,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from service.storage.tables import segments, suggestions, transcripts


@dataclass(frozen=True, kw_only=True)
class JsonPage:
    """A page of suggestions.

    Attributes:
        items: the JSON objects of the suggestions, each with its segment, a comma between two.
        last: the id of the last one if more follow, else None.
    """

    items: str
    last: int | None


def suggestion_page(
    connection: Connection, coding_set_id: int, *, status: str, transcript_id: int | None, after: int, limit: int
) -> JsonPage:
    """Suggestions with their segments, oldest first, those after a given one."""
    query = _PAGE if transcript_id is None else _PAGE_OF_TRANSCRIPT
    values: dict[str, Any] = {"coding_set_id": coding_set_id, "status": status, "after": after, "most": limit}
    values |= {} if transcript_id is None else {"transcript_id": transcript_id}
    found = connection.execute(query, values).one()
    return JsonPage(items=found.items or "", last=found.last if found.read > limit else None)


class _JsonObject(FunctionElement[str]):
    """A JSON object, from names and values by turns; SQLite and PostgreSQL have different words for it."""

    type = Text()
    inherit_cache = True


@compiles(_JsonObject, "sqlite")
def _for_sqlite(element: _JsonObject, compiler: SQLCompiler, **given: Any) -> str:
    return f"json_object({compiler.process(element.clauses, **given)})"


@compiles(_JsonObject, "postgresql")
def _for_postgresql(element: _JsonObject, compiler: SQLCompiler, **given: Any) -> str:
    return f"json_build_object({compiler.process(element.clauses, **given)})"


def _json_object(**values: ColumnElement[Any]) -> _JsonObject:
    parts: list[ColumnElement[Any]] = []
    for name, value in values.items():
        parts += [literal_column(f"'{name}'"), value]
    return _JsonObject(*parts)


_SEGMENT = _json_object(
    id=segments.c.id,
    external_id=segments.c.external_id,
    reference=transcripts.c.label + " " + cast(segments.c.paragraph, Text),
    transcript=transcripts.c.id,
    site=transcripts.c.site,
    speaker=segments.c.speaker,
    text=segments.c.text,
)
_SUGGESTION = _json_object(
    id=suggestions.c.id,
    status=suggestions.c.status,
    rank=suggestions.c.rank,
    score=suggestions.c.score,
    segment=_SEGMENT,
    basis=suggestions.c.basis,
    # Last, because it ends in no bracket that would go with the object's own.
    model_version=suggestions.c.model_version,
)
# What does not change of a suggestion is kept as JSON; its members follow those of the object.
_ITEM = func.rtrim(cast(_SUGGESTION, Text), "}") + "," + func.substr(suggestions.c.content, 2)


def _page(*, of_transcript: bool) -> Select[int, Any, str]:
    """The page in one row; one suggestion more than wanted is read, if there is one, to know that more follow."""
    place = func.row_number().over(order_by=suggestions.c.id).label("place")
    rows = (
        select(suggestions.c.id, place, _ITEM.label("item"))
        .join(segments, segments.c.id == suggestions.c.segment_id)
        .join(transcripts, transcripts.c.id == segments.c.transcript_id)
        .where(
            suggestions.c.coding_set_id == bindparam("coding_set_id"),
            suggestions.c.status == bindparam("status"),
            suggestions.c.id > bindparam("after"),
        )
        .order_by(suggestions.c.id)
        .limit(bindparam("most") + 1)
    )
    if of_transcript:
        rows = rows.where(segments.c.transcript_id == bindparam("transcript_id"))
    return _joined(rows.subquery())


def _joined(rows: FromClause) -> Select[int, Any, str]:
    on_page = rows.c.place <= bindparam("most")
    return select(
        func.count().label("read"),
        func.max(case((on_page, rows.c.id))).label("last"),
        func.aggregate_strings(case((on_page, rows.c.item)), ",").label("items"),
    ).select_from(rows)


_PAGE, _PAGE_OF_TRANSCRIPT = _page(of_transcript=False), _page(of_transcript=True)
