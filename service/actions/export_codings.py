"""Export what people decided: what stands, and the trail of all decisions. Each export is one state of a project."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row

from models.codebook import codebook_from_json
from service.errors import FieldNotValid
from service.formats.coding_exports import CodedRow, Finding, Status
from service.storage import exports
from service.storage.database import Database
from service.storage.projects import Project, project
from service.storage.references import Ref
from service.storage.times import in_utc

SHARED = "shared"
NO_NAME = (None, None)


@dataclass(frozen=True, kw_only=True)
class CodingExport:
    """What stands in a project, in reading order."""

    project_id: int
    rows: Sequence[CodedRow]


@dataclass(frozen=True, kw_only=True)
class DecisionExport:
    """All decisions in a project, each with the keys of :data:`service.formats.coding_exports.DECISION_COLUMNS`."""

    project_id: int
    rows: Sequence[Mapping[str, Any]]


def export_codings(database: Database, ref: Ref) -> CodingExport:
    """What stands in a project: codings, rejections, and segments to which no code applies.

    A code that was rejected or replaced, and set all the same later, is no longer rejected.

    Raises:
        NotFound: there is no such project.
        StorageUnavailable: it cannot be read.
    """
    with database.read() as connection:
        project_id = project(connection, ref).id
        sets, documents = coders_of(connection, project_id), documents_of(connection, project_id)
        found = _findings(connection, project_id)
        rows = [
            CodedRow(segment=_segment(row, documents[row.transcript_id]), findings=found[row.id][coding_set], **coder)
            for row in exports.segments_looked_at(connection, project_id)
            for coding_set, coder in sets.items()
            if coding_set in found[row.id]
        ]
    return CodingExport(project_id=project_id, rows=rows)


def export_decisions(database: Database, ref: Ref) -> DecisionExport:
    """Every decision in a project, also those that were undone, in the order in which they were made.

    Raises:
        NotFound: there is no such project.
        StorageUnavailable: it cannot be read.
    """
    with database.read() as connection:
        project_id = project(connection, ref).id
        sets, documents = coders_of(connection, project_id), documents_of(connection, project_id)
        names = _code_names(connection, project_id)
        rows = [
            {
                **row._mapping,
                **sets[row.coding_set_id],
                "decision_id": row.id,
                "at": in_utc(row.at).isoformat(),
                "reference": f"{documents[row.transcript_id]['label']} {row.paragraph}",
                "site": documents[row.transcript_id]["site"],
                "transcript": documents[row.transcript_id]["document"],
                "segment_id": row.external_id or str(row.segment_id),
                "code_name": names.get(row.code, NO_NAME)[0],
            }
            for row in exports.decision_trail(connection, project_id)
        ]
    return DecisionExport(project_id=project_id, rows=rows)


def _findings(connection: Connection, project_id: int) -> Mapping[int, Mapping[int, list[Finding]]]:
    """By segment and coding set."""
    names = _code_names(connection, project_id)
    found: dict[int, dict[int, list[Finding]]] = defaultdict(lambda: defaultdict(list))
    standing = set()
    for row in exports.standing_codings(connection, project_id):
        standing.add((row.coding_set_id, row.segment_id, row.code))
        found[row.segment_id][row.coding_set_id].append(_finding(row, row.status, names))
    for row in exports.standing_no_codes(connection, project_id):
        found[row.segment_id][row.coding_set_id].append(Finding(status="no_code", **_decision(row)))
    # Where a code was rejected more than once, the last time counts.
    rejected = {
        (row.coding_set_id, row.segment_id, row.code): row for row in exports.turned_down(connection, project_id)
    }
    for key, row in rejected.items():
        if key not in standing:
            found[row.segment_id][row.coding_set_id].append(_finding(row, "rejected", names))
    return found


def _finding(row: Row[Any], status: Status, names: Mapping[str, tuple[str | None, str | None]]) -> Finding:
    name, path = names.get(row.code, NO_NAME)
    return Finding(
        status=status,
        code=row.code,
        code_name=name,
        code_path=path,
        replaced_by=row.replaced_by,
        score=row.score,
        model_version=row.model_version,
        codebook_version=row.codebook_version,
        **_decision(row),
    )


def _decision(row: Row[Any]) -> dict[str, Any]:
    return {
        "decided_by": row.decided_by,
        "decided_at": None if row.decided_at is None else in_utc(row.decided_at).isoformat(),
        "suggestions_visible": row.suggestions_visible,
    }


def _segment(row: Row[Any], transcript: Mapping[str, Any]) -> dict[str, Any]:
    """The keys of coded.jsonl that are about a segment, and how it is cited."""
    return {
        "id": row.external_id or str(row.id),
        "text": row.text,
        **transcript,
        "paragraph": row.paragraph,
        "speaker": row.speaker,
        "role": row.role,
        "section": row.section,
        "original_text": row.original_text,
        "original_language": row.original_language,
        "reference": f"{transcript['label']} {row.paragraph}",
    }


def documents_of(connection: Connection, project_id: int) -> dict[int, dict[str, Any]]:
    """What is said of each transcript; its document names it and no other one."""
    rows = exports.transcripts_of(connection, project_id)
    taken = {row.external_id for row in rows}
    return {
        row.id: {
            "document": row.external_id or _free(row.label, taken, str(row.id)),
            "label": row.label,
            "site": row.site,
            "language": row.language,
        }
        for row in rows
    }


def coders_of(connection: Connection, project_id: int) -> dict[int, dict[str, str]]:
    """The coder and round of each coding set; no two have one coder, or they could not be told apart in a file."""
    rows = exports.coding_sets_of(connection, project_id)
    names: dict[int, str] = {}
    for row in sorted(rows, key=lambda row: (row.analyst is None, row.id)):
        names[row.id] = _free(row.analyst or SHARED, set(names.values()), f"round {row.round_number}")
    rows.sort(key=lambda row: (row.round_number, names[row.id]))
    return {row.id: {"coder": names[row.id], "round": row.round_name} for row in rows}


def coding_set_of(connection: Connection, within: Project, coder: str | None) -> tuple[int, str]:
    """The id of a coding set and its coder, named as in exports; None for the shared one of the newest open round.

    Raises:
        FieldNotValid: the project has no such coding set.
    """
    coders = {set_id: row["coder"] for set_id, row in coders_of(connection, within.id).items()}
    if coder is None:
        return within.coding_set_id, coders[within.coding_set_id]
    for set_id, name in coders.items():
        if name == coder:
            return set_id, name
    raise FieldNotValid("The project has no coding set of this name.", place="coding_set")


def _free(name: str, taken: Collection[str | None], otherwise: str) -> str:
    return f"{name} ({otherwise})" if name in taken else name


def _code_names(connection: Connection, project_id: int) -> dict[str, tuple[str | None, str | None]]:
    """Name and path of each code as the newest version of the codebook that has it says."""
    names: dict[str, tuple[str | None, str | None]] = {}
    for content in exports.codebook_contents(connection, project_id):
        codebook = codebook_from_json(content)
        for code in codebook.codes:
            names[code.id] = code.name, " > ".join(step.name for step in codebook.path(code.id))
    return names
