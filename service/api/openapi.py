"""What the OpenAPI document says of errors, which FastAPI cannot know."""

from typing import Any

from fastapi import FastAPI

from service.api.error_responses import PROBLEM_TYPE
from service.api.schemas.problem import Problem

_PROBLEM = {
    "description": "A problem; its `code` is explained at `/problems`.",
    "content": {PROBLEM_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
}
PROBLEM_RESPONSES: dict[int | str, dict[str, Any]] = {"4XX": _PROBLEM, "5XX": _PROBLEM}


def describe_problems(app: FastAPI) -> None:
    """Adds the schema that :data:`PROBLEM_RESPONSES` refer to; for when all routes are there."""
    app.openapi()["components"]["schemas"]["Problem"] = Problem.model_json_schema()
