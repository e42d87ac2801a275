"""What fitting the encoder to a project costs and brings: time for 500 decisions, quality with it and without.

Time: a fit with its comparison, as `themecoder suggest --adapt` and a run do it, on 500 examples of 19 words (the
median of think-aloud sessions) or of 81 (that of interview passages). Quality needs THEMECODER_EVALDATA: the
suggester on the same draws with the frozen encoder, with the fitted one, and with the one that the comparison on
held-out examples chooses. hit@1 / hit@3 as in bench_quality.py.
"""

import argparse
import json
import os
import resource
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from importlib import resources
from pathlib import Path

import numpy as np
from quality.measures import hits
from quality.ours import KeptEncoder, examples_of, scores, suggester
from quality.tasks import Draw, Task, draw, load_task

from models.adaptation import compare_fits
from models.codebook import Code, Codebook
from models.encoder import TextEncoder
from models.encoder_fitting import FittedEncoder, fit_encoder
from models.model_folder import CheckedModelFolder
from models.suggester import Example, encode_segments
from models.training_set import TrainingSet, judged_texts, training_set
from service.actions.adapt_encoder import adapted_model
from service.encoders import Encoders, LoadedModel
from service.settings import Settings

TASKS = ("pdpilot-themes", "pdpilot-leaves", "swj_usability", "sad", "banking77")
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
    # Each code has words of its own, so that the fit is kept, which takes longest.
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


def report(task: Task, model: LoadedModel, folder: CheckedModelFolder, shots: int, draws: int) -> None:
    """Prints the lines of one task."""
    found: dict[str, list[Hits]] = {"frozen": [], "fitted": [], "chosen": []}
    kept = 0
    for seed in range(draws):
        drawn = draw(task, seed)
        examples = examples_of(task, drawn.examples(shots).tolist())

        def fit(training: TrainingSet, _progress: object = None, seed: int = seed) -> FittedEncoder:
            return fit_encoder(folder, training, name="fitted", seed=seed, progress=lambda _share: None)

        comparison = compare_fits(task.codebook, examples, model.encoder, fit, seed=seed)
        fitted = fit(training_set(task.codebook, judged_texts(task.codebook, examples, seed)))
        is_kept = comparison is not None and comparison.is_better
        kept += is_kept
        found["frozen"].append(_hits(task, drawn, examples, model.encoder))
        found["fitted"].append(_hits(task, drawn, examples, fitted))
        found["chosen"].append(found["fitted" if is_kept else "frozen"][-1])
    shown = ", ".join(f"{name} {first:.3f} / {three:.3f}" for name, (first, three) in _means(found).items())
    print(f"{task.name}, {shots} examples: {shown} (kept in {kept} of {draws} draws)", flush=True)


def _hits(task: Task, drawn: Draw, examples: Sequence[Example], encoder: TextEncoder) -> Hits:
    seen = replace(task, vectors=encode_segments(task.codebook, encoder, task.texts))
    ours = suggester(seen, drawn, examples, KeptEncoder(encoder.encode, encoder.identity))
    tested = drawn.tested.tolist()
    return hits(scores(ours, seen, tested), task.labels[tested])


def _means(found: dict[str, list[Hits]]) -> dict[str, Hits]:
    return {name: tuple(np.mean(hits, axis=0)) for name, hits in found.items()}


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints the figures of the tasks named, by default all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tasks", nargs="*", default=TASKS)
    parser.add_argument("--draws", type=int, default=2)
    parser.add_argument("--shots", type=int, nargs="+", default=[8, 16])
    parser.add_argument("--words", type=int, nargs="*", default=[19, 81], help="lengths of the timed decisions")
    options = parser.parse_args(arguments)
    encoders = Encoders(Settings())
    model = encoders.load()
    for words in options.words:
        timed(words, encoders, model)
    folder = os.environ.get("THEMECODER_EVALDATA")
    if folder is None:
        print("THEMECODER_EVALDATA is not set: no figures on suggestion quality")
        return 0
    for name in options.tasks:
        task = load_task(Path(folder), name, model.encoder.encode)
        for shots in options.shots:
            report(task, model, encoders.checked_folder(model.key), shots, options.draws)
    return 0


if __name__ == "__main__":
    sys.exit(main())
