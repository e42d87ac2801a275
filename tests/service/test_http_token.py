"""The token that a service may ask for, and the further names by which it may be reached."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from service.app import create_app
from service.settings import HASHING_MODEL, Settings

ProblemOf = Callable[[Any], dict[str, Any]]
TOKEN = "canary-0123456789-0123456789-0123456789"


@pytest.fixture
def token_client(tmp_path: Path) -> Iterator[TestClient]:
    """A service that asks for a token, reached by a further name of its own."""
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    settings = Settings(model=HASHING_MODEL, token_file=tmp_path / "token", hosts=["Coding.example.org"])
    with TestClient(create_app(settings), base_url="http://127.0.0.1:8000") as client:
        yield client


PROTECTED = ["/v1/codebooks", "/v1/codebooks/upsides", "/v1/suggest", "/v1", "/v1/", "/v1/canary", "/v1%2fcodebooks"]
OPEN = ["/", "/docs", "/problems", "/assets/page.css", "/health/live", "/health/ready", "/v1/openapi.json"]
WRONG = {
    "no token": [],
    "an empty token": ["Bearer "],
    "no scheme": [TOKEN],
    "another scheme": [f"Basic {TOKEN}"],
    "another token": ["Bearer " + "c" * len(TOKEN)],
    "its beginning": [f"Bearer {TOKEN[:-1]}"],
    "a longer one": [f"Bearer {TOKEN}x"],
    "other capitals": [f"Bearer {TOKEN.upper()}"],
    "within other words": [f"Bearer canary {TOKEN}"],
    "letters beyond ASCII": ["Bearer c\u00e4nary"],
    "as much as fits": ["Bearer " + "c" * 15_000],
    "twice": [f"Bearer {TOKEN}", f"Bearer {TOKEN}"],
    "right after wrong": ["Bearer canary", f"Bearer {TOKEN}"],
}


@pytest.mark.parametrize("path", PROTECTED)
def test_everything_under_v1_needs_the_token_and_all_wrong_ones_are_told_the_same(
    token_client: TestClient, problem_of: ProblemOf, path: str
) -> None:
    details = set()
    for values in WRONG.values():
        headers = [(b"Authorization", value.encode("latin-1")) for value in values]
        response = token_client.get(path, headers=headers)
        problem = problem_of(response)
        assert (response.status_code, problem["code"]) == (401, "token_required")
        assert response.headers["WWW-Authenticate"] == "Bearer"
        details.add(problem["detail"])
    assert len(details) == 1


@pytest.mark.parametrize("path", OPEN)
def test_pages_health_and_description_need_no_token(token_client: TestClient, path: str) -> None:
    assert token_client.get(path).status_code in (200, 503)


@pytest.mark.parametrize("value", [f"Bearer {TOKEN}", f"bearer {TOKEN}", f"Bearer  {TOKEN} "])
def test_with_the_token_requests_are_answered(token_client: TestClient, value: str) -> None:
    assert token_client.get("/v1/codebooks", headers={"Authorization": value}).status_code == 200


def test_a_token_in_the_address_or_a_cookie_does_not_count(token_client: TestClient) -> None:
    assert token_client.get(f"/v1/codebooks?token={TOKEN}").status_code == 401
    assert token_client.get("/v1/codebooks", headers={"Cookie": f"token={TOKEN}"}).status_code == 401


def test_without_the_token_a_large_body_is_not_even_measured(token_client: TestClient) -> None:
    assert token_client.post("/v1/suggest", content=b"c" * 3_000_000).status_code == 401


def test_the_token_is_asked_for_before_anything_is_said_about_an_address(token_client: TestClient) -> None:
    assert {token_client.request(method, "/v1/canary").status_code for method in ("GET", "POST", "OPTIONS")} == {401}


def test_a_token_of_1_mb_is_refused_like_any_header_of_that_size(
    token_client: TestClient, problem_of: ProblemOf
) -> None:
    response = token_client.get("/v1/codebooks", headers={"Authorization": "Bearer " + "c" * 1_000_000})
    assert (response.status_code, problem_of(response)["code"]) == (431, "headers_too_large")


def test_configured_names_are_served(token_client: TestClient) -> None:
    assert token_client.get("/health/live", headers={"Host": "coding.EXAMPLE.org:443"}).status_code == 200
