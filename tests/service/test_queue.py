"""What comes next: the orders over HTTP, what is open, and what is refused."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient

from service.api.schemas.queue import QueueOut
from service.storage.database import Database
from service.storage.tables import vectors

ProblemOf = Callable[[Any], dict[str, Any]]
NewProject = Callable[..., str]
Row = dict[str, Any]

CODEBOOK = {
    "name": "n",
    "codes": [
        {"id": "hope", "name": "Hope", "description": "They give hope to families."},
        {"id": "cost", "name": "Cost", "description": "Cost is a barrier."},
    ],
}
BU = (
    "I: What gives hope?\n\nB1: They give hope to families.\n\nB2: They give hope to families!\n\nB1: Money and cost.\n"
)
DS = "D1: The bus is late.\n\nD2: Cost is a barrier.\n"


@pytest.fixture
def project(project_client: TestClient, new_project: NewProject) -> str:
    """The address of a project with three participants' turns at the site BU and two at DS."""
    address = new_project(codebook=CODEBOOK)
    for site, data in (("BU", BU), ("DS", DS)):
        sent = project_client.post(
            f"{address}/transcripts", content=data, headers={"Content-Type": "text/plain"}, params={"site": site}
        )
        assert sent.status_code == 201, sent.text
    return address


def queue(client: TestClient, project: str, **query: Any) -> Row:
    response = client.get(f"{project}/queue", params=query)
    assert response.status_code == 200, response.text
    QueueOut.model_validate(response.json(), strict=True, extra="forbid")
    found: Row = response.json()
    return found


def references(client: TestClient, project: str, **query: Any) -> list[str]:
    return [one["segment"]["reference"] for one in queue(client, project, **query)["items"]]


def suggest(client: TestClient, project: str) -> None:
    assert client.post(f"{project}/suggestions", json={"min_score": 0, "top_k": 0}).is_success


def decide(client: TestClient, project: str, **fields: Any) -> Row:
    response = client.post(f"{project}/decisions", json={"analyst": "Ada", **fields})
    assert response.status_code == 200, response.text
    decided: Row = response.json()
    return decided


def segment_id(client: TestClient, project: str, reference: str) -> int:
    items = client.get(f"{project}/segments").json()["items"]
    return next(int(one["id"]) for one in items if one["reference"] == reference)


def test_in_reading_order_come_the_turns_of_participants(project_client: TestClient, project: str) -> None:
    found = queue(project_client, project, order="reading")
    assert [one["segment"]["reference"] for one in found["items"]] == ["BU 2", "BU 3", "BU 4", "DS 1", "DS 2"]
    assert (found["order"], found["open"], found["coding_set"]) == ("reading", 5, "shared")
    segment = project_client.get(f"{project}/segments/{found['items'][0]['segment']['id']}").json()
    assert found["items"][0] == {
        "segment": {key: segment[key] for key in found["items"][0]["segment"]},
        "suggestion": None,
        "doubt": 1,
        "site_looked_at": 0,
    }
    assert references(project_client, project, order="reading", limit=2) == ["BU 2", "BU 3"]


def test_what_is_decided_on_is_no_longer_open_until_that_is_undone(project_client: TestClient, project: str) -> None:
    coded = decide(
        project_client, project, kind="code", segment=segment_id(project_client, project, "BU 2"), code="hope"
    )
    decide(project_client, project, kind="no_code", segment=segment_id(project_client, project, "DS 1"))
    for order in ("reading", "informative", "per_site", "random"):
        assert sorted(references(project_client, project, order=order)) == ["BU 3", "BU 4", "DS 2"]
    decide(project_client, project, kind="undo", decision=coded["id"])
    assert "BU 2" in references(project_client, project)


def test_a_segment_whose_suggestions_were_all_rejected_is_still_open(project_client: TestClient, project: str) -> None:
    suggest(project_client, project)
    of_first = [
        one
        for one in project_client.get(f"{project}/suggestions").json()["items"]
        if one["segment"]["reference"] == "BU 2"
    ]
    for one in of_first:
        decide(project_client, project, kind="reject", suggestion=one["id"])
    # Somebody has looked at it, so it comes last.
    last = queue(project_client, project, order="informative")["items"][-1]
    assert (last["segment"]["reference"], last["suggestion"], last["doubt"]) == ("BU 2", None, None)


def test_each_segment_comes_with_the_best_suggestion_that_waits(project_client: TestClient, project: str) -> None:
    suggest(project_client, project)
    waiting = project_client.get(f"{project}/suggestions").json()["items"]
    for one in queue(project_client, project)["items"]:
        scores = {
            row["id"]: (row["score"], row["code"])
            for row in waiting
            if row["segment"]["reference"] == one["segment"]["reference"]
        }
        best = one["suggestion"]
        assert (best["score"], best["code"]) == scores[best["id"]]
        assert best["score"] == max(score for score, _ in scores.values())
        assert 0 <= one["doubt"] <= 1


def test_near_duplicates_come_last_in_the_informative_order(project_client: TestClient, project: str) -> None:
    suggest(project_client, project)
    found = references(project_client, project, order="informative")
    assert sorted(found) == ["BU 2", "BU 3", "BU 4", "DS 1", "DS 2"]
    # The two say the same.
    assert found[-1] in {"BU 2", "BU 3"}
    decide(project_client, project, kind="code", segment=segment_id(project_client, project, "BU 2"), code="hope")
    assert references(project_client, project, order="informative")[-1] == "BU 3"


def test_the_others_come_as_the_machine_is_unsure_of_them(project_client: TestClient, project: str) -> None:
    suggest(project_client, project)
    items = queue(project_client, project, order="informative")["items"][:-1]
    doubts = [one["doubt"] for one in items]
    assert doubts == sorted(doubts, reverse=True)
    waiting = project_client.get(f"{project}/suggestions").json()["items"]
    for item in items:
        scores = sorted(one["score"] for one in waiting if one["segment"] == item["segment"])
        assert item["doubt"] == pytest.approx(1 - (scores[-1] - scores[-2]))


def test_the_machine_is_least_sure_where_it_has_suggested_nothing(project_client: TestClient, project: str) -> None:
    suggest(project_client, project)
    sent = project_client.post(
        f"{project}/transcripts", content="A1: Rain.\n", headers={"Content-Type": "text/plain"}, params={"site": "AD"}
    )
    assert sent.is_success
    first = queue(project_client, project, order="informative")["items"][0]
    assert (first["segment"]["reference"], first["suggestion"], first["doubt"]) == ("AD 1", None, 1)


def test_reading_order_stands_in_where_nothing_has_been_suggested(project_client: TestClient, project: str) -> None:
    found = queue(project_client, project, order="informative")
    assert found["order"] == "reading"
    assert found["items"] == queue(project_client, project, order="reading")["items"]
    suggest(project_client, project)
    assert queue(project_client, project, order="informative")["order"] == "informative"


def test_without_kept_vectors_the_most_doubtful_come_first(
    project_client: TestClient, project: str, stored: Database
) -> None:
    suggest(project_client, project)
    with stored.write() as connection:
        connection.execute(vectors.delete())
    doubts = [one["doubt"] for one in queue(project_client, project, order="informative")["items"]]
    assert doubts == sorted(doubts, reverse=True)


def test_sites_are_looked_at_in_turns(project_client: TestClient, project: str) -> None:
    assert references(project_client, project, order="per_site") == ["BU 2", "DS 1", "BU 3", "DS 2", "BU 4"]
    decide(project_client, project, kind="no_code", segment=segment_id(project_client, project, "BU 3"))
    found = queue(project_client, project, order="per_site")
    assert [one["segment"]["reference"] for one in found["items"]] == ["DS 1", "BU 2", "DS 2", "BU 4"]
    assert [one["site_looked_at"] for one in found["items"]] == [0, 1, 0, 1]


def test_the_random_order_goes_by_its_seed_and_stays_put(project_client: TestClient, project: str) -> None:
    first = references(project_client, project, order="random")
    assert first == references(project_client, project, order="random", seed=0)
    assert any(references(project_client, project, order="random", seed=seed) != first for seed in range(1, 9))
    decide(project_client, project, kind="no_code", segment=segment_id(project_client, project, first[1]))
    assert references(project_client, project, order="random") == [first[0], *first[2:]]


def test_a_coders_own_coding_set_has_a_queue_of_its_own(
    project_client: TestClient, project: str, problem_of: ProblemOf, new_project: NewProject
) -> None:
    row = {"id": "f1", "text": "Families.", "document": "file", "coder": "Ben", "codes": ["hope"]}
    sent = project_client.post(
        f"{project}/transcripts", content=json.dumps(row), headers={"Content-Type": "application/jsonl"}
    )
    assert sent.status_code == 201, sent.text
    own, shared = (queue(project_client, project, coding_set=name) for name in ("Ben", "shared"))
    assert (own["coding_set"], own["open"], shared["open"]) == ("Ben", 5, 6)
    # Suggestions are those of the coding set that all share.
    suggest(project_client, project)
    assert queue(project_client, project, coding_set="Ben", order="informative")["order"] == "reading"
    foreign = project_client.get(f"{new_project()}/queue", params={"coding_set": "Ben"})
    assert (foreign.status_code, problem_of(foreign)["place"]) == (422, "coding_set")


@pytest.mark.parametrize(
    ("query", "place"),
    [
        ("order=canary", "order"),
        ("order=", "order"),
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("limit=1_0", "limit"),
        ("seed=-1", "seed"),
        ("seed=9223372036854775808", "seed"),
        ("seed=canary", "seed"),
        ("coding_set=canary", "coding_set"),
        ("coding_set=", "coding_set"),
        ("coding_set=%00", "coding_set"),
        ("coding_set=" + "c" * 201, "coding_set"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_its_place(
    project_client: TestClient, new_project: NewProject, problem_of: ProblemOf, query: str, place: str
) -> None:
    response = project_client.get(f"{new_project()}/queue?{query}")
    problem = problem_of(response)
    assert (response.status_code, problem["code"], problem["place"]) == (422, "field_not_valid", place)


@pytest.mark.parametrize("query", ["cursor=1", "order=random&order=random"])
def test_unknown_and_repeated_parameters_are_refused(
    project_client: TestClient, new_project: NewProject, problem_of: ProblemOf, query: str
) -> None:
    problem = problem_of(project_client.get(f"{new_project()}/queue?{query}"))
    assert problem["code"] == "unknown_or_repeated_field"


def test_an_empty_project_has_nothing_to_look_at(project_client: TestClient, new_project: NewProject) -> None:
    for order in ("reading", "informative", "per_site", "random"):
        found = queue(project_client, new_project(), order=order)
        assert (found["open"], found["items"]) == (0, [])
    assert project_client.get("/v1/projects/999/queue").status_code == 404
