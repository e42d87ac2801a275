"""Lines of plain transcripts -> which of them begin a speaker's turn."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from service.formats.speakers import is_moderator_word

MAX_LABEL_CHARACTERS = 40
MAX_LABEL_WORDS = 4
# What sentences begin with, and headings; a colon after them is no sign of a speaker, however often it comes.
NOT_SPEAKERS = frozenset(
    """
    about after again also an and as at because before both but by example finally for from he her his how however i
    if in is it its later like maybe me my never no not note now of oh ok okay on or our perhaps she since so
    sometimes still that the their then there these they this those to today us was we well were what when where
    which who why with yes yesterday you your
    chapter date day duration figure length page part place section step table time topic week year
    """.split()  # noqa: SIM905 - as a list it would be a hundred lines
)

_SPACES = " \t\u00a0\u202f\u3000"
_SPACE = f"[{_SPACES}]"
_CLOCK = r"[0-9]{1,2}:[0-9]{2}(?::[0-9]{2})?(?:[.,-][0-9]{1,3})?"
_IN_BRACKETS = rf"\[{_CLOCK}\]|\({_CLOCK}\)|\#{_CLOCK}\#"
_NUMBER = r"\[[0-9]{1,10}\]|[0-9]{1,10}[.)]?"
_NUMBERED = re.compile(rf"{_SPACE}*+(?P<number>{_NUMBER}){_SPACE}++")
_TURN = re.compile(
    rf"{_SPACE}*+(?P<number>(?:{_NUMBER}){_SPACE}++)?(?P<time>(?:{_IN_BRACKETS}|{_CLOCK}){_SPACE}++)?"
    rf"(?P<label>[^\W\d_][^:\uff1a]{{0,{MAX_LABEL_CHARACTERS - 1}}}?){_SPACE}*+(?P<late_time>{_IN_BRACKETS})?{_SPACE}*+"
    rf"(?P<colon>[:\uff1a])(?P<rest>.*)",
    re.DOTALL,
)
_CODE = re.compile(r"[A-Z]{1,4}[0-9]{1,3}|[A-Z]")
_FAMILY = re.compile(r"(?P<name>.*?[^\W\d_].*?)[ ._-]*[0-9]{1,3}")
# With the joiners that some scripts put within words.
_WITHIN_NAMES = frozenset(" .-_'\u2019/&()#+\u200c\u200d")


@dataclass(frozen=True, kw_only=True)
class LineStart:
    """What a segment's first line begins with.

    Attributes:
        number: a number before everything else, as written with the space after it; may be "".
        label: the speaker's; None where the line has none.
        text: the line's text, without number, label and colon. A time beside the label stays before it.
    """

    number: str
    label: str | None
    text: str


def turn_starts(lines: Sequence[str]) -> dict[int, LineStart]:
    """The lines that begin with a speaker's label, by their index.

    A label is short (40 characters, four words, nothing but letters, digits and what stands within names) and is
    followed by a colon. Not each such beginning is one ("He said: no"). It counts if it

    - is a code of capitals and digits (B1, MHW12) or one capital letter,
    - is a word for moderators (Interviewer, Moderator 2),
    - ends in a number and comes at least twice, other numbers counted ("mental health worker 1", "... 2"), or
    - comes at least twice and does not begin with a small letter,

    the latter two unless the first word is one that sentences or headings begin with (:data:`NOT_SPEAKERS`).
    """
    candidates = {index: start for index, line in enumerate(lines) if (start := _candidate(line))}
    labels = _labels(start.label for start in candidates.values() if start.label)
    return {index: start for index, start in candidates.items() if start.label in labels}


def plain_start(line: str) -> LineStart:
    """The beginning of a line without a label: a number before its text, if it has both."""
    found = _NUMBERED.match(line)
    if found is None or not line[found.end() :].strip():
        return LineStart(number="", label=None, text=line)
    return LineStart(number=found[0], label=None, text=line[found.end() :])


def _candidate(line: str) -> LineStart | None:
    found = _TURN.match(line)
    if found is None or not _is_short_name(found["label"]) or not _ends_label(found):
        return None
    rest = found["rest"]
    text = found["late_time"] + rest if found["late_time"] else rest.lstrip(_SPACES)
    return LineStart(number=found["number"] or "", label=found["label"], text=(found["time"] or "") + text)


def _is_short_name(label: str) -> bool:
    return len(label.split()) <= MAX_LABEL_WORDS and all(
        character.isalnum() or character in _WITHIN_NAMES or unicodedata.category(character)[0] == "M"
        for character in label
    )


def _ends_label(found: re.Match[str]) -> bool:
    """Whether the colon is one that follows a label, and not within ``10:30`` or ``https://``."""
    rest = found["rest"]
    if not rest or rest[0].isspace() or found["colon"] != ":":
        return True
    return _CODE.fullmatch(found["label"]) is not None and rest[0].isalpha()


def _labels(found: Iterable[str]) -> frozenset[str]:
    counts = Counter(found)
    families: Counter[str] = Counter()
    for label, count in counts.items():
        families[_family(label)] += count
    return frozenset(label for label in counts if _is_label(label, counts, families))


def _is_label(label: str, counts: Mapping[str, int], families: Mapping[str, int]) -> bool:
    if _CODE.fullmatch(label) or is_moderator_word(label):
        return True
    if label.split()[0].casefold() in NOT_SPEAKERS:
        return False
    if _FAMILY.fullmatch(label):
        return families[_family(label)] > 1
    return counts[label] > 1 and not label[0].islower()


def _family(label: str) -> str:
    """The label without its number, "" for one that has none."""
    found = _FAMILY.fullmatch(label)
    return found["name"].casefold() if found else ""
