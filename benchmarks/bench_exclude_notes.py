"""What notes on what a code is not bring; no set has any, so they are made up from what the sets have.

    python benchmarks/bench_exclude_notes.py [TASK …] [--draws 5] [--shots 0,1,8] [--cache FOLDER]

Needs THEMECODER_EVALDATA. Each code's note is the name and definition of the code whose name is nearest to its own, or
a segment of the learning side for which the code was wrongly suggested first (of up to 300; a code without any has no
note). Prints hit@1 / hit@3 without notes and with each kind, and the mean paired difference in hit@1. Vectors are kept
in the cache folder.
"""

from dataclasses import replace

import numpy as np
from quality.command import report_each
from quality.measures import hits
from quality.ours import KeptEncoder, examples_of, scores, suggester, wrong_firsts
from quality.tasks import Draw, Floats, Task, draw

from models.codebook import Codebook

TASKS = ("pdpilot-themes", "pdpilot-leaves", "swj_usability", "sad", "banking77", "clinc150")
Notes = dict[str, str]


def nearest_codes(task: Task, encoder: KeptEncoder) -> Notes:
    """For each code that can be suggested what the one beside it means."""
    leaves = task.codebook.active_leaves
    names = encoder.encode([leaf.name for leaf in leaves])
    likeness = names @ names.T
    np.fill_diagonal(likeness, -np.inf)
    nearest = [leaves[column] for column in likeness.argmax(axis=1)]
    return {leaf.id: f"{other.name} {other.description}" for leaf, other in zip(leaves, nearest, strict=True)}


def wrongly_suggested(task: Task, split: Draw, shots: int, encoder: KeptEncoder) -> Notes:
    """For each candidate a segment of the learning side for which it was the first suggestion, and wrong."""
    examples = examples_of(task, split.examples(shots).tolist())
    notes: Notes = {}
    for row, code in wrong_firsts(task, split, shots, examples, encoder):
        notes.setdefault(task.candidates[code], task.texts[row])
    return notes


def noted(task: Task, notes: Notes) -> Task:
    """The task with these notes in its codebook."""
    book = task.codebook
    codes = [replace(code, exclude=notes.get(code.id, "")) for code in book.codes]
    return replace(task, codebook=Codebook(id=book.id, name=book.name, codes=codes))


def report(task: Task, shots: int, draws: int, encoder: KeptEncoder) -> None:
    """Prints the line of one task and number of examples."""
    found = []
    counts = []
    for seed in range(draws):
        split = draw(task, seed)
        wrong = wrongly_suggested(task, split, shots, encoder)
        counts.append(len(wrong))
        figures = []
        for with_notes in (task, noted(task, nearest_codes(task, encoder)), noted(task, wrong)):
            learner = suggester(with_notes, split, examples_of(task, split.examples(shots).tolist()), encoder)
            scored = scores(learner, with_notes, split.tested.tolist())
            figures.append(hits(scored, task.labels[split.tested]))
        found.append(figures)
    plain, nearest, wrong_first = np.mean(found, axis=0)
    print(
        f"{task.name:<15} {shots:>2} examples: {plain[0]:.3f} / {plain[1]:.3f} without notes; "
        f"nearest codes {compared(nearest, plain)}; "
        f"{np.mean(counts):.0f} wrongly suggested {compared(wrong_first, plain)}",
        flush=True,
    )


def compared(figures: Floats, plain: Floats) -> str:
    """hit@1 and hit@3, and by how much the first differs."""
    return f"{figures[0]:.3f} / {figures[1]:.3f} ({figures[0] - plain[0]:+.3f})"


def main() -> None:
    """Prints the figures of the tasks named, by default all."""
    report_each(__doc__, "notes on what codes are not", tasks=TASKS, shots="0,1,8", report=report)


if __name__ == "__main__":
    main()
