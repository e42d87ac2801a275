"""An analyst who decides as people did, on what a queue puts before him, while the suggester learns."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from models.encoder import Vectors
from models.queue_order import CHOICE, LAST_DECISIONS, by_chance, by_site, most_doubtful, near_duplicates_last
from models.reference import Reference
from models.suggester import Suggester
from quality.ours import KeptEncoder, corpus, examples_of, scores
from quality.tasks import Floats, Rows, Task

# So many segments are asked for at once, and so many decisions are taken between two rounds of suggestions.
ASKED = 10
RENEWED = 20
BUDGET = 300
MOST_IN_POOL = 3_000
MOST_HELD_OUT = 600
SUGGESTED = 3

Doubt = Callable[[Floats], Floats]


class Among(Protocol):
    """Which of the most doubtful segments come first, given their vectors and those of segments looked at."""

    def __call__(self, vectors: Vectors, looked_at: Vectors, *, count: int) -> list[int]:
        """Indices of the segments."""
        ...


@dataclass(frozen=True, kw_only=True)
class Study:
    """One split of a task's part.

    Attributes:
        pool: rows to decide on, in reading order.
        held_out: rows on which suggestions are measured.
    """

    task: Task
    seed: int
    pool: Rows
    held_out: Rows
    reference: Reference
    encoder: KeptEncoder

    def suggester(self, decided: Sequence[int]) -> Suggester:
        """What has been learnt from the decisions so far; the corpus is that of the project."""
        return Suggester(
            self.task.codebook,
            self.encoder,
            background=self.encoder.background,
            reference=self.reference,
            examples=examples_of(self.task, decided),
        )

    def macro_recall(self, suggester: Suggester) -> float:
        """Recall of the first three, mean over the codes that occur in the held-out part."""
        labels = self.task.labels[self.held_out]
        best = np.argsort(-scores(suggester, self.task, self.held_out.tolist()), axis=1, kind="stable")[:, :SUGGESTED]
        shown = np.zeros_like(labels)
        np.put_along_axis(shown, best, True, axis=1)
        there = labels.any(axis=0)
        return float(((labels & shown).sum(axis=0)[there] / labels.sum(axis=0)[there]).mean())


Pick = Callable[[Study, Suggester, Rows, list[int]], Rows]


def study(task: Task, rows: Rows, seed: int, encoder: KeptEncoder) -> Study:
    """A third of the rows is held out, at random; the rest is the pool."""
    random = np.random.default_rng(seed)
    mixed = random.permutation(rows)
    held_out, pool = mixed[: len(mixed) // 3][:MOST_HELD_OUT], mixed[len(mixed) // 3 :][:MOST_IN_POOL]
    return Study(
        task=task,
        seed=seed,
        pool=np.sort(pool),
        held_out=np.sort(held_out),
        reference=corpus(task, [*pool.tolist(), *held_out.tolist()]),
        encoder=encoder,
    )


def curve(study: Study, pick: Pick) -> Floats:
    """Macro-recall after 0, RENEWED, 2 RENEWED … decisions, up to the budget or the end of the pool."""
    decided: list[int] = []
    suggester = study.suggester(decided)
    figures = [study.macro_recall(suggester)]
    while len(decided) + RENEWED <= min(BUDGET, len(study.pool)):
        for _ in range(RENEWED // ASKED):
            still_open = study.pool[~np.isin(study.pool, decided)]
            decided += pick(study, suggester, still_open, decided).tolist()
        suggester = study.suggester(decided)
        figures.append(study.macro_recall(suggester))
    return np.array(figures)


def reading(_study: Study, _suggester: Suggester, still_open: Rows, _decided: list[int]) -> Rows:
    """Transcript after transcript."""
    return still_open[:ASKED]


def per_site(study: Study, _suggester: Suggester, still_open: Rows, decided: list[int]) -> Rows:
    """In turns, with documents in the place of sites."""
    documents = study.task.documents
    looked_at: dict[str | None, int] = {}
    for row in decided:
        looked_at[documents[row]] = looked_at.get(documents[row], 0) + 1
    return still_open[by_site([documents[row] for row in still_open], looked_at, count=ASKED)]


def random(study: Study, _suggester: Suggester, still_open: Rows, _decided: list[int]) -> Rows:
    """By lot."""
    return still_open[by_chance(still_open.tolist(), seed=study.seed, count=ASKED)]


def informative(doubt: Doubt, among: Among | None = near_duplicates_last) -> Pick:
    """Where the machine is unsure of what it suggested last; among the most doubtful as ``among`` says."""

    def pick(study: Study, suggester: Suggester, still_open: Rows, decided: list[int]) -> Rows:
        doubts = doubt(waiting_scores(study.task, suggester, still_open))
        if among is None:
            return still_open[most_doubtful(doubts, count=ASKED)]
        doubtful = still_open[most_doubtful(doubts, count=CHOICE * ASKED)]
        vectors = study.task.vectors
        looked_at = vectors[np.array(decided[-LAST_DECISIONS:], dtype=np.int64)]
        return doubtful[among(vectors[doubtful], looked_at, count=ASKED)]

    return pick


def least_alike_first(vectors: Vectors, looked_at: Vectors, *, count: int) -> list[int]:
    """Always what is least like all before it: greedy k-center (Sener and Savarese 2018, arXiv:1708.00489)."""
    likeness = (vectors @ looked_at.T).max(axis=1, initial=-1)
    taken: list[int] = []
    for _ in range(min(count, len(vectors))):
        taken.append(int(likeness.argmin()))
        likeness = np.maximum(likeness, vectors @ vectors[taken[-1]])
        likeness[taken] = np.inf
    return taken


def waiting_scores(task: Task, suggester: Suggester, rows: Rows) -> Floats:
    """The scores of the suggestions that would wait, best first; 0 where one is withheld. Shape (rows, SUGGESTED)."""
    chances = suggester.chances([task.texts[row] for row in rows], task.vectors[rows])
    best = -np.sort(-chances.codes, axis=1)[:, :SUGGESTED]
    if suggester.basis == "prior":
        return best
    abstained = suggester.calibration.abstains(chances)[:, None]
    shown: Floats = np.where(abstained | (best < suggester.calibration.threshold), 0.0, best)
    return shown
