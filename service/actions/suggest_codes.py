"""Suggest codes for a handful of segments, without keeping anything."""

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

from models.codebook import Codebook
from models.context import Context
from models.reference import no_reference
from models.suggester import DEFAULT_TOP_K, Example, SegmentSuggestions, Suggester
from service import limits
from service.encoders import Encoders, LoadedModel
from service.errors import ServiceBusy
from service.formats.texts import check_segment

# Suggesters of codebooks without examples, which come again with every request of a coding tool.
KEPT_SUGGESTERS = 16


@dataclass(frozen=True, kw_only=True)
class SuggestedCodes:
    """The model that suggested, and one result for each text."""

    model: LoadedModel
    results: list[SegmentSuggestions]


class SuggestCodes:
    """Suggests from the shipped defaults: never from the other segments of the request.

    Args:
        encoders: the configured models.
    """

    def __init__(self, encoders: Encoders) -> None:
        self._encoders = encoders
        self._suggesters: OrderedDict[tuple[str, str], Suggester] = OrderedDict()
        self._lock = threading.Lock()
        self._places = threading.BoundedSemaphore(limits.MAX_WAITING_REQUESTS)

    def __call__(
        self,
        texts: Sequence[str],
        codebook: Codebook,
        *,
        contexts: Sequence[Context],
        examples: Sequence[Example] = (),
        top_k: int = DEFAULT_TOP_K,
        min_score: float | None = None,
        model_key: str | None = None,
    ) -> SuggestedCodes:
        """Suggestions for each text in its context, in order.

        Raises:
            SegmentEmpty, SegmentTooLong: with the place of the segment, or of its context.
            ModelUnknown: no model of this key is configured.
            ModelNotReady: the model is not loaded.
            ServiceBusy: too many requests are waiting.
            ExampleNotAccepted: an example names a code that the codebook does not have.
            EncoderFailed: the encoder could not make vectors.
        """
        for index, (text, context) in enumerate(zip(texts, contexts, strict=True)):
            check_segment(text, place=f"segments[{index}].text")
            check_segment(context.before or "", place=f"segments[{index}].context", may_be_empty=True)
        model = self._encoders.get(model_key)
        if not self._places.acquire(blocking=False):
            raise ServiceBusy
        try:
            suggester = self._suggester(codebook, model, examples)
            results = suggester.suggest(texts, contexts, top_k=top_k, min_score=min_score)
        finally:
            self._places.release()
        return SuggestedCodes(model=model, results=results)

    def _suggester(self, codebook: Codebook, model: LoadedModel, examples: Sequence[Example]) -> Suggester:
        if examples:
            return _build(codebook, model, examples)
        key = (codebook.version, model.version)
        with self._lock:
            if key in self._suggesters:
                self._suggesters.move_to_end(key)
                return self._suggesters[key]
        suggester = _build(codebook, model, ())
        with self._lock:
            self._suggesters[key] = suggester
            while len(self._suggesters) > KEPT_SUGGESTERS:
                self._suggesters.popitem(last=False)
        return suggester


def _build(codebook: Codebook, model: LoadedModel, examples: Sequence[Example]) -> Suggester:
    return Suggester(
        codebook,
        model.encoder,
        background=model.background,
        reference=no_reference(),
        examples=examples,
        word_counts=model.word_counts,
        temperature=model.temperature,
    )
