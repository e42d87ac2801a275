"""Suggest codes for a file of segments, in two passes and bounded memory."""

import itertools
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO

import numpy as np

from models.codebook import Codebook
from models.encoder import Vectors
from models.errors import ExampleNotAccepted
from models.reference import CorpusSample, Reference
from models.suggester import DEFAULT_TOP_K, Example, Suggester, encode_segments, has_words
from service.encoders import LoadedModel
from service.errors import FileNotAccepted
from service.formats.coded_files import read_examples
from service.formats.segment_files import SegmentRow, read_segments
from service.formats.suggestion_files import suggestion_writer
from service.formats.suggestion_rows import suggestion_row

# Rows that are encoded together: enough to fill the encoder's largest shapes with texts of like length.
CHUNK = 2_048

Progress = Callable[[int], object]


def suggest_file(  # noqa: PLR0913 - each is one option of the command
    source: Path,
    output: Path,
    codebook: Codebook,
    model: LoadedModel,
    *,
    examples: Path | None = None,
    reference: Path | None = None,
    top_k: int = DEFAULT_TOP_K,
    min_score: float | None = None,
    progress: Progress = lambda _rows: None,
) -> int:
    """Writes one row of suggestions for each segment of a file, in its order.

    The first pass checks and encodes every row; only then is anything written. The reference
    statistics come from all of the input (or of ``reference``) if these are at least 100 different
    texts; else the shipped defaults apply, as they do over HTTP.

    Args:
        source: the segments.
        output: where the suggestions go; it is there whole or not at all.
        codebook: the tree.
        model: what encodes.
        examples: coded segments to learn from.
        reference: a file of segments that stands for the corpus instead of ``source``.
        top_k: how many leaves for each segment; 0 means all.
        min_score: withhold suggestions below it; None means the default threshold.
        progress: called with the number of rows encoded since the last call.

    Returns:
        The number of rows written.

    Raises:
        InputError: a subclass says what is wrong in which line of a file; nothing is written.
        ModelsError: a codebook, example or encoder error; nothing is written.
    """
    coded = _checked_examples(examples, codebook)
    # A file without a name: it is gone with the process, however that ends.
    with tempfile.TemporaryFile(prefix="themecoder-") as spool, suggestion_writer(output) as write:
        corpus = _encode_to(spool, source, codebook, model, progress)
        if reference is not None:
            corpus = _sample(reference, codebook, model, progress)
        suggester = Suggester(codebook, model.encoder, background=model.background, reference=corpus, examples=coded)
        spool.seek(0)
        written = 0
        for rows in _chunks(read_segments(source)):
            texts = [row.text for row in rows]
            vectors = _read_vectors(spool, len(rows), model.encoder.identity.dimension)
            results = suggester.suggest_encoded(texts, vectors, top_k=top_k, min_score=min_score)
            for row, result in zip(rows, results, strict=True):
                write(suggestion_row(row.id, result))
            written += len(rows)
    return written


def _checked_examples(path: Path | None, codebook: Codebook) -> list[Example]:
    """The examples, refused with their line rather than their position in the list."""
    rows = read_examples(path) if path is not None else []
    for place, example in rows:
        if any(code not in codebook for code in example.codes):
            raise ExampleNotAccepted(
                f"A coded segment names a code that is not in the codebook ({place}).", places=(place,)
            )
    return [example for _, example in rows]


def _encode_to(spool: IO[bytes], source: Path, codebook: Codebook, model: LoadedModel, progress: Progress) -> Reference:
    corpus = CorpusSample()
    for rows in _chunks(read_segments(source)):
        vectors = _encode(rows, codebook, model, corpus, progress)
        spool.write(vectors.tobytes())
    return corpus.reference()


def _sample(source: Path, codebook: Codebook, model: LoadedModel, progress: Progress) -> Reference:
    corpus = CorpusSample()
    for rows in _chunks(read_segments(source)):
        _encode(rows, codebook, model, corpus, progress)
    return corpus.reference()


def _encode(
    rows: Sequence[SegmentRow], codebook: Codebook, model: LoadedModel, corpus: CorpusSample, progress: Progress
) -> Vectors:
    texts = [row.text for row in rows]
    vectors = encode_segments(codebook, model.encoder, texts)
    speaking = [index for index, text in enumerate(texts) if has_words(text)]
    corpus.add([texts[index] for index in speaking], vectors[speaking])
    progress(len(rows))
    return vectors


def _chunks(rows: Iterator[SegmentRow]) -> Iterator[list[SegmentRow]]:
    while chunk := list(itertools.islice(rows, CHUNK)):
        yield chunk


def _read_vectors(spool: IO[bytes], count: int, dimension: int) -> Vectors:
    data = spool.read(count * dimension * 4)
    if len(data) != count * dimension * 4:
        raise FileNotAccepted("The input file changed while it was read.")
    return np.frombuffer(data, dtype=np.float32).reshape(count, dimension)
