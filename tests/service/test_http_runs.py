"""Runs over HTTP: started, watched, cancelled, and refused where there is one already."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient

from service import limits
from service.batch.suggest import suggest_steps
from service.batch.worker import Worker
from service.encoders import Encoders
from service.settings import HASHING_MODEL, Settings
from service.storage.database import Database

ProblemOf = Callable[[Any], dict[str, Any]]
NewProject = Callable[..., str]
Row = dict[str, Any]

TURNS = "I: What gives hope?\n\nB1: They give hope to families.\n\nB2: Cost is a barrier.\n\nB1: ...\n"


@pytest.fixture(scope="module")
def encoders() -> Encoders:
    encoders = Encoders(Settings(model=HASHING_MODEL))
    encoders.load()
    return encoders


@pytest.fixture
def work(stored: Database, encoders: Encoders) -> Callable[[], None]:
    """Does all that waits, as a worker would."""
    worker = Worker(stored, {"suggest": suggest_steps(stored, encoders)}, name="w")

    def all_of_it() -> None:
        while worker.work_once():
            pass

    return all_of_it


@pytest.fixture
def project(project_client: TestClient, new_project: NewProject) -> str:
    """The address of a project with a transcript of the site BU."""
    address = new_project()
    upload(project_client, address, TURNS, external_id="bu", site="BU")
    return address


def upload(client: TestClient, project: str, data: str, **query: str) -> None:
    headers = {"Content-Type": "text/plain"}
    response = client.post(f"{project}/transcripts", content=data, headers=headers, params=query)
    assert response.status_code == 201, response.text


def start(client: TestClient, project: str, key: str | None = None, **fields: Any) -> Any:
    headers = {} if key is None else {"Idempotency-Key": key}
    return client.post(f"{project}/runs", json=fields, headers=headers)


def events(client: TestClient, address: str, last: int | None = None) -> tuple[int, list[tuple[str, str, Row]]]:
    headers = {} if last is None else {"Last-Event-ID": str(last)}
    response = client.get(f"{address}/events", headers=headers)
    found = []
    for event in response.text.split("\n\n"):
        lines = dict(line.split(": ", 1) for line in event.splitlines() if not line.startswith(":"))
        if lines:
            found.append((lines["id"], lines["event"], json.loads(lines["data"])))
    return response.status_code, found


def test_a_run_is_accepted_with_its_address_and_then_done(
    project_client: TestClient, project: str, work: Callable[[], None]
) -> None:
    response = start(project_client, project, min_score=0)
    assert response.status_code == 202
    begun = response.json()
    address = f"{project}/runs/{begun['id']}"
    assert response.headers["Location"] == address
    assert (begun["state"], begun["progress"]["step"], begun["coverage"]["segments"]) == ("waiting", None, 0)
    work()
    done = project_client.get(address).json()
    assert done["state"] == "completed"
    assert done["coverage"] == {"segments": 3, "suggested": 2, "abstained": 1, "failed": 0, "suggestions": 6}
    assert done["pinned"]["codebook_version"] == 1
    assert done["pinned"]["decision"] == 0
    assert done["pinned"]["model"]["hash"] == "hashing-2"
    assert done["pinned"]["reference"]
    assert (done["progress"]["step"], done["progress"]["done"], done["progress"]["all"]) == ("score", 3, 3)
    assert done["progress"]["per_second"] > 0
    assert len(project_client.get(f"{project}/suggestions").json()["items"]) == 6
    assert project_client.get(f"{address}/failures").json() == {"items": [], "next_cursor": None}
    assert project_client.get(f"{project}/runs").json() == {"items": [done], "next_cursor": None}


def test_the_same_request_with_the_same_key_is_the_same_run(project_client: TestClient, project: str) -> None:
    first, again = (start(project_client, project, key="k", min_score=0) for _ in range(2))
    assert (first.status_code, first.json()) == (again.status_code, again.json())
    assert first.headers["Location"] == again.headers["Location"]
    assert len(project_client.get(f"{project}/runs").json()["items"]) == 1


def test_a_second_run_is_refused_while_one_is_active(
    project_client: TestClient, project: str, problem_of: Any, work: Callable[[], None]
) -> None:
    first = start(project_client, project).json()
    refused = start(project_client, project)
    assert (refused.status_code, refused.json()["code"], refused.json()["run"]) == (
        409,
        "run_already_active",
        first["id"],
    )
    work()
    assert start(project_client, project).status_code == 202


def test_a_flood_of_starts_is_told_to_wait(project_client: TestClient, project: str, problem_of: ProblemOf) -> None:
    answers = [start(project_client, project) for _ in range(limits.MAX_RUN_STARTS + 5)]
    statuses = [answer.status_code for answer in answers]
    assert statuses == [202] + [409] * (limits.MAX_RUN_STARTS - 1) + [429] * 5
    assert problem_of(answers[-1])["code"] == "too_many_runs"
    assert answers[-1].headers["Retry-After"] == str(limits.RUN_STARTS_SECONDS)
    assert len(project_client.get(f"{project}/runs").json()["items"]) == 1


def test_a_cancelled_run_is_answered_as_such(project_client: TestClient, project: str, work: Any) -> None:
    address = start(project_client, project).headers["Location"]
    cancelled = project_client.post(f"{address}/cancel")
    assert (cancelled.status_code, cancelled.json()["state"]) == (200, "cancelled")
    work()
    assert project_client.get(address).json() == cancelled.json()
    assert project_client.post(f"{address}/cancel").json() == cancelled.json()
    assert project_client.get(f"{project}/suggestions").json()["items"] == []


def test_events_end_with_the_run_and_go_on_from_the_last_one(
    project_client: TestClient, project: str, work: Callable[[], None]
) -> None:
    address = start(project_client, project).headers["Location"]
    work()
    status, found = events(project_client, address)
    assert status == 200
    done = project_client.get(address).json()
    assert found == [(str(done["version"]), "end", done)]
    assert events(project_client, address, last=done["version"] - 1)[1] == found
    # With this a browser stops asking.
    assert events(project_client, address, last=done["version"]) == (204, [])


@pytest.mark.parametrize("last", ["x", "-1", "1e3", "9" * 30])
def test_an_event_id_that_is_none_of_ours_starts_anew(project_client: TestClient, project: str, last: Any) -> None:
    address = start(project_client, project).headers["Location"]
    project_client.post(f"{address}/cancel")
    assert len(events(project_client, address, last)[1]) == 1


@pytest.mark.parametrize(
    ("fields", "status", "code", "place"),
    [
        ({"kind": "canary"}, 422, "field_not_valid", "kind"),
        ({"site": "BU"}, 422, "unknown_or_repeated_field", "site"),
        ({"sites": ["canary"]}, 422, "field_not_valid", "sites[0]"),
        ({"sites": []}, 422, "field_not_valid", "sites"),
        ({"transcripts": []}, 422, "field_not_valid", "transcripts"),
        ({"transcripts": ["ext:bu", "ext:canary"]}, 404, "not_found", "transcripts[1]"),
        ({"transcripts": ["1_000"]}, 422, "invalid_id", "transcripts[0]"),
        ({"transcripts": [2**63]}, 422, "invalid_id", "transcripts[0]"),
        ({"transcripts": [0]}, 422, "field_not_valid", None),
        ({"model": "../canary"}, 422, "model_unknown", "model"),
        ({"top_k": -1}, 422, "field_not_valid", "top_k"),
        ({"min_score": 2}, 422, "field_not_valid", "min_score"),
        ({"only_changed": 1}, 422, "field_not_valid", "only_changed"),
    ],
)
def test_a_run_that_cannot_be_is_refused_and_nothing_is_stored(
    project_client: TestClient,
    project: str,
    problem_of: ProblemOf,
    row_counts: Callable[[], dict[str, int]],
    fields: Row,
    status: int,
    code: str,
    place: str | None,
) -> None:
    before = row_counts()
    response = start(project_client, project, **fields)
    problem = problem_of(response)
    assert (response.status_code, problem["code"]) == (status, code)
    assert place is None or problem.get("place") == place
    assert row_counts() == before


@pytest.mark.parametrize("rest", ["", "/events", "/failures"])
@pytest.mark.parametrize("run_id", ["0", "-1", "1_000", "%201", "true", "1.0", str(2**63), "ext:1", "x"])
def test_an_id_that_no_run_can_have_is_refused(
    project_client: TestClient, project: str, problem_of: ProblemOf, run_id: str, rest: str
) -> None:
    problem = problem_of(project_client.get(f"{project}/runs/{run_id}{rest}"))
    assert (problem["status"], problem["code"], problem["place"]) == (422, "invalid_id", "run_id")


@pytest.mark.parametrize("rest", ["", "/events", "/failures", "/cancel"])
def test_another_projects_run_is_not_found(
    project_client: TestClient, project: str, new_project: NewProject, problem_of: ProblemOf, rest: str
) -> None:
    run_id = start(project_client, project).json()["id"]
    method = "POST" if rest == "/cancel" else "GET"
    response = project_client.request(method, f"{new_project()}/runs/{run_id}{rest}")
    assert (response.status_code, problem_of(response)["code"]) == (404, "not_found")
    assert project_client.get(f"{project}/runs/{run_id}").json()["state"] == "waiting"


def test_runs_are_listed_page_by_page(project_client: TestClient, project: str, work: Callable[[], None]) -> None:
    for _ in range(3):
        start(project_client, project)
        work()
    first = project_client.get(f"{project}/runs", params={"limit": 2}).json()
    rest = project_client.get(f"{project}/runs", params={"limit": 2, "cursor": first["next_cursor"]}).json()
    assert len(first["items"]) == 2
    assert (len(rest["items"]), rest["next_cursor"]) == (1, None)
