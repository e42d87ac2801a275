"""Bodies of ``POST /v1/suggest``."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, FailFast, Field

from models.codebook import MAX_CODES
from models.suggester import DEFAULT_TOP_K
from service import limits

Label = Annotated[str, Field(min_length=1, max_length=limits.MAX_LABEL_CHARACTERS)]
Score = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class SegmentIn(_Body):
    """One segment."""

    id: Label = Field(description="Yours; comes back with the result.", examples=["bu-11"])
    text: str = Field(
        description=f"1 to {limits.MAX_SEGMENT_CHARACTERS} characters.",
        examples=["A PSW has been through it, so people open up to her sooner than to us."],
    )
    context: str | None = Field(
        default=None,
        description="What was said directly before, e.g. the moderator's question; at most "
        f"{limits.MAX_SEGMENT_CHARACTERS} characters. It counts beside the text, less than the text itself.",
    )


class SuggestIn(_Body):
    """Segments and the codebook to suggest from."""

    # The first mistake is all that is answered; looking for all of them would only cost time.
    segments: Annotated[list[SegmentIn], FailFast()] = Field(
        min_length=1,
        max_length=limits.MAX_SEGMENTS_PER_REQUEST,
        description="The results come in their order, and depend neither on it nor on each other.",
    )
    codebook: str | dict[str, Any] = Field(
        description="`upsides`, or a codebook object: `{name, glossary?, codes: [{id, name, description?, parent?}]}`.",
        examples=["upsides"],
    )
    examples: Annotated[list[dict[str, Any]], FailFast(), Field(max_length=limits.MAX_EXAMPLES_PER_REQUEST)] = Field(
        default=[],
        description="Coded segments to learn from: `{text, codes, context?, site?, document?, paragraph?, id?}`; "
        "`codes: []` means that no code applies.",
    )
    top_k: int = Field(
        default=DEFAULT_TOP_K, ge=0, le=MAX_CODES, description="How many leaves at most; 0 means every active leaf."
    )
    min_score: Score | None = Field(
        default=None,
        description="Withhold suggestions below it; 0 withholds nothing. Without it nothing is suggested where the"
        " machine abstains, and else from the default threshold.",
    )
    model: str | None = Field(default=None, description="Key of a configured model; see `/health/ready`.")


class ModelOut(BaseModel):
    """The model that suggested."""

    key: str
    hash: str = Field(description="Digest of everything that decides its vectors.")
    version: str = Field(description="Changes whenever the same input may give other suggestions.")


class CodebookRef(BaseModel):
    """The codebook that was used."""

    id: str
    version: str = Field(description="Changes whenever anything in the codebook changes.")


class ScoredCodeOut(BaseModel):
    """A code on the path from the theme to the leaf."""

    code: str
    name: str
    score: Score


class EvidenceOut(BaseModel):
    """Why: the code's definition, or an accepted example that the segment resembles."""

    kind: Literal["definition", "example"]
    text: str
    similarity: float = Field(ge=-1, le=1, description="Cosine, of the segment in its context.")
    reference: str | None = Field(description='Where the example stands, e.g. "BU 11".')


class BackOffOut(BaseModel):
    """A code above the leaves that is likely although no leaf below it is."""

    code: str
    name: str
    path: list[ScoredCodeOut]
    score: Score


class SuggestionOut(BackOffOut):
    """One suggested leaf."""

    evidence: list[EvidenceOut]


class ResultOut(BaseModel):
    """What the machine proposes for one segment. A suggestion is never a coding: people decide."""

    id: str
    abstained: bool = Field(
        description="Whether no leaf reaches the default threshold, or it is likelier that no code applies than that"
        " any does."
    )
    no_code: float = Field(ge=0, le=1, description="The estimated probability that no code applies.")
    basis: Literal["project", "prior"] = Field(
        description="Whether the scores rest on the examples given (at least 20) or on other studies."
    )
    back_off: BackOffOut | None
    suggestions: list[SuggestionOut] = Field(description="Best first.")


class SuggestOut(BaseModel):
    """One result for each segment, in order."""

    model: ModelOut
    codebook: CodebookRef
    results: list[ResultOut]
