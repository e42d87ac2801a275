"""Several services on one PostgreSQL: whatever is asked of one of them holds for all."""

import threading
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import httpx
import psycopg
import pytest

from service.storage.database import Database
from service.storage.examination import examine

SEGMENTS = 60


@pytest.fixture
def shared_database(postgres: str) -> Iterator[str]:
    name = f"test_{uuid.uuid4().hex}"
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        yield postgres.replace("/postgres?", f"/{name}?")
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def test_two_services_and_their_workers_share_projects_runs_and_decisions(
    start_service: Any, shared_database: str
) -> None:
    services = [start_service(database=shared_database) for _ in range(2)]
    for service in services:
        service.wait_until_ready()
    with ExitStack() as stack:
        here, there = (
            stack.enter_context(httpx.Client(base_url=f"{service.url}/v1", timeout=60)) for service in services
        )
        work_together(here, there)
    database = Database(shared_database)
    assert examine(database).problems == []
    database.close()


def work_together(here: httpx.Client, there: httpx.Client) -> None:
    here.post("/projects", json={"name": "Study"}).raise_for_status()
    segments = [{"text": f"segment {number}", "speaker": "B"} for number in range(SEGMENTS)]
    there.put("/projects/1/transcripts/t", json={"segments": segments}).raise_for_status()
    started = [
        client.post("/projects/1/runs", json={"min_score": 0}, headers={"Idempotency-Key": "one"}).json()["id"]
        for client in (here, there)
    ]
    assert started == [1, 1]
    with there.stream("GET", "/projects/1/runs/1/events") as events:
        last = [line for line in events.iter_lines() if line.startswith("event: ")][-1]
    assert last == "event: end"
    assert here.get("/projects/1/runs/1").json()["state"] == "completed"
    decide_on_all(here, there)
    trail = everything(here, "decisions")
    assert trail == everything(there, "decisions")
    assert len({one["suggestion"] for one in trail}) == len(trail) == 3 * SEGMENTS


def decide_on_all(*clients: httpx.Client) -> None:
    """Each suggestion is accepted and rejected at the same time, at both services; one of the two holds at both."""
    waiting = [one["id"] for one in everything(clients[0], "suggestions")]
    answers: list[int] = []

    def decide(client: httpx.Client, kind: str) -> None:
        for suggestion in waiting:
            wish = {"kind": kind, "suggestion": suggestion}
            answers.append(client.post("/projects/1/decisions", json=wish).status_code)

    everybody = [(client, kind) for client in clients for kind in ("accept", "reject")]
    threads = [threading.Thread(target=decide, args=one) for one in everybody]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers.count(200) == answers.count(409) == 2 * len(waiting)


def everything(client: httpx.Client, what: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    cursor: str | None = None
    while True:
        page = client.get(f"/projects/1/{what}", params={"limit": 200} | ({"cursor": cursor} if cursor else {})).json()
        found += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            return found
