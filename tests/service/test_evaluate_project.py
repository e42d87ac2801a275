"""Evaluation of a project: on its codings, and by what its analysts decided, assisted apart from blind."""

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import insert

from models.codebook import Code, Codebook
from models.encoder import TextEncoder, Vectors
from models.reference import shipped_background
from models.suggester import Example
from service.actions.create_project import create_project
from service.actions.decide import Decide, Kind, Wish
from service.actions.evaluate_decisions import evaluate_decisions
from service.actions.evaluate_project import EvaluateProject
from service.actions.import_transcripts import Defaults, import_transcripts
from service.actions.load_demo_study import load_demo_study
from service.actions.project_codings import coded_project
from service.actions.run_protocol import Options, run_protocol
from service.encoders import Encoders, LoadedModel
from service.errors import FieldNotValid, NotFound
from service.formats.coded_rows import with_words
from service.formats.transcript_files import read_transcripts
from service.settings import HASHING_MODEL, Settings
from service.storage.database import Database
from service.storage.projects import Project, analyst_id
from service.storage.references import ExternalId
from service.storage.tables import suggestions
from service.storage.transcripts import list_segments

BOOK = Codebook(id="b", name="B", codes=[Code(id="hope", name="Hope"), Code(id="cost", name="Cost")])
CODES = {"hope", "cost"}
TURNS = "\n\n".join(f"B1: Turn {number}." for number in range(1, 7)).encode()


class Cancelled(Exception):
    pass


@pytest.fixture
def evaluate(database: Database) -> EvaluateProject:
    return EvaluateProject(database, Encoders(Settings(model=HASHING_MODEL)).load)


def test_leaving_one_site_out_of_the_demo_study(database: Database, evaluate: EvaluateProject) -> None:
    made, _ = load_demo_study(database)
    steps: list[tuple[str, int, int]] = []
    found = evaluate(
        made.id,
        Options(protocol="leave-one-site-out"),
        progress=lambda *step: steps.append(step),
    )
    json.dumps(found, allow_nan=False)
    assert found["truth"]["coders"] == ["coder-a", "coder-b"]
    assert found["truth"]["coder"] == "consensus"
    assert len(found["main"]["sites"]["sites"]) == 6
    assert found["main"]["agreement"]["humans"][0]["segments"] == 118
    # What was said around them, but is not coded, as well.
    assert steps[0] == ("Encoding", 0, 156)
    assert [step for step in steps if step[0] == "Testing"] == [("Testing", done, 6) for done in range(7)]


def test_work_stops_where_the_check_raises(database: Database, evaluate: EvaluateProject) -> None:
    made, _ = load_demo_study(database)
    calls = []

    def check() -> None:
        calls.append(1)
        if len(calls) == 3:
            raise Cancelled

    with pytest.raises(Cancelled):
        evaluate(made.id, Options(protocol="leave-one-site-out"), check=check)
    assert len(calls) == 3


def test_a_project_without_codings_and_one_that_is_not_there_are_refused(
    database: Database, evaluate: EvaluateProject
) -> None:
    made = create_project(database, name="n", note="", external_id=None, codebook=BOOK)
    with pytest.raises(FieldNotValid):
        evaluate(made.id, Options())
    for refused in (evaluate, lambda ref, _options: evaluate_decisions(database, ref)):
        with pytest.raises(NotFound):
            refused(ExternalId("canary"), Options())


# What analysts decided


class Deciding:
    """A project with one pending suggestion of hope for each of six segments, scored 0.1 to 0.6."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.made: Project = create_project(database, name="n", note="", external_id=None, codebook=BOOK)
        import_transcripts(database, self.made, BOOK, read_transcripts(TURNS, "txt"), Defaults(site="BU"))
        with database.write() as connection:
            self.analyst = analyst_id(connection, "Ada")
            self.segments = [segment.id for segment in list_segments(connection, self.made.id)]
            rows = [self.suggestion(segment, number / 10) for number, segment in enumerate(self.segments, start=1)]
            connection.execute(insert(suggestions), rows)
            self.ids = [row.id for row in connection.execute(suggestions.select().order_by(suggestions.c.id))]

    def suggestion(self, segment: int, score: float) -> dict[str, Any]:
        return {
            "project_id": self.made.id,
            "coding_set_id": self.made.coding_set_id,
            "segment_id": segment,
            "code": "hope",
            "rank": 1,
            "score": score,
            "basis": "prior",
            "content": "{}",
            "model_version": "m",
            "codebook_version_id": self.made.codebook_version_id,
            "status": "pending",
        }

    def decide(self, kind: Kind, at: int, *, code: str | None = None, seen: bool = True) -> None:
        on_segment = kind in ("code", "no_code")
        wish = Wish(
            kind=kind,
            suggestion_id=None if on_segment else self.ids[at],
            segment_id=self.segments[at] if on_segment else None,
            code=code,
            suggestions_visible=seen,
        )
        Decide(self.database)(
            project_id=self.made.id,
            coding_set_id=self.made.coding_set_id,
            analyst_id=self.analyst,
            wishes=[wish],
            active_codes=lambda _version: CODES,
        )


def test_decisions_in_view_and_blind_ones_are_told_apart(database: Database) -> None:
    deciding = Deciding(database)
    deciding.decide("accept", 0)
    deciding.decide("reject", 1)
    deciding.decide("replace", 2, code="cost")
    deciding.decide("code", 3, code="hope", seen=False)
    deciding.decide("no_code", 4, seen=False)
    found = evaluate_decisions(database, deciding.made.id)
    json.dumps(found, allow_nan=False)
    assisted, blind = found["assisted"], found["blind"]
    assert (assisted["suggestions"], assisted["acceptance"]["value"]) == (3, pytest.approx(1 / 3))
    assert (blind["suggestions"], blind["acceptance"]["value"]) == (2, 0.5)
    assert assisted["brier"]["value"] == pytest.approx((0.9**2 + 0.2**2 + 0.3**2) / 3)
    assert assisted["codes"] == [{"code": "hope", "acceptance": assisted["acceptance"]}]
    assert [one["site"] for one in blind["sites"]] == ["BU"]
    assert (assisted["decisions"], blind["decisions"]) == (3, 2)


def test_a_segment_coded_in_view_as_well_is_not_blind(database: Database) -> None:
    deciding = Deciding(database)
    deciding.decide("code", 3, code="cost", seen=False)
    deciding.decide("code", 3, code="hope")
    assert evaluate_decisions(database, deciding.made.id)["blind"]["suggestions"] == 0


def test_without_decisions_all_figures_are_undefined_with_the_reason(database: Database) -> None:
    deciding = Deciding(database)
    found = evaluate_decisions(database, deciding.made.id)["assisted"]
    assert (found["suggestions"], found["acceptance"]["value"], found["median_seconds"]) == (0, None, None)
    assert found["acceptance"]["reason"] == "Nothing was decided on."


def test_a_fitted_model_is_used_in_the_rounds_in_which_fitting_gives_another_one(database: Database) -> None:
    made, _ = load_demo_study(database)
    found = coded_project(database, made.id)
    model = Encoders(Settings(model=HASHING_MODEL)).load()
    mirrored = _Mirrored(model.encoder)
    other = replace(model, encoder=mirrored, background=shipped_background(mirrored))
    rounds = []

    def fit(given: LoadedModel, _codebook: Codebook, examples: Sequence[Example]) -> LoadedModel:
        rounds.append(len(examples))
        return other if len(rounds) % 2 else given

    options = Options(shots=(0, 2), draws=2, split="random")
    evaluated = run_protocol(with_words(found.table), found.codebook, lambda: model, options, fit=fit)
    assert len(rounds) == 2
    assert all(rounds)
    assert "used in 1 of them" in evaluated.result["notes"][-1]
    # Turned by the same mirror, all vectors are as near to each other as before.
    plain = run_protocol(with_words(found.table), found.codebook, lambda: model, options)
    assert evaluated.result["curve"] == plain.result["curve"]


class _Mirrored:
    def __init__(self, encoder: TextEncoder) -> None:
        self._encoder = encoder
        self.identity = replace(encoder.identity, name="mirrored", hash="0" * 64)

    def encode(self, texts: Sequence[str]) -> Vectors:
        return -self._encoder.encode(texts)
