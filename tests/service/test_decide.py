"""Deciding: what each kind of decision does, what it refuses, and that undoing it restores exactly what was there."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event, insert, select, update

from service.actions.decide import Decide, Decided, Wish
from service.api.error_responses import problem
from service.api.schemas.problem import Problem
from service.errors import (
    AlreadyThere,
    CodeUnknown,
    Conflict,
    DecisionBuiltUpon,
    FieldNotValid,
    NotFound,
    ServiceError,
    SuggestionAlreadyDecided,
    TextHasControlCharacters,
)
from service.storage import decisions as storage
from service.storage.codings import (
    CodingFilter,
    codes_by_segment,
    list_codings,
    list_no_codes,
    rejected_codes,
)
from service.storage.database import Database
from service.storage.decisions import DecisionFilter, list_decisions, make_way_for_new_suggestions
from service.storage.tables import (
    analysts,
    codebook_versions,
    coding_sets,
    codings,
    decisions,
    no_codes,
    projects,
    rounds,
    segments,
    suggestions,
    transcripts,
)
from service.storage.times import now

ACTIVE = ("hope", "cost", "stigma")
AT = datetime(2024, 5, 1, tzinfo=UTC)
Added = Callable[..., int]


@dataclass(frozen=True, kw_only=True)
class Study:
    """A project with two analysts, three segments, two suggestions for each, and a way to decide in it."""

    database: Database
    project: int
    codebook: int
    ada: int
    ben: int
    coding_set: int
    own_set: int
    segments: tuple[int, ...]
    hope: tuple[int, ...]
    cost: tuple[int, ...]

    def decide_all(self, *wishes: Wish, **other: Any) -> list[Decided]:
        where = {"project_id": self.project, "coding_set_id": self.coding_set, "analyst_id": self.ada}
        return Decide(self.database)(wishes=wishes, **{**where, "active_codes": self.active_codes, **other})

    def decide(self, wish: Wish, **other: Any) -> Decided:
        [decided] = self.decide_all(wish, **other)
        return decided

    def active_codes(self, codebook_version_id: int) -> tuple[str, ...]:
        assert codebook_version_id == self.codebook
        return ACTIVE

    def status(self, suggestion: int) -> str:
        with self.database.read() as connection:
            return str(connection.execute(select(suggestions.c.status).where(suggestions.c.id == suggestion)).scalar())

    def standing(self, segment: int | None = None) -> list[tuple[str, str]]:
        with self.database.read() as connection:
            found = list_codings(connection, self.project, CodingFilter(segment_id=segment))
        return [(coding.code, coding.origin) for coding in found]

    def without_code(self) -> list[int]:
        with self.database.read() as connection:
            return [found.segment_id for found in list_no_codes(connection, self.project)]

    def trail(self) -> list[Decided]:
        with self.database.read() as connection:
            return list_decisions(connection, self.project)

    def state(self) -> list[Any]:
        """Everything that decisions change and undoing gives back."""
        mine = [
            select(suggestions).where(suggestions.c.project_id == self.project).order_by(suggestions.c.id),
            select(codings).where(codings.c.project_id == self.project, codings.c.ended_by_id.is_(None)),
            select(no_codes).where(no_codes.c.project_id == self.project, no_codes.c.ended_by_id.is_(None)),
        ]
        with self.database.read() as connection:
            return [sorted(tuple(row) for row in connection.execute(query)) for query in mine]

    def suggest(self, segment: int, *codes: str) -> list[int]:
        """Suggestions made anew."""
        with self.database.write() as connection:
            make_way_for_new_suggestions(connection, self.coding_set, [segment])
            return [_suggestion(connection, self, segment, code) for code in codes]


def _suggestion(connection: Any, study: Any, segment: int, code: str) -> int:
    values = {
        "project_id": study.project,
        "coding_set_id": study.coding_set,
        "segment_id": segment,
        "code": code,
        "rank": 1,
        "score": 0.75,
        "basis": "prior",
        "content": "{}",
        "model_version": "minilm-1",
        "codebook_version_id": study.codebook,
    }
    return int(connection.execute(insert(suggestions).values(values)).inserted_primary_key[0])


def make_study(database: Database, number: int = 1) -> Study:
    with database.write() as connection:

        def add(table: Any, **values: Any) -> int:
            return int(connection.execute(insert(table).values(values)).inserted_primary_key[0])

        project = add(projects, name="Peers", created_at=AT)
        codebook = add(codebook_versions, project_id=project, number=1, digest="d", content={}, created_at=AT)
        ada, ben = (add(analysts, name=f"{name} {number}", created_at=AT) for name in ("Ada", "Ben"))
        transcript = add(transcripts, project_id=project, label="BU", created_at=AT)
        of_project = {"project_id": project, "transcript_id": transcript, "role": "participant"}
        made = tuple(
            add(segments, **of_project, position=n, paragraph=n + 11, text=f"They give hope {n}.") for n in range(3)
        )
        shared_round, own_round = (
            add(rounds, project_id=project, number=n, name="R", visibility=visibility, help="assisted", created_at=AT)
            for n, visibility in ((1, "open"), (2, "independent"))
        )
        study = Study(
            database=database,
            project=project,
            codebook=codebook,
            ada=ada,
            ben=ben,
            coding_set=add(coding_sets, project_id=project, round_id=shared_round),
            own_set=add(coding_sets, project_id=project, round_id=own_round, analyst_id=ada),
            segments=made,
            hope=(),
            cost=(),
        )
        hope, cost = (tuple(_suggestion(connection, study, one, code) for one in made) for code in ("hope", "cost"))
        return replace(study, hope=hope, cost=cost)


@pytest.fixture
def study(database: Database) -> Study:
    return make_study(database)


@pytest.fixture
def other(database: Database, study: Study) -> Study:
    """Another project in the same database."""
    return make_study(database, 2)


def accept(suggestion: int) -> Wish:
    return Wish(kind="accept", suggestion_id=suggestion)


def reject(suggestion: int) -> Wish:
    return Wish(kind="reject", suggestion_id=suggestion)


def replaced_by(suggestion: int, code: str) -> Wish:
    return Wish(kind="replace", suggestion_id=suggestion, code=code)


def code(segment: int, code: str) -> Wish:
    return Wish(kind="code", segment_id=segment, code=code)


def uncode(segment: int, code: str) -> Wish:
    return Wish(kind="uncode", segment_id=segment, code=code)


def no_code(segment: int) -> Wish:
    return Wish(kind="no_code", segment_id=segment)


def undo(decided: Decided) -> Wish:
    return Wish(kind="undo", decision_id=decided.decision_id)


# Suggestions


def test_an_accepted_suggestion_becomes_a_coding_that_keeps_what_the_machine_said(study: Study) -> None:
    decided = study.decide(replace(accept(study.hope[0]), suggestions_visible=False))
    assert study.status(study.hope[0]) == "accepted"
    with study.database.read() as connection:
        [coding] = list_codings(connection, study.project)
    assert (coding.code, coding.origin, coding.score, coding.model_version) == ("hope", "accepted", 0.75, "minilm-1")
    assert (coding.codebook_number, coding.decision_id, coding.decision_number) == (1, decided.decision_id, 1)
    assert (coding.decision_kind, coding.analyst, coding.at) == ("accept", "Ada 1", decided.at)
    assert coding.suggestions_visible is False


def test_a_decision_says_who_what_and_where(study: Study) -> None:
    before = now()
    decided = study.decide(accept(study.hope[0]))
    assert before <= decided.at <= now()
    assert decided == Decided(
        decision_id=decided.decision_id,
        number=1,
        kind="accept",
        segment_id=study.segments[0],
        suggestion_id=study.hope[0],
        code="hope",
        undoes=None,
        analyst="Ada 1",
        at=decided.at,
        suggestions_visible=True,
    )
    assert study.trail() == [decided]


def test_accepting_what_already_stands_is_recorded_and_makes_no_second_coding(study: Study) -> None:
    study.decide(code(study.segments[0], "hope"))
    [again] = study.suggest(study.segments[0], "hope")
    study.decide(accept(again))
    assert study.status(again) == "accepted"
    assert study.standing() == [("hope", "hand")]
    assert [decided.kind for decided in study.trail()] == ["code", "accept"]


def test_a_rejected_suggestion_makes_no_coding(study: Study) -> None:
    study.decide(reject(study.hope[0]))
    assert study.status(study.hope[0]) == "rejected"
    assert study.standing() == []


def test_a_suggestion_can_be_replaced_by_any_other_active_code(study: Study) -> None:
    decided = study.decide(replaced_by(study.hope[0], "stigma"))
    assert decided.code == "stigma"
    assert study.status(study.hope[0]) == "replaced"
    with study.database.read() as connection:
        [coding] = list_codings(connection, study.project)
    assert (coding.code, coding.origin, coding.score, coding.model_version) == ("stigma", "replaced", None, None)
    assert coding.codebook_number == 1


def test_a_code_put_in_place_of_another_is_no_longer_asked_for(study: Study) -> None:
    study.decide(replaced_by(study.hope[0], "cost"))
    assert study.status(study.cost[0]) == "withdrawn"
    assert study.status(study.cost[1]) == "pending"


def test_replacing_by_what_stands_makes_no_second_coding(study: Study) -> None:
    study.decide(code(study.segments[0], "stigma"))
    study.decide(replaced_by(study.hope[0], "stigma"))
    assert study.standing() == [("stigma", "hand")]


def test_a_suggestion_cannot_be_replaced_by_itself(study: Study) -> None:
    with pytest.raises(FieldNotValid) as caught:
        study.decide(replaced_by(study.hope[0], "hope"))
    assert caught.value.place == "code"


@pytest.mark.parametrize("unknown", ["", "nothing", "Hope"])
def test_only_active_codes_can_be_set(study: Study, unknown: str) -> None:
    for wish in (replaced_by(study.hope[0], unknown), code(study.segments[0], unknown)):
        with pytest.raises(CodeUnknown) as caught:
            study.decide(wish)
        assert caught.value.place == "code"
    with pytest.raises(CodeUnknown):
        study.decide(accept(study.hope[0]), active_codes=lambda _: ("cost",))
    study.decide(reject(study.hope[0]), active_codes=lambda _: ())


def test_codes_are_those_of_the_newest_version_of_the_codebook(study: Study) -> None:
    asked = []

    def active_codes(version: int) -> set[str]:
        asked.append(version)
        return {"hope", "new"}

    with study.database.write() as connection:
        values = {"project_id": study.project, "number": 2, "digest": "e", "content": {}, "created_at": AT}
        [newest] = connection.execute(insert(codebook_versions).values(values)).inserted_primary_key or ()
    study.decide(code(study.segments[0], "new"), active_codes=active_codes)
    study.decide(accept(study.hope[0]), active_codes=active_codes)
    assert asked == [newest, newest]
    with study.database.read() as connection:
        found = list_codings(connection, study.project)
    assert [(coding.code, coding.codebook_number) for coding in found] == [("new", 2), ("hope", 1)]


# Decided already


def test_a_suggestion_is_decided_once_and_the_next_one_learns_by_whom_and_when(study: Study) -> None:
    first = study.decide(accept(study.hope[0]))
    for wish, analyst in (
        (accept(study.hope[0]), study.ben),
        (reject(study.hope[0]), study.ada),
        (replaced_by(study.hope[0], "stigma"), study.ada),
    ):
        with pytest.raises(SuggestionAlreadyDecided) as caught:
            study.decide(wish, analyst_id=analyst)
        expected = {"decided_by": "Ada 1", "decided_at": first.at.isoformat(), "decision": "accept"}
        assert caught.value.extra == expected
        document = problem(caught.value, "r")
        assert {name: document[name] for name in expected} == expected
        Problem.model_validate(document, strict=True, extra="forbid")
    assert study.trail() == [first]


@pytest.mark.parametrize("wish", [accept, reject, lambda suggestion: replaced_by(suggestion, "stigma")])
def test_saying_the_same_again_is_answered_with_the_decision_that_there_is(
    study: Study, wish: Callable[[int], Wish]
) -> None:
    first = study.decide(wish(study.hope[0]))
    state = study.state()
    assert study.decide(wish(study.hope[0])) == first
    assert study.state() == state
    assert study.trail() == [first]
    assert study.decide(reject(study.hope[1])).number == 2


def test_replacing_by_yet_another_code_is_not_the_same_again(study: Study) -> None:
    study.decide(replaced_by(study.hope[0], "stigma"))
    with pytest.raises(SuggestionAlreadyDecided):
        study.decide(replaced_by(study.hope[0], "cost"))


def test_what_was_undone_can_be_decided_anew(study: Study) -> None:
    first = study.decide(accept(study.hope[0]))
    study.decide(undo(first))
    second = study.decide(accept(study.hope[0]))
    assert second.decision_id != first.decision_id
    assert [decided.number for decided in study.trail()] == [1, 2, 3]


def test_withdrawn_suggestions_cannot_be_decided_and_nobody_did(study: Study) -> None:
    study.decide(no_code(study.segments[0]))
    study.suggest(study.segments[1], "stigma")
    for withdrawn in (study.hope[0], study.hope[1]):
        with pytest.raises(SuggestionAlreadyDecided) as caught:
            study.decide(accept(withdrawn))
        assert caught.value.extra == {"decided_by": None, "decided_at": None, "decision": None}
        Problem.model_validate(problem(caught.value, "r"), strict=True, extra="forbid")


def test_of_many_who_decide_a_suggestion_at_once_exactly_one_does(study: Study) -> None:
    names = [study.ada, study.ben] * 4
    start, outcomes = threading.Barrier(len(names)), []

    def decide(index: int, analyst: int) -> None:
        start.wait()
        try:
            kind = "stigma" if index % 4 < 2 else "cost"
            outcomes.append(study.decide(replaced_by(study.hope[0], kind), analyst_id=analyst).decision_id)
        except SuggestionAlreadyDecided as error:
            outcomes.append(error.extra["decided_by"])

    threads = [threading.Thread(target=decide, args=given) for given in enumerate(names)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    [winner] = study.trail()
    # The same analyst may have said the same again.
    assert outcomes.count(winner.decision_id) == 2
    assert outcomes.count(winner.analyst) == 6
    assert len(study.standing()) == 1


# By hand


def test_a_code_can_be_set_by_hand(study: Study) -> None:
    study.decide(code(study.segments[0], "stigma"))
    assert study.standing(study.segments[0]) == [("stigma", "hand")]
    assert study.standing(study.segments[1]) == []


def test_a_code_set_by_hand_is_no_longer_asked_for(study: Study) -> None:
    study.decide(code(study.segments[0], "hope"))
    assert [study.status(one) for one in (study.hope[0], study.cost[0], study.hope[1])] == [
        "withdrawn",
        "pending",
        "pending",
    ]


def test_a_code_stands_at_most_once(study: Study) -> None:
    study.decide(code(study.segments[0], "hope"))
    with pytest.raises(AlreadyThere):
        study.decide(code(study.segments[0], "hope"))


def test_a_code_that_stands_can_be_taken_off_and_set_again(study: Study) -> None:
    study.decide_all(accept(study.hope[0]), code(study.segments[0], "stigma"))
    study.decide(uncode(study.segments[0], "hope"))
    assert study.standing() == [("stigma", "hand")]
    study.decide(code(study.segments[0], "hope"))
    assert study.standing() == [("stigma", "hand"), ("hope", "hand")]


def test_a_code_of_an_older_codebook_can_be_taken_off(study: Study) -> None:
    study.decide(accept(study.hope[0]))
    study.decide(uncode(study.segments[0], "hope"), active_codes=lambda _: ())
    assert study.standing() == []


def test_a_code_that_does_not_stand_cannot_be_taken_off(study: Study) -> None:
    study.decide(code(study.segments[1], "hope"))
    with pytest.raises(NotFound):
        study.decide(uncode(study.segments[0], "hope"))


# No code applies


def test_that_no_code_applies_stands_and_withdraws_what_is_pending(study: Study) -> None:
    study.decide(reject(study.cost[0]))
    study.decide(no_code(study.segments[0]))
    assert study.without_code() == [study.segments[0]]
    assert [study.status(one) for one in (study.hope[0], study.cost[0], study.hope[1])] == [
        "withdrawn",
        "rejected",
        "pending",
    ]


def test_where_codes_stand_it_cannot_be_said_that_none_applies(study: Study) -> None:
    study.decide(code(study.segments[0], "hope"))
    with pytest.raises(Conflict, match="take them off"):
        study.decide(no_code(study.segments[0]))
    study.decide(uncode(study.segments[0], "hope"))
    study.decide(no_code(study.segments[0]))


def test_that_no_code_applies_is_said_once(study: Study) -> None:
    study.decide(no_code(study.segments[0]))
    with pytest.raises(AlreadyThere):
        study.decide(no_code(study.segments[0]))


@pytest.mark.parametrize("way", ["code", "accept", "replace"])
def test_a_code_that_is_set_ends_that_none_applies_and_undoing_brings_it_back(study: Study, way: str) -> None:
    study.decide(no_code(study.segments[0]))
    [again] = study.suggest(study.segments[0], "hope")
    wishes = {
        "code": code(study.segments[0], "hope"),
        "accept": accept(again),
        "replace": replaced_by(again, "stigma"),
    }
    decided = study.decide(wishes[way])
    assert study.without_code() == []
    study.decide(undo(decided))
    assert study.without_code() == [study.segments[0]]


def test_a_rejection_leaves_it_that_no_code_applies(study: Study) -> None:
    study.decide(no_code(study.segments[0]))
    [again] = study.suggest(study.segments[0], "hope")
    study.decide(reject(again))
    assert study.without_code() == [study.segments[0]]


# Undo


@pytest.mark.parametrize("kind", ["accept", "reject", "replace", "code", "uncode", "no_code"])
def test_undoing_restores_what_was_there(study: Study, kind: str) -> None:
    if kind == "uncode":
        study.decide(accept(study.hope[0]))
    wishes = {
        "accept": accept(study.hope[0]),
        "reject": reject(study.hope[0]),
        "replace": replaced_by(study.hope[0], "cost"),
        "code": code(study.segments[0], "hope"),
        "uncode": uncode(study.segments[0], "hope"),
        "no_code": no_code(study.segments[0]),
    }
    before = study.state()
    decided = study.decide(wishes[kind])
    assert study.state() != before
    undone = study.decide(undo(decided), analyst_id=study.ben)
    assert study.state() == before
    assert (undone.kind, undone.undoes, undone.analyst) == ("undo", decided.decision_id, "Ben 1")
    assert (undone.segment_id, undone.suggestion_id, undone.code) == (
        decided.segment_id,
        decided.suggestion_id,
        decided.code,
    )


def test_undoing_an_acceptance_leaves_what_was_set_by_hand_before(study: Study) -> None:
    study.decide(code(study.segments[0], "hope"))
    [again] = study.suggest(study.segments[0], "hope")
    study.decide(undo(study.decide(accept(again))))
    assert study.standing() == [("hope", "hand")]
    assert study.status(again) == "pending"


def test_only_the_newest_decision_on_a_segment_can_be_undone(study: Study) -> None:
    first = study.decide(accept(study.hope[0]))
    second = study.decide(uncode(study.segments[0], "hope"))
    third = study.decide(accept(study.hope[1]))
    with pytest.raises(DecisionBuiltUpon):
        study.decide(undo(first))
    study.decide_all(undo(second), undo(first), undo(third))
    assert study.standing() == []


def test_a_decision_is_undone_once(study: Study) -> None:
    first = study.decide(accept(study.hope[0]))
    study.decide(undo(first))
    with pytest.raises(Conflict, match="undone already"):
        study.decide(undo(first))


def test_an_undo_cannot_be_undone(study: Study) -> None:
    undone = study.decide(undo(study.decide(accept(study.hope[0]))))
    with pytest.raises(FieldNotValid):
        study.decide(undo(undone))


@pytest.mark.parametrize("wish", [accept, reject, lambda suggestion: replaced_by(suggestion, "cost")])
def test_what_was_decided_before_suggestions_were_made_anew_stays_withdrawn_when_undone(
    study: Study, wish: Callable[[int], Wish]
) -> None:
    decided = study.decide(wish(study.hope[0]))
    [newer] = study.suggest(study.segments[0], "stigma")
    assert study.status(study.hope[0]) != "withdrawn"
    study.decide(undo(decided))
    assert [study.status(one) for one in (study.hope[0], study.cost[0], newer)] == ["withdrawn"] * 2 + ["pending"]
    assert study.standing() == []


def test_a_code_that_came_back_from_elsewhere_is_not_set_twice_by_an_undo(study: Study) -> None:
    study.decide(code(study.segments[0], "hope"))
    off = study.decide(uncode(study.segments[0], "hope"))
    values = {"project_id": study.project, "coding_set_id": study.coding_set, "segment_id": study.segments[0]}
    with study.database.write() as connection:
        connection.execute(
            insert(codings).values(**values, code="hope", origin="file", codebook_version_id=study.codebook)
        )
    with pytest.raises(DecisionBuiltUpon):
        study.decide(undo(off))


STEPS = st.tuples(
    st.sampled_from(["accept", "reject", "replace", "code", "uncode", "no_code", "undo"]),
    st.integers(0, 1),
    st.sampled_from(["hope", "cost", "stigma"]),
    st.integers(0, 20),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(STEPS, min_size=1, max_size=15))
def test_whatever_was_decided_undoing_all_of_it_restores_the_beginning(
    database: Database, steps: list[tuple[str, int, str, int]]
) -> None:
    study = make_study(database, next(NUMBERS))
    beginning, states = study.state(), [study.state()]
    done: list[Decided] = []
    for kind, segment, name, back in steps:
        wish = _wish(study, kind, segment, name, done[-1 - back % len(done)] if done else None)
        if wish is None:
            continue
        try:
            decided = study.decide(wish)
        except ServiceError:
            # Whatever is refused leaves everything as it was.
            assert study.state() == states[-1]
            continue
        states.append(study.state())
        if kind == "undo":
            done = [one for one in done if one.decision_id != wish.decision_id]
        elif decided not in done:
            done.append(decided)
    for decided in reversed(done):
        study.decide(undo(decided))
    assert study.state() == beginning
    assert [decided.number for decided in study.trail()] == list(range(1, len(study.trail()) + 1))


NUMBERS = iter(range(100, 1_000_000))


def _wish(study: Study, kind: str, segment: int, name: str, decided: Decided | None) -> Wish | None:
    suggestion = (study.cost if name == "cost" else study.hope)[segment]
    wishes = {
        "accept": accept(suggestion),
        "reject": reject(suggestion),
        "replace": replaced_by(suggestion, name),
        "code": code(study.segments[segment], name),
        "uncode": uncode(study.segments[segment], name),
        "no_code": no_code(study.segments[segment]),
    }
    return wishes[kind] if kind != "undo" else undo(decided) if decided else None


# Bulk


def test_many_are_decided_in_their_order_and_each_may_rest_on_those_before(study: Study) -> None:
    decided = study.decide_all(
        accept(study.hope[0]), uncode(study.segments[0], "hope"), no_code(study.segments[0]), accept(study.hope[1])
    )
    assert [one.number for one in decided] == [1, 2, 3, 4]
    assert study.trail() == decided
    assert study.without_code() == [study.segments[0]]


def test_many_are_decided_wholly_or_not_at_all(study: Study) -> None:
    before = study.state()
    with pytest.raises(CodeUnknown) as caught:
        study.decide_all(
            accept(study.hope[0]), no_code(study.segments[1]), code(study.segments[2], "x"), list_name="decisions"
        )
    assert caught.value.place == "decisions[2].code"
    assert str(caught.value).endswith("(decisions[2].code)")
    assert study.state() == before
    assert study.trail() == []
    assert study.decide(accept(study.hope[0])).number == 1


def test_a_conflict_among_many_says_which_and_by_whom(study: Study) -> None:
    study.decide(accept(study.hope[1]), analyst_id=study.ben)
    with pytest.raises(SuggestionAlreadyDecided) as caught:
        study.decide_all(accept(study.hope[0]), accept(study.hope[1]), list_name="decisions")
    assert caught.value.place == "decisions[1]"
    assert caught.value.extra["decided_by"] == "Ben 1"


def test_among_many_what_is_said_twice_is_decided_once_and_no_number_is_lost(study: Study) -> None:
    first, same, last = study.decide_all(accept(study.hope[0]), accept(study.hope[0]), accept(study.hope[1]))
    assert first == same
    assert (first.number, last.number) == (1, 2)
    assert study.decide(accept(study.hope[2])).number == 3


def test_nothing_to_decide_is_nothing_decided(study: Study) -> None:
    assert study.decide_all() == []


@pytest.mark.parametrize(
    ("wish", "place"),
    [
        (Wish(kind="accept"), "suggestion_id"),
        (Wish(kind="replace", suggestion_id=1), "code"),
        (Wish(kind="code", code="hope"), "segment_id"),
        (Wish(kind="undo"), "decision_id"),
        (Wish(kind="accept", suggestion_id=1, code="hope"), "code"),
        (Wish(kind="no_code", segment_id=1, suggestion_id=1), "suggestion_id"),
    ],
)
def test_each_kind_of_decision_takes_its_own_fields(study: Study, wish: Wish, place: str) -> None:
    with pytest.raises(FieldNotValid) as caught:
        study.decide(wish)
    assert caught.value.place == place
    with pytest.raises(FieldNotValid) as caught:
        study.decide_all(wish, list_name="decisions")
    assert caught.value.place == f"decisions[0].{place}"


# What is not there


def test_what_belongs_to_another_project_is_not_there(study: Study, other: Study) -> None:
    theirs = other.decide(accept(other.hope[0]))
    wishes = [
        accept(other.hope[1]),
        accept(other.hope[0]),
        reject(other.hope[1]),
        replaced_by(other.hope[1], "stigma"),
        code(other.segments[1], "hope"),
        uncode(other.segments[0], "hope"),
        no_code(other.segments[1]),
        undo(theirs),
    ]
    for wish in wishes:
        absent = {
            name: 10**9 for name in ("suggestion_id", "segment_id", "decision_id") if getattr(wish, name) is not None
        }
        with pytest.raises(NotFound) as caught:
            study.decide(wish)
        with pytest.raises(NotFound) as caught_absent:
            study.decide(replace(wish, **absent))
        assert str(caught.value) == str(caught_absent.value)
    for where in ({"coding_set_id": other.coding_set}, {"project_id": other.project}):
        with pytest.raises(NotFound):
            study.decide(accept(study.hope[0]), **where)


def test_what_belongs_to_another_coding_set_is_not_there(study: Study) -> None:
    shared = study.decide(code(study.segments[0], "hope"))
    for wish in (accept(study.hope[1]), uncode(study.segments[0], "hope"), undo(shared)):
        with pytest.raises(NotFound):
            study.decide(wish, coding_set_id=study.own_set)


def test_coding_sets_do_not_touch_each_other(study: Study) -> None:
    study.decide(code(study.segments[0], "hope"))
    own = study.decide(no_code(study.segments[0]), coding_set_id=study.own_set)
    assert own.number == 1
    assert study.status(study.cost[0]) == "pending"
    study.decide(undo(own), coding_set_id=study.own_set)
    study.decide(code(study.segments[0], "hope"), coding_set_id=study.own_set)


def test_another_analysts_own_coding_set_is_not_there(study: Study) -> None:
    study.decide(code(study.segments[0], "hope"), coding_set_id=study.own_set)
    with pytest.raises(NotFound):
        study.decide(code(study.segments[1], "hope"), coding_set_id=study.own_set, analyst_id=study.ben)


def test_an_analyst_who_is_not_there_decides_nothing(study: Study) -> None:
    with pytest.raises(NotFound):
        study.decide(accept(study.hope[0]), analyst_id=10**9)


@pytest.mark.parametrize("number", [0, -1, 2**63, 10**30])
def test_numbers_that_no_row_can_have_are_not_there(study: Study, number: int) -> None:
    for wish in (accept(number), no_code(number), Wish(kind="undo", decision_id=number)):
        with pytest.raises(NotFound):
            study.decide(wish)
    with pytest.raises(NotFound):
        study.decide(accept(study.hope[0]), coding_set_id=number)


def test_codes_that_a_database_cannot_hold_are_refused(study: Study) -> None:
    with pytest.raises(TextHasControlCharacters):
        study.decide(uncode(study.segments[0], "ho\x00pe"))


def test_whoever_decides_on_a_suggestion_that_is_being_removed_finds_it_gone(study: Study) -> None:
    decided = []

    def decide() -> None:
        with pytest.raises(NotFound) as caught:
            study.decide(accept(study.hope[0]))
        decided.append(caught.value)

    thread = threading.Thread(target=decide)
    with study.database.write() as connection:
        connection.execute(suggestions.delete().where(suggestions.c.segment_id == study.segments[0]))
        thread.start()
        thread.join(0.3)
        connection.execute(segments.delete().where(segments.c.id == study.segments[0]))
    thread.join()
    assert len(decided) == 1


# Order and trail


def test_order_is_by_number_and_not_by_clock(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    times = [datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC), datetime(1970, 1, 1, tzinfo=UTC), AT]
    clock = iter(times)
    monkeypatch.setattr(storage, "now", lambda: next(clock))
    first = study.decide(accept(study.hope[0]))
    second = study.decide(uncode(study.segments[0], "hope"))
    with pytest.raises(DecisionBuiltUpon):
        study.decide(undo(first))
    study.decide(undo(second))
    assert [(decided.number, decided.at) for decided in study.trail()] == list(enumerate(times, start=1))
    assert study.standing() == [("hope", "accepted")]


def test_decisions_are_only_ever_added(study: Study) -> None:
    said = []

    def note(*given: Any) -> None:
        said.append(given[2])

    event.listen(study.database.engine, "before_cursor_execute", note)
    first = study.decide(accept(study.hope[0]))
    second = study.decide(no_code(study.segments[1]))
    before = study.trail()
    study.decide_all(undo(first), undo(second), replaced_by(study.hope[0], "cost"), uncode(study.segments[0], "cost"))
    assert study.trail()[:2] == before
    assert [statement for statement in said if "UPDATE decisions" in statement or "DELETE" in statement] == []


def test_a_decision_takes_few_statements(study: Study) -> None:
    said: list[str] = []

    def note(*given: Any) -> None:
        if not given[2].startswith("BEGIN"):
            said.append(given[2])

    event.listen(study.database.engine, "before_cursor_execute", note)
    needed = {}
    for wish in (
        accept(study.hope[0]),
        reject(study.cost[0]),
        replaced_by(study.hope[1], "cost"),
        uncode(study.segments[0], "hope"),
        no_code(study.segments[0]),
        code(study.segments[2], "hope"),
    ):
        said.clear()
        decided = study.decide(wish)
        needed[wish.kind] = len(said)
        said.clear()
    study.decide(undo(decided))
    needed["undo"] = len(said)
    assert needed == {"accept": 5, "reject": 4, "replace": 6, "uncode": 4, "no_code": 4, "code": 5, "undo": 6}


def test_the_trail_can_be_read_in_pages_and_for_a_segment_or_coding_set(study: Study, other: Study) -> None:
    other.decide(accept(other.hope[0]))
    made = study.decide_all(*(accept(one) for one in study.hope), uncode(study.segments[0], "hope"))
    own = study.decide(no_code(study.segments[0]), coding_set_id=study.own_set)
    with study.database.read() as connection:
        assert list_decisions(connection, study.project, limit=2) == made[:2]
        assert list_decisions(connection, study.project, after=made[1].decision_id, limit=2) == made[2:]
        of_segment = DecisionFilter(segment_id=study.segments[0])
        assert list_decisions(connection, study.project, of_segment) == [made[0], made[3], own]
        assert list_decisions(connection, study.project, DecisionFilter(coding_set_id=study.own_set)) == [own]


# What stands


def test_codings_can_be_read_in_pages_and_by_segment_code_and_coding_set(study: Study, other: Study) -> None:
    other.decide(accept(other.hope[0]))
    study.decide_all(accept(study.hope[0]), code(study.segments[0], "cost"), accept(study.hope[1]))
    study.decide(code(study.segments[0], "hope"), coding_set_id=study.own_set)
    with study.database.read() as connection:
        every = list_codings(connection, study.project)
        assert [(one.segment_id, one.code) for one in every] == [
            (study.segments[0], "hope"),
            (study.segments[0], "cost"),
            (study.segments[1], "hope"),
            (study.segments[0], "hope"),
        ]
        assert list_codings(connection, study.project, after=every[0].id, limit=2) == every[1:3]
        assert list_codings(connection, study.project, CodingFilter(code="cost")) == [every[1]]
        assert list_codings(connection, study.project, CodingFilter(segment_id=study.segments[1])) == [every[2]]
        assert list_codings(connection, study.project, CodingFilter(coding_set_id=study.own_set)) == [every[3]]


def test_codings_from_a_file_are_those_of_their_coder_and_have_no_decision(study: Study) -> None:
    here = {"project_id": study.project, "coding_set_id": study.own_set}
    with study.database.write() as connection:
        values = {**here, "segment_id": study.segments[0], "origin": "file", "codebook_version_id": study.codebook}
        connection.execute(insert(codings).values(**values, code="hope"))
        connection.execute(insert(no_codes).values(**here, segment_id=study.segments[1]))
    with study.database.read() as connection:
        [coding] = list_codings(connection, study.project)
        [none] = list_no_codes(connection, study.project, CodingFilter(coding_set_id=study.own_set))
    assert (coding.analyst, coding.decision_id, coding.at, coding.suggestions_visible) == ("Ada 1", None, None, None)
    assert (none.segment_id, none.analyst, none.decision_id, none.at) == (study.segments[1], "Ada 1", None, None)


def test_what_was_rejected_or_replaced_is_not_offered_again_until_it_is_undone_or_set(study: Study) -> None:
    def rejected() -> set[tuple[int, str]]:
        with study.database.read() as connection:
            return rejected_codes(connection, study.coding_set)

    first, second = study.segments[:2]
    done, _, _ = study.decide_all(reject(study.hope[0]), replaced_by(study.hope[1], "cost"), accept(study.cost[0]))
    assert rejected() == {(first, "hope"), (second, "hope")}
    study.decide(code(second, "hope"))
    assert rejected() == {(first, "hope")}
    study.decide(uncode(second, "hope"))
    assert rejected() == {(first, "hope"), (second, "hope")}
    study.decide(undo(study.trail()[2]))
    study.decide(undo(done))
    assert rejected() == {(second, "hope")}


def test_segments_with_their_codes_are_examples_to_learn_from(study: Study) -> None:
    study.decide_all(
        accept(study.hope[1]),
        replaced_by(study.cost[1], "stigma"),
        code(study.segments[0], "cost"),
        code(study.segments[2], "cost"),
        uncode(study.segments[2], "cost"),
    )
    with study.database.write() as connection:
        connection.execute(update(codings).where(codings.c.code == "stigma").values(origin="file"))
    with study.database.read() as connection:
        first, second = study.segments[:2]
        assert codes_by_segment(connection, study.coding_set) == {first: ("cost",), second: ("hope",)}
        with_files = codes_by_segment(connection, study.coding_set, ("accepted", "hand", "file"))
        assert with_files == {first: ("cost",), second: ("hope", "stigma")}
        assert codes_by_segment(connection, study.own_set) == {}


def test_an_ended_no_code_is_kept_with_what_ended_it(study: Study) -> None:
    found = study.decide(no_code(study.segments[0]))
    set_by_hand = study.decide(code(study.segments[0], "hope"))
    with study.database.read() as connection:
        [row] = connection.execute(select(no_codes)).all()
        assert (row.decision_id, row.ended_by_id) == (found.decision_id, set_by_hand.decision_id)
        assert len(connection.execute(select(decisions)).all()) == 2
