"""Whether neighbouring turns help to code a segment: their vectors mixed into its own, beside the segment alone.

    python benchmarks/bench_context.py [--draws 20] [--cache FOLDER]

Needs THEMECODER_EVALDATA. Of the sets with documents in reading order, examples and tested segments alike; neighbours
are the coded segments before and after in the same document (no set holds what a moderator asked). Prints hit@1 of
the suggester, and for each pair of weights (of the turn before / of the one after) the mean paired difference with
its standard error over draws. Vectors are kept in the cache folder.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
from quality.command import evaluation_data, kept_encoder, parser
from quality.measures import hits
from quality.ours import KeptEncoder, examples_of, scores, suggester
from quality.tasks import Draw, Task, draw, load_task, whole

from models.encoder import Vectors, unit_rows

TASKS = ("pdpilot-themes", "pdpilot-leaves", "swj_usability")
SHOTS = (0, 8)
# Of the turn before, and of the one after.
WEIGHTS = ((0.0, 0.0), (0.3, 0.0), (0.5, 0.0), (0.0, 0.3), (0.3, 0.3), (0.5, 0.5))


def before(task: Task) -> Vectors:
    """The vector of the turn before each segment, zeros where a document begins."""
    return np.concatenate([np.zeros_like(task.vectors[:1]), task.vectors[:-1]]) * _goes_on(task)[:, None]


def after(task: Task) -> Vectors:
    """The vector of the turn after each segment, zeros where a document ends."""
    goes_on = np.append(_goes_on(task)[1:], np.float32(0))
    return np.concatenate([task.vectors[1:], np.zeros_like(task.vectors[:1])]) * goes_on[:, None]


def _goes_on(task: Task) -> npt.NDArray[np.float32]:
    """1 where a segment has one before it in its document, else 0."""
    same = [at > 0 and task.documents[at - 1] == document for at, document in enumerate(task.documents)]
    return np.array(same, dtype=np.float32)


def in_context(task: Task, encoder: KeptEncoder, earlier: float, later: float) -> tuple[Task, KeptEncoder]:
    """The task, and an encoder that knows its segments, with the neighbouring turns mixed in by these weights."""
    mixed = unit_rows(task.vectors + np.float32(earlier) * before(task) + np.float32(later) * after(task))
    known = dict(zip(task.texts, mixed, strict=True))

    def encode(texts: Sequence[str]) -> Vectors:
        vectors = encoder.encode(texts)
        return np.stack([known.get(text, vector) for text, vector in zip(texts, vectors, strict=True)])

    return replace(task, vectors=mixed), KeptEncoder(encode, encoder.identity)


def hit(task: Task, split: Draw, shots: int, encoder: KeptEncoder) -> float:
    """hit@1 of the suggester."""
    learner = suggester(task, split, examples_of(task, split.examples(shots).tolist()), encoder)
    return hits(scores(learner, task, split.tested.tolist()), task.labels[split.tested])[0]


def report(task: Task, draws: int, encoder: KeptEncoder) -> None:
    """Prints the lines of one task."""
    variants = [in_context(task, encoder, *weights) for weights in WEIGHTS]
    for shots in SHOTS:
        seeds = range(draws if shots else 1)
        splits = [draw(task, seed) if shots else whole(task, seed) for seed in seeds]
        found = np.array([[hit(varied, split, shots, by) for varied, by in variants] for split in splits])
        line = f"{task.name:15} {shots:2} examples: alone {found[:, 0].mean():.3f}"
        for (earlier, later), gains in zip(WEIGHTS[1:], (found[:, 1:] - found[:, :1]).T, strict=True):
            error = f" ± {gains.std(ddof=1) / np.sqrt(len(gains)):.3f}" if len(gains) > 1 else ""
            line += f"; {earlier}/{later} {gains.mean():+.3f}{error}"
        print(line, flush=True)


def main() -> None:
    """Prints the figures."""
    options_of = parser(__doc__)
    options_of.add_argument("--draws", type=int, default=20)
    options = options_of.parse_args()
    folder = evaluation_data("context")
    encoder = kept_encoder(options.cache)
    for name in TASKS:
        report(load_task(folder, name, encoder.encode), options.draws, encoder)


if __name__ == "__main__":
    main()
