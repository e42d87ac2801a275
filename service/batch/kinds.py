"""What a kind of run is: steps, each of which is first worked out and then done in chunks."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from sqlalchemy import Connection

from service.storage.chunks import Chunk
from service.storage.runs import Run


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How a step is to be done.

    Attributes:
        chunks: the segments of each of its chunks.
        pins: what the run rests on from now on, as columns of its row.
    """

    chunks: Sequence[Sequence[int]]
    pins: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came of a chunk.

    Attributes:
        keep: writes it down, in the transaction that finishes the chunk; gives what the run's counts go up by.
        failed: why some of the segments could not be worked on.
        drop: takes back what lies outside the database, where the chunk is not finished: the run was cancelled, or
            somebody else has taken the chunk over.
    """

    keep: Callable[[Connection], Mapping[str, int]]
    failed: Mapping[int, str] = field(default_factory=dict)
    drop: Callable[[], None] = lambda: None


class Step(Protocol):
    """A part of a run that must be wholly done before the next one begins."""

    def plan(self, run: Run) -> Plan:
        """Works out the chunks. What it reads must be pinned if later chunks rest on it.

        Raises:
            GivesUp: the run cannot be done.
        """
        ...

    def do(self, run: Run, chunk: Chunk) -> Outcome:
        """Does a chunk and writes nothing but through the outcome: the same pins and segments give the same.

        Raises:
            GivesUp: the run cannot go on.
        """
        ...

    def patience(self, run: Run, chunk: Chunk) -> float:
        """For how many seconds it may take to do a chunk before it counts as stuck."""
        ...


class GivesUp(Exception):
    """The run cannot go on.

    Args:
        reason: one word for programs, e.g. ``model_changed``.
        detail: a sentence for people, without any text of the project.
    """

    def __init__(self, reason: str, *, detail: str | None = None) -> None:
        self.reason = reason
        self.detail = detail
        super().__init__(reason)


# The steps of each kind in their order, by their names.
Kinds = Mapping[str, Mapping[str, Step]]
