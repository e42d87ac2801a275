"""The kind ``suggest``: vectors for all of the project, then the reference from these, then suggestions."""

import secrets
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection

from models.codebook import Codebook, codebook_from_json
from models.context import in_context
from models.encoder import encode_checked
from models.reference import Reference, hash_of_sample, sample_of
from models.suggester import Suggester, encode_segments, has_words
from service.actions.kept_vectors import (
    KeptVectorsEncoder,
    ProjectVectors,
    kept_form,
    segment_vectors,
    stacked,
    text_key,
)
from service.actions.project_suggestions import (
    Origin,
    coded_examples,
    from_pinned,
    keep_suggestions,
    pinned_form,
    suggestion_columns,
    with_text,
)
from service.batch.corpus_of_run import CorpusOfRun, corpus_of_run
from service.batch.kinds import Outcome, Plan, Step
from service.batch.model_of_run import ModelOfRun
from service.batch.run_contexts import Around, texts_needed
from service.encoders import Encoders, LoadedModel
from service.storage.chunks import Chunk
from service.storage.database import Database
from service.storage.projects import codebook_content, last_decision
from service.storage.runs import Run, neighbours_from_pinned, pinned, suggested_before
from service.storage.transcripts import NO_NEIGHBOURS, Neighbours, SpokenText, texts_of
from service.storage.vectors import keep_vectors, kept_vectors

# Larger ones fill the encoder's shapes hardly better, and progress is told by chunks.
ENCODED_AT_ONCE = 500
# A chunk is one transaction, which other writers wait for.
SCORED_AT_ONCE = 1_000
# The slowest machine at the lowest priority still reads this fast.
PATIENCE_SECONDS = 60.0
CHARACTERS_PER_SECOND = 1_000
NOT_ENCODED = "encoder_failed"
# The name of the reading of the corpus from which a run's first step was planned.
READING = "reading"


class Encode:
    """Vectors of all that participants say in the project, from which the reference is sampled, and of what is around.

    Args:
        database: where projects are.
        models: gives the model of a run.
        handed_on: where the corpus is left for the next step, if nothing needs encoding, by the name of its reading.
    """

    def __init__(self, database: Database, models: ModelOfRun, handed_on: dict[str, CorpusOfRun]) -> None:
        self._database = database
        self._models = models
        self._handed_on = handed_on

    def plan(self, run: Run) -> Plan:
        """Chunks of the segments whose vectors are not kept; the examples and the model are pinned."""
        model = self._models.load(run)
        with self._database.read() as connection:
            corpus = corpus_of_run(connection, run, model.encoder.identity.hash)
            examples = coded_examples(connection, run.coding_set_id, corpus.spoken)
            decision_number = last_decision(connection, run.coding_set_id)
        missing: dict[bytes, int] = {}
        for segment_id, text in texts_needed(run, corpus.spoken).items():
            key = corpus.key(text)
            if key not in corpus.known:
                missing.setdefault(key, segment_id)
        reading = secrets.token_hex(8)
        # What nobody came for: the next step was somebody else's, or this one was planned by somebody else after all.
        self._handed_on.clear()
        if not missing:
            self._handed_on[reading] = corpus
        pins = {
            "decision_number": decision_number,
            "model_hash": model.encoder.identity.hash,
            "model_version": model.version,
            "pinned": {"examples": pinned_form(examples), READING: reading},
        }
        return Plan(chunks=_chunks(list(missing.values()), ENCODED_AT_ONCE), pins=pins)

    def do(self, run: Run, chunk: Chunk) -> Outcome:
        """Encodes the texts of a chunk."""
        model = self._models.load(run)
        with self._database.read() as connection:
            codebook = codebook_from_json(codebook_content(connection, run.codebook_version_id))
            texts = texts_of(connection, run.project_id, chunk.segment_ids)
        spelt_out = list(dict.fromkeys(codebook.spell_out(text) for text in texts.values()))
        vectors = encode_checked(model.encoder, spelt_out)
        fresh = {text_key(text): kept_form(vector) for text, vector in zip(spelt_out, vectors, strict=True)}
        model_hash = model.encoder.identity.hash

        def keep(connection: Connection) -> Mapping[str, int]:
            keep_vectors(connection, run.project_id, model_hash, fresh)
            return {}

        return Outcome(keep=keep)

    def patience(self, run: Run, chunk: Chunk) -> float:
        """More for longer texts."""
        with self._database.read() as connection:
            texts = texts_of(connection, run.project_id, chunk.segment_ids)
        return PATIENCE_SECONDS + sum(map(len, texts.values())) / CHARACTERS_PER_SECOND


class Score:
    """Suggestions for the segments that were asked for.

    Args:
        database: where projects are.
        models: gives the model of a run.
        handed_on: corpora that were read just now, by the names of their readings; they are taken out.
    """

    def __init__(self, database: Database, models: ModelOfRun, handed_on: dict[str, CorpusOfRun]) -> None:
        self._database = database
        self._models = models
        self._handed_on = handed_on
        self._prepared: tuple[int, _Prepared] | None = None

    def plan(self, run: Run) -> Plan:
        """Chunks of the segments in the run's scope; the reference, and what was said around segments, are pinned."""
        model = self._models.load(run)
        with self._database.read() as connection:
            content = dict(pinned(connection, run.id))
            # The reading that the run is pinned to, and no other one, which may be older.
            read = self._handed_on.pop(content.pop(READING, ""), None)
            corpus = read or corpus_of_run(connection, run, model.encoder.identity.hash)
            around = Around(run, corpus)
            scope = self._scope(connection, run, corpus.spoken, around)
        said = {one.text for one in corpus.spoken if corpus.key(one.text) in corpus.known}
        sample = sample_of(filter(has_words, said))
        pins = {
            "reference_hash": hash_of_sample(sample),
            "pinned": {
                **content,
                "reference": [corpus.key(text).hex() for text in sample],
                "contexts": around.pinned_keys([one.segment_id for one in from_pinned(content["examples"])]),
                "neighbours": around.pinned_neighbours(scope),
            },
            "segments": len(scope),
        }
        return Plan(chunks=_chunks(scope, SCORED_AT_ONCE), pins=pins)

    def do(self, run: Run, chunk: Chunk) -> Outcome:
        """Suggests for the segments of a chunk."""
        prepared = self._prepare(run)
        neighbours = {one: prepared.neighbours.get(one, NO_NEIGHBOURS) for one in chunk.segment_ids}
        wanted = {*neighbours, *(one for pair in neighbours.values() for one in pair if one is not None)}
        with self._database.read() as connection:
            texts = texts_of(connection, run.project_id, sorted(wanted))
            kept = segment_vectors(connection, run.project_id, str(run.model_hash), prepared.codebook, texts)
        able = [one for one in chunk.segment_ids if one in kept]
        known = dict(zip(kept, stacked(list(kept.values()), prepared.dimension), strict=True))
        own = stacked([kept[one] for one in able], prepared.dimension)
        vectors = in_context(own, [neighbours[one] for one in able], known)
        said = [texts[one] for one in able]
        # The next run over these segments asks for them again.
        prepared.suggester.remember_words(said)
        results = prepared.suggester.suggest_encoded(
            said, vectors, top_k=run.request["top_k"], min_score=run.request["min_score"]
        )
        rows = suggestion_columns(able, results)
        abstained = sum(result.abstained for result in results)
        origin = Origin(
            project_id=run.project_id,
            coding_set_id=run.coding_set_id,
            codebook_version_id=run.codebook_version_id,
            model_version=str(run.model_version),
        )

        def keep(connection: Connection) -> Mapping[str, int]:
            waiting = keep_suggestions(connection, origin, able, rows)
            return {"suggested": len(able) - abstained, "abstained": abstained, "suggestions": waiting}

        return Outcome(keep=keep, failed=dict.fromkeys(neighbours.keys() & texts.keys() - set(able), NOT_ENCODED))

    def patience(self, run: Run, chunk: Chunk) -> float:  # noqa: ARG002 - as every step
        """The first chunk encodes the codes and the examples."""
        return 5 * PATIENCE_SECONDS

    def _scope(self, connection: Connection, run: Run, corpus: Sequence[SpokenText], around: Around) -> list[int]:
        request = run.request
        before: Mapping[int, Neighbours] = {}
        if request["only_changed"]:
            before = suggested_before(
                connection,
                run.project_id,
                coding_set_id=run.coding_set_id,
                codebook_version_id=run.codebook_version_id,
                model_version=str(run.model_version),
            )
        transcripts, sites = request["transcripts"], request["sites"]
        return [
            one.id
            for one in corpus
            if (transcripts is None or one.transcript_id in transcripts)
            and (sites is None or one.site in sites)
            and (one.id not in before or before[one.id] != around.neighbours(one.id))
        ]

    def _prepare(self, run: Run) -> "_Prepared":
        """The suggester of a run, kept from one chunk to the next."""
        if self._prepared is None or self._prepared[0] != run.id:
            self._prepared = run.id, _prepared(run, self._models.load(run), self._database)
        return self._prepared[1]


def suggest_steps(database: Database, encoders: Encoders) -> Mapping[str, Step]:
    """The steps of the kind in their order."""
    models = ModelOfRun(database, encoders)
    handed_on: dict[str, CorpusOfRun] = {}
    return {"encode": Encode(database, models, handed_on), "score": Score(database, models, handed_on)}


class _Prepared:
    """What all chunks of a run are scored with, from what it is pinned to alone."""

    def __init__(
        self, codebook: Codebook, suggester: Suggester, neighbours: Mapping[int, Neighbours], dimension: int
    ) -> None:
        self.codebook = codebook
        self.suggester = suggester
        self.neighbours = neighbours
        self.dimension = dimension


def _prepared(run: Run, model: LoadedModel, database: Database) -> _Prepared:
    identity = model.encoder.identity
    with database.read() as connection:
        codebook = codebook_from_json(codebook_content(connection, run.codebook_version_id))
        content: Mapping[str, Any] = pinned(connection, run.id)
        coded = from_pinned(content["examples"])
        texts = texts_of(connection, run.project_id, [one.segment_id for one in coded])
        keys = [bytes.fromhex(key) for key in content["reference"]]
        around = {key for pair in content["contexts"] for key in pair if key}
        kept = kept_vectors(connection, run.project_id, identity.hash, [*keys, *map(bytes.fromhex, sorted(around))])
    given = [
        (example, pair)
        for one, pair in zip(coded, content["contexts"], strict=True)
        if one.segment_id in texts and (example := with_text(one, texts[one.segment_id], codebook)) is not None
    ]
    examples = [example for example, _ in given]
    encoder = KeptVectorsEncoder(model.encoder, ProjectVectors(database, run.project_id))
    own = encode_segments(codebook, encoder, [example.text for example in examples])
    known = {key: stacked([kept[bytes.fromhex(key)]], identity.dimension)[0] for key in around}
    reference = stacked([kept[key] for key in keys], identity.dimension)
    suggester = Suggester(
        codebook,
        encoder,
        background=model.background,
        reference=Reference(vectors=reference, hash=str(run.reference_hash)),
        examples=examples,
        vectors=in_context(own, [pair for _, pair in given], known),
        word_counts=model.word_counts,
        temperature=model.temperature,
    )
    return _Prepared(codebook, suggester, neighbours_from_pinned(content), identity.dimension)


def _chunks(ids: Sequence[int], size: int) -> list[Sequence[int]]:
    return [ids[at : at + size] for at in range(0, len(ids), size)]
