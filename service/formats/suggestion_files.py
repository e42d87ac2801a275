"""Rows of suggestions -> a jsonl, csv or parquet file that is there whole or not at all."""

import csv
import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from service.errors import FileNotAccepted
from service.formats.json_lines import json_line
from service.formats.spreadsheet_cells import spreadsheet_cell
from service.formats.whole_files import whole_file

FORMATS = (".jsonl", ".csv", ".parquet")
CSV_COLUMNS = ("id", "rank", "code", "name", "path", "score", "basis", "abstained")
PARQUET_BATCH = 1_024

WriteRow = Callable[[dict[str, Any]], object]


@contextmanager
def suggestion_writer(path: Path, *, part: Path | None = None) -> Iterator[WriteRow]:
    """A function that writes one row (the shape of ``suggestion_row``) to the file, by its ending.

    The rows go to a hidden file beside it, which takes the file's name when the block ends well and is
    deleted when it does not. An older file of this name stays until then, and its permissions after.

    Args:
        path: the file.
        part: the hidden file, if it shall have a place that is known; its folder is made, and if it is there it is
            begun anew.

    Raises:
        FileNotAccepted: the ending is unknown or the folder cannot be written to. An OSError within the
            block counts as one of writing.
    """
    opened = {".jsonl": _jsonl, ".csv": _csv, ".parquet": _parquet}.get(path.suffix.lower())
    if opened is None:
        raise FileNotAccepted(f"The file must end in one of {', '.join(FORMATS)}.")
    with whole_file(path, part=part) as file, opened(file) as write:
        yield write


@contextmanager
def _jsonl(file: BinaryIO) -> Iterator[WriteRow]:
    yield lambda row: file.write(json_line(row).encode("utf-8"))


@contextmanager
def _csv(file: BinaryIO) -> Iterator[WriteRow]:
    text = io.TextIOWrapper(file, encoding="utf-8", newline="")
    # The standard line end is CR LF; with another one the writer would leave a lone CR in a cell unquoted.
    writer = csv.writer(text)
    writer.writerow(CSV_COLUMNS)
    try:
        yield lambda row: writer.writerows(_csv_rows(row))
    finally:
        text.detach()


def _csv_rows(row: dict[str, Any]) -> Iterator[list[Any]]:
    """One line for each suggestion, and one without a code for a segment that has none."""
    end = [row["basis"], str(row["abstained"]).lower()]
    if not row["suggestions"]:
        yield [spreadsheet_cell(row["id"]), "", "", "", "", "", *end]
    for rank, suggestion in enumerate(row["suggestions"], start=1):
        path = " > ".join(step["name"] for step in suggestion["path"])
        texts = [spreadsheet_cell(text) for text in (suggestion["code"], suggestion["name"], path)]
        yield [spreadsheet_cell(row["id"]), rank, *texts, suggestion["score"], *end]


@contextmanager
def _parquet(file: BinaryIO) -> Iterator[WriteRow]:
    import pyarrow
    import pyarrow.parquet

    schema = _parquet_schema()
    waiting: list[dict[str, Any]] = []
    with pyarrow.parquet.ParquetWriter(file, schema) as writer:

        def flush() -> None:
            writer.write_table(pyarrow.Table.from_pylist(waiting, schema=schema))
            waiting.clear()

        def write(row: dict[str, Any]) -> None:
            # A column has one type, and ids may be texts in one row and integers in the next.
            waiting.append({**row, "id": str(row["id"])})
            if len(waiting) == PARQUET_BATCH:
                flush()

        yield write
        flush()


def _parquet_schema() -> Any:
    import pyarrow as pa

    step = pa.struct({"code": pa.string(), "name": pa.string(), "score": pa.float64()})
    evidence = pa.struct(
        {"kind": pa.string(), "text": pa.string(), "similarity": pa.float64(), "reference": pa.string()}
    )
    back_off = {"code": pa.string(), "name": pa.string(), "path": pa.list_(step), "score": pa.float64()}
    suggestion = pa.struct({**back_off, "evidence": pa.list_(evidence)})
    return pa.schema(
        {
            "id": pa.string(),
            "abstained": pa.bool_(),
            "no_code": pa.float64(),
            "basis": pa.string(),
            "back_off": pa.struct(back_off),
            "suggestions": pa.list_(suggestion),
        }
    )
