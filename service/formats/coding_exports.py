"""What people decided -> csv or jsonl, a piece at a time."""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from service.formats.json_lines import json_line
from service.formats.lines import BYTE_ORDER_MARK
from service.formats.spreadsheet_cells import spreadsheet_cell

Format = Literal["csv", "jsonl"]
Mode = Literal["spreadsheet", "data"]
"""Of csv: for people, whose spreadsheet must not take a text for a formula; or exact. Jsonl is always exact."""

Status = Literal["accepted", "replaced", "hand", "file", "rejected", "no_code"]
"""A coding by its origin; a rejection; or that no code applies."""

PIECE_CHARACTERS = 64 * 1024

# No cell is too long for a spreadsheet, which takes 32,767 UTF-16 units: segments are limited to less than half.
CODING_COLUMNS = (
    "reference",
    "site",
    "transcript",
    "paragraph",
    "speaker",
    "section",
    "segment_id",
    "text",
    "status",
    "code",
    "code_name",
    "code_path",
    "replaced_by",
    "score",
    "model_version",
    "codebook_version",
    "coder",
    "round",
    "decided_by",
    "decided_at",
    "suggestions_visible",
)
DECISION_COLUMNS = (
    "number",
    "decision_id",
    "at",
    "analyst",
    "coder",
    "round",
    "kind",
    "reference",
    "site",
    "transcript",
    "segment_id",
    "code",
    "code_name",
    "suggestion_id",
    "suggested_code",
    "score",
    "model_version",
    "codebook_version",
    "undoes",
    "undone_by",
    "suggestions_visible",
)


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What stands on a segment: a code, a rejected code, or that no code applies.

    Attributes:
        code_path: the names from the theme down to the code, ``A > B > C``.
        replaced_by: the code that was put in the place of a rejected one, if any was.
        score: what the machine gave the code, and so on; only of what was suggested.
        decided_by: the analyst who decided; None if it came with a file, and so on.
        decided_at: in ISO form.
    """

    status: Status
    code: str | None = None
    code_name: str | None = None
    code_path: str | None = None
    replaced_by: str | None = None
    score: float | None = None
    model_version: str | None = None
    codebook_version: int | None = None
    decided_by: str | None = None
    decided_at: str | None = None
    suggestions_visible: bool | None = None


@dataclass(frozen=True, kw_only=True)
class CodedRow:
    """A segment that one coder looked at.

    Attributes:
        segment: the keys of coded.jsonl that are about the segment, and ``reference``.
        coder: whose coding set; in the shared one, each finding says who decided.
        findings: at least one.
    """

    segment: Mapping[str, Any]
    coder: str
    round: str
    findings: Sequence[Finding]


def coding_export(rows: Iterable[CodedRow], format: Format, mode: Mode) -> Iterator[bytes]:
    """The file of what stands.

    Csv has one row for each finding. Jsonl has the shape of coded.jsonl, one line for each row on which a code stands
    or none applies: on a segment where all there is are rejections, ``codes: []`` would say that no code applies.
    """
    if format == "csv":
        return _csv(CODING_COLUMNS, (cells for row in rows for cells in _csv_rows(row)), mode)
    return _pieces(json_line(_json_row(row)) for row in rows if any(one.status != "rejected" for one in row.findings))


def decision_export(rows: Iterable[Mapping[str, Any]], format: Format, mode: Mode) -> Iterator[bytes]:
    """The file of the trail; each row has :data:`DECISION_COLUMNS`."""
    if format == "csv":
        return _csv(DECISION_COLUMNS, ([row[name] for name in DECISION_COLUMNS] for row in rows), mode)
    return _pieces(json_line({name: row[name] for name in DECISION_COLUMNS}) for row in rows)


def _csv_rows(row: CodedRow) -> Iterator[list[Any]]:
    own = {**row.segment, "transcript": row.segment["document"], "segment_id": row.segment["id"]}
    own |= {"coder": row.coder, "round": row.round}
    for finding in row.findings:
        values = own | vars(finding)
        yield [values[name] for name in CODING_COLUMNS]


def _json_row(row: CodedRow) -> dict[str, Any]:
    codings = [one for one in row.findings if one.status not in ("rejected", "no_code")]
    no_code = next((one for one in row.findings if one.status == "no_code"), None)
    segment = row.segment
    return {
        "id": segment["id"],
        "text": segment["text"],
        "codes": [one.code for one in codings],
        "rejected": [one.code for one in row.findings if one.status == "rejected"],
        **{key: value for key, value in segment.items() if key not in ("id", "text", "reference")},
        "coder": row.coder,
        "round": row.round,
        "reference": segment["reference"],
        "codings": [
            {
                "code": one.code,
                "origin": one.status,
                "score": one.score,
                "model_version": one.model_version,
                "codebook_version": one.codebook_version,
                **_decision(one),
            }
            for one in codings
        ],
        "no_code": no_code and _decision(no_code),
    }


def _decision(finding: Finding) -> dict[str, Any]:
    return {
        "decided_by": finding.decided_by,
        "decided_at": finding.decided_at,
        "suggestions_visible": finding.suggestions_visible,
    }


def _csv(columns: Sequence[str], rows: Iterable[Sequence[Any]], mode: Mode) -> Iterator[bytes]:
    if mode == "spreadsheet":
        # Without the mark, spreadsheets read the file in the machine's old encoding.
        yield BYTE_ORDER_MARK
        rows = ([spreadsheet_cell(cell) for cell in row] for row in rows)
    yield from _pieces(_csv_lines(columns, rows))


def _csv_lines(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> Iterator[str]:
    text = io.StringIO(newline="")
    # The standard line end is CR LF; with another one the writer would leave a lone CR in a cell unquoted.
    writer = csv.writer(text)
    writer.writerow(columns)
    for row in rows:
        yield text.getvalue()
        text.seek(0)
        text.truncate()
        writer.writerow([str(cell).lower() if isinstance(cell, bool) else cell for cell in row])
    yield text.getvalue()


def _pieces(lines: Iterable[str]) -> Iterator[bytes]:
    """The lines in pieces that are worth sending."""
    waiting: list[str] = []
    length = 0
    for line in lines:
        waiting.append(line)
        length += len(line)
        if length >= PIECE_CHARACTERS:
            yield "".join(waiting).encode("utf-8")
            waiting, length = [], 0
    if waiting:
        yield "".join(waiting).encode("utf-8")
