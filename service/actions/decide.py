"""Decide: accept, reject or replace suggestions, code by hand, find that no code applies, and take that back."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import Connection

from service import limits
from service.errors import (
    AlreadyThere,
    CodeUnknown,
    Conflict,
    DecisionBuiltUpon,
    FieldNotValid,
    NotFound,
    ServiceError,
    SuggestionAlreadyDecided,
)
from service.formats.texts import check_text
from service.storage import decisions as storage
from service.storage.database import Database
from service.storage.decisions import Decided, Kind, NewCoding, NewDecision, SegmentToDecide, SuggestionToDecide

__all__ = ["ActiveCodes", "Decide", "Decided", "Kind", "Wish"]

# The codes that may be set by a version of a codebook, by the version's id. Called while others wait, so it should
# have them at hand.
ActiveCodes = Callable[[int], Collection[str]]

# What each kind of decision is about.
_FIELDS: Mapping[Kind, Collection[str]] = {
    "accept": {"suggestion_id"},
    "reject": {"suggestion_id"},
    "replace": {"suggestion_id", "code"},
    "code": {"segment_id", "code"},
    "uncode": {"segment_id", "code"},
    "no_code": {"segment_id"},
    "undo": {"decision_id"},
}
_STATUS: Mapping[Kind, storage.Status] = {"accept": "accepted", "reject": "rejected", "replace": "replaced"}


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What an analyst wants to decide; each kind takes its own fields and no others.

    Attributes:
        kind: accept, reject or replace a suggestion, code or uncode a segment, find that no code applies to it, or
            undo a decision.
        suggestion_id: which suggestion; for accept, reject and replace.
        segment_id: which segment; for code, uncode and no_code.
        code: which code; for replace (the one that is put in place), code and uncode.
        decision_id: which decision; for undo.
        suggestions_visible: whether the analyst sees what the machine suggests.
    """

    kind: Kind
    suggestion_id: int | None = None
    segment_id: int | None = None
    code: str | None = None
    decision_id: int | None = None
    suggestions_visible: bool = True


class Decide:
    """Decides in coding sets.

    Args:
        database: where the decisions are kept.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def __call__(
        self,
        *,
        project_id: int,
        coding_set_id: int,
        analyst_id: int,
        wishes: Sequence[Wish],
        active_codes: ActiveCodes,
        list_name: str | None = None,
    ) -> list[Decided]:
        """Decides all of it in the order given, or nothing.

        Args:
            project_id: the project of the coding set.
            coding_set_id: where the decisions belong; another analyst's own is as if it were not there.
            analyst_id: who decides.
            wishes: what to decide.
            active_codes: the codes that may be set by a version of the codebook.
            list_name: what the request calls the list, for places such as ``decisions[3]``; None for a single wish.

        Returns:
            A decision for each wish. What the same analyst has decided already, with the same words, is not decided
            again: the decision is the one that there is.

        Raises:
            NotFound: the coding set has no such suggestion or decision, or the project no such segment.
            SuggestionAlreadyDecided: with who and when.
            AlreadyThere: the code, or that none applies, stands on the segment already.
            DecisionBuiltUpon: only the newest decision on a segment can be undone.
            Conflict: codes stand where none is said to apply; the decision is undone already.
            CodeUnknown: the newest version of the codebook has no active code of this id.
            FieldNotValid: a field is missing, too much, or not valid for what it is about.
        """
        for index, wish in enumerate(wishes):
            with _at(list_name, index):
                _check_fields(wish)
        if not wishes:
            return []
        with self._database.write() as connection:
            turn = storage.take_turn(
                connection,
                project_id=_known(project_id),
                coding_set_id=_known(coding_set_id),
                analyst_id=_known(analyst_id),
                count=len(wishes),
            )
            if turn is None:
                raise NotFound("The project has no such coding set.")
            deciding = _Deciding(connection, turn, active_codes)
            decided = []
            for index, wish in enumerate(wishes):
                with _at(list_name, index):
                    decided.append(deciding.decide(wish))
            if deciding.last_number < turn.last_number + len(wishes):
                storage.give_numbers_back(connection, turn, deciding.last_number)
            return decided


class _Deciding:
    """The rules, within one turn."""

    def __init__(self, connection: Connection, turn: storage.Turn, active_codes: ActiveCodes) -> None:
        self._connection = connection
        self._turn = turn
        self._active_codes = active_codes
        self.last_number = turn.last_number

    def decide(self, wish: Wish) -> Decided:
        match wish.kind:
            case "code":
                return self._code(wish)
            case "uncode":
                return self._uncode(wish)
            case "no_code":
                return self._no_code(wish)
            case "undo":
                return self._undo(wish)
            case _:
                return self._on_suggestion(wish)

    def _on_suggestion(self, wish: Wish) -> Decided:
        found = storage.suggestion_to_decide(self._connection, self._turn, _known(wish.suggestion_id), wish.code)
        if found is None:
            raise NotFound("There is no such suggestion.")
        if wish.code == found.code:
            raise FieldNotValid("The code is the suggested one; accept the suggestion instead.", place="code")
        if found.status != "pending":
            return self._decided_before(wish, found)
        code = found.code if wish.code is None else wish.code
        if wish.kind != "reject":
            self._check_active(code, found, place="code" if wish.kind == "replace" else "suggestion_id")
        decided = self._add(wish, segment_id=found.segment_id, suggestion_id=wish.suggestion_id, code=code)
        storage.set_status(self._connection, decided, _STATUS[wish.kind])
        if wish.kind != "reject":
            self._let_stand(decided, found, _coding_of(found, code))
        return decided

    def _decided_before(self, wish: Wish, found: SuggestionToDecide) -> Decided:
        if found.status == "withdrawn" or found.decision_number is None:
            raise SuggestionAlreadyDecided
        before = storage.decision_of_number(self._connection, self._turn, found.decision_number)
        same = (self._turn.analyst, wish.kind, wish.code or found.code)
        if (before.analyst, before.kind, before.code) == same:
            return before
        raise SuggestionAlreadyDecided(
            decided_by=before.analyst, decided_at=before.at.isoformat(), decision=before.kind
        )

    def _code(self, wish: Wish) -> Decided:
        segment_id, found = self._segment(wish)
        code = wish.code or ""
        self._check_active(code, found, place="code")
        if found.stands:
            raise AlreadyThere("The code stands on the segment already.")
        decided = self._add(wish, segment_id=segment_id, code=code)
        coding = NewCoding(code=code, origin="hand", codebook_version_id=found.newest_codebook)
        self._let_stand(decided, found, coding)
        return decided

    def _uncode(self, wish: Wish) -> Decided:
        segment_id, found = self._segment(wish)
        if found.coding_id is None:
            raise NotFound("The code does not stand on the segment.")
        decided = self._add(wish, segment_id=segment_id, code=wish.code)
        storage.end_coding(self._connection, decided, found.coding_id)
        return decided

    def _no_code(self, wish: Wish) -> Decided:
        segment_id, found = self._segment(wish)
        if found.coded:
            raise Conflict("Codes stand on the segment; take them off before you say that none applies.")
        if found.no_code:
            raise AlreadyThere("It stands already that no code applies to the segment.")
        decided = self._add(wish, segment_id=segment_id)
        storage.add_no_code(self._connection, self._turn, decided)
        if found.pending:
            storage.withdraw_suggestions(self._connection, self._turn, decided)
        return decided

    def _undo(self, wish: Wish) -> Decided:
        decision_id = _known(wish.decision_id)
        undone = storage.decision_to_undo(self._connection, self._turn, decision_id)
        if undone is None:
            raise NotFound("There is no such decision.")
        if undone.kind == "undo":
            raise FieldNotValid("An undo cannot be undone; decide again instead.", place="decision_id")
        if undone.undone:
            raise Conflict("The decision has been undone already.")
        if undone.built_upon:
            raise DecisionBuiltUpon
        undo = self._add(
            wish,
            segment_id=undone.segment_id,
            suggestion_id=undone.suggestion_id,
            code=undone.code,
            undoes=decision_id,
        )
        storage.take_back(self._connection, self._turn, undone, undo)
        return undo

    def _segment(self, wish: Wish) -> tuple[int, SegmentToDecide]:
        segment_id = _known(wish.segment_id)
        found = storage.segment_to_decide(self._connection, self._turn, segment_id, wish.code)
        if found is None:
            raise NotFound("There is no such segment.")
        return segment_id, found

    def _check_active(self, code: str, found: SuggestionToDecide | SegmentToDecide, *, place: str) -> None:
        if code not in self._active_codes(found.newest_codebook):
            raise CodeUnknown(place=place)

    def _let_stand(self, decided: Decided, found: SuggestionToDecide | SegmentToDecide, coding: NewCoding) -> None:
        """Lets the code stand, once, with nothing left that contradicts it or still asks for it."""
        if not found.stands:
            storage.add_coding(self._connection, self._turn, decided, coding)
        if found.no_code:
            storage.end_no_code(self._connection, self._turn, decided)
        if found.pending:
            storage.withdraw_suggestions(self._connection, self._turn, decided)

    def _add(
        self,
        wish: Wish,
        *,
        segment_id: int,
        suggestion_id: int | None = None,
        code: str | None = None,
        undoes: int | None = None,
    ) -> Decided:
        self.last_number += 1
        new = NewDecision(
            kind=wish.kind,
            segment_id=segment_id,
            suggestion_id=suggestion_id,
            code=code,
            undoes=undoes,
            suggestions_visible=wish.suggestions_visible,
        )
        return storage.add_decision(self._connection, self._turn, self.last_number, new)


def _coding_of(found: SuggestionToDecide, code: str) -> NewCoding:
    version = found.codebook_version_id
    if code != found.code:
        return NewCoding(code=code, origin="replaced", codebook_version_id=version)
    return NewCoding(
        code=code,
        origin="accepted",
        score=found.score,
        model_version=found.model_version,
        codebook_version_id=version,
    )


def _check_fields(wish: Wish) -> None:
    for name in ("suggestion_id", "segment_id", "code", "decision_id"):
        given, wanted = getattr(wish, name) is not None, name in _FIELDS[wish.kind]
        if wanted and not given:
            raise FieldNotValid("This field is missing.", place=name)
        if given and not wanted:
            raise FieldNotValid("A decision of this kind does not take this field.", place=name)
    if wish.code is not None:
        check_text(wish.code, place="code")


def _known(number: int | None) -> int:
    """An id that a row could have."""
    if number is None or not 0 < number <= limits.MAX_INTEGER:
        raise NotFound
    return number


@contextmanager
def _at(list_name: str | None, index: int) -> Iterator[None]:
    try:
        yield
    except ServiceError as error:
        if list_name is not None:
            error.place = f"{list_name}[{index}]" + (f".{error.place}" if error.place else "")
        raise
