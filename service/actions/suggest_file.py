"""Suggest codes for a file of segments, in two passes and bounded memory."""

import itertools
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

from models.codebook import Codebook
from models.context import NO_CONTEXT, Context, ContextUse
from models.encoder import Vectors
from models.errors import CodebookNotAccepted, ExampleNotAccepted
from models.reference import CorpusSample, Reference
from models.suggester import (
    DEFAULT_TOP_K,
    Example,
    SegmentSuggestions,
    Suggester,
    encode_segments,
    has_words,
    put_in_context,
)
from service.actions.kept_vectors import KeptVectorsEncoder
from service.actions.vector_spool import VectorSpool
from service.encoders import LoadedModel
from service.errors import FileNotAccepted, InputError
from service.formats.coded_files import read_examples
from service.formats.segment_files import SegmentRow, count_segments, read_segments
from service.formats.suggestion_files import WriteRow, suggestion_writer
from service.formats.suggestion_rows import suggestion_row
from service.formats.whole_files import keep_from_overwriting
from service.storage.vector_cache import VectorCache

# Rows that are encoded together: larger chunks of texts of like length fill the encoder's shapes hardly better, and
# the progress bar would stand still for longer.
CHUNK = 512

# Of the folder that holds what an interrupted command has done.
RESUME_ENDING = ".resume"
# The unfinished output in it.
PART = "output.part"

Progress = Callable[[int, int], object]
Keep = Callable[[Sequence[str], Vectors, Sequence[Context]], object]
"""Takes the texts of some segments, their vectors and what was said around them."""
Adapt = Callable[[LoadedModel, Codebook, Sequence[Example]], LoadedModel]


def suggest_file(  # noqa: PLR0913 - each is one option of the command
    source: Path,
    output: Path,
    codebook: Codebook,
    load_model: Callable[[], LoadedModel],
    *,
    examples: Path | None = None,
    reference: Path | None = None,
    context: ContextUse = "neighbours",
    top_k: int = DEFAULT_TOP_K,
    min_score: float | None = None,
    cache: Path | None = None,
    resume: bool = False,
    adapt: Adapt = lambda model, _codebook, _examples: model,
    progress: Progress = lambda _encoded, _all: None,
) -> int:
    """Writes one row of suggestions for each segment of a file, in its order.

    All rows of all files are checked before the model is loaded. The reference statistics come from all of
    the input (or of ``reference``) if these are at least 50 different texts; else the shipped defaults
    apply, as they do over HTTP.

    Args:
        source: the segments.
        output: where the suggestions go; it is there whole or not at all.
        codebook: the tree.
        load_model: gives what encodes; called once.
        examples: coded segments to learn from.
        reference: a file of segments that stands for the corpus instead of ``source``.
        context: whether what was said around segments and examples counts, as far as their files tell.
        top_k: how many leaves for each segment; 0 means all.
        min_score: withhold suggestions below it; None means the default, abstention.
        cache: a folder in which vectors are kept for other times.
        resume: keep vectors beside the output until it is there, so that what is interrupted goes on when it is begun
            again.
        adapt: gives the model that is used instead, once it is known what there is to learn from.
        progress: called with the number of rows encoded so far (at first 0), and of all that there are to encode.

    Returns:
        The number of rows written.

    Raises:
        ServiceError: a subclass says what is wrong, with the line of the file; a note names the file.
        ModelsError: a codebook, example, model or encoder error. Nothing is written in either case.
    """
    keep_from_overwriting([output], [source, examples, reference])
    coded = _checked_examples(examples, codebook)
    if context == "none":
        coded = [replace(example, context=NO_CONTEXT) for example in coded]
    total = _count("INPUT", source) + (_count("--reference", reference) if reference is not None else 0)
    state = _state(source)
    beside = output.resolve().with_name(f".{output.name}{RESUME_ENDING}") if resume else None
    part = beside / PART if beside else None
    with ExitStack() as stack:
        spool = stack.enter_context(VectorSpool())
        stack.enter_context(naming_file("--output"))
        write = stack.enter_context(suggestion_writer(output, part=part))
        model = _remembering(adapt(load_model(), codebook, coded), cache or beside, stack)
        encoding = _Encoding(codebook, model, total, progress)
        in_context = partial(put_in_context, codebook, model.encoder) if context == "neighbours" else _alone
        corpus = encoding.encode("INPUT", source, keep=lambda *rows: spool.write(in_context(*rows)))
        if reference is not None:
            corpus = encoding.encode("--reference", reference)
        spool.rewind()
        suggester = Suggester(
            codebook,
            model.encoder,
            background=model.background,
            reference=corpus,
            examples=coded,
            temperature=model.temperature,
        )
        suggest = partial(suggester.suggest_encoded, top_k=top_k, min_score=min_score)
        written = _write_all(source, suggest, partial(spool.read, dimension=model.encoder.identity.dimension), write)
        if _state(source) != state:
            raise FileNotAccepted("The input file changed while it was read.")
    if beside is not None:
        shutil.rmtree(beside, ignore_errors=True)
    return written


def _alone(_texts: Sequence[str], vectors: Vectors, _contexts: Sequence[Context]) -> Vectors:
    return vectors


def _write_all(
    source: Path,
    suggest: Callable[[Sequence[str], Vectors], list[SegmentSuggestions]],
    vectors: Callable[[int], Vectors],
    write: WriteRow,
) -> int:
    written = 0
    for rows in _chunks("INPUT", source):
        results = suggest([row.text for row in rows], vectors(len(rows)))
        for row, result in zip(rows, results, strict=True):
            write(suggestion_row(row.id, result))
        written += len(rows)
    return written


def _remembering(model: LoadedModel, folder: Path | None, stack: ExitStack) -> LoadedModel:
    if folder is None:
        return model
    return replace(model, encoder=KeptVectorsEncoder(model.encoder, stack.enter_context(VectorCache(folder))))


@contextmanager
def naming_file(role: str) -> Iterator[None]:
    """Notes on an input error in which of the command's files it is, e.g. ``--examples``."""
    try:
        yield
    except (InputError, CodebookNotAccepted, ExampleNotAccepted) as error:
        if not hasattr(error, "__notes__"):
            error.add_note(role)
        raise


def _checked_examples(path: Path | None, codebook: Codebook) -> list[Example]:
    """The examples, refused with their line rather than their position in the list."""
    if path is None:
        return []
    with naming_file("--examples"):
        rows = read_examples(path)
        for place, example in rows:
            for field, codes in (("codes", example.codes), ("rejected", example.rejected)):
                if any(code not in codebook for code in codes):
                    raise ExampleNotAccepted(
                        "The coded segment names a code that is not in the codebook.", places=(f"{place}, {field}",)
                    )
    return [example for _, example in rows]


def _count(role: str, path: Path) -> int:
    with naming_file(role):
        return count_segments(path)


class _Encoding:
    """Encodes files of segments with one model, and reports how far it has come over all of them."""

    def __init__(self, codebook: Codebook, model: LoadedModel, total: int, progress: Progress) -> None:
        self._codebook = codebook
        self._model = model
        self._total = total
        self._progress = progress
        self._encoded = 0
        progress(0, total)

    def encode(self, role: str, path: Path, *, keep: Keep = lambda _texts, _vectors, _contexts: None) -> Reference:
        """The file as a reference; ``keep`` gets its segments in order."""
        corpus = CorpusSample()
        for rows in _chunks(role, path):
            texts = [row.text for row in rows]
            vectors = encode_segments(self._codebook, self._model.encoder, texts)
            speaking = [index for index, text in enumerate(texts) if has_words(text)]
            corpus.add([texts[index] for index in speaking], vectors[speaking])
            keep(texts, vectors, [row.context for row in rows])
            self._encoded += len(rows)
            self._progress(self._encoded, self._total)
        return corpus.reference()


def _chunks(role: str, path: Path) -> Iterator[list[SegmentRow]]:
    rows = read_segments(path)
    with naming_file(role):
        while chunk := list(itertools.islice(rows, CHUNK)):
            yield chunk


def _state(path: Path) -> tuple[int, int, int]:
    status = path.stat()
    return status.st_ino, status.st_size, status.st_mtime_ns
