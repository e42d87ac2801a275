"""Whether an encoder that was fitted to a project's codes is better for that project than the one before."""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from models.calibration import Flags, Floats, fit_temperature
from models.codebook import Codebook
from models.encoder import TextEncoder
from models.reference import no_reference, shipped_background
from models.remembering_encoder import RememberingEncoder
from models.suggester import Example, Suggester, encode_segments, put_examples_in_context
from models.training_set import JudgedText, TrainingSet, judged_texts, training_set

# Raised whenever the same examples may give another encoder, or another verdict, than before.
ADAPTATION_VERSION = "4"
FOLDS = 3
# With fewer examples that carry a leaf, the comparison could not tell a good fit from luck.
LEAST_EXAMPLES = 24
LEAST_LEAVES = 2
# Documents of very different lengths make parts from which too little can be learnt, or by which too little told.
LEAST_PART = 1 / 6

Fit = Callable[[TrainingSet, Callable[[float], object]], TextEncoder]


@dataclass(frozen=True, kw_only=True)
class Material:
    """What there is to compare fits by.

    Attributes:
        examples: how many different texts carry an active leaf.
        leaves: how many different leaves they carry.
    """

    examples: int
    leaves: int

    @property
    def is_enough(self) -> bool:
        """Whether a comparison can tell anything."""
        return self.examples >= LEAST_EXAMPLES and self.leaves >= LEAST_LEAVES


@dataclass(frozen=True, kw_only=True)
class Quality:
    """How good suggestions are for held-out examples; all between 0 and 1.

    Attributes:
        hit_at_1: share of the examples for which a right code comes first.
        hit_at_3: share for which one is among the first three.
        reciprocal_rank: mean of 1 / the rank of the first right code.
    """

    hit_at_1: float
    hit_at_3: float
    reciprocal_rank: float


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """The encoder as it was and fitted ones, on examples that neither the fit nor the suggester has seen.

    Attributes:
        examples: how many examples were held out, each once.
        frozen: how good suggestions are with the encoder as it was.
        adapted: how good they are with encoders fitted to the other examples.
        difference: mean difference in reciprocal rank, adapted less frozen, of the same examples.
        standard_error: of that mean.
        temperature: what logits must be divided by with an encoder that was fitted to the very examples by which
            scores are calibrated, 1 or more; see :func:`models.calibration.fit_temperature`.
    """

    examples: int
    frozen: Quality
    adapted: Quality
    difference: float
    standard_error: float
    temperature: float

    @property
    def is_better(self) -> bool:
        """Whether the fitted encoders are ahead at all.

        Most fits help, and those compared know a third less than the one that would be kept. To ask for a standard
        error more would throw away more that help than it would spare of those that do harm.
        """
        return self.difference > 0


def material(codebook: Codebook, examples: Sequence[Example]) -> Material:
    """What of the examples can be used to compare fits by.

    Raises:
        ExampleNotAccepted: an example names a code that is not in the codebook.
    """
    return _material(codebook, _with_leaves(codebook, judged_texts(codebook, examples)))


def compare_fits(
    codebook: Codebook,
    examples: Sequence[Example],
    frozen: TextEncoder,
    fit: Fit,
    *,
    seed: int = 0,
    progress: Callable[[float], object] = lambda _share: None,
) -> Comparison | None:
    """Whether an encoder fitted to some of the examples is better for the others; None if they are too few to tell.

    The examples are dealt into three parts, those of one transcript into the same part where that can be done: a
    fit also learns how a transcript's speakers talk, which says nothing of the next transcript. For each part an
    encoder is fitted to the two others, and the suggester, with these as examples, ranks the leaves for that part:
    with the fitted encoder and with the frozen one, both with what was said around each. Same codebook, examples,
    encoder and seed: same result, as far as ``fit`` keeps to that.

    Args:
        codebook: the tree.
        examples: coded segments, in any order.
        frozen: the encoder as it is.
        fit: makes an encoder of a training set, and calls what it is given with the share that is done.
        seed: of which examples are taken where there are very many.
        progress: called with the share of the work that is done, 0 to 1; what it raises ends the comparison.

    Raises:
        ExampleNotAccepted: an example names a code that is not in the codebook.
        EncoderFailed: an encoder did not return unit vectors.
    """
    judged = judged_texts(codebook, examples, seed)
    tested = _with_leaves(codebook, judged)
    if not _material(codebook, tested).is_enough:
        return None
    remembering = RememberingEncoder(frozen)
    with_frozen, with_fitted = [], []
    for number, part in enumerate(_dealt(tested)):
        held_out = {one.text for one in part}
        others = [one for one in judged if one.text not in held_out]
        fitted = fit(training_set(codebook, others), share_of(progress, number, FOLDS))
        with_frozen.append(_held_out(codebook, remembering, examples, part))
        with_fitted.append(_held_out(codebook, fitted, examples, part))
    return _compared(_HeldOut.of_all(with_frozen), _HeldOut.of_all(with_fitted))


def examples_digest(codebook: Codebook, examples: Sequence[Example], seed: int = 0) -> str:
    """Hex digest over what an adaptation learns from: the codebook's version, the texts, their codes and documents."""
    judged = judged_texts(codebook, examples, seed)
    said = [(one.text, sorted(one.accepted), sorted(one.rejected), one.document) for one in judged]
    canonical = json.dumps([codebook.version, said], ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def share_of(progress: Callable[[float], object], part: int, parts: int) -> Callable[[float], object]:
    """Reports the progress of one of several equal parts as that of the whole."""
    return lambda share: progress((part + share) / parts)


def _with_leaves(codebook: Codebook, judged: Sequence[JudgedText]) -> list[JudgedText]:
    leaves = {leaf.id for leaf in codebook.active_leaves}
    return [one for one in judged if one.accepted & leaves]


def _material(codebook: Codebook, tested: Sequence[JudgedText]) -> Material:
    leaves = {leaf.id for leaf in codebook.active_leaves}
    return Material(examples=len(tested), leaves=len({code for one in tested for code in one.accepted & leaves}))


@dataclass(frozen=True, kw_only=True)
class _HeldOut:
    """What the suggester says of examples that it has not learnt from, and which leaves are right."""

    scores: Floats
    applied: Flags

    @classmethod
    def of_all(cls, parts: Sequence["_HeldOut"]) -> "_HeldOut":
        return cls(
            scores=np.concatenate([part.scores for part in parts]),
            applied=np.concatenate([part.applied for part in parts]),
        )

    def reciprocal_ranks(self) -> Floats:
        """For each example 1 / the rank of the first right leaf."""
        order = np.argsort(-self.scores, axis=1, kind="stable")
        right = np.take_along_axis(self.applied, order, axis=1)
        ranks: Floats = 1 / (1 + right.argmax(axis=1))
        return ranks


def _held_out(
    codebook: Codebook, encoder: TextEncoder, examples: Sequence[Example], part: Sequence[JudgedText]
) -> _HeldOut:
    texts = [one.text for one in part]
    held_out = set(texts)
    known = [example for example in examples if example.text not in held_out]
    suggester = Suggester(
        codebook, encoder, background=shipped_background(encoder), reference=no_reference(), examples=known
    )
    own = encode_segments(codebook, encoder, texts)
    vectors = put_examples_in_context(codebook, encoder, texts, own, examples)
    applied = np.array([[leaf.id in one.accepted for leaf in codebook.active_leaves] for one in part])
    return _HeldOut(scores=suggester.chances(texts, vectors).codes, applied=applied)


def _dealt(tested: Sequence[JudgedText]) -> list[list[JudgedText]]:
    """The examples in as many parts as there are folds, by document, or else those of one code spread over all."""
    by_code = sorted(tested, key=lambda one: sorted(one.accepted))
    documents: dict[str, list[JudgedText]] = {}
    for one in by_code:
        documents.setdefault(one.text if one.document is None else one.document, []).append(one)
    parts = _parts(sorted(documents.values(), key=len, reverse=True))
    return parts if min(map(len, parts)) >= LEAST_PART * len(tested) else _parts([[one] for one in by_code])


def _parts(groups: Sequence[list[JudgedText]]) -> list[list[JudgedText]]:
    """Each group as a whole to the smallest part."""
    parts: list[list[JudgedText]] = [[] for _ in range(FOLDS)]
    for group in groups:
        min(parts, key=len).extend(group)
    return parts


def _compared(with_frozen: _HeldOut, with_fitted: _HeldOut) -> Comparison:
    frozen, adapted = with_frozen.reciprocal_ranks(), with_fitted.reciprocal_ranks()
    differences = adapted - frozen
    return Comparison(
        examples=len(differences),
        frozen=_quality(frozen),
        adapted=_quality(adapted),
        difference=float(differences.mean()),
        standard_error=float(differences.std(ddof=1) / np.sqrt(len(differences))),
        temperature=fit_temperature(with_fitted.scores, with_fitted.applied),
    )


def _quality(reciprocal_ranks: Floats) -> Quality:
    return Quality(
        hit_at_1=float((reciprocal_ranks == 1).mean()),
        hit_at_3=float((reciprocal_ranks >= 1 / 3).mean()),
        reciprocal_rank=float(reciprocal_ranks.mean()),
    )
