"""The kind ``adapt``: a model fitted to a project's codes, used from then on if it is better."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection

from models.codebook import Codebook, codebook_from_json
from models.errors import ModelsError
from models.model_folder import CheckedModelFolder
from models.suggester import Example
from service.actions.adapt_encoder import AdaptedModel, adapted_model
from service.actions.project_suggestions import coded_examples, from_pinned, pinned_form, with_texts
from service.actions.start_adaptation import ADAPT, check_material
from service.batch.kinds import GivesUp, Outcome, Step
from service.batch.model_of_run import ModelOfRun
from service.batch.one_piece import OnePiece, Watch
from service.encoders import Encoders
from service.storage.adaptations import add_adaptation, choose_model, next_number
from service.storage.database import Database
from service.storage.projects import codebook_content, last_decision
from service.storage.runs import Run, change_run, pinned
from service.storage.times import now
from service.storage.transcripts import spoken_texts

PERCENT = 100


def adapt_steps(database: Database, encoders: Encoders) -> Mapping[str, Step]:
    """The only step of the kind."""
    adaptation = _Adaptation(database, encoders)
    return {ADAPT: OnePiece(database, adaptation, pins=adaptation.pins)}


class _Adaptation:
    def __init__(self, database: Database, encoders: Encoders) -> None:
        self._database = database
        self._encoders = encoders
        self._models = ModelOfRun(database, encoders)

    def pins(self, run: Run) -> Mapping[str, Any]:
        model = self._models.load(run)
        with self._database.read() as connection:
            corpus = spoken_texts(connection, run.project_id)
            return {
                "decision_number": last_decision(connection, run.coding_set_id),
                "model_hash": model.encoder.identity.hash,
                "model_version": model.version,
                "pinned": {"examples": pinned_form(coded_examples(connection, run.coding_set_id, corpus))},
            }

    def __call__(self, run: Run, watch: Watch) -> Outcome:
        with self._database.read() as connection:
            codebook, examples = _material(connection, run)
        check_material(codebook, examples)
        # What an earlier attempt at this run has left behind, if it was killed.
        self._encoders.fitted_folders.drop_unfinished(run.project_id)
        try:
            model_hash, outcome = self._fit(run, codebook, examples, watch)
        except OSError as error:
            raise GivesUp("data_folder_unusable", detail="The data folder cannot be written.") from error
        return self._kept(run, model_hash, outcome)

    def _fit(
        self, run: Run, codebook: Codebook, examples: list[Example], watch: Watch
    ) -> tuple[str | None, AdaptedModel]:
        """The hash of the fitted model, which lies in its folder, or None where it was no better."""
        base, folders = self._models.load(run), self._encoders.fitted_folders
        with folders.unfinished(run.project_id) as place:
            outcome = adapted_model(
                codebook,
                examples,
                base,
                self._folder(run),
                place / "model",
                made_at=now(),
                seed=run.request["seed"],
                progress=lambda share: watch.progress(int(PERCENT * share), PERCENT),
            )
            if not outcome.is_kept:
                return None, outcome
            model_hash = outcome.model.encoder.identity.hash
            folders.keep(place / "model", run.project_id, model_hash)
            return model_hash, outcome

    def _folder(self, run: Run) -> CheckedModelFolder:
        try:
            return self._encoders.checked_folder(str(run.model_key))
        except ModelsError as error:
            raise GivesUp(error.code) from error

    def _kept(self, run: Run, model_hash: str | None, outcome: AdaptedModel) -> Outcome:
        comparison = asdict(outcome.comparison) if outcome.comparison is not None else {}

        def keep(connection: Connection) -> Mapping[str, int]:
            number = next_number(connection, run.project_id)
            made = add_adaptation(
                connection,
                project_id=run.project_id,
                run_id=run.id,
                codebook_version_id=run.codebook_version_id,
                number=number,
                decision_number=run.decision_number,
                base_key=run.model_key,
                base_hash=run.model_hash,
                seed=run.request["seed"],
                comparison=comparison,
                model_hash=model_hash,
                made_at=now(),
            )
            if model_hash is not None:
                choose_model(connection, run.project_id, made)
            result = {"adaptation": number, "kept": model_hash is not None}
            change_run(connection, run.id, result=result, step_done=PERCENT, step_size=PERCENT)
            return {}

        def drop() -> None:
            if model_hash is not None:
                self._encoders.fitted_folders.drop(run.project_id, model_hash)

        return Outcome(keep=keep, drop=drop)


def _material(connection: Connection, run: Run) -> tuple[Codebook, list[Example]]:
    codebook = codebook_from_json(codebook_content(connection, run.codebook_version_id))
    coded = from_pinned(pinned(connection, run.id)["examples"])
    return codebook, with_texts(coded, spoken_texts(connection, run.project_id), codebook)
