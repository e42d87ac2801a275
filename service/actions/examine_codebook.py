"""Examine the codebook of a project: what is stored of it is looked through, and nothing is changed."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from models.calibration import LOWEST_THRESHOLD
from models.codebook import Codebook, codebook_from_json
from models.codebook_health import CodeUse, Overlaps, always_rejected, never_applied, never_suggested, overlapping_codes
from models.encoder import EncoderIdentity, Vectors, unit_rows
from models.example_bank import cosine
from models.segment_groups import SegmentGroup, WordUse, group_segments
from models.suggester import code_words
from service.actions.export_codings import coding_set_of
from service.actions.kept_vectors import KeptVectorsEncoder, ProjectVectors, segment_vectors, stacked
from service.encoders import LoadedModel
from service.storage import codebook_use as storage
from service.storage.codebook_use import Turn
from service.storage.database import Database
from service.storage.projects import codebook_content, project
from service.storage.references import Ref
from service.storage.transcripts import texts_of

# More are not read to the end.
MOST_OVERLAPS = 20
MOST_GROUPS = 20
# Grouping takes time and memory with their square.
MOST_GROUPED = 3_000
# Enough to tell which words are common in a project.
MOST_READ_FOR_WORDS = 2_000
# "Yes, I think so." lies near to every other such answer, and means what was asked.
LEAST_CHARACTERS = 25

NOTHING_SUGGESTED = (
    "Nothing has been suggested in this project yet: which codes are never suggested, and what no code fits, "
    "is not known."
)
NOTHING_DECIDED = "No suggestion has been decided on in this coding set: which codes are always rejected is not known."
NOTHING_APPLIED = "Nothing has been coded in this coding set: which codes are never applied is not known."
NO_PAIRS = "The codebook has fewer than two active leaves: nothing can overlap."


def examine_codebook(
    database: Database, model: LoadedModel, ref: Ref, *, coding_set: str | None = None
) -> dict[str, Any]:
    """What the maintainer of a project's codebook should look at, from what is stored.

    Args:
        database: where the project is.
        model: whose vectors are compared.
        ref: which project.
        coding_set: whose codings and decisions count, named as in exports; None for the shared one of the newest open
            round. What was suggested counts from all of them.

    Returns:
        ``coding_set``, ``codebook``, ``model_version``, ``similarity`` (from where pairs of codes count), ``segments``
        (how many there are, and what became of those that no code fits), ``left_out`` (findings beyond the
        limits), ``notes`` and ``findings``: objects of a ``kind`` each, ``overlap``, ``never_suggested``,
        ``always_rejected``, ``never_applied`` or ``gap``.

    Raises:
        NotFound: there is no such project.
        FieldNotValid: it has no such coding set.
        EncoderFailed: the encoder could not make vectors of the codes' words.
        StorageUnavailable: the project cannot be read.
    """
    with database.read() as connection:
        found = project(connection, ref)
        codebook = codebook_from_json(codebook_content(connection, found.codebook_version_id))
        set_id, name = coding_set_of(connection, found, coding_set)
    encoder = KeptVectorsEncoder(model.encoder, _OnlyRead(database, found.id))
    words = code_words(codebook, codebook.active_leaves, encoder).vectors
    overlaps = overlapping_codes(words)
    with database.read() as connection:
        uses = _uses(connection, found.id, set_id, codebook)
        overlap_rows = _overlap_rows(connection, set_id, codebook, overlaps)
        unfitting = _unfitting(connection, found.id, set_id, codebook, model.encoder.identity)
    groups = group_segments(unfitting.vectors, [turn.transcript_id for turn in unfitting.turns])
    return {
        "coding_set": name,
        "codebook": {"number": found.codebook_number, "version": found.codebook_digest},
        "model_version": model.version,
        "similarity": {"usual": overlaps.usual, "least": overlaps.least},
        "segments": {**unfitting.counts, "in_groups": sum(len(group.members) for group in groups)},
        "left_out": {
            "overlap": len(overlaps.pairs) - len(overlap_rows),
            "gap": max(len(groups) - MOST_GROUPS, 0),
        },
        "notes": _notes(uses),
        "findings": [*overlap_rows, *_use_rows(uses, codebook), *_gap_rows(groups, unfitting, codebook, words)],
    }


class _OnlyRead(ProjectVectors):
    """A project's vectors for somebody who only looks: what is new is not kept."""

    def keep(self, model_hash: str, fresh: Mapping[bytes, bytes]) -> None:
        """Does nothing."""


def _uses(connection: Connection, project_id: int, set_id: int, codebook: Codebook) -> list[CodeUse]:
    suggested = storage.suggested_codes(connection, project_id)
    accepted, rejected = storage.decided_codes(connection, set_id)
    applied = storage.applied_codes(connection, set_id)
    return [
        CodeUse(
            code=leaf.id,
            suggested=suggested.get(leaf.id, 0),
            accepted=accepted.get(leaf.id, 0),
            rejected=rejected.get(leaf.id, 0),
            applied=applied.get(leaf.id, 0),
        )
        for leaf in codebook.active_leaves
    ]


def _notes(uses: Sequence[CodeUse]) -> list[str]:
    missing = {
        NO_PAIRS: len(uses) < 2,
        NOTHING_SUGGESTED: not any(use.suggested for use in uses),
        NOTHING_DECIDED: not any(use.accepted or use.rejected for use in uses),
        NOTHING_APPLIED: not any(use.applied for use in uses),
    }
    return [note for note, is_missing in missing.items() if is_missing]


def _overlap_rows(connection: Connection, set_id: int, codebook: Codebook, overlaps: Overlaps) -> list[dict[str, Any]]:
    leaves = codebook.active_leaves
    pairs = [(leaves[pair.first].id, leaves[pair.second].id, pair) for pair in overlaps.pairs[:MOST_OVERLAPS]]
    applied = storage.segments_of_codes(connection, set_id, {code for one, other, _ in pairs for code in (one, other)})
    replaced = storage.replacements(connection, set_id)
    return [
        {
            "kind": "overlap",
            "codes": [_code(codebook, one), _code(codebook, other)],
            "similarity": pair.similarity,
            "applied": [len(applied[one]), len(applied[other])],
            "applied_together": len(applied[one] & applied[other]),
            "replaced": replaced.get((one, other), 0) + replaced.get((other, one), 0),
        }
        for one, other, pair in pairs
    ]


def _use_rows(uses: Sequence[CodeUse], codebook: Codebook) -> list[dict[str, Any]]:
    kinds = {"never_suggested": never_suggested, "always_rejected": always_rejected, "never_applied": never_applied}
    return [
        {
            "kind": kind,
            "code": _code(codebook, use.code),
            "suggested": use.suggested,
            "accepted": use.accepted,
            "rejected": use.rejected,
            "applied": use.applied,
        }
        for kind, found in kinds.items()
        for use in found(uses)
    ]


def _code(codebook: Codebook, code: str) -> dict[str, Any]:
    path = [step.name for step in codebook.path(code)]
    return {"code": code, "name": path[-1], "path": path}


@dataclass(frozen=True, kw_only=True)
class _Unfitting:
    """Segments that nobody has coded and for which nothing likely is suggested, as far as they can be grouped.

    Attributes:
        texts: theirs, by their ids.
        vectors: theirs, shape (len(turns), dimension).
        common: texts from all over the project.
        counts: what became of the others.
    """

    turns: Sequence[Turn]
    texts: Mapping[int, str]
    vectors: Vectors
    common: Sequence[str]
    counts: Mapping[str, int]


def _unfitting(
    connection: Connection, project_id: int, set_id: int, codebook: Codebook, identity: EncoderIdentity
) -> _Unfitting:
    every = storage.turns(connection, project_id, set_id, least_score=LOWEST_THRESHOLD)
    uncoded = [turn for turn in every if turn.examined and not turn.coded]
    unfitting = [turn for turn in uncoded if not turn.fits]
    long_enough = [turn for turn in unfitting if turn.length >= LEAST_CHARACTERS]
    chosen = _spread(long_enough, MOST_GROUPED)
    texts = texts_of(connection, project_id, [turn.id for turn in chosen])
    kept = segment_vectors(connection, project_id, identity.hash, codebook, texts)
    able = [turn for turn in chosen if turn.id in kept]
    common = [turn.id for turn in _spread(every, MOST_READ_FOR_WORDS)] if able else []
    return _Unfitting(
        turns=able,
        texts=texts,
        vectors=stacked([kept[turn.id] for turn in able], identity.dimension),
        common=list(texts_of(connection, project_id, common).values()),
        counts={
            "all": len(every),
            "examined": sum(turn.examined for turn in every),
            "uncoded": len(uncoded),
            "unfitting": len(unfitting),
            "too_short": len(unfitting) - len(long_enough),
            "left_out": len(long_enough) - len(chosen),
            "without_vector": len(chosen) - len(able),
        },
    )


def _gap_rows(
    groups: Sequence[SegmentGroup], unfitting: _Unfitting, codebook: Codebook, words: Vectors
) -> list[dict[str, Any]]:
    use = WordUse(unfitting.common if groups else [])
    rows = []
    for group in groups[:MOST_GROUPS]:
        members = [unfitting.turns[at] for at in group.members]
        typical = [unfitting.turns[at] for at in group.typical]
        rows.append(
            {
                "kind": "gap",
                "segments": len(members),
                "similarity": group.similarity,
                "nearest": _nearest(codebook, words, unfitting.vectors[group.members]),
                **_places(members),
                "words": use.telling([unfitting.texts[turn.id] for turn in members]),
                "quotes": [_quote(turn, unfitting.texts[turn.id]) for turn in typical],
            }
        )
    return rows


def _nearest(codebook: Codebook, words: Vectors, members: Vectors) -> dict[str, Any] | None:
    """The leaf whose words are nearest to the centre of a group."""
    if not len(words):
        return None
    similarities = words @ unit_rows(members.mean(axis=0, keepdims=True))[0]
    nearest = int(similarities.argmax())
    similarity = round(cosine(similarities[nearest]), 6)
    return {**_code(codebook, codebook.active_leaves[nearest].id), "similarity": similarity}


def _places(members: Sequence[Turn]) -> dict[str, Any]:
    labels = {turn.transcript_id: turn.transcript_label for turn in members}
    in_transcripts = Counter(turn.transcript_id for turn in members)
    in_sites = Counter(turn.site for turn in members)
    return {
        "sites": [{"site": site, "segments": count} for site, count in in_sites.items()],
        "transcripts": [
            {"transcript": one, "label": labels[one], "segments": count} for one, count in in_transcripts.items()
        ],
    }


def _quote(turn: Turn, text: str) -> dict[str, Any]:
    return {
        "segment": turn.id,
        "reference": turn.reference,
        "transcript": turn.transcript_id,
        "site": turn.site,
        "text": text,
    }


def _spread(given: Sequence[Turn], most: int) -> Sequence[Turn]:
    """At most so many of them, spread evenly, so that no transcript is left out for being the last."""
    if len(given) <= most:
        return given
    return [given[at * len(given) // most] for at in range(most)]
