"""Plain text -> one transcript."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice, pairwise

from service import limits
from service.errors import FileNotAccepted
from service.formats.lines import BYTE_ORDER_MARK
from service.formats.speaker_lines import LineStart, plain_start, turn_starts
from service.formats.speakers import moderators
from service.formats.texts import check_segment, check_text, with_lf
from service.formats.transcripts import ImportedSegment, ImportedTranscript

UTF_16_MARKS = (b"\xff\xfe", b"\xfe\xff")

_LINE_END = re.compile(rb"\r\n|\r|\n")


def read_txt_transcripts(data: bytes) -> list[ImportedTranscript]:
    """The one transcript of a plain text in UTF-8, with or without a byte order mark.

    A line that begins with a speaker's label (:func:`service.formats.speaker_lines.turn_starts` says what is one)
    begins a segment; the lines after it belong to it up to a blank line or the next label. A paragraph without a
    label after a blank line is a segment of its own. It goes on with the speaker before it; but where none but
    moderators are labelled it is the participant's, who has no label. Without any label, the segments are what
    blank lines divide, or else each line.

    Numbers before the labels (``11 B1: ...``, ``[11] B1: ...``) are the segments' paragraphs if every segment has
    one and they do not decrease. If no line has a label they must be ``[11]`` or be followed by a tab, since
    sentences begin with numbers too. Otherwise they stay in the text.

    Texts are unchanged apart from line ends. A label, its colon and the white space around them are not text.
    A time beside the label is: ``[00:12:05] B1: Yes.`` has the text ``[00:12:05] Yes.``

    Raises:
        FileNotAccepted: not UTF-8, NUL characters, nothing but white space, or too many segments.
        TextHasControlCharacters: control characters other than tab and line ends.
        SegmentTooLong: a segment is longer than the limit.
    """
    lines = _checked_lines(data)
    turns = turn_starts(lines)
    filled = (block for block in (_turns(lines, turns) if turns else _paragraphs(lines)) if block.has_text())
    most = limits.MAX_SEGMENTS_PER_TRANSCRIPT
    blocks = list(islice(filled, most + 1))
    if not blocks:
        raise FileNotAccepted("There is no segment in the file.")
    if len(blocks) > most:
        raise FileNotAccepted(f"A transcript may have at most {most} segments.", place=blocks[most].place)
    return [ImportedTranscript(document=None, site=None, language=None, segments=tuple(_segments(blocks)))]


@dataclass(kw_only=True)
class _Block:
    """The lines of one segment: how the first begins, and those after it.

    Attributes:
        speaker: the label of its first line, else that of the block before.
        may_be_numbered: whether a number before it can be its paragraph.
    """

    place: str
    start: LineStart
    speaker: str | None
    may_be_numbered: bool = True
    more: list[str] = field(default_factory=list)

    def has_text(self) -> bool:
        return bool(self.text(with_number=not self.start.label).strip())

    def text(self, *, with_number: bool) -> str:
        first = (self.start.number if with_number else "") + self.start.text
        return "\n".join([first, *self.more] if first else self.more)

    def paragraph(self) -> int | None:
        number = int(re.sub("[^0-9]", "", self.start.number) or 0)
        return number if self.may_be_numbered and 1 <= number <= limits.MAX_PARAGRAPH else None


def _checked_lines(data: bytes) -> list[str]:
    if data.startswith(UTF_16_MARKS):
        raise FileNotAccepted("A text file must be in UTF-8, and this one is in UTF-16.", place="line 1")
    data = data.removeprefix(BYTE_ORDER_MARK)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        number = 1 + len(_LINE_END.findall(data, 0, error.start))
        raise FileNotAccepted("A text file must be in UTF-8.", place=f"line {number}") from error
    lines = with_lf(text).split("\n")
    for number, line in enumerate(lines, start=1):
        if "\0" in line:
            raise FileNotAccepted("The line holds NUL characters; a file must be in UTF-8.", place=f"line {number}")
        check_text(line, place=f"line {number}")
    return lines


def _turns(lines: Sequence[str], turns: dict[int, LineStart]) -> Iterator[_Block]:
    """The segments of a text with labels, in order; some may have no text."""
    block: _Block | None = None
    speaker: str | None = None
    for index, line in enumerate(lines):
        begins = turns.get(index)
        if begins is None and line.strip() and block is not None:
            block.more.append(line)
            continue
        if block is not None:
            yield block
            block = None
        if begins is not None or line.strip():
            speaker = begins.label if begins else speaker
            block = _Block(place=f"line {index + 1}", start=begins or plain_start(line), speaker=speaker)
    if block is not None:
        yield block


def _paragraphs(lines: Sequence[str]) -> Iterator[_Block]:
    """The segments of a text without labels, in order."""
    filled = [index for index, line in enumerate(lines) if line.strip()]
    each_line = all(after == before + 1 for before, after in pairwise(filled))
    block: _Block | None = None
    previous = -1
    for index in filled:
        if block is not None and index == previous + 1 and not each_line:
            block.more.append(lines[index])
        else:
            if block is not None:
                yield block
            start = plain_start(lines[index])
            marked = "[" in start.number or "\t" in start.number
            block = _Block(place=f"line {index + 1}", start=start, speaker=None, may_be_numbered=marked)
        previous = index
    if block is not None:
        yield block


def _segments(blocks: Sequence[_Block]) -> Iterator[ImportedSegment]:
    paragraphs = [block.paragraph() for block in blocks]
    given = [paragraph for paragraph in paragraphs if paragraph is not None]
    numbered = len(given) == len(blocks) and given == sorted(given)
    moderating = moderators(block.start.label for block in blocks)
    goes_on = any(block.start.label and block.start.label not in moderating for block in blocks)
    for block, paragraph in zip(blocks, paragraphs, strict=True):
        text = block.text(with_number=not numbered)
        check_segment(text, place=block.place)
        speaker = block.speaker if goes_on else block.start.label
        yield ImportedSegment(
            text=text,
            place=block.place,
            paragraph=paragraph if numbered else None,
            speaker=speaker,
            role="moderator" if speaker in moderating else "participant",
        )
