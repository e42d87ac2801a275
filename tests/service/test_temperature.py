"""A model that says that it is too sure of itself is cooled wherever it suggests."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select

from models.codebook import Code, Codebook
from models.context import NO_CONTEXT
from models.suggester import Example
from service.actions.create_project import create_project
from service.actions.decide import Decide, Wish
from service.actions.evaluate_project import EvaluateProject
from service.actions.put_transcript import NewState, put_transcript
from service.actions.run_protocol import Options
from service.actions.start_run import Scope, start_suggest_run
from service.actions.suggest_codes import SuggestCodes
from service.actions.suggest_file import suggest_file
from service.actions.suggest_for_project import SuggestForProject
from service.batch.suggest import suggest_steps
from service.batch.worker import Worker
from service.encoders import Encoders, LoadedModel
from service.formats.transcripts import ImportedSegment
from service.settings import HASHING_MODEL, Settings
from service.storage.database import Database
from service.storage.projects import Project, analyst_id
from service.storage.tables import segments, suggestions

BOOK = Codebook(id="b", name="Barriers", codes=[Code(id="bus", name="The bus"), Code(id="fear", name="Fear of others")])
CODED = [(f"The bus was late, {n} times.", "bus") for n in range(24)]
CODED += [(f"I fear what others say, {n} times.", "fear") for n in range(24)]
OPEN = ("The bus never comes.", "Others frighten me, I fear.")
Scores = list[dict[str, float]]


class WithTemperature(Encoders):
    """The hashing encoder, which says of itself how much too sure it is."""

    def __init__(self, temperature: float) -> None:
        super().__init__(Settings(model=HASHING_MODEL))
        self._temperature = temperature

    def load(self, key: str | None = None) -> LoadedModel:
        return replace(super().load(key), temperature=self._temperature)


SURE, COOLED = WithTemperature(1.0), WithTemperature(3.0)


def assert_cooled(sure: Scores, cooled: Scores) -> None:
    assert len(sure) == len(cooled) == len(OPEN)
    for before, after in zip(sure, cooled, strict=True):
        assert sorted(before, key=before.__getitem__) == sorted(after, key=after.__getitem__)
        assert max(after.values()) < max(before.values()) - 0.1


def examples() -> list[Example]:
    return [Example(text=text, codes=(code,)) for text, code in CODED]


def test_over_http() -> None:
    def said(encoders: Encoders) -> Scores:
        made = SuggestCodes(encoders)(
            OPEN, BOOK, contexts=[NO_CONTEXT] * len(OPEN), examples=examples(), top_k=0, min_score=0
        )
        return [{one.code: one.score for one in result.suggestions} for result in made.results]

    assert_cooled(said(SURE), said(COOLED))


def test_in_a_file(tmp_path: Path) -> None:
    source, coded = tmp_path / "in.jsonl", tmp_path / "coded.jsonl"
    source.write_text("".join(json.dumps({"text": text}) + "\n" for text in OPEN), encoding="utf-8")
    rows = [{"text": text, "codes": [code]} for text, code in CODED]
    coded.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")

    def said(encoders: Encoders) -> Scores:
        output = tmp_path / "out.jsonl"
        suggest_file(source, output, BOOK, encoders.load, examples=coded, min_score=0, top_k=0)
        results = map(json.loads, output.read_text(encoding="utf-8").splitlines())
        return [{one["code"]: one["score"] for one in result["suggestions"]} for result in results]

    assert_cooled(said(SURE), said(COOLED))


@pytest.fixture
def project(database: Database) -> Project:
    """A project in which all but the last two segments are coded."""
    made = create_project(database, name="Study", note="", external_id=None, codebook=BOOK)
    texts = [*(text for text, _ in CODED), *OPEN]
    given = [
        # Gaps between the paragraphs, so that no segment is the context of another.
        ImportedSegment(text=text, place="", paragraph=10 * n, speaker="B", role="participant", external_id=str(n))
        for n, text in enumerate(texts, 1)
    ]
    wanted = NewState(external_id="bu", label=None, site=None, language=None, segments=given)
    put_transcript(database, made, wanted, if_version=None)
    with database.write() as connection:
        analyst = analyst_id(connection, "Ada")
        query = select(segments.c.text, segments.c.id).where(segments.c.project_id == made.id)
        ids = {row.text: row.id for row in connection.execute(query)}
    Decide(database)(
        project_id=made.id,
        coding_set_id=made.coding_set_id,
        analyst_id=analyst,
        wishes=[Wish(kind="code", segment_id=ids[text], code=code) for text, code in CODED],
        active_codes=lambda _version: {"bus", "fear"},
    )
    return made


def waiting(database: Database, texts: Sequence[str] = OPEN) -> Scores:
    query = (
        select(segments.c.text, suggestions.c.code, suggestions.c.score)
        .join(segments, segments.c.id == suggestions.c.segment_id)
        .where(suggestions.c.status == "pending")
    )
    with database.read() as connection:
        rows = connection.execute(query).all()
    return [{row.code: row.score for row in rows if row.text == text} for text in texts]


def test_in_a_project(database: Database, project: Project) -> None:
    def said(encoders: Encoders) -> Scores:
        SuggestForProject(database, encoders)(project, min_score=0, top_k=0)
        return waiting(database)

    assert_cooled(said(SURE), said(COOLED))


def test_in_a_run(database: Database, project: Project) -> None:
    def said(encoders: Encoders) -> Scores:
        start_suggest_run(database, project, Scope(min_score=0.0, top_k=0), model_key=HASHING_MODEL)
        worker = Worker(database, {"suggest": suggest_steps(database, encoders)}, name="w")
        while worker.work_once():
            pass
        return waiting(database)

    assert_cooled(said(SURE), said(COOLED))


def test_in_an_evaluation(database: Database, project: Project) -> None:
    def error(encoders: Encoders) -> float:
        found = EvaluateProject(database, encoders.load)(project.id, Options(shots=(12,), draws=2, split="random"))
        return float(found["main"]["calibration"]["brier"]["value"])

    assert error(SURE) < error(COOLED)
