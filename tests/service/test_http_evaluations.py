"""Evaluations over HTTP: started, done by a worker, read, and reported."""

from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient

from service.actions.load_demo_study import load_demo_study
from service.batch.__main__ import all_kinds
from service.batch.one_piece import Watch
from service.batch.worker import Worker
from service.encoders import Encoders
from service.settings import HASHING_MODEL, Settings
from service.storage.database import Database
from service.storage.examination import examine

ProblemOf = Callable[[Any], dict[str, Any]]
Work = Callable[[], None]


@pytest.fixture
def work(stored: Database) -> Work:
    """Has a worker do all that there is to do."""
    worker = Worker(stored, all_kinds(stored, Encoders(Settings(model=HASHING_MODEL))), name="w")

    def until_done() -> None:
        while worker.work_once():
            pass

    return until_done


@pytest.fixture
def demo(project_client: TestClient, stored: Database) -> str:
    made, _ = load_demo_study(stored)
    return f"/v1/projects/{made.id}"


def start(client: TestClient, project: str, **fields: Any) -> dict[str, Any]:
    response = client.post(f"{project}/evaluations", json=fields)
    assert response.status_code == 202, response.text
    started: dict[str, Any] = response.json()
    assert response.headers["Location"] == f"{project}/evaluations/{started['id']}"
    return started


def test_an_evaluation_is_done_by_a_worker_and_reported(
    project_client: TestClient, demo: str, work: Work, stored: Database
) -> None:
    started = start(project_client, demo, shots=[0, 2], draws=2, split="random")
    assert (started["kind"], started["state"]) == ("evaluate", "waiting")
    work()
    address = f"{demo}/evaluations/{started['id']}"
    done = project_client.get(address).json()
    assert (done["state"], done["failure"]) == ("completed", None)
    assert done["result"]["truth"]["coders"] == ["coder-a", "coder-b"]
    assert [step["shots"] for step in done["result"]["curve"]] == [0, 2]
    assert done["pinned"]["model"]["version"] == done["result"]["model"]["version"]
    report = project_client.get(f"{address}/report")
    assert report.headers["Content-Type"].startswith("text/html")
    assert "attachment" in report.headers["Content-Disposition"]
    assert "<svg" in report.text
    assert "<script" not in report.text
    assert examine(stored).problems == []


def test_vectors_of_an_evaluation_are_kept(
    project_client: TestClient, demo: str, work: Work, row_counts: Callable[[], dict[str, int]]
) -> None:
    start(project_client, demo, shots=[0])
    work()
    assert row_counts()["vectors"] >= 118


def test_what_analysts_decided_is_evaluated_too(project_client: TestClient, demo: str, work: Work) -> None:
    project_client.post(f"{demo}/suggestions", json={"min_score": 0}).raise_for_status()
    for number, one in enumerate(project_client.get(f"{demo}/suggestions").json()["items"][:10]):
        kind = ("accept", "reject")[number % 2]
        project_client.post(f"{demo}/decisions", json={"kind": kind, "suggestion": one["id"]})
    started = start(project_client, demo, protocol="decisions")
    work()
    address = f"{demo}/evaluations/{started['id']}"
    result = project_client.get(address).json()["result"]
    assert result["assisted"]["suggestions"] == 10
    assert result["assisted"]["acceptance"]["value"] == 0.5
    assert project_client.get(f"{address}/report").json()["code"] == "conflict"


def test_an_evaluation_that_cannot_be_says_why(project_client: TestClient, demo: str, work: Work) -> None:
    started = start(project_client, demo, coder="nobody")
    work()
    done = project_client.get(f"{demo}/evaluations/{started['id']}").json()
    assert (done["state"], done["failure"]) == ("failed", "field_not_valid")
    assert done["result"]["detail"].endswith(".")


def test_a_cancelled_evaluation_stops_and_has_no_result(
    project_client: TestClient, demo: str, work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = start(project_client, demo, draws=100)
    address = f"{demo}/runs/{started['id']}"
    told = []

    def cancelled_meanwhile(watch: Watch, done: int, size: int) -> None:
        told.append(done)
        project_client.post(f"{address}/cancel").raise_for_status()
        progress(watch, done, size)

    progress = Watch.progress
    monkeypatch.setattr(Watch, "progress", cancelled_meanwhile)
    work()
    done = project_client.get(address).json()
    assert (done["state"], done["result"]) == ("cancelled", None)
    assert told == [0]


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ({"protocol": "canary"}, "protocol"),
        ({"shots": []}, "shots"),
        ({"shots": [-1]}, "shots[0]"),
        ({"draws": 0}, "draws"),
        ({"seed": 2**32}, "seed"),
        ({"split": "canary"}, "split"),
        ({"model": "canary"}, "model"),
    ],
)
def test_an_evaluation_that_cannot_be_asked_for_is_refused(
    project_client: TestClient, demo: str, problem_of: ProblemOf, body: dict[str, Any], place: str
) -> None:
    problem = problem_of(project_client.post(f"{demo}/evaluations", json=body))
    assert (problem["status"], problem["place"]) == (422, place)


def test_a_run_of_another_kind_is_no_evaluation(project_client: TestClient, demo: str, problem_of: ProblemOf) -> None:
    run = project_client.post(f"{demo}/runs", json={}).json()["id"]
    for path in (f"{demo}/evaluations/{run}", f"{demo}/evaluations/{run}/report"):
        assert problem_of(project_client.get(path))["code"] == "not_found"
    assert project_client.get(f"{demo}/evaluations").json()["items"] == []


def test_evaluations_are_listed_without_their_results(project_client: TestClient, demo: str, work: Work) -> None:
    started = start(project_client, demo, shots=[0])
    work()
    for path in ("runs", "evaluations"):
        (listed,) = project_client.get(f"{demo}/{path}").json()["items"]
        assert (listed["id"], listed["state"], listed["result"]) == (started["id"], "completed", None)
