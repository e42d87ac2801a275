"""A model fitted to a project: by a run, kept where it helps, used from then on, gone back from, whole or not there."""

import gc
import shutil
import signal
import subprocess
import sys
import time
import weakref
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from fastapi.testclient import TestClient
from pydantic import SecretStr
from sqlalchemy import delete

from models import encoder_fitting
from models.errors import ModelFolderRefused
from models.model_folder import check_model_folder
from service import limits
from service.actions.suggest_for_project import SuggestForProject
from service.app import create_app
from service.batch.__main__ import all_kinds
from service.batch.one_piece import Watch
from service.batch.worker import Worker
from service.cli import main
from service.encoders import Encoders
from service.errors import AdaptationUnavailable
from service.fitted_folders import FittedFolders
from service.settings import Settings
from service.storage.chunks import claim_chunk, release_worker
from service.storage.database import Database
from service.storage.examination import examine
from service.storage.projects import project
from service.storage.tables import metadata

ProblemOf = Callable[[Any], dict[str, Any]]
Row = dict[str, Any]

BOOK = {"name": "Book", "codes": [{"id": "now", "name": "A"}, {"id": "then", "name": "B"}]}
WORDS = ("bus", "sister", "soup", "ward", "garden", "knee", "money", "song", "school", "doctor", "snow", "dog")
# Each is a word of its own, of which only the end is common to all that have the code.
TEXTS = [(word + end, code) for end, code in (("qq", "now"), ("zz", "then")) for word in WORDS]


@dataclass(frozen=True, kw_only=True)
class Home:
    """A service, its database and its settings."""

    client: TestClient
    database: Database
    settings: Settings

    def work(self, encoders: Encoders | None = None) -> None:
        worker = Worker(self.database, all_kinds(self.database, encoders or Encoders(self.settings)), name="w")
        while worker.work_once():
            pass

    def study(self, decided: int = len(TEXTS)) -> str:
        """The address of a project in which somebody has coded so many segments."""
        made = self.client.post("/v1/projects", json={"name": "Study", "codebook": BOOK}).json()
        address = f"/v1/projects/{made['id']}"
        segments = [{"text": text} for text, _ in TEXTS]
        self.client.put(f"{address}/transcripts/ext:t", json={"segments": segments}).raise_for_status()
        listed = self.client.get(f"{address}/segments").json()["items"]
        codes = dict(TEXTS)
        wishes = [{"kind": "code", "segment": one["id"], "code": codes[one["text"]]} for one in listed]
        self.client.post(f"{address}/decisions/bulk", json={"decisions": wishes[:decided]}).raise_for_status()
        return address

    def adapt(self, study: str, **fields: Any) -> str:
        """The address of the run."""
        response = self.client.post(f"{study}/adaptations", json=fields)
        assert response.status_code == 202, response.text
        return str(response.headers["Location"])

    def adaptations(self, study: str) -> list[Row]:
        items: list[Row] = self.client.get(f"{study}/adaptations").json()["items"]
        return items

    def folder(self, study: str) -> Path:
        return self.settings.fitted_models / f"project-{study.rpartition('/')[2]}"

    def files(self, study: str) -> list[str]:
        return sorted(path.name for path in self.folder(study).iterdir()) if self.folder(study).exists() else []


@pytest.fixture(scope="module")
def home(project_database_url: str, tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    data = tmp_path_factory.mktemp("data")
    settings = Settings(model="tiny", models={"tiny": tiny_model}, data=data, database=SecretStr(project_database_url))
    database = Database(project_database_url)
    with TestClient(create_app(settings), base_url="http://127.0.0.1:8000") as client:
        while client.get("/health/ready").status_code != 200:
            time.sleep(0.01)
        with database.write() as connection:
            for table in reversed(metadata.sorted_tables):
                connection.execute(delete(table))
        yield Home(client=client, database=database, settings=settings)
    database.close()


@pytest.fixture(autouse=True, scope="module")
def quick_fits() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(encoder_fitting, "LEARNING_RATE", 2e-2)
        patch.setattr(encoder_fitting, "EPOCHS", 8)
        yield


KILLED = """
import os, pathlib, signal, sys
from service.fitted_folders import FittedFolders
with FittedFolders(pathlib.Path(sys.argv[1])).unfinished(int(sys.argv[2])) as place:
    (place / "model").mkdir()
    (place / "model" / "model.safetensors").write_bytes(b"half")
    os.kill(os.getpid(), signal.SIGKILL)
"""


@dataclass(frozen=True, kw_only=True)
class Fitted:
    """A study whose first adaptation was killed while it wrote, begun anew, and kept."""

    study: str
    left_by_the_killed: list[str]
    listed_after_the_kill: list[Row]


@pytest.fixture(scope="module")
def fitted(home: Home) -> Fitted:
    study = home.study()
    home.adapt(study, seed=7)
    encoders = Encoders(home.settings)
    Worker(home.database, all_kinds(home.database, encoders), name="planning").work_once()
    with home.database.write() as connection:
        assert claim_chunk(connection, "dead") is not None
    command = [sys.executable, "-c", KILLED, home.settings.fitted_models, study.rpartition("/")[2]]
    assert subprocess.run(list(map(str, command)), check=False).returncode == -signal.SIGKILL
    left, listed = home.files(study), home.adaptations(study)
    with home.database.write() as connection:
        release_worker(connection, "dead")
    home.work(encoders)
    return Fitted(study=study, left_by_the_killed=left, listed_after_the_kill=listed)


@pytest.fixture
def in_use(home: Home, fitted: Fitted) -> str:
    """The address of the study, once it uses that adaptation."""
    home.client.put(f"{fitted.study}/model", json={"adaptation": 1}).raise_for_status()
    return fitted.study


# What an adaptation comes to


def test_a_fit_that_helps_is_kept_and_listed_with_its_comparison(home: Home, in_use: str) -> None:
    (one,) = home.adaptations(in_use)
    assert (one["number"], one["kept"], one["in_use"], one["decision"], one["seed"]) == (1, True, True, len(TEXTS), 7)
    compared = one["comparison"]
    assert compared["examples"] == len(TEXTS)
    assert compared["after"]["hit_at_1"] > compared["before"]["hit_at_1"]
    assert compared["difference"] > compared["standard_error"]
    base = Encoders(home.settings).checked_folder("tiny")
    assert one["base"] == {"key": "tiny", "hash": base.sha256}
    run = home.client.get(f"{in_use}/runs/{one['run']}").json()
    assert (run["kind"], run["state"], run["request"]) == ("adapt", "completed", {"seed": 7})
    assert run["result"] == {"adaptation": 1, "kept": True}
    assert (run["progress"]["done"], run["progress"]["all"]) == (100, 100)
    assert (run["pinned"]["decision"], run["pinned"]["model"]["hash"]) == (len(TEXTS), base.sha256)


def test_its_folder_lies_below_the_data_folder_and_passes_the_check_of_model_folders(home: Home, in_use: str) -> None:
    (one,) = home.adaptations(in_use)
    assert home.files(in_use) == [one["hash"]]
    place = home.folder(in_use) / one["hash"]
    assert check_model_folder(place).sha256 == one["hash"]
    assert (place / "model.safetensors").is_file()
    assert home.folder(in_use).stat().st_mode & 0o077 == 0


def test_suggestions_runs_and_evaluations_use_the_model_of_their_project(home: Home, in_use: str) -> None:
    client = home.client
    version = client.post(f"{in_use}/suggestions", json={}).json()["model_version"]
    (one,) = home.adaptations(in_use)
    assert version.startswith(f"adaptation/1-{one['hash'][:12]}-")
    assert client.get(f"{in_use}/codebook/health").json()["model_version"] == version
    assert client.get(f"{in_use}/queue", params={"order": "informative"}).status_code == 200
    run = client.post(f"{in_use}/runs", json={"only_changed": True}).json()
    home.work()
    done = client.get(f"{in_use}/runs/{run['id']}").json()
    assert done["pinned"]["model"] == {"key": "adaptation/1", "hash": one["hash"], "version": version}
    assert done["coverage"]["segments"] == len(TEXTS)
    asked = client.post(f"{in_use}/evaluations", json={"shots": [1], "draws": 1, "split": "random"}).json()
    home.work()
    result = client.get(f"{in_use}/evaluations/{asked['id']}").json()["result"]
    assert result["model"]["version"] == version
    assert any("fitted to decisions of this project" in note for note in result["notes"])
    other = home.study()
    assert client.post(f"{other}/suggestions", json={}).json()["model_version"].startswith("tiny-")


def test_going_back_and_forth_makes_suggestions_anew_with_the_other_model(home: Home, in_use: str) -> None:
    client = home.client
    back = client.put(f"{in_use}/model", json={"adaptation": None})
    assert (back.json()["adaptation"], back.json()["key"]) == (None, "tiny")
    assert client.post(f"{in_use}/suggestions", json={}).json()["model_version"].startswith("tiny-")
    run = client.post(f"{in_use}/runs", json={"only_changed": True}).json()
    home.work()
    done = client.get(f"{in_use}/runs/{run['id']}").json()
    assert (done["pinned"]["model"]["key"], done["coverage"]["segments"]) == ("tiny", len(TEXTS))
    assert [one["in_use"] for one in home.adaptations(in_use)] == [False]
    forth = client.put(f"{in_use}/model", json={"adaptation": 1}, headers={"If-Match": back.headers["ETag"]})
    assert (forth.json()["adaptation"], forth.json()["key"]) == (1, "adaptation/1")
    assert client.get(f"{in_use}/model").json() == forth.json()
    assert client.put(f"{in_use}/model", json={"adaptation": 1}).json() == forth.json()


def test_who_chooses_second_is_told(home: Home, in_use: str, problem_of: ProblemOf) -> None:
    seen = home.client.get(f"{in_use}/model").headers["ETag"]
    home.client.put(f"{in_use}/model", json={"adaptation": None}).raise_for_status()
    late = home.client.put(f"{in_use}/model", json={"adaptation": 1}, headers={"If-Match": seen})
    assert (problem_of(late)["status"], problem_of(late)["code"]) == (412, "version_changed")


def test_a_fit_that_does_not_help_is_listed_and_cannot_be_used(
    home: Home, monkeypatch: pytest.MonkeyPatch, problem_of: ProblemOf
) -> None:
    monkeypatch.setattr(encoder_fitting, "LEARNING_RATE", 1e-12)
    study = home.study()
    run = home.adapt(study)
    home.work()
    assert home.client.get(run).json()["result"] == {"adaptation": 1, "kept": False}
    (one,) = home.adaptations(study)
    assert (one["kept"], one["in_use"], one["hash"]) == (False, False, None)
    assert one["comparison"]["before"] == one["comparison"]["after"]
    assert home.files(study) == []
    assert home.client.get(f"{study}/model").json()["version"] == 1
    problem = problem_of(home.client.put(f"{study}/model", json={"adaptation": 1}))
    assert (problem["status"], problem["code"], problem["place"]) == (409, "adaptation_not_kept", "adaptation")


# What cannot be asked for


def test_with_too_few_decisions_it_is_said_how_many_there_are(home: Home, problem_of: ProblemOf) -> None:
    problem = problem_of(home.client.post(f"{home.study(decided=5)}/adaptations", json={}))
    assert (problem["status"], problem["code"]) == (409, "too_few_decisions")
    assert "needs 24 segments" in problem["detail"]
    assert problem["detail"].endswith("Segments so far: 5. Codes so far: 1.")


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ({"seed": -1}, "seed"),
        ({"seed": 2**32}, "seed"),
        ({"model": "canary"}, "model"),
        ({"model": "hashing"}, "model"),
    ],
)
def test_a_fit_that_cannot_be_asked_for_is_refused(
    home: Home, in_use: str, problem_of: ProblemOf, body: Row, place: str
) -> None:
    problem = problem_of(home.client.post(f"{in_use}/adaptations", json=body))
    assert (problem["status"], problem["place"]) == (422, place)


@pytest.mark.parametrize(
    ("body", "status", "place"),
    [({}, 422, "adaptation"), ({"adaptation": 0}, 422, "adaptation"), ({"adaptation": 9}, 404, "adaptation")],
)
def test_a_model_that_cannot_be_chosen_is_refused(
    home: Home, in_use: str, problem_of: ProblemOf, body: Row, status: int, place: str
) -> None:
    problem = problem_of(home.client.put(f"{in_use}/model", json=body))
    assert (problem["status"], problem["place"]) == (status, place)


# What goes wrong


def test_a_cancelled_fit_leaves_nothing(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    study = home.study()
    run = home.adapt(study)
    progress = Watch.progress

    def cancelled_meanwhile(watch: Watch, done: int, size: int) -> None:
        assert [name[:9] for name in home.files(study)] == [".fitting-"]
        home.client.post(f"{run}/cancel").raise_for_status()
        progress(watch, done, size)

    monkeypatch.setattr(Watch, "progress", cancelled_meanwhile)
    home.work()
    assert home.client.get(run).json()["state"] == "cancelled"
    assert (home.files(study), home.adaptations(study)) == ([], [])


def test_a_fit_that_is_cancelled_at_the_last_moment_leaves_nothing_either(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = home.study()
    run = home.adapt(study)
    keep = FittedFolders.keep

    def cancelled_then(folders: FittedFolders, made: Path, project_id: int, model_hash: str) -> None:
        keep(folders, made, project_id, model_hash)
        assert home.files(study)[1:] == [model_hash]
        home.client.post(f"{run}/cancel").raise_for_status()

    monkeypatch.setattr(FittedFolders, "keep", cancelled_then)
    home.work()
    assert home.client.get(run).json()["state"] == "cancelled"
    assert (home.files(study), home.adaptations(study)) == ([], [])
    assert home.client.get(f"{study}/model").json()["adaptation"] is None


def test_a_fit_that_was_killed_is_begun_anew_and_what_it_left_is_cleared_away(home: Home, fitted: Fitted) -> None:
    assert [name[:9] for name in fitted.left_by_the_killed] == [".fitting-"]
    assert fitted.listed_after_the_kill == []
    assert home.files(fitted.study) == [home.adaptations(fitted.study)[0]["hash"]]
    assert examine(home.database).problems == []


@pytest.fixture
def damaged(home: Home, in_use: str) -> Iterator[Path]:
    """The weights of the model in use, of which a byte was changed."""
    (one,) = home.adaptations(in_use)
    place = home.folder(in_use) / one["hash"] / "model.safetensors"
    whole = place.read_bytes()
    place.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    yield place
    place.parent.mkdir(exist_ok=True)
    place.write_bytes(whole)


def test_a_damaged_model_is_never_used_and_no_other_one_in_its_place(
    home: Home, in_use: str, damaged: Path, problem_of: ProblemOf
) -> None:
    with home.database.read() as connection:
        found = project(connection, int(in_use.rpartition("/")[2]))
    with pytest.raises(AdaptationUnavailable, match=r"adaptation 1 is damaged.*PUT /v1/projects/\{project_id\}/model"):
        SuggestForProject(home.database, Encoders(home.settings))(found)
    run = home.client.post(f"{in_use}/runs", json={}).json()
    home.work()
    done = home.client.get(f"{in_use}/runs/{run['id']}").json()
    assert (done["state"], done["failure"]) == ("failed", "adaptation_unavailable")
    assert "adaptation 1 is damaged" in done["result"]["detail"]
    home.client.put(f"{in_use}/model", json={"adaptation": None}).raise_for_status()
    problem = problem_of(home.client.put(f"{in_use}/model", json={"adaptation": 1}))
    assert (problem["status"], problem["code"]) == (503, "adaptation_unavailable")
    assert home.client.post(f"{in_use}/suggestions", json={}).json()["model_version"].startswith("tiny-")


def test_the_doctor_tells_of_damaged_missing_and_strange_folders(
    home: Home, in_use: str, damaged: Path, monkeypatch: pytest.MonkeyPatch, project_database_url: str
) -> None:
    monkeypatch.setenv("THEMECODER_DATA", str(home.settings.data))
    monkeypatch.setenv("THEMECODER_DATABASE", project_database_url)
    number = in_use.rpartition("/")[2]
    assert f"fitted_models: the folder of adaptation 1 of project {number} is damaged" in _doctor()
    strange = home.settings.fitted_models / "project-999" / "left-behind"
    strange.mkdir(parents=True)
    away = damaged.parent.rename(home.settings.data / "away")
    found = _doctor()
    shutil.rmtree(strange.parent)
    away.rename(damaged.parent)
    assert f"fitted_models: the folder of adaptation 1 of project {number} is missing" in found
    assert "fitted_models: folders of no adaptation below models in the data folder: 1" in found


def _doctor() -> list[str]:
    result = CliRunner().invoke(main, ["doctor"])
    assert result.exit_code == 1, result.output
    return result.stdout.splitlines()


def test_who_copies_the_database_is_told_that_models_are_not_in_it(
    home: Home, in_use: str, project_database_url: str, tmp_path: Path
) -> None:
    result = CliRunner().invoke(main, ["copy-database", project_database_url, str(tmp_path / "copy.sqlite3")])
    assert result.exit_code == 0, result.output
    assert "lie in the data folder, not in the database." in result.stderr


# What is held in memory


def test_only_the_fitted_models_used_last_are_held(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "MAX_FITTED_MODELS", 1)
    encoders = Encoders(Settings(data=tmp_path))
    hashes = []
    for name in ("one", "two"):
        made = Path(shutil.copytree(tiny_model, tmp_path / name))
        (made / "README").write_text(name)
        hashes.append(check_model_folder(made).sha256)
        with encoders.fitted_folders.unfinished(1):
            encoders.fitted_folders.keep(made, 1, hashes[-1])
    first = encoders.fitted("adaptation/1", 1, hashes[0])
    assert encoders.fitted("adaptation/1", 1, hashes[0]) is first
    held = weakref.ref(first)
    del first
    encoders.fitted("adaptation/2", 1, hashes[1])
    gc.collect()
    assert held() is None
    encoders.fitted_folders.place(1, hashes[0]).joinpath("README").write_text("changed")
    with pytest.raises(ModelFolderRefused):
        encoders.fitted("adaptation/1", 1, hashes[0])


@pytest.mark.parametrize("name", ["..", "", "A" * 64, "0" * 63, f"../{'0' * 64}", "0" * 64 + "\n"])
def test_what_is_no_hash_names_no_folder(tmp_path: Path, name: str) -> None:
    with pytest.raises(ModelFolderRefused):
        FittedFolders(tmp_path).place(1, name)
