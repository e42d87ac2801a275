"""Suggestion quality on human-coded data: the suggester beside every baseline, in one run.

    python benchmarks/bench_quality.py [TASK …] [--draws 20] [--shots 0,1,2,4,8,16] [--cache FOLDER]

Needs THEMECODER_EVALDATA. Prints hit@1 / hit@3 of each method and the mean paired difference of the suggester
to the best single baseline; then how far its scores are probabilities. All see each segment alone; where a set is in
reading order, also the suggester with the segments that stand before and after. Vectors are kept in the cache folder.
"""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from quality.baselines import few_shot, zero_shot
from quality.command import evaluation_data, parser
from quality.kept_vectors import KeptVectors
from quality.measures import Probabilities, hits
from quality.ours import KeptEncoder, examples_of, judged, scores, suggester
from quality.tasks import IN_READING_ORDER, NAMES, Draw, Flags, Floats, Task, draw, load_task, whole, with_contexts

OURS, IN_CONTEXT = "themecoder", "themecoder in context"
Differences = dict[int, dict[str, float]]


def all_scores(task: Task, split: Draw, shots: int, encoder: KeptEncoder) -> tuple[dict[str, Floats], Flags]:
    """The scores of every method on one draw, and where ours abstains."""
    names, definitions = encoder.encode(task.names), encoder.encode(task.definitions)
    learnt = few_shot(task, split, shots, definitions) if shots else {}
    examples = examples_of(task, split.examples(shots).tolist())
    ours = suggester(task, split, examples, encoder)
    our_scored, abstained = judged(ours, task, split.tested.tolist())
    our_scores = {OURS: our_scored}
    if task.name in IN_READING_ORDER:
        placed = with_contexts(task, by_number=True)
        taught = suggester(placed, split, examples_of(placed, split.examples(shots).tolist()), encoder)
        our_scores[IN_CONTEXT] = scores(taught, placed, split.tested.tolist())
    return {**zero_shot(task, split, names, definitions), **learnt, **our_scores}, abstained


def report(task: Task, shots: int, draws: int, encoder: KeptEncoder) -> float:
    """Prints the lines of one task and number of examples; the paired difference to the best baseline."""
    measured: dict[str, list[tuple[float, float]]] = defaultdict(list)
    probabilities = Probabilities()
    for seed in range(draws):
        split = draw(task, seed) if shots else whole(task, seed)
        labels = task.labels[split.tested]
        by_method, abstained = all_scores(task, split, shots, encoder)
        for method, method_scores in by_method.items():
            measured[method].append(hits(method_scores, labels))
        probabilities.add(by_method[OURS], labels, abstained)
    means = {method: np.mean(values, axis=0) for method, values in measured.items()}
    best = max(
        (method for method in means if method not in (OURS, IN_CONTEXT)), key=lambda method: float(means[method][0])
    )
    for method, (first, three) in means.items():
        spread = float(np.std([value for value, _ in measured[method]]))
        print(
            f"  {shots:>2} {method:<31} {first:.3f} / {three:.3f} ± {spread:.3f}{'  best baseline' * (method == best)}"
        )
    difference = float(means[OURS][0] - means[best][0])
    print(f"  {shots:>2} {OURS} less {best}: {difference:+.3f}; {probabilities.summary()}", flush=True)
    return difference


def report_all(folder: Path, tasks: Sequence[str], shots: Sequence[int], draws: int, cache: Path) -> None:
    """Prints everything, and what it comes to over the tasks."""
    vectors = KeptVectors(cache)
    encoder = KeptEncoder(vectors.encode, vectors.identity)
    differences: Differences = defaultdict(dict)
    for name in tasks:
        task = load_task(folder, name, vectors.encode)
        print(f"{name}: {len(task.texts)} segments, {len(task.candidates)} codes")
        for number in shots if task.split != "none" else (0,):
            differences[number][name] = report(task, number, draws, encoder)
    for number, by_task in differences.items():
        rows = ", ".join(f"{name} {difference:+.3f}" for name, difference in by_task.items())
        print(f"{number} examples, paired difference: mean {np.mean(list(by_task.values())):+.3f} ({rows})")


def main() -> None:
    """Prints the figures of the tasks named, by default all."""
    options_of = parser(__doc__)
    options_of.add_argument("tasks", nargs="*", default=NAMES)
    options_of.add_argument("--draws", type=int, default=20)
    options_of.add_argument("--shots", default="0,1,2,4,8,16")
    options = options_of.parse_args()
    folder = evaluation_data("suggestion quality")
    shots = [int(number) for number in options.shots.split(",")]
    report_all(folder, options.tasks, shots, options.draws, options.cache)


if __name__ == "__main__":
    main()
