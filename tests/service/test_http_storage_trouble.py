"""When the disk or the file fails: a clear answer, nothing half-written, and service again once it is back."""

import os
import resource
import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from pydantic import SecretStr
from sqlalchemy import text

from service.app import create_app
from service.settings import HASHING_MODEL, Settings
from service.storage import database as storage
from service.storage.database import Database
from service.storage.schema import migrate

ProblemOf = Callable[[Any], dict[str, Any]]

TURNS = "\n\n".join(f"B{number}: They give hope." for number in range(500))
BUSY_SECONDS = 0.3


def service(file: Path) -> TestClient:
    settings = Settings(model=HASHING_MODEL, database=SecretStr(f"sqlite:///{file}"))
    return TestClient(create_app(settings), base_url="http://127.0.0.1:8000")


def wait_for(client: TestClient, status: int) -> None:
    for _ in range(500):
        if client.get("/health/ready").status_code == status:
            return
        time.sleep(0.01)
    raise TimeoutError


def upload(client: TestClient, **query: str) -> Any:
    headers = {"Content-Type": "text/plain"}
    return client.post("/v1/projects/1/transcripts", content=TURNS, headers=headers, params=query)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "data" / "themecoder.sqlite3"


@pytest.fixture
def client(file: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    """The service on a file of its own with one project, which does not wait long for others."""
    monkeypatch.setattr(storage, "BUSY_SECONDS", BUSY_SECONDS)
    with service(file) as client:
        wait_for(client, 200)
        assert client.post("/v1/projects", json={"name": "Before"}).status_code == 201
        yield client


@pytest.fixture
def is_unavailable(problem_of: ProblemOf) -> Callable[[Any], None]:
    """Fails unless an answer says that the storage is, and when to come again."""

    def check(response: Any) -> None:
        assert (response.status_code, problem_of(response)["code"]) == (503, "storage_unavailable")
        assert response.headers["Retry-After"].isdigit()

    return check


def test_a_database_that_another_program_holds_is_unavailable_to_write_and_can_be_read(
    client: TestClient, file: Path, is_unavailable: Callable[[Any], None]
) -> None:
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    began = time.monotonic()
    for headers in ({}, {"Idempotency-Key": "k"}):
        is_unavailable(client.post("/v1/projects", json={"name": "Canary"}, headers=headers))
    is_unavailable(upload(client))
    is_unavailable(client.put("/v1/projects/1/transcripts/t", json={"segments": [{"text": "Canary"}]}))
    assert time.monotonic() - began >= 4 * BUSY_SECONDS
    assert [one["name"] for one in client.get("/v1/projects").json()["items"]] == ["Before"]
    other.execute("ROLLBACK")
    other.close()
    # The key was not kept with the refusal.
    response = client.post("/v1/projects", json={"name": "Canary"}, headers={"Idempotency-Key": "k"})
    assert response.status_code == 201
    assert upload(client).status_code == 201


def test_a_full_disk_leaves_nothing_half_written(
    client: TestClient, file: Path, is_unavailable: Callable[[Any], None]
) -> None:
    # No file may grow beyond what the log has now, as if the disk were full.
    full = file.with_name(f"{file.name}-wal").stat().st_size
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (full, limits[1]))
    try:
        refused = upload(client, external_id="t")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    is_unavailable(refused)
    assert client.get("/v1/projects/1/transcripts").json()["items"] == []
    assert client.get("/v1/projects/1/segments").json()["items"] == []
    assert upload(client, external_id="t").status_code == 201
    assert client.get("/v1/projects/1/transcripts/ext:t").json()["segments"] == 500


def test_a_database_deleted_under_the_service_is_unavailable_until_it_is_back(
    client: TestClient, file: Path, is_unavailable: Callable[[Any], None]
) -> None:
    assert upload(client, external_id="t").status_code == 201
    with sqlite3.connect(file, isolation_level=None) as other:
        other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    other.close()
    away = file.with_name("away")
    file.rename(away)
    for _ in range(2):
        is_unavailable(client.post("/v1/projects", json={"name": "Lost"}))
        is_unavailable(client.get("/v1/projects"))
        is_unavailable(client.get("/v1/projects/1/segments"))
        is_unavailable(upload(client))
    # An empty database in its place would look as if all had been deleted.
    assert not file.exists()
    ready = client.get("/health/ready")
    assert (ready.status_code, ready.json()["model"]) == (503, "ok")
    assert ready.json()["database"].startswith("The database cannot be used")
    away.rename(file)
    assert client.get("/health/ready").status_code == 200
    assert client.get("/v1/projects/1/transcripts/ext:t").json()["segments"] == 500
    assert client.post("/v1/projects", json={"name": "After"}).status_code == 201
    assert [one["name"] for one in client.get("/v1/projects").json()["items"]] == ["Before", "After"]


def test_a_file_put_in_the_place_of_the_database_is_the_one_that_is_used(client: TestClient, file: Path) -> None:
    copy = file.with_name("copy")
    with sqlite3.connect(file) as source, sqlite3.connect(copy) as target:
        source.backup(target)
    source.close()
    target.close()
    assert client.post("/v1/projects", json={"name": "Later"}).status_code == 201
    for ending in ("", "-wal", "-shm"):
        file.with_name(file.name + ending).unlink()
    copy.rename(file)
    assert [one["name"] for one in client.get("/v1/projects").json()["items"]] == ["Before"]
    assert client.post("/v1/projects", json={"name": "After"}).status_code == 201
    with sqlite3.connect(file) as found:
        assert [name for (name,) in found.execute("SELECT name FROM projects ORDER BY id")] == ["Before", "After"]
    found.close()


def test_a_file_that_is_no_database_is_unavailable(
    client: TestClient, file: Path, is_unavailable: Callable[[Any], None]
) -> None:
    for ending in ("-wal", "-shm"):
        file.with_name(file.name + ending).unlink()
    other = file.with_name("other")
    other.write_bytes(b"canary" * 10_000)
    other.replace(file)
    is_unavailable(client.get("/v1/projects"))
    is_unavailable(client.post("/v1/projects", json={"name": "Canary"}))
    assert file.read_bytes() == b"canary" * 10_000


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_makes_the_service_wait_until_it_can(
    file: Path, is_unavailable: Callable[[Any], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.app.RETRY_SECONDS", 0.05)
    file.parent.mkdir(mode=0o500)
    try:
        with service(file) as client:
            is_unavailable(client.get("/v1/projects"))
            is_unavailable(client.post("/v1/projects", json={"name": "Canary"}))
            file.parent.chmod(0o700)
            wait_for(client, 200)
            assert client.post("/v1/projects", json={"name": "After"}).status_code == 201
    finally:
        file.parent.chmod(0o700)


def test_a_folder_that_cannot_be_made_makes_the_service_wait_until_it_can(
    file: Path, is_unavailable: Callable[[Any], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.app.RETRY_SECONDS", 0.05)
    file.parent.write_text("a file in the place of the folder")
    with service(file) as client:
        is_unavailable(client.get("/v1/projects"))
        is_unavailable(client.post("/v1/projects", json={"name": "Canary"}))
        assert client.get("/health/ready").status_code == 503
        file.parent.unlink()
        wait_for(client, 200)
        assert client.post("/v1/projects", json={"name": "After"}).status_code == 201


def test_a_database_of_a_newer_program_is_neither_read_nor_written(
    database_url: str, is_unavailable: Callable[[Any], None]
) -> None:
    database = Database(database_url)
    migrate(database)
    with database.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    settings = Settings(model=HASHING_MODEL, database=SecretStr(database_url))
    with TestClient(create_app(settings), base_url="http://127.0.0.1:8000") as client:
        is_unavailable(client.post("/v1/projects", json={"name": "Canary"}))
        is_unavailable(client.get("/v1/projects"))
    with database.read() as connection:
        assert connection.execute(text("SELECT count(*) FROM projects")).scalar() == 0
    database.close()
