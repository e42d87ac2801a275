"""What counts as said around the segments of a run, and how the run is pinned to it."""

from collections.abc import Sequence

from models.context import NO_CONTEXT
from models.suggester import has_words
from service.batch.corpus_of_run import CorpusOfRun
from service.storage.runs import Run
from service.storage.transcripts import NO_NEIGHBOURS, Neighbours, SpokenText


class Around:
    """What counts around the segments of a corpus: texts with words whose vectors are kept.

    Args:
        run: says whether anything does.
        corpus: what it is about.
    """

    def __init__(self, run: Run, corpus: CorpusOfRun) -> None:
        self._spoken = {one.id: one for one in corpus.spoken} if _uses_context(run) else {}
        self._corpus = corpus
        self._keys: dict[str, bytes | None] = {}

    def neighbours(self, segment_id: int) -> Neighbours:
        """The ids of those that count directly before and after a segment."""
        if segment_id not in self._spoken:
            return NO_NEIGHBOURS
        before, after = self._spoken[segment_id].neighbours
        has_before, has_after = self._keys_around(segment_id)
        return before if has_before else None, after if has_after else None

    def pinned_neighbours(self, segment_ids: Sequence[int]) -> list[list[int | None]]:
        """The neighbours of those of some segments that have any, as a run is pinned to them."""
        found = [(one, self.neighbours(one)) for one in segment_ids]
        return [[one, *pair] for one, pair in found if pair != NO_NEIGHBOURS]

    def pinned_keys(self, segment_ids: Sequence[int]) -> list[list[str | None]]:
        """By what the vectors around each of some segments are kept: they are there for longer than the segments."""
        return [[key.hex() if key else None for key in self._keys_around(one)] for one in segment_ids]

    def _keys_around(self, segment_id: int) -> list[bytes | None]:
        context = self._spoken[segment_id].context if segment_id in self._spoken else NO_CONTEXT
        return [None if text is None else self._key(text) for text in context]

    def _key(self, text: str) -> bytes | None:
        if text not in self._keys:
            key = self._corpus.key(text)
            self._keys[text] = key if key in self._corpus.known and has_words(text) else None
        return self._keys[text]


def texts_needed(run: Run, corpus: Sequence[SpokenText]) -> dict[int, str]:
    """What a run needs the vectors of, by segment: the texts of its corpus, and those with words around them."""
    needed = {one.id: one.text for one in corpus}
    for one in corpus if _uses_context(run) else ():
        for neighbour, text in zip(one.neighbours, one.context, strict=True):
            if neighbour is not None and neighbour not in needed and text is not None and has_words(text):
                needed[neighbour] = text
    return needed


def _uses_context(run: Run) -> bool:
    # A run that was started before there was a choice has it all the same.
    return bool(run.request.get("context", "neighbours") == "neighbours")
