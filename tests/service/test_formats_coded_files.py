"""Coded segments as examples: their references, and what is refused in which line."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from models.suggester import Example
from service.errors import InputError, MalformedJson
from service.formats.coded_files import example_from_row, read_examples

SECRET = "Zwiebelturm"


def coded(**changes: Any) -> dict[str, Any]:
    return {"text": "a", "codes": ["hope"], **changes}


def examples_of(folder: Path, *rows: Mapping[str, Any]) -> list[tuple[str, Example]]:
    path = folder / "coded.jsonl"
    path.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    return read_examples(path)


@pytest.mark.parametrize(
    ("labels", "reference"),
    [
        ({"site": "BU", "document": "focus-group-bu", "paragraph": 11, "id": "q-bu-11"}, "BU 11"),
        ({"document": "Interview 3", "paragraph": "12a", "id": "q"}, "Interview 3 12a"),
        ({"site": "BU", "id": "q-bu-11"}, "q-bu-11"),
        ({"paragraph": 11, "id": 7}, "7"),
        ({"site": "", "document": "Interview 3", "paragraph": 0}, "Interview 3 0"),
        ({"site": "BU"}, "BU"),
        ({"document": "Interview 3", "paragraph": None}, "Interview 3"),
        ({"paragraph": 11}, None),
        ({}, None),
    ],
)
def test_an_example_is_cited_by_site_and_paragraph_or_by_what_there_is(
    labels: dict[str, Any], reference: str | None
) -> None:
    assert example_from_row(coded(**labels), "").reference == reference


def test_an_example_knows_the_document_it_comes_from() -> None:
    documents = [example_from_row(coded(**labels), "").document for labels in ({}, {"site": "BU"}, {"document": 3})]
    assert documents == [None, None, "3"]


def test_codes_keep_their_order_and_stand_once() -> None:
    assert example_from_row(coded(codes=["b", "a", "b"]), "").codes == ("b", "a")
    assert example_from_row(coded(codes=[]), "").codes == ()


def test_unknown_keys_are_passed_over_and_the_text_is_unchanged(tmp_path: Path) -> None:
    text = " e\u0301 \u202e \t tab "
    rows = [coded(text=text, coder="A", confidence={"high": 1})]
    assert examples_of(tmp_path, *rows) == [("line 1", Example(text=text, codes=("hope",)))]


def test_rejected_codes_are_read_beside_those_that_apply_or_alone(tmp_path: Path) -> None:
    rows = [coded(rejected=["x", "x"]), coded(codes=[], rejected=["x"]), {"text": "a", "rejected": ["x"]}]
    examples = [example for _, example in examples_of(tmp_path, *rows)]
    assert [(one.codes, one.rejected) for one in examples] == [(("hope",), ("x",)), ((), ("x",)), ((), ("x",))]
    assert example_from_row(coded(rejected=None), "").rejected == ()


def test_the_same_segment_of_several_coders_gives_several_examples(tmp_path: Path) -> None:
    rows = [coded(id="1", coder="A"), coded(id="1", coder="B", codes=[])]
    assert [example.codes for _, example in examples_of(tmp_path, *rows)] == [("hope",), ()]


@pytest.mark.parametrize(
    ("row", "code", "place"),
    [
        ({"codes": ["hope"]}, "field_not_valid", "line 2, text"),
        ({"text": None, "codes": []}, "field_not_valid", "line 2, text"),
        ({"text": SECRET}, "field_not_valid", "line 2, codes"),
        ({"text": SECRET, "codes": "hope"}, "field_not_valid", "line 2, codes"),
        ({"text": SECRET, "codes": [1]}, "field_not_valid", "line 2, codes"),
        ({"text": SECRET, "codes": ["hope"] * 101}, "field_not_valid", "line 2, codes"),
        (coded(text=SECRET, rejected="hope"), "field_not_valid", "line 2, rejected"),
        ({"text": SECRET, "rejected": []}, "field_not_valid", "line 2, codes"),
        (coded(text=SECRET * 1_000), "segment_too_long", "line 2, text"),
        (coded(text=SECRET, site=["BU"]), "field_not_valid", "line 2, site"),
        (coded(text=SECRET, paragraph=1.5), "field_not_valid", "line 2, paragraph"),
        (coded(text=SECRET, document=True), "field_not_valid", "line 2, document"),
        (coded(text=SECRET, document=SECRET * 20), "field_not_valid", "line 2, document"),
        (coded(text=f"{SECRET}\x07"), "text_has_control_characters", "line 2"),
        (coded(text=f"{SECRET}\ud800"), "text_not_valid_unicode", "line 2"),
    ],
)
def test_a_bad_row_is_refused_by_its_line_and_field(tmp_path: Path, row: dict[str, Any], code: str, place: str) -> None:
    with pytest.raises(InputError) as caught:
        examples_of(tmp_path, coded(), row)
    assert caught.value.code == code
    assert str(caught.value.place).startswith(place)
    assert SECRET not in str(caught.value)


def test_broken_json_is_refused_by_its_line(tmp_path: Path) -> None:
    (tmp_path / "coded.jsonl").write_text(f'{json.dumps(coded())}\n{{"text": "{SECRET}', encoding="utf-8")
    with pytest.raises(MalformedJson) as caught:
        read_examples(tmp_path / "coded.jsonl")
    assert caught.value.place == "line 2"
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("name", ["coded.csv", "coded.json", "coded", "absent.jsonl", "."])
def test_another_kind_of_file_is_refused(tmp_path: Path, name: str) -> None:
    if name not in ("absent.jsonl", "."):
        (tmp_path / name).write_text(json.dumps(coded()), encoding="utf-8")
    with pytest.raises(InputError) as caught:
        read_examples(tmp_path / name)
    assert caught.value.code == "file_not_accepted"
