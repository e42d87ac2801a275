"""Files of segments: what is read, and what is refused with its line and never with its contents."""

import codecs
import csv
import io
import json
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest
from hypothesis import HealthCheck, given, settings
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
    SegmentTooLong,
    TextHasControlCharacters,
    TextNotValidUnicode,
    UnknownOrRepeatedField,
)
from service.formats.segment_files import count_segments, read_segments

SECRET = "Zwiebelturm"  # stands in every refused cell, and must stand in no message

Write = Callable[[str, bytes], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write_file(name: str, data: bytes) -> Path:
        path = tmp_path / name
        path.write_bytes(data)
        return path

    return write_file


def pairs(path: Path) -> list[tuple[str | int, str]]:
    return [(row.id, row.text) for row in read_segments(path)]


def refusal(path: Path) -> InputError:
    with pytest.raises(InputError) as caught:
        list(read_segments(path))
    assert SECRET not in str(caught.value)
    return caught.value


# What is read


def test_a_jsonl_file_gives_ids_in_their_type_in_order_with_repeats(write: Write) -> None:
    path = write("a.jsonl", b'{"id": 7, "text": "a"}\n{"id": "7", "text": "b"}\n{"id": "7", "text": "b"}')
    assert pairs(path) == [(7, "a"), ("7", "b"), ("7", "b")]


def test_a_row_without_an_id_is_named_by_its_number(write: Write) -> None:
    rows = b'{"text": "a"}\n\n{"id": null, "text": "b"}\n{"id": "x", "text": "c"}\n'
    assert pairs(write("a.jsonl", rows)) == [(1, "a"), (2, "b"), ("x", "c")]
    assert pairs(write("a.csv", b"id,text\n,a\nx,b\n")) == [(1, "a"), ("x", "b")]
    assert pairs(write("b.csv", b"text\na\nb\n")) == [(1, "a"), (2, "b")]


TALK = b"Moderator: Is the bus late?\nB1: Yes,\nalways.\n\nB2: It never comes.\nModerator: Why?\nB1: Nobody says."


def test_a_plain_transcript_gives_what_participants_say_by_paragraph_between_the_turns_around(write: Write) -> None:
    rows = list(read_segments(write("a.txt", TALK)))
    assert [(row.id, row.text, row.place) for row in rows] == [
        (2, "Yes,\nalways.", "line 2"),
        (3, "It never comes.", "line 5"),
        (5, "Nobody says.", "line 7"),
    ]
    assert [tuple(row.context) for row in rows] == [
        ("Is the bus late?", "It never comes."),
        ("Yes,\nalways.", "Why?"),
        ("Why?", None),
    ]


def test_numbers_in_a_plain_transcript_are_ids_and_say_where_something_is_missing(write: Write) -> None:
    rows = list(read_segments(write("a.TXT", b"[11] B1: We wait.\n[12] B2: Often.\n[20] B1: At home.\n")))
    assert [(row.id, row.text, tuple(row.context)) for row in rows] == [
        (11, "We wait.", (None, "Often.")),
        (12, "Often.", ("We wait.", None)),
        (20, "At home.", (None, None)),
    ]


def test_a_plain_transcript_in_which_only_moderators_speak_has_no_segment(write: Write) -> None:
    assert count_segments(write("a.txt", b"Moderator: Is the bus late?\nModerator: Hello?\n")) == 0


@pytest.mark.parametrize(
    ("data", "place"),
    [
        (b" \n\n", None),
        (SECRET.encode() + b"\xff", "line 1"),
        (f"B1: We wait.\nB2: {SECRET}\0".encode(), "line 2"),
        (f"B1: We wait.\nB2: {'a' * limits.MAX_SEGMENT_CHARACTERS} {SECRET}".encode(), "line 2"),
        ((SECRET + "\n").encode() * (limits.MAX_BODY_BYTES // 10), None),
    ],
    ids=["nothing", "no UTF-8", "NUL characters", "a turn too long", "a file too long"],
)
def test_what_is_no_plain_transcript_is_refused_with_its_line(write: Write, data: bytes, place: str | None) -> None:
    assert refusal(write("a.txt", data)).place == place


def test_other_columns_and_keys_are_passed_over(write: Write) -> None:
    row = {"id": "1", "text": "a", "codes": ["x"], "anything": {"deep": [1, None]}}
    assert pairs(write("a.jsonl", json.dumps(row).encode())) == [("1", "a")]
    assert pairs(write("a.csv", b"speaker,text,id,,\nB1,a,1,,\n")) == [("1", "a")]


def test_an_empty_text_is_a_row_like_any_other(write: Write) -> None:
    assert pairs(write("a.jsonl", b'{"id": "1", "text": ""}')) == [("1", "")]
    assert pairs(write("a.csv", b'id,text\n1,\n2," "\n')) == [("1", ""), ("2", " ")]


def test_an_empty_file_has_no_rows(write: Write) -> None:
    assert pairs(write("a.jsonl", b"")) == []
    assert pairs(write("b.jsonl", b"\n  \n")) == []
    assert pairs(write("a.csv", b"id,text\n")) == []


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_the_delimiter_of_a_csv_file_is_recognised(write: Write, delimiter: str) -> None:
    path = write("a.csv", f'id{delimiter}text\n1{delimiter}"a, b; c\td"\n'.encode())
    assert pairs(path) == [("1", "a, b; c\td")]


def test_the_delimiter_is_the_one_that_makes_a_text_column(write: Write) -> None:
    assert pairs(write("a.csv", b'"age, site, role";text\nx;a\n')) == [(1, "a")]


def test_a_csv_file_may_begin_with_a_byte_order_mark(write: Write) -> None:
    assert pairs(write("a.csv", codecs.BOM_UTF8 + b"text,id\na,1\n")) == [("1", "a")]
    assert pairs(write("b.csv", codecs.BOM_UTF8 + b'"text","id"\r\n"a","1"\r\n')) == [("1", "a")]


def test_quotes_and_line_ends_within_a_csv_cell_are_kept(write: Write) -> None:
    path = write("a.csv", b'id,text\r\n1,"He said ""yes"".\nThen\r\nshe left."\r\n\r\n2,b\r\n')
    assert pairs(path) == [("1", 'He said "yes".\nThen\r\nshe left.'), ("2", "b")]


def test_the_place_of_a_csv_row_is_the_line_where_it_begins(write: Write) -> None:
    path = write("a.csv", b'id,text\n1,"a\nb"\n2,c\n')
    assert [row.place for row in read_segments(path)] == ["line 2", "line 4"]


def test_text_that_looks_like_code_is_plain_text(write: Write) -> None:
    texts = ["__import__('os').system('true')", "{{7*7}}", "${jndi:ldap://x}", "'; DROP TABLE codes; --", "=1+1"]
    path = write("a.csv", ("text\n" + "".join(f'"{text}"\n' for text in texts)).encode())
    assert [text for _, text in pairs(path)] == texts


def test_unusual_characters_are_unchanged(write: Write) -> None:
    text = "\u202e e\u0301 \u00e9 \u200d \u2028 \U0001f469\u200d\U0001f467 \ufeff tab\t end"
    assert pairs(write("a.jsonl", json.dumps({"text": text}).encode())) == [(1, text)]
    assert pairs(write("a.csv", f"text\n{text}\n".encode())) == [(1, text)]


@pytest.mark.parametrize("kind", [pyarrow.string(), pyarrow.large_string()])
def test_a_parquet_file_is_read_whatever_the_kind_of_its_text(tmp_path: Path, kind: Any) -> None:
    table = pyarrow.table(
        {"id": pyarrow.array([1, None, 3]), "text": pyarrow.array(["a", "b", ""], kind), "n": [1] * 3}
    )
    pyarrow.parquet.write_table(table, tmp_path / "a.parquet")
    assert pairs(tmp_path / "a.parquet") == [(1, "a"), (2, "b"), (3, "")]


def test_a_parquet_file_is_read_over_many_row_groups_in_order(tmp_path: Path) -> None:
    texts = [f"text {number}" for number in range(3_000)]
    table = pyarrow.table({"text": pyarrow.array(texts).dictionary_encode()})
    pyarrow.parquet.write_table(table, tmp_path / "a.parquet", row_group_size=700)
    assert pairs(tmp_path / "a.parquet") == list(enumerate(texts, start=1))


def test_the_ending_may_be_in_capitals(write: Write) -> None:
    assert pairs(write("A.JSONL", b'{"text": "a"}')) == [(1, "a")]


def test_rows_are_counted_exactly_and_checked(write: Write) -> None:
    assert count_segments(write("a.csv", b'text\n"a\nb"\nc')) == 2
    with pytest.raises(FieldNotValid):
        count_segments(write("a.jsonl", b'{"text": "a"}\n{"text": 1}\n'))


def test_a_file_is_read_row_by_row(write: Write) -> None:
    # One row further, to know what was said after.
    rows = read_segments(write("a.jsonl", b'{"text": "a"}\n{"text": "b"}\n{"text": "c"}\nbroken'))
    assert [next(rows).text, next(rows).text] == ["a", "b"]
    with pytest.raises(MalformedJson):
        next(rows)


# What is refused

JSONL_REFUSALS: list[tuple[bytes, type[InputError] | type[MalformedJson], str]] = [
    (b"not json " + SECRET.encode(), MalformedJson, "line 2"),
    (b'{"text": "' + SECRET.encode(), MalformedJson, "line 2"),
    (b'["' + SECRET.encode() + b'"]', FileNotAccepted, "line 2"),
    (b'"' + SECRET.encode() + b'"', FileNotAccepted, "line 2"),
    (codecs.BOM_UTF8 + b'{"text": "a"}', MalformedJson, "line 2"),
    ('{"text": "Grüße"}'.encode("latin-1"), MalformedJson, "line 2"),
    ('{"text": "a"}'.encode("utf-16"), MalformedJson, "line 2"),
    (b'{"text": "a\x00"}', MalformedJson, "line 2"),
    (b'{"text": "Zwiebelturm\\u0000"}', TextHasControlCharacters, "line 2"),
    (b'{"text": "Zwiebelturm\\u001b[31m"}', TextHasControlCharacters, "line 2"),
    (b'{"text": "Zwiebelturm\\ud800"}', TextNotValidUnicode, "line 2"),
    (b'{"text": "a", "id": "\\udc00"}', TextNotValidUnicode, "line 2"),
    (b'{"text": "a", "Zwiebelturm\\u0001": 1}', TextHasControlCharacters, "line 2"),
    (b'{"text": "a", "score": NaN}', NumberNotFinite, "line 2"),
    (b'{"text": "a", "score": 1e999}', NumberNotFinite, "line 2"),
    (b'{"text": "a", "text": "Zwiebelturm"}', UnknownOrRepeatedField, "line 2"),
    (b'{"id": "1"}', FieldNotValid, "line 2, text"),
    (b'{"text": null}', FieldNotValid, "line 2, text"),
    (b'{"text": ["Zwiebelturm"]}', FieldNotValid, "line 2, text"),
    (b'{"text": "a", "id": true}', InvalidId, "line 2, id"),
    (b'{"text": "a", "id": 1.0}', InvalidId, "line 2, id"),
    (b'{"text": "a", "id": ""}', InvalidId, "line 2, id"),
    (b'{"text": "a", "id": 9223372036854775808}', InvalidId, "line 2, id"),
    (b'{"text": "a", "id": "' + b"Zwiebelturm" * 30 + b'"}', InvalidId, "line 2, id"),
    (b'{"text": "a", "deep": ' + b"[" * 100 + b"]" * 100 + b"}", MalformedJson, "line 2"),
    (b'{"text": "' + b"a" * 10_001 + b'"}', SegmentTooLong, "line 2, text"),
    (b'{"text": "a", "more": "' + b"b" * limits.MAX_LINE_BYTES + b'"}', FileNotAccepted, "line 2"),
]


@pytest.mark.parametrize(("line", "error", "place"), JSONL_REFUSALS)
def test_a_bad_line_of_a_jsonl_file_is_refused_by_its_number(
    write: Write, line: bytes, error: type[Exception], place: str
) -> None:
    with pytest.raises(error) as caught:
        list(read_segments(write("a.jsonl", b'{"text": "good"}\n' + line + b"\n")))
    assert str(getattr(caught.value, "place", "")).startswith(place)
    assert SECRET not in str(caught.value)


CSV_REFUSALS: list[tuple[bytes, str]] = [
    (b"", "line 1"),
    (b"1,Zwiebelturm\n", "line 1"),  # no header
    (b"id|text\n1|Zwiebelturm\n", "line 1"),
    (b"id,text,text\n1,Zwiebelturm,a\n", "line 1"),
    (b"id,text,id\n1,Zwiebelturm,a\n", "line 1"),
    (b"text" + b",c" * 10_000 + b"\n", "line 1"),
    ("id,text\n1,a\n".encode("utf-16"), "line 1"),
    ("id,text\n1,a\n".encode("utf-16-le"), "line 1"),
    ("id,text\n1,a\n2,Grüße Zwiebelturm\n".encode("latin-1"), "line 3"),
    (b"id,text\n1,Zwiebelturm\x00\n", "line 2"),
    (b"id,text\n1,a\n2,Zwiebelturm,b\n", "line 3"),
    (b"id,text\n1,a\nZwiebelturm\n", "line 3"),
    (b'id,text\n1,"a\nb"\n2,"Zwiebelturm\n3,c\n4,d\n', "line 4"),  # the quote that is never closed begins there
    (b'id,text\n1,"Zwiebel"turm\n', "line 2"),
    (b"id,text\n1,Zwiebelturm\rab\n", "line 2"),
    (b"id,text\r\n1,a\r\n2,Zwiebelturm\n", "line 3"),  # the lines end in different ways
    (b"id,text\n1,a\n2,Zwiebelturm\r\n", "line 3"),
    (b'id,text\n1,"' + b"Zwiebelturm " * 20_000 + b'"\n', "line 2"),
    (b'id,text\n1,"' + b"Zwiebelturm\n" * 20_000 + b'"\n', "line 2"),
    (b'id,text\n1,"' + b"Zwiebelturm " * 200_000 + b'"\n', "line 2"),
]


@pytest.mark.parametrize(("data", "place"), CSV_REFUSALS)
def test_a_csv_file_that_leaves_doubt_is_refused_by_its_line(write: Write, data: bytes, place: str) -> None:
    error = refusal(write("a.csv", data))
    assert isinstance(error, CsvNotAccepted)
    assert error.place == place


def test_a_control_character_in_a_csv_cell_is_refused_by_its_line(write: Write) -> None:
    error = refusal(write("a.csv", b"id,text\n1,a\n2,Zwiebelturm\x1b\n"))
    assert isinstance(error, TextHasControlCharacters)
    assert error.place == "line 3, text"


def test_a_segment_of_10001_characters_is_refused_and_one_of_10000_is_not(write: Write) -> None:
    assert [len(text) for _, text in pairs(write("a.csv", b"text\n" + b"a" * 10_000 + b"\n"))] == [10_000]
    error = refusal(write("b.csv", b"text\n" + b"a" * 10_001 + b"\n"))
    assert isinstance(error, SegmentTooLong)
    assert error.place == "line 2, text"


def parquet(path: Path, columns: dict[str, Any]) -> Path:
    pyarrow.parquet.write_table(pyarrow.table(columns), path)
    return path


def test_a_parquet_file_is_refused_by_its_row(tmp_path: Path) -> None:
    error = refusal(parquet(tmp_path / "a.parquet", {"text": ["a", None, SECRET]}))
    assert (error.code, error.place) == ("field_not_valid", "row 2, text")
    error = refusal(parquet(tmp_path / "b.parquet", {"text": ["a", f"{SECRET}\x00"]}))
    assert (error.code, error.place) == ("text_has_control_characters", "row 2, text")
    error = refusal(parquet(tmp_path / "c.parquet", {"text": ["a"], "id": pyarrow.array([2**63], pyarrow.uint64())}))
    assert (error.code, error.place) == ("invalid_id", "row 1, id")
    error = refusal(parquet(tmp_path / "d.parquet", {"text": ["a"], "id": [1.5]}))
    assert (error.code, error.place) == ("invalid_id", "row 1, id")
    error = refusal(parquet(tmp_path / "e.parquet", {"text": [SECRET.encode()]}))
    assert (error.code, error.place) == ("field_not_valid", "row 1, text")


def test_a_parquet_file_without_one_text_column_is_refused(tmp_path: Path) -> None:
    assert refusal(parquet(tmp_path / "a.parquet", {"words": [SECRET]})).code == "file_not_accepted"
    twice = pyarrow.Table.from_arrays([pyarrow.array(["a"])] * 2, names=["text", "text"])
    pyarrow.parquet.write_table(twice, tmp_path / "b.parquet")
    assert refusal(tmp_path / "b.parquet").code == "file_not_accepted"


def test_a_parquet_text_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    raw = pyarrow.array([b"a", SECRET.encode() + b"\xff"], pyarrow.binary())
    broken = pyarrow.Array.from_buffers(pyarrow.string(), 2, raw.buffers())
    assert refusal(parquet(tmp_path / "a.parquet", {"text": broken})).code == "file_not_accepted"


@pytest.mark.parametrize("data", [b"", b"PAR1", b"PAR1" + b"\xff" * 100 + b"PAR1", b"id,text\n1,a\n"])
def test_what_only_looks_like_a_parquet_file_is_refused(write: Write, data: bytes) -> None:
    assert refusal(write("a.parquet", data)).code == "file_not_accepted"


def test_a_parquet_file_that_was_cut_off_is_refused(tmp_path: Path) -> None:
    path = parquet(tmp_path / "a.parquet", {"text": ["a" * 100] * 100})
    path.write_bytes(path.read_bytes()[:-20])
    assert refusal(path).code == "file_not_accepted"


@pytest.mark.parametrize("name", ["a.text", "a.docx", "a", "jsonl", "a.jsonl.gz"])
def test_another_ending_is_refused(write: Write, name: str) -> None:
    assert refusal(write(name, b'{"text": "a"}')).code == "file_not_accepted"


def test_what_is_no_plain_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jsonl")
    (tmp_path / "folder.csv").mkdir()
    for name in ("pipe.jsonl", "folder.csv", "absent.parquet"):
        assert refusal(tmp_path / name).code == "file_not_accepted"


# Round trips

texts = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="".join(map(chr, {*range(0x20)} - {9, 10, 13}))),
    max_size=200,
)
plain_ids = texts.filter(lambda text: 0 < len(text) <= limits.MAX_LABEL_CHARACTERS)
number_ids = st.integers(-limits.MAX_INTEGER, limits.MAX_INTEGER)
quiet = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


@given(rows=st.lists(st.tuples(plain_ids | number_ids, texts), max_size=8), escaped=st.booleans())
@quiet
def test_rows_written_as_jsonl_come_back(tmp_path: Path, rows: Sequence[tuple[str | int, str]], escaped: bool) -> None:
    path = tmp_path / "a.jsonl"
    lines = [json.dumps({"text": text, "id": id_}, ensure_ascii=escaped) for id_, text in rows]
    path.write_bytes("\n".join(lines).encode())
    assert pairs(path) == list(rows)


@given(
    rows=st.lists(st.tuples(plain_ids, texts), max_size=8),
    delimiter=st.sampled_from(",;\t"),
    mark=st.sampled_from([b"", codecs.BOM_UTF8]),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
)
@quiet
def test_rows_written_as_csv_come_back(
    tmp_path: Path, rows: Sequence[tuple[str, str]], delimiter: str, mark: bytes, quoting: Any
) -> None:
    path = tmp_path / "a.csv"
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, delimiter=delimiter, quoting=quoting)
    writer.writerows([("id", "text"), *rows])
    path.write_bytes(mark + buffer.getvalue().encode())
    assert pairs(path) == list(rows)


@given(rows=st.lists(st.tuples(plain_ids, texts), max_size=8))
@quiet
def test_rows_written_as_parquet_come_back(tmp_path: Path, rows: Sequence[tuple[str, str]]) -> None:
    path = tmp_path / "a.parquet"
    schema = pyarrow.schema({"id": pyarrow.string(), "text": pyarrow.string()})
    table = pyarrow.Table.from_pylist([{"id": id_, "text": text} for id_, text in rows], schema=schema)
    pyarrow.parquet.write_table(table, path)
    assert pairs(path) == list(rows)


@given(data=st.binary(max_size=300), ending=st.sampled_from([".jsonl", ".csv", ".parquet", ".txt"]))
@quiet
def test_any_bytes_are_read_or_refused_with_a_reason(tmp_path: Path, data: bytes, ending: str) -> None:
    path = tmp_path / f"a{ending}"
    path.write_bytes(data)
    with suppress(InputError, MalformedJson):
        assert all(isinstance(row.text, str) for row in read_segments(path))
