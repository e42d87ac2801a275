"""What every request passes before any route sees it: host, site, token, size and time of arrival."""

import hmac
import logging
import re
import time
import uuid

from pydantic import SecretStr
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service import limits
from service.api.arriving_body import ArrivingBody
from service.api.error_responses import problem_response
from service.errors import (
    BodyTooLarge,
    CrossSiteRequest,
    HeadersTooLarge,
    HostNotServed,
    InternalError,
    MalformedRequest,
    NotFound,
    ServiceError,
    TokenRequired,
)

log = logging.getLogger(__name__)

HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::\d{1,5})?", re.ASCII)
DIGITS = re.compile(r"[0-9]+")
CONTROL = re.compile(r"[\x00-\x1f\x7f]")
READING = frozenset({"GET", "HEAD", "OPTIONS"})
PROTECTED = re.compile(r"/v1(?!/openapi\.json\Z)(/|\Z)")
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
        # A copy, because the server must go on seeing HEAD: it is what leaves the body out.
        scope = {**scope, "method": "GET"} if scope["method"] == "HEAD" else scope
        request_id = scope["themecoder.request_id"] = uuid.uuid4().hex
        answer = _Answer(send, scope, request_id, ArrivingBody(receive))
        try:
            self._check(scope)
            await self._app(scope, answer.body.receive, answer.send)
        except ClientDisconnect:
            # Nobody is there to be answered.
            pass
        except ServiceError as error:
            await answer.problem(error)
        except Exception as error:
            # The kind of error and where it arose, not its message: that may quote the request.
            log.error("request %s: %s at %s", request_id, type(error).__name__, _origin(error))
            await answer.problem(InternalError())
        finally:
            answer.log()

    def _check(self, scope: Scope) -> None:
        headers = Headers(scope=scope)
        _check_address(scope)
        host = self._checked_host(headers)
        if scope["method"] not in READING:
            _check_site(headers, host)
        if self._token is not None and PROTECTED.match(scope["path"]):
            _check_token(headers, self._token)
        _check_declared_length(headers)

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

    def __init__(self, send: Send, scope: Scope, request_id: str, body: ArrivingBody) -> None:
        self.body = body
        self._send = send
        self._scope = scope
        self._request_id = request_id
        self._began = time.perf_counter()
        self._status: int | None = None

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._begin(message)
        elif self._status == BodyTooLarge.status and not message.get("more_body", False):
            # The answer is out before the rest of the body is read, and its end is what closes the connection.
            await self._send({**message, "more_body": True})
            await self.body.throw_away()
            message = {"type": "http.response.body", "body": b""}
        await self._send(message)

    async def problem(self, error: ServiceError) -> None:
        if self._status is None:
            await problem_response(error, self._request_id)(self._scope, self.body.receive, self.send)

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

    def _begin(self, message: Message) -> None:
        self._status = message["status"]
        headers = MutableHeaders(scope=message)
        headers["X-Request-ID"] = self._request_id
        for name, value in SECURITY_HEADERS.items():
            headers.setdefault(name, value)
        if self._status in (408, 413):
            # What is left of the body is not a further request.
            headers["Connection"] = "close"


def _check_address(scope: Scope) -> None:
    size = len(scope.get("raw_path", b"")) + len(scope.get("query_string", b""))
    size += sum(len(name) + len(value) for name, value in scope["headers"])
    if size > limits.MAX_HEADER_BYTES:
        raise HeadersTooLarge
    if not scope.get("raw_path", b"/").startswith(b"/"):
        raise MalformedRequest("The address must begin with a slash.")
    if CONTROL.search(scope["path"]):
        # To the router, a line end at the end of an address would not count.
        raise NotFound


def _check_site(headers: Headers, host: str) -> None:
    """Only pages of this very service may make a browser send something here."""
    if any(site not in ("same-origin", "none") for site in headers.getlist("sec-fetch-site")):
        raise CrossSiteRequest
    if any(origin.lower() not in (f"http://{host}", f"https://{host}") for origin in headers.getlist("origin")):
        raise CrossSiteRequest


def _check_token(headers: Headers, token: SecretStr) -> None:
    values = headers.getlist("authorization")
    scheme, _, given = (values[0] if len(values) == 1 else "").partition(" ")
    same = hmac.compare_digest(given.strip().encode(), token.get_secret_value().encode())
    if not (same and scheme.lower() == "bearer"):
        raise TokenRequired


def _check_declared_length(headers: Headers) -> None:
    """Refuses a body that is too large before any of it is read."""
    for length in headers.getlist("content-length"):
        if not DIGITS.fullmatch(length):
            raise MalformedRequest("The length of the body must be a number.")
        if len(length) > len(str(limits.MAX_INTEGER)) or int(length) > limits.MAX_BODY_BYTES:
            raise BodyTooLarge


def _origin(error: Exception) -> str:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace else "an unknown place"
