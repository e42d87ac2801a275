"""What a run works on, as it was read once: what participants said, and by what its vectors are kept."""

from collections.abc import Collection, Sequence

from sqlalchemy import Connection

from models.codebook import Codebook, codebook_from_json
from service.actions.kept_vectors import text_key
from service.storage.projects import codebook_content
from service.storage.runs import Run
from service.storage.transcripts import SpokenText, spoken_texts
from service.storage.vectors import kept_hashes


class CorpusOfRun:
    """The texts of a project as the codebook of a run reads them.

    Args:
        codebook: whose glossary is spelt out in what is encoded.
        spoken: what participants said.
        known: by what vectors are kept.

    Attributes:
        spoken: what participants said, in reading order, each in its context.
        known: by what vectors are kept.
    """

    def __init__(self, codebook: Codebook, spoken: Sequence[SpokenText], known: Collection[bytes]) -> None:
        self.spoken = spoken
        self.known = known
        self._codebook = codebook
        self._keys: dict[str, bytes] = {}

    def key(self, text: str) -> bytes:
        """By what the vector of a text is kept; worked out once for each."""
        key = self._keys.get(text)
        if key is None:
            key = self._keys[text] = text_key(self._codebook.spell_out(text))
        return key


def corpus_of_run(connection: Connection, run: Run, model_hash: str) -> CorpusOfRun:
    """The corpus as it stands now, and of what this model's vectors are kept."""
    return CorpusOfRun(
        codebook_from_json(codebook_content(connection, run.codebook_version_id)),
        spoken_texts(connection, run.project_id),
        kept_hashes(connection, run.project_id, model_hash),
    )
