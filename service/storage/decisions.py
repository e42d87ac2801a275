"""Deciding: who decides in a coding set, in which order, and what a decision changes and gives back.

Rows of decisions are added and never touched again. Everything that a decision changes bears its mark (codings and
no_codes its id, suggestions its number), so that undoing it changes back that and nothing else.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Connection,
    Exists,
    FromClause,
    Row,
    Select,
    Table,
    Update,
    and_,
    bindparam,
    case,
    delete,
    exists,
    func,
    insert,
    null,
    or_,
    select,
    true,
    update,
)

from service.storage.rows import on_segments
from service.storage.tables import (
    analysts,
    codebook_versions,
    coding_sets,
    codings,
    decisions,
    no_codes,
    segments,
    suggestions,
)
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
    row = connection.execute(_TAKE_TURN, {**where, "more": count}).one_or_none()
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
    connection.execute(_SET_LAST_NUMBER, {"in_set": turn.coding_set_id, "of_number": last_number})


def suggestion_to_decide(
    connection: Connection, turn: Turn, suggestion_id: int, code: str | None
) -> SuggestionToDecide | None:
    """The suggestion if the coding set has it; the code is its own unless another is given."""
    where = {"in_project": turn.project_id, "in_set": turn.coding_set_id, "of_suggestion": suggestion_id}
    row = connection.execute(_SUGGESTION, {**where, "of_code": code}).one_or_none()
    return None if row is None else SuggestionToDecide(**row._mapping)


def segment_to_decide(connection: Connection, turn: Turn, segment_id: int, code: str | None) -> SegmentToDecide | None:
    """The segment if the project has it."""
    where = {"in_project": turn.project_id, "in_set": turn.coding_set_id, "of_segment": segment_id}
    row = connection.execute(_SEGMENT, {**where, "of_code": code}).one_or_none()
    return None if row is None else SegmentToDecide(**row._mapping)


def decision_to_undo(connection: Connection, turn: Turn, decision_id: int) -> DecisionToUndo | None:
    """The decision if it is one of the coding set."""
    where = {"in_project": turn.project_id, "in_set": turn.coding_set_id, "of_decision": decision_id}
    row = connection.execute(_DECISION, where).one_or_none()
    return None if row is None else DecisionToUndo(**row._mapping)


def decision_of_number(connection: Connection, turn: Turn, number: int) -> Decided:
    """The decision of the coding set that has this number."""
    return _decided(connection.execute(_BY_NUMBER, {"in_set": turn.coding_set_id, "of_number": number}).one())


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
        connection.execute(_ADD_DECISION, {**shared, **here, "undoes_id": new.undoes}).inserted_primary_key or ()
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
    connection.execute(_SET_STATUS, {"of_suggestion": by.suggestion_id, "new_status": status, "by_number": by.number})


def withdraw_suggestions(connection: Connection, turn: Turn, by: Decided) -> None:
    """Withdraws the pending suggestions of a decision's code on its segment, or without a code all of them."""
    where = {"in_set": turn.coding_set_id, "of_segment": by.segment_id, "of_code": by.code}
    connection.execute(_WITHDRAW, {**where, "by_number": by.number})


def add_coding(connection: Connection, turn: Turn, by: Decided, new: NewCoding) -> None:
    """Lets a code stand on the segment of a decision."""
    here = {"project_id": turn.project_id, "coding_set_id": turn.coding_set_id, "segment_id": by.segment_id}
    said = {"score": new.score, "model_version": new.model_version, "codebook_version_id": new.codebook_version_id}
    made = {"code": new.code, "origin": new.origin, "decision_id": by.decision_id}
    connection.execute(_ADD_CODING, {**here, **said, **made})


def end_coding(connection: Connection, by: Decided, coding_id: int) -> None:
    """Ends a coding that stands."""
    connection.execute(_END_CODING, {"of_coding": coding_id, "by_decision": by.decision_id})


def add_no_code(connection: Connection, turn: Turn, by: Decided) -> None:
    """Keeps that no code applies to the segment of a decision."""
    here = {"project_id": turn.project_id, "coding_set_id": turn.coding_set_id, "segment_id": by.segment_id}
    connection.execute(_ADD_NO_CODE, {**here, "decision_id": by.decision_id})


def end_no_code(connection: Connection, turn: Turn, by: Decided) -> None:
    """Ends that no code applies to the segment of a decision."""
    where = {"in_set": turn.coding_set_id, "of_segment": by.segment_id}
    connection.execute(_END_NO_CODE, {**where, "by_decision": by.decision_id})


def take_back(connection: Connection, turn: Turn, undone: DecisionToUndo, undo: Decided) -> None:
    """What the undone decision made ends with the undo, and what it ended stands again.

    Suggestions on a segment for which newer ones have been made stay withdrawn.
    """
    where = {"in_set": turn.coding_set_id, "of_segment": undo.segment_id}
    marks = {"undone_id": undo.undoes, "undone_number": undone.number, "by_decision": undo.decision_id}
    for query in _TAKE_BACK[undone.kind]:
        connection.execute(query, {**where, **marks})


def wait_for_turn(connection: Connection, coding_set_id: int) -> None:
    """From now until the transaction ends nobody else decides in the coding set, or makes suggestions for it."""
    connection.execute(_WAIT_FOR_TURN, {"in_set": coding_set_id})


def make_way_for_new_suggestions(connection: Connection, coding_set_id: int, segment_ids: Sequence[int]) -> None:
    """Withdraws what is pending on segments, before suggestions are made anew: none of the old ones comes back.

    Who still looks at one of them is told so until the next time; then those that nobody decided on are removed.
    """
    wait_for_turn(connection, coding_set_id)
    there = {"in_set": coding_set_id, "in_segments": segment_ids}
    connection.execute(_FORGET, there)
    connection.execute(_RENEW, there)


def list_decisions(
    connection: Connection,
    project_id: int,
    wanted: DecisionFilter = ALL_DECISIONS,
    *,
    after: int = 0,
    limit: int | None = None,
) -> list[Decided]:
    """The project's decisions in the order in which they were added, those after a given one."""
    query = _DECIDED.where(decisions.c.project_id == project_id, decisions.c.id > after)
    if wanted.coding_set_id is not None:
        query = query.where(decisions.c.coding_set_id == wanted.coding_set_id)
    if wanted.segment_id is not None:
        query = query.where(decisions.c.segment_id == wanted.segment_id)
    return [_decided(row) for row in connection.execute(query.order_by(decisions.c.id).limit(limit))]


def _decided(row: Row[Any]) -> Decided:
    return Decided(**{**row._mapping, "at": in_utc(row.at)})


# The queries, built once: what is built anew each time costs as much as running it.

_IN_SET: BindParameter[int] = bindparam("in_set")
_IN_PROJECT: BindParameter[int] = bindparam("in_project")
_OF_SEGMENT: BindParameter[int] = bindparam("of_segment")
_CODE = bindparam("of_code", type_=codings.c.code.type)


def _here(table: FromClause, segment: Any) -> ColumnElement[bool]:
    return and_(table.c.coding_set_id == _IN_SET, table.c.segment_id == segment)


def _stands(segment: Any, code: Any) -> Exists:
    return exists().where(_here(codings, segment), codings.c.code == code, codings.c.ended_by_id.is_(None))


def _no_code(segment: Any) -> Exists:
    return exists().where(_here(no_codes, segment), no_codes.c.ended_by_id.is_(None))


_TAKE_TURN = (
    update(coding_sets)
    .where(
        coding_sets.c.id == _IN_SET,
        coding_sets.c.project_id == _IN_PROJECT,
        or_(coding_sets.c.analyst_id.is_(None), coding_sets.c.analyst_id == bindparam("by_analyst")),
    )
    .values(last_decision=coding_sets.c.last_decision + bindparam("more"))
    .returning(
        coding_sets.c.last_decision,
        select(analysts.c.name).where(analysts.c.id == bindparam("by_analyst")).scalar_subquery().label("analyst"),
    )
)
_SET_LAST_NUMBER = update(coding_sets).where(coding_sets.c.id == _IN_SET).values(last_decision=bindparam("of_number"))
_WAIT_FOR_TURN = (
    update(coding_sets).where(coding_sets.c.id == _IN_SET).values(last_decision=coding_sets.c.last_decision)
)

_NEWEST_CODEBOOK = (
    select(codebook_versions.c.id)
    .where(codebook_versions.c.project_id == _IN_PROJECT)
    .order_by(codebook_versions.c.number.desc())
    .limit(1)
    .scalar_subquery()
    .label("newest_codebook")
)
_others = suggestions.alias()
_asked = func.coalesce(_CODE, suggestions.c.code)
# Locked, because whoever removes segments or makes suggestions anew begins with the suggestions.
_SUGGESTION = (
    select(
        suggestions.c.segment_id,
        suggestions.c.code,
        suggestions.c.status,
        suggestions.c.decision_number,
        suggestions.c.score,
        suggestions.c.model_version,
        suggestions.c.codebook_version_id,
        _NEWEST_CODEBOOK,
        _stands(suggestions.c.segment_id, _asked).label("stands"),
        exists()
        .where(_here(_others, suggestions.c.segment_id), _others.c.code == _asked)
        .where(_others.c.status == "pending", _others.c.id != suggestions.c.id)
        .label("pending"),
        _no_code(suggestions.c.segment_id).label("no_code"),
    )
    .where(suggestions.c.id == bindparam("of_suggestion"))
    .where(suggestions.c.coding_set_id == _IN_SET, suggestions.c.project_id == _IN_PROJECT)
    .with_for_update(of=suggestions)
)
_SEGMENT = (
    select(
        _NEWEST_CODEBOOK,
        select(codings.c.id)
        .where(_here(codings, segments.c.id), codings.c.code == _CODE, codings.c.ended_by_id.is_(None))
        .scalar_subquery()
        .label("coding_id"),
        exists().where(_here(codings, segments.c.id), codings.c.ended_by_id.is_(None)).label("coded"),
        exists()
        .where(_here(suggestions, segments.c.id), suggestions.c.status == "pending")
        .where(or_(_CODE.is_(None), suggestions.c.code == _CODE))
        .label("pending"),
        _no_code(segments.c.id).label("no_code"),
    )
    .where(segments.c.id == _OF_SEGMENT, segments.c.project_id == _IN_PROJECT)
    .with_for_update(read=True, key_share=True, of=segments)
)
_later = decisions.alias()
_undo_of_this = decisions.alias()
_undo_of_later = decisions.alias()
_DECISION = select(
    decisions.c.number,
    decisions.c.kind,
    decisions.c.segment_id,
    decisions.c.suggestion_id,
    decisions.c.code,
    exists().where(_undo_of_this.c.undoes_id == decisions.c.id).label("undone"),
    or_(
        exists()
        .where(_here(_later, decisions.c.segment_id), _later.c.number > decisions.c.number, _later.c.kind != "undo")
        .where(~exists().where(_undo_of_later.c.undoes_id == _later.c.id)),
        # A file may have brought back the code that was taken off.
        and_(decisions.c.kind == "uncode", _stands(decisions.c.segment_id, decisions.c.code)),
    ).label("built_upon"),
).where(
    decisions.c.id == bindparam("of_decision"),
    decisions.c.coding_set_id == _IN_SET,
    decisions.c.project_id == _IN_PROJECT,
)

_DECIDED: Select[Any] = select(
    decisions.c.id.label("decision_id"),
    decisions.c.number,
    decisions.c.kind,
    decisions.c.segment_id,
    decisions.c.suggestion_id,
    decisions.c.code,
    decisions.c.undoes_id.label("undoes"),
    analysts.c.name.label("analyst"),
    decisions.c.at,
    decisions.c.suggestions_visible,
).join(analysts, analysts.c.id == decisions.c.analyst_id)
_BY_NUMBER = _DECIDED.where(decisions.c.coding_set_id == _IN_SET, decisions.c.number == bindparam("of_number"))

_ADD_DECISION = insert(decisions)
_ADD_CODING = insert(codings)
_ADD_NO_CODE = insert(no_codes)
_SET_STATUS = (
    update(suggestions)
    .where(suggestions.c.id == bindparam("of_suggestion"))
    .values(status=bindparam("new_status"), decision_number=bindparam("by_number"))
)
_WITHDRAW = (
    update(suggestions)
    .where(_here(suggestions, _OF_SEGMENT), suggestions.c.status == "pending")
    .where(or_(_CODE.is_(None), suggestions.c.code == _CODE))
    .values(status="withdrawn", decision_number=bindparam("by_number"))
)
_END_CODING = update(codings).where(codings.c.id == bindparam("of_coding")).values(ended_by_id=bindparam("by_decision"))
_END_NO_CODE = (
    update(no_codes)
    .where(_here(no_codes, _OF_SEGMENT), no_codes.c.ended_by_id.is_(None))
    .values(ended_by_id=bindparam("by_decision"))
)
_RESTORE_SUGGESTIONS = (
    update(suggestions)
    .where(_here(suggestions, _OF_SEGMENT), suggestions.c.decision_number == bindparam("undone_number"))
    .values(status=case((suggestions.c.renewed, "withdrawn"), else_="pending"), decision_number=null())
)
_MADE_ANEW = on_segments(suggestions)
_FORGET = delete(suggestions).where(
    _MADE_ANEW,
    suggestions.c.renewed,
    suggestions.c.status == "withdrawn",
    ~exists().where(decisions.c.suggestion_id == suggestions.c.id),
)
_RENEW = (
    update(suggestions)
    .where(_MADE_ANEW, ~suggestions.c.renewed)
    .values(
        status=case((suggestions.c.status == "pending", "withdrawn"), else_=suggestions.c.status),
        renewed=true(),
    )
)


def _end_made(table: Table) -> Update:
    return (
        update(table)
        .where(_here(table, _OF_SEGMENT), table.c.decision_id == bindparam("undone_id"), table.c.ended_by_id.is_(None))
        .values(ended_by_id=bindparam("by_decision"))
    )


def _restore_ended(table: Table) -> Update:
    return (
        update(table)
        .where(_here(table, _OF_SEGMENT), table.c.ended_by_id == bindparam("undone_id"))
        .values(ended_by_id=null())
    )


_CODE_SET = (_RESTORE_SUGGESTIONS, _end_made(codings), _restore_ended(no_codes))
_TAKE_BACK: Mapping[Kind, tuple[Update, ...]] = {
    "accept": _CODE_SET,
    "replace": _CODE_SET,
    "code": _CODE_SET,
    "reject": (_RESTORE_SUGGESTIONS,),
    "uncode": (_restore_ended(codings),),
    "no_code": (_RESTORE_SUGGESTIONS, _end_made(no_codes)),
}
