"""Start fitting a model to a project's codes: write down what is wanted; a worker does the rest."""

from sqlalchemy import Connection

from models.adaptation import LEAST_EXAMPLES, LEAST_LEAVES, material
from models.codebook import Codebook, codebook_from_json
from models.suggester import Example
from service.actions.project_suggestions import coded_examples, with_texts
from service.errors import FieldNotValid, TooFewDecisions
from service.settings import HASHING_MODEL
from service.storage.database import Database
from service.storage.projects import Project, codebook_content
from service.storage.runs import Run, add_run, run
from service.storage.transcripts import spoken_texts

ADAPT = "adapt"


def start_adaptation(database: Database, project: Project, *, seed: int, model_key: str) -> Run:
    """A run of the kind ``adapt`` that waits for a worker; it learns from what stands when it begins.

    Args:
        database: where the project is.
        project: which one.
        seed: of the fit.
        model_key: of the configured model that is fitted.

    Raises:
        TooFewDecisions: there is too little to tell whether it helps.
        FieldNotValid: the model has no weights.
        RunAlreadyActive: the project has a run that has not ended.
        StorageUnavailable: nothing was stored.
    """
    with database.read() as connection:
        codebook = codebook_from_json(codebook_content(connection, project.codebook_version_id))
        check_material(codebook, _examples(connection, project, codebook))
    if model_key == HASHING_MODEL:
        raise FieldNotValid("This model has no weights that could be fitted.", place="model")
    with database.write() as connection:
        run_id = add_run(
            connection,
            project_id=project.id,
            kind=ADAPT,
            step=ADAPT,
            request={"seed": seed},
            coding_set_id=project.coding_set_id,
            codebook_version_id=project.codebook_version_id,
            model_key=model_key,
        )
        return run(connection, project.id, run_id)


def check_material(codebook: Codebook, examples: list[Example]) -> None:
    """Passes if there is enough to tell whether fitting a model helps.

    Raises:
        TooFewDecisions: it says how much there is, and how much is needed.
    """
    there = material(codebook, examples)
    if not there.is_enough:
        raise TooFewDecisions(
            f"Fitting the model needs {LEAST_EXAMPLES} segments that carry a code without children, and "
            f"{LEAST_LEAVES} such codes. Segments so far: {there.examples}. Codes so far: {there.leaves}."
        )


def _examples(connection: Connection, project: Project, codebook: Codebook) -> list[Example]:
    corpus = spoken_texts(connection, project.id)
    coded = coded_examples(connection, project.coding_set_id, corpus)
    return with_texts(coded, corpus, codebook)
