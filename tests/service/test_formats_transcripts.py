"""Files of transcripts: how they fall into turns, what stays as it is, and what is refused without being quoted."""

import codecs
import csv
import io
import json
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service import limits
from service.errors import (
    CsvNotAccepted,
    FieldNotValid,
    FileNotAccepted,
    InputError,
    InvalidId,
    MalformedJson,
    NumberNotFinite,
    SegmentEmpty,
    SegmentTooLong,
    TextHasControlCharacters,
    TextNotValidUnicode,
    UnknownOrRepeatedField,
)
from service.formats.transcript_files import read_transcripts
from service.formats.transcripts import ImportedSegment, ImportedTranscript

SECRET = "Zwiebelturm"  # stands in every refused file, and must stand in no message
MIXED = "\u202e e\u0301 \u00e9 \u200d \u2028 \u0410\u0430 \U0001f469\u200d\U0001f467 \u05e9\u05dc \ufeff tab\t end"

Format = Literal["txt", "csv", "jsonl"]


def txt(text: str) -> tuple[ImportedSegment, ...]:
    (transcript,) = read_transcripts(text.encode(), "txt")
    assert (transcript.document, transcript.site, transcript.language) == (None, None, None)
    return transcript.segments


def turns(text: str) -> list[tuple[str | None, str]]:
    return [(segment.speaker, segment.text) for segment in txt(text)]


def paragraphs(text: str) -> list[tuple[int | None, str]]:
    return [(segment.paragraph, segment.text) for segment in txt(text)]


def moderators(text: str) -> set[str | None]:
    return {segment.speaker for segment in txt(text) if segment.role == "moderator"}


def from_csv(text: str) -> list[ImportedTranscript]:
    return read_transcripts(text.encode(), "csv")


def from_jsonl(*rows: dict[str, Any]) -> list[ImportedTranscript]:
    return read_transcripts("\n".join(map(json.dumps, rows)).encode(), "jsonl")


def refusal(data: bytes, format: Format) -> InputError | MalformedJson:
    with pytest.raises((InputError, MalformedJson)) as caught:
        read_transcripts(data, format)
    assert SECRET not in str(caught.value)
    return caught.value


# Plain text: turns


def test_a_speaker_label_begins_a_turn() -> None:
    segments = txt("I: How was it?\nB1: Good.\nB2: Better: much better.\n")
    assert [(s.speaker, s.role, s.text, s.place, s.paragraph) for s in segments] == [
        ("I", "moderator", "How was it?", "line 1", None),
        ("B1", "participant", "Good.", "line 2", None),
        ("B2", "participant", "Better: much better.", "line 3", None),
    ]


def test_lines_without_a_label_belong_to_the_turn() -> None:
    assert turns("B1: One.\nTwo.\n  Three. \nI: Why?") == [("B1", "One.\nTwo.\n  Three. "), ("I", "Why?")]


def test_a_turn_may_begin_on_the_line_after_its_label() -> None:
    assert turns("B1:\nOne.\n\nB2: \nTwo.") == [("B1", "One."), ("B2", "Two.")]


def test_a_paragraph_after_a_blank_line_goes_on_with_the_speaker() -> None:
    assert turns("I: Why?\n\nWell?\n\nB1: One.\n\nTwo.\nThree.") == [
        ("I", "Why?"),
        ("I", "Well?"),
        ("B1", "One."),
        ("B1", "Two.\nThree."),
    ]


def test_where_only_the_moderator_is_labelled_the_rest_is_the_participants() -> None:
    segments = txt("Q: Why?\n\nBecause.\n\nQ: And then?\n\nNothing.")
    assert [(s.speaker, s.role) for s in segments] == [("Q", "moderator"), (None, "participant")] * 2


def test_what_stands_before_the_first_label_is_nobodys() -> None:
    assert turns("Focus group, 3 May\n\nB1: One.") == [(None, "Focus group, 3 May"), ("B1", "One.")]


def test_a_label_without_a_text_is_no_segment() -> None:
    assert turns("B1:\n\nB2: Two.\nB3:  \n") == [("B2", "Two.")]


@pytest.mark.parametrize(
    "label",
    ["B1", "MHW12", "A", "Interviewer", "moderator", "Moderator 2", "INT", "Co-moderator", "Facilitator"],
)
def test_a_label_that_looks_like_one_counts_at_once(label: str) -> None:
    assert turns(f"{label}: One.\nAnd: more.") == [(label, "One.\nAnd: more.")]


@pytest.mark.parametrize(
    "label",
    [
        "Anna",
        "Dr. O'Neill-Smith",
        "Service user",
        "PSW",
        "mental health worker 1",
        "Speaker_01",
        "Be\u0301ne\u0301dicte",
        "\u05d3\u05e0\u05d4",
        "\u0938\u0935\u093f\u0924\u093e",
    ],
)
def test_any_other_label_counts_from_the_second_time_on(label: str) -> None:
    once = f"B1: One.\n{label}: Two."
    assert turns(once) == [("B1", f"One.\n{label}: Two.")]
    assert turns(f"{once}\n{label}: Three.") == [("B1", "One."), (label, "Two."), (label, "Three.")]


def test_labels_that_differ_in_their_number_alone_vouch_for_each_other() -> None:
    text = "Mental health worker 1: One.\nMental health worker 2: Two."
    assert turns(text) == [("Mental health worker 1", "One."), ("Mental health worker 2", "Two.")]


@pytest.mark.parametrize(
    "sentence",
    [
        "He said: no",
        "And then: nothing",
        "In 20: forty",
        "I tell you: no",
        "He said, and I quote: no",
        "what we want: help",
        "This is what the whole family wants: help",
        "A label of more than forty characters in it: no",
        "At 10:30 we left",
        "https://example.org",
        "12: thirteen",
        "Wait! Listen: no",
        "- B1: no",
    ],
)
def test_a_sentence_with_a_colon_is_no_label(sentence: str) -> None:
    assert turns(f"B1: One.\n{sentence}\n{sentence}") == [("B1", f"One.\n{sentence}\n{sentence}")]
    assert turns(f"{sentence}\n\n{sentence}") == [(None, sentence)] * 2


def test_the_space_around_the_colon_may_differ() -> None:
    assert turns("B1:One.\n  B2 : Two.\nB3\u00a0:\u00a0Three.\nB4\uff1aFour.\nB5:\tFive.") == [
        ("B1", "One."),
        ("B2", "Two."),
        ("B3", "Three."),
        ("B4", "Four."),
        ("B5", "Five."),
    ]


# Plain text: times and paragraph numbers


def test_a_time_is_text_also_where_it_stands_beside_the_label() -> None:
    text = "[00:12:05] B1: One. #00:12:09-3#\n#00:12:10-0# B2: Two.\n00:13 I: Three.\nB1 (00:14): Four.\n[00:15] Five."
    assert turns(text) == [
        ("B1", "[00:12:05] One. #00:12:09-3#"),
        ("B2", "#00:12:10-0# Two."),
        ("I", "00:13 Three."),
        ("B1", "(00:14) Four.\n[00:15] Five."),
    ]


def test_numbers_before_the_labels_are_the_paragraphs() -> None:
    text = "11 B1: a\n[12] I: b\n13\tB2: c\n(d)\n\n13 B1: [00:01] e\n\n20. f"
    assert paragraphs(text) == [(11, "a"), (12, "b"), (13, "c\n(d)"), (13, "[00:01] e"), (20, "f")]


@pytest.mark.parametrize(
    ("text", "texts"),
    [
        ("11 B1: a\nI: b", ["11 a", "b"]),  # not before every segment
        ("12 B1: a\n11 I: b", ["12 a", "11 b"]),  # decreasing
        ("0 B1: a\n1 I: b", ["0 a", "1 b"]),
        ("1 B1: a\n2147483648 I: b", ["1 a", "2147483648 b"]),
        ("1 B1: a\n\n2 \n\n3 B1: c", ["1 a", "2 ", "3 c"]),
    ],
)
def test_numbers_that_cannot_be_paragraphs_stay_in_the_text(text: str, texts: list[str]) -> None:
    assert paragraphs(text) == [(None, expected) for expected in texts]


def test_without_labels_a_paragraph_number_must_be_marked_as_one() -> None:
    assert paragraphs("[1] a\n[2] b") == [(1, "a"), (2, "b")]
    assert paragraphs("1\ta\n\n2\tb\nc") == [(1, "a"), (2, "b\nc")]
    assert paragraphs("2 years ago\n3 more") == [(None, "2 years ago"), (None, "3 more")]


def test_a_turn_without_text_needs_no_number_in_order() -> None:
    assert paragraphs("11 B1: a\n12 B2:\n\n13 B1: c") == [(11, "a"), (13, "c")]


# Plain text: moderators


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("I: a\nB1: b", {"I"}),
        ("Q: a\nA: b", {"Q"}),
        ("Q1: a\nA1: b\nQ2: a\nA2: b\nQ3: a\nA3: b", {"Q1", "Q2", "Q3"}),
        ("M: a\nB1: b", {"M"}),
        ("F: a\nB1: b", {"F"}),
        ("M1: a\nM2: a\nB1: b", {"M1", "M2"}),
        ("I1: a\nI2: a\nB1: b", {"I1", "I2"}),
        ("INTERVIEWER: a\nMod: a\nFacilitator 1: a\nB1: b", {"INTERVIEWER", "Mod", "Facilitator 1"}),
        ("M: a\nF: b", set()),  # men and women
        ("M1: a\nF1: b", set()),
        ("M1: a\nM2: b\nM3: c", set()),
        ("I1: a\nI2: b\nI3: c", set()),
        ("M: a\nF1: b\nF2: c", {"M"}),
        ("I: a\nM: b", {"I"}),
        ("Moderator: a\nF: b", {"Moderator"}),
        ("M: a\nM: b", set()),  # somebody must be the participant
        ("M: a\n\nb", {"M"}),
        ("MHW1: a\nIda: b\nIda: c", set()),
    ],
)
def test_moderators_are_known_by_their_labels(text: str, expected: set[str]) -> None:
    assert moderators(text) == expected


# Plain text: without labels


def test_without_labels_blank_lines_divide() -> None:
    segments = txt("\n\nOne.\nTwo.\n \t\n\nThree.\n\n")
    assert [(s.speaker, s.role, s.text, s.place) for s in segments] == [
        (None, "participant", "One.\nTwo.", "line 3"),
        (None, "participant", "Three.", "line 7"),
    ]


def test_without_labels_and_blank_lines_each_line_is_a_segment() -> None:
    assert turns("\nOne.\nTwo.\n\n") == [(None, "One."), (None, "Two.")]


# Plain text: what stays and what is refused


def test_line_ends_become_lf_and_nothing_else_changes() -> None:
    assert turns(f"B1: {MIXED}\r\n {MIXED}\r{MIXED}\n\r\nI: a") == [("B1", f"{MIXED}\n {MIXED}\n{MIXED}"), ("I", "a")]


def test_a_byte_order_mark_is_dropped() -> None:
    (transcript,) = read_transcripts(codecs.BOM_UTF8 + b"B1: One.", "txt")
    assert [(s.speaker, s.text) for s in transcript.segments] == [("B1", "One.")]


@pytest.mark.parametrize(
    ("data", "error", "place"),
    [
        (f"B1: {SECRET}".encode("utf-16"), FileNotAccepted, "line 1"),
        (f"B1: {SECRET}".encode("utf-16-le"), FileNotAccepted, "line 1"),
        (f"a\r\nb\rc\nGr\u00fc\u00dfe {SECRET}".encode("latin-1"), FileNotAccepted, "line 4"),
        (f"a\n{SECRET}\0".encode(), FileNotAccepted, "line 2"),
        (f"a\n\n{SECRET}\x1b[31m".encode(), TextHasControlCharacters, "line 3"),
        (b"", FileNotAccepted, None),
        (codecs.BOM_UTF8 + b" \n\r\n\t", FileNotAccepted, None),
        (b"a\n\nB1: " + SECRET.encode() * 1_000, SegmentTooLong, "line 3"),
        (b"B1: a\n" + f"{SECRET}\n".encode() * 1_000, SegmentTooLong, "line 1"),
        ("e\u0301".encode() * 700_000, SegmentTooLong, "line 1"),
        (b"a\n" * limits.MAX_SEGMENTS_PER_TRANSCRIPT + SECRET.encode(), FileNotAccepted, "line 20001"),
    ],
)
def test_a_text_that_cannot_be_taken_is_refused_by_its_line(data: bytes, error: type[Exception], place: str) -> None:
    found = refusal(data, "txt")
    assert isinstance(found, error)
    assert found.place == place


def test_a_segment_may_have_10000_characters_without_its_label() -> None:
    assert [len(text) for _, text in turns("B1: " + "a" * 10_000)] == [10_000]


def test_a_transcript_may_have_20000_segments() -> None:
    assert len(txt("B1: a\n" * limits.MAX_SEGMENTS_PER_TRANSCRIPT)) == limits.MAX_SEGMENTS_PER_TRANSCRIPT


def test_long_lines_do_not_take_long() -> None:
    for piece in ("1 ", " ", "[11] ", "a b ", "a: ", "(", "00:12 ", "A: \n"):
        refusal((piece * 2**21)[: 2**21].encode(), "txt")


# Csv


def test_a_csv_file_gives_all_that_its_columns_say() -> None:
    (transcript,) = from_csv(
        "\ufeffid;paragraph;document;site;speaker;role;section;language;text;original_text;original_language;codes;x\r\n"
        's1;11;fg-bu;BU;B1;Participant;Opening;en;"a\r\nb";"c\rd";lg;x;y\r\n'
        "s2;11;fg-bu;;I;;;;e;;;;\r\n"
    )
    assert transcript == ImportedTranscript(
        document="fg-bu",
        site="BU",
        language="en",
        segments=(
            ImportedSegment(
                text="a\nb",
                place="line 2",
                paragraph=11,
                speaker="B1",
                role="participant",
                section="Opening",
                external_id="s1",
                original_text="c\nd",
                original_language="lg",
            ),
            ImportedSegment(text="e", place="line 4", paragraph=11, speaker="I", role="moderator", external_id="s2"),
        ),
    )


def test_a_csv_file_needs_nothing_but_a_text() -> None:
    (transcript,) = from_csv("text\na\n\nb\n")
    assert transcript == ImportedTranscript(
        document=None,
        site=None,
        language=None,
        segments=(
            ImportedSegment(text="a", place="line 2", paragraph=None),
            ImportedSegment(text="b", place="line 4", paragraph=None),
        ),
    )


def test_rows_are_gathered_by_document_else_by_site_in_order_of_appearance() -> None:
    rows = "document,site,text\nd2,BU,a\nd1,DS,b\n,BU,c\n,,d\nd2,,e\n,BU,f\n"
    found = [(t.document, t.site, [s.text for s in t.segments]) for t in from_csv(rows)]
    assert found == [
        ("d2", "BU", ["a", "e"]),
        ("d1", "DS", ["b"]),
        (None, "BU", ["c", "f"]),
        (None, None, ["d"]),
    ]


def test_roles_follow_from_the_labels_within_each_transcript_unless_they_are_given() -> None:
    rows = "document,speaker,role,text\n1,M,,a\n1,B1,,b\n2,M,,c\n2,F,,d\n2,I,PARTICIPANT,e\n3,B1,moderator,f\n"
    found = {(t.document, s.speaker): s.role for t in from_csv(rows) for s in t.segments}
    assert found == {
        ("1", "M"): "moderator",
        ("1", "B1"): "participant",
        ("2", "M"): "participant",
        ("2", "F"): "participant",
        ("2", "I"): "participant",
        ("3", "B1"): "moderator",
    }


def test_an_external_id_comes_before_an_id() -> None:
    (transcript,) = from_csv("id,external_id,text\n1,x,a\n2,,b\n,,c\n")
    assert [segment.external_id for segment in transcript.segments] == ["x", "2", None]


def test_labels_stay_as_they_are_and_blank_ones_say_nothing() -> None:
    (transcript,) = from_csv('speaker,section,text\n" B1 ",  ,a\n')
    assert (transcript.segments[0].speaker, transcript.segments[0].section) == (" B1 ", None)


def test_cells_that_look_like_code_are_plain_text() -> None:
    texts = ["__import__('os').system('true')", "{{7*7}}", "${jndi:ldap://x}", "'; DROP TABLE codes; --", "=1+1"]
    (transcript,) = from_csv("text,speaker\n" + "".join(f'"{text}","{text}"\n' for text in texts))
    assert [segment.text for segment in transcript.segments] == texts
    assert [segment.speaker for segment in transcript.segments] == texts


@pytest.mark.parametrize("text", [MIXED, "\U0001f600", "...", "\u200d"])
def test_unusual_texts_are_unchanged(text: str) -> None:
    assert from_csv(f"text\n{text}\n")[0].segments[0].text == text
    assert from_jsonl({"text": text})[0].segments[0].text == text


@pytest.mark.parametrize(
    ("data", "error", "place"),
    [
        (b"", CsvNotAccepted, "line 1"),
        (f"1,{SECRET}\n".encode(), CsvNotAccepted, "line 1"),
        (f"id|text\n1|{SECRET}\n".encode(), CsvNotAccepted, "line 1"),
        (f"text,text\n{SECRET},a\n".encode(), CsvNotAccepted, "line 1"),
        (f"site,text,site\n{SECRET},a,b\n".encode(), CsvNotAccepted, "line 1"),
        (b"text" + b",c" * 10_000 + b"\n", CsvNotAccepted, "line 1"),
        (f"text\n{SECRET}\n".encode("utf-16"), CsvNotAccepted, "line 1"),
        (f"text\na\n\u00fc {SECRET}\n".encode("latin-1"), CsvNotAccepted, "line 3"),
        (f"text\n{SECRET}\0\n".encode(), CsvNotAccepted, "line 2"),
        (f'text\na\n"{SECRET}\nb\n'.encode(), CsvNotAccepted, "line 3"),
        (f"text\r\na\r\n{SECRET}\n".encode(), CsvNotAccepted, "line 3"),
        (f"id,text\n1,a\n{SECRET}\n".encode(), CsvNotAccepted, "line 3"),
        (b'text\n"' + SECRET.encode() * 100_000 + b'"\n', CsvNotAccepted, "line 2"),
        (b"text\n" + SECRET.encode() * 1_000 + b"\n", SegmentTooLong, "line 2, text"),
        (b"text,original_text\na," + SECRET.encode() * 1_000 + b"\n", SegmentTooLong, "line 2, original_text"),
        (f"text,site\na,b\n,{SECRET}\n".encode(), SegmentEmpty, "line 3, text"),
        (f'text,site\n" \u2028",{SECRET}\n'.encode(), SegmentEmpty, "line 2, text"),
        (f"text\n{SECRET}\x07\n".encode(), TextHasControlCharacters, "line 2, text"),
        (f"text,original_text\na,{SECRET}\x07\n".encode(), TextHasControlCharacters, "line 2, original_text"),
        (f"text,speaker\na,{SECRET}\x07\n".encode(), TextHasControlCharacters, "line 2, speaker"),
        (f'text,speaker\na,"{SECRET}\nb"\n'.encode(), FieldNotValid, "line 2, speaker"),
        (f"text,section\na,{SECRET}\x85\n".encode(), FieldNotValid, "line 2, section"),
        (f"text,site\na,{SECRET}\u2028\n".encode(), FieldNotValid, "line 2, site"),
        (b"text,document\na," + SECRET.encode() * 20 + b"\n", FieldNotValid, "line 2, document"),
        (b"text,language\na," + SECRET.encode() * 20 + b"\n", FieldNotValid, "line 2, language"),
        (b"text,id\na," + SECRET.encode() * 20 + b"\n", InvalidId, "line 2, id"),
        (f'text,external_id\na,"{SECRET}\t"\n'.encode(), InvalidId, "line 2, external_id"),
        (f"text,role\na,{SECRET}\n".encode(), FieldNotValid, "line 2, role"),
        (f"text,document,site\na,1,BU\n{SECRET},1,DS\n".encode(), FieldNotValid, "line 3, site"),
        (f"text,language\na,en\n{SECRET},de\n".encode(), FieldNotValid, "line 3, language"),
        (f"text,{SECRET}\n".encode(), FileNotAccepted, None),
        (b"text\n" + b"a\n" * limits.MAX_SEGMENTS_PER_TRANSCRIPT + b"b\n", FileNotAccepted, "line 20002"),
        (
            b"text,document\n" + b"".join(b"a,%d\n" % number for number in range(limits.MAX_TRANSCRIPTS_PER_FILE + 1)),
            FileNotAccepted,
            "line 1002",
        ),
    ],
)
def test_a_csv_file_that_cannot_be_taken_is_refused_by_its_line(
    data: bytes, error: type[Exception], place: str | None
) -> None:
    found = refusal(data, "csv")
    assert type(found) is error
    assert found.place == place


@pytest.mark.parametrize(
    "value", ["0", "-1", "1.0", " 1", "1_000", "\u0663", "2147483648", "1" * 5_000, "x", " ", "true"]
)
def test_a_paragraph_is_an_integer_from_1_on(value: str) -> None:
    error = refusal(f'text,paragraph\na,"{value}"\n'.encode(), "csv")
    assert (error.code, error.place) == ("field_not_valid", "line 2, paragraph")


def test_paragraphs_may_repeat_and_be_left_out() -> None:
    (transcript,) = from_csv("text,paragraph\na,7\nb,7\nc,\nd,2147483647\ne,003\n")
    assert [segment.paragraph for segment in transcript.segments] == [7, 7, None, 2**31 - 1, 3]


def test_as_many_transcripts_as_the_limit_says_are_taken() -> None:
    rows = "".join(f"a,{number}\n" for number in range(limits.MAX_TRANSCRIPTS_PER_FILE))
    assert len(from_csv(f"text,site\n{rows}")) == limits.MAX_TRANSCRIPTS_PER_FILE


# Jsonl


def test_coded_rows_keep_codes_and_coder_row_by_row() -> None:
    row = {
        "id": "s1",
        "text": "a",
        "document": "fg",
        "site": "BU",
        "paragraph": 11,
        "split": "train",
        "votes": {"x": 1},
    }
    (transcript,) = from_jsonl(
        {**row, "codes": ["x", "y", "x"], "coder": "A"}, {**row, "codes": [], "coder": "B"}, {**row, "codes": None}, row
    )
    assert (transcript.document, transcript.site) == ("fg", "BU")
    assert [(s.external_id, s.paragraph, s.codes, s.coder) for s in transcript.segments] == [
        ("s1", 11, ("x", "y"), "A"),
        ("s1", 11, (), "B"),
        ("s1", 11, None, None),
        ("s1", 11, None, None),
    ]


def test_integers_may_stand_for_labels_and_null_says_nothing() -> None:
    (transcript,) = from_jsonl(
        {"id": 7, "text": "a", "document": 3, "site": None, "speaker": None, "paragraph": "12", "original_text": ""}
    )
    assert transcript == ImportedTranscript(
        document="3",
        site=None,
        language=None,
        segments=(ImportedSegment(text="a", place="line 1", paragraph=12, external_id="7"),),
    )


def test_blank_lines_of_a_jsonl_file_count_for_the_place_alone() -> None:
    (transcript,) = read_transcripts(b'\n{"text": "a\\r\\nb\\rc"}\r\n\r\n{"text": "d"}', "jsonl")
    assert [(s.place, s.text) for s in transcript.segments] == [("line 2", "a\nb\nc"), ("line 4", "d")]


@pytest.mark.parametrize(
    ("line", "error", "place"),
    [
        ("not json " + SECRET, MalformedJson, "line 2"),
        (f'["{SECRET}"]', FileNotAccepted, "line 2"),
        (f'{{"text": "{SECRET}", "text": "a"}}', UnknownOrRepeatedField, "line 2"),
        (f'{{"text": "{SECRET}", "n": NaN}}', NumberNotFinite, "line 2"),
        (f'{{"text": "{SECRET}\\ud800"}}', TextNotValidUnicode, "line 2.text"),
        (f'{{"text": "{SECRET}\\u0000"}}', TextHasControlCharacters, "line 2.text"),
        (f'{{"id": "{SECRET}"}}', FieldNotValid, "line 2, text"),
        (f'{{"text": ["{SECRET}"]}}', FieldNotValid, "line 2, text"),
        (f'{{"text": "", "site": "{SECRET}"}}', SegmentEmpty, "line 2, text"),
        (f'{{"text": "a", "original_text": {{"{SECRET}": 1}}}}', FieldNotValid, "line 2, original_text"),
        ('{"text": "a", "id": true}', InvalidId, "line 2, id"),
        ('{"text": "a", "id": 1.0}', InvalidId, "line 2, id"),
        ('{"text": "a", "id": 9223372036854775808}', InvalidId, "line 2, id"),
        (f'{{"text": "a", "speaker": ["{SECRET}"]}}', FieldNotValid, "line 2, speaker"),
        ('{"text": "a", "speaker": 9223372036854775808}', FieldNotValid, "line 2, speaker"),
        (f'{{"text": "a", "coder": "{SECRET}\\n"}}', FieldNotValid, "line 2, coder"),
        (f'{{"text": "a", "role": "{SECRET}"}}', FieldNotValid, "line 2, role"),
        ('{"text": "a", "paragraph": true}', FieldNotValid, "line 2, paragraph"),
        ('{"text": "a", "paragraph": 0}', FieldNotValid, "line 2, paragraph"),
        ('{"text": "a", "paragraph": 1.0}', FieldNotValid, "line 2, paragraph"),
        (f'{{"text": "a", "codes": "{SECRET}"}}', FieldNotValid, "line 2, codes"),
        (f'{{"text": "a", "codes": ["{SECRET}", 1]}}', FieldNotValid, "line 2, codes"),
        ('{"text": "a", "codes": [""]}', FieldNotValid, "line 2, codes"),
        (json.dumps({"text": "a", "codes": [SECRET * 20]}), FieldNotValid, "line 2, codes"),
        (json.dumps({"text": "a", "codes": [SECRET] * 101}), FieldNotValid, "line 2, codes"),
        (f'{{"text": "{SECRET}", "language": "de"}}', FieldNotValid, "line 2, language"),
    ],
)
def test_a_bad_line_of_a_jsonl_file_is_refused_by_its_number(line: str, error: type[Exception], place: str) -> None:
    found = refusal(b'{"text": "good", "language": "en"}\n' + line.encode() + b"\n", "jsonl")
    assert type(found) is error
    assert found.place == place


def test_a_jsonl_file_without_a_row_is_refused() -> None:
    assert refusal(b"", "jsonl").code == "file_not_accepted"
    assert refusal(b"\n \n", "jsonl").code == "file_not_accepted"


# Any input

plain = st.characters(exclude_categories=["Cs"], exclude_characters="".join(map(chr, {*range(0x20)} - {9, 10, 13})))
texts = st.text(plain, min_size=1, max_size=100).filter(lambda text: bool(text.strip()))
labels = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), min_size=1, max_size=20).filter(
    lambda label: bool(label.strip())
)
short = settings(deadline=None)


def with_lf(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


@given(
    rows=st.lists(st.tuples(texts, labels, labels, st.integers(1, 2**31 - 1)), min_size=1, max_size=6),
    delimiter=st.sampled_from(",;\t"),
    mark=st.sampled_from([b"", codecs.BOM_UTF8]),
)
@short
def test_rows_written_as_csv_come_back(rows: Sequence[tuple[str, str, str, int]], delimiter: str, mark: bytes) -> None:
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, delimiter=delimiter, quoting=csv.QUOTE_ALL)
    writer.writerows([("text", "speaker", "id", "paragraph"), *rows])
    (transcript,) = read_transcripts(mark + buffer.getvalue().encode(), "csv")
    found = [(s.text, s.speaker, s.external_id, s.paragraph) for s in transcript.segments]
    assert found == [(with_lf(text), *others) for text, *others in rows]


@given(rows=st.lists(texts, min_size=1, max_size=6), escaped=st.booleans())
@short
def test_texts_written_as_jsonl_come_back(rows: Sequence[str], escaped: bool) -> None:
    lines = [json.dumps({"text": text}, ensure_ascii=escaped) for text in rows]
    (transcript,) = read_transcripts("\n".join(lines).encode(), "jsonl")
    assert [segment.text for segment in transcript.segments] == [with_lf(text) for text in rows]


lines_of_text = st.text(plain.filter(lambda character: character not in "\r\n"), min_size=1, max_size=60).filter(
    lambda line: bool(line.strip())
)


@given(
    rows=st.lists(lines_of_text.filter(lambda line: ":" not in line and "\uff1a" not in line and "[" not in line)),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
)
@short
def test_lines_without_labels_come_back_code_point_by_code_point(rows: Sequence[str], end: str) -> None:
    rows = [f"\u2019{row}" for row in [*rows, "last"]]  # no line begins with a number or a byte order mark
    assert turns(end.join(rows)) == [(None, row) for row in rows]


@given(turn=st.lists(lines_of_text, min_size=1, max_size=5), end=st.sampled_from(["\n", "\r\n", "\r"]))
@short
def test_the_lines_of_a_turn_come_back_code_point_by_code_point(turn: Sequence[str], end: str) -> None:
    turn = [f"\u2019{row}" for row in turn]
    assert turns(f"B1: {end.join(turn)}{end}B2: a") == [("B1", "\n".join(turn)), ("B2", "a")]


names = ["B1", "I", "M", "F1", "Anna", "mental health worker 1"]
marks = ["11 ", "[12] ", "13\t", "2147483648 ", "[00:12:05] ", "(00:12)", "#00:12:05-3#"]
others = [":", ": ", " ", "\n", "\r\n", "\n\n", "text", "\ufeff", "\u2028", "e\u0301"]
pieces = st.sampled_from([*names, *marks, *others])


@given(text=st.lists(pieces, max_size=40).map("".join))
@short
def test_however_turns_are_found_no_word_of_them_is_lost(text: str) -> None:
    with suppress(FileNotAccepted):
        segments = txt(text)
        body = "".join(segment.text for segment in segments)
        assert body.count("text") == text.count("text") - sum("text" in (s.speaker or "") for s in segments)
        assert all(segment.text.strip() and "\r" not in segment.text for segment in segments)
        numbers = [segment.paragraph for segment in segments]
        assert not any(numbers) or (all(numbers) and numbers == sorted(numbers, key=lambda number: number or 0))


@given(
    data=st.binary(max_size=300) | st.text(plain, max_size=200).map(str.encode),
    format=st.sampled_from(["txt", "csv", "jsonl"]),
)
@short
def test_any_bytes_are_read_or_refused_with_a_reason(data: bytes, format: Format) -> None:
    with suppress(InputError, MalformedJson):
        transcripts = read_transcripts(data, format)
        assert transcripts
        assert all(segment.text.strip() for transcript in transcripts for segment in transcript.segments)


keys = ["text", "id", "external_id", "paragraph", "document", "site", "speaker", "role", "section", "language"]
keys += ["original_text", "original_language", "codes", "coder", "x"]
values = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.lists(st.text(max_size=3))


@given(rows=st.lists(st.dictionaries(st.sampled_from(keys), values) | st.just({"text": "a"}), min_size=1, max_size=4))
@short
def test_any_values_of_a_row_are_read_or_refused_with_a_reason(rows: Sequence[dict[str, Any]]) -> None:
    with suppress(InputError, MalformedJson):
        assert from_jsonl(*rows)
