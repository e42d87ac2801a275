"""Texts -> windows of word pieces, framed as the model reads them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from models.errors import EncoderFailed, ModelUnavailable
from models.windows import split_into_windows

# Attention takes memory with the square of the length: a model that reads more still gets windows of this size.
MOST_PIECES = 512
OVERLAP_PIECES = 64


@dataclass(frozen=True)
class TextWindow:
    """One window of one text.

    Attributes:
        owner: index of the text.
        ids: its word pieces, with special tokens.
        fresh: how many of them stand in no window before.
    """

    owner: int
    ids: list[int]
    fresh: int


class WordPieces:
    """Cuts texts into overlapping windows that together hold every word piece.

    Args:
        tokenizer: of the model's library.
        most_pieces: the most word pieces, with special tokens, that the model reads; None if it does not say.

    Attributes:
        limit: the most word pieces, with special tokens, of a window.

    Raises:
        ModelUnavailable: the tokenizer is none that frames a text with special tokens.
    """

    def __init__(self, tokenizer: Any, most_pieces: int | None) -> None:
        self._tokenizer = tokenizer
        self.limit = min(int(most_pieces or MOST_PIECES), MOST_PIECES)
        self._prefix, self._suffix = self._special_tokens()

    def windows(self, texts: Sequence[str]) -> list[TextWindow]:
        """The windows of all texts, in order; at least one of each.

        Raises:
            EncoderFailed: a text is no valid Unicode.
        """
        room = self.limit - len(self._prefix) - len(self._suffix)
        overlap = min(OVERLAP_PIECES, room // 4)
        return [
            TextWindow(owner, [*self._prefix, *ids[window.start : window.end], *self._suffix], window.fresh)
            for owner, ids in enumerate(self._tokenize(texts))
            for window in split_into_windows(len(ids), limit=room, overlap=overlap)
        ]

    def _tokenize(self, texts: Sequence[str]) -> list[list[int]]:
        try:
            encoded = self._tokenizer(
                list(texts),
                add_special_tokens=False,
                truncation=False,
                padding=False,
                return_attention_mask=False,
                return_token_type_ids=False,
                verbose=False,
            )
        except (TypeError, UnicodeError):
            raise EncoderFailed("A text is not valid Unicode.") from None
        ids: list[list[int]] = encoded["input_ids"]
        return ids

    def _special_tokens(self) -> tuple[list[int], list[int]]:
        """The ids that stand before and after a text, learnt from the tokenizer's own output."""
        (bare,) = self._tokenize(["a"])
        full: list[int] = self._tokenizer("a")["input_ids"]
        start = next((at for at in range(len(full)) if bare and full[at : at + len(bare)] == bare), None)
        if start is None:
            raise ModelUnavailable("The model's tokenizer does not keep a text's word pieces together.")
        return full[:start], full[start + len(bare) :]
