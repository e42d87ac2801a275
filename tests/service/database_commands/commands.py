"""The commands that look after a database, and a database with something in every table."""

import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from click.testing import CliRunner, Result
from sqlalchemy import Connection, insert, update

from service.cli import main
from service.storage.tables import (
    adaptations,
    analysts,
    chunks,
    codebook_versions,
    coding_sets,
    codings,
    decisions,
    failed_segments,
    idempotency_keys,
    model_choices,
    no_codes,
    projects,
    rounds,
    runs,
    segments,
    suggestions,
    transcripts,
    vectors,
)
from service.storage.times import now

SECRET = "Zwiebelturm"
COMMAND = Path(sys.executable).with_name("themecoder")
DIGEST = re.compile(r"content digest [0-9a-f]{64}")
# Decides for ever, and says which decisions are written.
WRITER = """
import itertools
from service.settings import Settings
from service.storage.database import Database
from tests.service.database_commands.commands import decide
database = Database(Settings().database_url)
for number in itertools.count(1):
    with database.write() as connection:
        decide(connection, "code", 1 + number % 3, code=f"n{number}")
        decide(connection, "code", 1 + number % 3, code=f"m{number}")
        last = connection.exec_driver_sql("SELECT last_decision FROM coding_sets").scalar_one()
    print(last, flush=True)
"""


def themecoder(*arguments: object) -> Result:
    return CliRunner().invoke(main, list(map(str, arguments)))


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def as_process(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([COMMAND, *map(str, arguments)], capture_output=True, text=True, check=False, timeout=60)


def refused(result: Result) -> str:
    assert (result.exit_code, result.stdout) == (1, "")
    (line,) = result.stderr.splitlines()
    assert SECRET not in line
    return line


def assert_clean(result: Result) -> str:
    """The digest that the doctor prints."""
    assert (result.exit_code, result.stderr) == (0, "")
    line, digest = result.stdout.splitlines()
    assert line == "no problems found"
    assert DIGEST.fullmatch(digest)
    return digest.rpartition(" ")[2]


def fill(connection: Connection) -> None:
    """A project with two transcripts, and one row or more in every table."""
    at, here = now(), {"project_id": 1}
    on = {**here, "coding_set_id": 1}
    texts = [f"{SECRET} {number}" for number in range(4)]
    connection.execute(insert(analysts), [{"name": name, "created_at": at} for name in ("a", "b")])
    connection.execute(insert(projects), {"name": SECRET, "created_at": at})
    connection.execute(
        insert(codebook_versions), {**here, "number": 1, "digest": "x", "content": {"b": 1, "a": [2]}, "created_at": at}
    )
    connection.execute(insert(transcripts), [{**here, "label": label, "created_at": at} for label in "xy"])
    connection.execute(
        insert(segments),
        [
            {
                **here,
                "transcript_id": 1 + n // 2,
                "position": n % 2,
                "paragraph": n,
                "text": words,
                "role": "participant",
            }
            for n, words in enumerate(texts)
        ],
    )
    connection.execute(
        insert(rounds), {**here, "number": 1, "name": "r", "visibility": "open", "help": "assisted", "created_at": at}
    )
    connection.execute(insert(coding_sets), {**here, "round_id": 1, "last_decision": 0})
    suggested = {"score": 0.1, "basis": "prior", "content": "{}", "model_version": "m", "codebook_version_id": 1}
    connection.execute(
        insert(suggestions),
        [{**on, **suggested, "segment_id": n, "rank": 1, "code": "c", "status": "pending"} for n in (1, 2, 3)],
    )
    decide(connection, "accept", 1, suggestion=1)
    decide(connection, "code", 2)
    decide(connection, "no_code", 4)
    connection.execute(insert(vectors), {**here, "model_hash": "m", "text_hash": b"\0" * 32, "vector": b"\xff\0"})
    connection.execute(
        insert(idempotency_keys),
        {"key": "k", "request_hash": b"\1" * 32, "status": 201, "answer": "", "created_at": at},
    )
    run = {"kind": "suggest", "request": {"top_k": 3}, "codebook_version_id": 1, "step": "score", "created_at": at}
    ended = {"state": "completed_with_failures", "step_size": 2, "step_done": 2, "segments": 2, "abstained": 1}
    connection.execute(insert(runs), {**on, **run, **ended, "failed": 1, "pinned": {"reference": []}, "ended_at": at})
    chunk = {"run_id": 1, "step": "score", "segment_ids": [1, 2], "size": 2, "state": "done", "fence": 1}
    connection.execute(insert(chunks), {**here, **chunk})
    connection.execute(insert(failed_segments), {**here, "run_id": 1, "segment_id": 2, "reason": "encoder_failed"})
    refused_fit = {"run_id": 1, "codebook_version_id": 1, "number": 1, "decision_number": 3, "seed": 2**32 - 1}
    of_base = {"base_key": "m", "base_hash": "m", "comparison": {"examples": 24}, "model_hash": None}
    connection.execute(insert(adaptations), {"project_id": 1, **refused_fit, **of_base, "made_at": at})
    connection.execute(insert(model_choices), {"project_id": 1, "adaptation_id": None, "chosen_at": at})


def decide(connection: Connection, kind: str, segment: int, *, code: str = "c", suggestion: int | None = None) -> None:
    """One decision of the first coding set, with what it makes."""
    number = connection.execute(
        update(coding_sets).values(last_decision=coding_sets.c.last_decision + 1).returning(coding_sets.c.last_decision)
    ).scalar_one()
    on = {"project_id": 1, "coding_set_id": 1, "segment_id": segment}
    made = {"number": number, "analyst_id": 1, "suggestion_id": suggestion, "kind": kind, "at": now()}
    key = connection.execute(
        insert(decisions).values(**on, **made, code=None if kind == "no_code" else code, suggestions_visible=True)
    ).inserted_primary_key
    assert key
    if kind == "no_code":
        connection.execute(insert(no_codes), {**on, "decision_id": key[0]})
        return
    origin = {"accept": "accepted", "code": "hand"}[kind]
    connection.execute(
        insert(codings), {**on, "code": code, "origin": origin, "decision_id": key[0], "codebook_version_id": 1}
    )
    if suggestion is not None:
        connection.execute(
            update(suggestions).where(suggestions.c.id == suggestion).values(status="accepted", decision_number=number)
        )


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.002)
