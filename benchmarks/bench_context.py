"""Whether what was said around a segment helps to code it: the suggester with neighbouring turns and without.

    python benchmarks/bench_context.py [--draws 20] [--shots 0,1,2,4,8,16] [--cache FOLDER]

Needs THEMECODER_EVALDATA. On the set that is in reading order (no set holds what a moderator asked); neighbours are
coded segments, of examples and tested segments alike. Prints hit@1 of the suggester without, and the mean paired
difference, with its standard error over draws, where the neighbours are those that the numbers in the ids place next
to each other, those that stand next to each other, and, to see that it is the order that helps, the ones of a random
order of each document. Vectors are kept in the cache folder.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from quality.command import evaluation_data, kept_encoder, parser
from quality.measures import hits
from quality.ours import KeptEncoder, examples_of, scores, suggester
from quality.tasks import IN_READING_ORDER, Draw, Task, draw, load_task, whole, with_contexts

from models.context import Context

BY_NUMBER, BY_PLACE, BY_CHANCE = "by number", "by place", "by chance"


def variants(task: Task) -> dict[str, Task]:
    """The task with each kind of context."""
    placed = {BY_NUMBER: with_contexts(task, by_number=True), BY_PLACE: with_contexts(task, by_number=False)}
    return placed | {BY_CHANCE: replace(task, contexts=by_chance(task))}


def by_chance(task: Task) -> tuple[Context, ...]:
    """Contexts from a random order of each document, the same each time."""
    random = np.random.default_rng(0)
    documents = np.array(task.documents)
    order = np.concatenate([random.permutation(np.flatnonzero(documents == one)) for one in dict.fromkeys(documents)])
    shuffled = replace(
        task,
        texts=tuple(task.texts[row] for row in order),
        documents=tuple(task.documents[row] for row in order),
    )
    found = dict(zip(order.tolist(), with_contexts(shuffled, by_number=False).contexts, strict=True))
    return tuple(found[row] for row in range(len(task.texts)))


def hit(task: Task, split: Draw, shots: int, encoder: KeptEncoder) -> float:
    """hit@1 of the suggester."""
    learner = suggester(task, split, examples_of(task, split.examples(shots).tolist()), encoder)
    return hits(scores(learner, task, split.tested.tolist()), task.labels[split.tested])[0]


def report(task: Task, shots: Sequence[int], draws: int, encoder: KeptEncoder) -> None:
    """Prints the lines of one task."""
    varied = variants(task)
    for name, one in varied.items():
        share = np.mean([any(context) for context in one.contexts])
        print(f"{task.name}, neighbours {name}: {share:.2f} of {len(one.texts)} segments have one")
    for number in shots:
        splits = [draw(task, seed) if number else whole(task, seed) for seed in range(draws)]
        found = np.array([[hit(one, split, number, encoder) for one in (task, *varied.values())] for split in splits])
        line = f"{task.name} {number:2} examples: alone {found[:, 0].mean():.3f}"
        for name, gains in zip(varied, (found[:, 1:] - found[:, :1]).T, strict=True):
            error = f" ± {gains.std(ddof=1) / np.sqrt(len(gains)):.3f}" if len(gains) > 1 else ""
            line += f"; {name} {gains.mean():+.3f}{error}"
        print(line, flush=True)


def main() -> None:
    """Prints the figures."""
    options_of = parser(__doc__)
    options_of.add_argument("--draws", type=int, default=20)
    options_of.add_argument("--shots", default="0,1,2,4,8,16")
    options = options_of.parse_args()
    folder = evaluation_data("context")
    encoder = kept_encoder(options.cache)
    shots = [int(number) for number in options.shots.split(",")]
    for name in IN_READING_ORDER:
        report(load_task(folder, name, encoder.encode), shots, options.draws, encoder)


if __name__ == "__main__":
    main()
