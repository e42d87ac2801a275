"""Projects: made, read, listed; and what an id can never be."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

import pytest
from fastapi.testclient import TestClient

from models.codebook import built_in_codebook

ProblemOf = Callable[[Any], dict[str, Any]]
NewProject = Callable[..., str]
RowCounts = Callable[[], dict[str, int]]

CODEBOOK = {
    "name": "Canary",
    "codes": [{"id": "hope", "name": "Hope"}, {"id": "cost", "name": "Cost", "colour": "#f00"}],
}
# What no id can be, as it stands in an address.
HOSTILE_IDS = {
    "zero": "0",
    "negative": "-1",
    "2^63": str(2**63),
    "10^40": "1" + "0" * 40,
    "5,000 digits": "1" * 5_000,
    "underscore": "1_000",
    "space before": "%201",
    "space after": "1%20",
    "true": "true",
    "fraction": "1.0",
    "exponent": "1e0",
    "hexadecimal": "0x1",
    "plus": "+1",
    "leading zero": "01",
    "Arabic-Indic three": "%D9%A3",
    "full-width one": "%EF%BC%91",
    "superscript": "%C2%B2",
    "sql": "1%20OR%201=1",
    "quote": "'%3B%20DROP%20TABLE%20projects%3B--",
    "half of a surrogate pair": "%ED%A0%80",
    "another prefix": "EXT:canary",
    "no external id": "ext:",
    "an external id too long": "ext:" + "c" * 201,
}


def test_a_project_is_created_with_a_codebook_and_read_again(project_client: TestClient) -> None:
    response = project_client.post(
        "/v1/projects", json={"name": "Barriers", "note": "Two\nlines", "external_id": "p 1"}
    )
    created = response.json()
    assert response.status_code == 201
    assert {key: created[key] for key in ("external_id", "name", "note", "version")} == {
        "external_id": "p 1",
        "name": "Barriers",
        "note": "Two\nlines",
        "version": 1,
    }
    assert created["codebook"] == {"number": 1, "version": built_in_codebook("upsides").version}
    assert datetime.fromisoformat(created["created_at"]).utcoffset() is not None
    for address in (f"/v1/projects/{created['id']}", "/v1/projects/ext:p%201"):
        read = project_client.get(address)
        assert (read.status_code, read.json(), read.headers["ETag"]) == (200, created, '"1"')


def test_a_codebook_may_be_named_or_given_whole(project_client: TestClient, new_project: NewProject) -> None:
    named, whole = new_project(codebook="upsides"), new_project(codebook=CODEBOOK)
    upsides = project_client.get(f"{named}/codebook").json()
    assert len(upsides["codes"]) == len(built_in_codebook("upsides").to_json()["codes"])
    own = project_client.get(f"{whole}/codebook").json()
    assert [(code["id"], code["name"]) for code in own["codes"]] == [("hope", "Hope"), ("cost", "Cost")]
    assert own["name"] == "Canary"
    assert own["version"] == project_client.get(whole).json()["codebook"]["version"]
    again = new_project(codebook={key: value for key, value in own.items() if key != "version"})
    assert project_client.get(f"{again}/codebook").json() == own


def test_an_unknown_or_broken_codebook_makes_no_project(
    project_client: TestClient, problem_of: ProblemOf, row_counts: RowCounts
) -> None:
    before = row_counts()
    cycle = {"name": "n", "codes": [{"id": "a", "name": "A", "parent": "a"}]}
    wrong: list[tuple[Any, str, str]] = [
        ("canary", "codebook_unknown", "codebook"),
        ("", "codebook_unknown", "codebook"),
        ("../upsides", "codebook_unknown", "codebook"),
        (cycle, "code_cycle", "codebook.codes[0]"),
        (7, "field_not_valid", "codebook"),
        (None, "field_not_valid", "codebook"),
        (["upsides"], "field_not_valid", "codebook"),
    ]
    for codebook, code, place in wrong:
        response = project_client.post("/v1/projects", json={"name": "Canary", "codebook": codebook})
        problem = problem_of(response)
        assert (response.status_code, problem["code"], problem["place"]) == (422, code, place)
    assert row_counts() == before


@pytest.mark.parametrize(
    ("fields", "code", "place"),
    [
        ({"name": ...}, "field_not_valid", "name"),
        ({"name": ""}, "field_not_valid", "name"),
        ({"name": "c" * 201}, "field_not_valid", "name"),
        ({"name": 7}, "field_not_valid", "name"),
        ({"name": "canary\u0000"}, "text_has_control_characters", "name"),
        ({"name": "canary\ud800"}, "text_not_valid_unicode", "name"),
        ({"note": "canary\u001b[31m"}, "text_has_control_characters", "note"),
        ({"note": "c" * 10_001}, "field_not_valid", "note"),
        ({"external_id": ""}, "field_not_valid", "external_id"),
        ({"external_id": "c" * 201}, "field_not_valid", "external_id"),
        ({"external_id": 1}, "field_not_valid", "external_id"),
        ({"external_id": "canary\u0007"}, "text_has_control_characters", "external_id"),
        ({"id": 5}, "unknown_or_repeated_field", "id"),
    ],
)
def test_a_field_that_cannot_be_is_refused_with_its_place(
    client: TestClient, problem_of: ProblemOf, fields: dict[str, Any], code: str, place: str
) -> None:
    body = {name: value for name, value in {"name": "n", **fields}.items() if value is not ...}
    headers = {"Content-Type": "application/json"}
    response = client.post("/v1/projects", content=json.dumps(body), headers=headers)
    problem = problem_of(response)
    assert (response.status_code, problem["code"], problem["place"]) == (422, code, place)


def test_an_external_id_names_one_project_only(
    project_client: TestClient, new_project: NewProject, problem_of: ProblemOf, row_counts: RowCounts
) -> None:
    new_project(external_id="canary")
    before = row_counts()
    response = project_client.post("/v1/projects", json={"name": "n", "external_id": "canary"})
    problem = problem_of(response)
    assert (response.status_code, problem["code"], problem["place"]) == (409, "already_there", "external_id")
    assert row_counts() == before
    new_project(external_id="Canary")


def test_of_many_who_create_one_project_at_once_one_does(project_client: TestClient, row_counts: RowCounts) -> None:
    def create(_number: int) -> int:
        return project_client.post("/v1/projects", json={"name": "n", "external_id": "one"}).status_code

    with ThreadPoolExecutor(12) as threads:
        assert sorted(threads.map(create, range(12))) == [201] + [409] * 11
    assert row_counts()["projects"] == row_counts()["codebook_versions"] == 1


def test_projects_are_listed_in_pages(project_client: TestClient, new_project: NewProject) -> None:
    assert project_client.get("/v1/projects").json() == {"items": [], "next_cursor": None}
    for number in range(5):
        new_project(name=f"Study {number}")
    names, cursor, pages = [], None, 0
    while cursor or not pages:
        answer = project_client.get("/v1/projects", params={"limit": 2, **({"cursor": cursor} if cursor else {})})
        names += [one["name"] for one in answer.json()["items"]]
        cursor = answer.json()["next_cursor"]
        pages += 1
    assert (names, pages) == ([f"Study {number}" for number in range(5)], 3)
    # A page that is exactly full is the last one.
    assert project_client.get("/v1/projects", params={"limit": 5}).json()["next_cursor"] is None
    beyond = project_client.get("/v1/projects", params={"cursor": str(2**63 - 1)})
    assert beyond.json() == {"items": [], "next_cursor": None}


@pytest.mark.parametrize("address", ["/v1/projects", "/v1/projects/1/transcripts", "/v1/projects/1/segments"])
def test_a_page_is_of_1_to_200_from_a_cursor_of_ours(client: TestClient, problem_of: ProblemOf, address: str) -> None:
    wrong = {
        "limit": (
            "0",
            "-1",
            "201",
            str(10**9),
            str(2**63),
            "1" * 4_301,
            "1_0",
            "1.0",
            " 1",
            "\u0663",
            "canary",
            "",
            "nan",
        ),
        "cursor": ("0", "-1", str(2**63), "1_0", " 1", "\u0663", "canary", "", "1.2.3", "1.-1", "c" * 201, "\u0000"),
    }
    for name, values in wrong.items():
        for value in values:
            response = client.get(address, params={name: value})
            problem = problem_of(response)
            assert (response.status_code, problem["place"]) == (422, name), value
            assert problem["code"] in ("field_not_valid", "number_not_finite")
    for unknown in ("offset=1", "sort=name", "filter=1", "limit=1&limit=2", "page=2"):
        response = client.get(f"{address}?{unknown}")
        assert (response.status_code, problem_of(response)["code"]) == (422, "unknown_or_repeated_field")


READ = ("", "/codebook", "/transcripts", "/segments", "/suggestions", "/transcripts/1", "/segments/1")


def test_what_is_no_id_is_refused_wherever_an_id_stands(
    project_client: TestClient, new_project: NewProject, problem_of: ProblemOf, row_counts: RowCounts
) -> None:
    project = new_project(external_id="canary")
    before = row_counts()
    transcript = {"segments": [{"text": "Canary"}]}
    for name, hostile in HOSTILE_IDS.items():
        bad = f"/v1/projects/{hostile}"
        responses = {
            "project_id": [
                *(project_client.get(bad + rest) for rest in READ),
                project_client.post(f"{bad}/transcripts", content="B1: Canary", headers={"Content-Type": "text/plain"}),
                project_client.put(f"{bad}/transcripts/canary", json=transcript),
                project_client.post(f"{bad}/suggestions", json={}),
            ],
            "transcript_id": [project_client.get(f"{project}/transcripts/{hostile}")],
            "segment_id": [project_client.get(f"{project}/segments/{hostile}")],
            "transcript": [
                project_client.get(f"{project}/segments?transcript={hostile.replace('+', '%2B')}"),
                project_client.get(f"{project}/suggestions?transcript={hostile.replace('+', '%2B')}"),
            ],
        }
        for place, answers in responses.items():
            for answer in answers:
                problem = problem_of(answer)
                # The query refuses what is longer than any label before it is looked at as an id.
                too_long = place == "transcript" and len(hostile) > 200
                code = "field_not_valid" if too_long else "invalid_id"
                assert (answer.status_code, problem["code"], problem["place"]) == (422, code, place), name
    assert row_counts() == before


def test_a_control_character_in_an_address_leads_nowhere(client: TestClient, problem_of: ProblemOf) -> None:
    for hostile in ("%00", "1%00", "ext:%00", "ext:a%0A", "1%0d%0a"):
        for address in (f"/v1/projects/{hostile}", f"/v1/projects/1/transcripts/{hostile}"):
            response = client.get(address)
            assert (response.status_code, problem_of(response)["code"]) == (404, "not_found")


def test_what_is_not_there_is_not_found(
    project_client: TestClient, new_project: NewProject, problem_of: ProblemOf, row_counts: RowCounts
) -> None:
    project = new_project(external_id="canary")
    before = row_counts()
    for absent in (str(10**15), str(2**63 - 1), "ext:Canary", "ext:nary", "ext:1", "ext:%25", "ext:can_ry", "ext:'--"):
        nowhere = f"/v1/projects/{absent}"
        answers = [
            *(project_client.get(nowhere + rest) for rest in READ),
            project_client.post(f"{nowhere}/transcripts", content="B1: Canary", headers={"Content-Type": "text/plain"}),
            project_client.put(f"{nowhere}/transcripts/canary", json={"segments": [{"text": "Canary"}]}),
            project_client.post(f"{nowhere}/suggestions", json={}),
            project_client.get(f"{project}/transcripts/{absent}"),
            project_client.get(f"{project}/segments/{absent}"),
            project_client.get(f"{project}/segments?transcript={absent}"),
            project_client.get(f"{project}/suggestions?transcript={absent}"),
        ]
        for answer in answers:
            assert (answer.status_code, problem_of(answer)["code"]) == (404, "not_found")
    assert row_counts() == before


def test_what_is_another_projects_is_not_there(
    project_client: TestClient, new_project: NewProject, problem_of: ProblemOf, row_counts: RowCounts
) -> None:
    mine, theirs = new_project(), new_project()
    rows = {"segments": [{"text": "Canary gives hope.", "external_id": "canary-s"}]}
    transcript = project_client.put(f"{theirs}/transcripts/canary-t", json=rows).json()["id"]
    segment = project_client.get(f"{theirs}/segments").json()["items"][0]["id"]
    project_client.post(f"{theirs}/suggestions", json={"min_score": 0})
    before = row_counts()
    for named in (str(transcript), "ext:canary-t"):
        absent = project_client.get(f"{mine}/transcripts/987654")
        body = {"transcript": int(named) if named.isdigit() else named}
        for answer in (
            project_client.get(f"{mine}/transcripts/{named}"),
            project_client.get(f"{mine}/segments?transcript={named}"),
            project_client.get(f"{mine}/suggestions?transcript={named}"),
            project_client.post(f"{mine}/suggestions", json=body),
        ):
            problem, expected = problem_of(answer), problem_of(absent)
            assert {**problem, "request_id": ""} == {**expected, "request_id": ""}
    for named in (str(segment), "ext:canary-s"):
        answer = project_client.get(f"{mine}/segments/{named}")
        assert (answer.status_code, problem_of(answer)["code"]) == (404, "not_found")
    for listed in ("transcripts", "suggestions", "suggestions?cursor=1", f"segments?cursor={transcript}.0"):
        assert project_client.get(f"{mine}/{listed}").json()["items"] == []
    assert row_counts() == before
