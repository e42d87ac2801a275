"""uvicorn with what it lacks against slow and malformed clients."""

import asyncio
import resource
import threading
import uuid
from types import FrameType

import h11
import uvicorn
from fastapi import FastAPI
from uvicorn.protocols.http.h11_impl import H11Protocol

from service import limits
from service.api.error_responses import problem_response
from service.api.guards import SECURITY_HEADERS
from service.errors import MalformedRequest
from service.settings import Settings


class PatientProtocol(H11Protocol):
    """uvicorn's HTTP/1.1, but headers must be complete, and answers taken, within a time limit.

    Without it, connections that never finish their headers, or never read, stay open for ever.
    """

    _headers_deadline: asyncio.TimerHandle | None = None
    _answer_deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn does
        """Starts the clock for the first request."""
        super().connection_made(transport)
        self._start_headers_clock()

    def data_received(self, data: bytes) -> None:
        """Stops the clock once the headers are complete, and starts it with the next request."""
        waiting_for_headers = self._is_waiting()
        super().data_received(data)
        if not self._is_waiting():
            self._stop_headers_clock()
        elif not waiting_for_headers or self._headers_deadline is None:
            self._start_headers_clock()

    def pause_writing(self) -> None:
        """Starts the clock for the client to take its answer."""
        super().pause_writing()
        self._answer_deadline = self.loop.call_later(limits.ANSWER_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        """Stops that clock."""
        super().resume_writing()
        self._stop_answer_clock()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stops both clocks."""
        self._stop_headers_clock()
        super().connection_lost(exc)
        self._stop_answer_clock()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - uvicorn's signature
        """Our error shape for what is not HTTP; the parser's own words are not sent."""
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            # Nothing has been answered yet to the request that turned out not to be one.
            self.transport.write(_malformed_request())
        self.transport.close()

    def _is_waiting(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    def _start_headers_clock(self) -> None:
        self._stop_headers_clock()
        self._headers_deadline = self.loop.call_later(limits.HEADER_SECONDS, self.transport.abort)

    def _stop_headers_clock(self) -> None:
        if self._headers_deadline is not None:
            self._headers_deadline.cancel()
            self._headers_deadline = None

    def _stop_answer_clock(self) -> None:
        if self._answer_deadline is not None:
            self._answer_deadline.cancel()
            self._answer_deadline = None


def _malformed_request() -> bytes:
    request_id = uuid.uuid4().hex
    response = problem_response(MalformedRequest(), request_id)
    response.headers.update({**SECURITY_HEADERS, "X-Request-ID": request_id, "Connection": "close"})
    lines = [b"HTTP/1.1 400 Bad Request", *(name + b": " + value for name, value in response.raw_headers)]
    return b"\r\n".join([*lines, b"", bytes(response.body)])


class StoppingServer(uvicorn.Server):
    """uvicorn's server, but the application hears at once that it is to stop."""

    def __init__(self, config: uvicorn.Config, stopping: threading.Event) -> None:
        super().__init__(config)
        self._app_stopping = stopping

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Lets what streams without an end come to one."""
        self._app_stopping.set()
        super().handle_exit(sig, frame)


def build_server(app: FastAPI, settings: Settings) -> uvicorn.Server:
    """A server for the application, to be run in the main thread."""
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        http=PatientProtocol,
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        # X-Forwarded-* headers come from anybody.
        proxy_headers=False,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=30,
    )
    return StoppingServer(config, app.state.stopping)


def allow_many_connections() -> None:
    """Raises the soft limit of open files to the hard one, so that idle connections do not use it up."""
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
