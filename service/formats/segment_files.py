"""Files of segments (jsonl, csv, parquet) -> rows, one at a time."""

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from service import limits
from service.errors import CsvNotAccepted, FieldNotValid, FileNotAccepted, InvalidId
from service.formats.strict_json import parse_json
from service.formats.texts import check_segment, check_text

FORMATS = (".jsonl", ".csv", ".parquet")
DELIMITERS = ",;\t"
PARQUET_BATCH = 1_024


@dataclass(frozen=True, kw_only=True)
class SegmentRow:
    """One segment of a file.

    Attributes:
        id: as the file gives it, else the number of the row from 1.
        text: its text, unchanged; may be empty.
        place: where it stands, e.g. ``line 12``.
    """

    id: str | int
    text: str
    place: str


def read_segments(path: Path) -> Iterator[SegmentRow]:
    """The segments of a file, in its order, read as they are asked for.

    Args:
        path: a .jsonl, .csv (comma, semicolon or tab; with a header) or .parquet file with a ``text``
            and perhaps an ``id``; anything else in a row is passed over.

    Raises:
        InputError: a subclass says what is wrong; its place is the line or row, counted from 1.
    """
    readers = {".jsonl": _jsonl_rows, ".csv": _csv_rows, ".parquet": _parquet_rows}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise FileNotAccepted(f"The input must end in one of {', '.join(FORMATS)}.")
    try:
        for number, (place, row) in enumerate(reader(path), start=1):
            yield _segment(row, place, number)
    except OSError as error:
        raise FileNotAccepted("The input file cannot be read.") from error


def count_rows(path: Path) -> int:
    """About how many rows a file has, for a progress bar; not for anything that must be right."""
    if path.suffix.lower() == ".parquet":
        import pyarrow
        import pyarrow.parquet

        try:
            return int(pyarrow.parquet.read_metadata(path).num_rows)
        except pyarrow.ArrowException:
            return 0
    with path.open("rb") as file:
        return sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 20), b""))


def read_json_lines(path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The objects of a jsonl file with their places; blank lines are passed over.

    Raises:
        InputError: a line is too long, is no JSON object, or holds a text that cannot be stored.
    """
    with path.open("rb") as file:
        number = 0
        while line := file.readline(limits.MAX_LINE_BYTES + 1):
            number += 1
            place = f"line {number}"
            if len(line) > limits.MAX_LINE_BYTES:
                raise FileNotAccepted(f"A line may have at most {limits.MAX_LINE_BYTES} bytes.", place=place)
            if line.strip():
                row = parse_json(line, place=place)
                if not isinstance(row, dict):
                    raise FileNotAccepted("Each line must hold one JSON object.", place=place)
                yield place, row


def _jsonl_rows(path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    return read_json_lines(path)


def _csv_rows(path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, delimiter=_delimiter(file.readline(limits.MAX_LINE_BYTES)), strict=True)
            file.seek(0)
            yield from _csv_cells(reader)
    except UnicodeDecodeError as error:
        raise CsvNotAccepted("A csv file must be in UTF-8.") from error


def _csv_cells(reader: Any) -> Iterator[tuple[str, Mapping[str, Any]]]:
    try:
        header = _checked_header(next(reader, None))
        for cells in reader:
            place = f"line {reader.line_num}"
            if not cells:
                continue
            if len(cells) != len(header):
                raise CsvNotAccepted("A row has more or fewer cells than the header.", place=place)
            yield place, dict(zip(header, cells, strict=True))
    except csv.Error as error:
        raise CsvNotAccepted(
            "The quotes do not match, or a cell is too long.", place=f"line {reader.line_num}"
        ) from error


def _checked_header(header: list[str] | None) -> list[str]:
    if header is None:
        raise CsvNotAccepted("The file is empty.")
    if len(header) > limits.MAX_CSV_COLUMNS:
        raise CsvNotAccepted(f"A csv file may have at most {limits.MAX_CSV_COLUMNS} columns.", place="line 1")
    if len(set(header)) != len(header):
        raise CsvNotAccepted("Two columns have the same name.", place="line 1")
    if "text" not in header:
        raise CsvNotAccepted("There is no column named text.", place="line 1")
    return header


def _delimiter(header: str) -> str:
    return max(DELIMITERS, key=header.count)


def _parquet_rows(path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    import pyarrow
    import pyarrow.parquet

    try:
        with pyarrow.parquet.ParquetFile(path) as file:
            columns = [name for name in ("id", "text") if name in file.schema_arrow.names]
            if "text" not in columns:
                raise FileNotAccepted("There is no column named text.")
            number = 0
            for batch in file.iter_batches(batch_size=PARQUET_BATCH, columns=columns):
                for row in batch.to_pylist():
                    number += 1
                    yield f"row {number}", {key: value for key, value in row.items() if value is not None}
    except pyarrow.ArrowException as error:
        raise FileNotAccepted("The parquet file cannot be read.") from error


def _segment(row: Mapping[str, Any], place: str, number: int) -> SegmentRow:
    text = row.get("text")
    if not isinstance(text, str):
        raise FieldNotValid("A segment needs a text.", place=f"{place}, text")
    check_text(text, place=f"{place}, text")
    check_segment(text, place=f"{place}, text", may_be_empty=True)
    return SegmentRow(id=_id(row.get("id", number), place), text=text, place=place)


def _id(value: object, place: str) -> str | int:
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise InvalidId("An id must be a text or an integer.", place=f"{place}, id")
    if isinstance(value, str):
        check_text(value, place=f"{place}, id")
        if not 0 < len(value) <= limits.MAX_LABEL_CHARACTERS:
            raise InvalidId(f"An id may have 1 to {limits.MAX_LABEL_CHARACTERS} characters.", place=f"{place}, id")
    elif abs(value) > limits.MAX_INTEGER:
        raise InvalidId("An integer id must fit in 64 bits.", place=f"{place}, id")
    return value
