"""Runs watched as server-sent events, also through the death of the service, on both databases."""

import json
import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx

from service.actions.start_run import Scope, start_suggest_run
from service.batch.suggest import suggest_steps
from service.batch.worker import Worker
from service.encoders import Encoders
from service.settings import HASHING_MODEL, Settings
from service.storage.database import Database
from service.storage.examination import examine
from service.storage.projects import project
from service.storage.schema import migrate

Event = dict[str, Any]
WORDS = ("hope", "cost", "family", "job", "training", "trust", "money", "time", "peer", "doctor", "clinic", "bus")
# `make crash` asks for more.
SEGMENTS = int(os.environ.get("THEMECODER_WATCHED_SEGMENTS", "7500"))
PER_TRANSCRIPT = 2_500


def watched(url: str, run: int, last: int = 0) -> Iterator[Event]:
    """The events of a run of the first project, from after the one with this id."""
    headers = {"Last-Event-ID": str(last)} if last else {}
    with httpx.stream("GET", f"{url}/v1/projects/1/runs/{run}/events", headers=headers, timeout=120) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        event: Event = {}
        for line in answer.iter_lines():
            name, _, value = line.partition(": ")
            if line == "" and event:
                yield event
                event = {}
            elif name in ("id", "event", "data"):
                event[name] = json.loads(value) if name == "data" else value


def waiting(client: httpx.Client) -> list[tuple[Any, ...]]:
    """What is suggested, with codes and rounded scores."""
    found: list[tuple[Any, ...]] = []
    cursor: str | None = None
    while True:
        page = client.get(
            "/projects/1/suggestions", params={"limit": 200} | ({"cursor": cursor} if cursor else {})
        ).json()
        found += [(one["segment"]["id"], one["code"], round(one["score"], 4)) for one in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            return sorted(found)


def test_a_run_over_the_demo_study_is_watched_from_its_beginning_to_its_end(
    start_service: Any, run_command: Any, database_url: str
) -> None:
    assert run_command("demo", database=database_url).returncode == 0
    service = start_service(database=database_url)
    service.wait_until_ready()
    with httpx.Client(base_url=f"{service.url}/v1", timeout=60) as client:
        started = client.post("/projects/ext:demo/runs", json={"min_score": 0})
        assert started.status_code == 202
        events = list(watched(service.url, started.json()["id"]))
        assert [event["event"] for event in events[:-1]] == ["progress"] * (len(events) - 1)
        assert events[-1]["event"] == "end"
        done = events[-1]["data"]
        assert done == client.get(started.headers["Location"].removeprefix("/v1")).json()
        coverage = done["coverage"]
        assert coverage["segments"] == coverage["suggested"] + coverage["abstained"] == 118
        assert len(waiting(client)) == coverage["suggestions"] == 354


def test_a_run_goes_on_after_the_service_was_killed_and_its_watcher_with_it(
    start_service: Any, database_url: str, tmp_path: Path
) -> None:
    first = start_service(database=database_url)
    first.wait_until_ready()
    with httpx.Client(base_url=f"{first.url}/v1", timeout=60) as client:
        client.post("/projects", json={"name": "Study"}).raise_for_status()
        fill(client)
        client.post("/projects/1/runs", json={"min_score": 0}).raise_for_status()
    seen = watched_until_killed(first)
    assert seen[-1]["event"] == "progress"
    second = start_service(database=database_url)
    second.wait_until_ready()
    seen += watched(second.url, 1, last=int(seen[-1]["id"]))
    versions = [int(event["id"]) for event in seen]
    assert versions == sorted(set(versions))
    done = seen[-1]["data"]
    assert (done["state"], done["coverage"]["failed"], done["coverage"]["segments"]) == ("completed", 0, SEGMENTS)
    with httpx.Client(base_url=f"{second.url}/v1", timeout=60) as client:
        found = waiting(client)
    assert found == undisturbed(tmp_path)
    database = Database(database_url)
    assert examine(database).problems == []
    database.close()


def fill(client: httpx.Client) -> None:
    """The generated segments, in transcripts of the first project."""
    texts = [f"{WORDS[n % 12]} {WORDS[n % 7]} {WORDS[n % 5]} {n}" for n in range(SEGMENTS)]
    for at in range(0, SEGMENTS, PER_TRANSCRIPT):
        segments = [{"text": text, "speaker": "B"} for text in texts[at : at + PER_TRANSCRIPT]]
        client.put(f"/projects/1/transcripts/t{at}", json={"segments": segments}).raise_for_status()


def watched_until_killed(service: Any) -> list[Event]:
    """The events of the first run; the service dies once a part of it is done."""
    seen = []
    with suppress(httpx.TransportError):
        for event in watched(service.url, 1):
            seen.append(event)
            if event["data"]["progress"]["done"]:
                service.process.kill()
    assert service.process.wait(timeout=20) == -signal.SIGKILL
    return seen


def undisturbed(folder: Path) -> list[tuple[Any, ...]]:
    """The same in this process, on a file, without anybody being killed."""
    from fastapi.testclient import TestClient
    from pydantic import SecretStr

    from service.app import create_app

    url = f"sqlite:///{folder / 'undisturbed' / 'themecoder.sqlite3'}"
    database = Database(url)
    migrate(database)
    settings = Settings(model=HASHING_MODEL, database=SecretStr(url))
    with TestClient(create_app(settings), base_url="http://127.0.0.1:8000/v1") as client:
        while client.get("http://127.0.0.1:8000/health/ready").status_code != 200:
            pass
        client.post("/projects", json={"name": "Study"})
        fill(client)  # type: ignore[arg-type] # it has the same methods
        with database.read() as connection:
            study = project(connection, 1)
        start_suggest_run(database, study, Scope(min_score=0.0), model_key=HASHING_MODEL)
        worker = Worker(database, {"suggest": suggest_steps(database, Encoders(settings))}, name="w")
        while worker.work_once():
            pass
        found = waiting(client)  # type: ignore[arg-type] # it has the same methods
    database.close()
    return found
