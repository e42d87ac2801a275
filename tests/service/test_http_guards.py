"""What every request must pass: host, site, size; and what every answer carries."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient
from starlette.middleware.base import BaseHTTPMiddleware

ProblemOf = Callable[[Any], dict[str, Any]]
BODY = {"codebook": "upsides", "segments": [{"id": "canary", "text": "canary"}]}


@pytest.mark.parametrize(
    "host",
    [
        "",
        " ",
        "example.com/abc?bar=",
        "127.0.0.1:8000/x",
        "127.0.0.1:",
        "127.0.0.1:canary",
        "127.0.0.1:123456",
        "canary@127.0.0.1",
        "127.0.0.1 canary",
        "127.0.0.1,canary",
        "http://127.0.0.1",
        "[::1",
        "::1",
        "canäry",
        "a\tb",
    ],
)
def test_a_host_that_is_no_host_is_malformed(client: TestClient, problem_of: ProblemOf, host: str) -> None:
    response = client.get("/health/live", headers=[(b"Host", host.encode("latin-1"))])
    problem = problem_of(response)
    assert (response.status_code, problem["code"]) == (400, "malformed_request")


@pytest.mark.parametrize("hosts", [["127.0.0.1", "127.0.0.1"], ["127.0.0.1", "canary.example"]])
def test_a_request_names_exactly_one_host(client: TestClient, problem_of: ProblemOf, hosts: list[str]) -> None:
    response = client.get("/health/live", headers=[("Host", host) for host in hosts])
    problem = problem_of(response)
    assert (response.status_code, problem["code"]) == (400, "malformed_request")


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(
    "host",
    [
        "canary.example",
        "canary.example:8000",
        "127.0.0.2",
        "localhost.",
        "localhost.canary.example",
        "0.0.0.0:8000",
        "[::2]",
        "127.0.0.1.canary.example",
        "2130706433",
        "0x7f.1",
        "LOCALHOST.CANARY",
        "coding.example.org",
    ],
)
def test_a_host_that_is_not_ours_is_not_served(
    client: TestClient, problem_of: ProblemOf, method: str, host: str
) -> None:
    response = client.request(method, "/v1/suggest", json=BODY, headers={"Host": host})
    problem = problem_of(response)
    assert (response.status_code, problem["code"]) == (421, "host_not_served")


@pytest.mark.parametrize("host", ["localhost", "LocalHost:8000", "127.0.0.1:8000", "127.0.0.1", "[::1]:8000", "[::1]"])
def test_the_names_of_this_machine_are_served(client: TestClient, host: str) -> None:
    assert client.get("/health/live", headers={"Host": host}).status_code == 200


FOREIGN = {
    "another site's page": [("Sec-Fetch-Site", "cross-site")],
    "a sibling site's page": [("Sec-Fetch-Site", "same-site")],
    "an unknown kind of site": [("Sec-Fetch-Site", "canary")],
    "two kinds of site": [("Sec-Fetch-Site", "same-origin"), ("Sec-Fetch-Site", "cross-site")],
    "a foreign origin": [("Origin", "http://canary.example")],
    "another port": [("Origin", "http://127.0.0.1:8001")],
    "no port": [("Origin", "http://127.0.0.1")],
    "another name of this machine": [("Origin", "http://localhost:8000")],
    "a hidden origin": [("Origin", "null")],
    "an empty origin": [("Origin", "")],
    "a longer name": [("Origin", "http://127.0.0.1:8000.canary.example")],
    "another scheme": [("Origin", "chrome-extension://canary")],
    "two origins": [("Origin", "http://127.0.0.1:8000"), ("Origin", "http://canary.example")],
    "our origin, foreign page": [("Origin", "http://127.0.0.1:8000"), ("Sec-Fetch-Site", "cross-site")],
}


@pytest.mark.parametrize("headers", FOREIGN.values(), ids=FOREIGN)
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_no_page_of_another_site_can_make_a_browser_send_something(
    client: TestClient, problem_of: ProblemOf, method: str, headers: list[tuple[str, str]]
) -> None:
    response = client.request(method, "/v1/suggest", json=BODY, headers=headers)
    problem = problem_of(response)
    assert (response.status_code, problem["code"]) == (403, "cross_site_request")


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Sec-Fetch-Site": "same-origin", "Origin": "http://127.0.0.1:8000"},
        {"Sec-Fetch-Site": "none"},
        {"Origin": "https://127.0.0.1:8000"},
    ],
)
def test_our_own_pages_and_programs_may_send(client: TestClient, headers: dict[str, str]) -> None:
    assert client.post("/v1/suggest", json=BODY, headers=headers).status_code == 200


def test_no_other_site_may_read_an_answer(client: TestClient) -> None:
    response = client.get("/v1/codebooks", headers={"Origin": "http://canary.example"})
    assert not [name for name in response.headers if name.startswith("access-control-")]
    assert response.headers["Cross-Origin-Resource-Policy"] == "same-origin"


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Forwarded-Host": "canary.example"},
        {"X-Forwarded-For": "10.0.0.1"},
        {"X-Forwarded-Proto": "https"},
        {"Forwarded": "host=canary.example;proto=https"},
        {"X-Original-URL": "/health/ready"},
        {"X-Rewrite-URL": "/health/ready"},
        {"X-HTTP-Method-Override": "DELETE"},
    ],
)
def test_what_a_stranger_says_in_the_name_of_a_proxy_changes_nothing(
    client: TestClient, headers: dict[str, str]
) -> None:
    plain, forwarded = client.get("/health/live"), client.get("/health/live", headers=headers)
    assert forwarded.status_code == 200
    assert forwarded.content == plain.content
    assert forwarded.headers.keys() == plain.headers.keys()
    assert client.get("/health/live", headers={**headers, "Host": "canary.example"}).status_code == 421


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/health/live", {"X-Canary": "c" * 64_000}),
        ("/health/live", {f"X-Canary-{number}": "canary" for number in range(2_000)}),
        ("/health/live?" + "&".join(["c=1"] * 10_000), {}),
        ("/" + "canary/" * 3_000, {}),
        ("/health/live", {"Cookie": "canary=" + "c" * 20_000}),
        ("/v1/codebooks", {"Authorization": "Bearer " + "c" * 1_000_000}),
    ],
    ids=["a long header", "many headers", "10,000 query parameters", "a long address", "a long cookie", "a 1 MB token"],
)
def test_an_address_and_headers_of_more_than_16_kb_are_refused(
    client: TestClient, problem_of: ProblemOf, path: str, headers: dict[str, str]
) -> None:
    response = client.get(path, headers=headers)
    problem = problem_of(response)
    assert (response.status_code, problem["code"]) == (431, "headers_too_large")


@pytest.mark.parametrize(
    "name", ["X-Request-ID", "X-Correlation-ID", "Accept", "Accept-Language", "User-Agent", "Referer", "Traceparent"]
)
def test_no_header_of_a_request_comes_back(client: TestClient, name: str) -> None:
    for path in ("/health/live", "/nothing", "/v1/codebooks"):
        response = client.get(path, headers={name: "canary"})
        assert "canary" not in repr(response.headers.items()) + response.text


def test_each_answer_has_a_request_id_of_its_own(client: TestClient) -> None:
    ids = {client.get("/health/live").headers["X-Request-ID"] for _ in range(20)}
    assert len(ids) == 20
    assert all(len(request_id) == 32 for request_id in ids)


EVERY_KIND: dict[str, tuple[str, str, dict[str, Any]]] = {
    "a page": ("GET", "/", {}),
    "the problems": ("GET", "/problems", {}),
    "a script": ("GET", "/assets/swagger-ui-bundle.js", {}),
    "an answer": ("POST", "/v1/suggest", {"json": BODY}),
    "a list": ("GET", "/v1/codebooks", {}),
    "the description": ("GET", "/v1/openapi.json", {}),
    "health": ("GET", "/health/ready", {}),
    "no body": ("HEAD", "/health/live", {}),
    "malformed": ("POST", "/v1/suggest", {"content": b"{", "headers": {"Content-Type": "application/json"}}),
    "not valid": ("POST", "/v1/suggest", {"json": {}}),
    "not found": ("GET", "/canary", {}),
    "wrong method": ("DELETE", "/", {}),
    "wrong media type": ("POST", "/v1/suggest", {"content": b"{}"}),
    "too large": ("POST", "/v1/suggest", {"content": b"c" * 2_097_153}),
    "wrong host": ("GET", "/", {"headers": {"Host": "canary.example"}}),
    "no host": ("GET", "/", {"headers": {"Host": "?"}}),
    "cross-site": ("POST", "/v1/suggest", {"headers": {"Origin": "null"}}),
    "long headers": ("GET", "/", {"headers": {"X-Canary": "c" * 20_000}}),
}


@pytest.mark.parametrize(("method", "path", "request_"), EVERY_KIND.values(), ids=EVERY_KIND)
def test_every_answer_carries_the_headers_that_protect_the_browser(
    client: TestClient, guarded: Callable[[Any], None], method: str, path: str, request_: dict[str, Any]
) -> None:
    guarded(client.request(method, path, **request_))


def test_the_api_page_relaxes_styles_and_pictures_only(client: TestClient) -> None:
    response = client.get("/docs")
    policy = dict(part.split(" ", 1) for part in response.headers["Content-Security-Policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["connect-src"] == "'self'"
    assert policy["frame-ancestors"] == policy["base-uri"] == policy["form-action"] == "'none'"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Cache-Control"] == "no-store"


def test_no_middleware_keeps_an_answer_back_to_rebuild_it(client: TestClient) -> None:
    app: Any = client.app
    assert app.user_middleware
    assert not [each for each in app.user_middleware if issubclass(each.cls, BaseHTTPMiddleware)]


DECLARED = ["2097153", "9" * 18, "9" * 19, "9" * 20, "9" * 400, "0" * 30 + "1"]


@pytest.mark.parametrize("path", ["/v1/suggest", "/canary", "/", "/health/live"])
@pytest.mark.parametrize("length", DECLARED)
def test_a_body_that_is_declared_too_large_is_refused_unread_wherever_it_goes(
    client: TestClient, problem_of: ProblemOf, path: str, length: str
) -> None:
    response = client.post(path, content=b"canary", headers={"Content-Length": length})
    problem = problem_of(response)
    assert (response.status_code, problem["code"]) == (413, "body_too_large")
    assert response.headers["Connection"] == "close"


@pytest.mark.parametrize("length", ["-1", "+1", "canary", "1_0", "0x10", "1.0", "\u00b2", ""])
def test_a_declared_length_that_is_no_number_is_malformed(
    client: TestClient, problem_of: ProblemOf, length: str
) -> None:
    response = client.post("/v1/suggest", content=b"{}", headers=[(b"Content-Length", length.encode("latin-1"))])
    problem = problem_of(response)
    assert (response.status_code, problem["code"]) == (400, "malformed_request")


@pytest.mark.parametrize("declared", [True, False])
def test_a_body_is_counted_as_it_arrives(client: TestClient, problem_of: ProblemOf, declared: bool) -> None:
    def parts() -> Iterator[bytes]:
        for _ in range(40):
            yield b"canary" * 10_000

    headers = {"Content-Type": "application/json"} | ({"Content-Length": "10"} if declared else {})
    response = client.post("/v1/suggest", content=parts(), headers=headers)
    problem = problem_of(response)
    assert (response.status_code, problem["code"]) == (413, "body_too_large")
    assert response.headers["Connection"] == "close"


@pytest.mark.parametrize("size", [2_097_152, 2_097_153])
def test_a_body_may_be_as_large_as_the_limit_and_no_larger(client: TestClient, size: int) -> None:
    start, end = b'{"codebook": "upsides", "segments": [{"id": "1", "text": "a"}]', b"}"
    content = start + b" " * (size - len(start) - len(end)) + end
    response = client.post("/v1/suggest", content=content, headers={"Content-Type": "application/json"})
    assert response.status_code == (200 if size == 2_097_152 else 413)
