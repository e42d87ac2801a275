"""Pages of 50 suggestions and durable decisions under 16 clients, beside the bare endpoint of the same run.

The service runs as its own process on SQLite in a new data folder, with the hashing encoder: nothing is
encoded here. The clients send the next request when the last one is answered, and share this machine's
processors with the service.
"""

import asyncio
import json
import os
import random
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import bench_suggest_http
from bench_encoding import mixed_texts
from bench_suggest_http import load, request, show

SEGMENTS = 2_000
SUGGESTIONS_EACH = 8
SECONDS = 8.0
CLIENTS = 16


@contextmanager
def service(folder: str, **settings: str) -> Iterator[None]:
    """The service on a data folder, with THEMECODER_ settings."""
    environment = {**os.environ, "THEMECODER_DATA": folder, **settings}
    command = [str(Path(sys.executable).with_name("themecoder")), "serve", "--port", str(bench_suggest_http.PORT)]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL, env=environment)
    try:
        while not bench_suggest_http.answers("/health/ready"):
            assert process.poll() is None, "the service did not start"
            time.sleep(0.02)
        yield
    finally:
        process.terminate()
        process.wait()


def call(method: str, path: str, body: object = None) -> Any:
    """One call's answer."""
    data = None if body is None else json.dumps(body).encode()
    address = f"http://127.0.0.1:{bench_suggest_http.PORT}{path}"
    asked = urllib.request.Request(address, data, {"Content-Type": "application/json"}, method=method)
    with urllib.request.urlopen(asked) as answer:  # noqa: S310 - this machine
        return json.load(answer)


def fill() -> list[int]:
    """A project with suggestions; gives their ids."""
    call("POST", "/v1/projects", {"name": "Bench"})
    segments = [{"text": text} for text in mixed_texts(SEGMENTS, longest=60, seed=1)]
    call("PUT", "/v1/projects/1/transcripts/t", {"segments": segments})
    made = call("POST", "/v1/projects/1/suggestions", {"top_k": SUGGESTIONS_EACH, "min_score": 0})
    return list(range(1, made["suggestions"] + 1))


def main() -> None:
    """Prints the figures."""
    draw = random.Random(1)
    with tempfile.TemporaryDirectory() as folder, service(folder, THEMECODER_MODEL="hashing"):
        ids = fill()
        bare = request("GET", "/health/live")
        pages = [
            request("GET", f"/v1/projects/1/suggestions?limit=50&cursor={draw.randrange(1, len(ids) - 60)}")
            for _ in range(1_000)
        ]
        draw.shuffle(ids)
        decisions = iter(
            request("POST", "/v1/projects/1/decisions", json.dumps({"kind": "reject", "suggestion": one}).encode())
            for one in ids
        )
        asyncio.run(load(lambda: draw.choice(pages), 2, CLIENTS))
        show("bare GET /health/live", asyncio.run(load(lambda: bare, SECONDS / 2, CLIENTS)), SECONDS / 2)
        show("page of 50 suggestions", asyncio.run(load(lambda: draw.choice(pages), SECONDS, CLIENTS)), SECONDS)
        show("durable decision", asyncio.run(load(lambda: next(decisions), SECONDS, CLIENTS)), SECONDS)


if __name__ == "__main__":
    main()
