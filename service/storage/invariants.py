"""What always holds between the rows of a database, each as the query that finds what breaks it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Executable, Table, or_, select, text

from service.storage.tables import metadata

SHOWN_IDS = 5


@dataclass(frozen=True, kw_only=True)
class Invariant:
    """A rule that the program keeps.

    Args:
        name: for people to search for.
        broken: what it means that it does not hold.
        of: the table whose ids the query gives.
        query: finds the rows that break it.
    """

    name: str
    broken: str
    of: str
    query: Executable


def _same_project(table: Table) -> Iterator[Invariant]:
    for key in sorted(table.foreign_keys, key=lambda found: found.parent.name):
        parent = key.column.table
        if "project_id" not in table.c or "project_id" not in parent.c:
            continue
        other = parent.alias("parent")
        yield Invariant(
            name=f"{table.name}_project_of_{key.parent.name}",
            broken=f"the project is not that of {key.parent.name}",
            of=table.name,
            query=select(table.c.id)
            .join(other, other.c[key.column.name] == key.parent)
            .where(table.c.project_id != other.c.project_id)
            .order_by(table.c.id),
        )


def _same_place(table: Table) -> Iterator[Invariant]:
    """Each decision that a row names is on the row's own segment, in its own coding set."""
    decision = metadata.tables["decisions"].alias("named")
    suggestion = metadata.tables["suggestions"].alias("named")
    for key in sorted(table.foreign_keys, key=lambda found: found.parent.name):
        named = {"decisions": decision, "suggestions": suggestion}.get(key.column.table.name)
        if named is None:
            continue
        yield Invariant(
            name=f"{table.name}_place_of_{key.parent.name}",
            broken=f"{key.parent.name} is missing, or of another segment or coding set",
            of=table.name,
            # An outer join, as a damaged SQLite may have lost what is named.
            query=select(table.c.id)
            .outerjoin(named, named.c.id == key.parent)
            .where(key.parent.is_not(None))
            .where(
                or_(
                    named.c.id.is_(None),
                    named.c.segment_id != table.c.segment_id,
                    named.c.coding_set_id != table.c.coding_set_id,
                )
            )
            .order_by(table.c.id),
        )


INVARIANTS = (
    *(invariant for table in metadata.sorted_tables for invariant in _same_project(table)),
    *(invariant for table in metadata.sorted_tables for invariant in _same_place(table)),
    Invariant(
        name="standing_codings_were_decided",
        broken="a coding stands that nobody decided on, or whose decision was undone",
        of="codings",
        query=text(
            """
            SELECT codings.id FROM codings
            WHERE codings.ended_by_id IS NULL AND (
                (codings.decision_id IS NULL AND codings.origin <> 'file')
                OR EXISTS (SELECT 1 FROM decisions undo WHERE undo.undoes_id = codings.decision_id)
            )
            ORDER BY codings.id
            """
        ),
    ),
    Invariant(
        name="codings_are_as_decided",
        broken="a coding is not what its decision says: another code, or made in another way",
        of="codings",
        query=text(
            """
            SELECT codings.id FROM codings JOIN decisions ON decisions.id = codings.decision_id
            WHERE decisions.code IS NULL OR decisions.code <> codings.code
                OR codings.origin <> CASE decisions.kind
                    WHEN 'accept' THEN 'accepted' WHEN 'replace' THEN 'replaced' WHEN 'code' THEN 'hand' ELSE '' END
            ORDER BY codings.id
            """
        ),
    ),
    Invariant(
        name="standing_no_codes_were_decided",
        broken="that no code applies stands, though its decision was undone",
        of="no_codes",
        query=text(
            """
            SELECT no_codes.id FROM no_codes JOIN decisions undo ON undo.undoes_id = no_codes.decision_id
            WHERE no_codes.ended_by_id IS NULL
            ORDER BY no_codes.id
            """
        ),
    ),
    Invariant(
        name="ended_codings_stay_ended",
        broken="a coding was ended by a decision that was undone",
        of="codings",
        query=text(
            """
            SELECT codings.id FROM codings JOIN decisions undo ON undo.undoes_id = codings.ended_by_id
            ORDER BY codings.id
            """
        ),
    ),
    Invariant(
        name="ended_no_codes_stay_ended",
        broken="that no code applies was ended by a decision that was undone",
        of="no_codes",
        query=text(
            """
            SELECT no_codes.id FROM no_codes JOIN decisions undo ON undo.undoes_id = no_codes.ended_by_id
            ORDER BY no_codes.id
            """
        ),
    ),
    Invariant(
        name="decided_suggestions_have_one_decision",
        broken="not exactly one decision made it what it is",
        of="suggestions",
        query=text(
            """
            SELECT suggestions.id FROM suggestions
            WHERE suggestions.status IN ('accepted', 'rejected', 'replaced') AND 1 <> (
                SELECT COUNT(*) FROM decisions
                WHERE decisions.suggestion_id = suggestions.id
                AND decisions.kind = CASE suggestions.status
                    WHEN 'accepted' THEN 'accept' WHEN 'rejected' THEN 'reject' ELSE 'replace' END
                AND NOT EXISTS (SELECT 1 FROM decisions undo WHERE undo.undoes_id = decisions.id)
            )
            ORDER BY suggestions.id
            """
        ),
    ),
    Invariant(
        name="decisions_let_codes_stand",
        broken="it set a code, and the code never stood on its segment",
        of="decisions",
        # Whatever set it: a code that stands already is not set a second time.
        query=text(
            """
            SELECT decisions.id FROM decisions
            WHERE decisions.kind IN ('accept', 'replace', 'code') AND NOT EXISTS (
                SELECT 1 FROM codings
                WHERE codings.segment_id = decisions.segment_id AND codings.coding_set_id = decisions.coding_set_id
                AND codings.code = decisions.code
            )
            ORDER BY decisions.id
            """
        ),
    ),
    Invariant(
        name="pending_suggestions_are_undecided",
        broken="it is pending, and somebody decided on it",
        of="suggestions",
        query=text(
            """
            SELECT suggestions.id FROM suggestions
            WHERE suggestions.status = 'pending' AND (suggestions.decision_number IS NOT NULL OR EXISTS (
                SELECT 1 FROM decisions
                WHERE decisions.suggestion_id = suggestions.id AND decisions.kind <> 'undo'
                AND NOT EXISTS (SELECT 1 FROM decisions undo WHERE undo.undoes_id = decisions.id)
            ))
            ORDER BY suggestions.id
            """
        ),
    ),
    Invariant(
        name="suggestions_name_their_decision",
        broken="decision_number is of no decision on its segment, or of one that was undone",
        of="suggestions",
        query=text(
            """
            SELECT suggestions.id FROM suggestions
            LEFT JOIN decisions ON decisions.coding_set_id = suggestions.coding_set_id
                AND decisions.number = suggestions.decision_number
            WHERE (suggestions.status IN ('accepted', 'rejected', 'replaced') AND suggestions.decision_number IS NULL)
                OR (suggestions.decision_number IS NOT NULL AND (
                    decisions.id IS NULL OR decisions.segment_id <> suggestions.segment_id
                    OR EXISTS (SELECT 1 FROM decisions undo WHERE undo.undoes_id = decisions.id)
                ))
            ORDER BY suggestions.id
            """
        ),
    ),
    Invariant(
        name="decisions_are_numbered_from_1",
        broken="its decisions are not numbered from 1 to last_decision",
        of="coding_sets",
        query=text(
            """
            SELECT coding_sets.id FROM coding_sets
            LEFT JOIN decisions ON decisions.coding_set_id = coding_sets.id
            GROUP BY coding_sets.id, coding_sets.last_decision
            HAVING COUNT(DISTINCT decisions.number) <> coding_sets.last_decision
                OR COUNT(decisions.id) <> coding_sets.last_decision
                OR COALESCE(MIN(decisions.number), 1) <> 1
                OR COALESCE(MAX(decisions.number), 0) <> coding_sets.last_decision
            ORDER BY coding_sets.id
            """
        ),
    ),
    Invariant(
        name="undo_names_a_decision",
        broken="it undoes nothing, or is no undo and undoes something",
        of="decisions",
        query=text(
            """
            SELECT decisions.id FROM decisions
            WHERE (decisions.kind = 'undo' AND decisions.undoes_id IS NULL)
                OR (decisions.kind <> 'undo' AND decisions.undoes_id IS NOT NULL)
            ORDER BY decisions.id
            """
        ),
    ),
    Invariant(
        name="no_code_means_no_coding",
        broken="no code is said to apply where a coding stands",
        of="no_codes",
        query=text(
            """
            SELECT no_codes.id FROM no_codes
            WHERE EXISTS (
                SELECT 1 FROM codings
                WHERE codings.segment_id = no_codes.segment_id AND codings.coding_set_id = no_codes.coding_set_id
                AND codings.ended_by_id IS NULL
            ) AND no_codes.ended_by_id IS NULL
            ORDER BY no_codes.id
            """
        ),
    ),
    Invariant(
        name="positions_are_counted_from_0",
        broken="its segments are not at positions 0 to n - 1",
        of="transcripts",
        query=text(
            """
            SELECT segments.transcript_id FROM segments
            GROUP BY segments.transcript_id
            HAVING MIN(segments.position) <> 0 OR MAX(segments.position) <> COUNT(*) - 1
                OR COUNT(DISTINCT segments.position) <> COUNT(*)
            ORDER BY segments.transcript_id
            """
        ),
    ),
    Invariant(
        name="active_runs_go_on",
        broken="it has not ended, and nothing of it is left to be done",
        of="runs",
        query=text(
            """
            SELECT runs.id FROM runs
            WHERE runs.state IN ('waiting', 'working') AND NOT EXISTS (
                SELECT 1 FROM chunks WHERE chunks.run_id = runs.id AND chunks.state IN ('waiting', 'working')
            )
            ORDER BY runs.id
            """
        ),
    ),
    Invariant(
        name="ended_runs_are_over",
        broken="its run has ended, and it is still to be done",
        of="chunks",
        query=text(
            """
            SELECT chunks.id FROM chunks JOIN runs ON runs.id = chunks.run_id
            WHERE chunks.state IN ('waiting', 'working') AND (
                runs.state NOT IN ('waiting', 'working') OR runs.ended_at IS NOT NULL
            )
            ORDER BY chunks.id
            """
        ),
    ),
    Invariant(
        name="chunks_that_are_worked_on_are_leased",
        broken="somebody works on it without a lease, or holds one without working on it",
        of="chunks",
        query=text(
            """
            SELECT chunks.id FROM chunks
            WHERE (chunks.state = 'working') <> (chunks.lease_until IS NOT NULL)
            ORDER BY chunks.id
            """
        ),
    ),
    Invariant(
        name="progress_is_what_is_done",
        broken="step_done is not the number of segments in the chunks of its step that are done",
        of="runs",
        query=text(
            """
            SELECT runs.id FROM runs
            LEFT JOIN chunks ON chunks.run_id = runs.id AND chunks.step = runs.step
                AND chunks.state IN ('done', 'set_aside')
            WHERE runs.kind = 'suggest'
            GROUP BY runs.id, runs.step_done
            HAVING COALESCE(SUM(chunks.size), 0) <> runs.step_done
            ORDER BY runs.id
            """
        ),
    ),
    Invariant(
        name="coverage_is_counted",
        broken="more segments have been suggested for than there were, or more have failed than are counted",
        of="runs",
        query=text(
            """
            SELECT runs.id FROM runs
            WHERE runs.suggested + runs.abstained > runs.segments OR runs.failed < (
                SELECT COUNT(*) FROM failed_segments WHERE failed_segments.run_id = runs.id
            )
            ORDER BY runs.id
            """
        ),
    ),
)


def broken_invariants(connection: Connection) -> Iterator[str]:
    """One line for each invariant that does not hold; the schema must be the newest."""
    for invariant in INVARIANTS:
        ids: Sequence[int] = connection.execute(invariant.query).scalars().all()
        if ids:
            yield f"{invariant.name}: {invariant.broken}: {invariant.of} {_listed(ids)}"


def sqlite_faults(connection: Connection) -> Iterator[str]:
    """One line for each fault that SQLite itself finds in its file."""
    for (line,) in connection.exec_driver_sql("PRAGMA integrity_check"):
        if line != "ok":
            yield f"integrity_check: {line}"
    for table, row, parent, _ in connection.exec_driver_sql("PRAGMA foreign_key_check"):
        yield f"foreign_key_check: {table} {row} refers to {parent} that are not there"


def _listed(ids: Sequence[int]) -> str:
    more = len(ids) - SHOWN_IDS
    return ", ".join(map(str, ids[:SHOWN_IDS])) + (f" and {more} more" if more > 0 else "")
