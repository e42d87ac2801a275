"""The pages that explain the service: home, API, and problems. No script or style from elsewhere."""

import html
import inspect
from collections.abc import Iterator
from http import HTTPStatus
from importlib import resources
from typing import Any

from fastapi import APIRouter, Response
from fastapi.responses import HTMLResponse

from models.errors import CodebookNotAccepted, EncoderFailed, ExampleNotAccepted, ModelUnavailable
from service.errors import CannotStart, NotFound, ServiceError

router = APIRouter(include_in_schema=False)

# Swagger UI draws its icons from data: addresses in its style sheet.
API_PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
ASSETS = {
    "page.css": ("service.page", "assets/page.css", "text/css"),
    "icon.svg": ("service.page", "assets/icon.svg", "image/svg+xml"),
    "try-it.js": ("service.page", "assets/try-it.js", "text/javascript"),
    "api-page.js": ("service.page", "assets/api-page.js", "text/javascript"),
    "swagger-ui.css": ("fastapi_offline", "static/swagger-ui.css", "text/css"),
    "swagger-ui-bundle.js": ("fastapi_offline", "static/swagger-ui-bundle.js", "text/javascript"),
}


@router.get("/")
def home() -> HTMLResponse:
    """What the service is, in plain words."""
    return HTMLResponse(_page("home.html"))


@router.get("/docs")
def api_page() -> HTMLResponse:
    """The API, to read and to try."""
    return HTMLResponse(_page("api-page.html"), headers={"Content-Security-Policy": API_PAGE_POLICY})


@router.get("/problems")
def problems() -> HTMLResponse:
    """Every error code and what it means."""
    rows = "\n".join(
        f'<tr id="{code}"><td><code>{code}</code></td><td>{status}</td><td>{html.escape(meaning)}</td></tr>'
        for code, (status, meaning) in sorted(error_codes().items())
    )
    return HTMLResponse(_page("problems.html").replace("<!-- rows -->", rows))


@router.get("/assets/{name}")
def asset(name: str) -> Response:
    """One of a fixed list of files; never a path that came from a request."""
    if name not in ASSETS:
        raise NotFound
    package, path, media_type = ASSETS[name]
    return Response((resources.files(package) / path).read_bytes(), media_type=media_type)


def error_codes() -> dict[str, tuple[str, str]]:
    """Every error code that an answer can hold, with its HTTP status and what it means."""
    codes = {
        error.code: (_status(error.status), inspect.getdoc(error) or "")
        for error in _tree(ServiceError)
        if "code" in vars(error) and not issubclass(error, CannotStart)
    }
    for kind, status in (
        (CodebookNotAccepted, 422),
        (ExampleNotAccepted, 422),
        (EncoderFailed, 503),
        (ModelUnavailable, 503),
    ):
        codes |= {error.code: (_status(status), _first_line(error)) for error in _tree(kind)}
    return codes


def _tree(root: type[Any]) -> Iterator[type[Any]]:
    yield root
    for child in root.__subclasses__():
        yield from _tree(child)


def _status(status: int) -> str:
    return f"{status} {HTTPStatus(status).phrase}"


def _first_line(error: type[Exception]) -> str:
    return (inspect.getdoc(error) or "").partition("\n")[0]


def _page(name: str) -> str:
    return (resources.files("service.page") / "assets" / name).read_text(encoding="utf-8")
