"""What a power cut leaves of decisions: a beginning of what was acknowledged."""

import os
import random
import shutil
import subprocess
import sys
from pathlib import Path

from sqlalchemy import func, select

from service.storage.database import Database
from service.storage.examination import examine
from service.storage.tables import decisions
from tests.service.database_commands.commands import WRITER, decide

# `make crash` asks for more.
CUTS = int(os.environ.get("THEMECODER_TORN_LOGS", "400"))
BESIDE = ("", "-wal")


def test_a_torn_log_leaves_a_beginning_of_what_was_acknowledged(sqlite: Database, data: Path, tmp_path: Path) -> None:
    sqlite.close()
    with subprocess.Popen([sys.executable, "-c", WRITER], stdout=subprocess.PIPE) as writer:
        assert writer.stdout
        acknowledged = [int(writer.stdout.readline()) for _ in range(40)][-1]
        writer.kill()
    # Less than what SQLite folds in of itself: what it has folded in was synced before, and no cut can tear it.
    assert 100_000 < (data / "themecoder.sqlite3-wal").stat().st_size < 4_000_000
    whole = copied(data, tmp_path / "whole")
    assert last_decision(whole) >= acknowledged
    chance = random.Random(5)  # noqa: S311 - places, not secrets
    recovered = set()
    for number in range(CUTS):
        torn = copied(data, tmp_path / f"torn {number}")
        damage(torn.with_name(f"{torn.name}-wal"), chance, garble=bool(number % 2))
        database = Database(f"sqlite:///{torn}")
        assert examine(database).problems == []
        with database.write() as connection:
            decide(connection, "code", 1, code="afterwards")
        assert examine(database).problems == []
        database.close()
        recovered.add(last_decision(torn) - 1)
    assert len(recovered) > 20
    # Three decisions to begin with, and two at a time.
    assert all(3 <= last <= last_decision(whole) and last % 2 == 1 for last in recovered)


def copied(data: Path, folder: Path) -> Path:
    folder.mkdir()
    for ending in BESIDE:
        shutil.copy(data / f"themecoder.sqlite3{ending}", folder)
    return folder / "themecoder.sqlite3"


def damage(log: Path, chance: random.Random, *, garble: bool) -> None:
    size = log.stat().st_size
    place = chance.randrange(size)
    if not garble:
        os.truncate(log, place)
        return
    with log.open("r+b") as file:
        file.seek(place)
        file.write(chance.randbytes(min(chance.randrange(1, 10_000), size - place)))


def last_decision(path: Path) -> int:
    database = Database(f"sqlite:///{path}")
    with database.read() as connection:
        last = connection.execute(select(func.max(decisions.c.number))).scalar_one()
    database.close()
    return int(last)
