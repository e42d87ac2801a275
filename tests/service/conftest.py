"""What the tests of the HTTP side share."""

import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any

import psycopg
import pytest
from fastapi.testclient import TestClient
from pydantic import SecretStr
from sqlalchemy import delete, func, select

from service.api.guards import SECURITY_HEADERS
from service.app import create_app
from service.settings import HASHING_MODEL, Settings
from service.storage.database import Database
from service.storage.tables import metadata

# The word that tests put wherever a study's text could stand.
CANARY = re.compile("canary", re.IGNORECASE)
FROM_INSIDE = re.compile(
    r"traceback|exception|pydantic|fastapi|starlette|uvicorn|h11|python|site-packages|/work|/home|/usr|\.py|0x[0-9a-f]{4}",
    re.IGNORECASE,
)

Suggest = Callable[..., Any]
NewProject = Callable[..., str]
RowCounts = Callable[[], dict[str, int]]


@pytest.fixture(scope="session")
def running_service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """One service for all tests: it keeps nothing of what it is asked."""
    with serving(f"sqlite:///{tmp_path_factory.mktemp('service') / 'themecoder.sqlite3'}") as client:
        yield client


@pytest.fixture
def client(running_service: TestClient) -> TestClient:
    """That one service, in the place of one for each test."""
    return running_service


@pytest.fixture
def guarded() -> Callable[[Any], None]:
    """Fails unless an answer carries each header that protects the browser, once and as we set it."""
    return assert_guarded


@pytest.fixture
def problem_of() -> Callable[[Any], dict[str, Any]]:
    """The problem document of an answer, once it has proved to be in the one shape that errors have."""
    return checked_problem


def checked_problem(response: Any) -> dict[str, Any]:
    assert response.headers.get_list("content-type") == ["application/problem+json"], response.text
    problem: dict[str, Any] = response.json()
    assert set(problem) - {"place"} == {"type", "title", "status", "detail", "code", "request_id"}
    assert problem["status"] == response.status_code
    assert problem["title"] == HTTPStatus(response.status_code).phrase
    assert problem["type"] == f"/problems#{problem['code']}"
    assert problem["request_id"] == response.headers["X-Request-ID"]
    assert problem["detail"].endswith(".")
    assert "\n" not in problem["detail"]
    assert_guarded(response)
    assert not CANARY.search(response.text + repr(response.headers))
    # The place may be a name that the request made up.
    ours = {name: value for name, value in problem.items() if name != "place"}
    assert not FROM_INSIDE.search(repr(ours) + repr(response.headers))
    return problem


def assert_guarded(response: Any) -> None:
    for name, value in SECURITY_HEADERS.items():
        assert response.headers.get_list(name) == [value], name


@pytest.fixture
def suggest(client: TestClient) -> Suggest:
    """Posts a request to /v1/suggest that is valid but for the fields given; ``...`` leaves a field out."""

    def post(**fields: Any) -> Any:
        body = {"codebook": "upsides", "segments": [{"id": "1", "text": "They give hope."}], **fields}
        return client.post("/v1/suggest", json={name: value for name, value in body.items() if value is not ...})

    return post


@contextmanager
def serving(database_url: str) -> Iterator[TestClient]:
    """The service on a database, once it is ready."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("THEMECODER_")]:
            patch.delenv(name)
        app = create_app(Settings(model=HASHING_MODEL, database=SecretStr(database_url)))
    with TestClient(app, base_url="http://127.0.0.1:8000") as client:
        while client.get("/health/ready").status_code != 200:
            time.sleep(0.01)
        yield client


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def project_database_url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The URL of the database of all tests of projects, one on each of the two kinds."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path_factory.mktemp('projects') / 'themecoder.sqlite3'}"
    server: str = request.getfixturevalue("postgres")
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute("CREATE DATABASE test_projects")
    return server.replace("/postgres?", "/test_projects?")


@pytest.fixture(scope="session")
def running_project_service(project_database_url: str) -> Iterator[tuple[TestClient, Database]]:
    """One service on each of them: to start one takes longer than most tests. Ids go on from test to test."""
    database = Database(project_database_url)
    with serving(project_database_url) as client:
        yield client, database
    database.close()


@pytest.fixture
def stored(running_project_service: tuple[TestClient, Database]) -> Database:
    """The database of that service, empty at first, to look into it past the service."""
    _, database = running_project_service
    with database.write() as connection:
        for table in reversed(metadata.sorted_tables):
            connection.execute(delete(table))
    return database


@pytest.fixture
def project_client(running_project_service: tuple[TestClient, Database], stored: Database) -> TestClient:
    """The service on an empty database, on each of the two kinds."""
    client, _ = running_project_service
    return client


@pytest.fixture
def row_counts(stored: Database) -> RowCounts:
    """How many rows each table of that service holds."""

    def count() -> dict[str, int]:
        with stored.read() as connection:
            return {
                name: connection.execute(select(func.count()).select_from(table)).scalar_one()
                for name, table in metadata.tables.items()
            }

    return count


@pytest.fixture
def new_project(project_client: TestClient) -> NewProject:
    """Creates a project with the fields given, and gives its address."""

    def create(**fields: Any) -> str:
        response = project_client.post("/v1/projects", json={"name": "Barriers to care", **fields})
        assert response.status_code == 201, response.text
        return f"/v1/projects/{response.json()['id']}"

    return create
