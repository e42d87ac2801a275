"""What the container image is made of: the wheel, the check of its health, and how it is started."""

import json
import re
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
SETTINGS = dict(re.findall(r"^(?:ENV| {3}) (\w+)=(\S+)", DOCKERFILE, re.MULTILINE))


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (built,) = folder.glob("*.whl")
    return built


def test_the_wheel_holds_all_that_the_packages_need_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if ".dist-info/" not in name}
    sources = {path for side in ("service", "models") for path in (ROOT / side).rglob("*") if path.is_file()}
    assert held == {str(path.relative_to(ROOT)) for path in sources if "__pycache__" not in path.parts}


def test_no_weights_and_no_large_file_lie_in_the_packages(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        for member in archive.infolist():
            assert Path(member.filename).suffix not in (".safetensors", ".bin", ".pt", ".pkl", ".npy")
            assert member.file_size < 200_000


def test_the_installed_wheel_is_used_and_not_a_folder_of_the_same_name(
    wheel: Path, tmp_path: Path, environment: Any
) -> None:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "installed")
    for package in ("service", "models"):
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").write_text("raise SystemExit(9)", encoding="utf-8")
    env = {**environment(), **{name: SETTINGS[name] for name in ("PYTHONSAFEPATH", "PYTHONDONTWRITEBYTECODE")}}
    env["PYTHONPATH"] += f":{tmp_path / 'installed'}"
    (tmp_path / "in.jsonl").write_text('{"text": "They give hope."}', encoding="utf-8")
    arguments = ["suggest", "in.jsonl", "--codebook", "upsides", "--output", "out.jsonl"]
    code = "import service.cli, sys; print(service.__file__); service.cli.main(sys.argv[1:])"
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], cwd=tmp_path, env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(str(tmp_path / "installed"))
    assert (tmp_path / "out.jsonl").exists()


@pytest.mark.parametrize("runs", [True, False])
def test_the_health_check_tells_whether_the_service_lives(service: Any, runs: bool) -> None:
    found = re.search(r"^HEALTHCHECK .* CMD (\[.*\])$", DOCKERFILE, re.MULTILINE)
    assert found
    _python, *arguments = json.loads(found[1])
    port = str(urlsplit(service.url).port if runs else 9)
    done = subprocess.run(
        [sys.executable, *arguments], env={"THEMECODER_PORT": port}, check=False, stderr=subprocess.DEVNULL
    )
    assert (done.returncode == 0) == runs


def test_the_image_runs_as_nobody_in_particular_and_asks_for_a_token() -> None:
    assert re.search(r"^USER [1-9]\d+:[1-9]\d+$", DOCKERFILE, re.MULTILINE)
    assert SETTINGS["THEMECODER_TOKEN_FILE"].startswith("/run/secrets/")
    for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_HUB_DISABLE_TELEMETRY", "DO_NOT_TRACK"):
        assert SETTINGS[name] == "1"


def test_the_image_takes_a_python_without_the_known_faults() -> None:
    version = re.search(r"^ARG PYTHON=(\d+)\.(\d+)\.(\d+)-slim$", DOCKERFILE, re.MULTILINE)
    assert version
    floors = {(3, 11): 14, (3, 12): 12, (3, 13): 10}
    major, minor, micro = (int(part) for part in version.groups())
    assert micro >= floors[major, minor]


def test_the_command_that_starts_the_image_makes_no_core_dumps_and_passes_arguments_on() -> None:
    found = re.search(r"^ENTRYPOINT (\[.*\])$", DOCKERFILE, re.MULTILINE)
    assert found
    shell, option, script, name = json.loads(found[1])
    script = script.replace("exec themecoder", 'ulimit -c && printf "%s\\n"')
    done = subprocess.run([shell, option, script, name, "suggest", "a b"], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["0", "suggest", "a b"]
