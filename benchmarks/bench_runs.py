"""Runs over 10,000 segments and 100 codes: cold, warm, after one code's definition changed; and reads meanwhile.

The service runs as its own process on SQLite in a new data folder, with the bundled model, and its workers do the
runs. They load the model in a small run first. A machine's speed changes within minutes: the encoder alone does the
same texts in this process before and after each cold run, and each round says how long bare SQLite takes.
"""

import asyncio
import json
import os
import random
import sqlite3
import tempfile
import time
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

from bench_encoding import mixed_texts
from bench_projects import call, service
from bench_suggest_http import load, request, show

from models.codebook import Code, Codebook
from models.encoder import TextEncoder
from models.suggester import encode_segments
from service.encoders import Encoders
from service.settings import Settings

SEGMENTS = int(os.environ.get("BENCH_SEGMENTS", "10000"))
CODES = 100
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "3"))
PER_TRANSCRIPT = 2_000
LONGEST = 60
CLIENTS = 16


def codebook() -> Codebook:
    """Ten themes with ten codes each, invented."""
    words = mixed_texts(2 * CODES, longest=20, seed=3)
    themes = [Code(id=f"t{n}", name=f"Theme {n}") for n in range(CODES // 10)]
    leaves = [
        Code(id=f"c{n}", name=f"{words[n][:50]} {n}", description=words[CODES + n], parent=f"t{n % len(themes)}")
        for n in range(CODES)
    ]
    return Codebook(id="b", name="Bench", codes=[*themes, *leaves])


def fill(project: int, texts: list[str]) -> None:
    """Transcripts with these texts."""
    for at in range(0, len(texts), PER_TRANSCRIPT):
        segments = [{"text": text} for text in texts[at : at + PER_TRANSCRIPT]]
        call("PUT", f"/v1/projects/{project}/transcripts/t{at}", {"segments": segments})


def run(project: int) -> tuple[float, dict[str, Any]]:
    """Seconds from asking for a run to its end, as the service tells them, and the run."""
    found: dict[str, Any] = call("POST", f"/v1/projects/{project}/runs", {"min_score": 0})
    while found["state"] in ("waiting", "working"):
        # Asking takes from the run, and its figures are its own.
        time.sleep(1)
        found = call("GET", f"/v1/projects/{project}/runs/{found['id']}")
    assert found["state"] == "completed", found
    asked, ended = (datetime.fromisoformat(found[name]) for name in ("created_at", "ended_at"))
    return (ended - asked).total_seconds(), found


def change_one_definition(folder: str, project: int) -> None:
    """A new version of the codebook, past the service."""
    with closing(sqlite3.connect(Path(folder) / "themecoder.sqlite3")) as connection, connection:
        query = "SELECT content FROM codebook_versions WHERE project_id = ?"
        content = json.loads(connection.execute(query, (project,)).fetchone()[0])
        content["codes"][-1]["description"] = "The bus to the clinic comes twice a day."
        connection.execute(
            "INSERT INTO codebook_versions (project_id, number, digest, content, created_at)"
            " SELECT project_id, 2, 'changed', ?, created_at FROM codebook_versions WHERE project_id = ?",
            (json.dumps(content), project),
        )


def encoder_alone(encoder: TextEncoder, book: Codebook, texts: list[str]) -> float:
    """Seconds for the vectors alone."""
    began = time.perf_counter()
    encode_segments(book, encoder, texts)
    return time.perf_counter() - began


def rows_alone(folder: str, project: int) -> float:
    """Seconds in which SQLite alone adds the rows that a run over this project adds, to an empty table."""
    with closing(sqlite3.connect(Path(folder) / "themecoder.sqlite3")) as connection:
        query = "SELECT sql FROM sqlite_schema WHERE tbl_name = 'suggestions' AND sql IS NOT NULL ORDER BY type DESC"
        form = [statement for (statement,) in connection.execute(query)]
        query = "SELECT * FROM suggestions WHERE project_id = ? AND status = 'pending'"
        rows = connection.execute(query, (project,)).fetchall()
    with tempfile.TemporaryDirectory() as empty, closing(sqlite3.connect(Path(empty) / "rows")) as connection:
        for statement in ("PRAGMA journal_mode = WAL", *form):
            connection.execute(statement)
        began = time.perf_counter()
        with connection:
            places = ", ".join("?" * len(rows[0]))
            connection.executemany(f"INSERT INTO suggestions VALUES ({places})", rows)  # noqa: S608 - marks alone
        return time.perf_counter() - began


def round_of(folder: str, encoder: TextEncoder, book: Codebook, texts: list[str]) -> int:
    """Prints the figures of one project of its own, for vectors are not shared between projects; gives its id."""
    body = {"name": f"large {time.time()}", "codebook": {**book.to_json(), "id": "b"}}
    project: int = call("POST", "/v1/projects", body)["id"]
    fill(project, texts)
    before = encoder_alone(encoder, book, texts)
    cold, found = run(project)
    own = (before + encoder_alone(encoder, book, texts)) / 2
    warm, _ = run(project)
    change_one_definition(folder, project)
    changed, _ = run(project)
    print(
        f"encoder alone {own:.1f} s, cold run {cold:.1f} s ({cold / own:.2f} of it), warm {warm:.2f} s, "
        f"one definition changed {changed:.2f} s; SQLite alone adds such rows in {rows_alone(folder, project):.2f} s"
    )
    print(f"  {found['coverage']}", flush=True)
    return project


def main() -> None:
    """Prints the figures."""
    texts = mixed_texts(SEGMENTS, longest=LONGEST, seed=1)
    book = codebook()
    encoder = Encoders(Settings()).load().encoder
    encode_segments(book, encoder, texts[:200])
    with tempfile.TemporaryDirectory() as folder, service(folder):
        small = call("POST", "/v1/projects", {"name": "small", "codebook": {**book.to_json(), "id": "b"}})["id"]
        fill(small, texts[:1_200])
        run(small)
        for _ in range(ROUNDS):
            large = round_of(folder, encoder, book, texts)
        while_a_run_works(small, large, texts)


def while_a_run_works(small: int, large: int, texts: list[str]) -> None:
    """Pages of suggestions under 16 clients, alone and while new texts are encoded."""
    draw = random.Random(1)
    first = call("GET", f"/v1/projects/{large}/suggestions?limit=1")["items"][0]["id"]
    address = f"/v1/projects/{large}/suggestions?limit=50&cursor="
    pages = [request("GET", f"{address}{first + draw.randrange(3 * SEGMENTS)}") for _ in range(500)]
    seconds = 8.0
    asyncio.run(load(lambda: draw.choice(pages), 2, CLIENTS))
    show("reads, no run", asyncio.run(load(lambda: draw.choice(pages), seconds, CLIENTS)), seconds)
    fill(small, [f"{text} again" for text in texts])
    found = call("POST", f"/v1/projects/{small}/runs", {"min_score": 0})
    time.sleep(1)
    show("reads while a run works", asyncio.run(load(lambda: draw.choice(pages), seconds, CLIENTS)), seconds)
    found = call("GET", f"/v1/projects/{small}/runs/{found['id']}")
    assert found["state"] == "working", "the run was over too soon"
    print(f"the run meanwhile: {found['progress']}")
    call("POST", f"/v1/projects/{small}/runs/{found['id']}/cancel")


if __name__ == "__main__":
    main()
