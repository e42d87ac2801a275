"""What people found in a project, as examples for a suggester or a fit."""

from models.codebook import Code, Codebook
from models.context import Context
from models.example_bank import Example
from service.actions.project_suggestions import CodedExample, with_texts
from service.storage.transcripts import SpokenText

BOOK = Codebook(id="b", name="Barriers", codes=[Code(id="bus", name="The bus"), Code(id="cost", name="Cost")])
SAID = SpokenText(
    id=7,
    transcript_id=3,
    transcript_label="BU",
    site=None,
    paragraph=11,
    text="It is late.",
    neighbours=(6, None),
    context=Context(before="Is it late?"),
)


def found(**changes: object) -> list[Example]:
    given = {"segment_id": 7, "reference": "BU 11", "codes": ("bus",), "rejected": ("cost",)} | changes
    return with_texts([CodedExample(**given)], [SAID], BOOK)  # type: ignore[arg-type]


def test_an_example_knows_its_transcript_and_what_was_said_around_it() -> None:
    assert found() == [
        Example(
            text="It is late.",
            codes=("bus",),
            rejected=("cost",),
            reference="BU 11",
            context=Context(before="Is it late?"),
            document="3",
        )
    ]


def test_codes_that_the_codebook_lacks_say_nothing() -> None:
    (example,) = found(codes=("bus", "gone"))
    assert example.codes == ("bus",)
    assert found(codes=("gone",), rejected=()) == []


def test_segments_that_are_no_longer_there_say_nothing() -> None:
    assert found(segment_id=8) == []
