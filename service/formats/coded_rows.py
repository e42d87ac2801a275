"""Coded segments (the shape of coded.jsonl) -> rows with their places, and the table of who applied what."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from models.codings import Codings
from models.context import NO_CONTEXT, Context
from models.suggester import has_words
from service.errors import FieldNotValid, FileNotAccepted
from service.formats.coded_files import example_from_row, label_of_row
from service.formats.row_contexts import SpokenRow, spoken_row, with_contexts
from service.formats.segment_files import read_json_lines

UNNAMED_CODER = "unnamed coder"
# As many places as one still reads.
MOST_PLACES = 10


@dataclass(frozen=True, kw_only=True)
class CodedRow:
    """What one coder found in one segment.

    Attributes:
        place: ``line 12``.
        id: of the segment; rows of one id are one segment.
        reference: how it is cited, "BU 11".
        document: its transcript; empty if the row names none.
        context: what was said around it.
    """

    place: str
    id: str
    text: str
    codes: tuple[str, ...]
    coder: str
    document: str
    site: str | None
    reference: str
    context: Context = NO_CONTEXT


@dataclass(frozen=True, kw_only=True)
class CodedTable:
    """A study as it was coded, segments in the order of the file.

    Attributes:
        contexts: what was said around each segment.
        notes: what was left out or counted once, each with its lines.
    """

    ids: tuple[str, ...]
    places: tuple[str, ...]
    texts: tuple[str, ...]
    contexts: tuple[Context, ...]
    references: tuple[str, ...]
    sites: tuple[str | None, ...]
    codings: Codings
    notes: tuple[str, ...] = field(default=())


def read_coded_rows(path: Path, *, needs_text: bool = True) -> list[CodedRow]:
    """The rows of a .jsonl file.

    Args:
        path: the file.
        needs_text: whether a row without the field ``text`` is refused.

    Raises:
        InputError: a subclass says what is wrong, and in which line.
    """
    if path.suffix.lower() != ".jsonl":
        raise FileNotAccepted("Coded segments must be a .jsonl file.")
    try:
        rows = [_row(row, place, needs_text) for place, row in read_json_lines(path)]
    except OSError as error:
        raise FileNotAccepted("The file of coded segments cannot be read.") from error
    return [replace(row, context=context) for row, context in with_contexts(rows)]


def _row(row: Mapping[str, Any], place: str, needs_text: bool) -> tuple[CodedRow, SpokenRow]:
    prefix = f"{place}, "
    example = example_from_row(row if needs_text or "text" in row else {**row, "text": ""}, prefix)
    segment_id = label_of_row(row, "id", prefix)
    coded = CodedRow(
        place=place,
        id=segment_id or place,
        text=example.text,
        codes=example.codes,
        coder=label_of_row(row, "coder", prefix) or UNNAMED_CODER,
        document=label_of_row(row, "document", prefix) or "",
        site=label_of_row(row, "site", prefix),
        reference=example.reference or place,
    )
    return coded, spoken_row(row, example.text, prefix)


def coded_table(rows: Iterable[CodedRow], known_codes: Sequence[str] | None, *, needs_text: bool = True) -> CodedTable:
    """Who applied which code to which segment.

    Rows that say the same twice count once, and rows whose text has no letter or digit are left out where text is
    needed; the notes say which.

    Args:
        rows: of all coders.
        known_codes: ids of the codebook, in its order; None takes the codes as they come.
        needs_text: whether segments without words are left out.

    Raises:
        FieldNotValid: two rows contradict each other, or a row has a code that is not in the codebook.
    """
    rows = list(rows)
    if known_codes is not None:
        _check_codes(rows, set(known_codes))
    silent = [row.place for row in rows if needs_text and not has_words(row.text)]
    rows = [row for row in rows if not needs_text or has_words(row.text)]
    firsts = _segments(rows)
    judged, repeated = _judgements(rows)
    codes = known_codes if known_codes is not None else sorted({code for row in rows for code in row.codes})
    notes = (
        *_note(silent, "left out, because there is no letter or digit in the text"),
        *_note(repeated, "counted once with the earlier row that says the same"),
    )
    return CodedTable(
        ids=tuple(firsts),
        places=tuple(row.place for row in firsts.values()),
        texts=tuple(row.text for row in firsts.values()),
        contexts=tuple(row.context for row in firsts.values()),
        references=tuple(row.reference for row in firsts.values()),
        sites=tuple(row.site for row in firsts.values()),
        codings=_codings(firsts, judged, codes),
        notes=notes,
    )


def with_words(table: CodedTable) -> CodedTable:
    """The table without segments whose text has no letter or digit, with a note of these."""
    kept = [row for row, text in enumerate(table.texts) if has_words(text)]
    silent = [place for place, text in zip(table.places, table.texts, strict=True) if not has_words(text)]
    return CodedTable(
        ids=tuple(table.ids[row] for row in kept),
        places=tuple(table.places[row] for row in kept),
        texts=tuple(table.texts[row] for row in kept),
        contexts=tuple(table.contexts[row] for row in kept),
        references=tuple(table.references[row] for row in kept),
        sites=tuple(table.sites[row] for row in kept),
        codings=table.codings.on(kept),
        notes=(*table.notes, *_note(silent, "left out, because there is no letter or digit in the text")),
    )


def _check_codes(rows: Sequence[CodedRow], known: Collection[str]) -> None:
    wrong = [row.place for row in rows if any(code not in known for code in row.codes)]
    if wrong:
        raise FieldNotValid(
            "The coded segments name codes that are not in the codebook.", place=f"codes of {listed(wrong)}"
        )


def _segments(rows: Sequence[CodedRow]) -> dict[str, CodedRow]:
    """The first row of each segment, with the site, and with what was said around, that any of its rows names."""
    firsts: dict[str, CodedRow] = {}
    for row in rows:
        first = firsts.setdefault(row.id, row)
        _check_same(first, row)
        if first.site is None and row.site is not None:
            firsts[row.id] = first = replace(first, site=row.site)
        if any(row.context) and not all(first.context):
            context = Context(first.context.before or row.context.before, first.context.after or row.context.after)
            firsts[row.id] = replace(first, context=context)
    return firsts


def _check_same(first: CodedRow, row: CodedRow) -> None:
    for name in ("text", "document", "site"):
        one, other = getattr(first, name), getattr(row, name)
        if one and other and one != other:
            raise FieldNotValid(
                f"Two rows of one id have another {name}.", place=f"{name} of {first.place} and {row.place}"
            )


def _judgements(rows: Sequence[CodedRow]) -> tuple[dict[tuple[str, str], CodedRow], list[str]]:
    """The row of each coder and segment, and the places of rows that repeat one."""
    judged: dict[tuple[str, str], CodedRow] = {}
    repeated = []
    for row in rows:
        before = judged.setdefault((row.coder, row.id), row)
        if before is row:
            continue
        if set(before.codes) != set(row.codes):
            raise FieldNotValid(
                "Two rows of one coder and one id have other codes.", place=f"codes of {before.place} and {row.place}"
            )
        repeated.append(row.place)
    return judged, repeated


def _codings(
    firsts: Mapping[str, CodedRow], judged: Mapping[tuple[str, str], CodedRow], codes: Sequence[str]
) -> Codings:
    coders = tuple(dict.fromkeys(coder for coder, _ in judged))
    segment_of = {segment: number for number, segment in enumerate(firsts)}
    column_of = {code: column for column, code in enumerate(codes)}
    coder_of = {coder: number for number, coder in enumerate(coders)}
    applied = np.zeros((len(coders), len(firsts), len(codes)), dtype=bool)
    seen = np.zeros((len(coders), len(firsts)), dtype=bool)
    for (coder, segment), row in judged.items():
        seen[coder_of[coder], segment_of[segment]] = True
        applied[coder_of[coder], segment_of[segment], [column_of[code] for code in row.codes]] = True
    documents = tuple(row.document for row in firsts.values())
    return Codings(coders=coders, codes=tuple(codes), applied=applied, seen=seen, documents=documents)


def _note(places: Sequence[str], what: str) -> list[str]:
    return [f"{len(places)} {'row' if len(places) == 1 else 'rows'} {what}: {listed(places)}."] if places else []


def listed(places: Sequence[str]) -> str:
    """Places in one line, the first ten of them."""
    more = f" and {len(places) - MOST_PLACES} more" if len(places) > MOST_PLACES else ""
    return ", ".join(places[:MOST_PLACES]) + more
