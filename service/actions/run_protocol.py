"""Run a protocol of evaluation: the suggester learns from some segments of a coded study and is tested on others."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

from models.codebook import Codebook
from models.codings import CONSENSUS, Codings
from models.context import NO_CONTEXT, ContextUse, neighbouring_texts
from models.encoder import Vectors
from models.evaluation import evaluate
from models.judgements import Scores, Study
from models.learning_curve import Prediction
from models.protocols import Fold, Split, few_shots, leave_one_out, shortages
from models.suggester import Example, encode_segments
from models.suggester_method import SuggesterMethod
from service.encoders import LoadedModel
from service.errors import FieldNotValid
from service.formats.coded_rows import CodedTable, listed

Protocol = Literal["shots", "leave-one-document-out", "leave-one-site-out"]
Progress = Callable[[str, int, int], object]
"""Told what is being done, how much of it is done, and how much there is to do."""
Check = Callable[[], object]
"""Called again and again; whoever wants the work to stop raises from it."""

Fit = Callable[[LoadedModel, Codebook, Sequence[Example]], LoadedModel]
"""Gives a model fitted to examples where that is better, else the same model."""

SHOTS = (0, 1, 2, 4, 8, 16)
DRAWS = 5
# Segments that are encoded together.
CHUNK = 512


@dataclass(frozen=True, kw_only=True)
class Options:
    """How to evaluate.

    Attributes:
        protocol: what is learnt from and what is tested.
        shots: numbers of examples of each code; of the protocol ``shots``, like the next two.
        draws: how many times examples are drawn.
        split: what is set aside to learn from.
        coder: whose codings are the truth; None for the only coder, or the consensus of several.
        seed: of draws and resampling.
        context: whether what was said around segments counts.
    """

    protocol: Protocol = "shots"
    shots: tuple[int, ...] = SHOTS
    draws: int = DRAWS
    split: Split = "document"
    coder: str | None = None
    seed: int = 0
    context: ContextUse = "neighbours"


@dataclass(frozen=True, kw_only=True)
class Evaluated:
    """What came of it.

    Attributes:
        result: everything that is reported, as a JSON object.
        ids: of the segments evaluated.
        study: these segments.
        predictions: what the machine said, by fold.
    """

    result: dict[str, Any]
    ids: tuple[str, ...]
    study: Study
    predictions: Sequence[Prediction]


def run_protocol(
    table: CodedTable,
    codebook: Codebook,
    load_model: Callable[[], LoadedModel],
    options: Options,
    *,
    fit: Fit | None = None,
    progress: Progress = lambda _what, _done, _all: None,
    check: Check = lambda: None,
) -> Evaluated:
    """Evaluates the suggester on a coded study.

    Args:
        table: who applied which code to which segment, with a column for each code of the codebook.
        codebook: the tree.
        load_model: gives what encodes; called once, after everything is checked.
        options: how to evaluate.
        fit: fits the model to the examples of each round of learning first; None leaves it as it is.
        progress: told of the way.
        check: called between the pieces of work.

    Raises:
        FieldNotValid: the coder is unknown, no segment is coded, or there are too few documents or sites.
        ModelsError: the model cannot be loaded, or an encoder error.
    """
    truth = _truth(table.codings, options.coder)
    if not truth.seen.any():
        raise FieldNotValid("No segment has a coding to be judged by.", place="coder")
    study = Study(codebook=codebook, humans=table.codings, truth=truth, references=table.references, sites=table.sites)
    folds = _folds(study, table.places, options)
    model = load_model()
    segments = _segments(table, truth, options.context)
    learning = _Learning(study, segments, model, fit, progress, check)
    predictions = [Prediction(fold=fold, said=learning.said(fold, len(folds))) for fold in folds]
    progress("Computing figures", 0, 1)
    result = {
        "protocol": {**asdict(options), "shots": list(options.shots)},
        "model": {"key": model.key, "hash": model.encoder.identity.hash, "version": model.version},
        "codebook": {"id": codebook.id, "name": codebook.name, "version": codebook.version},
        "truth": {"coder": truth.coders[0], "coders": list(table.codings.coders), "left_out": int((~truth.seen).sum())},
        "material": {**_material(study), "in_context": sum(any(one.context) for one in segments)},
        "notes": [*table.notes, *learning.notes],
        "shortages": shortages(folds, study.leaves),
        **evaluate(study, predictions, seed=options.seed),
    }
    progress("Computing figures", 1, 1)
    return Evaluated(result=result, ids=table.ids, study=study, predictions=predictions)


class _Learning:
    """Rounds of learning and testing, each with the model as it is, or fitted to what is learnt from."""

    def __init__(
        self,
        study: Study,
        segments: Sequence[Example],
        model: LoadedModel,
        fit: Fit | None,
        progress: Progress,
        check: Check,
    ) -> None:
        self._study = study
        self._segments = segments
        self._model = model
        self._fit = fit
        self._progress = progress
        self._check = check
        self._method = self._method_with(model)
        self._rounds = self._tried = self._kept = 0

    @property
    def notes(self) -> list[str]:
        """What is to be said of fitting."""
        if self._fit is None:
            return []
        return [
            f"In {self._tried} rounds of learning it was tried whether fitting the model to the examples helps; the "
            f"fitted one was used in {self._kept} of them, where it was better for examples held out."
        ]

    def said(self, fold: Fold, rounds: int) -> Scores:
        """The scores of one round."""
        self._check()
        if not self._rounds:
            self._progress("Testing", 0, rounds)
        method = self._method_for(fold)
        found = method(fold.examples, fold.tested)
        self._rounds += 1
        self._progress("Testing", self._rounds, rounds)
        return found

    def _method_for(self, fold: Fold) -> SuggesterMethod:
        if self._fit is None or not len(fold.examples):
            return self._method
        fitted = self._fit(self._model, self._study.codebook, self._method.examples(fold.examples))
        self._tried += 1
        if fitted is self._model:
            return self._method
        self._kept += 1
        return self._method_with(fitted)

    def _method_with(self, model: LoadedModel) -> SuggesterMethod:
        return SuggesterMethod(
            codebook=self._study.codebook,
            encoder=model.encoder,
            background=model.background,
            segments=self._segments,
            known=self._encoded(model),
            temperature=model.temperature,
        )

    def _encoded(self, model: LoadedModel) -> dict[str, Vectors]:
        """The vectors of all segments' texts, and of those around them."""
        around = sorted(neighbouring_texts([one.context for one in self._segments]))
        texts = list(dict.fromkeys([*(one.text for one in self._segments), *around]))
        self._progress("Encoding", 0, len(texts))
        known: dict[str, Vectors] = {}
        for start in range(0, len(texts), CHUNK):
            self._check()
            some = texts[start : start + CHUNK]
            known |= zip(some, encode_segments(self._study.codebook, model.encoder, some), strict=True)
            self._progress("Encoding", min(start + CHUNK, len(texts)), len(texts))
        return known


def _segments(table: CodedTable, truth: Codings, context: ContextUse) -> list[Example]:
    """All segments as examples."""
    return [
        Example(
            text=text,
            codes=tuple(truth.codes[column] for column in np.flatnonzero(applied)),
            reference=reference,
            context=around if context == "neighbours" else NO_CONTEXT,
            document=document or None,
        )
        for text, applied, reference, around, document in zip(
            table.texts, truth.applied[0], table.references, table.contexts, truth.documents, strict=True
        )
    ]


def _truth(codings: Codings, coder: str | None) -> Codings:
    if coder is None and len(codings.coders) == 1:
        return codings
    if coder in codings.coders:
        return codings.of([str(coder)])
    if coder in (None, CONSENSUS):
        return codings.consensus()
    raise FieldNotValid("No row has this coder.", place="coder")


def _folds(study: Study, places: Sequence[str], options: Options) -> list[Fold]:
    documents = study.truth.documents
    if options.protocol == "leave-one-document-out":
        _check_groups(documents, "documents")
        return leave_one_out(study.applied, study.truth.seen[0], documents)
    if options.protocol == "leave-one-site-out":
        without = [place for place, site in zip(places, study.sites, strict=True) if site is None]
        if without:
            raise FieldNotValid("Every segment needs a site to be left out by.", place=f"site of {listed(without)}")
        sites = [str(site) for site in study.sites]
        _check_groups(sites, "sites")
        return leave_one_out(study.applied, study.truth.seen[0], sites)
    if options.split == "document" and any(options.shots):
        _check_groups(documents, "documents")
    return few_shots(
        study.applied,
        documents,
        shots=options.shots,
        draws=options.draws,
        split=options.split,
        seed=options.seed,
    )


def _check_groups(groups: Sequence[str], what: str) -> None:
    if len(set(groups)) < 2:
        raise FieldNotValid(
            f"There are no two {what} to learn from one and test on the other; take another protocol or split.",
            place=what,
        )


def _material(study: Study) -> dict[str, int]:
    return {
        "segments": len(study.references),
        "documents": len(set(study.truth.documents)),
        "sites": len({site for site in study.sites if site is not None}),
        "codes": len(study.codebook.codes),
        "leaves": len(study.leaves),
        "leaves_applied": int((study.applied.sum(axis=0) > 0).sum()),
    }
