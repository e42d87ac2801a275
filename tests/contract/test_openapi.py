"""The description of the API: committed, current, complete, and true of what is answered."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from pydantic import BaseModel

from models import errors as model_errors
from service import errors
from service.api.schemas.codebooks import CodebookOut, CodebookPage
from service.api.schemas.health import Live, Ready
from service.api.schemas.problem import Problem
from service.api.schemas.suggest import SuggestOut
from service.write_openapi import openapi_text

ROOT = Path(__file__).parent.parent.parent
METHODS = {"get", "put", "post", "delete", "options", "head", "patch", "trace"}
BODY: dict[str, Any] = {"codebook": "upsides", "segments": [{"id": "1", "text": "They give hope."}]}


@pytest.fixture(scope="module")
def description() -> Any:
    from service.app import create_app
    from service.settings import Settings

    return create_app(Settings()).openapi()


def operations(description: Any) -> Iterator[tuple[str, str, Any]]:
    for path, item in description["paths"].items():
        for method in METHODS & item.keys():
            yield method, path, item[method]


def test_the_committed_description_is_current() -> None:
    committed = ROOT / "openapi.json"
    assert committed.exists(), RENEW
    assert committed.read_text(encoding="utf-8") == openapi_text(), RENEW


RENEW = "openapi.json is not current; renew it with: python -m service.write_openapi > openapi.json"


def test_the_served_description_is_the_committed_one(client: TestClient, description: Any) -> None:
    assert client.get("/v1/openapi.json").json() == description


def test_every_operation_says_what_it_does(description: Any) -> None:
    found = list(operations(description))
    assert len(found) >= 5
    for method, path, operation in found:
        assert operation["summary"], (method, path)
        assert operation["description"], (method, path)
        assert operation["tags"], (method, path)
    ids = [operation["operationId"] for _, _, operation in found]
    assert len(set(ids)) == len(ids)


def test_every_operation_describes_its_answers_and_its_problems(description: Any) -> None:
    for method, path, operation in operations(description):
        responses = operation["responses"]
        done = responses[min(responses)]
        assert all(answer["schema"] for answer in done["content"].values()), (method, path)
        for status in ("4XX", "5XX"):
            content = responses[status]["content"]
            assert list(content) == ["application/problem+json"], (method, path)
            assert content["application/problem+json"]["schema"] == {"$ref": "#/components/schemas/Problem"}


def test_every_reference_leads_somewhere_and_every_schema_is_used(description: Any) -> None:
    names = set(re.findall(r"#/components/schemas/(\w+)", str(description["paths"]) + str(description["components"])))
    assert names == set(description["components"]["schemas"])


def test_every_field_of_a_request_says_what_it_is(description: Any) -> None:
    bodies = [name for name in description["components"]["schemas"] if re.search(r"In(-Input)?$", name)]
    assert len(bodies) >= 6
    for name in bodies:
        fields = description["components"]["schemas"][name]["properties"]
        silent = [field for field, schema in fields.items() if not schema.get("description")]
        assert silent == [], name


def test_every_parameter_of_a_query_says_what_it_is(description: Any) -> None:
    for method, path, operation in operations(description):
        for parameter in operation.get("parameters", []):
            assert parameter["in"] == "path" or parameter["description"], (method, path, parameter["name"])


ANSWERS: dict[str, tuple[str, str, Any, type[BaseModel]]] = {
    "live": ("GET", "/health/live", None, Live),
    "ready": ("GET", "/health/ready", None, Ready),
    "codebooks": ("GET", "/v1/codebooks", None, CodebookPage),
    "the first codebook": ("GET", "/v1/codebooks?limit=1", None, CodebookPage),
    "after the last codebook": ("GET", "/v1/codebooks?cursor=upsides", None, CodebookPage),
    "suggestions": ("POST", "/v1/suggest", BODY, SuggestOut),
    "every leaf": ("POST", "/v1/suggest", {**BODY, "top_k": 0, "min_score": 0}, SuggestOut),
    "none": ("POST", "/v1/suggest", {**BODY, "min_score": 1}, SuggestOut),
    "nothing to judge": ("POST", "/v1/suggest", {**BODY, "segments": [{"id": "1", "text": "..."}]}, SuggestOut),
    "with examples": (
        "POST",
        "/v1/suggest",
        {
            **BODY,
            "examples": [
                {"text": f"Hope {n}", "codes": ["equal-partners"], **({"site": "BU", "paragraph": n} if n % 2 else {})}
                for n in range(30)
            ],
        },
        SuggestOut,
    ),
    "another codebook": (
        "POST",
        "/v1/suggest",
        {**BODY, "codebook": {"codes": [{"id": "a", "name": "Hope"}]}, "min_score": 0},
        SuggestOut,
    ),
    "a codebook with nothing active": (
        "POST",
        "/v1/suggest",
        {**BODY, "codebook": {"codes": [{"id": "a", "name": "Hope", "active": False}]}, "min_score": 0},
        SuggestOut,
    ),
}


@pytest.mark.parametrize(("method", "path", "body", "schema"), ANSWERS.values(), ids=ANSWERS)
def test_an_answer_is_what_its_schema_says_and_nothing_more(
    client: TestClient, method: str, path: str, body: Any, schema: type[BaseModel]
) -> None:
    response = client.request(method, path, json=body)
    assert response.status_code == 200, response.text
    assert response.headers["Content-Type"] == "application/json"
    schema.model_validate(response.json(), strict=True, extra="forbid")


def test_a_codebook_is_what_its_schema_says(client: TestClient) -> None:
    CodebookOut.model_validate(client.get("/v1/codebooks/upsides").json(), strict=True)


def test_a_problem_is_what_its_schema_says(client: TestClient) -> None:
    for response in (client.get("/nothing"), client.post("/v1/suggest", json={**BODY, "top_k": -1})):
        Problem.model_validate(response.json(), strict=True, extra="forbid")


def codes_of(root: type[Exception]) -> Iterator[str]:
    for child in root.__subclasses__():
        if "code" in vars(child):
            yield str(vars(child)["code"])
        yield from codes_of(child)


def test_every_error_code_is_explained(client: TestClient) -> None:
    page = client.get("/problems").text
    never_answered = {errors.CannotStart.code, model_errors.AdaptationCancelled.code}
    codes = {*codes_of(errors.ServiceError), *codes_of(model_errors.ModelsError)} - never_answered
    assert len(codes) > 25
    unexplained = [code for code in sorted(codes) if f'<tr id="{code}">' not in page]
    assert unexplained == []


def test_the_tree_in_the_docstring_is_the_tree_of_the_classes() -> None:
    for module, root in ((errors, errors.ServiceError), (model_errors, model_errors.ModelsError)):
        drawn = set(re.findall(r"[├└]── (\w+)", module.__doc__ or ""))
        assert drawn == {each.__name__ for each in subclasses(root) if each.__module__ == module.__name__}
        for code in {*codes_of(root)} - {errors.CannotStart.code}:
            assert re.search(rf"\b{code}\b", module.__doc__ or ""), code


def subclasses(root: type[Exception]) -> Iterator[type[Exception]]:
    for child in root.__subclasses__():
        yield child
        yield from subclasses(child)


@pytest.fixture
def check_problem() -> Callable[[Any, int, str], None]:
    def check(response: Any, status: int, code: str) -> None:
        assert response.headers["Content-Type"] == "application/problem+json", response.text
        assert (response.status_code, response.json()["code"]) == (status, code)
        Problem.model_validate(response.json(), strict=True, extra="forbid")

    return check


def test_every_address_answers_every_other_method_in_the_one_shape_of_errors(
    client: TestClient, description: Any, check_problem: Callable[[Any, int, str], None]
) -> None:
    asked = 0
    for path, item in description["paths"].items():
        filled = re.sub(r"{\w+}", "upsides", path)
        taken = {method.upper() for method in METHODS & item.keys()} | ({"HEAD"} if "get" in item else set())
        for method in {*(method.upper() for method in METHODS), "CANARY"} - taken:
            response = client.request(method, filled)
            if method != "HEAD":
                check_problem(response, 405, "method_not_allowed")
            assert set(response.headers["Allow"].split(", ")) == taken
            asked += 1
    assert asked >= 30


def test_every_address_refuses_what_it_does_not_know_in_the_one_shape_of_errors(
    client: TestClient, description: Any, check_problem: Callable[[Any, int, str], None]
) -> None:
    for method, path, operation in operations(description):
        filled = re.sub(r"{\w+}", "upsides", path)
        body: dict[str, Any] = {"json": BODY} if "requestBody" in operation else {}
        check_problem(client.request(method, f"{filled}?canary=1", **body), 422, "unknown_or_repeated_field")
        check_problem(client.request(method, f"{filled}/", **body), 404, "not_found")
        check_problem(client.request(method, f"{filled}/no/such/place/canary", **body), 404, "not_found")
        check_problem(client.request(method, filled, headers={"Host": "canary.example"}), 421, "host_not_served")
        if "{" in path and not body:
            absent = re.sub(r"{\w+}", "999999", path)
            check_problem(client.request(method, absent), 404, "not_found")
        if "{project_id}" in path and not body:
            check_problem(client.request(method, filled), 422, "invalid_id")
        if body:
            check_problem(client.request(method, filled), 415, "media_type_not_supported")
            empty = client.request(method, filled, headers={"Content-Type": "application/json"})
            assert empty.json()["code"] in ("malformed_json", "media_type_not_supported")
