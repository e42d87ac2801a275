"""Evaluate what analysts really decided on a project's suggestions; the blind part told apart from the assisted one."""

import itertools
from collections import defaultdict
from collections.abc import Iterable, Sequence
from statistics import median
from typing import Any

from sqlalchemy import Row

from models.decision_figures import DecidedSuggestion, decision_figures
from service.storage import decided_suggestions as storage
from service.storage.database import Database
from service.storage.projects import project
from service.storage.references import Ref

# A longer time between two decisions is a break, or a long read, and no decision.
LONGEST_SECONDS = 600
# Decisions nearer to each other came in one request.
SHORTEST_SECONDS = 0.1


def evaluate_decisions(database: Database, ref: Ref, *, seed: int = 0) -> dict[str, Any]:
    """Acceptance and calibration of suggestions by what analysts decided, and how long a decision takes.

    Args:
        database: where the project is.
        ref: which project.
        seed: of the resampling.

    Returns:
        ``{"protocol": "decisions", "seed", "assisted", "blind"}``. ``assisted`` rests on suggestions that were
        accepted, rejected or replaced in view; ``blind`` on those decided on without being seen, and on those that
        nobody was shown for segments coded blind, wanted where their code stands. Both have the keys of
        :func:`models.decision_figures.decision_figures`, and ``decisions`` and ``median_seconds``, None where there are
        no two decisions within ten minutes.

    Raises:
        NotFound: there is no such project.
        StorageUnavailable: it cannot be read.
    """
    with database.read() as connection:
        project_id = project(connection, ref).id
        decided = storage.suggestions_decided_on(connection, project_id)
        unseen = storage.suggestions_on_blind_segments(connection, project_id)
        times = storage.decision_times(connection, project_id)
    parts = {
        "assisted": (True, [row for row in decided if row.visible]),
        "blind": (False, [*(row for row in decided if not row.visible), *unseen]),
    }
    return {
        "protocol": "decisions",
        "seed": seed,
        **{name: _part(rows, times, visible, seed) for name, (visible, rows) in parts.items()},
    }


def _part(rows: Iterable[Row[Any]], times: Sequence[Row[Any]], visible: bool, seed: int) -> dict[str, Any]:
    decided = [
        DecidedSuggestion(
            code=row.code, score=row.score, wanted=bool(row.wanted), document=str(row.document), site=row.site
        )
        for row in rows
    ]
    seconds = _seconds(times, visible)
    return {
        **decision_figures(decided, seed=seed),
        "decisions": sum(row.suggestions_visible == visible for row in times),
        "median_seconds": median(seconds) if seconds else None,
    }


def _seconds(times: Sequence[Row[Any]], visible: bool) -> list[float]:
    """Between one decision of an analyst and the next, where both are of this kind."""
    by_analyst: dict[int, list[Row[Any]]] = defaultdict(list)
    for row in times:
        by_analyst[row.analyst_id].append(row)
    gaps = [
        (after.at - before.at).total_seconds()
        for rows in by_analyst.values()
        for before, after in itertools.pairwise(rows)
        if before.suggestions_visible == after.suggestions_visible == visible
    ]
    return [gap for gap in gaps if SHORTEST_SECONDS <= gap <= LONGEST_SECONDS]
