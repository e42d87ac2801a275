"""Bodies that are no JSON, or JSON that other programs would read differently."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient

ProblemOf = Callable[[Any], dict[str, Any]]
SEGMENT = '{"id": "canary-1", "text": "canary text"}'


def body(segment: str = SEGMENT, further: str = "") -> bytes:
    return f'{{"codebook": "upsides", "segments": [{segment}]{further}}}'.encode()


def post(client: TestClient, content: bytes, **headers: str) -> Any:
    return client.post("/v1/suggest", content=content, headers={"Content-Type": "application/json", **headers})


MALFORMED = {
    "empty": b"",
    "white space": b" \n ",
    "truncated": body()[:-1],
    "no quotes": b"{canary: 1}",
    "single quotes": b"{'canary': 1}",
    "a comma too many": b'{"canary": 1,}',
    "two documents": b"{} {}",
    "a comment": b'{} // canary"',
    "a raw line end in a text": body('{"id": "1", "text": "canary\ncanary"}'),
    "a raw NUL in a text": body('{"id": "1", "text": "canary\0"}'),
    "an unknown escape": body(r'{"id": "1", "text": "canary \x41"}'),
    "UTF-16": body().decode().encode("utf-16"),
    "UTF-16 without a mark": body().decode().encode("utf-16-le"),
    "UTF-32": body().decode().encode("utf-32"),
    "a byte order mark": b"\xef\xbb\xbf" + body(),
    "Latin-1": body('{"id": "1", "text": "canary \u00fc"}').decode().encode("latin-1"),
    "an overlong encoding": body().replace(b"text", b"te\xc0\xaft", 1),
    "a surrogate as bytes": body().replace(b"text", b"\xed\xa0\x80", 1),
    "lists nested 100,000 deep": b"[" * 100_000 + b"]" * 100_000,
    "objects nested 100,000 deep": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "lists never closed": b"[" * 1_000_000,
    "one level too deep": body(further=', "examples": [{"canary": ' + "[" * 62 + "]" * 62 + "}]"),
    "an integer of 5,000 digits": body(further=', "top_k": ' + "9" * 5_000),
    "a form": b"segments=canary",
}


@pytest.mark.parametrize("content", MALFORMED.values(), ids=MALFORMED)
def test_a_body_that_is_no_plain_json_is_malformed(client: TestClient, problem_of: ProblemOf, content: bytes) -> None:
    response = post(client, content)
    problem = problem_of(response)
    assert (response.status_code, problem["code"]) == (400, "malformed_json")


def test_nesting_up_to_the_limit_is_read(client: TestClient) -> None:
    # The body, the examples, the example, and 61 lists.
    example = '{"text": "a", "codes": [], "further": ' + "[" * 61 + "]" * 61 + "}"
    assert post(client, body(further=f', "examples": [{example}]')).status_code == 200


MEDIA_TYPES = {
    "none": [],
    "text": ["text/plain"],
    "a form": ["application/x-www-form-urlencoded"],
    "a file": ["multipart/form-data; boundary=canary"],
    "anything": ["*/*"],
    "json of another kind": ["application/problem+json"],
    "UTF-7": ["application/json; charset=utf-7"],
    "UTF-16": ["application/json; charset=utf-16"],
    "Latin-1": ["application/json; charset=iso-8859-1"],
    "another parameter": ["application/json; canary=1"],
    "two parameters": ["application/json; charset=utf-8; canary=1"],
    "two in one line": ["application/json, text/plain"],
    "the same in one line": ["application/json, application/json"],
    "two lines": ["application/json", "text/plain"],
    "the same in two lines": ["application/json", "application/json"],
}


@pytest.mark.parametrize("values", MEDIA_TYPES.values(), ids=MEDIA_TYPES)
def test_any_other_media_type_is_refused(client: TestClient, problem_of: ProblemOf, values: list[str]) -> None:
    response = client.post("/v1/suggest", content=body(), headers=[("Content-Type", value) for value in values])
    problem = problem_of(response)
    assert (response.status_code, problem["code"]) == (415, "media_type_not_supported")


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "identity, gzip", "canary"])
def test_a_compressed_body_is_refused(client: TestClient, problem_of: ProblemOf, coding: str) -> None:
    response = post(client, body(), **{"Content-Encoding": coding})
    problem = problem_of(response)
    assert (response.status_code, problem["code"]) == (415, "media_type_not_supported")


@pytest.mark.parametrize(
    "value",
    [
        "application/json",
        "application/json; charset=utf-8",
        'Application/JSON;charset="UTF-8"',
        "application/json ; charset=utf8",
        "application/json;",
    ],
)
def test_json_in_utf8_is_read_however_its_media_type_is_spelt(client: TestClient, value: str) -> None:
    assert client.post("/v1/suggest", content=body(), headers={"Content-Type": value}).status_code == 200


REPEATED_OR_UNKNOWN = {
    "twice at the top": (body(further=', "codebook": "upsides"'), None, "codebook"),
    "twice in a segment": (body('{"id": "1", "id": "2", "text": "canary"}'), None, "id"),
    "twice, once as an escape": (body('{"id": "1", "\\u0069d": "2", "text": "canary"}'), None, "id"),
    "twice in a codebook": (b'{"codebook": {"name": "canary", "name": "b"}, "segments": []}', None, "name"),
    "unknown at the top": (body(further=', "colour": "canary"'), "colour", None),
    "unknown in a segment": (body('{"id": "1", "text": "canary", "colour": 1}'), "segments[0].colour", None),
    "unknown in the second segment": (
        body('{"id": "1", "text": "a"}, {"id": "2", "text": "canary", "Text": 1}'),
        "segments[1].Text",
        None,
    ),
}


@pytest.mark.parametrize(("content", "place", "shown"), REPEATED_OR_UNKNOWN.values(), ids=REPEATED_OR_UNKNOWN)
def test_a_repeated_or_unknown_field_is_named(
    client: TestClient, problem_of: ProblemOf, content: bytes, place: str | None, shown: str | None
) -> None:
    response = post(client, content)
    problem = problem_of(response)
    assert (response.status_code, problem["code"]) == (422, "unknown_or_repeated_field")
    assert problem.get("place") == place
    assert shown is None or f" {shown} " in problem["detail"]


@pytest.mark.parametrize(
    "name", ["the canary's words", "canary\\ncanary", "<canary>", "c\u00e4n\u00e4ry canary", "c" * 65]
)
def test_the_name_of_a_field_is_not_shown_when_it_could_be_text(
    client: TestClient, problem_of: ProblemOf, name: str
) -> None:
    unknown = problem_of(post(client, body(further=f', "{name}": 1')))
    assert unknown["place"] == "<unprintable name>"
    repeated = problem_of(post(client, body(further=f', "{name}": 1, "{name}": 1')))
    assert repeated["code"] == "unknown_or_repeated_field"


@pytest.mark.parametrize(
    "number",
    [
        "NaN",
        "Infinity",
        "-Infinity",
        "1e999",
        "-1e999",
        "1" + "0" * 400 + ".0",
        '"nan"',
        '"NaN"',
        '"-inf"',
        '" Infinity "',
    ],
)
@pytest.mark.parametrize("field", ["min_score", "top_k"])
def test_a_number_that_is_not_finite_is_refused(
    client: TestClient, problem_of: ProblemOf, field: str, number: str
) -> None:
    response = post(client, body(further=f', "{field}": {number}'))
    problem = problem_of(response)
    assert (response.status_code, problem["code"]) == (422, "number_not_finite")


@pytest.mark.parametrize("place", ['"examples": [{"text": "a", "codes": [], "further": NaN}]', '"canary": 1e400'])
def test_a_number_that_is_not_finite_is_refused_wherever_it_stands(
    client: TestClient, problem_of: ProblemOf, place: str
) -> None:
    assert problem_of(post(client, body(further=f", {place}")))["code"] == "number_not_finite"


def test_a_text_that_spells_a_number_that_is_not_finite_is_only_a_text(client: TestClient) -> None:
    response = post(client, body('{"id": "nan", "text": "Inf"}'))
    assert response.status_code == 200
    assert response.json()["results"][0]["id"] == "nan"


BAD_TEXTS = {
    "half a surrogate pair": (r"\ud800", "text_not_valid_unicode"),
    "the other half": (r"\udc00", "text_not_valid_unicode"),
    "the halves in the wrong order": (r"\udc00\ud800", "text_not_valid_unicode"),
    "NUL": (r"\u0000", "text_has_control_characters"),
    "backspace": (r"\b", "text_has_control_characters"),
    "form feed": (r"\f", "text_has_control_characters"),
    "vertical tab": (r"\u000b", "text_has_control_characters"),
    "escape": (r"\u001b[31m", "text_has_control_characters"),
    "unit separator": (r"\u001f", "text_has_control_characters"),
}
TEXT_PLACES = {
    "segments[0].id": '{{"codebook": "upsides", "segments": [{{"id": "canary{0}", "text": "a"}}]}}',
    "segments[0].text": '{{"codebook": "upsides", "segments": [{{"id": "1", "text": "canary{0}canary"}}]}}',
    "segments[1].context": (
        '{{"codebook": "upsides", "segments": [{{"id": "1", "text": "a"}}, '
        '{{"id": "2", "text": "a", "context": "canary{0}"}}]}}'
    ),
    "codebook": '{{"codebook": "canary{0}", "segments": [{{"id": "1", "text": "a"}}]}}',
    "codebook.codes[0].name": (
        '{{"codebook": {{"name": "canary", "codes": [{{"id": "a", "name": "canary{0}"}}]}}, '
        '"segments": [{{"id": "1", "text": "a"}}]}}'
    ),
    "codebook.codes[0].further[1]": (
        '{{"codebook": {{"name": "canary", "codes": [{{"id": "a", "name": "b", "further": [1, "canary{0}"]}}]}}, '
        '"segments": [{{"id": "1", "text": "a"}}]}}'
    ),
    "examples[0].text": (
        '{{"codebook": "upsides", "segments": [{{"id": "1", "text": "a"}}], '
        '"examples": [{{"text": "canary{0}", "codes": []}}]}}'
    ),
    "examples[0]": (
        '{{"codebook": "upsides", "segments": [{{"id": "1", "text": "a"}}], '
        '"examples": [{{"text": "a", "codes": [], "canary{0}": 1}}]}}'
    ),
    "model": '{{"codebook": "upsides", "segments": [{{"id": "1", "text": "a"}}], "model": "canary{0}"}}',
}


@pytest.mark.parametrize(("escape", "code"), BAD_TEXTS.values(), ids=BAD_TEXTS)
@pytest.mark.parametrize("place", TEXT_PLACES)
def test_a_text_that_cannot_be_stored_everywhere_is_refused_with_its_place(
    client: TestClient, problem_of: ProblemOf, place: str, escape: str, code: str
) -> None:
    response = post(client, TEXT_PLACES[place].format(escape).encode())
    problem = problem_of(response)
    assert (response.status_code, problem["code"], problem["place"]) == (422, code, place)


@pytest.mark.parametrize("escape", [r"\t", r"\n", r"\r\n", r"\u007f", r"\u0085", r"\u2028", r"\ud83d\ude00", r"\uffff"])
def test_every_other_character_is_accepted(client: TestClient, escape: str) -> None:
    segment = f'{{"id": "a{escape}b", "text": "hope {escape} hope"}}'
    response = post(client, body(segment))
    assert response.status_code == 200
    assert response.json()["results"][0]["id"] == json.loads(f'"a{escape}b"')


def test_the_first_bad_text_is_the_one_that_is_named(client: TestClient, problem_of: ProblemOf) -> None:
    segments = ", ".join(f'{{"id": "{index}", "text": "\\u0000"}}' for index in range(3))
    assert problem_of(post(client, body(segments)))["place"] == "segments[0].text"


def test_an_object_of_more_fields_than_people_write_is_refused(client: TestClient, problem_of: ProblemOf) -> None:
    fields = ", ".join(f'"canary {number}": 0' for number in range(1_001))
    response = post(client, body(further=f', "examples": [{{{fields}}}]'))
    problem = problem_of(response)
    assert (response.status_code, problem["code"], problem["place"]) == (422, "field_not_valid", "examples[0]")
