"""Who applied which code to which segment of a project, as a table."""

from collections import defaultdict
from dataclasses import dataclass, replace

from sqlalchemy import Connection

from models.codebook import Codebook, codebook_from_json
from service.actions.export_codings import coders_of, documents_of
from service.formats.coded_rows import CodedRow, CodedTable, coded_table
from service.storage import exports
from service.storage.database import Database
from service.storage.projects import Project, codebook_content, project
from service.storage.references import Ref


@dataclass(frozen=True, kw_only=True)
class CodedProject:
    """A project as it is coded.

    Attributes:
        codebook: the newest version of the project's.
        table: its coders are the coding sets, named as in exports; segments go by our numbers.
    """

    project: Project
    codebook: Codebook
    table: CodedTable


def coded_project(database: Database, ref: Ref) -> CodedProject:
    """What stands in all coding sets of a project.

    A coder looked at the segments on which a code of his stands, or that none applies. Codes that the newest version
    of the codebook does not have count nowhere; a note says how many codings that are.

    Raises:
        NotFound: there is no such project.
        StorageUnavailable: it cannot be read.
    """
    with database.read() as connection:
        found = project(connection, ref)
        codebook = codebook_from_json(codebook_content(connection, found.codebook_version_id))
        rows, unknown = _rows(connection, found.id, codebook)
    table = coded_table(rows, [code.id for code in codebook.codes], needs_text=False)
    notes = [f"{unknown} codings left out: the newest version of the codebook does not have their codes."]
    return CodedProject(project=found, codebook=codebook, table=replace(table, notes=tuple(notes if unknown else ())))


def _rows(connection: Connection, project_id: int, codebook: Codebook) -> tuple[list[CodedRow], int]:
    coders, documents = coders_of(connection, project_id), documents_of(connection, project_id)
    codes: dict[tuple[int, int], list[str]] = defaultdict(list)
    for row in exports.standing_no_codes(connection, project_id):
        codes[row.segment_id, row.coding_set_id] = []
    unknown = 0
    for row in exports.standing_codings(connection, project_id):
        codes[row.segment_id, row.coding_set_id] += [row.code] if row.code in codebook else []
        unknown += row.code not in codebook
    rows = []
    for segment in exports.segments_looked_at(connection, project_id):
        transcript = documents[segment.transcript_id]
        reference = f"{transcript['label']} {segment.paragraph}"
        for coding_set, coder in coders.items():
            if (segment.id, coding_set) in codes:
                rows.append(
                    CodedRow(
                        place=reference,
                        id=str(segment.id),
                        text=segment.text,
                        codes=tuple(codes[segment.id, coding_set]),
                        coder=coder["coder"],
                        document=transcript["document"],
                        site=transcript["site"],
                        reference=reference,
                    )
                )
    return rows, unknown
