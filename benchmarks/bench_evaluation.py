"""How long a full report takes when the predictions are given: 10,000 coded segments, 100 codes, two coders.

Once with 40 transcripts, which are resampled, and once with 4, where segments are.
"""

import resource
import sys
import time

import numpy as np

from models.codebook import Code, Codebook
from models.codings import Codings
from models.evaluation import evaluate
from models.judgements import Scores, Study
from models.learning_curve import Prediction
from models.protocols import leave_one_out
from service.formats.evaluation_reports import evaluation_report

SEGMENTS = 10_000
THEMES = 10
LEAVES_OF_THEME = 9
SITES = 6


def codebook() -> Codebook:
    """100 codes on two levels."""
    themes = [Code(id=f"t{theme}", name=f"Theme {theme}") for theme in range(THEMES)]
    leaves = [
        Code(id=f"t{theme}-{leaf}", name=f"Leaf {leaf}", parent=f"t{theme}")
        for theme in range(THEMES)
        for leaf in range(LEAVES_OF_THEME)
    ]
    return Codebook(id="bench", name="Bench", codes=[*themes, *leaves])


def study(transcripts: int) -> Study:
    """Two coders who agree on most of some rare and some common codes."""
    random = np.random.default_rng(0)
    tree = codebook()
    rates = np.where(np.arange(len(tree.codes)) < THEMES, 0, random.uniform(0.002, 0.03, len(tree.codes)))
    one = random.random((SEGMENTS, len(rates))) < rates
    other = one ^ (random.random(one.shape) < 0.3 * rates)
    humans = Codings(
        coders=("A", "B"),
        codes=tuple(code.id for code in tree.codes),
        applied=np.stack([one, other]),
        seen=np.ones((2, SEGMENTS), dtype=bool),
        documents=tuple(f"d{number % transcripts}" for number in range(SEGMENTS)),
    )
    return Study(
        codebook=tree,
        humans=humans,
        truth=humans.of(["A"]),
        references=tuple(f"BU {number}" for number in range(SEGMENTS)),
        sites=tuple(f"site {number % SITES}" for number in range(SEGMENTS)),
    )


def predictions(coded: Study) -> list[Prediction]:
    """What a middling machine says of each transcript."""
    random = np.random.default_rng(1)
    scores = (0.5 * coded.applied + random.random(coded.applied.shape)) / 1.5
    abstained = random.random(SEGMENTS) < 0.1
    return [
        Prediction(
            fold=fold,
            said=Scores(
                scores=scores[fold.tested], abstained=abstained[fold.tested], no_code=-scores[fold.tested].max(axis=1)
            ),
        )
        for fold in leave_one_out(coded.applied, coded.truth.seen[0], coded.truth.documents)
    ]


def main() -> int:
    """Prints seconds and memory for both numbers of transcripts."""
    for transcripts in map(int, sys.argv[1:] or (40, 4)):
        coded = study(transcripts)
        given = predictions(coded)
        start = time.perf_counter()
        page = evaluation_report({**ABOUT, **evaluate(coded, given)})
        seconds = time.perf_counter() - start
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
        print(
            f"{SEGMENTS:,} segments, {len(coded.codebook.codes)} codes, {transcripts} transcripts: {seconds:.1f} s, "
            f"at most {peak:.2f} GiB, report of {len(page) // 1024} KiB"
        )
    return 0


ABOUT = {
    "codebook": {"id": "bench", "name": "Bench", "version": "0"},
    "model": {"key": "given", "version": "given"},
    "truth": {"coder": "A", "coders": ["A", "B"], "left_out": 0},
    "material": {"segments": SEGMENTS, "documents": 0, "leaves": 90, "leaves_applied": 90},
    "protocol": {"protocol": "leave-one-document-out"},
    "notes": [],
    "shortages": [],
}


if __name__ == "__main__":
    sys.exit(main())
