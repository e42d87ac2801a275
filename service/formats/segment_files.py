"""Files of segments (jsonl, csv, parquet) and plain transcripts (txt) -> rows, one at a time."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from models.context import NO_CONTEXT, Context
from service import limits
from service.errors import FieldNotValid, FileNotAccepted, InvalidId
from service.formats.csv_rows import read_csv_rows
from service.formats.json_lines import read_json_objects
from service.formats.lines import Rows
from service.formats.row_contexts import SpokenRow, spoken_row, with_contexts
from service.formats.texts import check_segment, check_text
from service.formats.transcript_txt import read_txt_transcripts

FORMATS = (".jsonl", ".csv", ".parquet", ".txt")
PARQUET_BATCH = 1_024
# What says where a segment stands, and what was said around it.
ABOUT_PLACE = ("document", "site", "paragraph", "context")


@dataclass(frozen=True, kw_only=True)
class SegmentRow:
    """One segment of a file.

    Attributes:
        id: as the file gives it, else the number of the row from 1; in a transcript that of the paragraph.
        text: its text, unchanged; may be empty.
        place: where it stands, e.g. ``line 12``.
        context: what was said around it, as far as the file tells.
    """

    id: str | int
    text: str
    place: str
    context: Context = NO_CONTEXT


def read_segments(path: Path) -> Iterator[SegmentRow]:
    """The segments of a file, in its order, read as they are asked for.

    Args:
        path: a .jsonl, .csv (comma, semicolon or tab; with a header) or .parquet file with a ``text`` and perhaps
            an ``id``; of a row's place, see :func:`service.formats.row_contexts.with_contexts`. Anything else in a row
            is passed over. Or a .txt file with one transcript, of which what participants say are the segments; see
            :func:`service.formats.transcript_txt.read_txt_transcripts`.

    Raises:
        InputError: a subclass says what is wrong; its place is the line or row, counted from 1.
    """
    ending = path.suffix.lower()
    if ending not in FORMATS:
        raise FileNotAccepted(f"The file must end in one of {', '.join(FORMATS)}.")
    try:
        if not path.is_file():
            # A pipe, say: it cannot be read twice.
            raise FileNotAccepted("There is no plain file of this name.")
        yield from _participants_turns(path) if ending == ".txt" else _segments_of_rows(path, ending)
    except OSError as error:
        raise FileNotAccepted("The file cannot be read.") from error


def count_segments(path: Path) -> int:
    """The number of segments in a file, once every one of them has passed the checks.

    Raises:
        InputError: as :func:`read_segments` does.
    """
    return sum(1 for _ in read_segments(path))


def _segments_of_rows(path: Path, ending: str) -> Iterator[SegmentRow]:
    reader = {".jsonl": read_json_lines, ".csv": _csv_rows, ".parquet": _parquet_rows}[ending]
    numbered = enumerate(reader(path), start=1)
    rows = (_checked(row, place, number) for number, (place, row) in numbered)
    for (segment_id, text, place), context in with_contexts(rows):
        yield SegmentRow(id=segment_id, text=text, place=place, context=context)


def _participants_turns(path: Path) -> Iterator[SegmentRow]:
    """What participants say in a transcript, each between the turns around it, whoever spoke."""
    with path.open("rb") as file:
        data = file.read(limits.MAX_BODY_BYTES + 1)
    if len(data) > limits.MAX_BODY_BYTES:
        raise FileNotAccepted(f"A .txt file may have at most {limits.MAX_BODY_BYTES} bytes.")
    (transcript,) = read_txt_transcripts(data)
    numbered = ((turn.paragraph or at, turn) for at, turn in enumerate(transcript.segments, start=1))
    spoken = (
        ((paragraph, turn), SpokenRow(transcript="", id=None, paragraph=paragraph, text=turn.text, said_before=None))
        for paragraph, turn in numbered
    )
    for (paragraph, turn), context in with_contexts(spoken):
        if turn.role == "participant":
            yield SegmentRow(id=paragraph, text=turn.text, place=turn.place, context=context)


def read_json_lines(path: Path) -> Rows:
    """The objects of a jsonl file with their places; blank lines are passed over.

    Raises:
        InputError: a line is too long, is no JSON object, or holds a text that cannot be stored.
    """
    with path.open("rb") as file:
        yield from read_json_objects(file)


def _csv_rows(path: Path) -> Rows:
    with path.open("rb") as file:
        for place, row in read_csv_rows(file):
            # An empty cell is how a table says that there is no id.
            yield place, row if row.get("id") else {**row, "id": None}


def _parquet_rows(path: Path) -> Rows:
    import pyarrow
    import pyarrow.parquet

    number = 0
    try:
        with pyarrow.parquet.ParquetFile(path) as file:
            names = file.schema_arrow.names
            if names.count("text") != 1 or names.count("id") > 1:
                raise FileNotAccepted("There must be one column named text, and at most one named id.")
            columns = [name for name in ("id", "text", *ABOUT_PLACE) if names.count(name) == 1]
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


def _checked(row: Mapping[str, Any], place: str, number: int) -> tuple[tuple[str | int, str, str], SpokenRow]:
    """A row's id, text and place, and what it says of where its segment stands."""
    text = row.get("text")
    if not isinstance(text, str):
        raise FieldNotValid("A segment needs a text.", place=f"{place}, text")
    check_text(text, place=f"{place}, text")
    check_segment(text, place=f"{place}, text", may_be_empty=True)
    given = row.get("id")
    segment_id = number if given is None else _checked_id(given, place)
    return (segment_id, text, place), spoken_row(row, text, f"{place}, ")


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
