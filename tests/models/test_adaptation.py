"""Whether a fit is kept: fitted and frozen encoders on held-out examples, by the same suggester."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest

from models.adaptation import FOLDS, LEAST_EXAMPLES, Comparison, Quality, compare_fits, examples_digest
from models.codebook import Code, Codebook
from models.encoder import EncoderIdentity, TextEncoder, Vectors, unit_rows
from models.errors import ExampleNotAccepted
from models.example_bank import Example
from models.hashing_encoder import HashingEncoder
from models.training_set import TrainingSet

CODES = ("access", "cost", "stigma", "hope")
BOOK = Codebook(id="book", name="Book", codes=[Code(id=code, name=code.capitalize()) for code in CODES])


class Oracle:
    """An encoder that knows the code of each text: its last word names it, or is a number that stands for it."""

    identity = EncoderIdentity(name="oracle", hash="oracle", dimension=8)

    def encode(self, texts: Sequence[str]) -> Vectors:
        noise = np.array([np.random.default_rng(len(text)).normal(size=8) for text in texts]).reshape(-1, 8)
        for row, text in enumerate(texts):
            word = text.split()[-1].strip(".").lower()
            word = CODES[int(word) % len(CODES)] if word.isdigit() else word
            noise[row, CODES.index(word) if word in CODES else 7] += 30
        return unit_rows(noise)


class Fog:
    """An encoder to which all texts are the same."""

    identity = EncoderIdentity(name="fog", hash="fog", dimension=8)

    def encode(self, texts: Sequence[str]) -> Vectors:
        return np.tile(np.eye(8, dtype=np.float32)[:1], (len(texts), 1))


class Memoriser:
    """A fit that knows the texts that it was given by heart, and sees nothing in others."""

    def __init__(self, training: TrainingSet) -> None:
        self.identity = EncoderIdentity(name="memoriser", hash=str(hash(training.texts)), dimension=8)
        self._rows = {
            text: (columns or [7])[0]
            for text, columns in zip(training.texts, map(list, map(np.flatnonzero, training.accepted)), strict=True)
        }

    def encode(self, texts: Sequence[str]) -> Vectors:
        chance = [np.random.default_rng(list(text.encode())) for text in texts]
        rows = [self._rows.get(text, one.integers(8)) for text, one in zip(texts, chance, strict=True)]
        return np.eye(8, dtype=np.float32)[rows].reshape(-1, 8)


class Fitter:
    """Gives out one encoder, and keeps the training sets that it was given."""

    def __init__(self, encoder: TextEncoder) -> None:
        self.encoder = encoder
        self.given: list[TrainingSet] = []

    def __call__(self, training: TrainingSet, progress: Callable[[float], object]) -> TextEncoder:
        self.given.append(training)
        progress(1.0)
        return self.encoder


def some_examples(each: int = 12) -> list[Example]:
    # Their words give nothing away: the suggester looks at these too, whatever the encoder makes of them.
    return [Example(text=f"Saying {n}.", codes=(CODES[n % len(CODES)],)) for n in range(each * len(CODES))]


def compared(fitted: TextEncoder, frozen: TextEncoder, examples: Sequence[Example] | None = None) -> Comparison | None:
    return compare_fits(BOOK, some_examples() if examples is None else examples, frozen, Fitter(fitted))


def test_a_fit_that_knows_the_codes_is_better_than_one_that_sees_nothing() -> None:
    found = compared(Oracle(), Fog())
    assert found is not None
    assert (found.examples, found.adapted.hit_at_1, found.adapted.reciprocal_rank) == (48, 1, 1)
    assert found.frozen.hit_at_1 < 1
    assert found.difference == pytest.approx(1 - found.frozen.reciprocal_rank)
    assert found.is_better


def test_a_fit_that_is_worse_or_changes_nothing_is_not_better() -> None:
    for fitted, frozen in ((Fog(), Oracle()), (Oracle(), Oracle()), (Fog(), Fog())):
        found = compared(fitted, frozen)
        assert found is not None
        assert not found.is_better


@pytest.mark.parametrize(("difference", "is_better"), [(0.1, True), (0.001, True), (0.0, False), (-0.001, False)])
def test_better_means_ahead_however_little(difference: float, is_better: bool) -> None:
    quality = Quality(hit_at_1=0.4, hit_at_3=0.7, reciprocal_rank=0.5)
    comparison = Comparison(
        examples=100, frozen=quality, adapted=quality, difference=difference, standard_error=0.02, temperature=1.0
    )
    assert comparison.is_better is is_better


def test_the_temperature_says_how_much_surer_a_fit_is_of_what_it_has_seen() -> None:
    by_heart = compare_fits(BOOK, some_examples(), Fog(), lambda training, _progress: Memoriser(training))
    understood = compared(Oracle(), Fog())
    assert by_heart is not None
    assert understood is not None
    assert understood.temperature == pytest.approx(1, abs=1e-3)
    assert by_heart.temperature > 2


def test_each_example_is_held_out_once_and_never_fitted_to_meanwhile() -> None:
    fitter = Fitter(Oracle())
    compare_fits(BOOK, some_examples(), Fog(), fitter)
    all_texts = {example.text for example in some_examples()}
    held_out = [all_texts - set(training.texts) for training in fitter.given]
    assert len(held_out) == FOLDS
    assert sorted(text for part in held_out for text in part) == sorted(all_texts)
    code_of = {example.text: example.codes[0] for example in some_examples()}
    for part in held_out:
        assert sorted(code_of[text] for text in part) == sorted(4 * CODES)


def in_documents(*lengths: int) -> list[Example]:
    """Examples of all codes in documents of these lengths."""
    documents = [f"Group {number}" for number, length in enumerate(lengths) for _ in range(length)]
    return [
        Example(text=f"Saying {n}.", codes=(CODES[n % len(CODES)],), document=document)
        for n, document in enumerate(documents)
    ]


def held_out_together(examples: Sequence[Example]) -> list[set[str | None]]:
    """For each comparison the documents of which something was held out."""
    fitter = Fitter(Oracle())
    compare_fits(BOOK, examples, Fog(), fitter)
    of_text = {example.text: example.document for example in examples}
    return [{of_text[text] for text in of_text.keys() - set(training.texts)} for training in fitter.given]


def test_the_examples_of_a_transcript_are_held_out_together() -> None:
    held_out = held_out_together(in_documents(9, 4, 7, 5, 6, 5))
    assert sorted(document for part in held_out for document in part if document) == [f"Group {n}" for n in range(6)]


@pytest.mark.parametrize("lengths", [(36,), (18, 18), (32, 2, 2)])
def test_transcripts_too_few_or_too_uneven_are_torn_apart(lengths: tuple[int, ...]) -> None:
    held_out = held_out_together(in_documents(*lengths))
    assert all("Group 0" in part for part in held_out)


def test_too_few_examples_are_not_compared() -> None:
    examples = some_examples()
    assert compared(Oracle(), Fog(), []) is None
    assert compared(Oracle(), Fog(), examples[:1]) is None
    assert compared(Oracle(), Fog(), examples[: LEAST_EXAMPLES - 1]) is None
    assert compared(Oracle(), Fog(), examples[:LEAST_EXAMPLES]) is not None


def test_thousands_of_identical_examples_are_too_few() -> None:
    assert compared(Oracle(), Fog(), [Example(text="All about cost.", codes=("cost",))] * 3_000) is None


def test_examples_of_one_code_are_not_compared() -> None:
    assert compared(Oracle(), Fog(), [Example(text=f"{n}, cost.", codes=("cost",)) for n in range(100)]) is None


def test_examples_that_no_code_applies_to_are_never_held_out() -> None:
    nothing = [Example(text=f"Break {number}.", codes=()) for number in range(50)]
    found = compared(Oracle(), Fog(), [*some_examples(), *nothing])
    assert found is not None
    assert found.examples == 48


def test_a_code_that_the_codebook_lacks_is_refused() -> None:
    with pytest.raises(ExampleNotAccepted):
        compared(Oracle(), Fog(), [*some_examples(), Example(text="Else.", codes=("unheard-of",))])


def test_the_order_of_the_examples_makes_no_difference() -> None:
    hashing = HashingEncoder()
    examples = some_examples()
    assert compared(hashing, Fog(), examples) == compared(hashing, Fog(), examples[::-1])


def test_progress_goes_from_nothing_to_all_and_what_it_raises_ends_the_comparison() -> None:
    shares: list[float] = []
    compare_fits(BOOK, some_examples(), Fog(), Fitter(Oracle()), progress=shares.append)
    assert shares == pytest.approx([1 / 3, 2 / 3, 1])

    def stop(_share: float) -> None:
        raise KeyboardInterrupt

    fitter = Fitter(Oracle())
    with pytest.raises(KeyboardInterrupt):
        compare_fits(BOOK, some_examples(), Fog(), fitter, progress=stop)
    assert len(fitter.given) == 1


def test_the_digest_is_that_of_what_is_learnt_from() -> None:
    examples = some_examples()
    digest = examples_digest(BOOK, examples)
    assert digest == examples_digest(BOOK, [*examples[::-1], examples[0]])
    assert digest != examples_digest(BOOK, examples[1:])
    assert digest != examples_digest(BOOK, [*examples[1:], Example(text=examples[0].text, codes=("hope",))])
    assert digest != examples_digest(BOOK, [*examples[1:], replace(examples[0], document="Group 1")])
