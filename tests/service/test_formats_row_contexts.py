"""What a file tells of what was said around its segments."""

import json
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest

from models.context import NO_CONTEXT, Context
from service.errors import FieldNotValid, InputError, SegmentTooLong, TextHasControlCharacters
from service.formats.coded_files import example_from_row, read_examples
from service.formats.coded_rows import coded_table, read_coded_rows
from service.formats.row_contexts import MOST_HELD, SpokenRow, with_contexts
from service.formats.segment_files import read_segments

Row = dict[str, Any]
SECRET = "Zwiebelturm"


@pytest.fixture(params=["jsonl", "parquet", "examples", "coded"])
def contexts_of(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[list[Row]], list[Context]]:
    """What each of the rows of a file gets as its context, in each kind of file that has rows."""

    def read(rows: list[Row]) -> list[Context]:
        path = tmp_path / f"rows.{'parquet' if request.param == 'parquet' else 'jsonl'}"
        if request.param == "parquet":
            pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), path)
            return [row.context for row in read_segments(path)]
        path.write_text("".join(json.dumps({"codes": [], **row}) + "\n" for row in rows), encoding="utf-8")
        if request.param == "examples":
            return [example.context for _, example in read_examples(path)]
        if request.param == "coded":
            return [row.context for row in read_coded_rows(path)]
        return [row.context for row in read_segments(path)]

    return read


def turns(*paragraphs: int | None, document: str | None = "BU") -> list[Row]:
    """Rows of a document with these paragraphs, whose texts are a, b, c and so on."""
    rows = [{"text": chr(ord("a") + at), "document": document, "paragraph": one} for at, one in enumerate(paragraphs)]
    return [{name: value for name, value in row.items() if value is not None} for row in rows]


CASES: dict[str, tuple[list[Row], list[tuple[str | None, str | None]]]] = {
    "paragraphs one after the other": (turns(3, 4, 5), [(None, "b"), ("a", "c"), ("b", None)]),
    "several segments of one paragraph": (turns(3, 3, 4), [(None, "b"), ("a", "c"), ("b", None)]),
    "something between": (turns(3, 5, 6), [(None, None), (None, "c"), ("b", None)]),
    "the wrong way round": (turns(5, 4, 3), [(None, None)] * 3),
    "no paragraphs": (turns(None, None, None), [(None, None)] * 3),
    "no document": (turns(1, 2, document=None), [(None, "b"), ("a", None)]),
    "another document": ([*turns(1), *turns(2, document="DS")], [(None, None)] * 2),
    "sites in the place of documents": (
        [{"text": text, "site": site, "paragraph": n} for n, (text, site) in enumerate(["aX", "bX", "cY"])],
        [(None, "b"), ("a", None), (None, None)],
    ),
    "paragraphs as texts": (
        [{"text": "a", "paragraph": "7"}, {"text": "b", "paragraph": "8"}],
        [(None, "b"), ("a", None)],
    ),
    "paragraphs that are no numbers": (
        [{"text": "a", "paragraph": "7a"}, {"text": "b", "paragraph": "VIII"}],
        [(None, None)] * 2,
    ),
    "what was said before, in the row itself": (
        [{**turns(1)[0], "context": "Why?"}, {**turns(2)[0], "text": "b", "context": "How so?"}],
        [("Why?", "b"), ("How so?", None)],
    ),
    "an empty context": ([turns(1)[0], {**turns(2)[0], "text": "b", "context": ""}], [(None, "b"), ("a", None)]),
    "rows of several coders": (
        [{**row, "id": row["text"], "coder": coder} for row in turns(1, 2, 3) for coder in ("Ada", "Ben")],
        [(None, "b")] * 2 + [("a", "c")] * 2 + [("b", None)] * 2,
    ),
}


@pytest.mark.parametrize(("rows", "expected"), CASES.values(), ids=CASES)
def test_the_rows_beside_a_row_are_its_context_where_paragraphs_say_that_nothing_lies_between(
    contexts_of: Callable[[list[Row]], list[Context]], rows: list[Row], expected: list[tuple[str | None, str | None]]
) -> None:
    assert [tuple(one) for one in contexts_of(rows)] == expected


def test_paragraphs_of_a_csv_file_and_of_a_column_of_fractions_are_numbers(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("text;paragraph;context\na;1;Why?\nb;2;\nc;;\n", encoding="utf-8")
    table = pyarrow.table({"text": ["a", "b", "c"], "paragraph": pyarrow.array([1.0, 2.0, float("nan")])})
    pyarrow.parquet.write_table(table, tmp_path / "a.parquet")
    expected = [(None, "b"), ("a", None), (None, None)]
    assert [tuple(row.context) for row in read_segments(tmp_path / "a.csv")] == [("Why?", "b"), *expected[1:]]
    assert [tuple(row.context) for row in read_segments(tmp_path / "a.parquet")] == expected


def test_a_segment_has_what_any_of_its_rows_tells_of_its_context(tmp_path: Path) -> None:
    rows = [{**row, "id": row["text"], "codes": [], "coder": "Ada"} for row in (turns(1, 2, 3)[0], turns(1, 2, 3)[2])]
    rows += [{**row, "id": row["text"], "codes": [], "coder": "Ben"} for row in turns(1, 2, 3)]
    path = tmp_path / "coded.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    table = coded_table(read_coded_rows(path), [])
    assert dict(zip(table.ids, map(tuple, table.contexts), strict=True)) == {
        "a": (None, "b"),
        "b": ("a", "c"),
        "c": ("b", None),
    }


HOSTILE: dict[str, tuple[Any, type[InputError]]] = {
    "a number": (7, FieldNotValid),
    "true": (True, FieldNotValid),
    "a list": ([SECRET], FieldNotValid),
    "an object": ({"text": SECRET}, FieldNotValid),
    "100,000 characters": (SECRET + "a" * 100_000, SegmentTooLong),
    "a control character": (f"{SECRET}\x07", TextHasControlCharacters),
}


@pytest.mark.parametrize(("context", "error"), HOSTILE.values(), ids=HOSTILE)
def test_a_context_that_is_no_text_of_a_segments_length_is_refused_with_its_place(
    tmp_path: Path, context: Any, error: type[InputError]
) -> None:
    path = tmp_path / "rows.jsonl"
    rows = [{"text": "a", "codes": []}, {"text": "b", "codes": [], "context": context}]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    for read in (lambda: list(read_segments(path)), lambda: read_examples(path), lambda: read_coded_rows(path)):
        with pytest.raises(InputError) as caught:
            read()
        assert (type(caught.value), SECRET in str(caught.value)) == (error, False)
        # What JSON may not hold at all is refused before anybody asks what it is for.
        assert caught.value.place is not None
        assert caught.value.place.startswith("line 2")


def test_an_example_of_a_request_has_what_it_says_itself() -> None:
    row = {"text": "a", "codes": [], "context": "Why?", "document": "BU", "paragraph": 3}
    assert example_from_row(row, "examples[0].").context == Context(before="Why?")
    assert example_from_row({"text": "a", "codes": []}, "examples[0].").context == NO_CONTEXT


def test_however_many_rows_one_segment_has_few_are_held() -> None:
    def rows() -> Iterator[tuple[int, SpokenRow]]:
        for number in range(100_000):
            yield number, SpokenRow("BU", "a", 1, "a", None)
        yield 100_000, SpokenRow("BU", "b", 2, "b", None)

    tracemalloc.start()
    found = [(number, context) for number, context in with_contexts(rows()) if any(context)]
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 1_000_000
    assert 1 <= len(found) - 1 <= MOST_HELD
    assert found[-1] == (100_000, Context(before="a"))
