"""How callers name things: by our number or by an id of their own."""

from dataclasses import dataclass

from sqlalchemy import ColumnElement, Table


@dataclass(frozen=True)
class ExternalId:
    """An id that the caller gave, usable wherever ours is."""

    value: str


Ref = int | ExternalId


def is_named(table: Table, ref: Ref) -> ColumnElement[bool]:
    """The condition that a row is the one that is named."""
    return table.c.external_id == ref.value if isinstance(ref, ExternalId) else table.c.id == ref
