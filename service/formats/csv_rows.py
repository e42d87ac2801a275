"""Csv -> rows, one at a time."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from service import limits
from service.errors import CsvNotAccepted
from service.formats.lines import BYTE_ORDER_MARK, Rows, numbered_lines

DELIMITERS = ",;\t"


def read_csv_rows(file: BinaryIO) -> Rows:
    """The rows of a csv file with a header that has a column ``text``; blank lines are passed over.

    Args:
        file: comma, semicolon or tab between the cells; it is read twice from its beginning.

    Yields:
        The line where the row begins, and its cells as texts by the names of their columns.

    Raises:
        CsvNotAccepted: the file leaves doubt about what its cells are; with the line.
    """
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


class _CsvLines:
    """The lines of a csv file as text, for the csv reader.

    Attributes:
        ending: how the last line that was read ended: LF, CR LF, or not at all.
    """

    def __init__(self, file: BinaryIO) -> None:
        self.ending = ""
        self._lines = numbered_lines(file, CsvNotAccepted)

    def __iter__(self) -> Iterator[str]:
        for place, line in self._lines:
            if place == "line 1":
                line = line.removeprefix(BYTE_ORDER_MARK)
            if b"\0" in line:
                raise CsvNotAccepted("The line holds NUL characters; a file must be in UTF-8.", place=place)
            try:
                text = line.decode("utf-8")
            except UnicodeDecodeError as error:
                raise CsvNotAccepted("A csv file must be in UTF-8.", place=place) from error
            self.ending = text[len(text.rstrip("\r\n")) :][-2:]
            yield text


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


def _csv_row(header: list[str], record: _CsvRecord) -> dict[str, str]:
    if len(record.cells) != len(header):
        raise CsvNotAccepted("The row has more or fewer cells than the header.", place=record.place)
    return dict(zip(header, record.cells, strict=True))


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
