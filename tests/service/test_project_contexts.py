"""What was said around a segment in a project: which turns count, and that all ways of suggesting agree on it."""

import itertools
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from models.codebook import Code, Codebook
from models.context import Context
from service.actions.create_project import create_project
from service.actions.decide import Decide, Wish
from service.actions.evaluate_project import EvaluateProject
from service.actions.put_transcript import NewState, put_transcript
from service.actions.run_protocol import Options
from service.actions.start_run import Scope, start_suggest_run
from service.actions.suggest_file import suggest_file
from service.actions.suggest_for_project import SuggestForProject
from service.batch import suggest as suggest_kind
from service.batch.suggest import suggest_steps
from service.batch.worker import Worker
from service.encoders import Encoders
from service.formats.transcripts import ImportedSegment
from service.settings import HASHING_MODEL, Settings
from service.storage.database import Database
from service.storage.projects import Project, analyst_id
from service.storage.runs import Run, run
from service.storage.tables import segments, suggestions
from service.storage.transcripts import spoken_texts

BOOK = Codebook(
    id="b",
    name="Barriers",
    codes=[
        Code(id="bus", name="The bus", description="The bus is late."),
        Code(id="fear", name="Fear", description="I fear what others say."),
        Code(id="cost", name="Cost", description="It costs too much."),
    ],
)
# Paragraph, who speaks (I: the moderator), what is said.
Turn = tuple[int, str, str]
TURNS: Sequence[Turn] = (
    (1, "I", "Is the bus late?"),
    (2, "B1", "Yes, always."),
    (3, "B2", "It costs too much, too."),
    (3, "B1", "That is so."),
    (7, "B1", "Others talk."),
    (8, "I", "..."),
    (9, "B2", "I fear that."),
)
Change = Callable[[Sequence[Turn]], list[str]]
Waiting = dict[str, list[tuple[str, float, str]]]


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(suggest_kind, "SCORED_AT_ONCE", 2)


@pytest.fixture(scope="module")
def encoders() -> Encoders:
    encoders = Encoders(Settings(model=HASHING_MODEL))
    encoders.load()
    return encoders


@pytest.fixture
def project(database: Database) -> Project:
    made = create_project(database, name="Study", note="", external_id=None, codebook=BOOK)
    put(database, made, TURNS)
    return made


def put(database: Database, project: Project, turns: Sequence[Turn], external_id: str = "bu") -> None:
    given = [
        ImportedSegment(
            text=text,
            place="",
            paragraph=number,
            speaker=who,
            role="moderator" if who == "I" else "participant",
            external_id=f"{external_id} {text}",
        )
        for number, who, text in turns
    ]
    wanted = NewState(external_id=external_id, label=None, site=external_id, language=None, segments=given)
    put_transcript(database, project, wanted, if_version=None)


def contexts(database: Database, project: Project) -> dict[str, Context]:
    with database.read() as connection:
        return {one.text: one.context for one in spoken_texts(connection, project.id)}


def start(database: Database, project: Project, **scope: Any) -> Run:
    wanted = Scope(**{"min_score": 0.0, "top_k": 0, **scope})
    return start_suggest_run(database, project, wanted, model_key=HASHING_MODEL)


def worker(database: Database, encoders: Encoders) -> Worker:
    return Worker(database, {"suggest": suggest_steps(database, encoders)}, name="w")


def done(database: Database, encoders: Encoders, one: Run) -> Run:
    by = worker(database, encoders)
    while by.work_once():
        pass
    with database.read() as connection:
        return run(connection, one.project_id, one.id)


def waiting(database: Database) -> Waiting:
    """What is suggested for each text, by code, with score and evidence."""
    columns = (segments.c.text, suggestions.c.code, suggestions.c.score, suggestions.c.content)
    query = (
        select(*columns)
        .join(segments, segments.c.id == suggestions.c.segment_id)
        .where(suggestions.c.status == "pending")
        .order_by(segments.c.id, suggestions.c.code)
    )
    with database.read() as connection:
        rows = connection.execute(query).all()
    return {
        text: [(row.code, row.score, json.dumps(json.loads(row.content)["evidence"])) for row in some]
        for text, some in itertools.groupby(rows, key=lambda row: str(row.text))
    }


def scores(found: Waiting, text: str) -> dict[str, float]:
    return {code: score for code, score, _ in found[text]}


def decide(database: Database, project: Project) -> None:
    """The first suggestions that wait are accepted and rejected by turns."""
    with database.write() as connection:
        analyst = analyst_id(connection, "Ada")
        query = select(suggestions.c.id).where(suggestions.c.status == "pending").order_by(suggestions.c.id).limit(8)
        ids = connection.execute(query).scalars().all()
    for number, one in enumerate(ids):
        Decide(database)(
            project_id=project.id,
            coding_set_id=project.coding_set_id,
            analyst_id=analyst,
            wishes=[Wish(kind="reject" if number % 2 else "accept", suggestion_id=one)],
            active_codes=lambda _version: {code.id for code in BOOK.codes},
        )


def forget(database: Database) -> None:
    with database.write() as connection:
        connection.execute(suggestions.update().where(suggestions.c.status == "pending").values(status="withdrawn"))


# Which turns count


def test_the_turns_directly_before_and_after_count_whoever_spoke_and_gaps_end_it(
    database: Database, project: Project
) -> None:
    put(database, project, [(10, "B1", "Another day.")], "ds")
    assert contexts(database, project) == {
        "Yes, always.": ("Is the bus late?", "It costs too much, too."),
        "It costs too much, too.": ("Yes, always.", "That is so."),
        "That is so.": ("It costs too much, too.", None),
        "Others talk.": (None, "..."),
        "I fear that.": ("...", None),
        "Another day.": (None, None),
    }


def test_the_moderators_question_counts_and_is_suggested_nothing(
    database: Database, project: Project, encoders: Encoders
) -> None:
    SuggestForProject(database, encoders)(project, min_score=0, top_k=0)
    asked = waiting(database)
    other = create_project(database, name="Other", note="", external_id=None, codebook=BOOK)
    put(database, other, [TURNS[1]])
    forget(database)
    SuggestForProject(database, encoders)(other, min_score=0, top_k=0)
    assert scores(asked, "Yes, always.")["bus"] > scores(waiting(database), "Yes, always.")["bus"]
    assert "Is the bus late?" not in asked


# All ways agree


def test_a_run_suggests_what_a_request_suggests_with_examples_and_without(
    database: Database, project: Project, encoders: Encoders
) -> None:
    for _ in range(2):
        SuggestForProject(database, encoders)(project, min_score=0, top_k=0)
        by_request = waiting(database)
        forget(database)
        assert done(database, encoders, start(database, project)).state == "completed"
        assert waiting(database) == by_request
        decide(database, project)


def test_a_run_that_is_taken_over_after_a_change_around_its_examples_goes_on_as_it_began(
    database: Database, project: Project, encoders: Encoders
) -> None:
    SuggestForProject(database, encoders)(project, min_score=0, top_k=0)
    decide(database, project)
    done(database, encoders, start(database, project))
    undisturbed = waiting(database)
    forget(database)
    second, by = start(database, project), worker(database, encoders)
    for _ in range(4):
        assert by.work_once()
    # The question before a coded answer goes; the vectors stay.
    put(database, project, TURNS[1:])
    assert done(database, encoders, second).state == "completed"
    unharmed = [text for text in undisturbed if text != "Yes, always."]
    assert [waiting(database)[text] for text in unharmed] == [undisturbed[text] for text in unharmed]


def test_a_file_of_the_same_turns_is_suggested_the_same(
    database: Database, project: Project, encoders: Encoders, tmp_path: Path
) -> None:
    SuggestForProject(database, encoders)(project, min_score=0, top_k=0)
    rows = [{"id": text, "text": text, "paragraph": number, "document": "bu"} for number, _, text in TURNS]
    (tmp_path / "in.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    for use in ("neighbours", "none"):
        output = tmp_path / f"{use}.jsonl"
        suggest_file(tmp_path / "in.jsonl", output, BOOK, encoders.load, context=use, min_score=0, top_k=0)
        found = {row["id"]: row["suggestions"] for row in map(json.loads, output.read_bytes().splitlines())}
        by_file = {text: {one["code"]: one["score"] for one in found[text]} for text in waiting(database)}
        is_same = by_file == {text: scores(waiting(database), text) for text in by_file}
        assert is_same == (use == "neighbours")


def test_without_context_each_turn_is_suggested_for_as_if_it_stood_alone(
    database: Database, project: Project, encoders: Encoders
) -> None:
    assert done(database, encoders, start(database, project, context="none")).state == "completed"
    without = waiting(database)
    other = create_project(database, name="Other", note="", external_id=None, codebook=BOOK)
    for number, turn in enumerate(turn for turn in TURNS if turn[1] != "I"):
        put(database, other, [turn], f"alone {number}")
    forget(database)
    assert done(database, encoders, start(database, other)).state == "completed"
    assert waiting(database) == without


# What a change touches


@pytest.fixture
def changed(database: Database, project: Project, encoders: Encoders) -> Iterator[Change]:
    """Puts other turns, and gives those for which a run of what changed suggests; then all must be as if made anew."""
    done(database, encoders, start(database, project))

    def change(turns: Sequence[Turn]) -> list[str]:
        before = waiting(database)
        put(database, project, turns)
        one = done(database, encoders, start(database, project, only_changed=True))
        touched = [text for text, some in waiting(database).items() if before.get(text) != some]
        assert one.segments == len(touched)
        return touched

    yield change
    after = waiting(database)
    assert done(database, encoders, start(database, project)).state == "completed"
    assert waiting(database) == after


def test_a_run_of_what_changed_takes_those_beside_a_changed_turn(changed: Change) -> None:
    assert changed([(1, "I", "What does it cost?"), *TURNS[1:]]) == ["Yes, always."]


def test_a_run_of_what_changed_takes_those_beside_a_turn_that_went_or_came(changed: Change) -> None:
    assert changed(TURNS[1:]) == ["Yes, always."]
    assert changed([*TURNS[1:4], (4, "I", "And the bus?"), *TURNS[4:]]) == ["That is so."]
    assert changed([*TURNS[1:4], (4, "I", "And the bus?"), *TURNS[4:]]) == []


def test_a_run_of_what_changed_takes_those_that_moved_away_from_each_other(changed: Change) -> None:
    apart = [*TURNS[:2], *((number + 10, who, text) for number, who, text in TURNS[2:])]
    assert changed(apart) == ["Yes, always.", "It costs too much, too."]


def test_a_run_of_what_changed_after_one_without_context_takes_what_has_any(
    database: Database, project: Project, encoders: Encoders
) -> None:
    done(database, encoders, start(database, project, context="none"))
    one = done(database, encoders, start(database, project, only_changed=True))
    # Three stand beside words; what holds none counts for nobody.
    assert one.segments == 3
    assert done(database, encoders, start(database, project, only_changed=True)).segments == 0


# Evaluations


def test_an_evaluation_says_for_how_many_segments_context_counted(
    database: Database, project: Project, encoders: Encoders
) -> None:
    SuggestForProject(database, encoders)(project, min_score=0, top_k=0)
    decide(database, project)
    evaluate = EvaluateProject(database, encoders.load)
    for use, counted in (("neighbours", 3), ("none", 0)):
        found = evaluate(project.id, Options(shots=(0,), context=use))
        assert (found["protocol"]["context"], found["material"]["in_context"]) == (use, counted)
