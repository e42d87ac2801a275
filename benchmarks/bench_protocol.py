"""The evaluation's own protocols with two plain baselines, beside the figures published for them.

Needs THEMECODER_EVALDATA. Eight examples of each code, five draws; hit@1 / hit@3 as means over draws, ± the standard
deviation of hit@1. `expected` are the figures that another program got from the same data and protocol.
"""

import json
import os
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from baselines import logistic_regression, method, prototype

from models.codebook import Code, Codebook, codebook_from_json
from models.codings import Codings
from models.encoder import TextEncoder, Vectors
from models.judgements import Study
from models.learning_curve import Prediction, curve_point
from models.protocols import Split, few_shots
from models.resampling import Resampling
from models.suggester import encode_segments
from service.encoders import Encoders
from service.settings import Settings

SHOTS, DRAWS = 8, 5
LEAST_USES = 3
# Task: set, coder, how it is split, and the hit@1 and hit@3 expected of prototype and LR.
TASKS: dict[str, tuple[str, str | None, Split, tuple[str, str]]] = {
    "pdpilot themes": ("pdpilot", None, "document", (".54/.83", ".55/.83")),
    "pdpilot leaves": ("pdpilot", None, "random", (".46/.73", ".38/.68")),
    "swj_usability": ("swj_usability", None, "document", (".39/.64", ".41/.65")),
    "sad": ("sad", "majority-of-5", "random", (".68/.92", ".65/.89")),
}


def load(folder: Path, task: str, encoder: TextEncoder) -> tuple[Study, Vectors, Vectors]:
    """The study, the vectors of its segments, and those of its codes' words."""
    name, coder, _, _ = TASKS[task]
    rows = [json.loads(line) for line in (folder / name / "segments.jsonl").open(encoding="utf-8")]
    rows = [row for row in rows if coder is None or row["coder"] == coder]
    whole = codebook_from_json(json.loads((folder / name / "codebook.json").read_text(encoding="utf-8")))
    codebook, sets = _candidates(task, whole, rows)
    kept = [number for number, codes in enumerate(sets) if codes]
    codes = tuple(code.id for code in codebook.codes)
    truth = Codings(
        coders=("truth",),
        codes=codes,
        applied=np.array([[[code in sets[number] for code in codes] for number in kept]]),
        seen=np.ones((1, len(kept)), dtype=bool),
        documents=tuple(rows[number]["document"] for number in kept),
    )
    study = Study(
        codebook=codebook,
        humans=truth,
        truth=truth,
        references=tuple(rows[number]["id"] for number in kept),
        sites=(None,) * len(kept),
    )
    words = [f"{', '.join(step.name for step in whole.path(code))}. {codebook[code].description}" for code in codes]
    texts = [rows[number]["text"] for number in kept]
    return study, encode_segments(codebook, encoder, texts), encode_segments(codebook, encoder, words)


def _candidates(task: str, whole: Codebook, rows: list[dict[str, Any]]) -> tuple[Codebook, list[set[str]]]:
    """The codes of the task without a tree, and those of each segment."""
    sets = [set(row["codes"]) for row in rows]
    if task == "pdpilot themes":
        sets = [{whole.path(code)[0].id for code in codes} for codes in sets]
    uses = Counter(code for codes in sets for code in codes)
    least = LEAST_USES if task == "pdpilot leaves" else 1
    chosen = [code for code in whole.codes if uses[code.id] >= least]
    flat = [
        Code(id=code.id, name=f"{code.name} [{number}]", description=code.description)
        for number, code in enumerate(chosen)
    ]
    return Codebook(id=task, name=task, codes=flat), [codes & {code.id for code in chosen} for codes in sets]


def main() -> int:
    """Prints a line for each task and baseline."""
    folder = os.environ.get("THEMECODER_EVALDATA")
    if folder is None:
        print("THEMECODER_EVALDATA is not set: no figures")
        return 0
    encoder = Encoders(Settings()).load().encoder
    for task, (_, _, split, expected) in TASKS.items():
        study, vectors, words = load(Path(folder), task, encoder)
        folds = few_shots(study.applied, study.truth.documents, shots=(SHOTS,), draws=DRAWS, split=split, seed=0)
        resampling = Resampling(documents=study.truth.documents)
        print(f"{task}: {len(study.references)} segments, {len(study.leaves)} codes")
        fits = (("prototype", prototype(words)), ("LR", logistic_regression))
        for (name, fit), known in zip(fits, expected, strict=True):
            baseline = method(fit, vectors, study.applied)
            said = [Prediction(fold=fold, said=baseline(fold.examples, fold.tested)) for fold in folds]
            point = curve_point(study, said, resampling)
            first, three = (point["figures"][measure]["value"] for measure in ("hit@1", "hit@3"))
            print(f"  {name} {first:.3f} / {three:.3f} (± {point['spread']['hit@1']:.3f}), expected {known}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
