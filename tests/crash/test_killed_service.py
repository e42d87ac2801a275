"""The service is killed while people decide: what it acknowledged is there afterwards, with its trail."""

import json
import os
import random
import re
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import httpx

from service.storage.database import Database
from service.storage.examination import examine

# `make crash` asks for more.
ROUNDS = int(os.environ.get("THEMECODER_CRASH_ROUNDS", "20"))
DECISIONS = int(os.environ.get("THEMECODER_CRASH_DECISIONS", "100"))
COMMAND = Path(sys.executable).with_name("themecoder")
ADDRESS = re.compile(r"themecoder on (http://\S+)")
CLIENTS = 4
TOP_K = 10


class Killable:
    """A service process on a data folder."""

    def __init__(self, folder: Path) -> None:
        environment = {**os.environ, "THEMECODER_DATA": str(folder), "THEMECODER_MODEL": "hashing"}
        log = folder.parent / f"log-{time.monotonic_ns()}"
        with log.open("wb") as file:
            self._process = subprocess.Popen([COMMAND, "serve", "--port", "0"], stderr=file, env=environment)
        while (found := ADDRESS.search(log.read_text())) is None:
            assert self._process.poll() is None, log.read_text()
            time.sleep(0.02)
        self.url = found[1]
        with httpx.Client(base_url=self.url) as client:
            while client.get("/health/ready").status_code != 200:
                time.sleep(0.05)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()


def decide_until_killed(url: str, suggestions: list[int], acknowledged: list[dict[str, Any]]) -> None:
    kinds = ("accept", "reject")
    try:
        with httpx.Client(base_url=f"{url}/v1/projects/1", timeout=10) as client:
            for number, suggestion in enumerate(suggestions):
                answer = client.post("/decisions", json={"kind": kinds[number % 2], "suggestion": suggestion})
                if answer.status_code == 200:
                    acknowledged.append(answer.json())
                else:
                    # An earlier round did it, and was killed before it could say so.
                    assert answer.json()["code"] == "suggestion_already_decided", answer.text
    except httpx.TransportError:
        pass


def test_every_acknowledged_decision_outlives_a_killed_service(tmp_path: Path) -> None:
    draw = random.Random(1)  # noqa: S311 - no secret
    folder = tmp_path / "data"
    service = Killable(folder)
    with httpx.Client(base_url=f"{service.url}/v1", timeout=60) as client:
        client.post("/projects", json={"name": "Study"}).raise_for_status()
        segments = [{"text": f"segment {number}"} for number in range(ROUNDS * DECISIONS // TOP_K)]
        client.put("/projects/1/transcripts/t", json={"segments": segments}).raise_for_status()
        made = client.post("/projects/1/suggestions", json={"top_k": TOP_K, "min_score": 0}).json()["suggestions"]
    waiting = list(range(1, made + 1))
    acknowledged: list[dict[str, Any]] = []
    for _ in range(ROUNDS):
        draw.shuffle(waiting)
        shares = [waiting[at:DECISIONS:CLIENTS] for at in range(CLIENTS)]
        threads = [
            threading.Thread(target=decide_until_killed, args=(service.url, share, acknowledged)) for share in shares
        ]
        for thread in threads:
            thread.start()
        wait_for(acknowledged, len(acknowledged) + draw.randrange(1, DECISIONS - CLIENTS))
        service.kill()
        for thread in threads:
            thread.join()
        service = Killable(folder)
        kept = trail(service.url)
        assert [one for one in acknowledged if kept.get(one["id"]) != one] == []
        decided = {one["suggestion"] for one in kept.values()}
        waiting = [one for one in waiting if one not in decided]
    service.kill()
    assert len(acknowledged) >= DECISIONS / 10 * ROUNDS
    database = Database(f"sqlite:///{folder / 'themecoder.sqlite3'}")
    assert examine(database).problems == []
    database.close()


def wait_for(acknowledged: list[dict[str, Any]], count: int) -> None:
    deadline = time.monotonic() + 60
    while len(acknowledged) < count:
        assert time.monotonic() < deadline
        time.sleep(0.002)


def trail(url: str) -> dict[int, dict[str, Any]]:
    kept: dict[int, dict[str, Any]] = {}
    cursor = None
    with httpx.Client(base_url=f"{url}/v1/projects/1", timeout=30) as client:
        while True:
            page = json.loads(client.get("/decisions", params={"cursor": cursor} if cursor else {}).text)
            kept |= {one["id"]: one for one in page["items"]}
            cursor = page["next_cursor"]
            if cursor is None:
                return kept
