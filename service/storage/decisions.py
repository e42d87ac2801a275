"""Deciding: who decides in a coding set, in which order, and what a decision changes and gives back.

Rows of decisions are added and never touched again. Everything that a decision changes bears its mark (codings and
no_codes its id, suggestions its number), so that undoing it changes back that and nothing else.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection, Row

from service.storage import decision_queries as queries
from service.storage.tables import decisions
from service.storage.times import in_utc, now

Kind = Literal["accept", "reject", "replace", "code", "uncode", "no_code", "undo"]
Status = Literal["pending", "accepted", "rejected", "replaced", "withdrawn"]


@dataclass(frozen=True, kw_only=True)
class Turn:
    """An analyst's turn to decide in a coding set; until the transaction ends nobody else has one there.

    Attributes:
        analyst: the analyst's name.
        last_number: the number of the decision before.
    """

    project_id: int
    coding_set_id: int
    analyst_id: int
    analyst: str
    last_number: int


@dataclass(frozen=True, kw_only=True)
class NewDecision:
    """A decision that is to be added; ``undoes`` is the id of another one."""

    kind: Kind
    segment_id: int
    suggestion_id: int | None = None
    code: str | None = None
    undoes: int | None = None
    suggestions_visible: bool


@dataclass(frozen=True, kw_only=True)
class Decided:
    """A decision that somebody has made.

    Attributes:
        number: its place in the order of its coding set; times are for people to read.
        code: what was decided on; for a replacement the code that was put in place.
        undoes: the id of the decision that this one takes back.
        suggestions_visible: whether the analyst saw what the machine suggests.
    """

    decision_id: int
    number: int
    kind: Kind
    segment_id: int
    suggestion_id: int | None
    code: str | None
    undoes: int | None
    analyst: str
    at: datetime
    suggestions_visible: bool


@dataclass(frozen=True, kw_only=True)
class SuggestionToDecide:
    """A suggestion, and how things stand on its segment for the code that is to be decided on.

    Attributes:
        decision_number: the decision that gave it its status.
        newest_codebook: the id of the newest version of the project's codebook.
        stands: whether the code stands already.
        pending: whether another suggestion of the code is pending.
        no_code: whether somebody found that no code applies.
    """

    segment_id: int
    code: str
    status: Status
    decision_number: int | None
    score: float
    model_version: str
    codebook_version_id: int
    newest_codebook: int
    stands: bool
    pending: bool
    no_code: bool


@dataclass(frozen=True, kw_only=True)
class SegmentToDecide:
    """How things stand on a segment for a code, or without one for all codes.

    Attributes:
        newest_codebook: the id of the newest version of the project's codebook.
        coding_id: the coding of the code, if it stands.
        coded: whether any code stands.
        pending: whether a suggestion of the code, or without one any suggestion, is pending.
        no_code: whether somebody found that no code applies.
    """

    newest_codebook: int
    coding_id: int | None
    coded: bool
    pending: bool
    no_code: bool

    @property
    def stands(self) -> bool:
        """Whether the code stands already."""
        return self.coding_id is not None


@dataclass(frozen=True, kw_only=True)
class DecisionToUndo:
    """A decision, and whether it can be undone.

    Attributes:
        undone: it has been.
        built_upon: a later decision on the segment, itself not undone, rests on it.
    """

    number: int
    kind: Kind
    segment_id: int
    suggestion_id: int | None
    code: str | None
    undone: bool
    built_upon: bool


@dataclass(frozen=True, kw_only=True)
class NewCoding:
    """A coding that a decision is to make, with what the machine said of it."""

    code: str
    origin: Literal["accepted", "replaced", "hand"]
    score: float | None = None
    model_version: str | None = None
    codebook_version_id: int


@dataclass(frozen=True, kw_only=True)
class DecisionFilter:
    """Which decisions are wanted; None means any."""

    coding_set_id: int | None = None
    segment_id: int | None = None


ALL_DECISIONS = DecisionFilter()


def take_turn(
    connection: Connection, *, project_id: int, coding_set_id: int, analyst_id: int, count: int
) -> Turn | None:
    """Waits for the turn to decide, and takes as many numbers.

    Returns:
        None if the project has no such coding set that this analyst may decide in.
    """
    where = {"in_project": project_id, "in_set": coding_set_id, "by_analyst": analyst_id}
    row = connection.execute(queries.TAKE_TURN, {**where, "more": count}).one_or_none()
    if row is None or row.analyst is None:
        return None
    return Turn(
        project_id=project_id,
        coding_set_id=coding_set_id,
        analyst_id=analyst_id,
        analyst=row.analyst,
        last_number=row.last_decision - count,
    )


def give_numbers_back(connection: Connection, turn: Turn, last_number: int) -> None:
    """Gives back the numbers after this one, which were not needed."""
    connection.execute(queries.SET_LAST_NUMBER, {"in_set": turn.coding_set_id, "of_number": last_number})


def suggestion_to_decide(
    connection: Connection, turn: Turn, suggestion_id: int, code: str | None
) -> SuggestionToDecide | None:
    """The suggestion if the coding set has it; the code is its own unless another is given."""
    where = {"in_project": turn.project_id, "in_set": turn.coding_set_id, "of_suggestion": suggestion_id}
    row = connection.execute(queries.SUGGESTION, {**where, "of_code": code}).one_or_none()
    return None if row is None else SuggestionToDecide(**row._mapping)


def segment_to_decide(connection: Connection, turn: Turn, segment_id: int, code: str | None) -> SegmentToDecide | None:
    """The segment if the project has it."""
    where = {"in_project": turn.project_id, "in_set": turn.coding_set_id, "of_segment": segment_id}
    row = connection.execute(queries.SEGMENT, {**where, "of_code": code}).one_or_none()
    return None if row is None else SegmentToDecide(**row._mapping)


def decision_to_undo(connection: Connection, turn: Turn, decision_id: int) -> DecisionToUndo | None:
    """The decision if it is one of the coding set."""
    where = {"in_project": turn.project_id, "in_set": turn.coding_set_id, "of_decision": decision_id}
    row = connection.execute(queries.DECISION, where).one_or_none()
    return None if row is None else DecisionToUndo(**row._mapping)


def decision_of_number(connection: Connection, turn: Turn, number: int) -> Decided:
    """The decision of the coding set that has this number."""
    return _decided(connection.execute(queries.BY_NUMBER, {"in_set": turn.coding_set_id, "of_number": number}).one())


def add_decision(connection: Connection, turn: Turn, number: int, new: NewDecision) -> Decided:
    """Adds a decision. What it changes is for the caller to change."""
    at = now()
    shared = {
        "number": number,
        "kind": new.kind,
        "segment_id": new.segment_id,
        "suggestion_id": new.suggestion_id,
        "code": new.code,
        "suggestions_visible": new.suggestions_visible,
        "at": at,
    }
    here = {"project_id": turn.project_id, "coding_set_id": turn.coding_set_id, "analyst_id": turn.analyst_id}
    key: Sequence[int] = (
        connection.execute(queries.ADD_DECISION, {**shared, **here, "undoes_id": new.undoes}).inserted_primary_key or ()
    )
    return Decided(
        decision_id=int(key[0]),
        number=number,
        kind=new.kind,
        segment_id=new.segment_id,
        suggestion_id=new.suggestion_id,
        code=new.code,
        undoes=new.undoes,
        analyst=turn.analyst,
        at=at,
        suggestions_visible=new.suggestions_visible,
    )


def set_status(connection: Connection, by: Decided, status: Status) -> None:
    """Gives the suggestion of a decision its status."""
    marks = {"new_status": status, "by_number": by.number}
    connection.execute(queries.SET_STATUS, {"of_suggestion": by.suggestion_id, **marks})


def withdraw_suggestions(connection: Connection, turn: Turn, by: Decided) -> None:
    """Withdraws the pending suggestions of a decision's code on its segment, or without a code all of them."""
    where = {"in_set": turn.coding_set_id, "of_segment": by.segment_id, "of_code": by.code}
    connection.execute(queries.WITHDRAW, {**where, "by_number": by.number})


def add_coding(connection: Connection, turn: Turn, by: Decided, new: NewCoding) -> None:
    """Lets a code stand on the segment of a decision."""
    here = {"project_id": turn.project_id, "coding_set_id": turn.coding_set_id, "segment_id": by.segment_id}
    said = {"score": new.score, "model_version": new.model_version, "codebook_version_id": new.codebook_version_id}
    made = {"code": new.code, "origin": new.origin, "decision_id": by.decision_id}
    connection.execute(queries.ADD_CODING, {**here, **said, **made})


def end_coding(connection: Connection, by: Decided, coding_id: int) -> None:
    """Ends a coding that stands."""
    connection.execute(queries.END_CODING, {"of_coding": coding_id, "by_decision": by.decision_id})


def add_no_code(connection: Connection, turn: Turn, by: Decided) -> None:
    """Keeps that no code applies to the segment of a decision."""
    here = {"project_id": turn.project_id, "coding_set_id": turn.coding_set_id, "segment_id": by.segment_id}
    connection.execute(queries.ADD_NO_CODE, {**here, "decision_id": by.decision_id})


def end_no_code(connection: Connection, turn: Turn, by: Decided) -> None:
    """Ends that no code applies to the segment of a decision."""
    where = {"in_set": turn.coding_set_id, "of_segment": by.segment_id}
    connection.execute(queries.END_NO_CODE, {**where, "by_decision": by.decision_id})


def take_back(connection: Connection, turn: Turn, undone: DecisionToUndo, undo: Decided) -> None:
    """What the undone decision made ends with the undo, and what it ended stands again.

    Suggestions on a segment for which newer ones have been made stay withdrawn.
    """
    where = {"in_set": turn.coding_set_id, "of_segment": undo.segment_id}
    marks = {"undone_id": undo.undoes, "undone_number": undone.number, "by_decision": undo.decision_id}
    for query in queries.TAKE_BACK[undone.kind]:
        connection.execute(query, {**where, **marks})


def wait_for_turn(connection: Connection, coding_set_id: int) -> None:
    """From now until the transaction ends nobody else decides in the coding set, or makes suggestions for it."""
    connection.execute(queries.WAIT_FOR_TURN, {"in_set": coding_set_id})


def make_way_for_new_suggestions(connection: Connection, coding_set_id: int, segment_ids: Sequence[int]) -> None:
    """Withdraws what is pending on segments, before suggestions are made anew: none of the old ones comes back.

    Who still looks at one of them is told so until the next time; then those that nobody decided on are removed.
    """
    wait_for_turn(connection, coding_set_id)
    there = {"in_set": coding_set_id, "in_segments": segment_ids}
    connection.execute(queries.FORGET, there)
    connection.execute(queries.RENEW, there)


def list_decisions(
    connection: Connection,
    project_id: int,
    wanted: DecisionFilter = ALL_DECISIONS,
    *,
    after: int = 0,
    limit: int | None = None,
) -> list[Decided]:
    """The project's decisions in the order in which they were added, those after a given one."""
    query = queries.DECIDED.where(decisions.c.project_id == project_id, decisions.c.id > after)
    if wanted.coding_set_id is not None:
        query = query.where(decisions.c.coding_set_id == wanted.coding_set_id)
    if wanted.segment_id is not None:
        query = query.where(decisions.c.segment_id == wanted.segment_id)
    return [_decided(row) for row in connection.execute(query.order_by(decisions.c.id).limit(limit))]


def _decided(row: Row[Any]) -> Decided:
    return Decided(**{**row._mapping, "at": in_utc(row.at)})
