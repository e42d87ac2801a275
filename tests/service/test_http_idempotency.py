"""Idempotency-Key: what is sent twice is done once."""

from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from contextlib import contextmanager
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import text

from service.storage.database import Database

ProblemOf = Callable[[Any], dict[str, Any]]
NewProject = Callable[..., str]
RowCounts = Callable[[], dict[str, int]]

CONTENTS = b"B1: They give hope."


def create(client: TestClient, key: str, **fields: Any) -> Any:
    return client.post("/v1/projects", json={"name": "Canary", **fields}, headers={"Idempotency-Key": key})


@contextmanager
def nobody_can_write(database: Database) -> Iterator[None]:
    """Another program holds what every new project needs."""
    with database.write() as connection:
        if not database.is_sqlite:
            connection.execute(text("LOCK TABLE projects IN EXCLUSIVE MODE"))
        yield


def test_the_same_request_with_the_same_key_is_answered_the_same_and_done_once(
    project_client: TestClient, row_counts: RowCounts
) -> None:
    first, second = (create(project_client, "k", external_id="e") for _ in range(2))
    assert first.status_code == second.status_code == 201
    assert first.content == second.content
    assert first.headers["Content-Type"] == second.headers["Content-Type"] == "application/json"
    counts = row_counts()
    assert (counts["projects"], counts["idempotency_keys"]) == (1, 1)
    # Without a key, or with another one, it is another request.
    assert create(project_client, "K").status_code == 201
    assert project_client.post("/v1/projects", json={"name": "Canary"}).status_code == 201
    assert row_counts()["projects"] == 3


def test_an_upload_with_the_same_key_is_stored_once(
    project_client: TestClient, new_project: NewProject, row_counts: RowCounts
) -> None:
    project = new_project()
    headers = {"Content-Type": "text/plain", "Idempotency-Key": "k"}
    address = f"{project}/transcripts"
    first, second = (project_client.post(address, content=CONTENTS, headers=headers) for _ in range(2))
    assert (first.status_code, first.content) == (second.status_code, second.content)
    counts = row_counts()
    assert (counts["transcripts"], counts["segments"]) == (1, 1)


def test_a_key_that_came_with_another_request_is_refused(
    project_client: TestClient, new_project: NewProject, problem_of: ProblemOf, row_counts: RowCounts
) -> None:
    project = new_project()
    assert create(project_client, "k").status_code == 201
    headers = {"Content-Type": "text/plain", "Idempotency-Key": "t"}
    address = f"{project}/transcripts"
    assert project_client.post(address, content=CONTENTS, headers=headers).status_code == 201
    before = row_counts()
    for response in (
        create(project_client, "k", note="canary"),
        create(project_client, "t"),
        project_client.post(address, content=CONTENTS, headers={**headers, "Idempotency-Key": "k"}),
        project_client.post(address, content=CONTENTS + b" canary", headers=headers),
        project_client.post(f"{address}?site=BU", content=CONTENTS, headers=headers),
    ):
        problem = problem_of(response)
        assert (response.status_code, problem["code"]) == (422, "idempotency_key_reused")
        assert problem["place"] == "Idempotency-Key"
    assert row_counts() == before


def test_a_key_is_1_to_200_printable_characters(
    project_client: TestClient, problem_of: ProblemOf, row_counts: RowCounts
) -> None:
    before = row_counts()
    for key in (b"", b"k" * 201, b"a\tb", b"caf\xc2\x85"):
        headers = [(b"Content-Type", b"application/json"), (b"Idempotency-Key", key)]
        request = project_client.build_request("POST", "/v1/projects", content=b'{"name": "n"}', headers=headers)
        response = project_client.send(request)
        problem = problem_of(response)
        assert (response.status_code, problem["code"]) == (422, "field_not_valid")
        assert problem["place"] == "Idempotency-Key"
    assert row_counts() == before
    assert create(project_client, "k" * 200).status_code == 201


def test_while_the_first_is_worked_on_a_second_one_is_told_so(
    project_client: TestClient, stored: Database, problem_of: ProblemOf, row_counts: RowCounts
) -> None:
    with ThreadPoolExecutor(2) as threads:
        with nobody_can_write(stored):
            sent = [threads.submit(create, project_client, "k") for _ in range(2)]
            done, working = wait(sent, timeout=4, return_when=FIRST_COMPLETED)
            refused = [one.result() for one in done]
        [answered] = [one.result(timeout=10) for one in working]
    [second] = refused
    assert (second.status_code, problem_of(second)["code"]) == (409, "still_running")
    assert answered.status_code == 201
    assert create(project_client, "k").content == answered.content
    assert row_counts()["projects"] == 1


def test_a_refused_request_keeps_no_key_and_can_be_sent_again_corrected_with_the_same_one(
    project_client: TestClient, new_project: NewProject, row_counts: RowCounts
) -> None:
    new_project(external_id="taken")
    assert create(project_client, "k", codebook="canary").status_code == 422
    assert create(project_client, "k", external_id="taken").status_code == 409
    assert row_counts()["idempotency_keys"] == 0
    first, second = (create(project_client, "k", external_id="free") for _ in range(2))
    assert (first.status_code, second.content) == (201, first.content)
    assert row_counts()["projects"] == 2


@pytest.mark.parametrize("same", [True, False], ids=["one key", "a key each"])
def test_many_at_once_are_each_done_once(project_client: TestClient, row_counts: RowCounts, same: bool) -> None:
    def post(number: int) -> int:
        status: int = create(project_client, "k" if same else f"k{number}").status_code
        return status

    with ThreadPoolExecutor(40) as threads:
        found = list(threads.map(post, range(40)))
    assert set(found) <= ({201, 409} if same else {201})
    counts = row_counts()
    assert counts["projects"] == counts["idempotency_keys"] == (1 if same else 40)
