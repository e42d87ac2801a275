"""Jsonl -> transcripts."""

import io

from service.formats.json_lines import read_json_objects
from service.formats.transcript_rows import transcripts_from_rows
from service.formats.transcripts import ImportedTranscript


def read_jsonl_transcripts(data: bytes) -> list[ImportedTranscript]:
    """The transcripts of a jsonl file: a csv file's columns as keys, and ``codes`` and ``coder``.

    Other keys are passed over.

    Raises:
        MalformedJson: a line is not JSON in UTF-8 without a byte order mark.
        InputError: as :func:`service.formats.transcript_rows.transcripts_from_rows` does, or a key stands
            twice, a number is not finite, a line is too long or no object.
    """
    return transcripts_from_rows(read_json_objects(io.BytesIO(data)))
