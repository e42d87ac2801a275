"""Load the demo study: invented transcripts, and what two invented coders found in them."""

import json
from dataclasses import replace
from importlib import resources
from typing import Any

from sqlalchemy import Connection

from models.codebook import built_in_codebook
from service.actions.create_project import create_project
from service.actions.import_transcripts import Defaults, import_transcripts
from service.errors import NotFound
from service.formats.transcript_files import read_transcripts
from service.storage.database import Database
from service.storage.file_codings import FileCoding, add_file_codings
from service.storage.projects import Project, project
from service.storage.references import ExternalId
from service.storage.transcripts import list_segments, list_transcripts

EXTERNAL_ID = "demo"
FILES = resources.files("service") / "demo_study"


def load_demo_study(database: Database) -> tuple[Project, bool]:
    """The demo study's project, and whether it was loaded now; one that is there stays as people left it.

    Raises:
        StorageUnavailable: nothing was stored.
    """
    with database.read() as connection:
        try:
            return project(connection, ExternalId(EXTERNAL_ID)), False
        except NotFound:
            pass
    study = json.loads((FILES / "study.json").read_text(encoding="utf-8"))
    codebook = built_in_codebook(study["codebook"])
    with database.write() as connection:
        made = create_project(
            database, name=study["name"], note=study["note"], external_id=EXTERNAL_ID, codebook=codebook
        )
        for site in study["sites"]:
            (imported,) = read_transcripts((FILES / site["file"]).read_bytes(), "txt")
            named = replace(imported, document=site["document"], site=site["site"], language=site["language"])
            import_transcripts(database, made, codebook, [named], Defaults())
        add_file_codings(connection, made, _codings(connection, made))
    return made, True


def _codings(connection: Connection, made: Project) -> list[FileCoding]:
    documents = {one.id: one.external_id for one in list_transcripts(connection, made.id, after=0, limit=100)}
    segments = {
        (documents[segment.transcript_id], segment.paragraph): segment.id
        for segment in list_segments(connection, made.id)
    }
    rows: list[dict[str, Any]] = [
        json.loads(line) for line in (FILES / "codings.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    return [
        FileCoding(
            segment_id=segments[row["document"], row["paragraph"]], coder=row["coder"], codes=tuple(row["codes"])
        )
        for row in rows
    ]
