"""Errors -> problem details (RFC 9457) in one shape, with nothing of the request's text in them."""

import logging
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.routing import Route

from models.errors import CodebookNotAccepted, ExampleNotAccepted, ModelsError
from service import limits
from service.errors import (
    FieldNotValid,
    InvalidId,
    MalformedRequest,
    MethodNotAllowed,
    NotFound,
    NumberNotFinite,
    ServiceError,
    Unavailable,
    UnknownOrRepeatedField,
)
from service.formats.texts import shown_name

log = logging.getLogger(__name__)

PROBLEM_TYPE = "application/problem+json"
RETRY_AFTER_SECONDS = "2"
_BY_STATUS: Mapping[int, type[ServiceError]] = {404: NotFound, 405: MethodNotAllowed}
_NUMBERS = ("float_type", "float_parsing", "int_type", "int_parsing")
# What pydantic puts into a place for each type that a field may have.
_ALTERNATIVES = ("str", "constrained-str", "constrained-int", "dict[str,any]")
_NOT_FINITE = ("nan", "inf", "infinity")


def problem(error: ServiceError, request_id: str) -> dict[str, Any]:
    """The problem document: type, title, status, detail, code, request_id, place if known, and what else is known."""
    return {**_problem(error.status, error.code, error.detail, request_id, error.place), **error.extra}


def problem_response(error: ServiceError, request_id: str) -> Response:
    """The problem as an HTTP answer."""
    return _response(problem(error, request_id))


def add_error_responses(app: FastAPI, routers: Sequence[APIRouter]) -> None:
    """Makes every error that a route of the app raises an answer in our shape.

    Args:
        app: the application.
        routers: all of its routes, for telling which methods an address takes.
    """
    routes = [route for router in routers for route in router.routes if isinstance(route, Route)]

    async def http_exception(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)  # noqa: S101 - registered for it
        return _http_exception(request, error, routes)

    app.add_exception_handler(ServiceError, _service_error)
    app.add_exception_handler(ModelsError, _models_error)
    app.add_exception_handler(RequestValidationError, _validation_error)
    app.add_exception_handler(HTTPException, http_exception)


def _problem(status: int, code: str, detail: str, request_id: str, place: str | None) -> dict[str, Any]:
    document = {
        "type": f"/problems#{code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "code": code,
        "request_id": request_id,
    }
    return document if place is None else {**document, "place": place}


def _response(document: dict[str, Any]) -> Response:
    headers = {}
    if document["status"] == 401:
        headers["WWW-Authenticate"] = "Bearer"
    if document["status"] == 503:
        headers["Retry-After"] = RETRY_AFTER_SECONDS
    if document["status"] == 429:
        headers["Retry-After"] = str(limits.RUN_STARTS_SECONDS)
    return JSONResponse(document, document["status"], headers, media_type=PROBLEM_TYPE)


def _request_id(request: Request) -> str:
    return str(request.scope.get("themecoder.request_id", ""))


async def _service_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, ServiceError)  # noqa: S101 - registered for it
    return problem_response(error, _request_id(request))


async def _models_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, ModelsError)  # noqa: S101 - registered for it
    if not isinstance(error, CodebookNotAccepted | ExampleNotAccepted):
        log.error("request %s: %s", _request_id(request), error.code)
        return _response(_problem(Unavailable.status, error.code, str(error), _request_id(request), None))
    prefix = "codebook." if isinstance(error, CodebookNotAccepted) else ""
    place = ", ".join(f"{prefix}{place}" for place in error.places) or None
    return _response(_problem(422, error.code, str(error), _request_id(request), place))


async def _validation_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for it
    return problem_response(_translated(error.errors()[0]), _request_id(request))


def _http_exception(request: Request, error: HTTPException, routes: Sequence[Route]) -> Response:
    response = problem_response(_BY_STATUS.get(error.status_code, MalformedRequest)(), _request_id(request))
    if error.status_code == MethodNotAllowed.status:
        # The framework names the methods of the first route that is found at the address, not of all.
        own = set((error.headers or {}).get("Allow", "").replace(",", " ").split())
        here = (route.methods or set() for route in routes if route.path_regex.match(request.scope["path"]))
        allowed = own.union(*here)
        # Whatever can be read can be asked for without its body: see service.api.guards.
        response.headers["Allow"] = ", ".join(sorted(allowed | ({"HEAD"} if "GET" in allowed else set())))
    return response


def _translated(error: Mapping[str, Any]) -> ServiceError:
    """The first mistake that pydantic found, in our words; its own message may quote the input."""
    location = error["loc"][1:] if error["loc"] and error["loc"][0] in ("body", "query", "path") else error["loc"]
    place = _place(location) or None
    kind, given = error["type"], error.get("input")
    if kind == "extra_forbidden":
        return UnknownOrRepeatedField("This field is not known here.", place=place)
    if kind == "finite_number" or (kind in _NUMBERS and str(given).strip("+- ").lower() in _NOT_FINITE):
        return NumberNotFinite(place=place)
    if location and location[-1] == "id":
        return InvalidId("An id must be a text of 1 to 200 characters.", place=place)
    return FieldNotValid(_sentence(kind, error.get("ctx") or {}), place=place)


def _place(location: Sequence[str | int]) -> str:
    place = ""
    for step in location:
        if isinstance(step, int):
            place += f"[{step}]"
        elif step not in _ALTERNATIVES:
            place += f"{'.' if place else ''}{shown_name(step)}"
    return place


def _sentence(kind: str, context: Mapping[str, Any]) -> str:
    bounds = {
        "missing": "This field is missing.",
        "string_too_long": f"The text may have at most {context.get('max_length')} characters.",
        "string_too_short": f"The text must have at least {context.get('min_length')} characters.",
        "too_long": f"The list may have at most {context.get('max_length')} entries.",
        "too_short": f"The list must have at least {context.get('min_length')} entries.",
        "greater_than_equal": f"The number must be at least {context.get('ge')}.",
        "less_than_equal": f"The number must be at most {context.get('le')}.",
    }
    if kind in bounds:
        return bounds[kind]
    expected = {"string_type": "a text", "list_type": "a list", "int_type": "an integer", "int_parsing": "an integer"}
    expected |= {"float_type": "a number", "dict_type": "an object", "model_attributes_type": "an object"}
    if kind in expected:
        return f"The value must be {expected[kind]}."
    return "The value is not valid here."
