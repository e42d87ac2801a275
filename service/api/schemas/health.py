"""Bodies of ``/health``."""

from typing import Literal

from pydantic import BaseModel, Field


class Live(BaseModel):
    """The process answers."""

    status: Literal["ok"]


class Ready(BaseModel):
    """Whether requests can be served now."""

    status: Literal["ok", "not_ready"]
    model: str = Field(description="`ok`, or why the default model cannot be used.")
    models: list[str] = Field(description="Keys that a request may name, the default one first.")


class Problem(BaseModel):
    """An error (RFC 9457, application/problem+json)."""

    type: str
    title: str
    status: int
    detail: str = Field(description="One plain sentence; never text of the request.")
    code: str = Field(description="Stable name of the error, explained at `/problems`.")
    request_id: str
    place: str | None = Field(
        default=None, description="Where in the request, e.g. `segments[3].text`; counted from 0."
    )
