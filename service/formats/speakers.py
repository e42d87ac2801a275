"""Speaker labels: which are a moderator's."""

import re
from collections.abc import Iterable

# More than two moderators of one letter are a numbered group of participants: I for interviewees, M for men.
MOST_MODERATORS = 2

_WORD = re.compile(
    r"(?:(?:co-?)?(?:moderator|mod|facilitator|interviewer)|int)(?:[ ._-]?[0-9]{1,3})?", re.ASCII | re.IGNORECASE
)
_SURE_LETTER = re.compile(r"i|q(?:[ ._-]?[0-9]{1,3})?", re.ASCII | re.IGNORECASE)
_NUMBERED_LETTER = re.compile(r"([im])[ ._-]?[0-9]{1,3}", re.ASCII | re.IGNORECASE)
_FEMALE = re.compile(r"f(?:[ ._-]?[0-9]{1,3})?", re.ASCII | re.IGNORECASE)


def is_moderator_word(label: str) -> bool:
    """Whether the label is a word for moderators, alone or numbered: Interviewer, Moderator 2, Mod, Facilitator."""
    return _WORD.fullmatch(label) is not None


def moderators(speakers: Iterable[str | None]) -> frozenset[str]:
    """Those labels of one transcript that are a moderator's; letters count in capitals and small.

    A moderator's are the words of :func:`is_moderator_word`, I, Q and Q1, and I1 where there are at most two such.
    M, M1 and F may stand for the moderator or for men and women. They are a moderator's only if no other label is,
    if M and F do not stand beside each other (F1 beside M is a woman, F1 beside M1 makes M1 a man), if at most
    two are numbered, and if somebody else speaks.

    Args:
        speakers: the label of each segment, None where it has none.
    """
    labels = set(speakers)
    named = {label for label in labels if label}
    sure = {label for label in named if is_moderator_word(label) or _SURE_LETTER.fullmatch(label)}
    sure |= _few_numbered(named, "i")
    if sure:
        return frozenset(sure)
    doubtful = _doubtful(named)
    return frozenset(doubtful if labels - doubtful else ())


def _doubtful(named: set[str]) -> set[str]:
    """The labels M, M1 or F that may be a moderator's as far as the other letters say."""
    male = {label for label in named if label.casefold() == "m"}
    female = {label for label in named if _FEMALE.fullmatch(label)}
    female_alone = {label for label in female if len(label) == 1}
    if male:
        return set() if female_alone else male
    numbered = {label for label in named if _is_numbered(label, "m")}
    if numbered:
        return set() if female else _few_numbered(named, "m")
    return female_alone


def _few_numbered(named: set[str], letter: str) -> set[str]:
    numbered = {label for label in named if _is_numbered(label, letter)}
    return numbered if len(numbered) <= MOST_MODERATORS else set()


def _is_numbered(label: str, letter: str) -> bool:
    found = _NUMBERED_LETTER.fullmatch(label)
    return found is not None and found[1].casefold() == letter
