"""Runs over 10,000 segments and 100 codes: cold, warm, after one code's definition changed; and reads meanwhile.

The service runs as its own process on SQLite in a new data folder, with the bundled model, and its worker does the
runs. The model is loaded by a small run first. The encoder alone does the same texts in this process, before.
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
from models.suggester import encode_segments
from service.encoders import Encoders
from service.settings import Settings

SEGMENTS = int(os.environ.get("BENCH_SEGMENTS", "10000"))
CODES = 100
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
        # Asking takes from the run: more often than a person would look, and not more than its figures need.
        time.sleep(0.2)
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


def main() -> None:
    """Prints the figures."""
    texts = mixed_texts(SEGMENTS, longest=LONGEST, seed=1)
    book = codebook()
    encoder = Encoders(Settings()).load().encoder
    encode_segments(book, encoder, texts[:200])
    began = time.perf_counter()
    encode_segments(book, encoder, texts)
    own = time.perf_counter() - began
    print(f"encoder alone, {SEGMENTS} segments: {own:.1f} s")
    with tempfile.TemporaryDirectory() as folder, service(folder):
        for name, some in (("small", texts[:50]), ("large", texts)):
            body = {"name": name, "codebook": {**book.to_json(), "id": "b"}}
            fill(call("POST", "/v1/projects", body)["id"], some)
        run(1)
        cold, found = run(2)
        coverage = found["coverage"]
        print(f"cold run: {cold:.1f} s, {cold / own:.2f} of the encoder's own time; {coverage}")
        print(f"warm run: {run(2)[0]:.2f} s")
        change_one_definition(folder, 2)
        print(f"after one definition changed: {run(2)[0]:.2f} s")
        while_a_run_works(texts)


def while_a_run_works(texts: list[str]) -> None:
    """Pages of suggestions under 16 clients, alone and while new texts are encoded."""
    draw = random.Random(1)
    pages = [
        request("GET", f"/v1/projects/2/suggestions?limit=50&cursor={draw.randrange(1, SEGMENTS)}") for _ in range(500)
    ]
    seconds = 8.0
    asyncio.run(load(lambda: draw.choice(pages), 2, CLIENTS))
    show("reads, no run", asyncio.run(load(lambda: draw.choice(pages), seconds, CLIENTS)), seconds)
    fill(1, [f"{text} again" for text in texts])
    found = call("POST", "/v1/projects/1/runs", {"min_score": 0})
    time.sleep(1)
    show("reads while a run works", asyncio.run(load(lambda: draw.choice(pages), seconds, CLIENTS)), seconds)
    found = call("GET", f"/v1/projects/1/runs/{found['id']}")
    assert found["state"] == "working", "the run was over too soon"
    print(f"the run meanwhile: {found['progress']}")
    call("POST", f"/v1/projects/1/runs/{found['id']}/cancel")


if __name__ == "__main__":
    main()
