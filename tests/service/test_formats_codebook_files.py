"""Codebook files: built-in ids and .json files, and what is refused."""

import json
from pathlib import Path
from typing import Any

import pytest

from models.codebook import built_in_codebook
from models.errors import CodebookNotAccepted
from service import limits
from service.errors import ServiceError
from service.formats.codebook_files import read_codebook

SECRET = "Zwiebelturm"


def file_of(folder: Path, document: Any, name: str = "study.json") -> str:
    path = folder / name
    path.write_text(json.dumps(document), encoding="utf-8")
    return str(path)


def test_a_built_in_codebook_is_read_by_its_id() -> None:
    assert read_codebook("upsides").version == built_in_codebook("upsides").version


def test_a_codebook_file_without_an_id_takes_the_name_of_the_file(tmp_path: Path) -> None:
    codebook = read_codebook(file_of(tmp_path, {"name": "Study", "codes": [{"id": "hope", "name": "Hope"}]}))
    assert (codebook.id, codebook.name, [code.id for code in codebook.leaves]) == ("study", "Study", ["hope"])


def test_a_codebook_file_keeps_what_it_says_and_what_is_unknown(tmp_path: Path) -> None:
    document = {
        "id": "own",
        "name": "Study",
        "glossary": {"PSW": "peer support worker"},
        "codes": [
            {"id": "a", "name": "Gains", "parent": None},
            {"id": "b", "name": "Hope", "parent": "a", "description": "=1+1 <script>", "memo": ["kept"]},
        ],
        "licence": "CC BY 4.0",
    }
    assert read_codebook(file_of(tmp_path, document)).to_json() == document


@pytest.mark.parametrize("name", ["Upsides", "upsides.csv", "study", "", "../study", "http://127.0.0.1/study"])
def test_a_name_that_is_neither_built_in_nor_a_json_file_is_unknown(name: str) -> None:
    with pytest.raises(ServiceError) as caught:
        read_codebook(name)
    assert caught.value.code == "codebook_unknown"


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "malformed_json"),
        (b'{"name": "Zwiebelturm', "malformed_json"),
        ('{"name": "Zwiebelt\u00fcrme"}'.encode("latin-1"), "malformed_json"),
        (b'{"codes": [], "codes": []}', "unknown_or_repeated_field"),
        (b'{"codes": [{"id": "a", "name": "Zwiebelturm\\u0000"}]}', "text_has_control_characters"),
        (b'{"codes": [{"id": "a", "name": "Zwiebelturm\\ud800"}]}', "text_not_valid_unicode"),
        (b'{"codes": [{"id": "a", "name": "b", "weight": 1e999}]}', "number_not_finite"),
        (b" " * (limits.MAX_CODEBOOK_FILE_BYTES + 1), "file_not_accepted"),
    ],
)
def test_a_file_that_leaves_doubt_is_refused(tmp_path: Path, data: bytes, code: str) -> None:
    (tmp_path / "study.json").write_bytes(data)
    with pytest.raises(ServiceError) as caught:
        read_codebook(str(tmp_path / "study.json"))
    assert caught.value.code == code
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    ("codes", "code", "places"),
    [
        ([], "codebook_not_accepted", ("codes",)),
        ([{"id": "a"}], "codebook_not_accepted", ("codes[0].name",)),
        ([{"id": "a", "name": SECRET, "parent": "x"}], "code_parent_unknown", ("codes[0].parent",)),
        ([{"id": "a", "name": SECRET, "parent": "a"}], "code_cycle", ("codes[0]",)),
        ([{"id": "a", "name": SECRET}, {"id": "a", "name": "b"}], "code_id_repeated", ("codes[0]", "codes[1]")),
        ([{"id": "a", "name": SECRET}, {"id": "b", "name": SECRET}], "code_path_repeated", ("codes[0]", "codes[1]")),
        (
            [{"id": "a", "name": SECRET}, {"id": "b", "name": f" {SECRET.upper()}"}],
            "code_name_too_similar",
            ("codes[0]", "codes[1]"),
        ),
    ],
)
def test_a_codebook_with_a_mistake_is_refused_by_its_place(
    tmp_path: Path, codes: list[dict[str, Any]], code: str, places: tuple[str, ...]
) -> None:
    with pytest.raises(CodebookNotAccepted) as caught:
        read_codebook(file_of(tmp_path, {"name": "Study", "codes": codes}))
    assert (caught.value.code, caught.value.places) == (code, places)
    assert SECRET not in str(caught.value)


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    (tmp_path / "folder.json").mkdir()
    for name in ("folder.json", "absent.json"):
        with pytest.raises(ServiceError) as caught:
            read_codebook(str(tmp_path / name))
        assert caught.value.code == "file_not_accepted"
