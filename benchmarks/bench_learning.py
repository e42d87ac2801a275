"""How long learning from decisions and scoring take, beside bare matrix products of the same size.

    python benchmarks/bench_learning.py [--dimension 384]

Vectors lie around random directions, one for each code, and texts are made of invented words: figures say nothing of
quality. A refit is a whole suggester made anew, with all its decisions, its reference of 4,096 texts and its
calibration; vectors are known, and so are the words of the texts, but for the first time.
"""

import argparse
import sys
import time
from collections.abc import Callable, Sequence

import numpy as np
from quality.ours import KeptEncoder

from models.codebook import Code, Codebook
from models.encoder import EncoderIdentity, Vectors, unit_rows
from models.reference import Reference
from models.suggester import Example, Suggester
from models.word_counts import DIMENSION, WordCounts

REFERENCE_TEXTS = 4_096
WORDS, WORDS_IN_TEXT = 5_000, 20
REFITS = ((2_000, 100), (20_000, 500))
SCORED, SCORED_EXAMPLES, SCORED_CODES = 100_000, 10_000, 500
BATCH = 4_096
NOISE = 0.12


class Study:
    """An invented study of so many decisions and codes."""

    def __init__(self, decisions: int, codes: int, dimension: int) -> None:
        self._random = np.random.default_rng(0)
        self._dimension = dimension
        letters = np.array(list("abcdefghijklmnopqrstuvwxyz"))
        self._words = ["".join(self._random.choice(letters, length)) for length in self._random.integers(3, 9, WORDS)]
        self._often = 1 / np.arange(1, WORDS + 1)
        self._often /= self._often.sum()
        self._known: dict[str, Vectors] = {}
        self._directions = self._random.normal(size=(codes, dimension))
        definitions = self.texts(codes)
        self.codebook = Codebook(
            id="invented",
            name="Invented",
            codes=[Code(id=f"c{row}", name=f"{row}", description=text) for row, text in enumerate(definitions)],
        )
        carried = self._random.integers(0, codes, decisions)
        self.examples = [
            Example(text=text, codes=(f"c{code}",)) for text, code in zip(self.texts(decisions), carried, strict=True)
        ]
        coded = self._directions[carried] / np.sqrt(dimension) + NOISE * self._random.normal(
            size=(decisions, dimension)
        )
        self._known.update(zip((one.text for one in self.examples), unit_rows(coded), strict=True))
        self.encoder = KeptEncoder(self._encode, EncoderIdentity(name="random", hash="random", dimension=dimension))
        self.word_counts = WordCounts()
        self.reference = Reference(vectors=self.vectors(REFERENCE_TEXTS), hash="random")

    def texts(self, count: int) -> list[str]:
        """So many different texts."""
        drawn = self._random.choice(WORDS, size=(count, WORDS_IN_TEXT), p=self._often)
        return [" ".join(self._words[word] for word in row) + f" {number}" for number, row in enumerate(drawn)]

    def vectors(self, count: int) -> Vectors:
        """So many random unit vectors, shape (count, dimension)."""
        return unit_rows(self._random.normal(size=(count, self._dimension)))

    def suggester(self) -> Suggester:
        """The suggester with all decisions."""
        return Suggester(
            self.codebook,
            self.encoder,
            background=self.encoder.background,
            reference=self.reference,
            examples=self.examples,
            word_counts=self.word_counts,
        )

    def _encode(self, texts: Sequence[str]) -> Vectors:
        missing = [text for text in dict.fromkeys(texts) if text not in self._known]
        self._known.update(zip(missing, self.vectors(len(missing)), strict=True))
        return np.stack([self._known[text] for text in texts])


def seconds(work: Callable[[], object]) -> float:
    """How long the fastest of three takes."""
    times = []
    for _ in range(3):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def product(rows: int, inner: int, columns: int) -> float:
    """How long a bare product of float64 matrices of these sizes takes."""
    random = np.random.default_rng(0)
    left, right = random.random((rows, inner)), random.random((inner, columns))
    return seconds(lambda: left @ right)


def report_refits(dimension: int) -> None:
    """Prints a line for each size."""
    for decisions, codes in REFITS:
        study = Study(decisions, codes, dimension)
        start = time.perf_counter()
        study.suggester()
        first = time.perf_counter() - start
        features = dimension + DIMENSION
        print(
            f"refit, {decisions:,} decisions, {codes} codes: {seconds(study.suggester):.2f} s, the first {first:.2f} s "
            f"(one product of decisions x features x codes: {product(decisions, features, codes):.3f} s)",
            flush=True,
        )


def report_scoring(dimension: int) -> None:
    """Prints how long the scores of many known vectors take."""
    study = Study(SCORED_EXAMPLES, SCORED_CODES, dimension)
    suggester, texts, vectors = study.suggester(), study.texts(SCORED), study.vectors(SCORED)

    def score() -> None:
        for start in range(0, SCORED, BATCH):
            suggester.chances(texts[start : start + BATCH], vectors[start : start + BATCH])

    bare = product(SCORED, dimension + DIMENSION, SCORED_CODES)
    print(
        f"scores of {SCORED:,} vectors, {SCORED_CODES} codes, {SCORED_EXAMPLES:,} examples: {seconds(score):.2f} s "
        f"(one product of vectors x features x codes: {bare:.2f} s)"
    )


def main() -> int:
    """Prints all lines."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dimension", type=int, default=384)
    options = parser.parse_args()
    report_refits(options.dimension)
    report_scoring(options.dimension)
    return 0


if __name__ == "__main__":
    sys.exit(main())
