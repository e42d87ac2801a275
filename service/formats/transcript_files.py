"""Files of transcripts -> transcripts, by format."""

from collections.abc import Callable, Mapping
from typing import Literal

from service.formats.transcript_csv import read_csv_transcripts
from service.formats.transcript_jsonl import read_jsonl_transcripts
from service.formats.transcript_txt import read_txt_transcripts
from service.formats.transcripts import ImportedTranscript

TranscriptFormat = Literal["txt", "csv", "jsonl"]

_READERS: Mapping[TranscriptFormat, Callable[[bytes], list[ImportedTranscript]]] = {
    "txt": read_txt_transcripts,
    "csv": read_csv_transcripts,
    "jsonl": read_jsonl_transcripts,
}


def read_transcripts(data: bytes, format: TranscriptFormat) -> list[ImportedTranscript]:
    """The transcripts of a file: at least one, each with at least one segment, in the file's order.

    Args:
        data: the whole file.
        format: txt (speaker turns or paragraphs, one transcript), csv (with a header), or jsonl (coded or not).

    Raises:
        InputError, MalformedJson: a subclass says what is wrong; its place is the line, counted from 1.
    """
    return _READERS[format](data)
