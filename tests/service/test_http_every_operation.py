"""What no operation of the API does, whichever it is: each one of the description, those that come later too."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from pydantic import SecretStr

from service.app import create_app
from service.settings import HASHING_MODEL, Settings

ProblemOf = Callable[[Any], dict[str, Any]]
RowCounts = Callable[[], dict[str, int]]

ROOT = Path(__file__).parent.parent.parent
METHODS = ("get", "post", "put", "delete", "patch")
CODEBOOK = {"name": "n", "codes": [{"id": "hope", "name": "Hope"}, {"id": "cost", "name": "Cost"}]}
SEGMENTS = [{"text": "They give hope.", "external_id": "own"}, {"text": "It costs too much."}]

Operation = tuple[str, str]


def operations() -> dict[Operation, dict[str, Any]]:
    description = json.loads((ROOT / "openapi.json").read_text(encoding="utf-8"))
    return {
        (method.upper(), path): item[method]
        for path, item in description["paths"].items()
        for method in METHODS
        if method in item
    }


OPERATIONS = operations()
BELOW_PROJECTS = [operation for operation in OPERATIONS if "{project_id}" in operation[1]]
# A body that each operation takes, whatever else is wrong with the request. An operation that is not here fails.
BODIES: dict[Operation, dict[str, Any]] = {
    ("POST", "/v1/suggest"): {"codebook": "upsides", "segments": [{"id": "1", "text": "They give hope."}]},
    ("POST", "/v1/projects"): {"name": "Study"},
    ("POST", "/v1/projects/{project_id}/suggestions"): {},
    ("POST", "/v1/projects/{project_id}/decisions"): {"kind": "no_code", "segment": 1},
    ("POST", "/v1/projects/{project_id}/decisions/bulk"): {"decisions": [{"kind": "no_code", "segment": 1}]},
    ("PUT", "/v1/projects/{project_id}/transcripts/{transcript_id}"): {"segments": SEGMENTS},
    ("POST", "/v1/projects/{project_id}/runs"): {},
    ("POST", "/v1/projects/{project_id}/evaluations"): {},
    ("POST", "/v1/projects/{project_id}/adaptations"): {},
    ("PUT", "/v1/projects/{project_id}/model"): {"adaptation": None},
}
TAKING_JSON = [
    operation
    for operation, described in OPERATIONS.items()
    if "application/json" in described.get("requestBody", {}).get("content", {})
]
TAKING_FILES = [
    operation for operation, described in OPERATIONS.items() if "requestBody" in described and operation not in BODIES
]
# Each is refused before anybody looks which fields an operation has.
BAD_JSON: dict[str, tuple[bytes, int, str]] = {
    "nothing": (b"", 400, "malformed_json"),
    "truncated": (b'{"canary": ', 400, "malformed_json"),
    "two documents": (b"{} {}", 400, "malformed_json"),
    "a byte order mark": (b"\xef\xbb\xbf{}", 400, "malformed_json"),
    "utf-16": ('{"canary": 1}'.encode("utf-16"), 400, "malformed_json"),
    "no utf-8": (b'{"canary": "\xff"}', 400, "malformed_json"),
    "nested 100,000 deep": (b"[" * 100_000, 400, "malformed_json"),
    "a number of 5,000 digits": (b'{"canary": ' + b"9" * 5_000 + b"}", 400, "malformed_json"),
    "a field twice": (b'{"name": 1, "name": 2}', 422, "unknown_or_repeated_field"),
    "NaN": (b'{"name": NaN}', 422, "number_not_finite"),
    "infinity": (b'{"name": -Infinity}', 422, "number_not_finite"),
    "1e999": (b'{"name": 1e999}', 422, "number_not_finite"),
    "half of a surrogate pair": (b'{"name": "\\ud800"}', 422, "text_not_valid_unicode"),
    "NUL": (b'{"name": "\\u0000"}', 422, "text_has_control_characters"),
    "an escape character": (b'{"name": "\\u001b[2J"}', 422, "text_has_control_characters"),
}
BAD_IDS = ("0", "-1", str(2**63), "1" + "0" * 40, "1_000", "%201", "true", "1.0", "%D9%A3", "ext:", "1%20OR%201=1")


@dataclass(frozen=True, kw_only=True)
class Study:
    """A project's ids, as addresses and bodies name them."""

    project_id: int
    transcript_id: int
    segment_id: int
    run_id: int
    suggestion: int
    decision: int

    def address(self, path: str, **other: object) -> str:
        return path.format(**{**vars(self), "codebook_id": "upsides", **other})


def study(client: TestClient, name: str) -> Study:
    project = client.post("/v1/projects", json={"name": name, "codebook": CODEBOOK}).json()["id"]
    address = f"/v1/projects/{project}"
    transcript = client.put(f"{address}/transcripts/ext:{name}", json={"segments": SEGMENTS}).json()["id"]
    client.post(f"{address}/suggestions", json={"min_score": 0, "top_k": 0}).raise_for_status()
    first, second = client.get(f"{address}/suggestions").json()["items"][:2]
    decided = client.post(f"{address}/decisions", json={"kind": "reject", "suggestion": first["id"]}).json()
    return Study(
        project_id=project,
        transcript_id=transcript,
        segment_id=second["segment"]["id"],
        run_id=client.post(f"{address}/runs", json={}).json()["id"],
        suggestion=second["id"],
        decision=decided["id"],
    )


@pytest.fixture
def studies(project_client: TestClient) -> tuple[Study, Study]:
    """Two projects in one database: ours, and another one."""
    return study(project_client, "ours"), study(project_client, "theirs")


def test_every_operation_that_takes_json_has_a_body_here() -> None:
    assert set(TAKING_JSON) == set(BODIES)
    assert [path for _, path in TAKING_FILES] == ["/v1/projects/{project_id}/transcripts"]


@pytest.mark.parametrize("operation", BODIES, ids=" ".join)
def test_the_bodies_are_good_but_for_what_the_tests_change(
    project_client: TestClient, studies: tuple[Study, Study], operation: Operation
) -> None:
    ours, _ = studies
    method, path = operation
    body = json.loads(json.dumps(BODIES[operation]).replace('"segment": 1', f'"segment": {ours.segment_id}'))
    assert project_client.request(method, ours.address(path), json=body).status_code in (200, 201, 409)


@pytest.mark.parametrize("bad", BAD_JSON)
def test_a_body_that_is_no_good_is_refused_everywhere_and_nothing_is_stored(
    project_client: TestClient, studies: tuple[Study, Study], row_counts: RowCounts, problem_of: ProblemOf, bad: str
) -> None:
    content, status, code = BAD_JSON[bad]
    before = row_counts()
    for method, path in TAKING_JSON:
        response = project_client.request(
            method, studies[0].address(path), content=content, headers={"Content-Type": "application/json"}
        )
        assert (response.status_code, problem_of(response)["code"]) == (status, code), path
    assert row_counts() == before


def test_an_unknown_field_is_named_everywhere_and_nothing_is_stored(
    project_client: TestClient, studies: tuple[Study, Study], row_counts: RowCounts, problem_of: ProblemOf
) -> None:
    before = row_counts()
    for (method, path), body in BODIES.items():
        response = project_client.request(method, studies[0].address(path), json={**body, "unheard_of": 1})
        problem = problem_of(response)
        assert (problem["status"], problem["code"]) == (422, "unknown_or_repeated_field"), path
        assert problem["place"] == "unheard_of"
    assert row_counts() == before


@pytest.mark.parametrize("media_type", [None, "text/plain", "application/json; charset=utf-7", "text/html"])
def test_a_body_of_another_media_type_is_refused_everywhere(
    project_client: TestClient,
    studies: tuple[Study, Study],
    row_counts: RowCounts,
    problem_of: ProblemOf,
    media_type: str | None,
) -> None:
    before = row_counts()
    headers = {} if media_type is None else {"Content-Type": media_type}
    for method, path in TAKING_JSON:
        content = json.dumps(BODIES[method, path]).encode()
        response = project_client.request(method, studies[0].address(path), content=content, headers=headers)
        assert (response.status_code, problem_of(response)["code"]) == (415, "media_type_not_supported"), path
    assert row_counts() == before


@pytest.mark.parametrize("bad", BAD_IDS)
def test_what_cannot_be_an_id_is_refused_wherever_an_address_takes_one(
    project_client: TestClient, studies: tuple[Study, Study], row_counts: RowCounts, problem_of: ProblemOf, bad: str
) -> None:
    before = row_counts()
    for method, path in BELOW_PROJECTS:
        for name in ("project_id", "transcript_id", "segment_id", "run_id"):
            if f"{{{name}}}" not in path or (method, name) == ("PUT", "transcript_id"):
                # What a transcript is put as is the caller's own id.
                continue
            address = studies[0].address(path, **{name: bad})
            response = project_client.request(method, address, **_body(method, path))
            assert (response.status_code, problem_of(response)["code"]) == (422, "invalid_id"), address
    assert row_counts() == before


def test_another_projects_ids_in_an_address_are_as_if_they_were_not_there(
    project_client: TestClient, studies: tuple[Study, Study], row_counts: RowCounts, problem_of: ProblemOf
) -> None:
    ours, theirs = studies
    before, asked = row_counts(), 0
    for method, path in BELOW_PROJECTS:
        for name in ("transcript_id", "segment_id", "run_id"):
            if f"{{{name}}}" in path and method != "PUT":
                address = ours.address(path, **{name: getattr(theirs, name)})
                response = project_client.request(method, address, **_body(method, path))
                assert (response.status_code, problem_of(response)["code"]) == (404, "not_found"), address
                asked += 1
    assert asked >= 6
    assert row_counts() == before


def test_another_projects_ids_in_a_body_are_as_if_they_were_not_there(
    project_client: TestClient, studies: tuple[Study, Study], row_counts: RowCounts, problem_of: ProblemOf
) -> None:
    ours, theirs = studies
    wishes = [
        {"kind": "accept", "suggestion": theirs.suggestion},
        {"kind": "reject", "suggestion": theirs.suggestion},
        {"kind": "replace", "suggestion": theirs.suggestion, "code": "cost"},
        {"kind": "code", "segment": theirs.segment_id, "code": "cost"},
        {"kind": "uncode", "segment": theirs.segment_id, "code": "cost"},
        {"kind": "no_code", "segment": theirs.segment_id},
        {"kind": "undo", "decision": theirs.decision},
    ]
    good = {"kind": "code", "segment": ours.segment_id, "code": "cost"}
    asked = [("decisions", wish) for wish in wishes]
    asked += [("decisions/bulk", {"decisions": [good, wish]}) for wish in wishes]
    asked += [("suggestions", {"transcript": theirs.transcript_id}), ("suggestions", {"transcript": "ext:theirs"})]
    before = row_counts()
    for path, body in asked:
        response = project_client.post(f"/v1/projects/{ours.project_id}/{path}", json=body)
        assert (response.status_code, problem_of(response)["code"]) == (404, "not_found"), body
    assert row_counts() == before


def test_another_projects_ids_in_a_query_are_as_if_they_were_not_there(
    project_client: TestClient, studies: tuple[Study, Study], problem_of: ProblemOf
) -> None:
    ours, theirs = studies
    their_ids = {"transcript": theirs.transcript_id, "segment": theirs.segment_id}
    asked = 0
    for (method, path), described in OPERATIONS.items():
        names = {each["name"] for each in described.get("parameters", []) if each["in"] == "query"}
        if method == "GET" and "{project_id}" in path:
            for name in names & their_ids.keys():
                response = project_client.get(ours.address(path), params={name: str(their_ids[name])})
                assert (response.status_code, problem_of(response)["code"]) == (404, "not_found"), (path, name)
                asked += 1
    assert asked >= 4


def test_a_cursor_from_another_project_shows_nothing_of_it(
    project_client: TestClient, studies: tuple[Study, Study]
) -> None:
    ours, theirs = studies
    for method, path in BELOW_PROJECTS:
        names = {each["name"] for each in OPERATIONS[method, path].get("parameters", []) if each["in"] == "query"}
        if method != "GET" or "cursor" not in names:
            continue
        own = _ids(project_client, ours.address(path))
        foreign = project_client.get(theirs.address(path), params={"limit": 1}).json()["next_cursor"]
        if foreign is not None:
            assert _ids(project_client, ours.address(path), cursor=foreign) <= own, path


BAD_QUERIES = (
    "limit=0",
    "limit=-1",
    "limit=1000000000",
    "limit=1e3",
    "limit=1&limit=2",
    "offset=5",
    "sort=text",
    "cursor=0",
    "cursor=a'--",
    f"cursor={2**63}",
    "filter=1;DROP TABLE projects",
)


@pytest.mark.parametrize("query", BAD_QUERIES)
def test_a_list_refuses_what_it_cannot_be_asked(
    project_client: TestClient, studies: tuple[Study, Study], problem_of: ProblemOf, query: str
) -> None:
    lists = [path for method, path in OPERATIONS if method == "GET" and _is_list((method, path))]
    assert len(lists) >= 7
    for path in lists:
        response = project_client.get(f"{studies[0].address(path)}?{query}")
        assert (response.status_code, problem_of(response)["status"]) == (422, 422), path


def test_no_page_of_another_site_can_write_anything(
    project_client: TestClient, studies: tuple[Study, Study], row_counts: RowCounts, problem_of: ProblemOf
) -> None:
    before = row_counts()
    for method, path in [*TAKING_JSON, *TAKING_FILES]:
        for headers in ({"Origin": "http://canary.example"}, {"Sec-Fetch-Site": "cross-site"}):
            response = project_client.request(method, studies[0].address(path), **_body(method, path, **headers))
            assert (response.status_code, problem_of(response)["code"]) == (403, "cross_site_request"), path
    assert row_counts() == before


def test_a_body_that_is_too_large_is_refused_everywhere(
    project_client: TestClient, studies: tuple[Study, Study], row_counts: RowCounts, problem_of: ProblemOf
) -> None:
    before = row_counts()
    for method, path in [*TAKING_JSON, *TAKING_FILES]:
        media_type = "application/json" if (method, path) in BODIES else "text/plain"
        response = project_client.request(
            method,
            studies[0].address(path),
            content=b" " * (26 * 1024 * 1024),
            headers={"Content-Type": media_type},
        )
        assert (response.status_code, problem_of(response)["code"]) == (413, "body_too_large"), path
    assert row_counts() == before


@pytest.fixture
def behind_token(tmp_path: Path) -> Iterator[TestClient]:
    token = tmp_path / "token"
    token.write_text("t" * 40)
    token.chmod(0o600)
    settings = Settings(model=HASHING_MODEL, token_file=token, database=SecretStr(f"sqlite:///{tmp_path / 'd.db'}"))
    with TestClient(create_app(settings), base_url="http://127.0.0.1:8000") as client:
        yield client


@pytest.mark.parametrize("given", [None, "Bearer " + "u" * 40, "Basic " + "t" * 40, "Bearer", "t" * 40])
def test_without_the_token_nothing_below_v1_is_done(
    behind_token: TestClient, problem_of: ProblemOf, given: str | None
) -> None:
    headers = {} if given is None else {"Authorization": given}
    texts = set()
    for method, path in OPERATIONS:
        if path.startswith("/v1"):
            address = path.replace("{codebook_id}", "upsides").replace("{", "").replace("}", "")
            response = behind_token.request(method, address, **_body(method, path, **headers))
            problem = problem_of(response)
            assert (problem["status"], problem["code"]) == (401, "token_required"), path
            texts.add(problem["detail"])
    assert len(texts) == 1


def _is_list(operation: Operation) -> bool:
    return any(each["name"] == "cursor" for each in OPERATIONS[operation].get("parameters", []))


def _body(method: str, path: str, **headers: str) -> dict[str, Any]:
    if (method, path) in BODIES:
        return {"json": BODIES[method, path], "headers": headers}
    if (method, path) in TAKING_FILES:
        return {"content": b"B1: Canary.\n", "headers": {"Content-Type": "text/plain", **headers}}
    return {"headers": headers}


def _ids(client: TestClient, address: str, **query: str) -> set[int]:
    response = client.get(address, params={"limit": 200, **query})
    return {item["id"] for item in response.json()["items"]} if response.status_code == 200 else set()
