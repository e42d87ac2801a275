"""The coding tree: what it says, which trees are refused and where, and its JSON form."""

import json
import sys
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.codebook import (
    BUILT_IN,
    MAX_CODES,
    MAX_DEPTH,
    MAX_DESCRIPTION_CHARACTERS,
    MAX_GLOSSARY_ENTRIES,
    MAX_NAME_CHARACTERS,
    MAX_SPELT_OUT,
    Code,
    Codebook,
    built_in_codebook,
    codebook_from_json,
)
from models.errors import (
    CodebookNotAccepted,
    CodebookTooLarge,
    CodeCycle,
    CodeIdRepeated,
    CodeNameTooSimilar,
    CodeParentUnknown,
    CodePathRepeated,
)

Row = dict[str, Any]


def row(id: str, parent: str | None = None, **fields: Any) -> Row:
    return {"id": id, "name": f"Name of {id}", "parent": parent, **fields}


def tree(*rows: Row, **fields: Any) -> dict[str, Any]:
    return {"name": "Study", "codes": list(rows), **fields}


def chain(depth: int) -> list[Row]:
    return [row(f"c{level}", f"c{level - 1}" if level else None) for level in range(depth)]


def refusal(document: object) -> CodebookNotAccepted:
    with pytest.raises(CodebookNotAccepted) as caught:
        codebook_from_json(document)
    return caught.value


def glossed(**glossary: str) -> Codebook:
    return Codebook(id="b", name="B", codes=[Code(id="a", name="A")], glossary=glossary)


# ---------------------------------------------------------------- the model study


def test_upsides_has_the_shape_of_table_2() -> None:
    book = built_in_codebook("upsides")
    by_level = [sum(book.level(code.id) == level for code in book.codes) for level in (1, 2, 3, 4)]
    assert by_level == [4, 12, 5, 0]
    assert len(book.leaves) == len(book.active_leaves) == 15


def test_upsides_credits_the_paper_and_says_whose_the_definitions_are() -> None:
    attribution = built_in_codebook("upsides").further["attribution"]
    for part in ("Krumm", "BMC Psychiatry", "10.1186/s12888-022-04206-5", "CC BY 4.0", "not by the authors"):
        assert part in attribution


def test_upsides_equals_the_coding_tree_of_the_evaluation_data(evaldata: Path) -> None:
    rows = json.loads((evaldata / "upsides" / "codebook.json").read_text(encoding="utf-8"))["codes"]
    fields = ("id", "name", "parent", "description")
    book = built_in_codebook("upsides")
    assert [tuple(getattr(code, field) for field in fields) for code in book.codes] == [
        tuple(one[field] for field in fields) for one in rows
    ]
    assert {code.id for code in book.leaves} == {one["id"] for one in rows if one["leaf"]}
    assert all([step.id for step in book.path(one["id"])] == one["path"] for one in rows)


def test_every_codebook_of_the_evaluation_data_loads(evaldata: Path) -> None:
    files = sorted(evaldata.glob("*/codebook.json"))
    assert len(files) >= 6
    for file in files:
        document = json.loads(file.read_text(encoding="utf-8"))
        assert [code.id for code in codebook_from_json(document).codes] == [one["id"] for one in document["codes"]]


def test_an_id_that_is_not_built_in_is_a_key_error() -> None:
    assert BUILT_IN == ("upsides",)
    for unknown in ("nope", "../codebooks/upsides", ""):
        with pytest.raises(KeyError):
            built_in_codebook(unknown)


# ---------------------------------------------------------------- the tree


def test_a_path_leads_from_the_theme_to_the_code() -> None:
    book = codebook_from_json(tree(row("leaf", "sub"), row("sub", "theme"), row("theme")))
    assert [code.id for code in book.path("leaf")] == ["theme", "sub", "leaf"]
    assert [book.level(code_id) for code_id in ("theme", "sub", "leaf")] == [1, 2, 3]
    assert "leaf" in book
    assert "nope" not in book
    assert book["sub"].parent == "theme"
    with pytest.raises(KeyError):
        book.path("nope")


def test_children_stand_in_the_order_of_the_codebook() -> None:
    book = codebook_from_json(tree(row("b"), row("b2", "b"), row("a"), row("b1", "b")))
    assert [code.id for code in book.children[None]] == ["b", "a"]
    assert [code.id for code in book.children["b"]] == ["b2", "b1"]
    assert [code.id for code in book.leaves] == ["b2", "a", "b1"]


def test_a_leaf_that_is_retired_or_lies_below_a_retired_code_is_not_active() -> None:
    book = codebook_from_json(
        tree(
            row("on"),
            row("kept", "on"),
            row("retired", "on", active=False),
            row("off", active=False),
            row("sub", "off"),
            row("deep", "sub"),
        )
    )
    assert [code.id for code in book.leaves] == ["kept", "retired", "deep"]
    assert [code.id for code in book.active_leaves] == ["kept"]


# ---------------------------------------------------------------- refused trees (C3, C4)


def test_a_parent_that_is_not_there_is_refused_with_its_place() -> None:
    error = refusal(tree(row("a"), row("b", "nope")))
    assert (type(error), error.code, error.places) == (
        CodeParentUnknown,
        "code_parent_unknown",
        ("codes[1].parent",),
    )


def test_two_codes_with_one_id_are_refused_with_both_places() -> None:
    error = refusal(tree(row("a"), row("b"), row("a", name="Other")))
    assert (type(error), error.code, error.places) == (CodeIdRepeated, "code_id_repeated", ("codes[0]", "codes[2]"))


@pytest.mark.parametrize("length", [1, 2, 3, 10])
def test_a_cycle_is_refused_naming_the_codes_in_it(length: int) -> None:
    rows = [row(f"c{at}", f"c{(at + 1) % length}") for at in range(length)]
    error = refusal(tree(row("innocent"), *rows))
    assert (type(error), error.code) == (CodeCycle, "code_cycle")
    assert set(error.places) == {f"codes[{at + 1}]" for at in range(length)}


@pytest.mark.parametrize("tail", [1, 3, 30])
def test_a_chain_that_runs_into_a_cycle_names_the_cycle_and_not_the_chain(tail: int) -> None:
    rows = [row(f"t{at}", f"t{at + 1}") for at in range(tail)]
    cycle = [row(f"t{tail}", "x"), row("x", "y"), row("y", f"t{tail}")]
    error = refusal(tree(*rows, *cycle))
    assert type(error) is CodeCycle
    assert set(error.places) == {f"codes[{tail + at}]" for at in range(3)}


def test_a_cycle_of_all_codes_names_only_as_many_as_people_read() -> None:
    rows = [row(f"c{at}", f"c{(at + 1) % MAX_CODES}") for at in range(MAX_CODES)]
    error = refusal(tree(*rows))
    assert type(error) is CodeCycle
    assert len(error.places) == MAX_DEPTH


def test_a_tree_of_ten_levels_is_accepted_and_one_of_eleven_refused() -> None:
    book = codebook_from_json(tree(*chain(MAX_DEPTH)))
    assert book.level("c9") == MAX_DEPTH == 10
    error = refusal(tree(*chain(MAX_DEPTH + 1)))
    assert (type(error), error.code, error.places) == (CodebookTooLarge, "codebook_too_large", ("codes[10]",))


def test_the_first_code_that_lies_too_deep_is_named_whatever_the_order() -> None:
    rows = list(reversed(chain(MAX_DEPTH + 5)))
    assert refusal(tree(*rows)).places == (f"codes[{[one['id'] for one in rows].index('c10')}]",)


def test_2000_codes_are_accepted_and_2001_refused() -> None:
    rows = [row(f"c{at}", f"c{at - 1}" if at % MAX_DEPTH else None) for at in range(MAX_CODES + 1)]
    book = codebook_from_json(tree(*rows[:MAX_CODES]))
    assert len(book.codes) == MAX_CODES == 2_000
    error = refusal(tree(*rows))
    assert (type(error), error.code, error.places) == (CodebookTooLarge, "codebook_too_large", ("codes",))
    with pytest.raises(CodebookTooLarge):
        Codebook(id="b", name="B", codes=[*book.codes, Code(id="more", name="More")])


def test_two_codes_with_one_path_are_refused_with_both_places() -> None:
    error = refusal(tree(row("t"), row("a", "t", name="Cost"), row("b", "t", name="Cost")))
    assert (type(error), error.code, error.places) == (
        CodePathRepeated,
        "code_path_repeated",
        ("codes[1]", "codes[2]"),
    )


def test_one_name_below_two_parents_is_accepted() -> None:
    book = codebook_from_json(tree(row("s"), row("t"), row("a", "s", name="Cost"), row("b", "t", name="Cost")))
    assert [code.name for code in book.leaves] == ["Cost", "Cost"]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param("Caf\u00e9", "Cafe\u0301", id="NFC and NFD"),
        pytest.param("Access", "ACCESS", id="case"),
        pytest.param("Stra\u00dfe", "STRASSE", id="case fold"),
        pytest.param("Access", "  Access\t", id="trim"),
        pytest.param("Access to care", "Access  to\u00a0care", id="white space within"),
        pytest.param("Access", "Acc\u200bess", id="zero-width space"),
        pytest.param("Access", "Acc\u200dess\ufeff", id="zero-width joiner and byte order mark"),
        pytest.param("Access", "\u202eAccess\u202c", id="right-to-left override"),
        pytest.param("Access", "Acc\u00adess", id="soft hyphen"),
        pytest.param("Access", "Access\ufe0f", id="variation selector"),
        pytest.param("Access", "Acc\u034fess", id="grapheme joiner"),
        pytest.param("Access", "Access\u3164", id="Hangul filler"),
        pytest.param("Access", "\uff21\uff43\uff43\uff45\uff53\uff53", id="full-width"),
        pytest.param("access", "\U0001d400ccess", id="mathematical capital"),
        pytest.param("tel", "\u2121", id="a sign that stands for capitals"),
        pytest.param("Caf\u00e9", "CAFE\u200b\u0301", id="several at once"),
    ],
)
def test_siblings_whose_names_look_alike_are_refused_with_both_places(one: str, other: str) -> None:
    for first, second in ((one, other), (other, one)):
        error = refusal(tree(row("t"), row("a", "t", name=first), row("x", "t"), row("b", "t", name=second)))
        assert (type(error), error.code, error.places) == (
            CodeNameTooSimilar,
            "code_name_too_similar",
            ("codes[1]", "codes[3]"),
        )


@pytest.mark.parametrize(("one", "other"), [("Cost", "Costs"), ("Cafe", "Caf\u00e9"), ("A b", "Ab"), ("-", "--")])
def test_siblings_whose_names_people_can_tell_apart_are_accepted(one: str, other: str) -> None:
    assert len(codebook_from_json(tree(row("a", name=one), row("b", name=other))).codes) == 2


def test_no_refusal_quotes_the_codebook() -> None:
    secret = "Zwiebelturm"
    documents = [
        tree(row(secret), row(secret)),
        tree(row("a", secret)),
        tree(row("a", name=secret), row("b", name=secret)),
        tree(row("a", name=secret), row("b", name=secret.upper())),
        tree(row("a", active=secret)),
        tree(row("a", name=secret * MAX_NAME_CHARACTERS)),
        tree(row("a"), glossary={secret: 1}),
        tree(row(secret, secret)),
    ]
    for document in documents:
        error = refusal(document)
        assert secret not in f"{error} {error.places}"


@pytest.mark.parametrize("shape", ["chain", "cycle", "wide", "levels"])
def test_checking_the_largest_tree_takes_no_more_steps_than_some_per_code(shape: str) -> None:
    parents: dict[str, Callable[[int], str | None]] = {
        "chain": lambda at: f"c{at + 1}" if at + 1 < MAX_CODES else None,
        "cycle": lambda at: f"c{(at + 1) % MAX_CODES}",
        "wide": lambda at: "c0" if at else None,
        "levels": lambda at: f"c{at - 1}" if at % MAX_DEPTH else None,
    }
    codes = [Code(id=f"c{at}", name=f"{at}", parent=parents[shape](at)) for at in range(MAX_CODES)]

    def build() -> None:
        try:
            book = Codebook(id="b", name="B", codes=codes)
        except CodebookNotAccepted:
            return
        assert len(book.active_leaves) == len([leaf for leaf in book.leaves if len(book.path(leaf.id)) <= MAX_DEPTH])

    assert _lines_run(build) < 200 * MAX_CODES


def _lines_run(work: Callable[[], None]) -> int:
    """How many lines of Python ran: a measure of work that does not depend on the machine."""
    lines = 0

    def count(_frame: object, event: str, _argument: object) -> Any:
        nonlocal lines
        lines += event == "line"
        return count

    before = sys.gettrace()
    sys.settrace(count)
    try:
        work()
    finally:
        sys.settrace(before)
    return lines


# ---------------------------------------------------------------- fields


@pytest.mark.parametrize(
    ("document", "place"),
    [
        ([], ()),
        ("upsides", ()),
        (None, ()),
        ({}, ("codes",)),
        ({"codes": []}, ("codes",)),
        ({"codes": {}}, ("codes",)),
        (tree(row("a"), id=3), ("id",)),
        (tree(row("a"), id="x" * 201), ("id",)),
        ({"codes": [row("a")], "name": ["x"]}, ("name",)),
        ({"codes": [row("a")], "name": "x" * 201}, ("name",)),
        ({"codes": ["a"]}, ("codes[0]",)),
        ({"codes": [row("a"), None]}, ("codes[1]",)),
        ({"codes": [{"name": "A"}]}, ("codes[0].id",)),
        ({"codes": [{"id": "a"}]}, ("codes[0].name",)),
        (tree(row("a"), {"id": "b", "name": None}), ("codes[1].name",)),
        (tree({"id": 7, "name": "A"}), ("codes[0].id",)),
        (tree({"id": "", "name": "A"}), ("codes[0].id",)),
        (tree({"id": "a", "name": " \t"}), ("codes[0].name",)),
        (tree({"id": "a", "name": "\u200b\ufeff"}), ("codes[0].name",)),
        (tree({"id": "x" * 201, "name": "A"}), ("codes[0].id",)),
        (tree({"id": "a", "name": "x" * (MAX_NAME_CHARACTERS + 1)}), ("codes[0].name",)),
        (tree(row("a", description=["x"])), ("codes[0].description",)),
        (tree(row("a", description="x" * (MAX_DESCRIPTION_CHARACTERS + 1))), ("codes[0].description",)),
        (tree(row("a", include=1)), ("codes[0].include",)),
        (tree(row("a", exclude=False)), ("codes[0].exclude",)),
        (tree(row("a", colour=16711680)), ("codes[0].colour",)),
        (tree(row("a", active="yes")), ("codes[0].active",)),
        (tree(row("a", active=1)), ("codes[0].active",)),
        (tree(row("a", active=None)), ("codes[0].active",)),
        (tree({"id": "a", "name": "A", "parent": 0}), ("codes[0].parent",)),
        (tree({"id": "a", "name": "A", "parent": ""}), ("codes[0].parent",)),
        (tree(row("a"), glossary=[]), ("glossary",)),
        (tree(row("a"), glossary={"a": 1}), ("glossary[0]",)),
        (tree(row("a"), glossary={"a": "b", "": "c"}), ("glossary[1]",)),
        (tree(row("a"), glossary={"a": " "}), ("glossary[0]",)),
        (tree(row("a"), glossary={f"a{at}": "b" for at in range(MAX_GLOSSARY_ENTRIES + 1)}), ("glossary",)),
    ],
)
def test_a_field_of_the_wrong_kind_is_refused_with_its_place(document: object, place: tuple[str, ...]) -> None:
    error = refusal(document)
    assert (type(error), error.code, error.places) == (CodebookNotAccepted, "codebook_not_accepted", place)


def test_what_a_codebook_may_leave_out() -> None:
    book = codebook_from_json({"codes": [{"id": "a", "name": "A"}]})
    assert (book.id, book.name, book.glossary, book.further) == ("inline", "", {}, {})
    assert book["a"] == Code(id="a", name="A")
    assert codebook_from_json({"codes": [{"id": "a", "name": "A"}]}, default_id="file").id == "file"
    nothing = {"description": None, "include": None, "exclude": None, "colour": None, "parent": None}
    given = {"id": None, "name": None, "glossary": None, "codes": [{"id": "a", "name": "A", **nothing}]}
    assert codebook_from_json(given)["a"] == Code(id="a", name="A")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
FIELDS = ("id", "name", "description", "include", "exclude", "parent", "colour", "active", "memo")
ANY_CODE = JSON | st.dictionaries(st.sampled_from(FIELDS), JSON | st.sampled_from(["a", "b", "A"]))
ANY_CODEBOOK = JSON | st.fixed_dictionaries(
    {"codes": JSON | st.lists(ANY_CODE | st.builds(row, st.sampled_from("abc"), st.sampled_from("abcd") | st.none()))},
    optional={"id": JSON, "name": JSON, "glossary": JSON | st.dictionaries(st.text(max_size=3), JSON), "version": JSON},
)


@given(ANY_CODEBOOK)
def test_any_json_is_either_a_codebook_or_refused_with_a_reason(document: Any) -> None:
    try:
        book = codebook_from_json(document)
    except CodebookNotAccepted:
        error = refusal(document)
        assert str(error)
        assert error.places or not isinstance(document, dict)
    else:
        assert all(book.path(leaf.id)[-1] == leaf for leaf in book.leaves)
        assert len(book.version) == 16


# ---------------------------------------------------------------- JSON and version

KEYS = st.text(max_size=10).filter(lambda key: key not in {*FIELDS, "codes", "glossary", "version"})
TEXTS = st.text(max_size=20)


@st.composite
def codebooks(draw: st.DrawFn) -> dict[str, Any]:
    count = draw(st.integers(1, 8))
    rows: list[Row] = []
    for at in range(count):
        parents = [one["id"] for one in rows]
        fields = draw(st.fixed_dictionaries({}, optional={"description": TEXTS, "include": TEXTS, "exclude": TEXTS}))
        further = draw(st.dictionaries(KEYS, JSON, max_size=2))
        parent = draw(st.sampled_from([None, *parents]))
        rows.append(
            {**further, **fields, "id": f"{draw(st.text(max_size=5))}{at}", "name": f"{at}. name", "parent": parent}
            | draw(st.fixed_dictionaries({}, optional={"active": st.booleans(), "colour": st.just("#ff0000")}))
        )
    glossary = draw(st.dictionaries(st.text("ABC-. ", min_size=1).filter(str.strip), st.just("long"), max_size=3))
    return draw(st.dictionaries(KEYS, JSON, max_size=2)) | {
        "id": draw(TEXTS),
        "name": draw(TEXTS),
        "glossary": glossary,
        "codes": draw(st.permutations(rows)),
    }


@given(codebooks())
def test_a_codebook_survives_its_json_form_with_all_that_it_says(document: dict[str, Any]) -> None:
    book = codebook_from_json(document)
    written = json.loads(json.dumps(book.to_json()))
    again = codebook_from_json(written)
    assert (again.id, again.name, again.codes, again.glossary, again.further) == (
        book.id,
        book.name,
        book.codes,
        book.glossary,
        book.further,
    )
    assert again.to_json() == book.to_json()
    assert again.version == book.version
    for code, given_row in zip(book.codes, document["codes"], strict=True):
        assert code.further == {key: value for key, value in given_row.items() if key not in {*FIELDS} - {"memo"}}


RICH: dict[str, Any] = {
    "id": "b",
    "name": "Book",
    "glossary": {"PSW": "peer support worker"},
    "further": 1,
    "codes": [
        row("t", memo="m"),
        {
            "id": "a",
            "name": "A",
            "parent": "t",
            "description": "d",
            "include": "i",
            "exclude": "e",
            "colour": "#f00",
            "active": True,
        },
        row("s"),
    ],
}


def _set(*path: Any, to: Any) -> dict[str, Any]:
    changed = json.loads(json.dumps(RICH))
    at = changed
    for step in path[:-1]:
        at = at[step]
    at[path[-1]] = to
    return dict(changed)


@pytest.mark.parametrize(
    "changed",
    [
        _set("id", to="c"),
        _set("name", to="Other"),
        _set("glossary", to={}),
        _set("glossary", "PSW", to="peer worker"),
        _set("further", to=2),
        _set("new", to=None),
        _set("codes", 0, "memo", to="n"),
        _set("codes", 1, "id", to="aa"),
        _set("codes", 1, "name", to="B"),
        _set("codes", 1, "parent", to="s"),
        _set("codes", 1, "parent", to=None),
        _set("codes", 1, "description", to="D"),
        _set("codes", 1, "include", to=""),
        _set("codes", 1, "exclude", to="i"),
        _set("codes", 1, "colour", to=None),
        _set("codes", 1, "active", to=False),
        _set("codes", to=[RICH["codes"][2], *RICH["codes"][:2]]),
        _set("codes", to=RICH["codes"][:2]),
    ],
)
def test_the_version_changes_with_whatever_the_codebook_says(changed: dict[str, Any]) -> None:
    assert codebook_from_json(changed).version != codebook_from_json(RICH).version


def test_the_version_depends_neither_on_the_order_of_keys_nor_on_what_is_said_without_need() -> None:
    version = codebook_from_json(RICH).version
    rows = [dict(reversed(one.items())) for one in RICH["codes"]]
    assert codebook_from_json(dict(reversed(({**RICH, "codes": rows}).items()))).version == version
    assert codebook_from_json(_set("codes", 2, "description", to="")).version == version
    assert codebook_from_json(_set("codes", 2, "active", to=True)).version == version


def test_a_version_that_is_given_is_passed_over() -> None:
    book = codebook_from_json({**RICH, "version": "0123456789abcdef"})
    assert book.version == codebook_from_json(RICH).version != "0123456789abcdef"
    assert "version" not in book.to_json()


# ---------------------------------------------------------------- glossary


@pytest.mark.parametrize(
    ("text", "spelt_out"),
    [
        ("A PSW came.", "A peer support worker came."),
        ("PSWs and MHWs", "peer support workers and mental health workers"),
        ("the PSW's role, the PSWs' roles", "the peer support worker's role, the peer support workers' roles"),
        ("PSW", "peer support worker"),
        ("(PSW/MHW)-PSW,PSW", "(peer support worker/mental health worker)-peer support worker,peer support worker"),
        ("\u201cPSW\u201d\nPSW\u2019s", "\u201cpeer support worker\u201d\npeer support worker\u2019s"),
        ("psw Psw PSWX XPSW PSW2 PSW_ PSWss", "psw Psw PSWX XPSW PSW2 PSW_ PSWss"),
        ("\u00e4PSW PSW\u00e4", "\u00e4PSW PSW\u00e4"),
        ("nothing to do", "nothing to do"),
        ("", ""),
    ],
)
def test_abbreviations_are_spelt_out_as_whole_words(text: str, spelt_out: str) -> None:
    assert glossed(PSW="peer support worker", MHW="mental health worker").spell_out(text) == spelt_out


def test_the_longest_abbreviation_wins() -> None:
    book = Codebook(
        id="b",
        name="B",
        codes=[Code(id="a", name="A")],
        glossary={"PS": "peer support", "PS W": "peer worker", "PSWs": "the workers", "PSW": "peer support worker"},
    )
    assert book.spell_out("PS, PS W, PSW, PSWs") == "peer support, peer worker, peer support worker, the workers"


@pytest.mark.parametrize("short", ["e.g.", "A&E", "C++", "(x)", "a|b", "\\d", "^", "$", "[a]", "O*"])
def test_abbreviations_are_words_and_not_patterns(short: str) -> None:
    book = Codebook(id="b", name="B", codes=[Code(id="a", name="A")], glossary={short: r"long \1 \g<0>"})
    assert book.spell_out(f"so {short}, and 1a b x") == r"so long \1 \g<0>, and 1a b x"


def test_what_is_spelt_out_is_not_spelt_out_again() -> None:
    assert glossed(A="B B", B="A A").spell_out("A B") == "B B A A"


@given(st.text("PSW MH's.-\u00e9\u0301\u200b", max_size=40))
def test_a_text_without_an_abbreviation_is_left_as_it_is(text: str) -> None:
    assert glossed(QQQ="never").spell_out(text) == text
    assert glossed().spell_out(text) == text


def test_spelling_out_cannot_blow_a_text_up() -> None:
    spelt_out = glossed(a="x" * MAX_NAME_CHARACTERS).spell_out("a " * 5_000)
    assert len(spelt_out) <= 10_000 + MAX_SPELT_OUT * MAX_NAME_CHARACTERS
    assert spelt_out.count("a") == 5_000 - MAX_SPELT_OUT


def test_normal_forms_of_one_name_make_one_look_but_keep_their_text() -> None:
    decomposed = unicodedata.normalize("NFD", "Caf\u00e9")
    assert codebook_from_json(tree(row("a", name=decomposed)))["a"].name == decomposed
