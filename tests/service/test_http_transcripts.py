"""Transcripts and segments: what comes in, what stays as it was, and what is refused whole."""

import json
import random
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import func, insert, select

from service.storage.database import Database
from service.storage.tables import (
    analysts,
    codebook_versions,
    coding_sets,
    codings,
    decisions,
    no_codes,
    rounds,
    segments,
    transcripts,
)
from service.storage.times import now

ProblemOf = Callable[[Any], dict[str, Any]]
NewProject = Callable[..., str]
RowCounts = Callable[[], dict[str, int]]
Row = dict[str, Any]

TURNS = "I: What helps?\r\n\r\nB1: They give hope.\r\nIt changed us.\r\n\r\nB2: Cost is a barrier.\r\n"
CODEBOOK = {"name": "n", "codes": [{"id": "hope", "name": "Hope"}, {"id": "cost", "name": "Cost"}]}
STRANGE = {
    "right to left": "\u202eepoh\u202c \u2067hope\u2069",
    "zero width": "ho\u200dpe\u200b and\u2060 \ufeffhope",
    "homoglyphs": "h\u043ep\u0435",
    "line separators": "hope\u2028hope\u2029hope\u0085hope",
    "emoji families": "\U0001f468\u200d\U0001f469\u200d\U0001f467 \U0001f1e9\U0001f1ea",
    "decomposed": "cafe\u0301",
    "composed": "caf\u00e9",
    "noncharacters": "\ue000 \U000e0fff \uffff \U0010ffff",
    "delete and C1": "\u007f \u009b31m",
    "markup": "</script><img src=x onerror=alert(1)><!--",
    "code": "__import__('os').system('true') {{7*7}} ${jndi:ldap://x} '; DROP TABLE segments; --",
    "formula": "=1+1 @SUM(A1) +1 -1",
    "percent and backslash": "100 % \\n %s \\u0041",
    "tab and spaces around": "  \thope\t  ",
}


def upload(client: TestClient, project: str, data: str | bytes, kind: str = "text/plain", **query: str) -> Any:
    return client.post(f"{project}/transcripts", content=data, headers={"Content-Type": kind}, params=query)


def lines(*rows: Row) -> str:
    return "\n".join(json.dumps(row, ensure_ascii=False) for row in rows)


def read_segments(client: TestClient, project: str, **query: Any) -> list[Row]:
    answer = client.get(f"{project}/segments", params=query)
    assert answer.status_code == 200, answer.text
    items: list[Row] = answer.json()["items"]
    return items


def put(client: TestClient, project: str, *texts: str, headers: Mapping[str, str] | None = None, **body: Any) -> Any:
    """Puts the transcript ``t`` with these texts as segments, each with its text as external id."""
    rows = [{"text": text, "external_id": text[:200]} for text in texts]
    return client.put(f"{project}/transcripts/t", json={"segments": rows, **body}, headers=headers)


def put_work(stored: Database, segment_id: int, kind: str) -> None:
    """What an analyst did on a segment: a decision, or a coding or the finding that no code applies from a file."""
    with stored.write() as connection:
        project_id = connection.execute(select(segments.c.project_id).where(segments.c.id == segment_id)).scalar_one()
        coding_set = connection.execute(select(func.min(coding_sets.c.id))).scalar_one()
        where = {"project_id": project_id, "coding_set_id": coding_set, "segment_id": segment_id}
        if kind == "decision":
            ada = connection.execute(insert(analysts).values(name="Ada", created_at=now())).inserted_primary_key
            said = {"number": 1, "kind": "no_code", "suggestions_visible": True, "at": now()}
            connection.execute(insert(decisions).values(**where, **said, analyst_id=(ada or [0])[0]))
        elif kind == "coding":
            version = connection.execute(select(func.min(codebook_versions.c.id))).scalar_one()
            connection.execute(insert(codings).values(**where, code="x", origin="file", codebook_version_id=version))
        else:
            connection.execute(insert(no_codes).values(**where))


def test_a_text_with_speakers_becomes_segments_that_are_cited_by_site(
    project_client: TestClient, new_project: NewProject
) -> None:
    project = new_project()
    response = upload(project_client, project, TURNS, site="BU", external_id="bu-1", language="en")
    [transcript] = response.json()["transcripts"]
    assert response.status_code == 201
    said = {"external_id": "bu-1", "label": "BU", "site": "BU", "language": "en", "version": 1, "segments": 3}
    assert {key: transcript[key] for key in said} == said
    for named in (transcript["id"], "ext:bu-1"):
        read = project_client.get(f"{project}/transcripts/{named}")
        assert (read.status_code, read.json(), read.headers["ETag"]) == (200, transcript, '"1"')
    found = read_segments(project_client, project)
    assert [(one["reference"], one["speaker"], one["role"], one["text"]) for one in found] == [
        ("BU 1", "I", "moderator", "What helps?"),
        ("BU 2", "B1", "participant", "They give hope.\nIt changed us."),
        ("BU 3", "B2", "participant", "Cost is a barrier."),
    ]
    assert {one["transcript"] for one in found} == {transcript["id"]}
    assert project_client.get(f"{project}/segments/{found[1]['id']}").json() == found[1]


def test_csv_and_jsonl_say_their_documents_sites_and_paragraphs(
    project_client: TestClient, new_project: NewProject
) -> None:
    csv_file = (
        "document,site,paragraph,speaker,text,id\r\n"
        'a,BU,11,B1,"They give hope,\r\nand more.",s1\r\nb,DS,3,I,Why?,s2\r\na,BU,12,B2,Cost,s3\r\n'
    )
    rows = [
        {"document": "a", "site": "BU", "paragraph": 11, "speaker": "B1", "text": "They give hope,\r\nand more."},
        {"document": "b", "site": "DS", "paragraph": 3, "speaker": "I", "text": "Why?"},
        {"document": "a", "site": "BU", "paragraph": 12, "speaker": "B2", "text": "Cost"},
    ]
    jsonl_file = lines(*({**row, "id": f"s{number}"} for number, row in enumerate(rows, start=1)))
    for data, kind in (
        (csv_file, "text/csv; header=present; charset=utf-8"),
        (csv_file, 'Text/CSV;charset="UTF-8"'),
        (jsonl_file, "application/jsonl"),
        (jsonl_file + "\n", "application/x-ndjson"),
    ):
        project = new_project()
        response = upload(project_client, project, data, kind)
        assert response.status_code == 201, response.text
        made = response.json()["transcripts"]
        assert [(one["external_id"], one["label"], one["segments"]) for one in made] == [("a", "BU", 2), ("b", "DS", 1)]
        assert project_client.get(f"{project}/transcripts").json() == {"items": made, "next_cursor": None}
        found = read_segments(project_client, project)
        assert [(one["reference"], one["external_id"], one["text"]) for one in found] == [
            ("BU 11", "s1", "They give hope,\nand more."),
            ("BU 12", "s3", "Cost"),
            ("DS 3", "s2", "Why?"),
        ]
        assert project_client.get(f"{project}/segments/ext:s3").json() == found[1]


def test_a_second_transcript_of_a_site_gets_a_label_of_its_own(
    project_client: TestClient, new_project: NewProject
) -> None:
    project = new_project()
    labels = [upload(project_client, project, TURNS, site="BU").json()["transcripts"][0]["label"] for _ in range(3)]
    labels += [upload(project_client, project, TURNS, **named).json()["transcripts"][0]["label"] for named in (
        {"label": "s" * 200}, {"site": "s" * 200}, {"external_id": "e"}, {}
    )]  # fmt: skip
    assert labels == ["BU", "BU-2", "BU-3", "s" * 200, "s" * 198 + "-2", "e", "T"]
    assert len({one["reference"] for one in read_segments(project_client, project)}) == 3 * len(labels)


@pytest.mark.parametrize(
    "kind",
    [
        "",
        "application/json",
        "application/octet-stream",
        "multipart/form-data; boundary=x",
        "application/x-www-form-urlencoded",
        "text/html",
        "text/plain; charset=utf-7",
        "text/plain; charset=utf-16",
        "text/csv; charset=latin-1",
        "text/csv; charset=utf-8; charset=utf-7",
        "text/plain, text/csv",
        "canary",
    ],
)
def test_a_file_of_another_kind_is_not_taken(client: TestClient, problem_of: ProblemOf, kind: str) -> None:
    response = client.post("/v1/projects/1/transcripts", content=b"B1: Canary", headers={"Content-Type": kind})
    assert (response.status_code, problem_of(response)["code"]) == (415, "media_type_not_supported")


def test_a_file_comes_with_one_kind_and_is_not_compressed(client: TestClient, problem_of: ProblemOf) -> None:
    plain = ("Content-Type", "text/plain")
    for headers in ([], [plain, plain], [plain, ("Content-Encoding", "gzip")]):
        request = client.build_request("POST", "/v1/projects/1/transcripts", content=b"B1: Canary", headers=headers)
        response = client.send(request)
        assert (response.status_code, problem_of(response)["code"]) == (415, "media_type_not_supported")
    for kind in ("text/plain", "text/csv", "application/jsonl"):
        response = client.put("/v1/projects/1/transcripts/t", content="{}", headers={"Content-Type": kind})
        assert (response.status_code, problem_of(response)["code"]) == (415, "media_type_not_supported")


REFUSED: dict[str, tuple[str | bytes, str, int, str, str | None]] = {
    "no text": ("", "text/plain", 422, "file_not_accepted", None),
    "blank text": (" \r\n\t\n", "text/plain", 422, "file_not_accepted", None),
    "a NUL": ("B1: a\nB2: can\0ary", "text/plain", 422, "file_not_accepted", "line 2"),
    "Latin-1": ("B1: a\nB2: canary \u00e9".encode("latin-1"), "text/plain", 422, "file_not_accepted", "line 2"),
    "UTF-16": ("B1: canary".encode("utf-16"), "text/plain", 422, "file_not_accepted", "line 1"),
    "half of a surrogate pair": (b"B1: a\nB2: canary \xed\xa0\x80", "text/plain", 422, "file_not_accepted", "line 2"),
    "an escape sequence": ("B1: a\nB2: canary\x1b[31m", "text/plain", 422, "text_has_control_characters", "line 2"),
    "10,001 characters": ("B1: a\n\nB2: " + "canary" * 1_667, "text/plain", 422, "segment_too_long", "line 3"),
    "csv: nothing": ("", "text/csv", 422, "csv_not_accepted", "line 1"),
    "csv: no header": ("canary,one\ncanary,two\n", "text/csv", 422, "csv_not_accepted", "line 1"),
    "csv: a header twice": ("text,text\ncanary,b\n", "text/csv", 422, "csv_not_accepted", "line 1"),
    "csv: only a header": ("text,site\n", "text/csv", 422, "file_not_accepted", None),
    "csv: an open quote": ('text\na\n"canary\n', "text/csv", 422, "csv_not_accepted", "line 3"),
    "csv: a quote within": ('text\na\n"can"ary\n', "text/csv", 422, "csv_not_accepted", "line 3"),
    "csv: a cell too many": ("text,site\na,BU\ncanary,BU,x\n", "text/csv", 422, "csv_not_accepted", "line 3"),
    "csv: another delimiter": ("text|site\ncanary|BU\n", "text/csv", 422, "csv_not_accepted", "line 1"),
    "csv: mixed line ends": ("text\r\na\r\ncanary\n", "text/csv", 422, "csv_not_accepted", "line 3"),
    "csv: a NUL": ("text\na\ncan\0ary\n", "text/csv", 422, "csv_not_accepted", "line 3"),
    "csv: Latin-1": ("text\na\ncanary \u00e9\n".encode("latin-1"), "text/csv", 422, "csv_not_accepted", "line 3"),
    "csv: UTF-16": ("text\ncanary\n".encode("utf-16"), "text/csv", 422, "csv_not_accepted", "line 1"),
    "csv: 10,000 columns": (f"text{',x' * 9_999}\n", "text/csv", 422, "csv_not_accepted", "line 1"),
    "csv: a cell of 1 MB": (f"text\na\n{'canary' * 170_000}\n", "text/csv", 422, "csv_not_accepted", "line 3"),
    "csv: an empty text": ("text,site\na,BU\n,BU\n", "text/csv", 422, "segment_empty", "line 3, text"),
    "csv: a paragraph 0": ("text,paragraph\na,1\ncanary,0\n", "text/csv", 422, "field_not_valid", "line 3, paragraph"),
    "csv: another role": ("text,role\na,\ncanary,canary\n", "text/csv", 422, "field_not_valid", "line 3, role"),
    "jsonl: no JSON": ('{"text": "a"}\n{"text": canary}', "application/jsonl", 400, "malformed_json", "line 2"),
    "jsonl: a list": ('{"text": "a"}\n["canary"]', "application/jsonl", 422, "file_not_accepted", "line 2"),
    "jsonl: no text": ('{"text": "a"}\n{"id": "canary"}', "application/jsonl", 422, "field_not_valid", "line 2, text"),
    "jsonl: a key twice": (
        '{"text": "a"}\n{"text": "canary", "text": "b"}',
        "application/jsonl",
        422,
        "unknown_or_repeated_field",
        "line 2",
    ),
    "jsonl: a surrogate": (
        '{"text": "a"}\n{"text": "canary \\ud800"}',
        "application/jsonl",
        422,
        "text_not_valid_unicode",
        "line 2.text",
    ),
    "jsonl: an unknown code": (
        lines({"text": "a", "codes": ["hope"]}, {"text": "b", "codes": ["cost", "canary"]}),
        "application/jsonl",
        422,
        "code_unknown",
        "line 2, codes",
    ),
    "jsonl: one document at two sites": (
        lines({"text": "a", "document": "d", "site": "BU"}, {"text": "b", "document": "d", "site": "canary"}),
        "application/jsonl",
        422,
        "field_not_valid",
        "line 2, site",
    ),
    "jsonl: one document there already": (
        lines({"text": "a", "document": "new"}, {"text": "b", "document": "there"}),
        "application/jsonl",
        409,
        "already_there",
        "external_id",
    ),
}


def test_a_file_with_a_mistake_is_refused_with_its_place_and_nothing_is_stored(
    project_client: TestClient, new_project: NewProject, problem_of: ProblemOf, row_counts: RowCounts
) -> None:
    project = new_project(codebook=CODEBOOK)
    assert upload(project_client, project, lines({"text": "a", "document": "there"}), "application/jsonl").is_success
    before = row_counts()
    for name, (data, kind, status, code, place) in REFUSED.items():
        response = upload(project_client, project, data, kind)
        problem = problem_of(response)
        assert (response.status_code, problem["code"], problem.get("place")) == (status, code, place), name
        assert row_counts() == before, name


def test_an_upload_is_told_of_its_transcript_in_the_address(
    project_client: TestClient, new_project: NewProject, problem_of: ProblemOf, row_counts: RowCounts
) -> None:
    project = new_project()
    assert upload(project_client, project, TURNS, external_id="canary").status_code == 201
    before = row_counts()
    two = lines({"text": "a", "document": "x"}, {"text": "b", "document": "y"})
    wrong: list[tuple[str, str, Mapping[str, str], int, str, str]] = [
        (TURNS, "text/plain", {"external_id": "canary"}, 409, "already_there", "external_id"),
        (two, "application/jsonl", {"external_id": "canary"}, 422, "field_not_valid", "label"),
        (two, "application/jsonl", {"label": "canary"}, 422, "field_not_valid", "label"),
        (TURNS, "text/plain", {"site": ""}, 422, "field_not_valid", "site"),
        (TURNS, "text/plain", {"site": "c" * 201}, 422, "field_not_valid", "site"),
        (TURNS, "text/plain", {"label": "a\0"}, 422, "text_has_control_characters", "label"),
        (TURNS, "text/plain", {"external_id": "a\n\x1b"}, 422, "text_has_control_characters", "external_id"),
        (TURNS, "text/plain", {"name": "canary"}, 422, "unknown_or_repeated_field", "name"),
    ]
    for data, kind, query, status, code, place in wrong:
        response = upload(project_client, project, data, kind, **query)
        problem = problem_of(response)
        assert (response.status_code, problem["code"], problem["place"]) == (status, code, place)
    assert row_counts() == before


def test_codings_in_a_file_become_those_of_the_coders_whom_it_names(
    project_client: TestClient, new_project: NewProject, stored: Database
) -> None:
    project = new_project(codebook=CODEBOOK)
    said = {"document": "d", "site": "BU"}
    data = lines(
        {**said, "id": "1", "text": "a", "coder": "Ada", "codes": ["hope", "cost", "hope"]},
        {**said, "id": "1", "text": "a", "coder": "Ben", "codes": []},
        {**said, "id": "2", "text": "b", "coder": "Ada", "codes": ["cost"]},
        {**said, "id": "3", "text": "c", "coder": "Ben"},
        {**said, "id": "4", "text": "d", "codes": ["hope"]},
    )
    assert upload(project_client, project, data, "application/jsonl").json()["transcripts"][0]["segments"] == 4
    # A second file goes into the same round, and to the same people.
    more = lines({"document": "e", "text": "e", "coder": "Ada", "codes": ["hope"]})
    assert upload(project_client, project, more, "application/jsonl").status_code == 201

    def found(table: Any, *columns: Any) -> list[tuple[Any, ...]]:
        joined = table.join(segments, segments.c.id == table.c.segment_id)
        joined = joined.join(coding_sets, coding_sets.c.id == table.c.coding_set_id)
        joined = joined.join(analysts, analysts.c.id == coding_sets.c.analyst_id)
        with stored.read() as connection:
            return sorted(
                tuple(row)
                for row in connection.execute(select(analysts.c.name, segments.c.text, *columns).select_from(joined))
            )

    assert found(codings, codings.c.code, codings.c.origin) == [
        ("Ada", "a", "cost", "file"),
        ("Ada", "a", "hope", "file"),
        ("Ada", "b", "cost", "file"),
        ("Ada", "e", "hope", "file"),
        ("unnamed coder", "d", "hope", "file"),
    ]
    assert found(no_codes) == [("Ben", "a")]
    with stored.read() as connection:
        help_given = connection.execute(select(rounds.c.visibility, rounds.c.help).order_by(rounds.c.number)).all()
        own_sets = select(func.count()).where(coding_sets.c.analyst_id.is_not(None))
        assert help_given == [("open", "assisted"), ("independent", "blind")]
        assert connection.execute(own_sets).scalar() == 3


def test_texts_are_kept_to_the_code_point(
    project_client: TestClient, new_project: NewProject, stored: Database
) -> None:
    project = new_project()
    texts = [*STRANGE.values(), "\U0001f600" * 10_000, "a\r\nb\rc\nd"]
    kept = [*STRANGE.values(), "\U0001f600" * 10_000, "a\nb\nc\nd"]
    rows = [{"text": text, "original_text": text, "speaker": text[:20], "section": text[:200]} for text in texts[:-2]]
    rows += [{"text": text, "original_text": text} for text in texts[-2:]]
    assert project_client.put(f"{project}/transcripts/json", json={"segments": rows}).status_code == 201
    data = lines(*({"text": text, "original_text": text, "document": "file"} for text in texts))
    assert upload(project_client, project, data, "application/jsonl").status_code == 201
    for transcript in ("ext:json", "ext:file"):
        found = read_segments(project_client, project, transcript=transcript)
        assert [one["text"] for one in found] == [one["original_text"] for one in found] == kept
    with stored.read() as connection:
        # The databases count and cut as Python does, so that an offset means the same everywhere.
        cut = func.substr(segments.c.text, 2, 3)
        counted = connection.execute(select(segments.c.text, func.length(segments.c.text), cut)).all()
    assert [(length, part) for _, length, part in counted] == [(len(text), text[1:4]) for text, _, _ in counted]
    found = read_segments(project_client, project, transcript="ext:json")
    assert [(one["speaker"], one["section"]) for one in found[:-2]] == [(text[:20], text[:200]) for text in texts[:-2]]


def test_cells_of_csv_and_lines_of_text_are_only_text(project_client: TestClient, new_project: NewProject) -> None:
    project = new_project()
    cells = [text for text in STRANGE.values() if '"' not in text]
    data = "text\n" + "\n".join(f'"{text}"' for text in cells)
    assert upload(project_client, project, data, "text/csv", external_id="csv").status_code == 201
    assert [one["text"] for one in read_segments(project_client, project, transcript="ext:csv")] == cells
    spoken = [text.strip() for text in cells]
    data = "\n\n".join(f"B1: {text}" for text in spoken)
    assert upload(project_client, project, data, external_id="txt").status_code == 201
    assert [one["text"] for one in read_segments(project_client, project, transcript="ext:txt")] == spoken


def test_a_transcript_is_put_and_put_again(project_client: TestClient, new_project: NewProject) -> None:
    project = new_project()
    first = put(project_client, project, "a", "b", "c", site="BU", language="en")
    assert (first.status_code, first.headers["ETag"]) == (201, '"1"')
    said = {"external_id": "t", "label": "BU", "site": "BU", "language": "en", "version": 1, "segments": 3}
    assert {key: first.json()[key] for key in said} == said
    before = {one["text"]: one["id"] for one in read_segments(project_client, project)}
    second = put(project_client, project, "d", "c", "a", site="DS")
    assert (second.status_code, second.headers["ETag"]) == (200, '"2"')
    said = {"id": first.json()["id"], "label": "BU", "site": "DS", "language": None, "version": 2, "segments": 3}
    assert {key: second.json()[key] for key in said} == said
    after = read_segments(project_client, project)
    assert [(one["text"], one["position"], one["reference"]) for one in after] == [
        ("d", 0, "BU 1"),
        ("c", 1, "BU 2"),
        ("a", 2, "BU 3"),
    ]
    assert {one["text"]: one["id"] for one in after[1:]} == {text: before[text] for text in "ac"}
    assert after[0]["id"] not in before.values()
    assert project_client.get(f"{project}/segments/{before['b']}").status_code == 404
    assert project_client.put(f"{project}/transcripts/ext:t", json={"segments": [{"text": "a"}]}).status_code == 200


def test_segments_that_stay_keep_their_numbers_in_whatever_order_they_come(
    project_client: TestClient, new_project: NewProject
) -> None:
    project = new_project()
    chance = random.Random(11)  # noqa: S311 - an order, not a secret
    texts = [f"Turn {number}" for number in range(40)]
    put(project_client, project, *texts)
    numbers = {one["text"]: one["id"] for one in read_segments(project_client, project)}
    for _ in range(4):
        chance.shuffle(texts)
        put(project_client, project, *texts)
        found = read_segments(project_client, project)
        assert [one["text"] for one in found] == texts
        assert {one["text"]: one["id"] for one in found} == numbers


def test_segments_without_an_external_id_are_told_by_paragraph_speaker_and_text(
    project_client: TestClient, new_project: NewProject
) -> None:
    project = new_project()

    def put_rows(*rows: Row) -> list[Row]:
        assert project_client.put(f"{project}/transcripts/t", json={"segments": rows}).is_success
        return read_segments(project_client, project)

    before = put_rows({"text": "Yes."}, {"text": "Yes."}, {"text": "No.", "speaker": "B1", "paragraph": 9})
    assert put_rows({"text": "Yes."}, {"text": "Yes."}, {"text": "No.", "speaker": "B1", "paragraph": 9}) == before
    changed = put_rows({"text": "No.", "speaker": "B1", "paragraph": 9}, {"text": "Yes.", "paragraph": 2})
    assert [one["id"] for one in changed] == [before[2]["id"], before[1]["id"]]
    # What is said of a segment changes; the segment stays the same.
    labelled = put_rows({"text": "No.", "speaker": "B1", "paragraph": 9, "role": "moderator", "section": "End"})
    assert [(one["id"], one["role"], one["section"]) for one in labelled] == [(before[2]["id"], "moderator", "End")]


def test_a_label_can_be_given_another_time_and_stays_unique(
    project_client: TestClient, new_project: NewProject
) -> None:
    project = new_project()
    upload(project_client, project, TURNS, site="BU")
    labels = [put(project_client, project, "a", label=label).json()["label"] for label in ("BU", "BU", None, "DS")]
    assert labels == ["BU-2", "BU-2", "BU-2", "DS"]
    assert read_segments(project_client, project, transcript="ext:t")[0]["reference"] == "DS 1"


def test_who_has_seen_an_older_version_changes_nothing(
    project_client: TestClient, new_project: NewProject, problem_of: ProblemOf
) -> None:
    project = new_project()
    for headers in ({"If-Match": '"1"'}, {"If-Match": '"7"'}):
        response = put(project_client, project, "canary", headers=headers)
        assert (response.status_code, problem_of(response)["code"]) == (412, "version_changed")
    assert project_client.get(f"{project}/transcripts").json()["items"] == []
    assert put(project_client, project, "a", headers={"If-None-Match": "*"}).status_code == 201
    assert put(project_client, project, "a", "b", headers={"If-Match": '"1"'}).status_code == 200
    before = read_segments(project_client, project)
    for headers in ({"If-Match": '"1"'}, {"If-Match": '"3"'}, {"If-None-Match": "*"}):
        response = put(project_client, project, "canary", headers=headers)
        assert (response.status_code, problem_of(response)["code"]) == (412, "version_changed")
    for wrong in ("2", '"0"', '"-1"', 'W/"2"', '"two"', "*", '"2", "3"', '"' + "2" * 30 + '"', ""):
        response = put(project_client, project, "canary", headers={"If-Match": wrong})
        problem = problem_of(response)
        assert (response.status_code, problem["code"], problem["place"]) == (422, "field_not_valid", "If-Match")
    assert read_segments(project_client, project) == before
    assert put(project_client, project, "c", headers={"If-Match": '"2"'}).headers["ETag"] == '"3"'


def test_of_many_who_change_one_version_at_once_one_does(project_client: TestClient, new_project: NewProject) -> None:
    project = new_project()

    def change(number: int) -> int:
        status: int = put(project_client, project, f"by {number}", headers={"If-Match": '"1"'}).status_code
        return status

    def add(number: int) -> int:
        status: int = put(project_client, project, f"by {number}", headers={"If-None-Match": "*"}).status_code
        return status

    with ThreadPoolExecutor(8) as threads:
        assert sorted(threads.map(add, range(8))) == [201] + [412] * 7
        assert sorted(threads.map(change, range(8))) == [200] + [412] * 7
    assert project_client.get(f"{project}/transcripts/ext:t").json()["version"] == 2
    assert len(read_segments(project_client, project)) == 1


def test_many_who_bring_in_transcripts_of_one_site_and_coder_at_once_all_do(
    project_client: TestClient, new_project: NewProject, row_counts: RowCounts
) -> None:
    projects = [new_project(codebook=CODEBOOK) for _ in range(2)]
    data = lines({"text": "a", "site": "BU", "coder": "Ada", "codes": ["hope"]})

    def bring(number: int) -> int:
        response = upload(project_client, projects[number % 2], data, "application/jsonl")
        status: int = response.status_code
        return status

    with ThreadPoolExecutor(12) as threads:
        assert list(threads.map(bring, range(12))) == [201] * 12
    counts = row_counts()
    names = ("transcripts", "codings", "analysts", "rounds", "coding_sets")
    assert {name: counts[name] for name in names} == dict(zip(names, (12, 12, 1, 4, 4), strict=True))


@pytest.mark.parametrize("kind", ["decision", "coding", "no code"])
def test_what_people_worked_on_can_neither_vanish_nor_get_another_text(
    project_client: TestClient,
    new_project: NewProject,
    problem_of: ProblemOf,
    stored: Database,
    row_counts: RowCounts,
    kind: str,
) -> None:
    project = new_project()
    put(project_client, project, "a", "canary", "c")
    worked_on = read_segments(project_client, project)[1]
    put_work(stored, worked_on["id"], kind)
    before, counts = read_segments(project_client, project), row_counts()
    for texts in (("a", "c"), ("x",), ("x", "canary changed", "c")):
        response = put(project_client, project, *texts, site="canary")
        assert (response.status_code, problem_of(response)["code"]) == (409, "segment_has_decisions")
        assert (read_segments(project_client, project), row_counts()) == (before, counts)
    assert project_client.get(f"{project}/transcripts/ext:t").json()["version"] == 1
    assert put(project_client, project, "canary").status_code == 200
    assert [one["id"] for one in read_segments(project_client, project)] == [worked_on["id"]]


def test_a_segment_that_cannot_be_is_refused_with_its_place(
    project_client: TestClient, new_project: NewProject, problem_of: ProblemOf, row_counts: RowCounts
) -> None:
    project = new_project()
    put(project_client, project, "a")
    before = row_counts()
    wrong: list[tuple[Row, str, str]] = [
        ({"text": ""}, "segment_empty", "text"),
        ({"text": " \r\n\u2003"}, "segment_empty", "text"),
        ({"text": "canary" * 1_667}, "segment_too_long", "text"),
        ({"text": "canary\u0000"}, "text_has_control_characters", "text"),
        ({"text": "canary\u000c"}, "text_has_control_characters", "text"),
        ({"text": "canary\ud800"}, "text_not_valid_unicode", "text"),
        ({"text": 7}, "field_not_valid", "text"),
        ({"text": ...}, "field_not_valid", "text"),
        ({"original_text": "canary\u001b"}, "text_has_control_characters", "original_text"),
        ({"original_text": "canary" * 1_667}, "segment_too_long", "original_text"),
        ({"original_language": "\u0001"}, "text_has_control_characters", "original_language"),
        ({"speaker": "canary\udfff"}, "text_not_valid_unicode", "speaker"),
        ({"speaker": "c" * 201}, "field_not_valid", "speaker"),
        ({"speaker": ""}, "field_not_valid", "speaker"),
        ({"section": "\u0000"}, "text_has_control_characters", "section"),
        ({"external_id": "c" * 201}, "field_not_valid", "external_id"),
        ({"external_id": "\u0000"}, "text_has_control_characters", "external_id"),
        ({"paragraph": 0}, "field_not_valid", "paragraph"),
        ({"paragraph": 2**31}, "field_not_valid", "paragraph"),
        ({"paragraph": True}, "field_not_valid", "paragraph"),
        ({"paragraph": "1"}, "field_not_valid", "paragraph"),
        ({"role": "canary"}, "field_not_valid", "role"),
        ({"id": 1}, "unknown_or_repeated_field", "id"),
    ]
    for fields, code, place in wrong:
        row = {name: value for name, value in {"text": "Canary", **fields}.items() if value is not ...}
        rows = [{"text": "a"}, {"text": "b"}, {"text": "c"}, row]
        content = json.dumps({"segments": rows})
        headers = {"Content-Type": "application/json"}
        response = project_client.put(f"{project}/transcripts/t", content=content, headers=headers)
        problem = problem_of(response)
        assert (response.status_code, problem["code"], problem["place"]) == (422, code, f"segments[3].{place}"), fields
    assert row_counts() == before


def test_a_transcript_that_cannot_be_is_refused(
    project_client: TestClient, new_project: NewProject, problem_of: ProblemOf, row_counts: RowCounts
) -> None:
    project = new_project()
    before = row_counts()
    wrong: list[tuple[Row, str, str]] = [
        ({"segments": []}, "field_not_valid", "segments"),
        ({"segments": ...}, "field_not_valid", "segments"),
        ({"segments": [{"text": "a"}] * 20_001}, "field_not_valid", "segments"),
        ({"segments": [{"text": "a"}, "canary"]}, "field_not_valid", "segments[1]"),
        ({"label": "c" * 201}, "field_not_valid", "label"),
        ({"label": "canary\u0000"}, "text_has_control_characters", "label"),
        ({"site": "canary\ud800"}, "text_not_valid_unicode", "site"),
        ({"language": 7}, "field_not_valid", "language"),
        ({"version": 1}, "unknown_or_repeated_field", "version"),
    ]
    for fields, code, place in wrong:
        body = {name: value for name, value in {"segments": [{"text": "a"}], **fields}.items() if value is not ...}
        headers = {"Content-Type": "application/json"}
        response = project_client.put(f"{project}/transcripts/t", content=json.dumps(body), headers=headers)
        problem = problem_of(response)
        assert (response.status_code, problem["code"], problem["place"]) == (422, code, place)
    for named in ("c" * 201, "ext:" + "c" * 201, "ext:"):
        response = project_client.put(f"{project}/transcripts/{named}", json={"segments": [{"text": "a"}]})
        problem = problem_of(response)
        assert (response.status_code, problem["code"], problem["place"]) == (422, "invalid_id", "transcript_id")
    assert row_counts() == before


def test_segments_are_listed_in_reading_order_across_pages(project_client: TestClient, new_project: NewProject) -> None:
    project, other = new_project(), new_project()
    upload(project_client, project, TURNS, site="BU")
    upload(project_client, other, TURNS, site="BU")
    put(project_client, project, "d", "e", "f", "g", site="DS")
    upload(project_client, project, "M1: Why?\n\nU1: Because.\n\nU2: x", site="BU")
    # Put again, so that the order of reading is not that of the numbers.
    put(project_client, project, "g", "n", "d", site="DS")
    whole = read_segments(project_client, project)
    assert [one["text"][:10] for one in whole] == [
        *("What helps", "They give ", "Cost is a "),
        *("g", "n", "d"),
        *("Why?", "Because.", "x"),
    ]
    for limit in (1, 2, 3, 4, 9):
        found, cursor, pages = [], None, 0
        while cursor or not pages:
            query = {"limit": limit, **({"cursor": cursor} if cursor else {})}
            answer = project_client.get(f"{project}/segments", params=query).json()
            found += answer["items"]
            cursor = answer["next_cursor"]
            pages += 1
        assert (found, pages) == (whole, -(-9 // limit))

    def texts(**query: Any) -> list[str]:
        return [one["text"] for one in read_segments(project_client, project, **query)]

    assert texts(transcript="ext:t") == ["g", "n", "d"] == texts(site="DS")
    assert texts(speaker="U1") == ["Because."]
    assert texts(role="moderator", site="BU") == ["What helps?", "Why?"]
    assert texts(role="moderator", transcript="ext:t") == texts(site="bu") == texts(site="' OR 1=1 --") == []
    assert texts(speaker="%") == texts(speaker="U_") == []
    cursor = project_client.get(f"{project}/segments", params={"role": "participant", "limit": 3}).json()["next_cursor"]
    assert texts(role="participant", cursor=cursor) == ["n", "d", "Because.", "x"]


def test_an_unknown_filter_is_refused(client: TestClient, problem_of: ProblemOf) -> None:
    address = "/v1/projects/1/segments"
    for query in (
        "code=x",
        "text=canary",
        "site__ne=x",
        "order_by=text",
        "sort=text",
        "site=a&site=b",
        "external_id=x",
    ):
        response = client.get(f"{address}?{query}")
        assert (response.status_code, problem_of(response)["code"]) == (422, "unknown_or_repeated_field")
    for query in ("role=canary", "role=", "site=", f"site={'c' * 201}", "speaker=", "limit=1000000000", "transcript="):
        response = client.get(f"{address}?{query}")
        problem = problem_of(response)
        assert (response.status_code, problem["code"]) == (422, "field_not_valid")
        assert problem["place"] == query.split("=")[0]
    for name in ("site", "speaker"):
        response = client.get(f"{address}?{name}=canary%00")
        problem = problem_of(response)
        assert (response.status_code, problem["place"]) == (422, name)
        assert problem["code"] == "text_has_control_characters"


def test_transcripts_are_listed_in_pages(project_client: TestClient, new_project: NewProject, stored: Database) -> None:
    project = new_project()
    data = lines(*({"text": "a", "document": f"d{number}"} for number in range(5)))
    upload(project_client, project, data, "application/jsonl")
    named, cursor = [], ""
    for _ in range(3):
        query = {"limit": 2, **({"cursor": cursor} if cursor else {})}
        answer = project_client.get(f"{project}/transcripts", params=query).json()
        named += [one["external_id"] for one in answer["items"]]
        cursor = answer["next_cursor"]
    assert (named, cursor) == ([f"d{number}" for number in range(5)], None)
    with stored.read() as connection:
        assert connection.execute(select(func.count()).select_from(transcripts)).scalar() == 5
