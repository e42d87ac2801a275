"""Checks of names that people give: speakers, sites, sections, ids of other programs."""

import unicodedata

from service import limits
from service.errors import FieldNotValid, InputError
from service.formats.texts import check_text

_NOT_IN_ONE_LINE = {"Cc", "Zl", "Zp"}


def check_label(label: str, *, place: str, refusal: type[InputError] = FieldNotValid) -> None:
    """Passes a label that fits into one line of a list. Nothing is stripped: it stays as it was given.

    Raises:
        InputError: ``refusal``, where it is longer than the limit, or holds a control character or a line end.
        TextNotValidUnicode: it holds half of a surrogate pair.
        TextHasControlCharacters: it holds a control character that no text may hold.
    """
    check_text(label, place=place)
    if len(label) > limits.MAX_LABEL_CHARACTERS:
        raise refusal(f"It may have at most {limits.MAX_LABEL_CHARACTERS} characters.", place=place)
    if any(unicodedata.category(character) in _NOT_IN_ONE_LINE for character in label):
        raise refusal("It may hold no control characters and no line ends.", place=place)
