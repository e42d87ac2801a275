"""The body of every error."""

from pydantic import BaseModel, Field


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
    decided_by: str | None = Field(
        default=None, description="Who has decided already; null if the suggestion was withdrawn."
    )
    decided_at: str | None = Field(default=None, description="When that was, in UTC.")
    decision: str | None = Field(default=None, description="What was decided: `accept`, `reject` or `replace`.")
