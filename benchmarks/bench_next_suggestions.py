"""How long it takes from one decision to the suggestions that rest on it, in projects with many decisions.

    python benchmarks/bench_next_suggestions.py [--decisions 2000 --codes 100] [--database URL]

Texts and codes are invented (see bench_learning.py), vectors come from the hashing encoder and are kept already. The
suggestions are those of one transcript that nobody has coded; everything is done but HTTP.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench_learning import REFITS, Study

from models.hashing_encoder import DIMENSION
from service.actions.create_project import create_project
from service.actions.decide import Decide, Wish
from service.actions.suggest_for_project import SuggestForProject
from service.encoders import Encoders
from service.settings import HASHING_MODEL, Settings
from service.storage.database import Database
from service.storage.projects import Project, analyst_id
from service.storage.schema import migrate
from service.storage.transcripts import add_segments, add_transcript

SEGMENTS_EACH = 200
DECIDED_AT_ONCE = 1_000
REPEATS = 7


@contextmanager
def databases(url: str | None) -> Iterator[Database]:
    """The one of this URL, or a new one on SQLite, with the newest schema."""
    with tempfile.TemporaryDirectory() as folder:
        database = Database(url or f"sqlite:///{Path(folder) / 'themecoder.sqlite3'}")
        migrate(database)
        yield database
        database.close()


def add_texts(database: Database, project: Project, texts: list[str]) -> int:
    """One more transcript; gives its id."""
    with database.write() as connection:
        made = add_transcript(connection, project.id, external_id=None, label=None, site=None, language=None)
        unsaid = dict.fromkeys(("external_id", "speaker", "section", "original_text", "original_language"))
        rows = [
            {**unsaid, "project_id": project.id, "transcript_id": made, "position": number, "paragraph": number + 1}
            | {"text": text, "role": "participant"}
            for number, text in enumerate(texts)
        ]
        add_segments(connection, rows)
    return made


class Analyst:
    """Codes segments by hand, one after the other, each with the code that the study has for it."""

    def __init__(self, database: Database, project: Project, study: Study) -> None:
        with database.write() as connection:
            self._id = analyst_id(connection, "Ada")
        self._decide, self._project, self._study = Decide(database), project, study
        self._active = {code.id for code in study.codebook.codes}
        self._done = 0

    def code(self, count: int) -> None:
        """The next of the study's segments, whose numbers are those of its examples."""
        examples = self._study.examples[self._done : self._done + count]
        wishes = [
            Wish(kind="code", segment_id=self._done + number, code=example.codes[0])
            for number, example in enumerate(examples, start=1)
        ]
        self._decide(
            project_id=self._project.id,
            coding_set_id=self._project.coding_set_id,
            analyst_id=self._id,
            wishes=wishes,
            active_codes=lambda _version: self._active,
        )
        self._done += count


def report(decisions: int, codes: int, url: str | None) -> None:
    """Prints a line for a project of this size."""
    study = Study(decisions + REPEATS + 1, codes, DIMENSION)
    encoders = Encoders(Settings(model=HASHING_MODEL))
    encoders.load()
    with databases(url) as database:
        project = create_project(database, name="Bench", codebook=study.codebook)
        texts = [example.text for example in study.examples]
        for at in range(0, len(texts), SEGMENTS_EACH):
            add_texts(database, project, texts[at : at + SEGMENTS_EACH])
        wanted = add_texts(database, project, study.texts(SEGMENTS_EACH))
        analyst = Analyst(database, project, study)
        for _ in range(0, decisions, DECIDED_AT_ONCE):
            analyst.code(min(DECIDED_AT_ONCE, decisions))
        suggest = SuggestForProject(database, encoders)
        start = time.perf_counter()
        suggest(project, transcript_id=wanted, min_score=0)
        print(f"{decisions:,} decisions, {codes} codes: encoding all {time.perf_counter() - start:.2f} s", end="")
        times = []
        for _ in range(REPEATS):
            start = time.perf_counter()
            analyst.code(1)
            suggest(project, transcript_id=wanted, min_score=0)
            times.append(time.perf_counter() - start)
        times.sort()
        print(f", decision to suggestions {times[REPEATS // 2]:.2f} s ({times[0]:.2f} to {times[-1]:.2f})", flush=True)


def main() -> int:
    """Prints all lines."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--decisions", type=int)
    parser.add_argument("--codes", type=int, default=100)
    parser.add_argument("--database")
    options = parser.parse_args()
    for decisions, codes in [(options.decisions, options.codes)] if options.decisions else REFITS:
        report(decisions, codes, options.database)
    return 0


if __name__ == "__main__":
    sys.exit(main())
