"""What the log says of requests, and what it never says."""

import io
import json
import logging
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient

from models.errors import EncoderFailed
from service.app import create_app
from service.logging import log_to_stderr
from service.settings import HASHING_MODEL, Settings

ProblemOf = Callable[[Any], dict[str, Any]]
Lines = Callable[[], list[dict[str, Any]]]
BODY: dict[str, Any] = {"codebook": "upsides", "segments": [{"id": "canary-id", "text": "canary text"}]}


@pytest.fixture
def log_lines(monkeypatch: pytest.MonkeyPatch) -> Iterator[Lines]:
    """What has been logged since the last call, as the service writes it: one JSON object a line."""
    root, own = logging.getLogger(), logging.getLogger("service")
    before = (root.handlers[:], root.level, own.level, logging.raiseExceptions)
    root.handlers.clear()
    stderr = io.StringIO()
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stderr", stderr)
        log_to_stderr()

    def lines() -> list[dict[str, Any]]:
        output = stderr.getvalue()
        stderr.seek(stderr.truncate(0))
        assert "canary" not in output.lower()
        assert "Traceback" not in output
        assert "\x1b" not in output
        return [json.loads(line) for line in output.splitlines()]

    yield lines
    root.handlers[:] = before[0]
    root.setLevel(before[1])
    own.setLevel(before[2])
    logging.raiseExceptions = before[3]


@pytest.fixture
def failing_with() -> Iterator[Callable[[Exception], TestClient]]:
    """A service in which an error that nobody foresaw arises from each request for suggestions."""
    with TestClient(create_app(Settings(model=HASHING_MODEL)), base_url="http://127.0.0.1:8000") as client:

        def arrange(error: Exception) -> TestClient:
            def suggest_codes(*_args: object, **_further: object) -> None:
                raise error

            client.app_state["suggest_codes"] = suggest_codes
            return client

        yield arrange


def test_each_request_is_one_line_of_ids_and_numbers(client: TestClient, log_lines: Lines) -> None:
    response = client.post("/v1/suggest", json=BODY)
    (line,) = log_lines()
    assert set(line) == {"time", "level", "logger", "request_id", "route", "status", "milliseconds"}
    assert line["request_id"] == response.headers["X-Request-ID"]
    assert (line["level"], line["route"], line["status"]) == ("info", "/v1/suggest", 200)


def test_the_route_is_logged_by_its_pattern_and_nothing_where_there_is_none(
    client: TestClient, log_lines: Lines
) -> None:
    client.get("/v1/codebooks/canary")
    client.get("/v1/codebooks?cursor=canary")
    client.get("/canary?canary=canary")
    assert [(line["route"], line["status"]) for line in log_lines()] == [
        ("/v1/codebooks/{codebook_id}", 404),
        ("/v1/codebooks", 422),
        (None, 404),
    ]


LOUD = {
    "escape codes": "canary \x9b31m\u001b[31mcanary",
    "line ends": 'canary\n{"level": "error", "message": "canary"}\r\ncanary\u2028canary',
    "1 MB": "canary " * 140_000,
    "format directives": "canary %s %d %(name)s {0} {canary!r} ${canary}",
    "markup": "<script>canary</script>",
}


@pytest.mark.parametrize("loud", LOUD.values(), ids=LOUD)
def test_no_text_of_a_request_reaches_the_log_in_whatever_field_it_comes(
    client: TestClient, log_lines: Lines, loud: str
) -> None:
    code = {"id": loud, "name": loud, "description": loud}
    for changed in (
        {"segments": [{"id": loud, "text": "a"}]},
        {"segments": [{"id": "1", "text": loud}]},
        {"segments": [{"id": "1", "text": loud, "context": loud}]},
        {"codebook": loud},
        {"codebook": {"name": loud, "codes": [code, code]}},
        {"examples": [{"text": loud, "codes": [loud], "site": loud}]},
        {"model": loud},
        {"top_k": loud},
        {loud: 1},
        {loud: {loud: [loud]}},
    ):
        assert client.post("/v1/suggest", json={**BODY, **changed}).status_code < 500
    statuses = [line["status"] for line in log_lines()]
    assert len(statuses) == 10
    assert set(statuses) <= {200, 413, 422}


def test_no_text_of_a_body_that_cannot_be_read_reaches_the_log(client: TestClient, log_lines: Lines) -> None:
    for content in (b"canary", b'{"canary', b"\xff canary", b'{"canary": canary}', b"[" * 100_000 + b"canary"):
        client.post("/v1/suggest", content=content, headers={"Content-Type": "application/json"})
    assert [line["status"] for line in log_lines()] == [400] * 5


def test_no_header_and_no_address_reaches_the_log(client: TestClient, log_lines: Lines) -> None:
    client.get("/canary%1b[31m%0acanary", headers={"Host": "127.0.0.1", "User-Agent": "canary", "Cookie": "canary"})
    client.get("/", headers={"Host": "canary.example"})
    client.post("/v1/suggest", headers={"Origin": "http://canary.example"})
    client.get("/v1/codebooks", headers={"Authorization": "Bearer canary"})
    client.request("CANARY", "/")
    assert [line["status"] for line in log_lines()] == [404, 421, 403, 200, 405]


UNEXPECTED: dict[str, Exception] = {
    "a value error": ValueError("canary text"),
    "a key error": KeyError("canary text"),
    "a decoding error": UnicodeDecodeError("utf-8", b"canary", 0, 1, "canary"),
    "a lack of memory": MemoryError("canary"),
    "a recursion error": RecursionError("canary"),
    "an operating system error": FileNotFoundError(2, "canary", "/canary/canary.txt"),
    "a group": ExceptionGroup("canary", [ValueError("canary"), TypeError("canary")]),
    "a chain": RuntimeError("canary"),
}
UNEXPECTED["a chain"].__cause__ = ValueError("canary")


@pytest.mark.parametrize("error", UNEXPECTED.values(), ids=UNEXPECTED)
def test_an_error_nobody_foresaw_is_logged_by_kind_and_place_and_answered_without_either(
    failing_with: Callable[[Exception], TestClient], problem_of: ProblemOf, log_lines: Lines, error: Exception
) -> None:
    response = failing_with(error).post("/v1/suggest", json=BODY)
    problem = problem_of(response)
    assert (response.status_code, problem["code"]) == (500, "internal_error")
    error_line, request_line = log_lines()
    assert error_line["level"] == "error"
    assert f"{problem['request_id']}: {type(error).__name__} at " in error_line["message"]
    assert "test_http_log.py:" in error_line["message"]
    assert request_line["status"] == 500


def test_an_encoder_that_fails_makes_suggestions_unavailable(
    failing_with: Callable[[Exception], TestClient], problem_of: ProblemOf, log_lines: Lines
) -> None:
    response = failing_with(EncoderFailed()).post("/v1/suggest", json=BODY)
    assert (response.status_code, problem_of(response)["code"]) == (503, "encoder_failed")
    assert int(response.headers["Retry-After"]) > 0
    assert [line["level"] for line in log_lines()] == ["error", "info"]


@pytest.mark.parametrize("name", ["asyncio", "httpx", "pydantic", "services", "serviceable.part", "transformers.part"])
def test_of_what_other_libraries_log_only_that_they_did_is_kept(log_lines: Lines, name: str) -> None:
    logger = logging.getLogger(name)
    logger.warning("canary %s", "canary")
    try:
        raise ValueError("canary")
    except ValueError:
        logger.exception("canary")
    logger.info("canary")
    assert [line["level"] for line in log_lines() if line.pop("logger")] == ["warning", "error"]


def test_of_errors_in_the_web_server_only_its_own_words_are_kept(log_lines: Lines) -> None:
    try:
        raise ValueError("canary")
    except ValueError as error:
        logging.getLogger("uvicorn.error").error("Exception in ASGI application\n", exc_info=error)
    (line,) = log_lines()
    assert line["message"] == "Exception in ASGI application\n"


@pytest.mark.parametrize("name", ["service.part", "other"])
def test_a_record_that_cannot_be_formatted_is_left_out_rather_than_printed_whole(log_lines: Lines, name: str) -> None:
    logging.getLogger(name).error("canary %d", "canary")
    assert all("message" not in line for line in log_lines())
