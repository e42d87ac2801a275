"""What every request passes before any route sees it: host, site, token, size and time of arrival."""

import asyncio
import hmac
import logging
import re
import time
import uuid
from collections.abc import MutableMapping
from typing import Any

from pydantic import SecretStr
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service import limits
from service.api.error_responses import problem_response
from service.errors import (
    CrossSiteRequest,
    HeadersTooLarge,
    HostNotServed,
    InternalError,
    MalformedRequest,
    RequestTooSlow,
    ServiceError,
    TokenRequired,
)

log = logging.getLogger(__name__)

HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::\d{1,5})?")
READING = frozenset({"GET", "HEAD", "OPTIONS"})
PROTECTED = re.compile(r"/v1(?!/openapi\.json$)(/|$)")
MAX_HEADER_BYTES = 16 * 1024
SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
}


class Guards:
    """ASGI middleware around all routes.

    Args:
        app: the routes.
        served_hosts: host names, without port, that requests may name.
        token: what requests to ``/v1`` must carry, or None.
    """

    def __init__(self, app: ASGIApp, *, served_hosts: frozenset[str], token: SecretStr | None) -> None:
        self._app = app
        self._served_hosts = served_hosts
        self._token = token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers the request itself if it must not pass, else hands it on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = scope["themecoder.request_id"] = uuid.uuid4().hex
        answer = _Answer(send, scope, request_id)
        try:
            self._check(scope)
            await self._app(scope, _in_time(receive), answer.send)
        except ServiceError as error:
            await answer.problem(error, receive)
        except Exception as error:
            # The kind of error and where it arose, not its message: that may quote the request.
            log.error("request %s: %s at %s", request_id, type(error).__name__, _origin(error))
            await answer.problem(InternalError(), receive)
        finally:
            answer.log()

    def _check(self, scope: Scope) -> None:
        headers = Headers(scope=scope)
        _check_size(scope)
        if not scope.get("raw_path", b"/").startswith(b"/"):
            raise MalformedRequest("The address must begin with a slash.")
        host = self._checked_host(headers)
        if scope["method"] not in READING:
            _check_site(headers, host)
        if self._token is not None and PROTECTED.match(scope["path"]):
            _check_token(headers, self._token)

    def _checked_host(self, headers: Headers) -> str:
        """The Host header, of which there must be exactly one; routes never look at it again."""
        hosts = headers.getlist("host")
        match = HOST.fullmatch(hosts[0]) if len(hosts) == 1 else None
        if match is None:
            raise MalformedRequest("The request must name one host.")
        if match[1].lower() not in self._served_hosts:
            raise HostNotServed
        return hosts[0].lower()


class _Answer:
    """The way out: adds headers to every answer, and knows whether one has begun."""

    def __init__(self, send: Send, scope: Scope, request_id: str) -> None:
        self._send = send
        self._scope = scope
        self._request_id = request_id
        self._began = time.perf_counter()
        self._status: int | None = None

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._status = message["status"]
            headers = MutableHeaders(scope=message)
            headers["X-Request-ID"] = self._request_id
            for name, value in SECURITY_HEADERS.items():
                headers.setdefault(name, value)
            if self._status in (408, 413):
                # What is left of the body will not be read.
                headers["Connection"] = "close"
        await self._send(message)

    async def problem(self, error: ServiceError, receive: Receive) -> None:
        if self._status is None:
            await problem_response(error, self._request_id)(self._scope, receive, self.send)

    def log(self) -> None:
        """Ids, numbers and the route's own pattern; never the address as sent, which may hold anything."""
        log.info(
            "request %s",
            self._request_id,
            extra={
                "request_id": self._request_id,
                "route": getattr(self._scope.get("route"), "path", None),
                "status": self._status,
                "milliseconds": round((time.perf_counter() - self._began) * 1000, 1),
            },
        )


def _check_size(scope: MutableMapping[str, Any]) -> None:
    size = len(scope.get("raw_path", b"")) + len(scope.get("query_string", b""))
    size += sum(len(name) + len(value) for name, value in scope["headers"])
    if size > MAX_HEADER_BYTES:
        raise HeadersTooLarge


def _check_site(headers: Headers, host: str) -> None:
    """Only pages of this very service may make a browser send something here."""
    if headers.get("sec-fetch-site", "none") not in ("same-origin", "none"):
        raise CrossSiteRequest
    origin = headers.get("origin")
    if origin is not None and origin.lower() not in (f"http://{host}", f"https://{host}"):
        raise CrossSiteRequest


def _check_token(headers: Headers, token: SecretStr) -> None:
    scheme, _, given = headers.get("authorization", "").partition(" ")
    same = hmac.compare_digest(given.strip().encode(), token.get_secret_value().encode())
    if not (same and scheme.lower() == "bearer"):
        raise TokenRequired


def _in_time(receive: Receive) -> Receive:
    """The same messages, as long as the whole body arrives within the limit."""
    deadline = asyncio.get_running_loop().time() + limits.REQUEST_SECONDS
    complete = False

    async def receive_in_time() -> Message:
        nonlocal complete
        if complete:
            return await receive()
        try:
            async with asyncio.timeout_at(deadline):
                message = await receive()
        except TimeoutError as error:
            raise RequestTooSlow from error
        complete = not message.get("more_body", False)
        return message

    return receive_in_time


def _origin(error: Exception) -> str:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace else "an unknown place"
