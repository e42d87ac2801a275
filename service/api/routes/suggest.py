"""``POST /v1/suggest``."""

from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from models.codebook import BUILT_IN, Codebook, built_in_codebook, codebook_from_json
from models.context import Context
from models.suggester import SegmentSuggestions
from service import limits
from service.actions.suggest_codes import SuggestCodes
from service.api.dependencies import SuggestCodesAction, in_thread
from service.api.schemas.suggest import SuggestIn, SuggestOut
from service.api.strict_route import StrictRoute
from service.errors import AnswerTooLarge, CodebookUnknown
from service.formats.coded_files import example_from_row
from service.formats.suggestion_rows import suggestion_row

router = APIRouter(prefix="/v1", route_class=StrictRoute, tags=["suggest"])


@router.post("/suggest", response_model=SuggestOut, summary="Suggest codes for segments")
async def suggest(request: Request, body: SuggestIn, suggest_codes: SuggestCodesAction) -> JSONResponse:
    """Suggests codes of a codebook for each segment; keeps nothing, and needs no project.

    Equal text, context, codebook, examples and model version give equal suggestions, whatever else is in the request.
    """
    return await in_thread(request, _answer, body, suggest_codes)


def _answer(body: SuggestIn, suggest_codes: SuggestCodes) -> JSONResponse:
    codebook = _codebook(body.codebook)
    _check_wanted(len(body.segments), body.top_k, len(codebook.active_leaves))
    suggested = suggest_codes(
        [segment.text for segment in body.segments],
        codebook,
        contexts=[Context(before=segment.context) for segment in body.segments],
        examples=[example_from_row(row, f"examples[{index}].") for index, row in enumerate(body.examples)],
        top_k=body.top_k,
        min_score=body.min_score,
        model_key=body.model,
    )
    _check_evidence(suggested.results)
    model = suggested.model
    results = zip(body.segments, suggested.results, strict=True)
    answer = {
        "model": {"key": model.key, "hash": model.encoder.identity.hash, "version": model.version},
        "codebook": {"id": codebook.id, "version": codebook.version},
        "results": [suggestion_row(segment.id, result) for segment, result in results],
    }
    # As a finished answer: checking our own rows against the schema again takes longer than making them.
    return JSONResponse(answer)


def _codebook(given: str | dict[str, Any]) -> Codebook:
    if isinstance(given, dict):
        return codebook_from_json(given)
    if given not in BUILT_IN:
        raise CodebookUnknown(f"The codebook must be {' or '.join(BUILT_IN)}, or a codebook object.", place="codebook")
    return built_in_codebook(given)


def _check_wanted(segments: int, top_k: int, leaves: int) -> None:
    if segments * min(top_k or leaves, leaves) > limits.MAX_SUGGESTIONS_PER_REQUEST:
        most = limits.MAX_SUGGESTIONS_PER_REQUEST
        raise AnswerTooLarge(f"An answer may hold at most {most} suggestions: segments times leaves.", place="top_k")


def _check_evidence(results: Sequence[SegmentSuggestions]) -> None:
    evidence = (evidence for result in results for one in result.suggestions for evidence in one.evidence)
    if sum(len(one.text) for one in evidence) > limits.MAX_EVIDENCE_CHARACTERS:
        raise AnswerTooLarge
