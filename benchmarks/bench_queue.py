"""How many decisions until suggestions are good, by the order in which segments are looked at.

    python benchmarks/bench_queue.py [TASK …] [--seeds 8] [--rules] [--cache FOLDER]

Needs THEMECODER_EVALDATA. A simulated analyst begins with nothing, asks the queue for ten segments at a time, and
decides as the people did who coded the set; suggestions are renewed after every 20 decisions. Measured on a third of
the segments that is held out: macro-recall@3, the share of a code's segments on which it is among the first three,
mean over codes. Printed: after how many decisions it reaches 0.8 (and 0.9) of what all labels of the pool give, and
stays there; the mean over the first decisions; and its mean paired difference to random order with its standard
error over the seeds.

``--rules`` compares rules for the informative order on the development parts (half of the documents of swj_usability,
half of the segments of sad); without it the orders are compared on everything else.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from quality.command import evaluation_data, kept_encoder, parser
from quality.ours import KeptEncoder
from quality.simulated_analyst import (
    BUDGET,
    RENEWED,
    Pick,
    curve,
    informative,
    least_alike_first,
    per_site,
    random,
    reading,
    study,
)
from quality.tasks import Floats, Rows, Task, load_task

from models.queue_order import doubt

DEVELOPMENT = ("swj_usability", "sad")
NAMES = (*DEVELOPMENT, "pdpilot-themes", "banking77")
SHARES = (0.8, 0.9)


def least_confidence(scores: Floats) -> Floats:
    """How far the best suggestion is from certain."""
    doubts: Floats = 1 - scores[:, 0]
    return doubts


def entropy(scores: Floats) -> Floats:
    """Of the first three suggestions and the rest."""
    shares = np.column_stack([scores, np.maximum(1 - scores.sum(axis=1), 0)])
    doubts: Floats = -(shares * np.log(np.maximum(shares, 1e-12))).sum(axis=1)
    return doubts


def margin_of_suggested(scores: Floats) -> Floats:
    """The margin, but what the machine suggests nothing for comes last."""
    doubts: Floats = np.where(scores[:, 0] > 0, doubt(scores), -1.0)
    return doubts


RULES: Mapping[str, Pick] = {
    "random": random,
    "least confidence": informative(least_confidence, among=None),
    "entropy": informative(entropy, among=None),
    "margin": informative(doubt, among=None),
    "margin, suggested only": informative(margin_of_suggested, among=None),
    "margin, least alike first": informative(doubt, among=least_alike_first),
    "margin, near-duplicates last": informative(doubt),
}
ORDERS: Mapping[str, Pick] = {
    "random": random,
    "reading": reading,
    "per_site": per_site,
    "informative": informative(doubt),
}


def part(task: Task, *, is_development: bool) -> Rows:
    """The rows of one part of a task; without a development part, all of them are for the report."""
    rows = np.arange(len(task.texts))
    lots = np.random.default_rng(0)
    if task.name not in DEVELOPMENT:
        return rows[:0] if is_development else rows
    if task.split == "document":
        documents = lots.permutation(sorted(set(task.documents)))
        chosen = np.isin(task.documents, documents[: len(documents) // 2])
    else:
        chosen = np.isin(rows, lots.permutation(rows)[: len(rows) // 2])
    wanted: Rows = rows[chosen == is_development]
    return wanted


def reached(figures: Floats, wanted: float) -> float:
    """After how many decisions the figure is at what is wanted, and stays there; infinite if it does not."""
    below = np.flatnonzero(figures < wanted)
    first = int(below[-1]) + 1 if len(below) else 0
    return first * RENEWED if first < len(figures) else np.inf


def report(task: Task, rows: Rows, picks: Mapping[str, Pick], seeds: int, encoder: KeptEncoder) -> None:
    """Prints a line for each order."""
    studies = [study(task, rows, seed, encoder) for seed in range(seeds)]
    whole = np.array([one.macro_recall(one.suggester(one.pool.tolist())) for one in studies])
    pools, held_out = len(studies[0].pool), len(studies[0].held_out)
    print(f"{task.name}: {pools} in the pool, {held_out} held out; with all labels {whole.mean():.3f}")
    by_chance = np.zeros(0)
    for name, pick in picks.items():
        curves = np.array([curve(one, pick) for one in studies])
        means = curves[:, 1:].mean(axis=1)
        by_chance = means if name == "random" else by_chance
        needed = ", ".join(f"{share} {_needed(curves, share * whole)}" for share in SHARES)
        difference = means - by_chance
        error = difference.std(ddof=1) / np.sqrt(seeds)
        print(
            f"  {name:<29} {needed}; mean {means.mean():.3f}, less random {difference.mean():+.3f} ± {error:.3f}",
            flush=True,
        )


def _needed(curves: Floats, wanted: Floats) -> str:
    """Median and range over the seeds."""
    needed = [reached(figures, least) for figures, least in zip(curves, wanted, strict=True)]
    shown = [f">{(curves.shape[1] - 1) * RENEWED}" if np.isinf(one) else f"{one:.0f}" for one in sorted(needed)]
    return f"{shown[len(shown) // 2]} ({shown[0]} to {shown[-1]})"


def main() -> None:
    """Prints the figures of the tasks named, by default all."""
    options_of = parser(__doc__)
    options_of.add_argument("tasks", nargs="*")
    options_of.add_argument("--seeds", type=int, default=8)
    options_of.add_argument("--rules", action="store_true")
    options = options_of.parse_args()
    folder = evaluation_data("the order of the queue")
    encoder = kept_encoder(options.cache)
    names: Sequence[str] = options.tasks or (DEVELOPMENT if options.rules else NAMES)
    print(f"at most {BUDGET} decisions, suggestions renewed after every {RENEWED}, {options.seeds} seeds")
    for name in names:
        task = load_task(folder, name, encoder.encode)
        rows = part(task, is_development=options.rules)
        report(task, rows, RULES if options.rules else ORDERS, options.seeds, encoder)


if __name__ == "__main__":
    main()
