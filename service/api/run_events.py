"""A run as it is answered, once or again and again as server-sent events."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable
from datetime import datetime
from typing import Any

from fastapi import Request

from service import limits
from service.api.dependencies import in_thread
from service.errors import ServiceBusy, ServiceError
from service.storage.runs import Run
from service.storage.times import now

EVENT_STREAM = "text/event-stream"
LOOK_SECONDS = 0.5
# Proxies and browsers give up on what says nothing.
COMMENT_SECONDS = 15.0
EVENT_ID = re.compile(r"[0-9]{1,10}")


class WatchedRuns:
    """How many streams are open; for the thread of the routes alone."""

    def __init__(self) -> None:
        self._open = 0

    def enter(self) -> None:
        """Takes a place.

        Raises:
            ServiceBusy: there is none left.
        """
        if self._open >= limits.MAX_WATCHED_RUNS:
            raise ServiceBusy("Too many runs are being watched.")
        self._open += 1

    def leave(self) -> None:
        """Gives it back."""
        self._open -= 1


def last_event(given: str | None) -> int:
    """The version in a ``Last-Event-ID``; 0 where there is none of ours."""
    return int(given) if given is not None and EVENT_ID.fullmatch(given) else 0


async def run_events(request: Request, read: Callable[[], Run], seen: int) -> AsyncIterator[str]:
    """Events until the run has ended, the client is gone or the service stops.

    Args:
        request: from whom; its place among the watched runs is given back in the end.
        read: gives the run as it is.
        seen: the version that the client has.
    """
    quiet = 0.0
    try:
        while not request.app.state.stopping.is_set() and not await request.is_disconnected():
            try:
                run = await in_thread(request, read)
            except ServiceError:
                # Storage comes back, and the client asks again.
                return
            if run.version != seen:
                seen, quiet = run.version, 0.0
                yield _event(run)
            if not run.is_active:
                return
            await asyncio.sleep(LOOK_SECONDS)
            quiet += LOOK_SECONDS
            if quiet >= COMMENT_SECONDS:
                quiet = 0.0
                yield ":\n\n"
    finally:
        request.state.watched_runs.leave()


def run_row(run: Run) -> dict[str, Any]:
    """A run as it is answered."""
    model = {"key": run.model_key, "hash": run.model_hash, "version": run.model_version}
    return {
        "id": run.id,
        "project": run.project_id,
        "kind": run.kind,
        "state": run.state,
        "version": run.version,
        "request": dict(run.request),
        "pinned": {
            "codebook_version": run.codebook_number,
            "decision": run.decision_number,
            "reference": run.reference_hash,
            "model": model,
        },
        "progress": _progress(run),
        "coverage": {
            name: getattr(run, name) for name in ("segments", "suggested", "abstained", "failed", "suggestions")
        },
        "result": run.result,
        "failure": run.failure,
        "created_at": run.created_at.isoformat(),
        "began_at": _iso(run.began_at),
        "ended_at": _iso(run.ended_at),
    }


def _progress(run: Run) -> dict[str, Any]:
    rate = None
    if run.step_began_at is not None:
        seconds = ((run.ended_at or now()) - run.step_began_at).total_seconds()
        # Clocks may be put back.
        rate = run.step_done / seconds if seconds > 0 else None
    left = (run.step_size - run.step_done) / rate if rate and run.is_active else None
    return {
        "step": run.step,
        "done": run.step_done,
        "all": run.step_size,
        "per_second": None if rate is None else round(rate, 1),
        "seconds_left": None if left is None else round(left, 1),
    }


def _iso(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()


def _event(run: Run) -> str:
    name = "progress" if run.is_active else "end"
    data = json.dumps(run_row(run), ensure_ascii=False, separators=(",", ":"))
    return f"id: {run.version}\nevent: {name}\ndata: {data}\n\n"
