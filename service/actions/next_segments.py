"""Tell an analyst which segments to look at next."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from sqlalchemy import Connection

from models.codebook import codebook_from_json
from models.encoder import Vectors
from models.queue_order import CHOICE, LAST_DECISIONS, by_chance, by_site, doubt, most_doubtful, near_duplicates_last
from service.actions.export_codings import coding_set_of
from service.actions.kept_vectors import kept_form, segment_vectors, stacked
from service.actions.project_models import ProjectModels
from service.encoders import Encoders
from service.storage.database import Database
from service.storage.open_segments import (
    BestSuggestion,
    OpenSegment,
    best_suggestions,
    last_decided,
    looked_at_by_site,
    open_segments,
)
from service.storage.projects import Project, codebook_content, project
from service.storage.references import Ref
from service.storage.transcripts import Segment, segments_by_id, texts_of

Order = Literal["reading", "informative", "per_site", "random"]


@dataclass(frozen=True, kw_only=True)
class QueuedSegment:
    """A segment to look at, with why it comes where it comes.

    Attributes:
        suggestion: the best one that waits on it.
        doubt: see :func:`doubt_of`.
        site_looked_at: how many segments of its site have been looked at.
    """

    segment: Segment
    suggestion: BestSuggestion | None
    doubt: float | None
    site_looked_at: int


@dataclass(frozen=True, kw_only=True)
class Queue:
    """What comes next in a coding set.

    Attributes:
        order: the one that the segments are in: reading order where nothing is known of how informative they are.
        open: how many segments nobody has looked at.
    """

    coding_set: str
    order: Order
    open: int
    segments: Sequence[QueuedSegment]


class NextSegments:
    """Puts what nobody has looked at in a coding set into an order.

    An order rests on that coding set alone: on its decisions, and on the suggestions that were made for it.

    Args:
        database: where projects are.
        encoders: the configured models.
    """

    def __init__(self, database: Database, encoders: Encoders) -> None:
        self._database = database
        self._models = ProjectModels(database, encoders)

    def __call__(self, ref: Ref, *, coding_set: str | None, order: Order, seed: int, count: int) -> Queue:
        """The next of a project's participants' turns.

        Args:
            ref: which project.
            coding_set: named as in exports; None for the one that all share.
            order: see :mod:`models.queue_order`.
            seed: of the random order.
            count: how many are wanted.

        Raises:
            NotFound: there is no such project.
            FieldNotValid: the project has no such coding set.
            AdaptationUnavailable: the folder of the model that was fitted to the project is missing or damaged.
            ModelNotReady: the model is not loaded, and the informative order needs to know which one it is.
            StorageUnavailable: the project cannot be read.
        """
        with self._database.read() as connection:
            found = project(connection, ref)
            set_id, name = coding_set_of(connection, found, coding_set)
            there = open_segments(connection, found.id, set_id)
            looked_at = looked_at_by_site(connection, set_id)
            if order == "informative" and all(one.best is None for one in there):
                order = "reading"
            if order == "informative":
                chosen = self._informative(connection, found, set_id, there, count)
            elif order == "per_site":
                chosen = by_site([one.site for one in there], looked_at, count=count)
            elif order == "random":
                chosen = by_chance([one.id for one in there], seed=seed, count=count)
            else:
                chosen = range(min(count, len(there)))
            wanted = [there[index] for index in chosen]
            segments = segments_by_id(connection, found.id, [one.id for one in wanted])
            suggestions = best_suggestions(connection, set_id, [one.id for one in wanted])
        queued = [
            QueuedSegment(
                segment=segments[one.id],
                suggestion=suggestions.get(one.id),
                doubt=doubt_of(one),
                site_looked_at=looked_at.get(one.site, 0),
            )
            for one in wanted
        ]
        return Queue(coding_set=name, order=order, open=len(there), segments=queued)

    def _informative(
        self, connection: Connection, within: Project, set_id: int, there: Sequence[OpenSegment], count: int
    ) -> Sequence[int]:
        doubts = np.array([-1.0 if (known := doubt_of(one)) is None else known for one in there])
        doubtful = most_doubtful(doubts, count=count * CHOICE)
        wanted = [there[index].id for index in doubtful]
        before = last_decided(connection, set_id, LAST_DECISIONS)
        vectors = self._vectors(connection, within, [*wanted, *before])
        taken = near_duplicates_last(vectors[: len(wanted)], vectors[len(wanted) :], count=count)
        return [int(doubtful[index]) for index in taken]

    def _vectors(self, connection: Connection, within: Project, segment_ids: Sequence[int]) -> Vectors:
        """The kept vectors of segments; zeros, which are like nothing, where none is kept."""
        identity = self._models.in_use(within.id).encoder.identity
        codebook = codebook_from_json(codebook_content(connection, within.codebook_version_id))
        texts = texts_of(connection, within.id, segment_ids)
        kept = segment_vectors(connection, within.id, identity.hash, codebook, texts)
        nothing = kept_form(np.zeros(identity.dimension, dtype=np.float32))
        return stacked([kept.get(one, nothing) for one in segment_ids], identity.dimension)


def doubt_of(segment: OpenSegment) -> float | None:
    """How unsure the machine is of a segment, 0 to 1.

    Wholly where it suggests nothing, be it that it abstained or was not asked; None where all that it suggested has
    been turned down, because then somebody has looked at the segment.
    """
    if segment.best is None and segment.is_turned_down:
        return None
    return float(doubt(np.array([[segment.best or 0.0, segment.second or 0.0]]))[0])
