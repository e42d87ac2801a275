"""Files of suggestions: their three shapes, and that they are there whole or not at all."""

import csv
import json
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.errors import FileNotAccepted
from service.formats.spreadsheet_cells import spreadsheet_cell
from service.formats.suggestion_files import suggestion_writer

ENDINGS = (".jsonl", ".csv", ".parquet")


def step(code: str = "hope", name: str = "Hope", score: float = 0.5) -> dict[str, Any]:
    return {"code": code, "name": name, "score": score}


def suggestion(code: str = "hope", name: str = "Hope", score: float = 0.5) -> dict[str, Any]:
    evidence = {"kind": "definition", "text": "what it means", "similarity": 0.25, "reference": None}
    path = [step("benefits", "Benefits", 0.75), step(code, name, score)]
    return {"code": code, "name": name, "path": path, "score": score, "evidence": [evidence]}


def row(segment_id: str | int = "1", *suggestions: Mapping[str, Any], back_off: Any = None) -> dict[str, Any]:
    return {
        "id": segment_id,
        "abstained": not suggestions,
        "no_code": 0.25,
        "basis": "prior",
        "back_off": back_off,
        "suggestions": list(suggestions),
    }


def write_all(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    with suggestion_writer(path) as write:
        for written in rows:
            write(written)


def csv_lines(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file, strict=True))


# The three shapes


def test_jsonl_holds_one_row_a_line_as_it_is(tmp_path: Path) -> None:
    rows = [row("a", suggestion(name="Größe")), row(7), row("a", back_off=step() | {"path": [step()]})]
    write_all(tmp_path / "out.jsonl", rows)
    lines = (tmp_path / "out.jsonl").read_bytes().decode("utf-8").split("\n")
    assert lines.pop() == ""
    assert [json.loads(line) for line in lines] == rows
    assert "Größe" in lines[0]


def test_a_jsonl_row_stays_one_line_for_every_program(tmp_path: Path) -> None:
    name = "a\u2028b\u2029c\u0085d\ne\x1c"
    write_all(tmp_path / "out.jsonl", [row("a", suggestion(name=name))])
    (line,) = (tmp_path / "out.jsonl").read_text(encoding="utf-8").splitlines()
    assert json.loads(line)["suggestions"][0]["name"] == name


def test_csv_holds_one_line_a_suggestion_and_an_empty_one_where_there_is_none(tmp_path: Path) -> None:
    rows = [row("a", suggestion(), suggestion("cost", "Cost, money", 0.25)), row(7)]
    write_all(tmp_path / "out.csv", rows)
    assert csv_lines(tmp_path / "out.csv") == [
        ["id", "rank", "code", "name", "path", "score", "basis", "abstained"],
        ["a", "1", "hope", "Hope", "Benefits > Hope", "0.5", "prior", "false"],
        ["a", "2", "cost", "Cost, money", "Benefits > Cost, money", "0.25", "prior", "false"],
        ["7", "", "", "", "", "", "prior", "true"],
    ]


def test_a_lone_carriage_return_in_a_csv_cell_does_not_end_the_row(tmp_path: Path) -> None:
    write_all(tmp_path / "out.csv", [row("a\rb", suggestion(name="c\nd"))])
    assert csv_lines(tmp_path / "out.csv")[1][:4] == ["a\rb", "1", "hope", "c\nd"]


def test_parquet_holds_the_rows_with_ids_as_texts(tmp_path: Path) -> None:
    rows = [row("a", suggestion()), row(7), row("b", back_off=step() | {"path": [step()]})]
    write_all(tmp_path / "out.parquet", rows)
    table = pyarrow.parquet.read_table(tmp_path / "out.parquet")
    assert table.to_pylist() == [{**given, "id": str(given["id"])} for given in rows]


@pytest.mark.parametrize("rows", [[], [row("a")], [row("a", suggestion())], [row(str(n)) for n in range(2_500)]])
def test_the_parquet_schema_is_the_same_whatever_the_rows(tmp_path: Path, rows: list[dict[str, Any]]) -> None:
    write_all(tmp_path / "out.parquet", rows)
    step_type = pyarrow.struct({"code": pyarrow.string(), "name": pyarrow.string(), "score": pyarrow.float64()})
    schema = pyarrow.parquet.read_schema(tmp_path / "out.parquet")
    assert schema.names == ["id", "abstained", "no_code", "basis", "back_off", "suggestions"]
    assert schema.field("id").type == pyarrow.string()
    assert schema.field("back_off").type.field("path").type.value_type == step_type
    assert schema.field("suggestions").type.value_type.field("evidence").type.value_type.num_fields == 4
    assert pyarrow.parquet.read_metadata(tmp_path / "out.parquet").num_rows == len(rows)


def test_an_empty_run_gives_an_empty_file(tmp_path: Path) -> None:
    for ending in ENDINGS:
        write_all(tmp_path / f"out{ending}", [])
    assert (tmp_path / "out.jsonl").read_bytes() == b""
    assert len(csv_lines(tmp_path / "out.csv")) == 1


# Cells that a spreadsheet would take for a formula


FORMULAS = ["=1+1", "+1-2", "-x", "-", "@SUM(A1)", "\tx", "\rx", "\nx", '"=1', "\ufeff=1"]
FULL_WIDTH = ["\uff1d1", "\uff0b1x", "\uff0dx", "\uff20x"]


@pytest.mark.parametrize("text", [*FORMULAS, *FULL_WIDTH])
def test_a_cell_that_could_be_a_formula_gets_an_apostrophe(tmp_path: Path, text: str) -> None:
    write_all(tmp_path / "out.csv", [row(text, suggestion(code=text, name=text)), row(text)])
    lines = csv_lines(tmp_path / "out.csv")
    assert (lines[1][0], lines[1][2], lines[1][3], lines[2][0]) == (f"'{text}",) * 4


@pytest.mark.parametrize("value", [-7, "-7", "-0.5", "+1", "a=1", "1", "", "BU 11", "'", "'tis", "'-7"])
def test_other_cells_and_numbers_stay_as_they_are(value: str | int) -> None:
    assert spreadsheet_cell(value) == value


def test_an_apostrophe_that_was_there_before_can_be_told_from_ours() -> None:
    assert [spreadsheet_cell(text) for text in ("=1", "'=1", "''=1")] == ["'=1", "''=1", "'''=1"]


def test_a_path_whose_theme_could_be_a_formula_gets_an_apostrophe(tmp_path: Path) -> None:
    given = suggestion()
    given["path"][0]["name"] = "=Benefits"
    write_all(tmp_path / "out.csv", [row("a", given)])
    assert csv_lines(tmp_path / "out.csv")[1][4] == "'=Benefits > Hope"


def test_jsonl_and_parquet_keep_formulas_to_the_byte(tmp_path: Path) -> None:
    for ending in (".jsonl", ".parquet"):
        write_all(tmp_path / f"out{ending}", [row("=1+1", suggestion(name="=1+1"))])
    assert json.loads((tmp_path / "out.jsonl").read_bytes())["id"] == "=1+1"
    assert pyarrow.parquet.read_table(tmp_path / "out.parquet")["id"].to_pylist() == ["=1+1"]


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"])))
def test_no_cell_begins_a_formula_and_none_loses_anything(text: str) -> None:
    cell = str(spreadsheet_cell(text))
    assert cell in (text, f"'{text}")
    assert not cell.startswith(("=", "@", "\uff1d", "\uff20"))


# Whole or not at all


class Failed(Exception):
    pass


def write_and_fail(path: Path, rows: int) -> list[str]:
    """Fails after so many rows; gives back the names that a listing of the folder showed before that."""
    listed: list[str] = []
    with suppress(Failed), suggestion_writer(path) as write:
        for number in range(rows):
            write(row(number, suggestion()))
        listed = [found.name for found in path.parent.iterdir() if not found.name.startswith(".")]
        raise Failed
    return listed


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("rows", [0, 1, 3_000])
def test_a_run_that_fails_leaves_nothing_behind(tmp_path: Path, ending: str, rows: int) -> None:
    assert write_and_fail(tmp_path / f"out{ending}", rows) == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_run_that_fails_leaves_an_older_output_as_it_was(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"out{ending}"
    path.write_bytes(b"older")
    assert write_and_fail(path, 3_000) == [path.name]
    assert path.read_bytes() == b"older"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_run_that_ends_well_takes_the_place_of_an_older_output(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"out{ending}"
    path.write_bytes(b"older")
    path.chmod(0o640)
    write_all(path, [row()])
    assert b"older" not in path.read_bytes()
    assert path.stat().st_mode & 0o777 == 0o640
    assert list(tmp_path.iterdir()) == [path]


def test_an_output_that_is_a_link_stays_one(tmp_path: Path) -> None:
    (tmp_path / "link.jsonl").symlink_to(tmp_path / "real.jsonl")
    write_all(tmp_path / "link.jsonl", [row("a")])
    assert (tmp_path / "link.jsonl").is_symlink()
    assert json.loads((tmp_path / "real.jsonl").read_bytes())["id"] == "a"


def test_a_new_output_has_the_usual_permissions(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        write_all(tmp_path / "out.jsonl", [])
    finally:
        os.umask(before)
    assert (tmp_path / "out.jsonl").stat().st_mode & 0o777 == 0o600


def test_a_name_of_the_longest_length_can_be_written(tmp_path: Path) -> None:
    name = "a" * 249 + ".jsonl"
    write_all(tmp_path / name, [row()])
    assert (tmp_path / name).exists()


def folder_in_the_way(folder: Path) -> Path:
    (folder / "out.jsonl").mkdir()
    return folder / "out.jsonl"


def file_in_the_way(folder: Path) -> Path:
    (folder / "file").touch()
    return folder / "file" / "out.jsonl"


UNWRITABLE: list[Callable[[Path], Path]] = [
    folder_in_the_way,
    file_in_the_way,
    lambda folder: folder / "absent" / "out.jsonl",
    lambda folder: folder / ("a" * 300 + ".jsonl"),
    lambda folder: folder / "out.xlsx",
    lambda folder: folder / "out",
    lambda folder: folder / ".jsonl",
]


@pytest.mark.parametrize("make", UNWRITABLE)
def test_an_output_that_cannot_be_written_is_refused(tmp_path: Path, make: Callable[[Path], Path]) -> None:
    path = make(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(FileNotAccepted):
        write_all(path, [row()])
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_full_disk_is_a_plain_refusal(ending: str, tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000, hard))
    try:
        with pytest.raises(FileNotAccepted):
            write_all(tmp_path / f"out{ending}", [row(str(number), suggestion()) for number in range(3_000)])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert list(tmp_path.iterdir()) == []
