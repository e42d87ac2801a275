"""Whatever is posted: never an error of ours, and always an answer in one of our two shapes."""

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service.api.schemas.suggest import SuggestOut

ProblemOf = Callable[[Any], dict[str, Any]]

# The client and the check keep nothing from one example to the next.
each_with_the_same_service = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)

FIELDS = ["id", "text", "context", "name", "codes", "parent", "description", "glossary", "version", "active"]
FIELDS += ["segments", "codebook", "examples", "top_k", "min_score", "model", "site", "paragraph", "document"]
# Half surrogate pairs and control characters too: JSON can hold them as escapes.
characters = st.characters(exclude_categories=())
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(-(2**70), 2**70),
    st.floats(),
    st.text(characters, max_size=20),
    st.sampled_from(["upsides", "hashing", "nan", "equal-partners", "hope", "1", ""]),
)
names = st.one_of(st.sampled_from(FIELDS), st.text(characters, max_size=8))
documents = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=5), max_leaves=20
)


def often(usual: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Mostly what belongs here, now and then anything."""
    return st.one_of(usual, usual, usual, documents)


words = st.one_of(st.text(min_size=1, max_size=30), st.sampled_from(["They give hope.", "...", "hope"]))
segments = st.fixed_dictionaries({"id": often(words), "text": often(words)}, optional={"context": often(words)})
codes = st.fixed_dictionaries(
    {"id": often(st.sampled_from("abc")), "name": often(words)},
    optional={"parent": often(st.sampled_from("abc")), "description": often(words), "active": often(st.booleans())},
)
codebooks = st.one_of(
    st.just("upsides"),
    st.fixed_dictionaries(
        {"name": often(words), "codes": often(st.lists(codes, min_size=1, max_size=4))},
        optional={"glossary": often(st.dictionaries(words, words, max_size=3)), "id": often(words)},
    ),
)
examples = st.fixed_dictionaries(
    {"text": often(words), "codes": often(st.lists(st.sampled_from("abc"), max_size=3))},
    optional={"site": often(words), "paragraph": often(st.integers()), "id": often(words)},
)
requests = st.fixed_dictionaries(
    {"segments": often(st.lists(segments, min_size=1, max_size=3)), "codebook": often(codebooks)},
    optional={
        "examples": often(st.lists(examples, max_size=4)),
        "top_k": often(st.integers(0, 5)),
        "min_score": often(st.floats(0, 1)),
        "model": st.none() | st.just("hashing") | st.text(max_size=5),
    },
)


def check(client: TestClient, problem_of: ProblemOf, content: bytes) -> None:
    response = client.post("/v1/suggest", content=content, headers={"Content-Type": "application/json"})
    if response.status_code == 200:
        SuggestOut.model_validate(response.json(), strict=True, extra="forbid")
    else:
        assert response.status_code in (400, 413, 415, 422), response.text
        problem_of(response)


@each_with_the_same_service
@given(document=requests)
def test_requests_that_are_nearly_right(client: TestClient, problem_of: ProblemOf, document: object) -> None:
    check(client, problem_of, json.dumps(document).encode())


@each_with_the_same_service
@given(document=documents)
def test_any_json(client: TestClient, problem_of: ProblemOf, document: object) -> None:
    check(client, problem_of, json.dumps(document).encode())


@each_with_the_same_service
@given(content=st.binary(max_size=200))
def test_any_bytes(client: TestClient, problem_of: ProblemOf, content: bytes) -> None:
    check(client, problem_of, content)


@each_with_the_same_service
@given(start=st.integers(0, 60), cut=st.integers(0, 10), put=st.binary(max_size=10))
def test_a_good_request_with_some_bytes_changed(
    client: TestClient, problem_of: ProblemOf, start: int, cut: int, put: bytes
) -> None:
    good = b'{"codebook": "upsides", "segments": [{"id": "1", "text": "hope"}]}'
    content = good[:start] + put + good[start + cut :]
    check(client, problem_of, content)


@each_with_the_same_service
@given(
    path=st.text(min_size=1, max_size=20), query=st.text(max_size=20), method=st.sampled_from(["GET", "POST", "DELETE"])
)
def test_any_address(client: TestClient, problem_of: ProblemOf, path: str, query: str, method: str) -> None:
    response = client.request(method, f"/v1/codebooks/{quote(path, safe='')}", params={query: path})
    assert response.status_code in (200, 404, 405, 422)
    if response.status_code != 200:
        problem_of(response)
