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
from bench_quality import CodedSet, Hits, draw, load_set, suggester_hits

from models.adaptation import compare_fits
from models.codebook import Code, Codebook
from models.encoder_fitting import FittedEncoder, fit_encoder
from models.model_folder import CheckedModelFolder
from models.reference import shipped_background
from models.suggester import Example, encode_segments
from models.training_set import TrainingSet, judged_texts, training_set
from service.actions.adapt_encoder import adapted_model
from service.encoders import Encoders, LoadedModel
from service.settings import Settings

SETS = ("pdpilot", "swj_usability", "sad", "banking77")
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


def report(coded: CodedSet, model: LoadedModel, folder: CheckedModelFolder, shots: int, draws: int) -> None:
    """Prints the lines of one set."""
    found: dict[str, list[Hits]] = {"frozen": [], "fitted": [], "chosen": []}
    kept = 0
    for seed in range(draws):
        pools, tested = draw(coded, seed, shots)
        rows = sorted({row for pool in pools.values() for row in pool})
        examples = [Example(text=coded.texts[row], codes=coded.codes[row]) for row in rows]

        def fit(training: TrainingSet, _progress: object = None, seed: int = seed) -> FittedEncoder:
            return fit_encoder(folder, training, name="fitted", seed=seed, progress=lambda _share: None)

        comparison = compare_fits(coded.codebook, examples, model.encoder, fit, seed=seed)
        encoder = fit(training_set(coded.codebook, judged_texts(coded.codebook, examples, seed)))
        fitted = LoadedModel(key="fitted", encoder=encoder, background=shipped_background(encoder))
        seen = replace(coded, vectors=encode_segments(coded.codebook, encoder, coded.texts))
        is_kept = comparison is not None and comparison.is_better
        kept += is_kept
        found["frozen"].append(suggester_hits(coded, model, tested, rows))
        found["fitted"].append(suggester_hits(seen, fitted, tested, rows))
        found["chosen"].append(found["fitted" if is_kept else "frozen"][-1])
    shown = ", ".join(f"{name} {first:.3f} / {three:.3f}" for name, (first, three) in _means(found).items())
    print(f"{coded.name}, {shots} examples: {shown} (kept in {kept} of {draws} draws)", flush=True)


def _means(found: dict[str, list[Hits]]) -> dict[str, Hits]:
    return {name: tuple(np.mean(hits, axis=0)) for name, hits in found.items()}


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints the figures of the sets named, by default all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", nargs="*", default=SETS)
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
    for name in options.sets:
        coded = load_set(Path(folder), name, model)
        for shots in options.shots:
            report(coded, model, encoders.checked_folder(model.key), shots, options.draws)
    return 0


if __name__ == "__main__":
    sys.exit(main())
