"""Agreement over HTTP: the coders of a project, those of the demo study, and what is refused."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sklearn.metrics import cohen_kappa_score

from service.actions.load_demo_study import FILES, load_demo_study
from service.api.schemas.agreement import AgreementOut
from service.storage.database import Database

ProblemOf = Callable[[Any], dict[str, Any]]
NewProject = Callable[..., str]

CODEBOOK = {
    "name": "Barriers",
    "codes": [
        {"id": "access", "name": "Access"},
        {"id": "bus", "name": "The bus", "parent": "access"},
        {"id": "fear", "name": "Fear"},
    ],
}
ADA = [["bus"], ["bus"], ["fear"], [], [], ["fear"]]
BEN = [["bus"], ["fear"], ["fear"], [], ["bus"], None]


@pytest.fixture
def coded(project_client: TestClient, new_project: NewProject) -> str:
    """A project with the codings of two coders, one of whom did not look at the last segment."""
    address = new_project(codebook=CODEBOOK)
    rows = [
        {"id": str(number), "text": f"Canary {number}", "document": f"d{number % 3}", "coder": coder, "codes": codes}
        for coder, given in (("Ada", ADA), ("Ben", BEN))
        for number, codes in enumerate(given)
        if codes is not None
    ]
    body = "\n".join(json.dumps(row) for row in rows)
    sent = project_client.post(f"{address}/transcripts", content=body, headers={"Content-Type": "application/jsonl"})
    assert sent.status_code in (200, 201), sent.text
    return f"{address}/agreement"


def answer(client: TestClient, address: str, **query: Any) -> dict[str, Any]:
    response = client.get(address, params=query)
    assert response.status_code == 200, response.text
    AgreementOut.model_validate(response.json(), strict=True, extra="forbid")
    found: dict[str, Any] = response.json()
    return found


def test_coders_are_compared_on_what_both_looked_at(project_client: TestClient, coded: str) -> None:
    found = answer(project_client, coded)
    assert (found["coders"], found["segments"], found["segments_seen"]) == (["Ada", "Ben"], 5, {"Ada": 6, "Ben": 5})
    flat = [[code in codes for codes in given[:5] for code in ("bus", "fear")] for given in (ADA, BEN)]  # type: ignore[index]
    kappa = cohen_kappa_score(*flat)
    assert found["all_codes"]["pooled"]["kappa"]["value"] == pytest.approx(kappa, abs=1e-9)
    assert found["resampled"] == "segment"
    assert "canary" not in json.dumps(found).lower()


def test_figures_of_one_level_of_some_codes_or_of_some_coders(project_client: TestClient, coded: str) -> None:
    level = answer(project_client, coded, level=1)
    assert {row["code"] for row in level["codes"]} == {"access", "fear"}
    under = answer(project_client, coded, codes="access")
    assert ({row["code"] for row in under["codes"]}, under["all_codes"]["codes"]) == ({"access", "bus"}, 1)
    assert answer(project_client, coded, coders="Ben,Ada")["coders"] == ["Ben", "Ada"]


@pytest.mark.parametrize(
    ("query", "place"),
    [
        ("coders=Ada", "coders"),
        ("coders=Ada,Canary", "coders"),
        ("coders=", "coders"),
        ("codes=canary", "codes"),
        ("level=3", "level"),
        ("level=0", "level"),
        ("level=1_0", "level"),
        ("level=11", "level"),
        ("coders=" + "c" * 4_001, "coders"),
    ],
)
def test_what_is_not_in_the_project_is_refused_with_its_place(
    project_client: TestClient, coded: str, problem_of: ProblemOf, query: str, place: str
) -> None:
    response = project_client.get(f"{coded}?{query}")
    problem = problem_of(response)
    assert (response.status_code, problem["code"], problem["place"]) == (422, "field_not_valid", place)


@pytest.mark.parametrize("query", ["analyst=1", "coders=Ada,Ben&coders=Ada,Ben"])
def test_unknown_and_repeated_parameters_are_refused(
    project_client: TestClient, coded: str, problem_of: ProblemOf, query: str
) -> None:
    problem = problem_of(project_client.get(f"{coded}?{query}"))
    assert problem["code"] == "unknown_or_repeated_field"


def test_a_project_without_two_coders_has_no_agreement(
    project_client: TestClient, new_project: NewProject, problem_of: ProblemOf
) -> None:
    response = project_client.get(f"{new_project()}/agreement")
    assert (response.status_code, problem_of(response)["place"]) == (422, "coders")
    assert project_client.get("/v1/projects/999/agreement").status_code == 404


def test_the_demo_study_has_the_agreement_of_its_two_coders_per_code_and_level(
    project_client: TestClient, stored: Database
) -> None:
    load_demo_study(stored)
    found = answer(project_client, "/v1/projects/ext:demo/agreement")
    assert (found["coders"], found["segments"], found["documents"]) == (["coder-a", "coder-b"], 118, 6)
    assert [one["level"] for one in found["levels"]] == [1, 2, 3]
    answers: dict[str, dict[str, list[str]]] = {"coder-a": {}, "coder-b": {}}
    for line in (FILES / "codings.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        answers[row["coder"]][row["id"]] = row["codes"]
    ids = list(answers["coder-a"])
    for row in found["codes"]:
        if row["code"] in {code for one in answers["coder-a"].values() for code in one} and row["level"] == 3:
            one, other = ([row["code"] in answers[coder][each] for each in ids] for coder in answers)
            assert row["figures"]["kappa"]["value"] == pytest.approx(cohen_kappa_score(one, other), abs=1e-9)
