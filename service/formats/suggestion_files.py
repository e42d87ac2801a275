"""Rows of suggestions -> a jsonl, csv or parquet file that is there whole or not at all."""

import csv
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from service.errors import FileNotAccepted

FORMATS = (".jsonl", ".csv", ".parquet")
CSV_COLUMNS = ("id", "rank", "code", "name", "path", "score", "basis", "abstained")
PARQUET_BATCH = 1_024
# What makes a spreadsheet take a cell for a formula, also in full-width form and behind a quote.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20", '"', "\ufeff")

WriteRow = Callable[[dict[str, Any]], object]


@contextmanager
def suggestion_writer(path: Path) -> Iterator[WriteRow]:
    """A function that writes one row (the shape of ``suggestion_row``) to the file, by its ending.

    The rows go to a hidden file beside it, which takes the file's name when the block ends well and
    is deleted when it does not.

    Raises:
        FileNotAccepted: the ending is unknown or the folder cannot be written to.
    """
    opened = {".jsonl": _jsonl, ".csv": _csv, ".parquet": _parquet}.get(path.suffix.lower())
    if opened is None:
        raise FileNotAccepted(f"The output must end in one of {', '.join(FORMATS)}.")
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with opened(part) as write:
            yield write
        part.replace(path)
    except OSError as error:
        raise FileNotAccepted("The output file cannot be written.") from error
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def _jsonl(path: Path) -> Iterator[WriteRow]:
    with path.open("x", encoding="utf-8", newline="\n") as file:
        yield lambda row: file.write(json.dumps(row, ensure_ascii=False) + "\n")


@contextmanager
def _csv(path: Path) -> Iterator[WriteRow]:
    with path.open("x", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(CSV_COLUMNS)
        yield lambda row: writer.writerows(_csv_rows(row))


def _csv_rows(row: dict[str, Any]) -> Iterator[list[Any]]:
    """One line for each suggestion, and one without a code for a segment that has none."""
    end = [row["basis"], str(row["abstained"]).lower()]
    if not row["suggestions"]:
        yield [spreadsheet_cell(row["id"]), "", "", "", "", "", *end]
    for rank, suggestion in enumerate(row["suggestions"], start=1):
        path = " > ".join(step["name"] for step in suggestion["path"])
        texts = [spreadsheet_cell(text) for text in (suggestion["code"], suggestion["name"], path)]
        yield [spreadsheet_cell(row["id"]), rank, *texts, suggestion["score"], *end]


def spreadsheet_cell(value: str | int) -> str | int:
    """The value, with an apostrophe before it where a spreadsheet would take it for a formula."""
    if isinstance(value, str) and value.startswith(FORMULA_STARTS) and not _is_number(value):
        return f"'{value}"
    return value


def _is_number(value: str) -> bool:
    return value.isascii() and value[1:].replace(".", "", 1).isdigit() and value[0] in "+-"


@contextmanager
def _parquet(path: Path) -> Iterator[WriteRow]:
    import pyarrow
    import pyarrow.parquet

    schema = _parquet_schema()
    waiting: list[dict[str, Any]] = []
    with pyarrow.parquet.ParquetWriter(path, schema) as writer:

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
            "basis": pa.string(),
            "back_off": pa.struct(back_off),
            "suggestions": pa.list_(suggestion),
        }
    )
