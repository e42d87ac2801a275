"""Exports: what stands and who decided it, told apart, exact, and usable again."""

import csv
import io
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import insert

from models.codebook import Code, Codebook
from service import limits
from service.actions.create_project import create_project
from service.actions.decide import Decide, Decided, Wish
from service.actions.export_codings import export_codings, export_decisions
from service.actions.import_transcripts import Defaults, import_transcripts
from service.api.routes import exports as routes
from service.app import create_app
from service.errors import NotFound
from service.formats.coding_exports import (
    CODING_COLUMNS,
    DECISION_COLUMNS,
    CodedRow,
    Finding,
    Format,
    Mode,
    coding_export,
    decision_export,
)
from service.formats.transcript_files import read_transcripts
from service.settings import HASHING_MODEL, Settings
from service.storage import exports as storage
from service.storage.database import Database
from service.storage.projects import Project, analyst_id, project
from service.storage.references import ExternalId
from service.storage.tables import suggestions
from service.storage.transcripts import Segment, list_segments

CODEBOOK = Codebook(
    id="peers",
    name="Peers",
    codes=[
        Code(id="benefits", name="Benefits"),
        Code(id="hope", name="Hope", parent="benefits"),
        Code(id="cost", name="=Cost"),
        Code(id="stigma", name="Stigma"),
    ],
)
HOSTILE = {
    "formula": '=HYPERLINK("http://x","y")',
    "formula behind a mark": "\ufeff=1+1",
    "formula behind a quote": '"=1+1"',
    "apostrophe before a formula": "'=1+1",
    "full width": "\uff1d1+1",
    "minus": "-- no",
    "tab": "\tindented",
    "lines": "one\ntwo\n\nthree",
    "other line ends": "one\u2028two\u2029three\u0085four",
    "right to left": "\u202eevil\u202c \u05e9\u05dc\u05d5\u05dd",
    "emoji": "\U0001f468\u200d\U0001f469\u200d\U0001f467 \U0001f1fa\U0001f1ec",
    "script": "</script><script>alert(1)</script>",
    "quotes": 'She said "never", then; left.',
    "composed": "e\u0301 \u00e9",
    "long": "w " * 4_999 + "w",
}


@dataclass(frozen=True, kw_only=True)
class Study:
    """A project in which everything that can stand stands somewhere."""

    database: Database
    project: Project
    segments: Mapping[str, Segment]

    def rows(self, format: Format = "csv", mode: Mode = "data") -> Any:
        found = export_codings(self.database, self.project.id)
        assert found.project_id == self.project.id
        return parsed(coding_export(found.rows, format, mode), format)

    def trail(self, format: Format = "csv", mode: Mode = "data") -> Any:
        found = export_decisions(self.database, self.project.id)
        return parsed(decision_export(found.rows, format, mode), format)

    def decide(self, analyst: str, wish: Wish) -> Decided:
        with self.database.write() as connection:
            number = analyst_id(connection, analyst)
        [decided] = Decide(self.database)(
            project_id=self.project.id,
            coding_set_id=self.project.coding_set_id,
            analyst_id=number,
            wishes=[wish],
            active_codes=lambda _: [code.id for code in CODEBOOK.codes],
        )
        return decided

    def suggest(self, segment: str, code: str) -> int:
        values = {
            "project_id": self.project.id,
            "coding_set_id": self.project.coding_set_id,
            "segment_id": self.segments[segment].id,
            "code": code,
            "rank": 1,
            "score": 0.123456789,
            "basis": "prior",
            "content": "{}",
            "model_version": "minilm-1",
            "codebook_version_id": self.project.codebook_version_id,
        }
        with self.database.write() as connection:
            return int((connection.execute(insert(suggestions).values(values)).inserted_primary_key or [0])[0])


def parsed(pieces: Iterator[bytes], format: Format) -> list[dict[str, Any]]:
    text = b"".join(pieces).decode("utf-8")
    if format == "jsonl":
        return [json.loads(line) for line in text.split("\n")[:-1]]
    return list(csv.DictReader(io.StringIO(text, newline=""), strict=True))


def jsonl(*rows: Mapping[str, Any]) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def bring_in(database: Database, data: bytes, **about: str) -> Study:
    made = create_project(database, name="Peers", codebook=CODEBOOK, **about)
    import_transcripts(database, made, CODEBOOK, read_transcripts(data, "jsonl"), Defaults())
    with database.read() as connection:
        found = list_segments(connection, made.id)
    return Study(database=database, project=made, segments={one.external_id or str(one.id): one for one in found})


def row(id: str, paragraph: int, **other: Any) -> dict[str, Any]:
    own = {"id": id, "document": "ug-1", "site": "BU", "paragraph": paragraph, "speaker": "B1"}
    return {**own, "text": f"They give hope, {id}.", **other}


@pytest.fixture
def study(database: Database) -> Study:
    study = bring_in(
        database,
        jsonl(
            row("accepted", 11, section="Benefits", original_text="Matumaini", original_language="sw"),
            row("rejected", 12),
            row("replaced", 13),
            row("undone", 14),
            row("hand", 15),
            row("none", 16),
            row("file", 17, codes=["hope"], coder="Mia"),
            row("file", 17, codes=[], coder="Noa"),
            row("not looked at", 18),
        ),
    )
    made = {name: study.suggest(name, "hope") for name in ("accepted", "rejected", "replaced", "undone", "none")}
    ids = {name: one.id for name, one in study.segments.items()}
    study.decide("Ada", Wish(kind="accept", suggestion_id=made["accepted"]))
    study.decide("Ada", Wish(kind="reject", suggestion_id=made["rejected"]))
    study.decide("Ben", Wish(kind="replace", suggestion_id=made["replaced"], code="cost"))
    wrong = study.decide("Ada", Wish(kind="accept", suggestion_id=made["undone"]))
    study.decide("Ben", Wish(kind="undo", decision_id=wrong.decision_id))
    study.decide("Ada", Wish(kind="code", segment_id=ids["hand"], code="stigma", suggestions_visible=False))
    study.decide("Ada", Wish(kind="reject", suggestion_id=made["none"]))
    study.decide("Ada", Wish(kind="no_code", segment_id=ids["none"]))
    return study


def brief(rows: Sequence[Mapping[str, str]]) -> list[tuple[str, ...]]:
    return [tuple(row[name] for name in ("segment_id", "status", "code", "coder", "decided_by")) for row in rows]


def test_whatever_stands_can_be_told_apart(study: Study) -> None:
    assert brief(study.rows()) == [
        ("accepted", "accepted", "hope", "shared", "Ada"),
        ("rejected", "rejected", "hope", "shared", "Ada"),
        ("replaced", "replaced", "cost", "shared", "Ben"),
        ("replaced", "rejected", "hope", "shared", "Ben"),
        ("hand", "hand", "stigma", "shared", "Ada"),
        ("none", "no_code", "", "shared", "Ada"),
        ("none", "rejected", "hope", "shared", "Ada"),
        ("file", "file", "hope", "Mia", ""),
        ("file", "no_code", "", "Noa", ""),
    ]


def test_a_row_says_what_the_machine_had_said_and_how_the_segment_is_cited(study: Study) -> None:
    first, _, replaced, replaced_one, by_hand, *_ = study.rows()
    assert tuple(first) == CODING_COLUMNS
    assert first.pop("decided_at").endswith("+00:00")
    assert first == {
        "reference": "BU 11",
        "site": "BU",
        "transcript": "ug-1",
        "paragraph": "11",
        "speaker": "B1",
        "section": "Benefits",
        "segment_id": "accepted",
        "text": "They give hope, accepted.",
        "status": "accepted",
        "code": "hope",
        "code_name": "Hope",
        "code_path": "Benefits > Hope",
        "replaced_by": "",
        "score": "0.123456789",
        "model_version": "minilm-1",
        "codebook_version": "1",
        "coder": "shared",
        "round": "Round 1",
        "decided_by": "Ada",
        "suggestions_visible": "true",
    }
    assert (replaced["score"], replaced_one["score"], replaced_one["replaced_by"]) == ("", "0.123456789", "cost")
    assert (by_hand["score"], by_hand["model_version"], by_hand["suggestions_visible"]) == ("", "", "false")


def test_a_rejected_code_that_was_set_all_the_same_is_not_rejected(study: Study) -> None:
    study.decide("Ada", Wish(kind="code", segment_id=study.segments["rejected"].id, code="hope"))
    assert [one[1] for one in brief(study.rows()) if one[0] == "rejected"] == ["hand"]


def test_jsonl_has_a_line_for_each_coder_where_a_code_stands_or_none_applies(study: Study) -> None:
    rows = study.rows("jsonl")
    assert [(one["id"], one["coder"], one["codes"], one["rejected"]) for one in rows] == [
        ("accepted", "shared", ["hope"], []),
        ("replaced", "shared", ["cost"], ["hope"]),
        ("hand", "shared", ["stigma"], []),
        ("none", "shared", [], ["hope"]),
        ("file", "Mia", ["hope"], []),
        ("file", "Noa", [], []),
    ]
    first = rows[0]
    coding = first.pop("codings")[0]
    assert coding.pop("decided_at").endswith("+00:00")
    assert coding == {
        "code": "hope",
        "origin": "accepted",
        "score": 0.123456789,
        "model_version": "minilm-1",
        "codebook_version": 1,
        "decided_by": "Ada",
        "suggestions_visible": True,
    }
    assert first == {
        "id": "accepted",
        "text": "They give hope, accepted.",
        "codes": ["hope"],
        "rejected": [],
        "document": "ug-1",
        "label": "BU",
        "site": "BU",
        "language": None,
        "paragraph": 11,
        "speaker": "B1",
        "role": "participant",
        "section": "Benefits",
        "original_text": "Matumaini",
        "original_language": "sw",
        "coder": "shared",
        "round": "Round 1",
        "reference": "BU 11",
        "no_code": None,
    }
    assert rows[3]["no_code"]["decided_by"] == "Ada"
    assert rows[5]["no_code"] == {"decided_by": None, "decided_at": None, "suggestions_visible": None}


def test_the_trail_holds_every_decision_also_those_that_were_undone(study: Study) -> None:
    rows = study.trail("jsonl")
    assert [tuple(one) for one in rows] == [DECISION_COLUMNS] * 8
    assert [(one["number"], one["analyst"], one["kind"], one["reference"], one["code"]) for one in rows] == [
        (1, "Ada", "accept", "BU 11", "hope"),
        (2, "Ada", "reject", "BU 12", "hope"),
        (3, "Ben", "replace", "BU 13", "cost"),
        (4, "Ada", "accept", "BU 14", "hope"),
        (5, "Ben", "undo", "BU 14", "hope"),
        (6, "Ada", "code", "BU 15", "stigma"),
        (7, "Ada", "reject", "BU 16", "hope"),
        (8, "Ada", "no_code", "BU 16", None),
    ]
    replaced, undone, undo, by_hand = rows[2:6]
    assert (replaced["suggested_code"], replaced["score"], replaced["code_name"]) == ("hope", 0.123456789, "=Cost")
    assert (undone["undone_by"], undo["undoes"]) == (undo["decision_id"], undone["decision_id"])
    assert (by_hand["suggested_code"], by_hand["score"], by_hand["suggestions_visible"]) == (None, None, False)
    as_csv = study.trail()
    assert [tuple(one) for one in as_csv] == [DECISION_COLUMNS] * 8
    assert [one["decision_id"] for one in as_csv] == [str(one["decision_id"]) for one in rows]
    assert as_csv[5]["suggestions_visible"] == "false"


def test_another_projects_work_is_in_neither_export(study: Study) -> None:
    other = bring_in(study.database, jsonl(row("file", 1, codes=["cost"], coder="Mia")))
    assert brief(other.rows()) == [("file", "file", "cost", "Mia", "")]
    assert other.trail() == []
    assert len(study.rows()) == 9


def test_an_empty_project_gives_a_header_alone(database: Database) -> None:
    made = create_project(database, name="Empty", codebook=CODEBOOK, external_id="e")
    found = export_codings(database, ExternalId("e"))
    assert found.project_id == made.id
    assert b"".join(coding_export(found.rows, "csv", "data")).decode() == ",".join(CODING_COLUMNS) + "\r\n"
    assert b"".join(coding_export(found.rows, "jsonl", "data")) == b""


@pytest.mark.parametrize("act", [export_codings, export_decisions])
def test_a_project_that_is_not_there_is_not_found(database: Database, act: Any) -> None:
    with pytest.raises(NotFound):
        act(database, 1)


def test_an_export_is_one_state_whatever_is_decided_meanwhile(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    before, read = study.rows(), storage.standing_no_codes

    def decided_meanwhile(connection: Any, project_id: int) -> Any:
        study.decide("Ben", Wish(kind="no_code", segment_id=study.segments["not looked at"].id))
        return read(connection, project_id)

    monkeypatch.setattr(storage, "standing_no_codes", decided_meanwhile)
    assert study.rows() == before
    monkeypatch.undo()
    assert len(study.rows()) == len(before) + 1


def test_what_is_exported_can_be_brought_in_again(study: Study) -> None:
    exported = study.rows("jsonl")
    again = bring_in(study.database, jsonl(*exported))
    assert [one.reference for one in again.segments.values()] == ["BU 11", "BU 13", "BU 15", "BU 16", "BU 17"]
    told = ("id", "text", "codes", "coder", "document", "site", "paragraph", "speaker", "role", "section")
    told += ("original_text", "original_language", "reference")

    def what(rows: Any) -> list[Any]:
        return [[one[name] for name in told] for one in rows]

    assert what(again.rows("jsonl")) == what(exported)
    assert {one["origin"] for line in again.rows("jsonl") for one in line["codings"]} == {"file"}


def test_coders_and_documents_of_one_name_are_told_apart(database: Database) -> None:
    rows = [row("1", 1, codes=["hope"], coder="shared"), row("2", 2, document="X", site="ug-1"), row("3", 3)]
    del rows[2]["document"]
    study = bring_in(database, jsonl(*rows[:2], {**rows[2], "site": "Y"}))
    for one in study.segments.values():
        study.decide("Ada", Wish(kind="code", segment_id=one.id, code="cost"))
    found = [(one["id"], one["coder"], one["document"]) for one in study.rows("jsonl")]
    assert found == [
        ("1", "shared (round 1)", "ug-1"),
        ("1", "shared", "ug-1"),
        ("2", "shared (round 1)", "X"),
        ("3", "shared (round 1)", "Y"),
    ]


# Texts


@pytest.mark.parametrize("format", ["csv", "jsonl"])
def test_hostile_texts_come_out_as_they_went_in(database: Database, format: Format) -> None:
    rows = [row(name, n, text=text, codes=["cost"], coder="Mia") for n, (name, text) in enumerate(HOSTILE.items(), 1)]
    study = bring_in(database, jsonl(*rows))
    assert [one["text"] for one in study.rows(format)] == list(HOSTILE.values())
    if format == "csv":
        cells = study.rows(mode="spreadsheet")
        assert [text_of(one["text"]) for one in cells] == list(HOSTILE.values())
        assert [one["code_name"] for one in cells] == ["'=Cost"] * len(HOSTILE)
        assert not any(one["text"].startswith(STARTS) for one in cells)


STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20", '"', "\ufeff")


def text_of(cell: str) -> str:
    """What stood in a cell before it was made fit for spreadsheets."""
    return cell[1:] if cell.startswith("'") and cell.lstrip("'").startswith(STARTS) else cell


def a_row(**of_segment: Any) -> CodedRow:
    blank = dict.fromkeys(("site", "document", "label", "paragraph", "speaker", "section", "id", "reference"), "")
    finding = Finding(status="hand", code="hope")
    return CodedRow(segment={**blank, "text": "", **of_segment}, coder="Mia", round="R", findings=[finding])


@given(st.lists(st.tuples(st.text(), st.text()), max_size=5))
def test_csv_in_data_mode_reads_back_exactly(texts: list[tuple[str, str]]) -> None:
    rows = [a_row(text=text, speaker=speaker) for text, speaker in texts]
    found = parsed(coding_export(rows, "csv", "data"), "csv")
    assert [(one["text"], one["speaker"]) for one in found] == texts


@given(st.text(st.sampled_from("'=+-@\t\"\ufeff\uff1d1.a ")))
def test_no_two_texts_share_a_cell_in_spreadsheet_mode(text: str) -> None:
    rows = [a_row(text=text), a_row(text=f"'{text}")]
    cells = [one["text"] for one in parsed(coding_export(rows, "csv", "spreadsheet"), "csv")]
    assert cells[0] != cells[1]
    assert cells[0] in (text, f"'{text}")
    assert not cells[0].startswith(STARTS) or cells[0][1:].replace(".", "", 1).isdigit()


def test_csv_for_spreadsheets_says_that_it_is_utf8() -> None:
    assert b"".join(coding_export([], "csv", "spreadsheet")).startswith(b"\xef\xbb\xbfreference,")
    assert b"".join(coding_export([], "csv", "data")).startswith(b"reference,")


def test_no_text_is_too_long_for_a_spreadsheets_cell() -> None:
    assert 2 * limits.MAX_SEGMENT_CHARACTERS + 1 <= 32_767


def test_large_exports_come_in_pieces() -> None:
    rows = [a_row(text="word " * 1_000)] * 100
    pieces = list(coding_export(rows, "csv", "data"))
    assert len(pieces) > 5
    assert max(len(piece) for piece in pieces) < 100_000
    assert len(parsed(iter(pieces), "csv")) == 100


# HTTP


@pytest.fixture
def client() -> Iterator[TestClient]:
    app = create_app(Settings(model=HASHING_MODEL))
    if not any("/exports/" in str(path) for path in app.openapi()["paths"]):
        app.include_router(routes.router)
    with TestClient(app, base_url="http://127.0.0.1:8000") as client:
        while client.get("/health/ready").status_code != 200:
            time.sleep(0.05)
        yield client


@pytest.fixture
def address(client: TestClient) -> str:
    body = {"name": "Peers", "external_id": "peers", "codebook": CODEBOOK.to_json()}
    assert client.post("/v1/projects", json=body).status_code == 201
    rows = jsonl(
        row("file", 11, codes=["hope"], coder="Mia", text=HOSTILE["formula"]),
        row("none", 12, codes=[], coder="Mia"),
        row("hand", 13),
    )
    headers = {"Content-Type": "application/jsonl"}
    assert client.post("/v1/projects/ext:peers/transcripts", content=rows, headers=headers).status_code == 201
    database = Database(Settings().database_url)
    with database.read() as connection:
        found = project(connection, ExternalId("peers"))
        made = {one.external_id or "": one for one in list_segments(connection, found.id)}
    study = Study(database=database, project=found, segments=made)
    study.decide("Ada", Wish(kind="code", segment_id=made["hand"].id, code="hope"))
    database.close()
    return "/v1/projects/ext:peers/exports"


@pytest.mark.parametrize(
    ("query", "media_type", "name"),
    [
        ("codings", "text/csv; charset=utf-8", "codings.csv"),
        ("codings?format=csv&mode=data", "text/csv; charset=utf-8", "codings.csv"),
        ("codings?format=jsonl", "application/jsonl", "codings.jsonl"),
        ("decisions", "text/csv; charset=utf-8", "decisions.csv"),
        ("decisions?format=jsonl", "application/jsonl", "decisions.jsonl"),
    ],
)
def test_an_export_is_a_file_to_be_saved(
    client: TestClient, address: str, query: str, media_type: str, name: str, guarded: Any
) -> None:
    answer = client.get(f"{address}/{query}")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == media_type
    number = client.get("/v1/projects/ext:peers").json()["id"]
    assert answer.headers["content-disposition"] == f'attachment; filename="project-{number}-{name}"'
    guarded(answer)


def test_the_exports_over_http_say_what_the_project_holds(client: TestClient, address: str) -> None:
    data = client.get(f"{address}/codings?mode=data").content
    rows = parsed(iter([data]), "csv")
    assert [(one["reference"], one["status"]) for one in rows] == [
        ("BU 11", "file"),
        ("BU 12", "no_code"),
        ("BU 13", "hand"),
    ]
    assert rows[0]["text"] == HOSTILE["formula"]
    for_people = client.get(f"{address}/codings").content
    assert parsed(iter([for_people.removeprefix(b"\xef\xbb\xbf")]), "csv")[0]["text"] == f"'{HOSTILE['formula']}"
    trail = parsed(iter([client.get(f"{address}/decisions?format=jsonl").content]), "jsonl")
    assert [(one["analyst"], one["kind"], one["reference"]) for one in trail] == [("Ada", "code", "BU 13")]


def test_jsonl_can_be_uploaded_into_another_project(client: TestClient, address: str) -> None:
    exported = client.get(f"{address}/codings?format=jsonl").content
    client.post("/v1/projects", json={"name": "Again", "external_id": "again", "codebook": CODEBOOK.to_json()})
    headers = {"Content-Type": "application/jsonl"}
    assert client.post("/v1/projects/ext:again/transcripts", content=exported, headers=headers).status_code == 201
    again = client.get("/v1/projects/ext:again/exports/codings?format=jsonl").content
    keys = ("id", "text", "codes", "coder", "reference")
    both = [[[one[key] for key in keys] for one in parsed(iter([data]), "jsonl")] for data in (exported, again)]
    assert both[0] == both[1]


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("ext:nobody/exports/codings", "not_found"),
        ("0/exports/decisions", "invalid_id"),
        ("ext:peers/exports/codings?format=xlsx", "field_not_valid"),
        ("ext:peers/exports/codings?mode=", "field_not_valid"),
        ("ext:peers/exports/codings?delimiter=x", "unknown_or_repeated_field"),
    ],
)
def test_what_cannot_be_exported_is_a_problem(
    client: TestClient, address: str, path: str, code: str, problem_of: Any
) -> None:
    assert problem_of(client.get(f"/v1/projects/{path}"))["code"] == code
