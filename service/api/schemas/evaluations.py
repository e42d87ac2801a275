"""Bodies of a project's evaluations."""

from typing import Annotated, Literal

from pydantic import Field

from models.context import ContextUse
from service import limits
from service.actions.run_protocol import DRAWS, SHOTS
from service.api.schemas.projects import Body, Label

MOST_SHOTS = 1_000
MOST_DRAWS = 100
Shots = Annotated[int, Field(ge=0, le=MOST_SHOTS)]


class EvaluationIn(Body):
    """How to evaluate the suggester on a project."""

    protocol: Literal["shots", "leave-one-document-out", "leave-one-site-out", "decisions"] = Field(
        default="shots",
        description="`shots`: learn from so many examples of each code, test on the rest; `leave-one-document-out` and "
        "`leave-one-site-out`: learn from all others; `decisions`: what analysts decided, seen and blind.",
    )
    shots: Annotated[list[Shots], Field(min_length=1, max_length=20)] = Field(
        default=list(SHOTS), description="Numbers of examples of each code; 0 is without any. For `shots`."
    )
    draws: int = Field(default=DRAWS, ge=1, le=MOST_DRAWS, description="How often examples are drawn. For `shots`.")
    split: Literal["document", "random"] = Field(
        default="document",
        description="Learn on one half of the documents and test on the other, or draw segments. For `shots`.",
    )
    coder: Label | None = Field(
        default=None,
        description="Whose codings are the truth, named as in exports; without it the only coder, or the consensus.",
    )
    context: ContextUse = Field(
        default="neighbours",
        description="Whether the turns directly before and after count, whoever spoke, where the numbers of the "
        "paragraphs say that nothing lies between. Not for `decisions`.",
    )
    seed: int = Field(default=0, ge=0, le=2**32 - 1, description="Of all drawing.")
    model: Annotated[str, Field(max_length=limits.MAX_LABEL_CHARACTERS)] | None = Field(
        default=None, description="Key of a configured model; without it the one that the project uses."
    )
