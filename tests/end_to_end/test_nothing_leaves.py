"""No text leaves the machine: nothing beyond loopback is tried, and without any network all works as before."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

COMMAND = Path(sys.executable).with_name("themecoder")
NO_NETWORK = ("unshare", "--map-root-user", "--net", "--")
BODY = {"codebook": "upsides", "segments": [{"id": "1", "text": "They give hope."}]}
# Run where there is no network: turns loopback on, starts a service, asks it, and prints its answer.
SERVE_AND_ASK = """
import json, re, socket, struct, subprocess, sys, time
from fcntl import ioctl
import httpx

with socket.socket() as any_socket:
    ioctl(any_socket, 0x8914, struct.pack("16sH14x", b"lo", 0x1 | 0x40))
command = [sys.argv[1], "serve", "--port", "0"]
with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
    url = re.search("(http:.*) [(]", process.stderr.readline())[1]
    while httpx.get(url + "/health/ready").status_code != 200:
        time.sleep(0.05)
    print(httpx.post(url + "/v1/suggest", json=json.loads(sys.argv[2])).text)
    process.terminate()
"""


@pytest.fixture
def no_network() -> tuple[str, ...]:
    """What to put before a command so that it has no network, not even loopback."""
    try:
        permitted = subprocess.run([*NO_NETWORK, "true"], capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        permitted = False
    if not permitted:
        pytest.skip("unshare may not make a network of its own here")
    return NO_NETWORK


def test_the_guard_notes_and_stops_what_would_leave(environment: Any, tmp_path: Path) -> None:
    attempts = [
        "socket.create_connection(('192.0.2.1', 80), 1)",
        "socket.getaddrinfo('huggingface.co', 443)",
        "socket.socket(type=socket.SOCK_DGRAM).sendto(b'x', ('198.51.100.1', 53))",
        "socket.gethostbyname('example.org')",
    ]
    env = {**environment(), "SOCKET_GUARD_RECORD": str(tmp_path / "attempts")}
    for attempt in attempts:
        code = f"import socket; {attempt}"
        done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=False)
        assert "PermissionError: no connection beyond this machine" in done.stderr
    assert len((tmp_path / "attempts").read_text().splitlines()) == len(attempts)


def test_the_service_and_its_pages_reach_for_nothing(real_service: Any, guard_record: Path) -> None:
    for path in ("/", "/docs", "/problems", "/v1/openapi.json", "/v1/codebooks"):
        assert httpx.get(f"{real_service.url}{path}").status_code == 200
    answer = httpx.post(f"{real_service.url}/v1/suggest", json=BODY, timeout=60)
    assert answer.json()["model"]["key"] == "all-minilm-l6-v2"
    assert guard_record.read_text() == ""


def test_suggestions_for_a_file_are_made_without_any_network(
    run_command: Any, no_network: tuple[str, ...], tmp_path: Path, real_service: Any
) -> None:
    (tmp_path / "in.jsonl").write_text(json.dumps(BODY["segments"][0]), encoding="utf-8")
    arguments = ["suggest", tmp_path / "in.jsonl", "--codebook", "upsides", "--output", tmp_path / "out.jsonl"]
    done = run_command(*arguments, wrapper=no_network, model="all-minilm-l6-v2")
    assert done.returncode == 0, done.stderr
    answer = httpx.post(f"{real_service.url}/v1/suggest", json=BODY, timeout=60)
    assert [json.loads((tmp_path / "out.jsonl").read_bytes())] == answer.json()["results"]


def test_the_service_answers_without_any_network(environment: Any, no_network: tuple[str, ...], service: Any) -> None:
    command = [*no_network, sys.executable, "-c", SERVE_AND_ASK, str(COMMAND), json.dumps(BODY)]
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == httpx.post(f"{service.url}/v1/suggest", json=BODY).json()
