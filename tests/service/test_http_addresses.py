"""Addresses, methods, ids and query parameters as strangers write them."""

from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient

ProblemOf = Callable[[Any], dict[str, Any]]
Suggest = Callable[..., Any]


def get(client: TestClient, target: str) -> Any:
    """The answer to this target, with its escapes as they are."""
    url = client.base_url.copy_with(raw_path=target.encode("ascii"))
    return client.get(url, follow_redirects=False)


@pytest.mark.parametrize(
    "target",
    [
        "/canary",
        "/v1",
        "/v1/",
        "/v1/suggest/",
        "/V1/suggest",
        "/v1/codebooks/",
        "/v1/codebooks/upsides/",
        "/v1/codebooks/upsides/canary",
        "//v1/codebooks",
        "/v1//codebooks",
        "/health/live/",
        "/health/live.",
        "/health/live..",
        "/health/live%20",
        "/health/live%00",
        "/health/live%0a",
        "/health/live%0d%0aSet-Cookie:canary",
        "/health/live;canary",
        "/health/%2e%2e/health/live",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/..%5c..%5cwindows",
        "/assets/",
        "/assets/canary.js",
        "/assets/../app.py",
        "/assets/..%2f..%2fapp.py",
        "/assets/%2e%2e%2fpages.py",
        "/assets/page.css%00.js",
        "/assets//etc/passwd",
        "/assets/page.css%0a",
        "/docs/oauth2-redirect",
        "/redoc",
        "/openapi.json",
        "/v1/openapi.json/",
        "/%ff%fe",
        "/%u0041",
        "/%",
    ],
)
def test_an_address_that_is_not_there_is_not_found(client: TestClient, problem_of: ProblemOf, target: str) -> None:
    response = get(client, target)
    problem = problem_of(response)
    assert (response.status_code, problem["code"]) == (404, "not_found")


@pytest.mark.parametrize(
    "codebook_id",
    [
        "0",
        "-1",
        "9223372036854775808",
        "1" + "0" * 40,
        "1_000",
        "%201",
        "1%20",
        "true",
        "1.0",
        "%D9%A3",
        "%00",
        "%0a",
        "upsides%00",
        "upsides%0a",
        "UPSIDES",
        "%20upsides",
        "upsides%E2%80%8B",
        "%EF%BB%BFupsides",
        "null",
        "canary",
    ],
)
def test_an_id_that_nothing_has_is_not_found(client: TestClient, problem_of: ProblemOf, codebook_id: str) -> None:
    response = get(client, f"/v1/codebooks/{codebook_id}")
    assert (response.status_code, problem_of(response)["code"]) == (404, "not_found")


@pytest.mark.parametrize(
    "segment_id", [0, -1, 2**63, 10**40, True, 1.0, 1.5, None, [], ["canary"], {}, {"canary": 1}, "", "c" * 201, ...]
)
def test_a_segment_without_a_text_of_usual_length_as_its_id_is_refused(
    suggest: Suggest, problem_of: ProblemOf, segment_id: Any
) -> None:
    segment = {"text": "canary"} if segment_id is ... else {"id": segment_id, "text": "canary"}
    response = suggest(segments=[{"id": "1", "text": "a"}, segment])
    problem = problem_of(response)
    assert (response.status_code, problem["code"], problem["place"]) == (422, "invalid_id", "segments[1].id")


@pytest.mark.parametrize(
    "segment_id", ["0", "-1", "1_000", " 1", "\u0663", "true", "c" * 200, "../x", "a/b", "1;DROP TABLE"]
)
def test_any_text_can_be_the_id_of_a_segment_and_comes_back_unchanged(suggest: Suggest, segment_id: str) -> None:
    response = suggest(segments=[{"id": segment_id, "text": "a"}])
    assert response.status_code == 200
    assert response.json()["results"][0]["id"] == segment_id


def test_the_same_id_may_stand_several_times(suggest: Suggest) -> None:
    response = suggest(segments=[{"id": "1", "text": "a"}, {"id": "1", "text": "b"}])
    assert [result["id"] for result in response.json()["results"]] == ["1", "1"]


PATHS = ["/", "/docs", "/problems", "/assets/page.css", "/health/live", "/health/ready", "/v1/codebooks"]
PATHS += ["/v1/codebooks/upsides", "/v1/openapi.json"]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CANARY", "get"])
def test_a_method_that_an_address_does_not_take_is_refused_with_those_that_it_takes(
    client: TestClient, problem_of: ProblemOf, method: str, path: str
) -> None:
    # Set afterwards, because the client would turn "get" into "GET".
    request = client.build_request(method, path)
    request.method = method
    response = client.send(request)
    problem = problem_of(response)
    assert (response.status_code, problem["code"]) == (405, "method_not_allowed")
    assert response.headers["Allow"] == "GET, HEAD"


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "CANARY"])
def test_suggestions_are_asked_for_by_post_alone(client: TestClient, method: str) -> None:
    response = client.request(method, "/v1/suggest")
    assert response.status_code == 405
    assert response.headers["Allow"] == "POST"


@pytest.mark.parametrize("path", PATHS)
def test_head_gives_the_headers_of_get_and_no_body(client: TestClient, path: str) -> None:
    varying = "x-request-id"
    head, get = client.head(path), client.get(path)
    assert head.status_code == get.status_code == 200
    assert not head.content
    assert {**head.headers, varying: ""} == {**get.headers, varying: ""}
    assert int(head.headers["Content-Length"]) == len(get.content)


@pytest.mark.parametrize(
    ("query", "code", "place"),
    [
        *[
            (f"limit={limit}", "field_not_valid", "limit")
            for limit in (
                "1000000000",
                "0",
                "-1",
                "201",
                "1_0",
                "%201",
                "1%20",
                "%2B1",
                "1.0",
                "1e1",
                "0x1",
                "",
                "canary",
            )
        ],
        *[(f"limit={limit}", "field_not_valid", "limit") for limit in ("%D9%A3", "1%0a", "9" * 400, "true", "1;2")],
        ("limit=nan", "number_not_finite", "limit"),
        ("limit=-Infinity", "number_not_finite", "limit"),
        ("limit", "field_not_valid", "limit"),
        ("limit=1&limit=1", "unknown_or_repeated_field", "limit"),
        ("limit=1&limit=2", "unknown_or_repeated_field", "limit"),
        ("offset=0", "unknown_or_repeated_field", "offset"),
        ("sort=canary", "unknown_or_repeated_field", "sort"),
        ("filter=canary", "unknown_or_repeated_field", "filter"),
        ("filter[name]=canary", "unknown_or_repeated_field", "<unprintable name>"),
        ("name__startswith=c", "unknown_or_repeated_field", "name__startswith"),
        ("'%20OR%201=1", "unknown_or_repeated_field", "<unprintable name>"),
        ("canary's%20words=1", "unknown_or_repeated_field", "<unprintable name>"),
        ("=1", "unknown_or_repeated_field", "<unprintable name>"),
        ("cursor=canary", "field_not_valid", "cursor"),
        ("cursor=", "field_not_valid", "cursor"),
        ("cursor=" + "c" * 201, "field_not_valid", "cursor"),
        ("cursor=%00", "field_not_valid", "cursor"),
        ("cursor='%20OR%201=1--", "field_not_valid", "cursor"),
    ],
)
def test_a_query_that_a_list_does_not_take_is_refused(
    client: TestClient, problem_of: ProblemOf, query: str, code: str, place: str
) -> None:
    response = get(client, f"/v1/codebooks?{query}")
    problem = problem_of(response)
    assert (response.status_code, problem["code"], problem["place"]) == (422, code, place)


@pytest.mark.parametrize("path", ["/v1/codebooks/upsides", "/health/live", "/health/ready"])
def test_a_query_is_refused_where_none_is_taken(client: TestClient, problem_of: ProblemOf, path: str) -> None:
    response = client.get(f"{path}?verbose=1")
    assert (response.status_code, problem_of(response)["code"]) == (422, "unknown_or_repeated_field")


@pytest.mark.parametrize("limit", ["1", "200", "007"])
def test_a_list_gives_at_most_as_many_entries_as_asked_for(client: TestClient, limit: str) -> None:
    page = client.get(f"/v1/codebooks?limit={limit}").json()
    assert [item["id"] for item in page["items"]] == ["upsides"]
    assert page["next_cursor"] is None


def test_after_the_last_entry_a_list_is_empty(client: TestClient) -> None:
    assert client.get("/v1/codebooks?cursor=upsides").json() == {"items": [], "next_cursor": None}
