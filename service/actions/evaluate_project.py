"""Evaluate the suggester on a project: protocols on its codings."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from models.context import NO_CONTEXT
from service.actions.project_codings import coded_project
from service.actions.run_protocol import Check, Options, Progress, run_protocol
from service.encoders import LoadedModel
from service.formats.coded_rows import CodedTable, with_words
from service.storage.database import Database
from service.storage.references import Ref
from service.storage.transcripts import spoken_texts


class EvaluateProject:
    """Evaluates on what stands in a project; changes nothing.

    Args:
        database: where projects are.
        load_model: gives what encodes; called once everything else is checked.
    """

    def __init__(self, database: Database, load_model: Callable[[], LoadedModel]) -> None:
        self._database = database
        self._load_model = load_model

    def __call__(
        self,
        ref: Ref,
        options: Options,
        *,
        progress: Progress = lambda _what, _done, _all: None,
        check: Check = lambda: None,
    ) -> dict[str, Any]:
        """The result as a JSON object, as of :func:`service.actions.run_protocol.run_protocol`.

        Args:
            ref: which project.
            options: how to evaluate; its coder is named as in exports.
            progress: told of the step, how much of it is done, and how much there is to do.
            check: called between the pieces of work; whoever wants to stop raises from it.

        Raises:
            NotFound: there is no such project.
            FieldNotValid: the coder is unknown, nothing is coded, or there are too few documents or sites.
            ModelsError: the model cannot be loaded, or an encoder error.
            StorageUnavailable: the project cannot be read.
        """
        found = coded_project(self._database, ref)
        table = self._in_context(found.project.id, with_words(found.table))
        evaluated = run_protocol(table, found.codebook, self._load_model, options, progress=progress, check=check)
        return evaluated.result

    def _in_context(self, project_id: int, table: CodedTable) -> CodedTable:
        """The table with what was said around each segment, coded or not."""
        with self._database.read() as connection:
            around = {str(one.id): one.context for one in spoken_texts(connection, project_id)}
        return replace(table, contexts=tuple(around.get(one, NO_CONTEXT) for one in table.ids))
