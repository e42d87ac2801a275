"""The calibration's shipped prior: fitted to sets of what people say, and judged on each by the prior of the others.

    python benchmarks/bench_prior.py [--draws 5] [--cache FOLDER]

Needs THEMECODER_EVALDATA. Sharpness is fitted without examples and with one example of each code, every set counting
the same; "none of these" lies at the median of everyday talk by definition, as all that is tested has a code. Short
queries are easier to tell apart than what people say, so sets of these are judged alone. Vectors are kept in the cache
folder.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from quality.command import evaluation_data, kept_encoder, parser
from quality.measures import Probabilities
from quality.ours import KeptEncoder, examples_of, suggester
from quality.tasks import Flags, Floats, draw, load_task, whole
from scipy.optimize import minimize_scalar

from models.calibration import LOWEST_THRESHOLD, Calibration

# The tasks of each set; a set is left out as a whole.
SETS = {
    "pdpilot": ("pdpilot-themes", "pdpilot-leaves"),
    "swj_usability": ("swj_usability",),
    "sad": ("sad",),
    "banking77": ("banking77",),
    "clinc150": ("clinc150",),
}
# Sets of what people say in interviews, while they work, or of their lives.
LEARNT_FROM = ("pdpilot", "swj_usability", "sad")
Held = list[tuple[Floats, Floats, Flags]]


def held(folder: Path, name: str, shots: int, draws: int, encoder: KeptEncoder) -> Held:
    """(standing, "none", labels) of the tested segments of each draw."""
    task = load_task(folder, name, encoder.encode)
    found: Held = []
    for seed in range(draws):
        split = draw(task, seed) if shots else whole(task, seed)
        tested = split.tested.tolist()
        ours = suggester(task, split, examples_of(task, split.examples(shots).tolist()), encoder)
        standing, none = ours.standing([task.texts[row] for row in tested], task.vectors[tested])
        leaves = [leaf.id for leaf in task.codebook.active_leaves]
        places = [leaves.index(code) for code in task.candidates]
        found.append((standing[:, places], none, task.labels[tested]))
    return found


def calibration(sharpness: float) -> Calibration:
    """A prior as it is shipped, with this sharpness."""
    return Calibration(sharpness=sharpness, none_offset=0.0, threshold=LOWEST_THRESHOLD, basis="prior")


def surprise(part: Held, sharpness: float) -> float:
    """Mean negative log-likelihood of the codes that people applied."""
    losses = []
    for standing, none, labels in part:
        scores = np.maximum(calibration(sharpness).chances(standing, none).codes, 1e-12)
        losses.append(float(-((labels / labels.sum(axis=1, keepdims=True)) * np.log(scores)).sum(axis=1).mean()))
    return float(np.mean(losses))


def fitted(sets: Sequence[Sequence[Held]]) -> float:
    """The sharpness under which these sets are most likely, each counting the same."""

    def loss(logarithm: float) -> float:
        sharpness = float(np.exp(logarithm))
        return float(np.mean([np.mean([surprise(task, sharpness) for task in tasks]) for tasks in sets]))

    return float(np.exp(minimize_scalar(loss, bounds=(-3, 2), method="bounded").x))


def judged(part: Held, sharpness: float) -> str:
    """How far scores are probabilities, and how often the first suggestion is right where none is withheld."""
    probabilities = Probabilities()
    for standing, none, labels in part:
        prior = calibration(sharpness)
        chances = prior.chances(standing, none)
        probabilities.add(chances.codes, labels, prior.abstains(chances))
    return probabilities.summary()


def report(folder: Path, shots: int, draws: int, encoder: KeptEncoder) -> None:
    """Prints the prior of all sets, then each set judged by the prior of the others."""
    parts = {name: [held(folder, task, shots, draws, encoder) for task in tasks] for name, tasks in SETS.items()}
    whole_prior = fitted([parts[name] for name in LEARNT_FROM])
    print(f"{shots} examples of each code: sharpness {whole_prior:.2f} from {', '.join(LEARNT_FROM)}")
    for name, tasks in SETS.items():
        sharpness = fitted([parts[other] for other in LEARNT_FROM if other != name])
        for task, part in zip(tasks, parts[name], strict=True):
            print(f"  {task:<15} sharpness {sharpness:.2f} from the other sets: {judged(part, sharpness)}", flush=True)


def main() -> None:
    """Prints the figures without examples and with one of each code."""
    options_of = parser(__doc__)
    options_of.add_argument("--draws", type=int, default=5)
    options = options_of.parse_args()
    folder = evaluation_data("the prior")
    encoder = kept_encoder(options.cache)
    for shots in (0, 1):
        report(folder, shots, options.draws, encoder)


if __name__ == "__main__":
    main()
