"""The kind ``evaluate``: the suggester against what stands in a project."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from service.actions.evaluate_decisions import evaluate_decisions
from service.actions.evaluate_project import EvaluateProject
from service.actions.kept_vectors import KeptVectorsEncoder, ProjectVectors
from service.actions.project_models import ADAPTATION_KEY
from service.actions.run_protocol import Options
from service.batch.kinds import Outcome, Step
from service.batch.model_of_run import ModelOfRun
from service.batch.one_piece import OnePiece, Watch, told
from service.encoders import Encoders, LoadedModel
from service.storage.database import Database
from service.storage.projects import last_decision
from service.storage.runs import Run

DECISIONS = "decisions"
FITTED_TO_THESE = (
    "The model was fitted to decisions of this project, and may have seen what it is tested on here: these figures are "
    "too good. What it has not seen is compared where the adaptation is listed."
)


def evaluate_steps(database: Database, encoders: Encoders) -> Mapping[str, Step]:
    """The only step of the kind."""
    return {"evaluate": OnePiece(database, _Evaluation(database, ModelOfRun(database, encoders)))}


class _Evaluation:
    def __init__(self, database: Database, models: ModelOfRun) -> None:
        self._database = database
        self._models = models

    def __call__(self, run: Run, watch: Watch) -> Outcome:
        with self._database.read() as connection:
            decision_number = last_decision(connection, run.coding_set_id)
        if run.request["protocol"] == DECISIONS:
            result = evaluate_decisions(self._database, run.project_id, seed=run.request["seed"])
            return told(run, result=result, decision_number=decision_number)
        model = self._models.load(run)
        result = EvaluateProject(self._database, lambda: self._with_kept_vectors(model, run.project_id))(
            run.project_id,
            _options(run.request),
            progress=lambda _what, done, size: watch.progress(done, size),
        )
        return told(
            run,
            result=_with_warning(result, model),
            decision_number=decision_number,
            model_hash=model.encoder.identity.hash,
            model_version=model.version,
        )

    def _with_kept_vectors(self, model: LoadedModel, project_id: int) -> LoadedModel:
        encoder = KeptVectorsEncoder(model.encoder, ProjectVectors(self._database, project_id))
        return replace(model, encoder=encoder)


def _options(request: Mapping[str, Any]) -> Options:
    return Options(**{**request, "shots": tuple(request["shots"])})


def _with_warning(result: Mapping[str, Any], model: LoadedModel) -> Mapping[str, Any]:
    if not ADAPTATION_KEY.fullmatch(model.key):
        return result
    return {**result, "notes": [*result["notes"], FITTED_TO_THESE]}
