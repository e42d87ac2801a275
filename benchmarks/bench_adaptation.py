"""What fitting the encoder to a project costs and brings: time for 500 decisions, quality with it and without.

Time: a fit with its comparison, as `themecoder suggest --adapt` and a run do it, on 500 examples of 19 words (the
median of think-aloud sessions) or of 81 (that of interview passages). Quality needs THEMECODER_EVALDATA: on the draws
of bench_quality.py the best baseline of the frozen encoder, and the suggester with that encoder, with the fitted one,
and with the one that the comparison on held-out examples chooses. hit@1 / hit@3, and how far scores are probabilities.
With --context the suggester also sees the turns beside a segment, on the set that is in reading order, as in use.
"""

import json
import resource
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path

import numpy as np
from quality.baselines import few_shot, zero_shot
from quality.command import evaluation_data, kept_encoder, parser
from quality.measures import Probabilities, hits
from quality.ours import KeptEncoder, examples_of, judged, suggester
from quality.tasks import IN_READING_ORDER, Draw, Flags, Floats, Task, draw, load_task, with_contexts

from models.adaptation import Comparison, compare_fits
from models.codebook import Code, Codebook
from models.context import neighbouring_texts
from models.encoder import TextEncoder
from models.encoder_fitting import FittedEncoder, fit_encoder
from models.model_folder import CheckedModelFolder
from models.suggester import Example, encode_segments
from models.training_set import TrainingSet, judged_texts, training_set
from service.actions.adapt_encoder import adapted_model
from service.encoders import Encoders, LoadedModel
from service.settings import Settings

TASKS = ("pdpilot-themes", "pdpilot-leaves", "swj_usability", "sad", "banking77", "clinc150")
OURS = ("frozen", "fitted", "chosen")
Hits = tuple[float, float]
DECISIONS = 500
CODES = 20
SECONDS = 300


def timed(words: int, encoders: Encoders, model: LoadedModel) -> None:
    """Prints how long adaptation takes on invented decisions of so many words."""
    chance = np.random.default_rng(words)
    talk = json.loads((resources.files("models") / "reference" / "everyday_talk.json").read_text(encoding="utf-8"))
    stock = sorted(set(" ".join(talk["texts"]).split()))
    codes = [Code(id=f"c{number}", name=f"Code {number}") for number in range(CODES)]
    # Each code has words of its own, so that there is something to learn.
    own = {code.id: chance.choice(stock, 60).tolist() for code in codes}
    examples = [
        Example(text=" ".join(chance.choice(own[codes[n % CODES].id], words)), codes=(codes[n % CODES].id,))
        for n in range(DECISIONS)
    ]
    codebook = Codebook(id="invented", name="Invented", codes=codes)
    began, used = time.monotonic(), time.process_time()
    with tempfile.TemporaryDirectory() as place:
        outcome = adapted_model(
            codebook,
            examples,
            model,
            encoders.checked_folder(model.key),
            Path(place) / "model",
        )
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(
        f"{DECISIONS} decisions of {words} words: {time.monotonic() - began:.0f} s (aim: {SECONDS}; "
        f"{time.process_time() - used:.0f} s of processor time), "
        f"{'kept' if outcome.is_kept else 'not kept'}, {memory:.1f} GiB at most"
    )


@dataclass(frozen=True)
class Fits:
    """The encoder as it is, and fits of its model."""

    frozen: KeptEncoder
    folder: CheckedModelFolder

    def fit(self, training: TrainingSet, seed: int) -> FittedEncoder:
        """The model fitted to a training set."""
        return fit_encoder(self.folder, training, name="fitted", seed=seed, progress=lambda _share: None)

    def of(self, task: Task, examples: Sequence[Example], seed: int) -> tuple[FittedEncoder, Comparison | None]:
        """(the model fitted to the examples, what became of fits to parts of them)."""
        compared = compare_fits(
            task.codebook, examples, self.frozen, lambda training, _progress: self.fit(training, seed), seed=seed
        )
        fitted = self.fit(training_set(task.codebook, judged_texts(task.codebook, examples, seed)), seed)
        return fitted, compared


def report(task: Task, fits: Fits, shots: int, draws: int) -> float:
    """Prints the lines of one task; the paired difference of what is chosen to the best single baseline."""
    found: dict[str, list[Hits]] = defaultdict(list)
    probabilities = {name: Probabilities() for name in OURS}
    ahead: list[float] = []
    kept = 0
    for seed in range(draws):
        drawn = draw(task, seed)
        examples = examples_of(task, drawn.examples(shots).tolist())
        fitted, compared = fits.of(task, examples, seed)
        is_kept = compared is not None and compared.is_better
        kept += is_kept
        temperature = compared.temperature if compared is not None else 1.0
        ahead.append(compared.difference / compared.standard_error if compared is not None else 0.0)
        seen = {
            "frozen": _seen(task, drawn, examples, fits.frozen),
            "fitted": _seen(task, drawn, examples, fitted, temperature),
        }
        seen["chosen"] = seen["fitted" if is_kept else "frozen"]
        labels = task.labels[drawn.tested]
        for name, (scored, abstained) in seen.items():
            found[name].append(hits(scored, labels))
            probabilities[name].add(scored, labels, abstained)
        for name, scored in _baselines(task, drawn, shots, fits.frozen).items():
            found[name].append(hits(scored, labels))
    means = {name: np.mean(each, axis=0) for name, each in found.items()}
    best = max((name for name in means if name not in OURS), key=lambda name: float(means[name][0]))
    by = ", ".join(f"{each:+.1f}" for each in ahead)
    print(f"{task.name}, {shots} examples, fit kept in {kept} of {draws} draws, ahead by {by} standard errors")
    for name in (best, *OURS):
        summary = f"; {probabilities[name].summary()}" if name in OURS else " (best baseline)"
        print(f"  {name:<31} {means[name][0]:.3f} / {means[name][1]:.3f}{summary}", flush=True)
    return float(means["chosen"][0] - means[best][0])


def _seen(
    task: Task, drawn: Draw, examples: Sequence[Example], encoder: TextEncoder, temperature: float = 1.0
) -> tuple[Floats, Flags]:
    """(the suggester's scores for the tested segments with this encoder, where it abstains)."""
    # Of the pools only the examples are read, and encoding the rest would take most of the time.
    contexts = [*(one.context for one in examples), *(task.contexts[row] for row in drawn.tested)]
    read = {one.text for one in examples} | neighbouring_texts(contexts)
    rows = sorted({*drawn.tested.tolist(), *(row for row, text in enumerate(task.texts) if text in read)})
    vectors = np.zeros_like(task.vectors)
    vectors[rows] = encode_segments(task.codebook, encoder, [task.texts[row] for row in rows])
    fitted = replace(task, vectors=vectors)
    ours = suggester(fitted, drawn, examples, KeptEncoder(encoder.encode, encoder.identity), temperature=temperature)
    return judged(ours, fitted, drawn.tested.tolist())


def _baselines(task: Task, drawn: Draw, shots: int, encoder: TextEncoder) -> dict[str, Floats]:
    """The scores of all baselines, which see the encoder as it is."""
    names, definitions = encoder.encode(task.names), encoder.encode(task.definitions)
    return {**zero_shot(task, drawn, names, definitions), **few_shot(task, drawn, shots, definitions)}


def main() -> None:
    """Prints the figures of the tasks named, by default all."""
    options_of = parser(__doc__)
    options_of.add_argument("tasks", nargs="*", default=TASKS)
    options_of.add_argument("--draws", type=int, default=3)
    options_of.add_argument("--shots", type=int, nargs="+", default=[8, 16])
    options_of.add_argument("--words", type=int, nargs="*", default=[19, 81], help="lengths of the timed decisions")
    options_of.add_argument("--context", action="store_true", help="with the turns beside, where the order is known")
    options = options_of.parse_args()
    encoders = Encoders(Settings())
    model = encoders.load()
    for words in options.words:
        timed(words, encoders, model)
    folder = evaluation_data("suggestion quality")
    fits = Fits(kept_encoder(options.cache), encoders.checked_folder(model.key))
    differences: dict[int, list[float]] = defaultdict(list)
    for name in options.tasks:
        task = load_task(folder, name, fits.frozen.encode)
        if options.context and name in IN_READING_ORDER:
            task = with_contexts(task, by_number=True)
        for shots in options.shots:
            differences[shots].append(report(task, fits, shots, options.draws))
    for shots, each in differences.items():
        print(f"{shots} examples, chosen less best baseline: mean {np.mean(each):+.3f}")


if __name__ == "__main__":
    main()
