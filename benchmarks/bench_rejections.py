"""What rejections add: analysts who reject a wrong first suggestion, and accept nothing besides the examples.

    python benchmarks/bench_rejections.py [TASK …] [--draws 5] [--shots 0,8] [--cache FOLDER]

Needs THEMECODER_EVALDATA. Each draw reviews up to 300 segments that are neither examples nor tested: where the first
suggestion is wrong it is rejected, where it is right nothing is said. Prints hit@1 / hit@3 without and with these
rejections, and their mean paired difference. Vectors are kept in the cache folder.
"""

from collections.abc import Sequence

import numpy as np
from quality.command import report_each
from quality.measures import hits
from quality.ours import KeptEncoder, examples_of, scores, suggester, wrong_firsts
from quality.tasks import Draw, Task, draw

from models.suggester import Example

TASKS = ("pdpilot-themes", "pdpilot-leaves", "swj_usability", "sad", "banking77", "clinc150")


def rejections(task: Task, split: Draw, shots: int, examples: Sequence[Example], encoder: KeptEncoder) -> list[Example]:
    """What analysts say who go through segments of the learning side with the suggester's first suggestions."""
    return [
        Example(text=task.texts[row], codes=(), rejected=(task.candidates[code],))
        for row, code in wrong_firsts(task, split, shots, examples, encoder)
    ]


def report(task: Task, shots: int, draws: int, encoder: KeptEncoder) -> None:
    """Prints the line of one task and number of examples."""
    found = []
    counts = []
    for seed in range(draws):
        split = draw(task, seed)
        tested, labels = split.tested.tolist(), task.labels[split.tested]
        examples = examples_of(task, split.examples(shots).tolist())
        rejected = rejections(task, split, shots, examples, encoder)
        counts.append(len(rejected))
        found.append(
            [
                hits(scores(suggester(task, split, learnt, encoder), task, tested), labels)
                for learnt in (examples, [*examples, *rejected])
            ]
        )
    (one, three), (one_with, three_with) = np.mean(found, axis=0)
    print(
        f"{task.name:<15} {shots:>2} examples, {np.mean(counts):>3.0f} rejections: {one:.3f} / {three:.3f} without, "
        f"{one_with:.3f} / {three_with:.3f} with them ({one_with - one:+.3f})",
        flush=True,
    )


def main() -> None:
    """Prints the figures of the tasks named, by default all."""
    report_each(__doc__, "rejections", tasks=TASKS, shots="0,8", report=report)


if __name__ == "__main__":
    main()
