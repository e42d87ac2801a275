"""Runs in chunks: nothing lost, nothing doubled, whoever works on them and whatever happens to them."""

import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from sqlalchemy import Connection, func, insert, select, update

from models.codebook import built_in_codebook
from models.encoder import EncoderIdentity, Vectors
from models.errors import ModelFolderMissing
from models.hashing_encoder import HashingEncoder
from service.actions.cancel_run import cancel_run
from service.actions.create_project import create_project
from service.actions.decide import Decide, Wish
from service.actions.start_run import Scope, start_suggest_run
from service.actions.suggest_for_project import SuggestForProject
from service.batch import suggest as suggest_kind
from service.batch.corpus_of_run import CorpusOfRun
from service.batch.kinds import Kinds
from service.batch.suggest import suggest_steps
from service.batch.worker import Worker
from service.encoders import Encoders
from service.errors import NotFound, RunAlreadyActive
from service.settings import HASHING_MODEL, Settings
from service.storage.chunks import Chunk, claim_chunk, finish_chunk, release_worker, renew_lease
from service.storage.database import Database
from service.storage.invariants import broken_invariants
from service.storage.projects import Project, analyst_id, codebook_content
from service.storage.runs import Run, list_failed_segments, run
from service.storage.tables import chunks, codebook_versions, suggestions, vectors
from service.storage.times import now
from service.storage.transcripts import add_segments, add_transcript

WORDS = (
    "hope",
    "cost",
    "family",
    "job",
    "training",
    "trust",
    "money",
    "time",
    "peer",
    "doctor",
    "clinic",
    "bus",
    "day",
)
POISON = "poison"


class FragileEncoder(HashingEncoder):
    """Fails on a text that holds the word poison, in the way that it is told to."""

    def __init__(self, harm: Callable[[Vectors], Vectors]) -> None:
        self._harm = harm

    def encode(self, texts: Sequence[str]) -> Vectors:
        vectors = super().encode(texts)
        return self._harm(vectors) if any(POISON in text for text in texts) else vectors


def fail(_: Vectors) -> Vectors:
    raise RuntimeError(POISON)


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(suggest_kind, "ENCODED_AT_ONCE", 8)
    monkeypatch.setattr(suggest_kind, "SCORED_AT_ONCE", 8)


@pytest.fixture(scope="module")
def encoders() -> Encoders:
    encoders = Encoders(Settings(model=HASHING_MODEL))
    encoders.load()
    return encoders


@pytest.fixture
def project(database: Database) -> Project:
    return new_project(database, [f"{WORDS[n % 13]} {WORDS[n % 7]} {n}" for n in range(30)])


def new_project(database: Database, texts: Sequence[str]) -> Project:
    made = create_project(database, name="Study", note="", external_id=None, codebook=built_in_codebook("upsides"))
    for site, own in (("BU", texts[::2]), ("DS", texts[1::2])):
        add_texts(database, made, site, own)
    return made


def add_texts(database: Database, made: Project, site: str, texts: Sequence[str]) -> int:
    with database.write() as connection:
        transcript = add_transcript(connection, made.id, external_id=None, label=None, site=site, language=None)
        plain = dict.fromkeys(("external_id", "speaker", "section", "original_text", "original_language"))
        rows = [
            {**plain, "project_id": made.id, "transcript_id": transcript, "position": n, "paragraph": n + 1}
            | {"text": text, "role": "participant"}
            for n, text in enumerate(texts)
        ]
        add_segments(connection, rows)
    return transcript


def worker(database: Database, encoders: Encoders, name: str = "w", **options: Any) -> Worker:
    return Worker(database, {"suggest": suggest_steps(database, encoders)}, name=name, **options)


def start(database: Database, project: Project, **scope: Any) -> Run:
    wanted = Scope(**{"min_score": 0.0, **scope})
    return start_suggest_run(database, project, wanted, model_key=HASHING_MODEL)


def finished(database: Database, one: Run, by: Worker) -> Run:
    while by.work_once():
        pass
    return read(database, one)


def read(database: Database, one: Run) -> Run:
    with database.read() as connection:
        assert list(broken_invariants(connection)) == []
        return run(connection, one.project_id, one.id)


def waiting(database: Database) -> list[tuple[Any, ...]]:
    """Everything that is suggested, but for the numbers of the rows."""
    own = (suggestions.c[name] for name in ("segment_id", "rank", "code", "score", "basis", "content", "model_version"))
    query = select(*own).where(suggestions.c.status == "pending").order_by(suggestions.c.segment_id, suggestions.c.rank)
    with database.read() as connection:
        return [tuple(row) for row in connection.execute(query)]


def ids_of_suggestions(database: Database) -> list[int]:
    with database.read() as connection:
        return list(connection.execute(select(suggestions.c.id).order_by(suggestions.c.id)).scalars())


# What a run does


def test_a_run_suggests_what_one_request_suggests(database: Database, project: Project, encoders: Encoders) -> None:
    done = finished(database, start(database, project), worker(database, encoders))
    assert (done.state, done.segments, done.failed) == ("completed", 30, 0)
    assert done.suggested + done.abstained == 30
    by_run = waiting(database)
    assert len(by_run) == done.suggestions == 90
    SuggestForProject(database, encoders)(project, min_score=0)
    assert waiting(database) == by_run


def test_a_run_and_a_request_learn_from_the_same_decisions(
    database: Database, project: Project, encoders: Encoders
) -> None:
    SuggestForProject(database, encoders)(project, min_score=0)
    decide(database, project, ids_of_suggestions(database)[:20])
    SuggestForProject(database, encoders)(project, min_score=0)
    by_request = waiting(database)
    with database.write() as connection:
        connection.execute(update(suggestions).where(suggestions.c.status == "pending").values(status="withdrawn"))
    done = finished(database, start(database, project), worker(database, encoders))
    assert done.decision_number == 20
    assert waiting(database) == by_request


def test_what_a_service_remembers_from_earlier_suggestions_leaves_no_trace(
    database: Database, project: Project, encoders: Encoders
) -> None:
    suggest = SuggestForProject(database, encoders)
    suggest(project, min_score=0)
    for _ in range(3):
        with database.read() as connection:
            query = select(suggestions.c.id).where(suggestions.c.status == "pending").order_by(suggestions.c.id)
            pending = list(connection.execute(query).scalars())
        decide(database, project, pending[:4])
        suggest(project, min_score=0)
    remembering = waiting(database)
    with database.write() as connection:
        connection.execute(update(suggestions).where(suggestions.c.status == "pending").values(status="withdrawn"))
    started_anew = Encoders(Settings(model=HASHING_MODEL))
    started_anew.load()
    SuggestForProject(database, started_anew)(project, min_score=0)
    assert waiting(database) == remembering


def decide(database: Database, project: Project, ids: Sequence[int]) -> None:
    codes = {code.id for code in built_in_codebook("upsides").codes}
    with database.write() as connection:
        analyst = analyst_id(connection, "Ada")
    for number, one in enumerate(ids):
        Decide(database)(
            project_id=project.id,
            coding_set_id=project.coding_set_id,
            analyst_id=analyst,
            wishes=[Wish(kind="reject" if number % 3 else "accept", suggestion_id=one)],
            active_codes=lambda _version: codes,
        )


def test_a_second_run_keeps_the_suggestions_that_stay_the_same(
    database: Database, project: Project, encoders: Encoders
) -> None:
    by = worker(database, encoders)
    finished(database, start(database, project), by)
    before = ids_of_suggestions(database)
    assert finished(database, start(database, project), by).state == "completed"
    assert ids_of_suggestions(database) == before


def test_a_run_of_some_sites_or_transcripts_leaves_the_others_alone(
    database: Database, project: Project, encoders: Encoders
) -> None:
    by = worker(database, encoders)
    assert finished(database, start(database, project, sites=["BU"]), by).segments == 15
    assert len(waiting(database)) == 45
    transcript = add_texts(database, project, "UKE", ["a bus", "a job"])
    assert finished(database, start(database, project, transcripts=[transcript]), by).segments == 2
    assert len(waiting(database)) == 51


def test_a_run_of_what_changed_takes_what_is_new_and_after_a_change_of_the_codebook_all(
    database: Database, project: Project, encoders: Encoders
) -> None:
    by = worker(database, encoders)
    finished(database, start(database, project, sites=["BU"]), by)
    assert finished(database, start(database, project, only_changed=True), by).segments == 15
    add_texts(database, project, "UKE", ["a bus", "a job"])
    assert finished(database, start(database, project, only_changed=True), by).segments == 2
    assert finished(database, start(database, project, only_changed=True), by).segments == 0
    changed = new_codebook_version(database, project)
    assert finished(database, start(database, changed, only_changed=True), by).segments == 32


def new_codebook_version(database: Database, project: Project) -> Project:
    """As it will be when codebooks can be changed."""
    with database.write() as connection:
        content = dict(codebook_content(connection, project.codebook_version_id))
        content["codes"] = [{**code, "description": "A bus to the clinic."} for code in content["codes"]]
        row = {"project_id": project.id, "number": 2, "digest": "2", "content": content, "created_at": now()}
        key = connection.execute(insert(codebook_versions).values(row)).inserted_primary_key
    assert key is not None
    return replace(project, codebook_version_id=int(key[0]), codebook_number=2)


def test_a_run_stays_with_the_codebook_that_it_began_with(
    database: Database, project: Project, encoders: Encoders
) -> None:
    by = worker(database, encoders)
    finished(database, start(database, project), by)
    before = waiting(database)
    second = start(database, project)
    for _ in range(2):
        by.work_once()
    new_codebook_version(database, project)
    assert finished(database, second, by).codebook_number == 1
    assert waiting(database) == before


def test_a_run_stays_with_the_decisions_and_the_corpus_that_it_began_with(
    database: Database, project: Project, encoders: Encoders
) -> None:
    # More than a hundred texts, so that there is a reference.
    add_texts(database, project, "UKE", [f"{WORDS[n % 12]} {WORDS[n % 11]} again {n}" for n in range(100)])
    by = worker(database, encoders)
    finished(database, start(database, project), by)
    before = {row[0:4] for row in waiting(database)}
    second = start(database, project)
    with database.read() as connection:
        steps = lambda: connection.execute(select(chunks.c.step).where(chunks.c.run_id == second.id)).scalars().all()  # noqa: E731
        while list(steps()).count("score") < 2:
            connection.rollback()
            assert by.work_once()
    decide(database, project, ids_of_suggestions(database)[-8:])
    add_texts(database, project, "AD", [f"something else {n}" for n in range(50)])
    done = finished(database, second, by)
    assert (done.decision_number, done.segments) == (0, 130)
    # What was decided is no longer offered; all else is as if nothing had happened.
    assert {row[0:4] for row in waiting(database)} < before
    assert len(waiting(database)) == len(before) - 8


def test_a_project_has_one_active_run(database: Database, project: Project, encoders: Encoders) -> None:
    first = start(database, project)
    with pytest.raises(RunAlreadyActive) as refused:
        start(database, project)
    assert refused.value.extra == {"run": first.id}
    other = new_project(database, ["hope"])
    start(database, other)
    finished(database, first, worker(database, encoders))
    start(database, project)


def test_many_who_start_a_run_at_once_start_one(database: Database, project: Project) -> None:
    started, refused = [], []

    def ask() -> None:
        try:
            started.append(start(database, project))
        except RunAlreadyActive as error:
            refused.append(error)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(started), len(refused)) == (1, 7)


def test_a_cancelled_run_writes_nothing_more(database: Database, project: Project, encoders: Encoders) -> None:
    by = worker(database, encoders)
    first = start(database, project)
    while not waiting(database):
        by.work_once()
    before = waiting(database)
    cancelled = cancel_run(database, project.id, first.id)
    assert (cancelled.state, cancelled.is_active) == ("cancelled", False)
    assert not by.work_once()
    assert waiting(database) == before
    assert cancel_run(database, project.id, first.id) == cancelled
    assert finished(database, start(database, project), by).state == "completed"


def test_a_run_that_is_cancelled_while_a_chunk_is_done_does_not_get_it(
    database: Database, project: Project, encoders: Encoders
) -> None:
    first = start(database, project)
    with database.write() as connection:
        chunk = claim_chunk(connection, "slow")
    assert chunk is not None
    cancel_run(database, project.id, first.id)
    with database.write() as connection:
        assert not renew_lease(connection, chunk)
        assert not finish_chunk(connection, chunk, "done")


def test_another_projects_run_is_as_if_it_were_not_there(database: Database, project: Project) -> None:
    first = start(database, project)
    other = new_project(database, ["hope"])
    with pytest.raises(NotFound):
        cancel_run(database, other.id, first.id)
    assert read(database, first).state == "waiting"


# Leases and fences


@pytest.fixture
def claimed(database: Database, project: Project) -> Chunk:
    start(database, project)
    with database.write() as connection:
        chunk = claim_chunk(connection, "first")
    assert chunk is not None
    return chunk


def expire(database: Database, seconds: float) -> None:
    with database.write() as connection:
        connection.execute(update(chunks).values(lease_until=chunks.c.lease_until + seconds))


def test_nobody_gets_a_chunk_that_somebody_holds(database: Database, claimed: Chunk) -> None:
    with database.write() as connection:
        assert claim_chunk(connection, "second") is None


def test_a_chunk_whose_holder_fell_silent_goes_to_another_and_the_first_one_writes_nothing(
    database: Database, claimed: Chunk
) -> None:
    expire(database, -31)
    with database.write() as connection:
        again = claim_chunk(connection, "second")
    assert again is not None
    assert (again.id, again.attempt, again.fence) == (claimed.id, 2, claimed.fence + 1)
    with database.write() as connection:
        assert not renew_lease(connection, claimed)
        assert not finish_chunk(connection, claimed, "done")
        assert renew_lease(connection, again)


def test_a_clock_that_was_put_back_holds_no_chunk_for_ever(database: Database, claimed: Chunk) -> None:
    expire(database, 24 * 3_600)
    with database.write() as connection:
        assert claim_chunk(connection, "second") is not None


def test_what_a_stopped_worker_held_is_free_at_once_and_the_attempt_does_not_count(
    database: Database, claimed: Chunk
) -> None:
    with database.write() as connection:
        release_worker(connection, "first", uncounted=True)
        again = claim_chunk(connection, "second")
    assert again is not None
    assert (again.attempt, again.fence) == (1, claimed.fence + 1)


def test_two_workers_share_a_run_and_do_each_chunk_once(
    database: Database, project: Project, encoders: Encoders
) -> None:
    first = start(database, project)
    workers = [worker(database, encoders, name) for name in ("a", "b", "c")]
    threads = [threading.Thread(target=finished, args=(database, first, by)) for by in workers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    done = finished(database, first, workers[0])
    assert (done.state, len(waiting(database))) == ("completed", 90)
    with database.read() as connection:
        assert connection.execute(select(func.max(chunks.c.attempt))).scalar() == 1


def test_a_lease_is_renewed_while_a_chunk_is_being_done(database: Database, project: Project) -> None:
    entered, may_end = threading.Event(), threading.Event()

    def wait(vectors: Vectors) -> Vectors:
        entered.set()
        assert may_end.wait(20)
        return vectors

    add_texts(database, project, "UKE", [POISON])
    first = start(database, project)
    by = worker(database, fragile(wait), heartbeat_seconds=0.01)
    thread = threading.Thread(target=finished, args=(database, first, by))
    thread.start()
    assert entered.wait(20)
    expire(database, -29.5)
    before = longest_lease(database)
    while longest_lease(database) <= before + 20:
        pass
    may_end.set()
    thread.join()
    assert read(database, first).state == "completed"


def longest_lease(database: Database) -> float:
    with database.read() as connection:
        return float(connection.execute(select(func.max(chunks.c.lease_until))).scalar() or 0)


def test_a_worker_that_hangs_in_a_chunk_is_reported(
    database: Database, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    stuck = threading.Event()

    def wait(vectors: Vectors) -> Vectors:
        assert stuck.wait(20)
        return vectors

    monkeypatch.setattr(suggest_kind, "PATIENCE_SECONDS", 0.0)
    monkeypatch.setattr(suggest_kind, "CHARACTERS_PER_SECOND", 1e9)
    add_texts(database, project, "UKE", [POISON])
    first = start(database, project)
    by = worker(database, fragile(wait), heartbeat_seconds=0.01, when_stuck=stuck.set)
    assert finished(database, first, by).state == "completed"
    assert stuck.is_set()


# What fails


def fragile(harm: Callable[[Vectors], Vectors]) -> Encoders:
    encoders = Encoders(Settings(model=HASHING_MODEL))
    loaded = encoders.load()
    encoders._loaded[HASHING_MODEL] = replace(loaded, encoder=FragileEncoder(harm))
    return encoders


@pytest.mark.parametrize(
    "harm",
    [
        pytest.param(fail, id="raises"),
        pytest.param(lambda vectors: vectors * np.float32(np.nan), id="not a number"),
        pytest.param(lambda vectors: vectors * np.float32(0), id="zero"),
        pytest.param(lambda vectors: vectors[:, :5], id="another dimension"),
        pytest.param(lambda vectors: vectors[:-1], id="too few"),
        pytest.param(lambda vectors: vectors.astype(np.float64), id="another type"),
        pytest.param(lambda _: None, id="nothing"),
    ],
)
def test_a_segment_that_the_encoder_fails_on_is_listed_and_the_others_are_done(
    database: Database, encoders: Encoders, harm: Callable[[Vectors], Vectors]
) -> None:
    texts = [f"{WORDS[n % 13]} {n}" for n in range(20)]
    project = new_project(database, [*texts, f"{POISON} in the well"])
    done = finished(database, start(database, project), worker(database, fragile(harm)))
    assert (done.state, done.segments, done.failed) == ("completed_with_failures", 21, 1)
    assert done.suggested + done.abstained == 20
    with database.read() as connection:
        (failed,) = list_failed_segments(connection, project.id, done.id, after=0, limit=10)
        stored = connection.execute(select(func.count()).select_from(vectors)).scalar()
    assert (failed.reference, failed.reason) == ("BU 11", "encoder_failed")
    assert stored is not None
    without = waiting(database)
    assert {row[0] for row in without} == {row[0] for row in without} - {failed.segment_id}
    # Once it can be encoded, a run of what changed takes it, and the one beside it, for which it counts.
    again = finished(database, start(database, project, only_changed=True), worker(database, encoders))
    assert (again.state, again.segments) == ("completed", 2)


def test_a_worker_that_dies_of_a_segment_three_times_leaves_it_to_the_list(
    database: Database, encoders: Encoders
) -> None:
    project = new_project(database, [f"{WORDS[n % 13]} {n}" for n in range(12)])
    first = start(database, project)
    by = worker(database, encoders)
    deaths = 0
    poisoned = 5

    def dies(chunk: Mapping[str, Any]) -> bool:
        return chunk["step"] == "encode" and poisoned in chunk["segment_ids"]

    while (chunk := next_chunk(database)) is not None:
        if dies(chunk) and chunk["attempt"] < (2 if len(chunk["segment_ids"]) > 1 else 3):
            with database.write() as connection:
                assert claim_chunk(connection, "mortal") is not None
                release_worker(connection, "mortal")
            deaths += 1
        else:
            by.work_once()
    done = read(database, first)
    assert (done.state, done.failed, deaths) == ("completed_with_failures", 1, 5)
    with database.read() as connection:
        (failed,) = list_failed_segments(connection, project.id, done.id, after=0, limit=10)
    assert (failed.segment_id, failed.reason) == (poisoned, "worker_stopped")
    assert {row[0] for row in waiting(database)} == set(range(1, 13)) - {poisoned}


def next_chunk(database: Database) -> Mapping[str, Any] | None:
    query = select(chunks).where(chunks.c.state == "waiting").order_by(chunks.c.id).limit(1)
    with database.read() as connection:
        row = connection.execute(query).first()
    return None if row is None else row._mapping


def test_a_run_whose_model_cannot_be_loaded_fails_with_the_reason(
    database: Database, project: Project, encoders: Encoders, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(_self: Encoders, _key: str | None = None) -> Any:
        raise ModelFolderMissing

    monkeypatch.setattr(Encoders, "load", missing)
    done = finished(database, start(database, project), worker(database, encoders))
    assert (done.state, done.failure) == ("failed", ModelFolderMissing.code)
    monkeypatch.undo()
    monkeypatch.setattr(suggest_kind, "ENCODED_AT_ONCE", 8)
    monkeypatch.setattr(suggest_kind, "SCORED_AT_ONCE", 8)
    assert finished(database, start(database, project), worker(database, encoders)).state == "completed"


def test_a_run_does_not_go_on_with_another_model(database: Database, project: Project, encoders: Encoders) -> None:
    first = start(database, project)
    worker(database, encoders).work_once()
    other = Encoders(Settings(model=HASHING_MODEL))
    loaded = other.load()
    encoder = HashingEncoder()
    encoder.identity = EncoderIdentity(name="hashing", hash="another", dimension=384)
    other._loaded[HASHING_MODEL] = replace(loaded, encoder=encoder)
    done = finished(database, first, worker(database, other))
    assert (done.state, done.failure) == ("failed", "model_changed")


def test_a_mistake_of_ours_in_working_a_step_out_fails_the_run_after_three_attempts(
    database: Database, project: Project
) -> None:
    attempts = []

    class Broken:
        def plan(self, run: Run) -> Any:
            attempts.append(run.id)
            raise KeyError(POISON)

    kinds: Kinds = {"suggest": {"encode": Broken(), "score": Broken()}}  # type: ignore[dict-item] # it never gets further
    done = finished(database, start(database, project), Worker(database, kinds, name="w"))
    assert (done.state, done.failure, len(attempts)) == ("failed", "internal_error", 3)


def test_a_segment_that_is_removed_while_a_run_works_is_passed_over(
    database: Database, project: Project, encoders: Encoders
) -> None:
    from service.storage.transcripts import remove_segments

    first = start(database, project)
    by = worker(database, encoders)
    by.work_once()
    with database.write() as connection:
        remove_segments(connection, [28, 29, 30])
    done = finished(database, first, by)
    assert (done.state, done.segments, done.suggested + done.abstained) == ("completed", 27, 27)


def test_a_worker_that_goes_on_writes_once_for_each_chunk(
    database: Database, project: Project, encoders: Encoders, monkeypatch: pytest.MonkeyPatch
) -> None:
    by = worker(database, encoders)
    finished(database, start(database, project), by)
    again = start(database, project)
    written: list[None] = []
    write = database.write

    def counted() -> AbstractContextManager[Connection]:
        written.append(None)
        return write()

    monkeypatch.setattr(database, "write", counted)
    chunks_done = by.work_while_there_is_any()
    # Two plans and four chunks; only the first one is claimed in a transaction of its own.
    assert (chunks_done, len(written)) == (6, 7)
    assert read(database, again).state == "completed"


def test_a_run_with_nothing_to_encode_reads_its_corpus_once(
    database: Database, project: Project, encoders: Encoders, monkeypatch: pytest.MonkeyPatch
) -> None:
    readings: list[int] = []
    corpus_of_run = suggest_kind.corpus_of_run

    def counted(connection: Connection, run: Run, model_hash: str) -> CorpusOfRun:
        readings.append(run.id)
        return corpus_of_run(connection, run, model_hash)

    monkeypatch.setattr(suggest_kind, "corpus_of_run", counted)
    by = worker(database, encoders)
    first = finished(database, start(database, project), by)
    second = finished(database, start(database, project), by)
    assert readings == [first.id, first.id, second.id]


def test_a_plan_that_came_too_late_leaves_no_older_corpus_behind(
    database: Database, project: Project, encoders: Encoders
) -> None:
    late = suggest_steps(database, encoders)
    finished(database, start(database, project), worker(database, encoders))
    second = start(database, project)
    # One worker plans and falls silent; another one plans anew, with what has been added meanwhile.
    late["encode"].plan(second)
    add_texts(database, project, "BU", ["Something else is said now.", "And this, too."])
    other = worker(database, encoders)
    assert other.work_once()
    assert other.work_once()
    done = finished(database, second, Worker(database, {"suggest": late}, name="late"))
    assert (done.state, done.segments, done.suggested + done.abstained) == ("completed", 32, 32)


def test_an_empty_project_is_done_at_once(database: Database, encoders: Encoders) -> None:
    project = create_project(database, name="n", note="", external_id=None, codebook=built_in_codebook("upsides"))
    done = finished(database, start(database, project), worker(database, encoders))
    assert (done.state, done.segments) == ("completed", 0)
