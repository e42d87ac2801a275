"""Files of segments (jsonl, csv, parquet) -> rows, one at a time."""

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from service import limits
from service.errors import CsvNotAccepted, FieldNotValid, FileNotAccepted, InputError, InvalidId, MalformedJson
from service.formats.strict_json import parse_json
from service.formats.texts import check_segment, check_text

FORMATS = (".jsonl", ".csv", ".parquet")
DELIMITERS = ",;\t"
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
PARQUET_BATCH = 1_024

Rows = Iterator[tuple[str, Mapping[str, Any]]]


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
    reader = {".jsonl": read_json_lines, ".csv": _csv_rows, ".parquet": _parquet_rows}.get(path.suffix.lower())
    if reader is None:
        raise FileNotAccepted(f"The file must end in one of {', '.join(FORMATS)}.")
    try:
        if not path.is_file():
            # A pipe, say: it cannot be read twice.
            raise FileNotAccepted("There is no plain file of this name.")
        for number, (place, row) in enumerate(reader(path), start=1):
            yield _segment(row, place, number)
    except OSError as error:
        raise FileNotAccepted("The file cannot be read.") from error


def count_segments(path: Path) -> int:
    """The number of segments in a file, once every one of them has passed the checks.

    Raises:
        InputError: as :func:`read_segments` does.
    """
    return sum(1 for _ in read_segments(path))


def read_json_lines(path: Path) -> Rows:
    """The objects of a jsonl file with their places; blank lines are passed over.

    Raises:
        InputError: a line is too long, is no JSON object, or holds a text that cannot be stored.
    """
    with path.open("rb") as file:
        for place, line in _lines(file, FileNotAccepted):
            if line.startswith(BYTE_ORDER_MARK):
                raise MalformedJson(
                    "The line begins with a byte order mark; save it as UTF-8 without one.", place=place
                )
            if line.strip():
                row = parse_json(line, place=place)
                if not isinstance(row, dict):
                    raise FileNotAccepted("Each line must hold one JSON object.", place=place)
                yield place, row


def _lines(file: BinaryIO, refusal: type[InputError]) -> Iterator[tuple[str, bytes]]:
    """The lines with their places, none of them read further than the limit."""
    number = 0
    while line := file.readline(limits.MAX_LINE_BYTES + 1):
        number += 1
        place = f"line {number}"
        if len(line) > limits.MAX_LINE_BYTES:
            raise refusal(f"A line may have at most {limits.MAX_LINE_BYTES} bytes.", place=place)
        yield place, line


class _CsvLines:
    """The lines of a csv file as text, for the csv reader.

    Attributes:
        ending: how the last line that was read ended: LF, CR LF, or not at all.
    """

    def __init__(self, file: BinaryIO) -> None:
        self.ending = ""
        self._lines = _lines(file, CsvNotAccepted)

    def __iter__(self) -> Iterator[str]:
        for place, line in self._lines:
            if place == "line 1":
                line = line.removeprefix(BYTE_ORDER_MARK)
            if b"\0" in line:
                raise CsvNotAccepted("The line holds NUL characters; is the file in UTF-8?", place=place)
            try:
                text = line.decode("utf-8")
            except UnicodeDecodeError as error:
                raise CsvNotAccepted("A csv file must be in UTF-8.", place=place) from error
            self.ending = text[len(text.rstrip("\r\n")) :][-2:]
            yield text


def _csv_rows(path: Path) -> Rows:
    with path.open("rb") as file:
        delimiter = _delimiter(next(iter(_CsvLines(file)), ""))
        file.seek(0)
        records = _csv_records(_CsvLines(file), delimiter)
        first = next(records, None)
        if first is None:
            raise CsvNotAccepted("The file is empty; a csv file needs a header.", place="line 1")
        header = _checked_header(first.cells)
        for record in records:
            if record.ending not in ("", first.ending):
                raise CsvNotAccepted("The lines end in different ways (LF and CR LF).", place=record.place)
            if record.cells:
                yield record.place, _csv_row(header, record)


@dataclass(frozen=True)
class _CsvRecord:
    """One record: the line where it begins, its cells (none in a blank line), and how its last line ends."""

    place: str
    cells: list[str]
    ending: str


def _csv_records(lines: _CsvLines, delimiter: str) -> Iterator[_CsvRecord]:
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    while True:
        place = f"line {reader.line_num + 1}"
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise CsvNotAccepted(
                "The quotes do not match, a cell is too long, or there is a carriage return outside quotes.",
                place=place,
            ) from error
        yield _CsvRecord(place, cells, lines.ending)


def _csv_row(header: list[str], record: _CsvRecord) -> Mapping[str, Any]:
    if len(record.cells) != len(header):
        raise CsvNotAccepted("The row has more or fewer cells than the header.", place=record.place)
    row = dict(zip(header, record.cells, strict=True))
    # An empty cell is how a table says that there is no id.
    return row if row.get("id") else {"text": row["text"]}


def _checked_header(header: list[str]) -> list[str]:
    place = "line 1"
    if len(header) > limits.MAX_CSV_COLUMNS:
        raise CsvNotAccepted(f"A csv file may have at most {limits.MAX_CSV_COLUMNS} columns.", place=place)
    # Spreadsheets leave columns without a name behind; nothing is read from them.
    names = [name for name in header if name]
    if len(set(names)) != len(names):
        raise CsvNotAccepted("Two columns have the same name.", place=place)
    if "text" not in names:
        raise CsvNotAccepted(
            "There is no column named text; columns are divided by commas, semicolons or tabs.", place=place
        )
    return header


def _delimiter(header: str) -> str:
    """The delimiter under which there is a column named text; if that is true of several, the one with most columns."""

    def fit(delimiter: str) -> tuple[bool, int]:
        cells = next(csv.reader([header.rstrip("\r\n")], delimiter=delimiter), [])
        return "text" in cells, len(cells)

    try:
        return max(DELIMITERS, key=fit)
    except csv.Error:
        return DELIMITERS[0]


def _parquet_rows(path: Path) -> Rows:
    import pyarrow
    import pyarrow.parquet

    number = 0
    try:
        with pyarrow.parquet.ParquetFile(path) as file:
            names = file.schema_arrow.names
            if names.count("text") != 1 or names.count("id") > 1:
                raise FileNotAccepted("There must be one column named text, and at most one named id.")
            columns = [name for name in ("id", "text") if name in names]
            for batch in file.iter_batches(batch_size=PARQUET_BATCH, columns=columns):
                for row in batch.to_pylist():
                    number += 1
                    yield f"row {number}", row
    except pyarrow.ArrowException as error:
        raise FileNotAccepted("The parquet file cannot be read.") from error
    except UnicodeDecodeError as error:
        raise FileNotAccepted(
            "The parquet file holds a text that is not UTF-8.", place=f"after row {number}"
        ) from error


def _segment(row: Mapping[str, Any], place: str, number: int) -> SegmentRow:
    text = row.get("text")
    if not isinstance(text, str):
        raise FieldNotValid("A segment needs a text.", place=f"{place}, text")
    check_text(text, place=f"{place}, text")
    check_segment(text, place=f"{place}, text", may_be_empty=True)
    given = row.get("id")
    return SegmentRow(id=number if given is None else _checked_id(given, place), text=text, place=place)


def _checked_id(value: object, place: str) -> str | int:
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise InvalidId("An id must be a text or an integer.", place=f"{place}, id")
    if isinstance(value, str):
        check_text(value, place=f"{place}, id")
        if not 0 < len(value) <= limits.MAX_LABEL_CHARACTERS:
            raise InvalidId(f"An id may have 1 to {limits.MAX_LABEL_CHARACTERS} characters.", place=f"{place}, id")
    elif abs(value) > limits.MAX_INTEGER:
        raise InvalidId("An integer id must fit in 64 bits.", place=f"{place}, id")
    return value
