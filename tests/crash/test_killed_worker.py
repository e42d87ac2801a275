"""Workers are killed, stopped and starved while they work: what a run comes to is what it comes to undisturbed."""

import hashlib
import json
import os
import random
import resource
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest
from sqlalchemy import func, select, update

from models.codebook import built_in_codebook
from service.actions.create_project import create_project
from service.actions.start_run import Scope, start_suggest_run
from service.batch.suggest import suggest_steps
from service.batch.supervisor import MOST_WORKERS, Supervisor
from service.batch.worker import Worker
from service.encoders import Encoders
from service.errors import StorageUnavailable
from service.settings import HASHING_MODEL, Settings
from service.storage.backup import back_up
from service.storage.database import Database
from service.storage.examination import examine
from service.storage.projects import Project
from service.storage.runs import Run, list_failed_segments, run
from service.storage.schema import migrate
from service.storage.tables import chunks, suggestions
from service.storage.transcripts import add_segments, add_transcript

# `make crash` asks for more.
ROUNDS = int(os.environ.get("THEMECODER_CRASH_ROUNDS", "3"))
KILLS = int(os.environ.get("THEMECODER_CRASH_KILLS", "25"))
CUTS = int(os.environ.get("THEMECODER_TORN_RUNS", "100"))
SEGMENTS = 400
WORDS = ("hope", "cost", "family", "job", "training", "trust", "money", "time", "peer", "doctor", "clinic", "bus")
# The worker as it is, but with small chunks, quick leases, and an encoder that may be told to do harm.
WORKER = """
import sys, time, os, signal
from models import hashing_encoder
from service.batch import __main__ as program, suggest, worker
from service.storage import chunks
suggest.ENCODED_AT_ONCE = suggest.SCORED_AT_ONCE = 16
# On a busy machine the lowest priority takes minutes.
program.LOWEST_PRIORITY = 0
chunks.LEASE_SECONDS = {lease}
chunks.LONGEST_LEASE_SECONDS = 3600.0
worker.Worker.__init__.__kwdefaults__["heartbeat_seconds"] = {heartbeat}
worker.STORAGE_RETRY_SECONDS = 0.1
encode = hashing_encoder.HashingEncoder.encode
def slowly(self, texts):
    {harm}
    return encode(self, texts)
hashing_encoder.HashingEncoder.encode = slowly
program.main()
"""


@contextmanager
def working(
    folder: Path,
    *,
    harm: str = "pass",
    lease: float = 30,
    heartbeat: float = 10,
    name: str | None = None,
    **limits: int,
) -> Iterator[subprocess.Popen[bytes]]:
    """A worker process on a data folder."""
    code = textwrap.dedent(WORKER).format(harm=harm, lease=lease, heartbeat=heartbeat)
    environment = {**os.environ, "THEMECODER_DATA": str(folder), "THEMECODER_MODEL": HASHING_MODEL}
    name = name or f"worker-{time.monotonic_ns()}"
    with (folder / "worker.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-c", code, name],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=log,
            preexec_fn=lambda: [
                resource.setrlimit(getattr(resource, what), (most, most)) for what, most in limits.items()
            ],
        )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGCONT)
        process.kill()
        process.communicate()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def database(folder: Path) -> Iterator[Database]:
    database = Database(f"sqlite:///{folder / 'themecoder.sqlite3'}")
    migrate(database)
    yield database
    found = examine(database)
    database.close()
    assert found.problems == []


def study(database: Database, segments: int = SEGMENTS, *, also: str | None = None) -> Project:
    made = create_project(database, name="Study", note="", external_id=None, codebook=built_in_codebook("upsides"))
    texts = [f"{WORDS[n % 12]} {WORDS[n % 7]} {WORDS[n % 5]} {n}" for n in range(segments)]
    texts[segments // 2 : segments // 2] = [also] if also else []
    plain = dict.fromkeys(("external_id", "speaker", "section", "original_text", "original_language"))
    with database.write() as connection:
        transcript = add_transcript(connection, made.id, external_id="t", label=None, site=None, language=None)
        row = {**plain, "project_id": made.id, "transcript_id": transcript, "role": "participant"}
        add_segments(
            connection, [{**row, "position": n, "paragraph": n + 1, "text": text} for n, text in enumerate(texts)]
        )
    return made


def start(database: Database, project: Project) -> Run:
    return start_suggest_run(database, project, Scope(min_score=0.0), model_key=HASHING_MODEL)


def read(database: Database, one: Run) -> Run:
    with database.read() as connection:
        return run(connection, one.project_id, one.id)


def wait_until(condition: Callable[[], bool], seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def wait_for_end(database: Database, one: Run) -> Run:
    wait_until(lambda: not read(database, one).is_active)
    return read(database, one)


def forget_leases(database: Database) -> None:
    """What a supervisor does for a worker that it saw end."""
    with database.write() as connection:
        held = update(chunks).where(chunks.c.state == "working")
        connection.execute(held.values(state="waiting", lease_until=None, worker=None))


def digest(database: Database) -> str:
    """Of codes and rounded scores, for each segment in order."""
    own = (suggestions.c[name] for name in ("segment_id", "rank", "code", "score"))
    query = select(*own).where(suggestions.c.status == "pending").order_by(suggestions.c.segment_id, suggestions.c.rank)
    with database.read() as connection:
        rows = [(row.segment_id, row.rank, row.code, round(row.score, 4)) for row in connection.execute(query)]
    assert rows
    return hashlib.sha256(json.dumps(rows).encode()).hexdigest()


def chunks_done(database: Database) -> int:
    with database.read() as connection:
        query = select(func.count()).select_from(chunks).where(chunks.c.state == "done")
        return int(connection.execute(query).scalar_one())


@pytest.fixture
def undisturbed(tmp_path: Path) -> str:
    """The digest of a run that nobody disturbed."""
    folder = tmp_path / "undisturbed"
    database = Database(f"sqlite:///{folder / 'themecoder.sqlite3'}")
    migrate(database)
    one = start(database, study(database))
    with working(folder):
        assert wait_for_end(database, one).state == "completed"
    found = digest(database)
    database.close()
    return found


def test_a_worker_that_is_killed_again_and_again_comes_to_the_same(
    folder: Path, database: Database, undisturbed: str
) -> None:
    draw = random.Random(1)  # noqa: S311 - no secret
    project = study(database)
    one = start(database, project)
    kills = 0
    while kills < KILLS:
        if not read(database, one).is_active:
            assert read(database, one).state == "completed"
            assert digest(database) == undisturbed
            one = start(database, project)
        with working(folder, harm="time.sleep(0.02)"):
            before = chunks_done(database) + draw.randrange(4)
            wait_until(
                lambda before=before, one=one: chunks_done(database) >= before or not read(database, one).is_active
            )
            time.sleep(draw.uniform(0, 0.1))
        kills += 1
        forget_leases(database)
    with working(folder):
        done = wait_for_end(database, one)
    assert (done.state, done.failed, done.segments) == ("completed", 0, SEGMENTS)
    assert digest(database) == undisturbed


def test_a_worker_that_was_stopped_past_its_lease_writes_nothing(
    folder: Path, database: Database, undisturbed: str
) -> None:
    for _ in range(max(1, KILLS // 25)):
        project = study(database)
        one = start(database, project)
        with working(folder, harm="time.sleep(0.05)", lease=1, heartbeat=0.2, name="zombie") as zombie:
            wait_until(lambda zombie=zombie: is_stopped_within_a_chunk(database, zombie))
            with working(folder, lease=1, heartbeat=0.2):
                done = wait_for_end(database, one)
            before = examine(database).digest
            zombie.send_signal(signal.SIGCONT)
            time.sleep(1.5)
            assert zombie.poll() is None
            assert examine(database).digest == before
        assert done.state == "completed"


def is_stopped_within_a_chunk(database: Database, zombie: subprocess.Popen[bytes]) -> bool:
    if held_by(database, "zombie") == 0:
        return False
    zombie.send_signal(signal.SIGSTOP)
    with suppress(StorageUnavailable), database.write():
        if held_by(database, "zombie"):
            return True
    # It was between two chunks, or in the middle of writing, where nobody else could write either.
    zombie.send_signal(signal.SIGCONT)
    return False


def held_by(database: Database, worker: str) -> int:
    query = select(chunks.c.id).where(chunks.c.worker == worker, chunks.c.state == "working")
    with database.read() as connection:
        return int(connection.execute(query).scalar() or 0)


def test_what_the_worker_of_a_killed_service_held_is_done_without_waiting_for_its_lease(
    folder: Path, database: Database
) -> None:
    ours, theirs = start(database, study(database, 20)), start(database, study(database, 20))
    nobody = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], check=True, capture_output=True)
    names = (f"{socket.gethostname()[:100]}-{int(nobody.stdout)}-0", "elsewhere-1-0")
    held = update(chunks).values(state="working", attempt=1, lease_until=database_clock(database) + 50)
    with database.write() as connection:
        for one, name in zip((ours, theirs), names, strict=True):
            connection.execute(held.where(chunks.c.run_id == one.id).values(worker=name))
    environment = {**os.environ, "THEMECODER_DATA": str(folder), "THEMECODER_MODEL": HASHING_MODEL}
    supervisor = Supervisor(f"sqlite:///{folder / 'themecoder.sqlite3'}", environment)
    supervisor.start()
    wait_until(lambda: not read(database, ours).is_active, seconds=30)
    supervisor.stop()
    assert read(database, ours).state == "completed"
    # Whether another machine's is gone cannot be seen from here.
    assert read(database, theirs).state == "waiting"
    assert held_by(database, "elsewhere-1-0")


def test_the_workers_of_one_service_share_a_run_and_take_nothing_from_each_other(
    folder: Path, database: Database
) -> None:
    one = start(database, study(database, 8_000))
    environment = {**os.environ, "THEMECODER_DATA": str(folder), "THEMECODER_MODEL": HASHING_MODEL}
    supervisor = Supervisor(f"sqlite:///{folder / 'themecoder.sqlite3'}", environment)
    supervisor.start()
    done = wait_for_end(database, one)
    supervisor.stop()
    assert (done.state, done.segments) == ("completed", 8_000)
    with database.read() as connection:
        taken = connection.execute(select(chunks.c.worker, chunks.c.attempt).where(chunks.c.run_id == one.id)).all()
    assert len({row.worker for row in taken}) == min(MOST_WORKERS, len(os.sched_getaffinity(0)))
    assert {row.attempt for row in taken} == {1}


def database_clock(database: Database) -> float:
    with database.read() as connection:
        return float(connection.exec_driver_sql("SELECT julianday('now') * 86400.0").scalar_one())


def test_a_segment_that_kills_its_worker_is_listed_and_the_others_are_done(folder: Path, database: Database) -> None:
    project = study(database, 40, also="poison")
    one = start(database, project)
    poison = "os.kill(os.getpid(), signal.SIGKILL) if 'poison' in texts else None"
    deaths = 0
    while read(database, one).is_active:
        with working(folder, harm=poison) as mortal:
            wait_until(lambda mortal=mortal: mortal.poll() is not None or not read(database, one).is_active)
            deaths += mortal.poll() is not None
        forget_leases(database)
    done = read(database, one)
    assert (done.state, done.segments, done.failed, deaths) == ("completed_with_failures", 41, 1, 5)
    assert done.suggested + done.abstained == 40
    with database.read() as connection:
        (failed,) = list_failed_segments(connection, project.id, done.id, after=0, limit=10)
    assert (failed.reference, failed.reason) == ("t 21", "worker_stopped")


def test_a_disk_that_fills_up_holds_a_run_up_and_no_more(folder: Path, database: Database, undisturbed: str) -> None:
    project = study(database)
    one = start(database, project)
    room = (folder / "themecoder.sqlite3").stat().st_size + 300_000
    with working(folder, RLIMIT_FSIZE=room) as worker:
        wait_until(lambda: "database: " in (folder / "worker.log").read_text() or not read(database, one).is_active)
        assert worker.poll() is None
        assert read(database, one).is_active
    assert examine(database).problems == []
    forget_leases(database)
    with working(folder):
        done = wait_for_end(database, one)
    assert (done.state, done.failed) == ("completed", 0)
    assert digest(database) == undisturbed


def test_a_torn_log_leaves_a_run_that_goes_on_to_the_same(
    folder: Path, database: Database, undisturbed: str, tmp_path: Path
) -> None:
    project = study(database)
    with closing(sqlite3.connect(folder / "themecoder.sqlite3")) as connection:
        # What is older than the run was synced long ago.
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    one = start(database, project)
    with working(folder, harm="time.sleep(0.02)") as worker:
        wait_until(lambda: chunks_done(database) >= 30)
        worker.kill()
    chance = random.Random(5)  # noqa: S311 - places, not secrets
    recovered = set()
    for number in range(CUTS):
        torn = Database(f"sqlite:///{copied_and_torn(folder, tmp_path / str(number), chance) / 'themecoder.sqlite3'}")
        assert examine(torn).problems == []
        recovered.add(chunks_done(torn))
        if number % 25 == 0:
            assert ended_here(torn, one).state == "completed"
            assert digest(torn) == undisturbed
        torn.close()
    assert len(recovered) > 5


def copied_and_torn(folder: Path, target: Path, chance: random.Random) -> Path:
    """A copy whose log is cut at a random place, or garbled there."""
    target.mkdir()
    for ending in ("", "-wal"):
        shutil.copy(folder / f"themecoder.sqlite3{ending}", target)
    log = target / "themecoder.sqlite3-wal"
    place = chance.randrange(log.stat().st_size)
    if chance.random() < 0.5:
        os.truncate(log, place)
    else:
        with log.open("r+b") as file:
            file.seek(place)
            file.write(chance.randbytes(chance.randrange(1, 10_000)))
    return target


def ended_here(database: Database, one: Run) -> Run:
    """The run after a worker in this process has done what was left of it."""
    forget_leases(database)
    worker = Worker(database, {"suggest": suggest_steps(database, Encoders(Settings(model=HASHING_MODEL)))}, name="w")
    while worker.work_once():
        pass
    return read(database, one)


def test_a_backup_of_a_run_at_work_goes_on_elsewhere_to_the_same(
    folder: Path, database: Database, undisturbed: str, tmp_path: Path
) -> None:
    one = start(database, study(database))
    copies = []
    with working(folder, harm="time.sleep(0.02)"):
        for number in range(4):
            wait_until(lambda number=number: chunks_done(database) >= 10 * number)
            copies.append(tmp_path / f"backup {number}")
            back_up(database, copies[-1])
    for copy in copies:
        elsewhere = Database(f"sqlite:///{copy}")
        assert examine(elsewhere).problems == []
        assert ended_here(elsewhere, one).state == "completed"
        assert digest(elsewhere) == undisturbed
        elsewhere.close()


def test_a_migration_that_is_killed_leaves_the_schema_before_or_after_it(tmp_path: Path) -> None:
    code = """
        import os, signal, sys
        from alembic import op
        from sqlalchemy import event
        from sqlalchemy.engine import Engine
        from service.storage.database import Database
        from service.storage.schema import migrate
        left = int(sys.argv[2])
        @event.listens_for(Engine, "before_cursor_execute")
        def count(*arguments):
            global left
            left -= 1
            if left < 0:
                os.kill(os.getpid(), signal.SIGKILL)
        migrate(Database(sys.argv[1]))
    """
    draw = random.Random(1)  # noqa: S311 - no secret
    ends = set()
    for number in range(3 + ROUNDS):
        folder = tmp_path / str(number)
        folder.mkdir()
        url = f"sqlite:///{folder / 'themecoder.sqlite3'}"
        command = [sys.executable, "-c", textwrap.dedent(code), url, str(1_000 if number == 0 else draw.randrange(70))]
        ends.add(subprocess.run(command, check=False, capture_output=True).returncode)
        database = Database(url)
        migrate(database)
        assert examine(database).problems == []
        database.close()
    assert ends == {0, -signal.SIGKILL}


def test_a_worker_waits_for_the_schema_that_it_needs_and_refuses_a_newer_one(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    database = Database(f"sqlite:///{folder / 'themecoder.sqlite3'}")
    with working(folder) as worker:
        time.sleep(2)
        assert worker.poll() is None
        migrate(database)
        one = start(database, study(database, 20))
        assert wait_for_end(database, one).state == "completed"
    with database.write() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    with working(folder) as worker:
        assert worker.wait(timeout=60) == 1
    assert "newer version" in (folder / "worker.log").read_text()
    database.close()
