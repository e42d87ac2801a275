"""The health of a project's codebook over HTTP: findings with their evidence, and what cannot be known yet."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import delete, select, update

from models.calibration import LOWEST_THRESHOLD
from models.codebook import built_in_codebook
from service.actions import examine_codebook as action
from service.actions.load_demo_study import FILES, load_demo_study
from service.api.schemas.codebook_health import CodebookHealthOut
from service.storage.database import Database
from service.storage.tables import segments, suggestions, vectors

ProblemOf = Callable[[Any], dict[str, Any]]
NewProject = Callable[..., str]
RowCounts = Callable[[], dict[str, int]]

CODEBOOK = {
    "name": "Barriers",
    "codes": [
        {"id": "access", "name": "Access"},
        {"id": "bus", "name": "The bus", "parent": "access", "description": "The bus to the clinic is late."},
        {"id": "ride", "name": "The bus ride", "parent": "access", "description": "The bus to the clinic is too late."},
        {"id": "fear", "name": "Fear", "description": "People are afraid of what the neighbours say."},
        {"id": "cost", "name": "Cost", "description": "Treatment or medicine is too expensive to pay for."},
        {"id": "stars", "name": "Stars", "description": "Astronomy, telescopes."},
        {"id": "old", "name": "The bus ride of old", "description": "The bus to the clinic is late.", "active": False},
    ],
}
BUS = ["The bus to the clinic was late.", "The bus to the clinic did not come.", "No bus to the clinic again."]
GARDEN = [
    "Our garden is full of red tomatoes this summer.",
    "Our garden was full of red tomatoes last summer.",
    "Every summer our garden is full of red tomatoes.",
    "In summer our garden is full of red tomatoes.",
]
SHORT = "Tomatoes, tomatoes."
OTHER = ["I am afraid of what the neighbours say.", SHORT]
SETS: tuple[dict[str, str], ...] = ({}, {"coding_set": "coder-a"}, {"coding_set": "coder-b"})


def health(client: TestClient, address: str, **query: Any) -> dict[str, Any]:
    response = client.get(f"{address}/codebook/health", params=query)
    assert response.status_code == 200, response.text
    found: dict[str, Any] = response.json()
    CodebookHealthOut.model_validate(found, strict=True, extra="forbid")
    return found


def findings(answer: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [one for one in answer["findings"] if one["kind"] == kind]


def put(client: TestClient, address: str, name: str, texts: list[str], **fields: Any) -> None:
    rows = [{"text": text, "role": "participant", "external_id": f"{name}{at}"} for at, text in enumerate(texts)]
    sent = client.put(f"{address}/transcripts/ext:{name}", json={"segments": rows, **fields})
    assert sent.status_code in (200, 201), sent.text


def decide(client: TestClient, address: str, **wish: Any) -> int:
    sent = client.post(f"{address}/decisions", json={"analyst": "Ada", **wish})
    assert sent.status_code == 200, sent.text
    decision: int = sent.json()["id"]
    return decision


def suggestions_of(client: TestClient, address: str, code: str) -> list[dict[str, Any]]:
    listed = client.get(f"{address}/suggestions", params={"limit": 200}).json()["items"]
    return [one for one in listed if one["code"] == code]


@pytest.fixture
def study(project_client: TestClient, new_project: NewProject) -> str:
    """Two transcripts in which the best two codes of each segment wait, however unlikely they are."""
    address = new_project(codebook=CODEBOOK)
    put(project_client, address, "north", [*BUS, *GARDEN[:2]], site="N", label="North")
    put(project_client, address, "south", [*OTHER, *GARDEN[2:]], site="S", label="South")
    made = project_client.post(f"{address}/suggestions", json={"top_k": 2})
    assert made.json()["suggestions"] == 18
    return address


@pytest.fixture
def unlikely(study: str, stored: Database) -> str:
    """The same project, but that nothing is likely for what is said about gardens."""
    about_gardens = select(segments.c.id).where(segments.c.text.in_([*GARDEN, SHORT]))
    with stored.write() as connection:
        connection.execute(
            update(suggestions).where(suggestions.c.segment_id.in_(about_gardens)).values(score=LOWEST_THRESHOLD / 2)
        )
    return study


def test_a_project_without_anything_says_what_is_missing(project_client: TestClient, new_project: NewProject) -> None:
    found = health(project_client, new_project(codebook=CODEBOOK))
    assert found["coding_set"] == "shared"
    assert found["notes"] == [action.NOTHING_SUGGESTED, action.NOTHING_DECIDED, action.NOTHING_APPLIED]
    assert {one["kind"] for one in found["findings"]} == {"overlap"}
    assert set(found["segments"].values()) == {0}


def test_a_codebook_of_one_code_has_nothing_that_could_overlap(
    project_client: TestClient, new_project: NewProject
) -> None:
    found = health(project_client, new_project(codebook={"name": "n", "codes": [{"id": "one", "name": "One"}]}))
    assert (found["findings"], found["notes"][0]) == ([], action.NO_PAIRS)
    assert found["similarity"]["usual"] is None


def test_an_overlap_comes_with_how_people_used_both_codes(project_client: TestClient, study: str) -> None:
    ids = [one["id"] for one in suggestions_of(project_client, study, "bus")]
    spoken = [one["segment"]["id"] for one in suggestions_of(project_client, study, "bus")]
    decide(project_client, study, kind="replace", suggestion=ids[0], code="ride")
    undone = decide(project_client, study, kind="replace", suggestion=ids[1], code="ride")
    decide(project_client, study, kind="undo", decision=undone)
    decide(project_client, study, kind="code", segment=spoken[2], code="ride")
    decide(project_client, study, kind="accept", suggestion=ids[2])
    (overlap,) = findings(health(project_client, study), "overlap")
    assert [code["code"] for code in overlap["codes"]] == ["bus", "ride"]
    assert overlap["codes"][1]["path"] == ["Access", "The bus ride"]
    assert overlap["similarity"] > 0.7
    assert (overlap["applied"], overlap["applied_together"], overlap["replaced"]) == ([1, 2], 1, 1)


def test_codes_that_nobody_uses_come_with_their_counts(project_client: TestClient, study: str) -> None:
    rows = project_client.get(f"{study}/suggestions", params={"limit": 200}).json()["items"]
    suggested = {code: len({row["segment"]["id"] for row in rows if row["code"] == code}) for code in _leaves()}
    unused = {one["code"]["code"] for one in findings(health(project_client, study), "never_suggested")}
    assert unused == {code for code, count in suggested.items() if not count}
    rejected = max(suggested, key=lambda code: suggested[code])
    for at, row in enumerate(suggestions_of(project_client, study, rejected)[:3]):
        assert findings(health(project_client, study), "always_rejected") == []
        decide(project_client, study, kind="reject", suggestion=row["id"])
        last = row["segment"]["id"], at
    (found,) = findings(health(project_client, study), "always_rejected")
    assert found["code"]["code"] == rejected
    assert (found["suggested"], found["accepted"], found["rejected"]) == (suggested[rejected], 0, 3)
    decide(project_client, study, kind="code", segment=last[0], code="cost")
    never = {one["code"]["code"] for one in findings(health(project_client, study), "never_applied")}
    assert never == _leaves() - {"cost"}


def test_what_no_code_fits_is_grouped_with_quotes_and_words(project_client: TestClient, unlikely: str) -> None:
    answer = health(project_client, unlikely)
    (gap,) = findings(answer, "gap")
    assert gap["segments"] == 4
    assert gap["sites"] == [{"site": "N", "segments": 2}, {"site": "S", "segments": 2}]
    assert [(one["label"], one["segments"]) for one in gap["transcripts"]] == [("North", 2), ("South", 2)]
    assert {"full", "garden", "red", "summer"} <= set(gap["words"])
    assert gap["nearest"]["code"] in _leaves()
    assert -1 <= gap["nearest"]["similarity"] < 0.6
    assert {quote["text"] for quote in gap["quotes"]} < set(GARDEN)
    assert {quote["reference"].split()[0] for quote in gap["quotes"][:2]} == {"North", "South"}
    counts = {"all": 9, "examined": 9, "uncoded": 9, "unfitting": 5, "too_short": 1, "in_groups": 4}
    assert answer["segments"] == {**counts, "left_out": 0, "without_vector": 0}


@pytest.mark.parametrize("wish", [{"kind": "code", "code": "stars"}, {"kind": "no_code"}])
def test_a_segment_that_people_have_settled_is_no_gap(
    project_client: TestClient, unlikely: str, wish: dict[str, Any]
) -> None:
    decided = decide(project_client, unlikely, segment="ext:north3", **wish)
    (gap,) = findings(health(project_client, unlikely), "gap")
    assert gap["segments"] == 3
    decide(project_client, unlikely, kind="undo", decision=decided)
    assert findings(health(project_client, unlikely), "gap")[0]["segments"] == 4


def test_where_all_that_was_likely_is_turned_down_nothing_fits(project_client: TestClient, study: str) -> None:
    before = health(project_client, study)["segments"]["unfitting"]
    listed = project_client.get(f"{study}/suggestions", params={"limit": 200}).json()["items"]
    segment = suggestions_of(project_client, study, "bus")[0]["segment"]["id"]
    for row in listed:
        if row["segment"]["id"] == segment:
            decide(project_client, study, kind="reject", suggestion=row["id"])
    assert health(project_client, study)["segments"]["unfitting"] == before + 1


def test_a_transcript_for_which_nothing_was_suggested_is_not_judged(project_client: TestClient, unlikely: str) -> None:
    put(project_client, unlikely, "east", GARDEN)
    found = health(project_client, unlikely)
    assert (found["segments"]["all"], found["segments"]["examined"]) == (13, 9)
    assert findings(found, "gap")[0]["segments"] == 4


def test_more_than_can_be_grouped_is_left_out_evenly_and_counted(
    project_client: TestClient, unlikely: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(action, "MOST_GROUPED", 3)
    monkeypatch.setattr(action, "MOST_OVERLAPS", 0)
    found = health(project_client, unlikely)
    assert (found["segments"]["left_out"], found["segments"]["in_groups"]) == (1, 3)
    (gap,) = found["findings"][-1:]
    assert {one["label"] for one in gap["transcripts"]} == {"North", "South"}
    assert (found["left_out"], findings(found, "overlap")) == ({"overlap": 1, "gap": 0}, [])


def test_segments_without_a_kept_vector_are_counted(
    project_client: TestClient, unlikely: str, stored: Database
) -> None:
    with stored.write() as connection:
        connection.execute(delete(vectors))
    found = health(project_client, unlikely)
    assert (found["segments"]["without_vector"], findings(found, "gap")) == (4, [])
    # The codes' words are encoded anew, and not kept.
    assert len(findings(found, "overlap")) == 1


def test_codings_count_of_the_coding_set_that_is_asked_for(
    project_client: TestClient, stored: Database, problem_of: ProblemOf
) -> None:
    load_demo_study(stored)
    address = "/v1/projects/ext:demo"
    project_client.post(f"{address}/suggestions", json={}).raise_for_status()
    shared, one, other = (health(project_client, address, **query) for query in SETS)
    assert [found["coding_set"] for found in (shared, one, other)] == ["shared", "coder-a", "coder-b"]
    assert (shared["segments"]["uncoded"], one["segments"]["uncoded"]) == (118, 0)
    rows = [json.loads(line) for line in (FILES / "codings.jsonl").read_text(encoding="utf-8").splitlines()]
    leaves = {leaf.id for leaf in built_in_codebook("upsides").active_leaves}
    for coder, found in (("coder-a", one), ("coder-b", other)):
        applied = {code for row in rows if row["coder"] == coder for code in row["codes"]}
        assert {row["code"]["code"] for row in findings(found, "never_applied")} == leaves - applied
    response = project_client.get(f"{address}/codebook/health", params={"coding_set": "Canary"})
    assert (response.status_code, problem_of(response)["place"]) == (422, "coding_set")


def test_looking_changes_nothing(project_client: TestClient, unlikely: str, row_counts: RowCounts) -> None:
    before = row_counts()
    assert health(project_client, unlikely) == health(project_client, unlikely)
    assert row_counts() == before


def _leaves() -> set[str]:
    return {"bus", "ride", "fear", "cost", "stars"}
