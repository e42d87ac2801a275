"""A segment's suggestions as a plain row: the one shape for HTTP answers and files."""

from collections.abc import Sequence
from typing import Any

from models.suggester import Evidence, ScoredCode, SegmentSuggestions, Suggestion

DECIMALS = 6


def suggestion_row(segment_id: str | int, result: SegmentSuggestions) -> dict[str, Any]:
    """``{"id", "abstained", "no_code", "basis", "back_off", "suggestions"}``, numbers with six decimals."""
    back_off = result.back_off
    return {
        "id": segment_id,
        "abstained": result.abstained,
        "no_code": result.no_code,
        "basis": result.basis,
        "back_off": back_off
        and {
            "code": back_off.code,
            "name": back_off.name,
            "path": _path(back_off.path),
            "score": back_off.score,
        },
        "suggestions": [suggestion_content(suggestion) for suggestion in result.suggestions],
    }


def suggestion_content(suggestion: Suggestion) -> dict[str, Any]:
    """One suggestion of a :func:`suggestion_row`."""
    return {
        "code": suggestion.code,
        "name": suggestion.name,
        "path": _path(suggestion.path),
        "score": suggestion.score,
        "evidence": [_evidence(evidence) for evidence in suggestion.evidence],
    }


def _path(path: Sequence[ScoredCode]) -> list[dict[str, Any]]:
    return [{"code": step.code, "name": step.name, "score": step.score} for step in path]


def _evidence(evidence: Evidence) -> dict[str, Any]:
    return {
        "kind": evidence.kind,
        "text": evidence.text,
        "similarity": round(evidence.similarity, DECIMALS),
        "reference": evidence.reference,
    }
