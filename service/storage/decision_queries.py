"""The statements of :mod:`service.storage.decisions`, built once: to build one anew costs as much as to run it.

Their parameters: ``in_project``, ``in_set`` and ``of_segment`` say where, ``of_code`` which code (or none),
``by_decision`` and ``by_number`` whose mark a change bears.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Exists,
    FromClause,
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


TAKE_TURN = (
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
SET_LAST_NUMBER = update(coding_sets).where(coding_sets.c.id == _IN_SET).values(last_decision=bindparam("of_number"))
WAIT_FOR_TURN = update(coding_sets).where(coding_sets.c.id == _IN_SET).values(last_decision=coding_sets.c.last_decision)

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
SUGGESTION = (
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
SEGMENT = (
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
DECISION = select(
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

DECIDED: Select[Any] = select(
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
BY_NUMBER = DECIDED.where(decisions.c.coding_set_id == _IN_SET, decisions.c.number == bindparam("of_number"))

ADD_DECISION = insert(decisions)
ADD_CODING = insert(codings)
ADD_NO_CODE = insert(no_codes)
SET_STATUS = (
    update(suggestions)
    .where(suggestions.c.id == bindparam("of_suggestion"))
    .values(status=bindparam("new_status"), decision_number=bindparam("by_number"))
)
WITHDRAW = (
    update(suggestions)
    .where(_here(suggestions, _OF_SEGMENT), suggestions.c.status == "pending")
    .where(or_(_CODE.is_(None), suggestions.c.code == _CODE))
    .values(status="withdrawn", decision_number=bindparam("by_number"))
)
END_CODING = update(codings).where(codings.c.id == bindparam("of_coding")).values(ended_by_id=bindparam("by_decision"))
END_NO_CODE = (
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
FORGET = delete(suggestions).where(
    _MADE_ANEW,
    suggestions.c.renewed,
    suggestions.c.status == "withdrawn",
    ~exists().where(decisions.c.suggestion_id == suggestions.c.id),
)
RENEW = (
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
# By the kind of the decision that is undone.
TAKE_BACK: Mapping[str, tuple[Update, ...]] = {
    "accept": _CODE_SET,
    "replace": _CODE_SET,
    "code": _CODE_SET,
    "reject": (_RESTORE_SUGGESTIONS,),
    "uncode": (_restore_ended(codings),),
    "no_code": (_RESTORE_SUGGESTIONS, _end_made(no_codes)),
}
