"""The errors of the language side: one tree, each with a permanent code, drawn as it is."""

import inspect
from collections.abc import Iterator

import pytest

from models import errors
from models.errors import CodebookNotAccepted, ExampleNotAccepted, ModelsError


def every_error(top: type[ModelsError] = ModelsError, depth: int = 0) -> Iterator[tuple[int, type[ModelsError]]]:
    yield depth, top
    for below in top.__subclasses__():
        if below.__module__ == errors.__name__:
            yield from every_error(below, depth + 1)


def test_the_tree_in_the_docstring_is_the_tree_in_the_code() -> None:
    drawn = []
    for line in (errors.__doc__ or "").splitlines():
        words = line.replace("\u2502", " ").replace("\u251c\u2500\u2500", "   ").replace("\u2514\u2500\u2500", "   ")
        if words.startswith("    ") and len(words.split()) == 2:
            name, code = words.split()
            drawn.append(((len(words) - len(words.lstrip()) - 4) // 4, name, code))
    assert drawn == [(depth, error.__name__, error.code) for depth, error in every_error()]


def test_every_code_is_its_own() -> None:
    codes = [error.code for _, error in every_error()]
    assert len(set(codes)) == len(codes)


@pytest.mark.parametrize("error", [error for _, error in every_error()])
def test_an_error_says_what_is_wrong_in_a_plain_sentence(error: type[ModelsError]) -> None:
    if issubclass(error, CodebookNotAccepted | ExampleNotAccepted):
        raised: ModelsError = error("A sentence.", places=("codes[1]",))
        assert (str(raised), raised.places) == ("A sentence.", ("codes[1]",))  # type: ignore[attr-defined] # of both
    else:
        assert str(error()) == inspect.getdoc(error)
        assert str(error("A sentence.")) == "A sentence."
