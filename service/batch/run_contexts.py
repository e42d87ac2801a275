"""What counts as said around the segments of a run, and how the run is pinned to it."""

from collections.abc import Collection, Mapping, Sequence

from models.codebook import Codebook
from models.context import NO_CONTEXT
from models.suggester import has_words
from service.actions.kept_vectors import text_key
from service.storage.runs import Run
from service.storage.transcripts import NO_NEIGHBOURS, Neighbours, SpokenText


class Around:
    """What counts around the segments of a corpus: texts with words whose vectors are kept.

    Args:
        run: says whether anything does.
        codebook: whose glossary was spelt out in what was encoded.
        corpus: what participants said, in its contexts.
        keys: by what the vectors of the corpus's own texts are kept, as far as there are any.
        known: by what vectors are kept at all.
    """

    def __init__(
        self,
        run: Run,
        codebook: Codebook,
        corpus: Sequence[SpokenText],
        keys: Mapping[str, bytes],
        known: Collection[bytes],
    ) -> None:
        self._spoken = {one.id: one for one in corpus} if _uses_context(run) else {}
        self._codebook = codebook
        self._known = known
        self._keys: dict[str, bytes | None] = {text: key if key in known else None for text, key in keys.items()}

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
            key = text_key(self._codebook.spell_out(text)) if has_words(text) else None
            self._keys[text] = key if key in self._known else None
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
