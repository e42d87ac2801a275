"""Csv -> transcripts."""

import io

from service.formats.csv_rows import read_csv_rows
from service.formats.transcript_rows import transcripts_from_rows
from service.formats.transcripts import ImportedTranscript

COLUMNS = (
    "text",
    "id",
    "external_id",
    "paragraph",
    "document",
    "site",
    "speaker",
    "role",
    "section",
    "language",
    "original_text",
    "original_language",
)


def read_csv_transcripts(data: bytes) -> list[ImportedTranscript]:
    """The transcripts of a csv file (comma, semicolon or tab; UTF-8; with a header that has ``text``).

    Columns other than :data:`COLUMNS` are passed over. An empty cell says nothing.

    Raises:
        CsvNotAccepted: the file leaves doubt about what its cells are.
        InputError: as :func:`service.formats.transcript_rows.transcripts_from_rows` does.
    """
    rows = read_csv_rows(io.BytesIO(data))
    return transcripts_from_rows((place, {name: row[name] for name in COLUMNS if name in row}) for place, row in rows)
