"""Codebooks that come with a request, and the one that ships with the product."""

import unicodedata
from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient

ProblemOf = Callable[[Any], dict[str, Any]]
Suggest = Callable[..., Any]
Code = dict[str, Any]


def code(code_id: str, name: str | None = None, parent: str | None = None, **further: Any) -> Code:
    return {"id": code_id, "name": f"Canary {code_id}" if name is None else name, "parent": parent, **further}


def chain(length: int) -> list[Code]:
    return [code(f"c{level}", parent=f"c{level - 1}" if level else None) for level in range(length)]


TREES: dict[str, tuple[list[Any], str, str]] = {
    "a parent that is not there": ([code("a", parent="canary")], "code_parent_unknown", "codes[0].parent"),
    "a parent under another name": ([code("a"), code("b", parent="A")], "code_parent_unknown", "codes[1].parent"),
    "its own parent": ([code("a", parent="a")], "code_cycle", "codes[0]"),
    "a cycle of two": ([code("a", parent="b"), code("b", parent="a")], "code_cycle", "codes[0], codebook.codes[1]"),
    "a cycle of three": (
        [code("a", parent="c"), code("b", parent="a"), code("c", parent="b")],
        "code_cycle",
        "codes[0], codebook.codes[2], codebook.codes[1]",
    ),
    "eleven levels": (chain(11), "codebook_too_large", "codes[10]"),
    "a thousand levels": (chain(1_000), "codebook_too_large", "codes[10]"),
    "2,001 codes": ([code(f"c{number}") for number in range(2_001)], "codebook_too_large", "codes"),
    "no codes": ([], "codebook_not_accepted", "codes"),
    "one id twice": (
        [code("a"), code("b"), code("a", "Another canary")],
        "code_id_repeated",
        "codes[0], codebook.codes[2]",
    ),
    "one path twice": (
        [code("t", "Canary"), code("a", "Canary", "t"), code("b", "Canary", "t")],
        "code_path_repeated",
        "codes[1], codebook.codes[2]",
    ),
    "a code that is a text": ([code("a"), "canary"], "codebook_not_accepted", "codes[1]"),
    "a code that is nothing": ([None], "codebook_not_accepted", "codes[0]"),
    "no id": ([{"name": "Canary"}], "codebook_not_accepted", "codes[0].id"),
    "an id that is a number": ([{"id": 1, "name": "Canary"}], "codebook_not_accepted", "codes[0].id"),
    "an empty id": ([code("")], "codebook_not_accepted", "codes[0].id"),
    "an id of 201 characters": ([code("c" * 201)], "codebook_not_accepted", "codes[0].id"),
    "no name": ([{"id": "canary"}], "codebook_not_accepted", "codes[0].name"),
    "a name of spaces": ([code("canary", " \t ")], "codebook_not_accepted", "codes[0].name"),
    "a name of 201 characters": ([code("a", "c" * 201)], "codebook_not_accepted", "codes[0].name"),
    "a definition of 10,001 characters": (
        [code("a", description="c" * 10_001)],
        "codebook_not_accepted",
        "codes[0].description",
    ),
    "a parent that is a list": (
        [code("a"), {**code("b"), "parent": ["a"]}],
        "codebook_not_accepted",
        "codes[1].parent",
    ),
    "active by a text": ([code("a", active="canary")], "codebook_not_accepted", "codes[0].active"),
}


@pytest.mark.parametrize(("codes", "error", "place"), TREES.values(), ids=TREES)
def test_a_tree_with_a_mistake_is_refused_with_the_rows_that_make_it(
    suggest: Suggest, problem_of: ProblemOf, codes: list[Any], error: str, place: str
) -> None:
    response = suggest(codebook={"name": "Canary", "codes": codes})
    problem = problem_of(response)
    assert (response.status_code, problem["code"], problem["place"]) == (422, error, f"codebook.{place}")


ALIKE = {
    "capitals": ("Canary hope", "CANARY hope"),
    "sharp s": ("Canary Stra\u00dfe", "Canary STRASSE"),
    "spaces around": ("Canary hope", " Canary hope "),
    "spaces within": ("Canary hope", "Canary  hope"),
    "no-break space": ("Canary hope", "Canary\u00a0hope"),
    "tab": ("Canary hope", "Canary\thope"),
    "composed and decomposed": ("Canary caf\u00e9", "Canary cafe\u0301"),
    "zero-width space": ("Canary hope", "Canary ho\u200bpe"),
    "zero-width joiner": ("Canary hope", "Canary\u200d hope"),
    "soft hyphen": ("Canary hope", "Canary ho\u00adpe"),
    "right-to-left override": ("Canary hope", "\u202eCanary hope"),
    "byte order mark": ("Canary hope", "\ufeffCanary hope"),
    "full width": ("Canary", "\uff23\uff41\uff4e\uff41\uff52\uff59"),
    "a ligature": ("Canary fish", "Canary \ufb01sh"),
}


@pytest.mark.parametrize(("first", "second"), ALIKE.values(), ids=ALIKE)
def test_siblings_whose_names_look_alike_are_refused_with_both_rows(
    suggest: Suggest, problem_of: ProblemOf, first: str, second: str
) -> None:
    codes = [code("t"), code("a", first, "t"), code("x", "Something else", "t"), code("b", second, "t")]
    response = suggest(codebook={"name": "Canary", "codes": codes})
    problem = problem_of(response)
    assert (response.status_code, problem["code"]) == (422, "code_name_too_similar")
    assert problem["place"] == "codebook.codes[1], codebook.codes[3]"


def test_codes_under_different_parents_may_have_one_name(suggest: Suggest) -> None:
    codes = [code("s"), code("t"), code("a", "Other", "s"), code("b", "Other", "t")]
    response = suggest(codebook={"name": "n", "codes": codes}, top_k=0, min_score=0)
    assert {one["code"] for one in response.json()["results"][0]["suggestions"]} == {"a", "b"}


@pytest.mark.parametrize("codes", [chain(10), [code(f"c{number}") for number in range(2_000)]], ids=["deep", "wide"])
def test_a_tree_as_large_as_the_limits_is_accepted(suggest: Suggest, codes: list[Code]) -> None:
    assert suggest(codebook={"name": "n", "codes": codes}).status_code == 200


@pytest.mark.parametrize(
    "codebook",
    ["", "canary", "Upsides", " upsides", "upsides.json", "../upsides", "/etc/passwd", "http://canary.example"],
)
def test_a_codebook_is_never_looked_for_by_a_name_that_is_not_built_in(
    suggest: Suggest, problem_of: ProblemOf, codebook: str
) -> None:
    response = suggest(codebook=codebook)
    problem = problem_of(response)
    assert (response.status_code, problem["code"], problem["place"]) == (422, "codebook_unknown", "codebook")


@pytest.mark.parametrize("codebook", [None, 1, True, [], ["upsides"], ...])
def test_a_codebook_is_a_name_or_an_object(suggest: Suggest, problem_of: ProblemOf, codebook: Any) -> None:
    response = suggest(codebook=codebook)
    problem = problem_of(response)
    assert (response.status_code, problem["code"], problem["place"]) == (422, "field_not_valid", "codebook")


@pytest.mark.parametrize(
    "glossary", [[], "canary", {"canary": 1}, {"canary": ""}, {"": "canary"}, {f"c{i}": "canary" for i in range(501)}]
)
def test_a_glossary_is_checked_like_the_rest(suggest: Suggest, problem_of: ProblemOf, glossary: Any) -> None:
    response = suggest(codebook={"name": "n", "codes": [code("a")], "glossary": glossary})
    problem = problem_of(response)
    assert (response.status_code, problem["code"]) == (422, "codebook_not_accepted")
    assert problem["place"].startswith("codebook.glossary")


def test_a_codebook_that_was_read_can_be_sent_back_as_it_is(client: TestClient, suggest: Suggest) -> None:
    codebook = client.get("/v1/codebooks/upsides").json()
    by_object, by_name = suggest(codebook=codebook), suggest(codebook="upsides")
    assert by_object.status_code == 200
    assert by_object.content == by_name.content


def test_unknown_keys_of_codebook_and_codes_are_kept_and_count_for_the_version(suggest: Suggest) -> None:
    plain = suggest(codebook={"name": "n", "codes": [code("a")]})
    further = suggest(codebook={"name": "n", "codes": [code("a", memo=["x", {"y": None}])], "licence": "CC0"})
    assert plain.status_code == further.status_code == 200
    assert plain.json()["codebook"]["version"] != further.json()["codebook"]["version"]
    assert plain.json()["results"] == further.json()["results"]


def test_names_come_back_as_they_were_written(suggest: Suggest) -> None:
    names = ["<script>alert(1)</script>", "\u202eright to left", unicodedata.normalize("NFD", "caf\u00e9"), "{{7*7}}"]
    codes = [code(f"c{number}", name) for number, name in enumerate(names)]
    results = suggest(codebook={"name": "n", "codes": codes}, top_k=0, min_score=0).json()["results"]
    assert sorted(one["name"] for one in results[0]["suggestions"]) == sorted(names)


EXAMPLES: dict[str, tuple[Any, str, str]] = {
    "no text": ({"codes": []}, "field_not_valid", "examples[1].text"),
    "a text that is a number": ({"text": 1, "codes": []}, "field_not_valid", "examples[1].text"),
    "a text too long": ({"text": "c" * 10_001, "codes": []}, "segment_too_long", "examples[1].text"),
    "no codes": ({"text": "canary"}, "field_not_valid", "examples[1].codes"),
    "codes as a text": ({"text": "canary", "codes": "hope"}, "field_not_valid", "examples[1].codes"),
    "a code that is a number": ({"text": "canary", "codes": [1]}, "field_not_valid", "examples[1].codes"),
    "101 codes": ({"text": "canary", "codes": ["c"] * 101}, "field_not_valid", "examples[1].codes"),
    "an unknown code": ({"text": "canary", "codes": ["canary"]}, "example_not_accepted", "examples[1].codes"),
    "a site that is a list": ({"text": "canary", "codes": [], "site": []}, "field_not_valid", "examples[1].site"),
    "a long document": (
        {"text": "canary", "codes": [], "document": "c" * 201},
        "field_not_valid",
        "examples[1].document",
    ),
    "a paragraph beyond reason": (
        {"text": "canary", "codes": [], "paragraph": 10**400},
        "field_not_valid",
        "examples[1].paragraph",
    ),
    "no object": ("canary", "field_not_valid", "examples[1]"),
}


@pytest.mark.parametrize(("example", "error", "place"), EXAMPLES.values(), ids=EXAMPLES)
def test_an_example_with_a_mistake_is_refused_with_its_place(
    suggest: Suggest, problem_of: ProblemOf, example: Any, error: str, place: str
) -> None:
    response = suggest(examples=[{"text": "a", "codes": []}, example])
    problem = problem_of(response)
    assert (response.status_code, problem["code"], problem["place"]) == (422, error, place)


def test_more_examples_than_one_request_may_hold_are_refused(suggest: Suggest, problem_of: ProblemOf) -> None:
    problem = problem_of(suggest(examples=[{"text": "a", "codes": []}] * 10_001))
    assert (problem["code"], problem["place"]) == ("field_not_valid", "examples")
